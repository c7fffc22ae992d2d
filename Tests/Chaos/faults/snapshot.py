"""A snapshot that somebody holds: what is dead since then cannot be cleared away."""

import threading
import time

from faults.fault import fault
from stack import Failure

SNAPSHOT = "a snapshot of PostgreSQL is held from here on"


@fault(SNAPSHOT, "snapshot")
def hold_snapshot(stack, notes):
    threading.Thread(target=hold, args=(stack, notes.load_is_over), daemon=True).start()


def hold(stack, is_over):
    """Takes another one where PostgreSQL has lost it."""
    while not is_over.is_set():
        try:
            with stack.session() as session:
                session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ")
                while not is_over.wait(0.5):
                    session.ask("SELECT 1 FROM jobs LIMIT 1")
        except (Failure, OSError):
            time.sleep(0.5)
