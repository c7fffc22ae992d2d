"""PostgreSQL and the way to it."""

import os
import signal
import time

from faults.fault import UNAVAILABLE, await_long_jobs, fault, kill
from load import PROBES, Client
from report import ROW_LOCKED
from stack import LONG, Failure, children, read, wait_until


@fault("kill a backend of PostgreSQL", "postgres", UNAVAILABLE)
def kill_backend(stack, notes):
    """The postmaster then resets all of them, and recovers."""
    kill(stack, int(notes.rng.choice(backends(stack))))
    time.sleep(0.1)


def backends(stack):
    return stack.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'job-%' ORDER BY backend_start")


@fault("shut PostgreSQL down at once", "postgres", UNAVAILABLE)
def shut_postgres_down(stack, notes):
    kill(stack, stack.pid("postgres"), signal.SIGQUIT)


@fault("freeze a backend of PostgreSQL for 12 s", "postgres", UNAVAILABLE, lasts=12)
def freeze_backend(stack, notes):
    pids = [int(notes.rng.choice(backends(stack)))]
    stack.freeze(pids)
    time.sleep(12)
    stack.thaw(pids)


FULL_DISK = "PostgreSQL's disk is full for 5 s"


@fault(FULL_DISK, "postgres", UNAVAILABLE, lasts=5)
def fill_disk(stack, notes):
    """The file system shrinks to what is used of it: every new page is refused, and then every new segment of WAL."""
    disk = stack.run / "postgres"

    def shrink():
        state = os.statvfs(disk)
        return stack.mount(f"remount,size={(state.f_blocks - state.f_bfree) * state.f_frsize}")

    wait_until(5, "the disk shrinks", shrink)
    time.sleep(5)
    stack.heal_disk()


@fault("PostgreSQL is read-only for 4 s", "postgres", UNAVAILABLE, lasts=4)
def make_read_only(stack, notes):
    stack.read_only(True)
    time.sleep(4)
    stack.read_only(False)


@fault("PostgreSQL reads but does not commit for 15 s", "postgres", UNAVAILABLE, lasts=15)
def stop_commits(stack, notes):
    """As without its synchronous standby. Heartbeats may lock rows then, and renew nothing."""
    stack.standby("nobody")
    time.sleep(15)
    stack.standby("")


@fault("answers of PostgreSQL are lost for 3 s", "cut", UNAVAILABLE, lasts=3, what="answers")
@fault("requests to PostgreSQL are cut for 3 s", "cut", UNAVAILABLE, lasts=3, what="requests")
def cut(stack, notes, what):
    before = stack.cut(what, 0.05)
    time.sleep(3)
    if stack.cut("pass") == before:
        raise Failure("no connection was cut")


@fault("PostgreSQL recovers for 13 s from a backend's crash", "postgres", UNAVAILABLE, lasts=15, seconds=13)
@fault("PostgreSQL recovers for 30 s from a backend's crash", "postgres", UNAVAILABLE, lasts=32, seconds=30)
@fault("PostgreSQL is killed, and recovers for 13 s", "postgres", UNAVAILABLE, lasts=15, seconds=13, program="postgres")
def recover_slowly(stack, notes, seconds, program=None):
    """As where there is much WAL. Nobody can renew a lease meanwhile."""
    for _ in range(5):
        await_long_jobs(stack)
        kill(stack, stack.pid(program) if program else int(notes.rng.choice(backends(stack))))
        if pids := freeze_startup(stack):
            time.sleep(seconds)
            stack.thaw(pids)
            return
        wait_until(30, "PostgreSQL is back", stack.is_postgres_there)
    raise Failure("the recovery was over each time before it could be frozen")


def freeze_startup(stack):
    """The process that recovers may be there for a few milliseconds only."""
    deadline = time.time() + 15
    while time.time() < deadline:
        for postmaster in stack.pids("postgres"):
            for pid in children(postmaster):
                if read(f"/proc/{pid}/cmdline").startswith("postgres: startup"):
                    stack.freeze([pid])
                    return [pid]
    return []


@fault("a running job's row is locked for 20 s", "row", lasts=21)
def lock_row(stack, notes):
    """A long job's, which has to be renewed meanwhile, and a short one's, which ends meanwhile. Each costs itself only."""
    lock = "SELECT id FROM jobs WHERE status = 'running' AND {} ORDER BY start_time DESC LIMIT 1 FOR UPDATE SKIP LOCKED"
    with stack.session() as session:
        session.ask("BEGIN")
        end = time.time() + 20
        for which in (f"id % {LONG} = 13 AND object_id < {PROBES}", "id % 20 = 7"):
            wait_until(20, "a job runs that can be locked", lambda: session.ask(lock.format(which)))
        client = Client(stack.port, notes.records)
        while time.time() < end:
            notes.measured[ROW_LOCKED].append(notes.run_probe(client, 20))
            time.sleep(0.5)
        client.close()
        session.ask("ROLLBACK")
