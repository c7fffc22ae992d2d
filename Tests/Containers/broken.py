"""What is killed starts again, and what stands still is seen to."""

import os
import signal
import time

from project import LASTING, check
from stack import descendants, wait_until
from traffic import Traffic


def heal(run):
    for service in LASTING:
        costs_nothing = service not in ("nginx", "postgres")
        times = []
        for which in ("process", "init"):
            if costs_nothing:
                with Traffic(run.project):
                    times.append(kill(run, service, which))
                    time.sleep(1)
            else:
                times.append(kill(run, service, which))
        told = "; no request failed" if costs_nothing else ""
        run.note(
            f"kill -9 of {service}, and of its init", f"well after {times[0]:.1f} and {times[1]:.1f} s{told}", "heals")


def kill(run, service, which):
    (before,) = run.project.containers(service)
    began = time.time()
    os.kill(getattr(before, which), signal.SIGKILL)
    wait_until(10, f"{service} ended", lambda: run.project.containers(service)[0].life != before.life, 0.05)
    wait_until(60, f"{service} is well again", lambda: run.project.containers(service)[0].is_well, 0.1)
    run.probe()
    return time.time() - began


def unhealthy(run):
    """A healthcheck that cannot fail is none."""
    freeze(run, {"postgres"}, {"postgres", "job-fcgi", "job-fcgi-standby", "job-worker"})
    alone = set(LASTING) - {"postgres"}
    freeze(run, alone, alone)


def freeze(run, services, expected):
    """Stops the processes of services, and waits until those that are expected are unhealthy, and no others."""
    frozen = [pid for each in run.project.containers(*services) for pid in descendants(each.init)]
    began, times = time.time(), {}

    def all_seen():
        for each in run.project.containers(*LASTING):
            if each.state["Health"]["Status"] == "unhealthy":
                times.setdefault(each.service, f"{each.service} {time.time() - began:.0f} s")
        return expected <= set(times)

    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        wait_until(60, f"{', '.join(sorted(expected))} are unhealthy", all_seen, 0.3)
        check(set(times) == expected, f"unhealthy: {times}")
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    wait_until(60, "all is well", lambda: all(each.is_well for each in run.project.containers(*LASTING)), 0.3)
    run.probe()
    run.note(f"frozen {', '.join(sorted(services))}: unhealthy after", ", ".join(times.values()), "seen, and over")
