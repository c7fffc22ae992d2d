"""The stack under test: the whole service as `make up` runs it, on a port and in a directory of its own."""

import datetime
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

from clock import Clock

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORKERS = 3
# Short, so that windows end while the load lasts, and longer than most faults.
WINDOW = 30
# One job in so many takes 20 s: longer than a lease, and than most faults.
LONG = 50
# Responders that race for the windows, and workers that hold more than they run. A worker that is told to stop hands its long
# jobs back.
SETTINGS = {
    "WORKERS": WORKERS, "FCGI": 1, "FCGI_RESPONDERS": 3, "JOB_DEDUP_WINDOW": WINDOW,
    "JOB_CONCURRENCY": 24, "JOB_PREFETCH": 40, "JOB_SHUTDOWN_GRACE": 3, "CHAOS_LONG": LONG,
    # The ledger is written by the right clock.
    "JOB_COMMAND": f"exec env -u LD_PRELOAD {shlex.quote(str(HERE / 'job'))}",
}
# Where programs are only restarted: few slots, so that there are jobs which a worker holds and has not started.
ROLLING = {**SETTINGS, "JOB_CONCURRENCY": 5, "JOB_PREFETCH": 32, "JOB_SHUTDOWN_GRACE": 30, "CHAOS_LONG": 0}
DISK_SIZE = "8g"
REDIS_NAME = "redis.chaos"


class Failure(Exception):
    """The harness cannot go on."""


def wait_until(seconds, what, condition, pause=0.02):
    deadline = time.time() + seconds
    while not (value := condition()):
        if time.time() > deadline:
            raise Failure(f"{what}: not after {seconds} s")
        time.sleep(pause)
    return value


