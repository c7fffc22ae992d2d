"""Clients that ask through nginx and write down what they were told."""

import collections
import dataclasses
import http.client
import json
import random
import threading
import time

from stack import Failure

CLIENTS = 12
# Two slow cores, shared with others, have to keep up with these.
REQUESTS_A_SECOND = 180
HOT_OBJECTS = 20
PROBES = 2_000_000_000
# Below this, a job takes 3 s.
SLOW = -2_000_000_000


@dataclasses.dataclass
class Answer:
    """What one request came to. `status` is 0 where there was no answer, and `wrong` says what is wrong with it."""
    method: str
    number: int
    """The object of a POST, the job of a GET."""
    sent: float
    answered: float
    status: int
    job_id: int = 0
    object_id: int = None
    """Of the job that a GET was told of."""
    wrong: str = ""
    final: tuple = None
    """Status, end_time and message of a job that has ended."""


class Records:
    """What all clients were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = []
        self.told = []
        self.again = collections.deque()

    def add(self, answer):
        with self.lock:
            self.answers.append(answer)
            if answer.method == "POST" and answer.job_id:
                self.told.append(answer.job_id)
            elif answer.method == "POST":
                self.again.append(answer.number)

    def forget_told(self, known):
        """Asks for no other job of those told so far."""
        with self.lock:
            self.told = [job_id for job_id in self.told if job_id in known]

    def one_told(self, rng):
        with self.lock:
            recent = self.told[-100:] if rng.random() < 0.5 else self.told
            return rng.choice(recent) if recent else None

    def one_unanswered(self):
        with self.lock:
            return self.again.popleft() if self.again else None


class Client:
    """One connection to nginx, kept."""

    def __init__(self, port, records):
        self.port = port
        self.records = records
        self.connection = None

    def post(self, object_id):
        body = json.dumps({"object_id": object_id}).encode()
        return self.ask("POST", object_id, "/v1/jobs", body, {"Content-Type": "application/json"})

    def get(self, job_id):
        return self.ask("GET", job_id, f"/v1/jobs/{job_id}", None, {})

    def ask(self, method, number, path, body, headers):
        answer = Answer(method, number, time.time(), 0, 0)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            text = response.read()
            answer.status = response.status
            judge(answer, response.headers, text)
        except (OSError, http.client.HTTPException):
            self.close()
        answer.answered = time.time()
        self.records.add(answer)
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def judge(answer, headers, text):
    """Reads an answer, and says what is wrong with it; when a 503 is allowed is seen later."""
    try:
        content = json.loads(text)
        if answer.status == 503:
            assert headers["Content-Type"] == "application/problem+json", "not a problem"
            assert content["status"] == 503 and headers["Retry-After"], "an incomplete problem"
        elif answer.method == "POST":
            assert answer.status in (200, 201), f"status {answer.status}"
            assert headers["Content-Type"] == "application/json", "not JSON"
            assert set(content) == {"job_id"} and type(content["job_id"]) is int, "not a job's id"
            assert headers["Location"] == f"/v1/jobs/{content['job_id']}", "the wrong Location"
            answer.job_id = content["job_id"]
        else:
            assert answer.status == 200, f"status {answer.status}"
            read_job(answer, content)
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        answer.wrong = f"{error or type(error).__name__}: {text[:200]!r}"


def read_job(answer, job):
    assert job["job_id"] == answer.number, "another job"
    assert job["status"] in ("created", "running", "success", "failed"), "an unknown status"
    has_ended = job["status"] in ("success", "failed")
    assert (job["end_time"] is not None) == has_ended, "end_time and status disagree"
    assert (job["message"] is not None) == (job["status"] == "failed"), "message and status disagree"
    answer.job_id, answer.object_id = job["job_id"], job["object_id"]
    if has_ended:
        answer.final = (job["status"], job["end_time"], job["message"])


class Load:
    """Clients in threads of their own, until `stop`."""

    def __init__(self, port, records, seed, rate):
        self.port = port
        self.pause = CLIENTS / rate
        self.records = records
        self.stopping = threading.Event()
        self.may_ask = threading.Event()
        self.may_ask.set()
        self.threads = [
            threading.Thread(target=self.work, args=(random.Random(f"{seed} {number}"),), daemon=True)
            for number in range(CLIENTS)
        ]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        self.may_ask.set()
        for thread in self.threads:
            thread.join(30)

    def work(self, rng):
        client = Client(self.port, self.records)
        next_at = time.time() + rng.random() * self.pause
        while not self.stopping.wait(max(0, next_at - time.time())):
            self.may_ask.wait()
            # What a fault held up is not made up for at once.
            next_at = max(next_at + self.pause, time.time() - self.pause)
            self.ask_something(client, rng)
            # Connections of all ages, spread over all of nginx.
            if rng.random() < 0.05:
                client.close()
        client.close()

    def ask_something(self, client, rng):
        job_id = self.records.one_told(rng)
        unanswered = self.records.one_unanswered() if rng.random() < 0.5 else None
        choice = rng.random()
        if unanswered is not None:
            client.post(unanswered)
        elif job_id is not None and choice < 0.45:
            client.get(job_id)
        elif choice < 0.75:
            client.post(rng.choice((1, -1)) * rng.randrange(10_000_000, PROBES))
        elif choice < 0.9:
            client.post(rng.randrange(HOT_OBJECTS))
        else:
            # All clients that come here within 0.1 s ask for the same object at the same moment.
            moment = int(time.time() * 10) + 1
            time.sleep(max(0, moment / 10 - time.time()))
            client.post(1_000_000 + moment % 1_000_000)


class Prober:
    """Asks the service for one thing after the other, and measures how long each answer took."""

    def __init__(self, port, notes):
        self.port = port
        self.notes = notes
        self.took = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)

    def work(self):
        client = Client(self.port, self.notes.records)
        while not self.stopping.wait(0.02):
            self.took.append(self.see_health())
            told = client.post(self.notes.new_probe())
            self.took.append(told.answered - told.sent)
            if told.job_id:
                shown = client.get(told.job_id)
                self.took.append(shown.answered - shown.sent)
        client.close()

    def see_health(self):
        began = time.time()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status != 200:
                return float("inf")
        except (OSError, http.client.HTTPException):
            return float("inf")
        finally:
            connection.close()
        return time.time() - began


class Feeder:
    """In place of the other clients: some new jobs a second, and always so many that the stream is never empty, and every
    worker has all it can take."""
    WAITING = 60

    def __init__(self, stack, notes):
        self.stack = stack
        self.notes = notes
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    __enter__, __exit__ = Prober.__enter__, Prober.__exit__

    def waiting(self):
        """How many messages no worker has fetched."""
        try:
            pending = self.stack.redis("XPENDING", "jobs", "workers").split()
            return int(self.stack.redis("XLEN", "jobs")) - int(pending[0])
        except (Failure, ValueError, IndexError):
            return self.WAITING

    def work(self):
        client, number = Client(self.stack.port, self.notes.records), SLOW
        self.notes.load.may_ask.clear()
        while not self.stopping.wait(0.1):
            for _ in range(30 if self.waiting() < self.WAITING else 1):
                number -= 1
                client.post(number)
        self.notes.load.may_ask.set()
        client.close()
