"""Logs that nobody reads."""

import http.client
import time

from faults.fault import fault
from load import Prober
from report import LOGS_UNREAD
from stack import Failure

# A pipe holds some 500 lines.
REFUSED, ENOUGH = 3000, 500


@fault("nobody reads the logs for 8 s", "log", lasts=9)
def leave_logs(stack, notes):
    """Every refused request logs a line."""
    supervisor = int((stack.run / "supervisord.pid").read_text())
    end = time.time() + 8
    stack.freeze([supervisor])
    with Prober(stack.port, notes) as prober:
        refused = refuse(stack.port, end)
        time.sleep(max(0, end - time.time()))
    stack.thaw([supervisor])
    notes.measured[LOGS_UNREAD] += prober.took
    if refused < ENOUGH:
        raise Failure(f"only {refused} requests were refused in 8 s")


def refuse(port, end):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    count = 0
    try:
        while count < REFUSED and time.time() < end:
            connection.request("GET", "/nowhere")
            count += connection.getresponse().read() != b""
    except (OSError, http.client.HTTPException):
        pass
    connection.close()
    return count
