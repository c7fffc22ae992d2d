"""Every message of the stream, as Redis passes its writes on to a replica."""

import select
import socket
import threading
import time

from stack import Failure


class Messages:
    def __init__(self, stack):
        self.stack = stack
        self.jobs = {}
        """The job of each message, by the message's id."""
        self.counted, self.since = 0, (0, 0)
        """How many messages Redis must have counted since it was started or flushed. Seen are those after `since`."""
        self.is_following = threading.Event()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.stack.environment["REDIS_PORT"]), 60) as connection:
                    self.read(connection, connection.makefile("rb"))
            # Redis is away, loads its snapshot, or was killed in the middle of a line.
            except (OSError, EOFError, ValueError, Failure):
                time.sleep(0.005)

    def read(self, connection, replies):
        password = self.stack.environment["REDISCLI_AUTH"]
        # Redis is to wait for this replica neither when it starts to pass its writes on, nor when it stops.
        settings = "CONFIG SET repl-diskless-sync-delay 0 shutdown-timeout 0"
        for order in (f"AUTH {password}", settings, "REPLCONF capa eof", "SYNC"):
            connection.sendall(order.encode() + b"\r\n")
            first = replies.readline().strip()
            while order == "SYNC" and first == b"":
                first = replies.readline().strip()
            if not first.startswith((b"+OK", b"$EOF:")):
                raise EOFError
        # From here on Redis keeps every write.
        self.counted, self.since = self.count()
        skip_snapshot(replies, first[5:])
        connection.settimeout(None)
        # The rest is sent when Redis, in its own time, knows that this is done, and is told so then.
        while not select.select([connection], [], [], 0.05)[0]:
            connection.sendall(b"REPLCONF ACK 0\r\n")
        self.is_following.set()
        while words := reply(replies):
            name = words[0].upper()
            if name == b"XADD" and words[1] == b"jobs":
                self.jobs[words[2]] = int(dict(zip(words[3::2], words[4::2]))[b"id"])
                self.counted += stream_id(words[2].decode()) > self.since
            elif name == b"FLUSHALL" or name in (b"DEL", b"UNLINK") and b"jobs" in words:
                self.counted, self.since = 0, (0, 0)

    def count(self):
        """What Redis has counted, up to which message."""
        try:
            words = self.stack.redis("XINFO", "STREAM", "jobs").split()
        except Failure as failure:
            if "no such key" in str(failure):
                return 0, (0, 0)
            raise
        state = dict(zip(words, words[1:]))
        return int(state["entries-added"]), stream_id(state["last-generated-id"])

    def missed(self):
        """Says where Redis has counted other messages than were seen here."""
        time.sleep(0.5)
        counted, _ = self.count()
        return "" if counted == self.counted else f"Redis has counted {counted} messages, and {self.counted} were seen"


def stream_id(text):
    return tuple(map(int, text.split("-")))


def reply(replies):
    """Reads one command of the stream."""
    line = replies.readline()
    if not line.startswith(b"*"):
        raise EOFError
    return [replies.read(int(replies.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]


def skip_snapshot(replies, end):
    last = b""
    while not last.endswith(end):
        piece = replies.read1(65536)
        if not piece:
            raise EOFError
        last = (last + piece)[-len(end):]
