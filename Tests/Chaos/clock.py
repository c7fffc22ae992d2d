"""The clock of PostgreSQL, which faults step: what its stamps are in the right time."""

import time


class Clock:
    def __init__(self):
        self.steps = [(time.time(), 0)]
        """When, in the right time, it was set to so many seconds ahead."""

    def note(self, seconds):
        self.steps.append((time.time(), seconds))

    def right(self, stamp):
        """The steps are of hours and a run is shorter: no two of them can give the same stamp."""
        if stamp is None:
            return None
        ends = [begin for begin, _ in self.steps[1:]] + [float("inf")]
        for (begin, seconds), end in zip(self.steps, ends):
            if begin - 1 <= stamp - seconds <= end + 1:
                return stamp - seconds
        return stamp

    def last_step(self, begin, end):
        """The last one in this time; None where there was none."""
        return max((moment for moment, _ in self.steps if begin <= moment <= end), default=None)
