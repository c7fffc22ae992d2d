"""What must be true after all the faults, by what the clients were told, the ledger and the database."""

import collections
import dataclasses
import datetime
import json
import re
import time

from stack import WINDOW

LATE = 5
# nginx waits for two programs that are frozen, 4.5 s for each (fastcgi_read_timeout).
LATE_WHEN_FROZEN = 12
# What was already under way when a fault was over.
GRACE = 1


@dataclasses.dataclass
class Job:
    job_id: int
    object_id: int
    status: str
    end_time: str
    message: str
    created: float
    """This and the next two in the right time, whatever PostgreSQL's clock was; `end_time` is as it wrote it."""
    started: float
    ended: float
    attempt: int
    lost: int

    @property
    def final(self):
        return (self.status, self.end_time, self.message)


@dataclasses.dataclass
class Execution:
    """One run of the command: from its lines in the ledger."""
    job_id: int
    object_id: int
    attempt: int
    worker: int
    started: float
    ended: float = None
    status: int = None


FINAL = """status, to_char(end_time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), message"""


def read_jobs(stack, database="jobs"):
    rows = stack.sql(
        f"SELECT json_build_array(id, object_id, {FINAL}, extract(epoch FROM created_at),"
        " extract(epoch FROM start_time), extract(epoch FROM end_time), attempt, lost) FROM jobs ORDER BY id",
        timeout=60, database=database)
    jobs = {job.job_id: job for job in (Job(*json.loads(row)) for row in rows)}
    for job in jobs.values():
        job.created, job.started, job.ended = map(stack.clock.right, (job.created, job.started, job.ended))
    return jobs


def read_ledger(path):
    """The executions, in order of their start."""
    runs, newest = [], {}
    for line in path.read_text().splitlines():
        kind, *numbers, moment, status = line.split()
        claim = tuple(map(int, numbers))
        if kind == "end":
            newest[claim].ended, newest[claim].status = float(moment), int(status)
        else:
            newest[claim] = Execution(*claim, float(moment))
            runs.append(newest[claim])
    return runs


def by_claim(runs):
    """The executions by job and attempt, and the claims of which there was more than one."""
    executions, repeated = {}, []
    for run in runs:
        if run is not executions.setdefault((run.job_id, run.attempt), run):
            repeated.append(f"job {run.job_id}, attempt {run.attempt}, started again at {stamp(run.started)}")
    return executions, repeated


class Finals:
    """The final states as they were first seen, in the database as by a client."""

    def __init__(self, stack):
        self.stack = stack
        self.seen = {}
        self.changes = {}
        self.since = 0

    def start_anew(self, finals):
        self.seen, self.since = finals, 0

    def look(self):
        began = self.stack.sql("SELECT extract(epoch FROM clock_timestamp())")[0]
        rows = self.stack.sql(
            f"SELECT json_build_array(id, {FINAL}) FROM jobs"
            f" WHERE end_time >= timezone('utc', to_timestamp({self.since}))")
        for job_id, *final in map(json.loads, rows):
            self.see(job_id, tuple(final), "the database")
        # A transaction that commits later may have ended a job before, by another clock where it was stepped.
        self.since = 0 if self.stack.clock.last_step(time.time() - 15, time.time()) else float(began) - 10

    def see(self, job_id, final, where):
        first = self.seen.setdefault(job_id, final)
        if first != final:
            self.changes.setdefault(job_id, f"job {job_id}: was {show(first)}, {where} says {show(final)}")


def show(final):
    return " ".join(str(part) for part in final if part is not None) if final else "that there is no such job"


