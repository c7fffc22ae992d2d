"""A proxy before PostgreSQL's socket, for connections that break at a bad moment: `proxy.py LISTEN SERVER`.

Takes orders on its standard input, a line each: `pass`, `answers SHARE` or `requests SHARE`; and answers each with how
many connections it has cut. Of the requests of a session that is set up, this share is cut: after the server has done
it and before its answer is passed on, or as soon as it is passed on.
"""

import asyncio
import random
import sys

READY_FOR_QUERY = b"Z\0\0\0\5I"


class Proxy:
    def __init__(self, server):
        self.server = server
        self.mode = "pass"
        self.share = 0.0
        self.cuts = 0

    async def serve(self, reader, writer):
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self.server)
        except OSError:
            writer.close()
            return
        session = Session(self)
        ways = [
            asyncio.create_task(session.pass_requests(reader, server_writer)),
            asyncio.create_task(session.pass_answers(server_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, server_writer):
            end.close()

    async def take_orders(self):
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := await orders.readline():
            words = line.decode().split()
            self.mode = words[0]
            self.share = float(words[1]) if len(words) > 1 else 0.0
            print(self.cuts, flush=True)


class Session:
    def __init__(self, proxy):
        self.proxy = proxy
        self.is_set_up = False
        self.loses_answer = False

    async def pass_requests(self, reader, writer):
        try:
            while data := await reader.read(65536):
                cut = self.is_set_up and self.proxy.mode != "pass" and random.random() < self.proxy.share
                self.proxy.cuts += cut
                self.loses_answer = self.loses_answer or (cut and self.proxy.mode == "answers")
                writer.write(data)
                await writer.drain()
                if cut and self.proxy.mode == "requests":
                    return
        except OSError:
            pass

    async def pass_answers(self, reader, writer):
        try:
            while data := await reader.read(65536):
                is_through = data.endswith(READY_FOR_QUERY)
                self.is_set_up = self.is_set_up or is_through
                if not self.loses_answer:
                    writer.write(data)
                    await writer.drain()
                elif is_through:
                    return
        except OSError:
            pass


async def main(listen, server):
    proxy = Proxy(server)
    await asyncio.start_unix_server(proxy.serve, listen, backlog=1000)
    print("ready", flush=True)
    await proxy.take_orders()


asyncio.run(main(*sys.argv[1:]))
