"""What is done to the stack. A fault is a function that returns when it is over."""

import collections
import http.client
import os
import signal
import time

from checks import read_ledger
from stack import WORKERS, Failure, children, descendants, identity, read, send, wait_until

# What a client may see of a fault beside answers. A frozen program makes nginx wait for it (fastcgi_read_timeout); nginx that
# was frozen itself gives up what it had asked for longer ago than that.
NOTHING = frozenset()
UNAVAILABLE = frozenset({"503"})
BROKEN = frozenset({"no answer"})
FROZEN = frozenset({"503", "late"})

Fault = collections.namedtuple("Fault", "name group may lasts run")
FAULTS = []


def fault(name, group, may=NOTHING, lasts=1, **arguments):
    """`lasts` is about how many seconds; where it is not said, the argument `seconds`."""
    def register(run):
        seconds = arguments.get("seconds", lasts)
        FAULTS.append(Fault(name, group, may, seconds, lambda stack, notes: run(stack, notes, **arguments)))
        return run

    return register


def kill(stack, pid, number=signal.SIGKILL):
    was = identity(pid)
    send(pid, number)
    wait_until(10, f"process {pid} ends", lambda: identity(pid) != was, pause=0.005)


@fault("kill job-fcgi", "job-fcgi", program="job-fcgi")
@fault("kill the standby", "job-fcgi", program="standby")
@fault("kill redis", "redis", program="redis-server")
@fault("kill the master of nginx", "nginx", BROKEN, program="nginx")
@fault("kill PostgreSQL", "postgres", UNAVAILABLE, program="postgres")
def kill_program(stack, notes, program):
    kill(stack, stack.pid(program))


def busy_worker(stack, notes):
    def busy():
        workers = stack.pids("job-worker")
        return [pid for pid in workers if len(workers) == WORKERS and len(children(pid)) > 3]

    return notes.rng.choice(wait_until(30, "a worker is busy", busy))


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


@fault("kill a worker of nginx", "nginx", BROKEN)
def kill_nginx_worker(stack, notes):
    workers = wait_until(10, "nginx has workers", lambda: [
        pid for pid in children(stack.pid("nginx")) if read(f"/proc/{pid}/comm") == "nginx\n"])
    kill(stack, notes.rng.choice(workers))


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


@fault("freeze a backend of PostgreSQL for 12 s", "postgres", UNAVAILABLE, lasts=12)
def freeze_backend(stack, notes):
    pids = [int(notes.rng.choice(backends(stack)))]
    stack.freeze(pids)
    time.sleep(12)
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
    executions, _ = read_ledger(stack.ledger)
    claims = [run for run in executions.values() if run.worker == worker and run.ended is None]
    if claims:
        return worker, claims
    stack.thaw([worker])
    return None


@fault("flush redis", "redis", words=("FLUSHALL",))
@fault("delete the stream", "redis", words=("DEL", "jobs"))
def tell_redis(stack, notes, words):
    stack.redis(*words)


@fault("redis comes back with an old snapshot", "redis", lasts=4)
def restore_redis(stack, notes):
    snapshot = stack.run / "redis/dump.rdb"
    stack.redis("SAVE")
    time.sleep(2)
    kill(stack, stack.pid("redis-server"))

    wait_until(20, "redis loads the snapshot", lambda: answers(stack))
    snapshot.unlink()


def answers(stack):
    try:
        return stack.redis("PING") == "PONG"
    except Failure:
        return False


@fault("redis is full for 4 s", "redis", lasts=4)
def fill_redis(stack, notes):
    stack.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    stack.redis("CONFIG", "SET", "maxmemory", "1")
    time.sleep(4)
    stack.redis("CONFIG", "SET", "maxmemory", "0")


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


@fault("answers of PostgreSQL are lost for 3 s", "cut", UNAVAILABLE, lasts=3, what="answers")
@fault("requests to PostgreSQL are cut for 3 s", "cut", UNAVAILABLE, lasts=3, what="requests")
def cut(stack, notes, what):
    before = stack.cut(what, 0.05)
    time.sleep(3)
    if stack.cut("pass") == before:
        raise Failure("no connection was cut")


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
        kill(stack, worker, signal.SIGTERM)
        wait_until(10, "the worker runs again", lambda: len(stack.pids("job-worker")) == WORKERS)
        time.sleep(1)


# What the figures with a bar, and the fence, are about: in every run, however short.
ALWAYS = [
    "kill a job-worker", "freeze a job-worker until its jobs run again", "PostgreSQL is away for 3 s",
    "answers of PostgreSQL are lost for 3 s", "redis is away for 5 s", "the workers' host is an hour ahead, then behind",
]
# Two at once: a fault of the left with one of the right.
PAIRS = {
    "freeze a job-worker until its jobs run again": ("redis", "job-fcgi", "nginx"),
    "kill a job-worker": ("job-fcgi", "nginx"),
    "shut PostgreSQL down at once": ("redis",),
    "kill job-fcgi": ("redis",),
    "kill a worker of nginx": ("redis",),
    "restart every job-worker, in turn": ("redis", "job-fcgi"),
    "the workers' host is an hour ahead, then behind": ("postgres", "redis"),
}
# For so long after a worker was killed its jobs are waited for, and what they need is spared.
RERUN = 15
# About how long it takes until the next.
RECOVERY = 2


class Plan:
    """Which fault comes when: drawn from the seed, apart from what has to wait."""

    def __init__(self, rng, without):
        self.rng = rng
        self.first = [each for each in FAULTS if each.name in ALWAYS]
        self.rest = [each for each in FAULTS if each.name not in ALWAYS and each.name not in without]
        rng.shuffle(self.first)
        rng.shuffle(self.rest)

    def next(self, time_left, quiet_left):
        """One fault, or two at once, or none for now."""
        is_quiet = quiet_left > 0
        if is_quiet and self.first:
            time_left = quiet_left + 3
        for each in self.first + self.rest:
            is_late = each not in self.first and each.lasts + RECOVERY > time_left
            if is_late or is_quiet and each.group not in ("job-fcgi", "nginx"):
                continue
            (self.first if each in self.first else self.rest).remove(each)
            groups = () if is_quiet else PAIRS.get(each.name, ())
            partners = [other for other in self.rest if other.group in groups and other.lasts <= 4]
            self.rest.append(each)
            return [each] + ([self.rng.choice(partners)] if partners and self.rng.random() < 0.4 else [])
        return []


class RollingRestarts:
    """Every program of ours is told to stop, again and again, and nothing else."""
    first = ()

    def next(self, time_left, quiet_left):
        return [each for each in FAULTS if each.name in RESTARTS]
