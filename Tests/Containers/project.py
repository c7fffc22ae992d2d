"""A clone of the repository, and the compose project that runs from it."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from clock import Clock
from stack import ROOT, Failure, children, read

# Settings of compose and of the service would reach the project from here; `make` exports some of them.
FOREIGN = re.compile("COMPOSE_|JOB_|FCGI|WORKER|LOG_LEVEL$|PORT$|BIND$|VERSION$|POSTGRES|MAKE|MFLAGS|RUN$")

# What is looked at after a failure.
KEPT = ROOT / ".build/containers"
PROGRAMS = ("job-fcgi", "job-worker", "job-migrate")
LASTING = ("nginx", "job-fcgi", "job-fcgi-standby", "job-worker", "postgres", "redis")


def check(condition, what):
    if not condition:
        raise Failure(what)


def clean_environment(**more):
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    return {**kept, **{name: str(value) for name, value in more.items()}}


def call(command, timeout, **options):
    """Runs a command, and returns what it wrote."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise Failure(f"not over after {timeout} s: {show(command)}")
    if done.returncode:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / "output").write_text(done.stdout + done.stderr)
        raise Failure(f"status {done.returncode}: {show(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def show(command):
    return command if isinstance(command, str) else " ".join(map(str, command))


class Container:
    """One container, as `docker inspect` shows it."""

    def __init__(self, found):
        self.found = found
        self.id = found["Id"]
        self.name = found["Name"].lstrip("/")
        self.service = found["Config"]["Labels"]["com.docker.compose.service"]
        self.state = found["State"]
        self.life = (self.id, self.state["StartedAt"])

    @property
    def is_well(self):
        return self.state["Running"] and self.state.get("Health", {}).get("Status") == "healthy"

    @property
    def init(self):
        return self.state["Pid"]

    @property
    def process(self):
        """The first process below init."""
        return next(iter(children(self.init)), None)

    def connections(self):
        """How many connections from other containers there are on port 9000."""
        lines = [line.split() for line in read(f"/proc/{self.init}/net/tcp").splitlines()[1:]]
        return sum(
            words[1].endswith(":2328") and words[3] == "01" and words[2].split(":")[0] != words[1].split(":")[0]
            for words in lines)


class Project:
    ran = set()

    def __init__(self, work, name, ports, port, settings):
        """The directory's name is the project's. `ports`: those that docs/docker.md speaks of, and what they are here."""
        self.directory = work / name
        self.name = name
        self.ports = ports
        self.port = port
        self.environment = clean_environment(**settings)
        self.clock = Clock()

    def clone(self):
        """Takes what git would: neither what was built nor what lies about."""
        listed = call(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], 60, cwd=ROOT)
        for path in filter(None, listed.split("\0")):
            if (ROOT / path).exists():
                (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, self.directory / path, follow_symlinks=False)

    def edit(self, revision, is_deep=False):
        """Changes what the programs say when they start, and, where it goes deep, what everything is built on."""
        if is_deep:
            with open(self.directory / "Sources/Jobs/JobStatus.swift", "a") as file:
                file.write("let revision = 1\n")
        for path, word in (("Sources/JobAPI/Server.swift", "serving"), ("Sources/JobWorker/Worker.swift", "working")):
            file = self.directory / path
            text, count = re.subn(f'notice\\("{word}.*?"', f'notice("{word} {revision}"', file.read_text())
            if count != 1:
                raise Failure(f"{path}: {count} places to change")
            file.write_text(text)

    def run(self, command, timeout=120, **options):
        """Runs a shell command as a page has it, but for the ports."""
        Project.ran.add(command)
        return call(self.here(command), timeout, shell=True, cwd=self.directory, env=self.environment, **options)

    def here(self, command):
        return re.sub(r"\b300[01]\b", lambda match: str(self.ports[match[0]]), command)

    def start(self, command):
        Project.ran.add(command)
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "sh", "-c", f"exec {self.here(command)}"], cwd=self.directory,
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def compose(self, *words, timeout=60):
        return call(["docker", "compose", *words], timeout, cwd=self.directory, env=self.environment)

    # What is there

    def containers(self, *services):
        mine = f"label=com.docker.compose.project={self.name}"
        ids = call(["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", mine], 30).split()
        try:
            found = map(Container, json.loads(call(["docker", "inspect", *ids], 30))) if ids else []
        except Failure:
            # One of them was removed in between.
            return self.containers(*services)
        return [each for each in found if not services or each.service in services]

    def is_well(self, counts):
        """Whether there are as many containers of each service as said, all of them healthy."""
        found = collections.Counter(each.service if each.is_well else None for each in self.containers(*counts))
        return found == counts

    def left(self):
        """Whatever the engine still has of this project."""
        mine = f"label=com.docker.compose.project={self.name}"
        return [
            f"{kind} {line}"
            for kind, *more in (("container", "--all"), ("volume",), ("network",), ("image",))
            for line in call(["docker", kind, "ls", "--quiet", *more, "--filter", mine], 30).split()]

    def remove(self):
        """The images that later ones have replaced, which compose does not know any more."""
        ids = [line.split()[1] for line in self.left() if line.startswith("image")]
        if ids:
            call(["docker", "rmi", "--force", *ids], 60)

    def sql(self, *statements, timeout=20, database="jobs"):
        words = ["exec", "-T", "postgres", "psql", "-XqAt", "-vON_ERROR_STOP=1", database]
        for statement in statements:
            words += ["-c", statement]
        return self.compose(*words, timeout=timeout).splitlines()

    def secrets(self):
        """Every secret that was drawn."""
        found = set()
        for service in ("postgres", "redis"):
            text = self.compose("exec", "-T", service, "sh", "-c", "cat /run/secrets/password*")
            found |= set(re.findall("[0-9a-f]{32}", text))
        if len(found) != 4:
            raise Failure(f"{len(found)} secrets, not 4")
        return found

    @contextlib.contextmanager
    def exits(self):
        """The containers that end in the course of a `with`, each with its status. The engine remembers few events, so
        they are written down as they come."""
        ended = []
        command = [
            "docker", "events", "--filter", f"label=com.docker.compose.project={self.name}", "--filter", "event=die",
            "--format", "{{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as events:
            try:
                yield ended
                time.sleep(1)
            finally:
                events.terminate()
                ended += [tuple(line.split()) for line in events.stdout]
