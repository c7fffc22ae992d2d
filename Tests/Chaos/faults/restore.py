"""PostgreSQL goes back to an older state under running programs. The checks know one of these in a run, no more."""

import subprocess
import time

from checks import read_jobs
from faults.fault import UNAVAILABLE, await_long_jobs, fault
from stack import Failure, wait_until
from timeline import Timeline

RESTORE = "restore an older dump of PostgreSQL"


@fault(RESTORE, "postgres", UNAVAILABLE, lasts=15)
def restore(stack, notes):
    """Numbers of jobs and attempts are given again, while those who had them still run."""
    began = time.time()
    dump = stack.work / "jobs.dump"
    postgres_tool(stack, "pg_dump", "--format=custom", f"--file={dump}", "jobs")
    # Of what is made and taken from here on nothing is left, and long jobs of it still run then.
    time.sleep(5)
    await_long_jobs(stack)
    stack.sql("CREATE DATABASE restored OWNER jobs", database="postgres")
    postgres_tool(stack, "pg_restore", "--dbname=restored", dump)
    with notes.look_lock:
        notes.timeline = Timeline(began, read_jobs(stack, "restored"))
        swap(stack)
        notes.timeline.back = time.time()
        notes.finals.start_anew(notes.timeline.finals())
    for _ in range(2):
        # An answer of before may be under way.
        notes.records.forget_told(notes.timeline.jobs)
        time.sleep(1)
    notes.timeline.settled = time.time()
    stack.sql("DROP DATABASE older", database="postgres", timeout=30)


def swap(stack):
    stack.sql("ALTER DATABASE jobs ALLOW_CONNECTIONS false", database="postgres")

    def is_swapped():
        try:
            stack.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('jobs', 'restored')",
                "ALTER DATABASE jobs RENAME TO older", "ALTER DATABASE restored RENAME TO jobs", database="postgres")
            return True
        except Failure as failure:
            if "being accessed by other users" in str(failure):
                return False
            raise

    wait_until(10, "the dump takes the database's place", is_swapped)


def postgres_tool(stack, name, *words):
    command = [name, "-h", stack.run / "postgres", "-U", "postgres", *words]
    done = subprocess.run(command, env=stack.psql_environment(), capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failure(done.stderr)
