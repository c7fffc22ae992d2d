"""Redis forgets a long queue, several workers are slow, and each of the jobs that wait is announced once more.

A run of its own: the queue is so long that nothing else would get through.
"""

import collections
import random
import re
import signal
import subprocess
import threading
import time

import report
from messages import Messages
from stack import ROOT, SETTINGS, Failure, Stack, send, wait_until

WAITING = 200_000
# Each worker takes one job, and keeps it.
AUDIT = {**SETTINGS, "JOB_CONCURRENCY": 1, "JOB_PREFETCH": 1, "JOB_SHUTDOWN_GRACE": 0, "JOB_TIMEOUT": 3600,
         "JOB_COMMAND": "exec sleep 3600"}
# An audit then takes longer than the time between two turns of the reconciler.
AT_WORK, STOPPED = 0.005, 0.195
QUIET = 20


class Audit:
    def __init__(self, seed, work):
        self.seed = seed
        self.began = time.time()
        self.stack = Stack(work, AUDIT)
        self.folder = ROOT / ".build/chaos" / time.strftime(f"%Y-%m-%dT%H-%M-%SZ-{seed}", time.gmtime())
        self.evidence = collections.defaultdict(list)

    def say(self, text):
        print(f"[{time.time() - self.began:6.1f} s] {text}", flush=True)

    def run(self):
        self.stack.start()
        self.say(f"the stack runs on port {self.stack.port}")
        self.messages = Messages(self.stack)
        wait_until(10, "Redis passes its writes on", self.messages.is_following.is_set)
        self.fill()
        wait_until(30, "every worker has taken a job", lambda: self.count("running") == int(AUDIT["WORKERS"]))
        # A turn of the reconciler or two, which find all as it should be.
        time.sleep(6)
        self.say(f"{self.count('created')} jobs wait")
        flushed = time.time()
        with Throttle(self.stack):
            self.stack.redis("FLUSHALL")
            self.watch(flushed)
        return self.judge(flushed)

    def fill(self):
        ids = self.stack.sql(
            "INSERT INTO jobs (object_id, status, created_at)"
            f" SELECT 100000000 + number, 'created', timezone('utc', now()) FROM generate_series(1, {WAITING}) AS number"
            " RETURNING id", timeout=120)
        orders = "".join(f"XADD jobs * id {job_id}\r\n" for job_id in ids)
        command = ["redis-cli", "-p", self.stack.environment["REDIS_PORT"], "--pipe"]
        environment = {"REDISCLI_AUTH": self.stack.environment["REDISCLI_AUTH"], "PATH": "/usr/bin:/bin"}
        subprocess.run(command, input=orders, env=environment, text=True, check=True, timeout=120, stdout=subprocess.DEVNULL)
        wait_until(60, "every message was seen", lambda: len(self.messages.jobs) >= WAITING, pause=0.2)

    def count(self, status):
        return int(self.stack.sql(f"SELECT count(*) FROM jobs WHERE status = '{status}'")[0])

    def since(self, moment):
        return [job for message, job in list(self.messages.jobs.items()) if int(message.split(b"-")[0]) / 1000 > moment]

    def watch(self, flushed):
        """Until every job that waits has a message again, and nobody looks through the stream any more."""
        waiting = self.count("created")
        try:
            wait_until(120, "every waiting job is announced", lambda: len(set(self.since(flushed))) >= waiting, pause=1)
            self.say(f"every waiting job is announced after {time.time() - flushed:.1f} s")
        except Failure as failure:
            self.evidence["waiting jobs without a message"].append(str(failure))
        looks, changed = self.looks(), time.time()
        deadline = changed + 90
        while time.time() < min(deadline, changed + QUIET):
            time.sleep(0.5)
            if (now := self.looks()) != looks:
                looks, changed = now, time.time()
        if time.time() - changed < QUIET:
            self.evidence["audits that do not end"].append(f"{looks} times XRANGE, and more 90 s after all were announced")
        self.say(f"{looks} times XRANGE, the last {changed - flushed:.1f} s after the flush")

    def looks(self):
        calls = re.search(r"cmdstat_xrange:calls=(\d+)", self.stack.redis("INFO", "commandstats"))
        return int(calls[1]) if calls else 0

    def judge(self, flushed):
        times = collections.Counter(self.since(flushed))
        self.evidence["jobs announced again more than once"] += [
            f"job {job}: {count} messages after the flush" for job, count in times.items() if count > 1]
        waiting = set(map(int, self.stack.sql("SELECT id FROM jobs WHERE status = 'created'", timeout=60)))
        self.evidence["waiting jobs without a message"] += [f"job {job}" for job in waiting - set(times)]
        names = ["waiting jobs without a message", "jobs announced again more than once", "audits that do not end"]
        counts = {"jobs that wait": len(waiting), "messages after the flush": sum(times.values())}
        text = report.table("Redis forgets a long queue", counts, {name: self.evidence[name] for name in names}, {}, [], {})
        failures = [f"{name}: {each}" for name in names for each in self.evidence[name]]
        self.folder.mkdir(parents=True)
        (self.folder / "table.md").write_text(text)
        (self.folder / "failures").write_text("".join(f"{failure}\n" for failure in failures))
        print(f"\n{text}")
        print("".join(f"{failure}\n" for failure in failures[:20]), end="")
        return not failures


class Throttle:
    """Lets every worker work for a fortieth of the time."""

    def __init__(self, stack):
        self.workers = stack.pids("job-worker")
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(worker,), daemon=True) for worker in self.workers]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def work(self, worker):
        while not self.stopping.is_set():
            send(worker, signal.SIGSTOP)
            time.sleep(STOPPED)
            send(worker, signal.SIGCONT)
            time.sleep(AT_WORK * random.uniform(0.5, 1.5))
