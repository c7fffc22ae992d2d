"""Which fault comes when."""

from faults import FAULTS
from faults.programs import RESTARTS
from faults.restore import RESTORE
from faults.snapshot import SNAPSHOT

# What the figures with a bar, and the fence, are about: in every run, however short.
ALWAYS = [
    "kill a job-worker", "freeze a job-worker until its jobs run again", "PostgreSQL is away for 3 s",
    "PostgreSQL recovers for 13 s from a backend's crash", "answers of PostgreSQL are lost for 3 s",
    "redis is away for 5 s", "the workers' host is an hour ahead, then behind",
]
# Only where FAULTS names it.
ON_REQUEST = [RESTORE]
ONCE = [RESTORE, SNAPSHOT]
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

    def __init__(self, rng, only, without):
        """`only` are pieces of names: each fault with one of them comes at least once, and no other does."""
        self.rng = rng
        possible = [each for each in FAULTS if each.name not in without and (only or each.name not in ON_REQUEST)]
        if only:
            possible = [each for each in possible if any(piece in each.name for piece in only)]
        self.first = [each for each in possible if only or each.name in ALWAYS]
        self.rest = [each for each in possible if each not in self.first]
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
            if each.name not in ONCE:
                self.rest.append(each)
            return [each] + ([self.rng.choice(partners)] if partners and self.rng.random() < 0.4 else [])
        return []


class RollingRestarts:
    """Every program of ours is told to stop, again and again, and nothing else."""
    first = ()

    def next(self, time_left, quiet_left):
        return [each for each in FAULTS if each.name in RESTARTS]
