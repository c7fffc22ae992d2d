"""The programs of every kind: killed, frozen, away, told to stop."""

import signal
import time

from checks import read_ledger
from faults.fault import BROKEN, FROZEN, UNAVAILABLE, busy_worker, fault, kill
from faults.redis import answers
from stack import WORKERS, children, descendants, identity, read, wait_until


@fault("kill job-fcgi", "job-fcgi", program="job-fcgi")
@fault("kill the standby", "job-fcgi", program="standby")
@fault("kill redis", "redis", program="redis-server")
@fault("kill the master of nginx", "nginx", BROKEN, program="nginx")
@fault("kill PostgreSQL", "postgres", UNAVAILABLE, program="postgres")
def kill_program(stack, notes, program):
    kill(stack, stack.pid(program))


@fault("kill a job-worker", "worker")
def kill_worker(stack, notes):
    """What it ran dies with it."""
    worker = busy_worker(stack, notes)
    notes.disturbed.add(worker)
    commands = [identity(pid) for pid in descendants(worker)]
    killed = time.time()
    kill(stack, worker)
    notes.kills.append((worker, killed))
    deadline = killed + 2
    while time.time() < deadline and any(was and identity(was[0]) == was for was in commands):
        time.sleep(0.02)
    notes.survivors += [was[0] for was in commands if was and identity(was[0]) == was]
    return worker, killed


@fault("kill a worker of nginx", "nginx", BROKEN)
def kill_nginx_worker(stack, notes):
    workers = wait_until(10, "nginx has workers", lambda: [
        pid for pid in children(stack.pid("nginx")) if read(f"/proc/{pid}/comm") == "nginx\n"])
    kill(stack, notes.rng.choice(workers))


@fault("PostgreSQL is away for 3 s", "postgres", UNAVAILABLE, lasts=4, program="postgres")
@fault("redis is away for 5 s", "redis", lasts=6, program="redis")
def stop_for_a_while(stack, notes, program):
    stack.supervise("stop", program)
    gone = time.time()
    time.sleep(3 if program == "postgres" else 5)
    notes.away[program].append((gone, time.time()))
    stack.start_again(program)
    if program == "redis":
        wait_until(20, "redis is back", lambda: answers(stack))


@fault("freeze nginx for 11 s", "nginx", FROZEN, program="nginx", seconds=11)
@fault("freeze job-fcgi for 3 s", "job-fcgi", FROZEN, program="job-fcgi", seconds=3)
@fault("freeze job-fcgi for 12 s", "job-fcgi", FROZEN, program="job-fcgi", seconds=12)
@fault("freeze a job-worker for 5 s", "worker", program="job-worker", seconds=5)
@fault("freeze redis for 3 s", "redis", program="redis-server", seconds=3)
@fault("freeze redis for 12 s", "redis", program="redis-server", seconds=12)
@fault("freeze PostgreSQL for 3 s", "postgres", UNAVAILABLE, program="postgres", seconds=3)
@fault("freeze PostgreSQL for 12 s", "postgres", UNAVAILABLE, program="postgres", seconds=12)
def freeze(stack, notes, program, seconds):
    pids = [notes.rng.choice(stack.pids(program) or [stack.pid(program)])]
    if program in ("postgres", "nginx"):
        pids += children(pids[0])
    if program == "job-worker":
        notes.disturbed.update(pids)
    stack.freeze(pids)
    time.sleep(seconds)
    stack.thaw(pids)


@fault("freeze a job-worker until its jobs run again", "worker", lasts=15)
def freeze_worker(stack, notes):
    """When it wakes, some of its jobs have ended by another claim, and the longest are still run by one."""
    worker, claims = wait_until(30, "a frozen worker holds jobs", lambda: freeze_busy(stack, notes))
    again = " OR ".join(f"id = {run.job_id} AND attempt > {run.attempt}" for run in claims)
    wait_until(25, "a frozen worker's jobs run again", lambda: stack.sql(f"SELECT 1 FROM jobs WHERE {again}"), 0.05)
    time.sleep(0.6)
    notes.see_finals()
    stack.thaw([worker])


def freeze_busy(stack, notes):
    worker = busy_worker(stack, notes)
    notes.disturbed.add(worker)
    stack.freeze([worker])
    claims = [run for run in read_ledger(stack.ledger) if run.worker == worker and run.ended is None]
    if claims:
        return worker, claims
    stack.thaw([worker])
    return None


RESTARTS = "restart job-fcgi and the standby, in turn", "restart every job-worker, in turn"


@fault(RESTARTS[0], "job-fcgi", lasts=3)
def restart_responders(stack, notes):
    stack.supervise("restart", "job-fcgi:job-fcgi_00")
    stack.supervise("restart", "job-fcgi-standby:job-fcgi-standby")


@fault(RESTARTS[1], "worker", lasts=10)
def restart_workers(stack, notes):
    """The supervisor starts each one anew."""
    for worker in stack.pids("job-worker"):
        notes.note_claims()
        notes.stopped.add(worker)
        kill(stack, worker, signal.SIGTERM, 20)
        wait_until(10, "the worker runs again", lambda: len(stack.pids("job-worker")) == WORKERS)
        time.sleep(1)