def stamp(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%H:%M:%S.%f")


class Verdict:
    """The evidence for everything that must not be: by its name, a list that is to be empty."""

    def __init__(self, answers, events, jobs, executions, messages, clock, timeline=None):
        """`timeline` is of a database that was restored meanwhile."""
        self.answers = answers
        self.messages = messages
        self.clock = clock
        self.timeline = timeline
        self.all_answers = answers
        if self.timeline:
            self.answers = self.timeline.answers(answers)
        self.posts = [each for each in self.answers if each.method == "POST" and each.job_id]
        self.events = events
        self.jobs = jobs
        self.executions = executions

    def lost(self):
        """Told with a 2xx, and not in the database, or there for another object."""
        for each in self.posts:
            job = self.jobs.get(each.job_id)
            if job is None or job.object_id != each.number:
                told = f"job {each.job_id}, told for object {each.number} at {stamp(each.answered)}"
                yield f"{told}: {job or 'is not there'}"

    def stuck(self):
        for job in self.jobs.values():
            if job.ended is None:
                yield f"job {job.job_id}, created at {stamp(job.created)}: {job.status}, attempt {job.attempt}"

    def duplicated(self):
        """Two jobs of an object within a window, told or not; two 201 for a job. A step of PostgreSQL's clock may end a
        window early."""
        newest = {}
        for job in sorted(self.jobs.values(), key=lambda job: job.created):
            older = newest.get(job.object_id)
            apart = job.created - older.created if older else WINDOW
            if apart < WINDOW and not self.clock.last_step(older.created, job.created):
                yield f"jobs {older.job_id} and {job.job_id} of object {job.object_id}: {apart:.6f} s apart"
            newest[job.object_id] = job
        times = collections.Counter(each.job_id for each in self.posts if each.status == 201)
        yield from (f"job {job_id}: {count} times 201" for job_id, count in times.items() if count > 1)

    def changed(self, finals):
        """Final states that were seen, and later were others."""
        for each in self.answers:
            if each.final:
                finals.see(each.number, each.final, f"a GET at {stamp(each.answered)}")
        for job_id in list(finals.seen):
            job = self.jobs.get(job_id)
            finals.see(job_id, job and job.final, "the database in the end")
        return finals.changes.values()

    def run_too_often(self, repeated):
        """Each claim runs once; and when a job has ended, at most a lost claim of it still starts, on a worker that was
        frozen and could not know. Its attempt is an older one, so whatever it comes to is rejected."""
        yield from repeated
        for run in self.executions.values():
            job = self.jobs.get(run.job_id)
            if job is None or run.attempt > job.attempt:
                yield f"job {run.job_id}: ran attempt {run.attempt}, the database knows {job and job.attempt}"
            elif job.ended and run.started > job.ended and run.attempt == job.attempt:
                yield f"job {run.job_id}: attempt {run.attempt} started at {stamp(run.started)}, after {job.end_time}"

    def contradicted(self):
        """A final state says how the execution of the last attempt had ended, or that the workers were lost."""
        for job in self.jobs.values():
            run = self.executions.get((job.job_id, job.attempt))
            status = run.status if run and run.ended and job.ended and run.ended < job.ended else None
            if job.status == "success":
                holds = status == 0
            else:
                holds = job.message == f"object {job.object_id} is bad" and status == 1 or job.lost >= 5
            if job.ended and not holds:
                yield f"job {job.job_id}: {show(job.final)}; attempt {job.attempt} by the ledger: {run}"

    def wrong(self):
        """Malformed answers and unexpected ones; a 503, no answer or a late one without a fault that allows it."""
        known = set(map(id, self.answers))
        for each in self.all_answers:
            wrong = self.unexpected(each)
            if not wrong and id(each) in known:
                wrong = each.wrong or self.untrue(each)
            if wrong:
                yield f"{each.method} {each.number} at {stamp(each.sent)}, {each.answered - each.sent:.3f} s: {wrong}"

    def unexpected(self, answer):
        may = set()
        for event in self.events:
            if event.start <= answer.answered and answer.sent <= event.ended + GRACE:
                may |= event.may
        took = answer.answered - answer.sent
        # A client that gets no answer from a killed nginx may wait for ever; this one gives up after 20 s.
        if took > (LATE_WHEN_FROZEN if "late" in may else LATE) and "no answer" not in may:
            return "late"
        if answer.status == 503 and "503" not in may:
            return "503 without a reason"
        if answer.status == 0 and "no answer" not in may:
            return "no answer, without a reason"
        return ""

    def untrue(self, answer):
        """A GET tells the object of its job. What a POST was told was created meanwhile, or in the window before; or, where
        PostgreSQL's clock was stepped since, before a step that is no longer ago than a window."""
        job = self.jobs.get(answer.job_id)
        if job is None:
            return ""
        if answer.method == "GET":
            return "" if answer.object_id == job.object_id else f"object {answer.object_id}, it is {job.object_id}"
        earliest = answer.sent - (WINDOW if answer.status == 200 else 0)
        if earliest - 0.001 <= job.created <= answer.answered + 0.001:
            return ""
        step = self.clock.last_step(job.created, answer.answered)
        if answer.status == 200 and step and step >= earliest:
            return ""
        return f"{answer.status} for job {job.job_id} of {stamp(job.created)}"

    def survived(self, notes):
        yield from (f"process {pid}" for pid in notes.survivors)
        for worker, killed in notes.kills:
            for run in self.executions.values():
                if run.worker == worker and run.started < killed and run.ended and run.ended > killed + 0.5:
                    yield f"job {run.job_id}, attempt {run.attempt}: went on after process {worker} was killed"

    def taken(self, notes):
        """A worker keeps its jobs, and how they ended, unless it is killed or frozen, or told to stop before they end."""
        for run in self.executions.values():
            job = self.jobs.get(run.job_id)
            if job is None or run.attempt == job.attempt or run.worker in notes.disturbed:
                continue
            # What had ended since the dump runs again.
            if self.timeline and run.started < self.timeline.back:
                continue
            if run.ended or run.worker not in notes.stopped:
                yield f"job {job.job_id}: attempt {run.attempt} of process {run.worker}, which lived, was not the last"

    def announced_too_often(self, notes):
        """One message for each time that a job waits, and one more for each fault and each worker's stop meanwhile."""
        moments = collections.defaultdict(list)
        for message, job_id in self.messages.items():
            moments[job_id].append(int(message.split(b"-")[0]) / 1000)
        for job in self.jobs.values():
            count, last = len(moments[job.job_id]), max(moments[job.job_id], default=0)
            # The reconciler may still be about the fault when a job is made.
            faults = sum(event.start < last and job.created < event.recovered + LATE for event in self.events)
            stops = sum(job.created - GRACE < moment < last for moment, _ in notes.held)
            if count > job.attempt + faults + stops:
                yield f"job {job.job_id}: {count} messages, {job.attempt} attempts, {faults} faults, {stops} stops"

    def all(self, finals, repeated, notes):
        return {
            "lost jobs": list(self.lost()),
            "stuck jobs": list(self.stuck()),
            "duplicated ids": list(self.duplicated()),
            "final states that changed": list(self.changed(finals)),
            "runs too many of a claim or a final job": list(self.run_too_often(repeated)),
            "final states that the ledger contradicts": list(self.contradicted()),
            "wrong answers": list(self.wrong()),
            "commands that outlived a killed worker": list(self.survived(notes)),
            "jobs taken from a worker that lived": list(self.taken(notes)),
            "jobs announced again more than once": list(self.announced_too_often(notes)),
        }


def reruns(executions, kills, events):
    """For the executions that died with a killed worker: how long until each ran again. Those for which a fault of what
    they need came in between are left out."""
    later = collections.defaultdict(list)
    for run in executions.values():
        later[run.job_id].append(run)
    for worker, killed in kills:
        for run in executions.values():
            if run.worker != worker or run.ended is not None or run.started > killed:
                continue
            again = [other.started for other in later[run.job_id] if other.attempt > run.attempt]
            until = min(again, default=float("inf"))
            if not any(event.hurts_reruns and event.start < until and killed < event.recovered for event in events):
                yield until - killed


def pick_ups(jobs, outages):
    """How long the jobs that were made while Redis was away waited until a worker claimed them."""
    for gone, back in outages:
        yield from (job.started - job.created for job in jobs.values() if job.attempt == 1 and gone < job.created < back)


# What Redis could not take is announced so soon after it can.
ANNOUNCED_WITHIN = 10


def returns(jobs, stops):
    """For the jobs that waited when Redis took messages again: how long after the first of those that came when they had to
    be announced they were claimed. So a queue, however long, does not count."""
    for began, back in stops:
        newer = [job.started for job in jobs.values() if back + ANNOUNCED_WITHIN < job.created < back + 2 * ANNOUNCED_WITHIN]
        yield from (max(0, job.started - min(newer)) for job in jobs.values()
                    if newer and not job.lost and began < job.created < back < job.started)


def refusals(answers, outages):
    """How long a client waited for a 503 while PostgreSQL was away."""
    for gone, back in outages:
        yield from (each.answered - each.sent for each in answers if each.status == 503 and gone < each.sent < back)


def hand_backs(stack, jobs, executions, held):
    """How long after a worker was told to stop another one claimed what it had not started. `held` has all claims, shortly
    before each order."""
    orders = [
        datetime.datetime.fromisoformat(moment).timestamp()
        for moment in logged(stack, r"(?m)^(\S+Z) notice job-worker\S+ shutting down")]
    last = {claim: moment for moment, claims in held for claim in claims if claim not in executions}
    for (job_id, attempt), noted in last.items():
        job, told = jobs[job_id], min((order for order in orders if order > noted), default=None)
        if told and job.attempt == attempt + 1 and not job.lost:
            yield job.started - told


def logged(stack, pattern):
    """What the workers said: the first group of each match."""
    for log in (stack.run / "log").glob("job-worker_*.log*"):
        yield from re.findall(pattern, log.read_text(errors="replace"))
