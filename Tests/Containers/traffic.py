"""The load that must not notice anything."""

import pathlib
import re
import signal
import subprocess

import checks
from load import REQUESTS_A_SECOND, Load, Records
from project import check
from stack import wait_until

HERE = pathlib.Path(__file__).resolve().parent
WRK = ["nice", "wrk", "-t1", "-c16", "--timeout", "5s", "--latency", "-s", HERE / "load.lua"]


class Traffic:
    """wrk, and beside it clients that check every answer and remember it, for as long as a `with` lasts. A request that
    fails, a wrong answer and a lost job are Failures."""

    def __init__(self, project, wrk_seconds=None):
        self.project = project
        self.records = Records()
        self.load = Load(project.port, self.records, seed=1, rate=REQUESTS_A_SECOND)
        self.seconds = wrk_seconds
        self.figures = {}

    def __enter__(self):
        if self.seconds:
            self.wrk = subprocess.Popen(
                [*map(str, WRK), f"-d{self.seconds}s", f"http://127.0.0.1:{self.project.port}"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.load.start()
        return self

    def __exit__(self, kind, *_):
        self.load.stop()
        if self.seconds:
            # wrk reports what it has when it is interrupted.
            self.wrk.send_signal(signal.SIGINT)
            text = self.wrk.communicate(timeout=30)[0]
        if kind is not None:
            return
        if self.seconds:
            self.read_wrk(text)
        self.judge()

    def read_wrk(self, text):
        check("Non-2xx" not in text and "Socket errors" not in text, f"wrk has seen failed requests:\n{text}")
        self.figures["requests of wrk"] = int(re.search(r"(\d+) requests in", text)[1])
        self.figures["wrk p99"] = re.search(r"99%\s+(\S+)", text)[1]
        self.figures["wrk max"] = re.search(r"Latency\s+\S+\s+\S+\s+(\S+)", text)[1]
        check(self.figures["requests of wrk"] > 1000, f"wrk hardly ran:\n{text}")

    def judge(self):
        """Waits until every job has ended, and looks for what must not be."""
        unfinished = "SELECT count(*) FROM jobs WHERE status IN ('created', 'running')"
        wait_until(120, "every job has ended", lambda: self.project.sql(unfinished) == ["0"], 0.5)
        finals = checks.Finals(self.project)
        verdict = checks.Verdict(
            self.records.answers, [], checks.read_jobs(self.project), {}, {}, self.project.clock)
        for name, found in {
                "failed requests, or wrong answers": verdict.wrong(), "lost jobs": verdict.lost(),
                "jobs without an end": verdict.stuck(), "jobs made twice": verdict.duplicated(),
                "final states that changed": verdict.changed(finals)}.items():
            found = list(found)
            check(not found, f"{len(found)} {name}:\n" + "\n".join(found[:10]))
        check(len(verdict.posts) > 50, "there was hardly any load")
        self.figures["checked answers"] = len(self.records.answers)
        self.figures["checked jobs"] = len({each.job_id for each in verdict.posts})

    def __str__(self):
        return ", ".join(f"{name} {value}" for name, value in self.figures.items()) + ", 0 failed, 0 lost"
