"""Scaling and redeploying under load: no request fails, no job is lost, and nothing else is touched."""

import datetime
import os
import time

from project import check
from stack import wait_until
from traffic import Traffic

ROUNDS = int(os.environ.get("ROUNDS") or 3)


def scale(run):
    for number in range(ROUNDS):
        times = []
        with run.project.exits() as ended, Traffic(run.project, 120) as traffic:
            time.sleep(2)
            for count in (4, 2):
                times += scale_fcgi(run, count)
            for count in (8, 1):
                scale_to(run, "job-worker", count)
                time.sleep(2)
            scale_to(run, "job-fcgi", 1)
            time.sleep(2)
        ended = [each for each in ended if "job-migrate" not in each[0] and "secrets" not in each[0]]
        check(len(ended) == 3 + 7, f"10 containers were to end: {ended}")
        check(all(status == "0" for _, status in ended), f"not drained: {ended}")
        check(max(times) <= 5, f"new responders take requests after {times} s")
        run.note(f"live scaling {number + 1}: job-fcgi 1-4-2-1, job-worker 1-8-1", traffic, "0 failed, 0 lost")
        run.note("a new job-fcgi takes requests", ", ".join(f"{each:.1f} s" for each in sorted(times)), "≤ 5 s")


def scale_to(run, service, count):
    run.project.run(f"docker compose up -d --no-recreate --scale {service}={count} {service}")
    wait_until(60, f"{count} {service}", lambda: run.project.is_well({service: count}), 0.2)


def scale_fcgi(run, count):
    """Returns for each new responder how long after its start nginx asks it."""
    before = {each.id for each in run.project.containers("job-fcgi")}
    scale_to(run, "job-fcgi", count)
    times = []
    for each in run.project.containers("job-fcgi"):
        if each.id not in before:
            wait_until(5, f"{each.name} takes requests", each.connections, 0.05)
            times.append(time.time() - seconds_of(each.state["StartedAt"]))
    time.sleep(3)
    return times


def deploy(run):
    # What everything is built on: all of it is compiled anew.
    run.project.edit("rebuilt", is_deep=True)
    began = time.time()
    run.project.run("docker compose build job-fcgi", timeout=240)
    seconds = time.time() - began
    check(seconds < 90, f"a changed source was built after {seconds:.1f} s")
    run.note("a source of every program changed: built", f"{seconds:.1f} s", "< 90 s")
    for number in range(1, ROUNDS + 1):
        revision = f"revision {time.time():.0f}"
        run.project.edit(revision)
        with Traffic(run.project, 240) as traffic:
            time.sleep(1)
            seconds = [redeploy(run, service, revision) for service in ("job-fcgi", "job-worker")]
            time.sleep(3)
        run.note(f"redeploys {number}, each alone: job-fcgi, job-worker", traffic, "0 failed, 0 lost")
        run.note("a changed program, under load: built and running", " and ".join(f"{each:.1f} s" for each in seconds))


def redeploy(run, service, revision):
    others = {each.life for each in run.project.containers() if each.service != service}
    began = time.time()
    run.project.run(f"docker compose up -d --no-deps --build {service}", timeout=180)
    seconds = time.time() - began
    wait_until(60, f"{service} is well", lambda: run.project.is_well({service: 1}), 0.2)
    check(revision in run.project.compose("logs", service), f"{service} is not the changed one")
    now = {each.life for each in run.project.containers() if each.service != service}
    check(now == others, f"more than {service} was touched")
    time.sleep(2)
    return seconds


def release(run):
    """What docs/docker.md says to do for a release."""
    with Traffic(run.project) as traffic:
        run.project.run("docker compose up --no-deps --build job-migrate", timeout=180)
        for service in ("job-worker", "job-fcgi", "job-fcgi-standby"):
            run.project.run(f"docker compose up -d --wait --no-deps --build {service}", timeout=180)
        time.sleep(1)
    run.note("a release, as in docs/docker.md", traffic, "0 failed, 0 lost")


def seconds_of(stamp):
    """Of Docker's nanoseconds six digits are taken."""
    return datetime.datetime.fromisoformat(stamp[:26] + "+00:00").timestamp()
