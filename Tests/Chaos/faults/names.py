"""Names of hosts that nobody tells."""

import time

from faults.fault import fault
from load import Prober
from report import NAMES_SILENT

SILENT_NAMES = "the name server is silent for 10 s"


@fault(SILENT_NAMES, "names", lasts=11)
def silence_names(stack, notes):
    """Whoever makes a connection to Redis has to ask, and waits for as long as the resolver does."""
    gone = time.time()
    stack.hide_redis()
    with Prober(stack.port, notes) as prober:
        for _ in range(2):
            stack.redis("CLIENT", "KILL", "TYPE", "normal")
            time.sleep(5)
    notes.away["names"].append((gone, time.time()))
    stack.show_redis()
    notes.measured[NAMES_SILENT] += prober.took
