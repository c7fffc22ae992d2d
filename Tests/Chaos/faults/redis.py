"""What Redis holds, and what it takes."""

import signal
import time

from faults.fault import UNAVAILABLE, fault, kill
from load import Feeder
from stack import Failure, children, send, wait_until


@fault("flush redis", "redis", words=("FLUSHALL",))
@fault("delete the stream", "redis", words=("DEL", "jobs"))
def tell_redis(stack, notes, words):
    stack.redis(*words)


@fault("redis comes back with an old snapshot", "redis", lasts=4)
def restore_redis(stack, notes):
    snapshot = stack.run / "redis/dump.rdb"
    stack.redis("SAVE")
    time.sleep(2)
    kill(stack, stack.pid("redis-server"))

    wait_until(20, "redis loads the snapshot", lambda: answers(stack))
    snapshot.unlink()


def answers(stack):
    try:
        return stack.redis("PING") == "PONG"
    except Failure:
        return False


@fault("redis is full for 4 s", "redis", lasts=4)
def fill_redis(stack, notes):
    set_memory(stack, 1)
    time.sleep(4)
    set_memory(stack, 0)


@fault("redis is full while every worker is told to stop", "postgres", UNAVAILABLE, lasts=45)
def stop_workers_when_full(stack, notes):
    """PostgreSQL stands still, so that they have messages which they can neither claim nor put back. Later the stream is
    never empty: nothing else makes anybody look for a job without a message."""
    began = time.time()
    with Feeder(stack, notes):
        time.sleep(5)
        notes.note_claims()
        postgres = [stack.pid("postgres")]
        postgres += children(postgres[0])
        stack.freeze(postgres)
        time.sleep(2)
        set_memory(stack, 1)
        workers = stack.pids("job-worker")
        notes.disturbed.update(workers)
        for worker in workers:
            send(worker, signal.SIGTERM)
        time.sleep(5)
        stack.thaw(postgres)
        wait_until(40, "other workers run", lambda: stack.is_complete() and not set(workers) & set(stack.pids("job-worker")))
        set_memory(stack, 0)
        notes.full.append((began, time.time()))
        time.sleep(20)


def set_memory(stack, limit):
    stack.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    stack.redis("CONFIG", "SET", "maxmemory", str(limit))