def free_port():
    # Below the range from which the kernel draws the ports of outgoing connections.
    while True:
        with socket.socket() as probe:
            port = random.randrange(10000, 20000)
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Stack:
    def __init__(self, work, settings):
        self.work = work
        self.settings = settings
        self.run = work / "stack"
        self.ledger = work / "ledger"
        self.port = free_port()
        self.frozen = set()
        self.up = self.proxy = None
        self.has_own_disk = self.has_own_names = False
        self.clock = Clock()
        self.order_lock = threading.Lock()

    # Life

    def start(self):
        self.ledger.touch()
        self.make_clock()
        self.has_own_disk = self.mount_disk()
        self.has_own_names = self.mount_names()
        foreign = re.compile("JOB_|PG|MAKE|STACK_|FCGI|RATE_LIMIT|LOG_LEVEL|BIN$")
        kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
        settings = {name: str(value) for name, value in self.settings.items()}
        paths = {
            "RUN": str(self.run), "PORT": str(self.port), "BIN": str(self.work / "bin"),
            "CHAOS_LEDGER": str(self.ledger)}
        self.up = self.spawn([ROOT / "Sources/stack/up"], "up", env={**kept, **settings, **paths})
        log = self.work / "up.log"

        def is_ready():
            if self.up.poll() is not None:
                raise Failure("the stack does not start:\n" + log.read_text()[-3000:])
            return "\nready: " in log.read_text()

        wait_until(120, "the stack starts", is_ready, pause=0.1)
        self.environment = dict(
            word.split("=", 1) for line in (self.run / "env").read_text().splitlines() if line.startswith("export ")
            for word in shlex.split(line)[1:])
        self.give_postgres_its_clock()
        self.start_proxy()

    def make_clock(self):
        """Lets the workers' host have a clock of its own, and PostgreSQL's: their programs are started with a library that
        sets it."""
        library, clock, programs = self.work / "clock.so", self.work / "clock", self.work / "bin"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "clock.c"], check=True)
        for each in (clock, self.work / "postgres-clock"):
            each.write_bytes(bytes(4))
        programs.mkdir()
        release = ROOT / ".build/release"
        (programs / "job-migrate").symlink_to(release / "job-migrate")
        for name, level in (("job-fcgi", "info"), ("job-worker", "debug")):
            words = ["exec", "env", f"LD_PRELOAD={library}", f"CHAOS_CLOCK={clock}", f"LOG_LEVEL={level}", release / name]
            program = programs / name
            program.write_text("#!/bin/sh\n" + " ".join(shlex.quote(str(word)) for word in words) + "\n")
            program.chmod(0o755)

    def give_postgres_its_clock(self):
        """`up` knows nothing of it: PostgreSQL is started anew."""
        configuration = self.run / "supervisord.conf"
        program = "[program:postgres]\n"
        variables = f'environment=LD_PRELOAD="{self.work}/clock.so",CHAOS_CLOCK="{self.work}/postgres-clock"\n'
        configuration.write_text(configuration.read_text().replace(program, program + variables))
        self.supervise("update", "postgres")
        wait_until(30, "PostgreSQL runs with a clock of its own", self.is_postgres_there)

    def jump(self, seconds, clock="clock"):
        """Sets the clock of the workers' host, to so many seconds after the right time."""
        # In place: the programs have mapped it.
        with open(self.work / clock, "r+b") as file:
            file.write(struct.pack("i", seconds))

    def jump_postgres(self, seconds):
        if seconds == self.clock.steps[-1][1]:
            return
        self.jump(seconds, "postgres-clock")
        self.clock.note(seconds)
        stamp = float(self.sql("SELECT extract(epoch FROM clock_timestamp())")[0])
        if abs(stamp - time.time() - seconds) > 5:
            raise Failure(f"PostgreSQL's clock is not {seconds} s ahead")

    def mount_disk(self):
        """A file system for PostgreSQL alone, so that it can be full; where there is a namespace to mount it in."""
        if "CHAOS_MAY_MOUNT" not in os.environ:
            return False
        (self.run / "postgres").mkdir(parents=True)
        # By this `up` knows the directory as one of its own.
        (self.run / "lock").touch()
        return self.mount(f"size={DISK_SIZE}", "-t", "tmpfs", "tmpfs")

    def mount(self, options, *kind):
        return subprocess.run(["mount", "-o", options, *kind, self.run / "postgres"], timeout=10).returncode == 0

    def mount_names(self):
        """Names of hosts of its own: Redis has one, in a file of them; the name server takes questions and answers none."""
        self.hosts, resolver = self.work / "hosts", self.work / "resolv.conf"
        self.show_redis()
        # Another run has another.
        address = f"127.{random.randrange(1, 255)}.{random.randrange(255)}.53"
        resolver.write_text(f"nameserver {address}\n")
        self.name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.name_server.bind((address, 53))
        except OSError:
            return False
        return "CHAOS_MAY_MOUNT" in os.environ and all(
            not subprocess.run(["mount", "--bind", file, target], timeout=10).returncode
            for file, target in ((self.hosts, "/etc/hosts"), (resolver, "/etc/resolv.conf")))

    def show_redis(self):
        self.hosts.write_text(f"127.0.0.1 localhost\n127.0.0.1 {REDIS_NAME}\n")

    def hide_redis(self):
        self.hosts.write_text("127.0.0.1 localhost\n")

    def spawn(self, command, name, **options):
        log = open(self.work / f"{name}.log", "ab")
        options.setdefault("stdout", log)
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command], stderr=log, start_new_session=True, **options)

    def start_proxy(self):
        """Puts the proxy between the programs and PostgreSQL: they read where it is when they start."""
        directory = self.work / "proxy"
        directory.mkdir()
        self.proxy = self.spawn(
            [sys.executable, HERE / "proxy.py", directory / ".s.PGSQL.5432", self.run / "postgres/.s.PGSQL.5432"],
            "proxy", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.proxy.stdout.readline() != "ready\n":
            raise Failure("the proxy does not start")
        host = "host=" + urllib.parse.quote(str(directory), safe="")
        for role in ("job_fcgi", "job_worker"):
            secret = self.run / f"database-url-{role}"
            secret.write_text(re.sub("host=[^&]*", host, secret.read_text()))
        if self.has_own_names:
            secret = self.run / "redis-url"
            secret.write_text(secret.read_text().replace("@127.0.0.1:", f"@{REDIS_NAME}:"))
        self.supervise("restart", "job-fcgi:*", "job-fcgi-standby:*", "job-worker:*")

    def stop(self):
        self.heal()
        for process in (self.up, self.proxy):
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                print(f"process {process.pid} does not stop, and is killed", flush=True)
                process.kill()
                process.wait()

    def heal(self):
        """Takes back whatever a fault that was cut short has left."""
        for pid in list(self.frozen):
            self.thaw([pid])
        self.heal_disk()
        for heal in (
            lambda: self.cut("pass"),
            lambda: self.redis("CONFIG", "SET", "maxmemory", "0"),
            lambda: self.read_only(False),
            lambda: self.standby(""),
            self.show_redis,
            lambda: self.jump(0),
            lambda: self.jump_postgres(0),
        ):
            try:
                heal()
            # Where a part of the stack is not there, it has nothing of the fault either.
            except (Failure, AttributeError, OSError, ValueError):
                pass

    def heal_disk(self):
        if self.has_own_disk:
            self.mount(f"remount,size={DISK_SIZE}")

    # Its servers

    def supervise(self, *words):
        subprocess.run(
            ["supervisorctl", "-c", self.run / "supervisord.conf", *words], stdout=subprocess.DEVNULL, timeout=120)

    def start_again(self, program):
        """Does not wait: the supervisor would, for a second."""
        threading.Thread(target=self.supervise, args=("start", program), daemon=True).start()

    def last_stamp(self, name):
        """The time of the last line in a log of ours, as its program saw it."""
        with open(self.run / f"log/{name}.log", "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            stamps = re.findall(rb"^(\S+Z) [a-z]+ job-", log.read(), re.MULTILINE)
        return datetime.datetime.fromisoformat(stamps[-1].decode()).timestamp() if stamps else 0

    def sql(self, *statements, timeout=5, database="jobs"):
        """Runs statements as the superuser, past the proxy."""
        command = ["psql", "-h", self.run / "postgres", "-U", "postgres", "-d", database, "-XqAt", "-vON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        try:
            done = subprocess.run(
                command, env=self.psql_environment(), capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure("PostgreSQL does not answer")
        if done.returncode:
            raise Failure(done.stderr.strip())
        return done.stdout.splitlines()

    def session(self):
        """A session of the superuser's that stays."""
        return Session(["psql", "-h", self.run / "postgres", "-U", "postgres", "-d", "jobs", "-XqAt"], self.psql_environment())

    def psql_environment(self):
        password = (self.run / "password-postgres").read_text()
        return {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "3"}

    def is_postgres_there(self):
        try:
            return self.sql("SELECT 1") == ["1"]
        except Failure:
            return False

    def read_only(self, on):
        setting = "SET default_transaction_read_only = on" if on else "RESET default_transaction_read_only"
        self.sql("SET default_transaction_read_only = off", f"ALTER SYSTEM {setting}", "SELECT pg_reload_conf()")

    def standby(self, names):
        """Has each commit wait for one of these servers."""
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")

    def redis(self, *words):
        command = ["redis-cli", "-p", self.environment["REDIS_PORT"], *words]
        environment = {**os.environ, "REDISCLI_AUTH": self.environment["REDISCLI_AUTH"]}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=5)
        except subprocess.TimeoutExpired:
            raise Failure("Redis does not answer")
        if done.returncode or done.stdout.startswith("ERR"):
            raise Failure(done.stdout + done.stderr)
        return done.stdout.strip()

    def cut(self, *order):
        """Orders the proxy; returns how many connections it has cut so far."""
        with self.order_lock:
            self.proxy.stdin.write(" ".join(map(str, order)) + "\n")
            self.proxy.stdin.flush()
            return int(self.proxy.stdout.readline())

    # Its processes

    def pids(self, program):
        """The processes of a program that the supervisor has started."""
        supervisor = (self.run / "supervisord.pid").read_text().strip()
        return [pid for pid in children(int(supervisor)) if name_of(pid) == program]

    def is_complete(self):
        programs = ("postgres", "redis-server", "nginx", "job-fcgi", "standby")
        return all(map(self.pids, programs)) and len(self.pids("job-worker")) == WORKERS

    def pid(self, program):
        return wait_until(30, f"{program} runs", lambda: self.pids(program))[0]

    def freeze(self, pids):
        for pid in pids:
            self.frozen.add(pid)
            send(pid, signal.SIGSTOP)

    def thaw(self, pids):
        for pid in pids:
            send(pid, signal.SIGCONT)
            self.frozen.discard(pid)


class Session:
    """psql, kept open: one answer, in one line, for each question. It ends with this process at the latest."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def ask(self, statement):
        self.process.stdin.write(f"{statement};\n\\echo end\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in ("end\n", ""):
            lines.append(line.strip())
        if not line or any("ERROR" in each or "FATAL" in each for each in lines):
            raise Failure(f"{statement}: {lines}")
        return " ".join(lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in read(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        return []


def descendants(pid):
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def name_of(pid):
    """What the supervisor calls one of ours, what the kernel calls another's."""
    kernel = read(f"/proc/{pid}/comm").strip()
    if kernel not in ("job-fcgi", "job-worker"):
        return kernel
    named = re.search(r"(?:^|\0)SUPERVISOR_PROCESS_NAME=([^\0]*)", read(f"/proc/{pid}/environ"))
    return "standby" if named and named[1] == "job-fcgi-standby" else kernel


def identity(pid):
    """Tells a process from a later one of the same number; None where it has ended."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return None if not fields or fields[0] in "ZX" else (pid, fields[19])
