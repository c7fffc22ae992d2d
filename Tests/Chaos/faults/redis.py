"""What Redis holds, and what it takes."""

import time

from faults.fault import fault, kill
from stack import Failure, wait_until


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
    stack.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    stack.redis("CONFIG", "SET", "maxmemory", "1")
    time.sleep(4)
    stack.redis("CONFIG", "SET", "maxmemory", "0")
