"""Clocks that are set while programs run."""

import http.client
import time

from faults.fault import fault
from stack import WORKERS, wait_until


@fault("the workers' host is an hour ahead, then behind", "clock", lasts=7)
def set_clock(stack, notes):
    """And then right again, each while all of its programs run."""
    for seconds in (3600, -3600, 0):
        stack.jump(seconds)
        wait_until(10, f"the programs are {seconds} s ahead", lambda: sees(stack, seconds))
        time.sleep(3 if seconds else 0)


def sees(stack, seconds):
    """Whether the last that each program has logged is off by so much. A worker logs what it does all the time."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=5)
    connection.request("GET", "/nowhere")
    connection.getresponse().read()
    connection.close()
    logs = ["job-fcgi_00"] + [f"job-worker_{number:02d}" for number in range(WORKERS)]
    return all(abs(stack.last_stamp(log) - time.time() - seconds) < 60 for log in logs)
