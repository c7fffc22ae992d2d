"""The table of a run, and what is kept of it."""

import collections
import dataclasses
import json
import shutil

RERUN = "a job-worker was killed: its jobs run again"
SERVING = "PostgreSQL is back: a POST is answered with a 2xx"
RECOVERED = "a fault is over: a new job has run to its end"
REFUSED = "PostgreSQL is away: a request is answered with a 503"
PICKED_UP = "redis is away: a new job is claimed"
HANDED_BACK = "a job-worker is told to stop: what it had not started is claimed by another"
LOGS_UNREAD = "nobody reads the logs: a request is answered"
NAMES_SILENT = "the name server is silent: a request is answered"
NAMELESS = "the name server is silent: a new job is claimed"
RETURNED = "redis was full when the workers stopped: what waited is claimed later than what came 10 s later"
CLOCK_STEPPED = "PostgreSQL's clock was stepped, a job-worker killed: its jobs run again"
ROW_LOCKED = "a running job's row is locked: a new job has run"
BARS = {
    RERUN: ("p99", 15), SERVING: ("max", 2), RECOVERED: ("max", 30), REFUSED: ("p99", 1), PICKED_UP: ("max", 2),
    HANDED_BACK: ("max", 1), ROW_LOCKED: ("max", 10), CLOCK_STEPPED: ("max", 25), RETURNED: ("max", 5),
    LOGS_UNREAD: ("p99", 1), NAMES_SILENT: ("p99", 1), NAMELESS: ("max", 12),
}
# What a fault measures itself, while it lasts.
MEASURED = [ROW_LOCKED, CLOCK_STEPPED, LOGS_UNREAD, NAMES_SILENT]
IN_EVERY_RUN = {RERUN, SERVING, RECOVERED, REFUSED, PICKED_UP, HANDED_BACK}


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def figures(values):
    return {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values)}


def row(name, values, *more):
    shown = [f"{value:.2f}" for value in figures(values).values()] if values else ["-"] * 3
    return "| " + " | ".join([name, str(len(values)), *shown, *map(str, more)]) + " |"


def missed_bars(times):
    """What is slower than is promised, and what was not measured at all."""
    for name, values in times.items():
        which, limit = BARS[name]
        if not values:
            yield f"{name}: not measured"
        elif (value := figures(values)[which]) > limit:
            yield f"{name}: {which} {value:.2f} s, more than {limit} s"


def table(title, counts, evidence, times, events, troubles):
    lines = [title, "", "| what | count |", "| --- | ---: |"]
    lines += [f"| {name} | {count} |" for name, count in counts.items()]
    lines += [f"| **{name}** (must be 0) | {len(found)} |" for name, found in evidence.items()]
    if not events:
        return "\n".join(lines) + "\n"
    lines += ["", "| seconds | times | p50 | p99 | max | bar |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [row(name, values, "{} ≤ {}".format(*BARS[name])) for name, values in times.items()]
    lines += ["", "| seconds until a POST is answered with a 2xx | times | p50 | p99 | max "
              "| until that job has run: p50 | p99 | max | 503 | no answer |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    kinds = collections.defaultdict(list)
    for event in events:
        kinds[event.name].append(event)
    for name, alike in sorted(kinds.items()):
        seen = [sum(troubles[id(event)][status] for event in alike) for status in (503, 0)]
        ran = figures([event.recovered - event.back for event in alike])
        lines.append(
            row(name, [event.serving - event.back for event in alike], *(f"{value:.2f}" for value in ran.values()), *seen))
    return "\n".join(lines) + "\n"


def keep_records(folder, answers, events, jobs, executions, messages):
    for name, records in (("answers", answers), ("jobs", jobs), ("executions", executions)):
        with open(folder / f"{name}.jsonl", "w") as out:
            out.writelines(json.dumps(dataclasses.asdict(record)) + "\n" for record in records)
    with open(folder / "faults.jsonl", "w") as out:
        out.writelines(json.dumps({**vars(event), "may": sorted(event.may)}) + "\n" for event in events)
    with open(folder / "messages", "w") as out:
        out.writelines(f"{message.decode()} {job_id}\n" for message, job_id in messages.items())


def keep_logs(folder, stack):
    (folder / "log").mkdir(parents=True, exist_ok=True)
    for log in [*stack.work.glob("*.log"), *stack.run.glob("log/*.log*")]:
        shutil.copy(log, folder / "log")
