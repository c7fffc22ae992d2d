"""Clocks that are set while programs run."""

import http.client
import time

from checks import read_ledger
from faults.fault import await_long_jobs, fault
from faults.programs import kill_worker
from load import Client
from report import CLOCK_STEPPED
from stack import WINDOW, WORKERS, wait_until


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


@fault("PostgreSQL's clock is an hour ahead, then behind, then right", "postgres clock", lasts=3 * (WINDOW + 6))
def set_postgres_clock(stack, notes):
    """Each for longer than a window. A worker that is killed meanwhile is missed all the same."""
    client = Client(stack.port, notes.records)
    for seconds in (3600, -3600, 0):
        await_long_jobs(stack)
        stack.jump_postgres(seconds)
        end = time.time() + WINDOW + 3
        notes.run_probe(client)
        notes.measured[CLOCK_STEPPED].append(kill_and_miss(stack, notes))
        notes.run_probe(client)
        time.sleep(max(0, end - time.time()))
    client.close()


def kill_and_miss(stack, notes):
    """Kills a worker; how long until all that it ran runs again."""
    worker, killed = kill_worker(stack, notes)
    claims = [run for run in read_ledger(stack.ledger) if run.worker == worker and run.ended is None]

    def run_again():
        newest = {run.job_id: run.attempt for run in sorted(read_ledger(stack.ledger), key=lambda run: run.attempt)}
        return all(newest[run.job_id] > run.attempt for run in claims)

    wait_until(50, f"{len(claims)} jobs of a killed worker run again", run_again, pause=0.2)
    return time.time() - killed
