"""A restored database: of the records of a run, those that it can know."""

import collections

# How long a worker may still start what it had claimed before.
LATE = 5


class Timeline:
    def __init__(self, began, jobs):
        self.began = began
        """When the dump was begun. What was committed before is in it."""
        self.jobs = jobs
        self.back = self.settled = float("inf")

    def finals(self):
        return {job.job_id: job.final for job in self.jobs.values() if job.end_time}

    def answers(self, answers):
        """Those of before the dump, and of after the restore."""
        return [each for each in answers if each.answered < self.began or each.sent > self.settled]

    def runs(self, runs, jobs):
        """Those of claims that are in the dump, or were made after the restore; of two with the same job and attempt,
        which a late start of an older claim can make, the one that can have ended the job."""
        claims = collections.defaultdict(list)
        for run in runs:
            if run.started > self.back or self.is_dumped(run):
                claims[run.job_id, run.attempt].append(run)
        for (job_id, attempt), alike in claims.items():
            job, last = jobs.get(job_id), alike[-1]
            if last.started < self.back + LATE and (job is None or attempt > job.attempt or last.object_id != job.object_id):
                continue
            if len(alike) > 1 and alike[-1].started < self.back + LATE:
                ended = [run for run in alike if job.ended and run.ended and run.ended < job.ended]
                alike = ended[-1:] or alike[-1:]
            yield from alike

    def is_dumped(self, run):
        job = self.jobs.get(run.job_id)
        return job is not None and job.object_id == run.object_id and run.attempt <= job.attempt

    def messages(self, messages):
        return {message: job for message, job in messages.items() if int(message.split(b"-")[0]) / 1000 > self.back}
