"""What every fault is made of: its name, what a client may see of it, and how a process is hurt."""

import collections
import signal

from load import PROBES
from stack import LONG, WORKERS, children, identity, send, wait_until

# What a client may see of a fault beside answers. A frozen program makes nginx wait for it (fastcgi_read_timeout); nginx that
# was frozen itself gives up what it had asked for longer ago than that.
NOTHING = frozenset()
UNAVAILABLE = frozenset({"503"})
BROKEN = frozenset({"no answer"})
FROZEN = frozenset({"503", "late"})

Fault = collections.namedtuple("Fault", "name group may lasts run")
FAULTS = []


def fault(name, group, may=NOTHING, lasts=None, **arguments):
    """`lasts` is about how many seconds; where it is not said, the argument `seconds`, or else 1."""
    def register(run):
        seconds = lasts or arguments.get("seconds", 1)
        FAULTS.append(Fault(name, group, may, seconds, lambda stack, notes: run(stack, notes, **arguments)))
        return run

    return register


def kill(stack, pid, number=signal.SIGKILL, seconds=10):
    was = identity(pid)
    send(pid, number)
    wait_until(seconds, f"process {pid} ends", lambda: identity(pid) != was, pause=0.005)


def await_long_jobs(stack, count=3):
    """There are claims then that are held over a fault of 15 s."""
    young = "start_time > timezone('utc', clock_timestamp()) - interval '5 s'"
    running = f"SELECT count(*) FROM jobs WHERE status = 'running' AND id % {LONG} = 13 AND object_id < {PROBES} AND {young}"
    wait_until(60, f"{count} long jobs run", lambda: int(stack.sql(running)[0]) >= count, pause=0.2)


def busy_worker(stack, notes):
    def busy():
        workers = stack.pids("job-worker")
        return [pid for pid in workers if len(workers) == WORKERS and len(children(pid)) > 3]

    return notes.rng.choice(wait_until(30, "a worker is busy", busy))
