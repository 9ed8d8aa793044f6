"""Who uses the server during a soak: honest clients, whose answers are checked, and hostile
ones. Each is a coroutine that does one thing and ends; the soak runs it again and again."""

import asyncio
import json
import random
import time

from server import request

HEAD = b"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HOLD = 3.0  # seconds that a hostile client stays at most


class Wrong(Exception):
    """The server did not do what it should have."""


class Client:
    def __init__(self, port):
        self.port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 25)
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self):
        """The status and the body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def ask(self, method, path, body=None, headers=""):
        await self.send(request(method, path, body, headers))
        return await self.answer()

    async def wait_closed(self):
        """Until the server closes, or HOLD is over."""
        until = time.monotonic() + HOLD
        try:
            while (left := until - time.monotonic()) > 0 and await asyncio.wait_for(self.reader.read(65536), left):
                pass
        except (asyncio.TimeoutError, ConnectionError):
            pass


def expect(wanted, got):
    if wanted != got:
        raise Wrong(f"expected {wanted}, got {got}")


# --- honest -----------------------------------------------------------------------------


async def run_one(soak):
    value = random.randrange(10**9)
    async with Client(soak.port) as client:
        status, body = await client.ask("POST", "/v1/tasks?wait=30", {"function": "echo", "args": [value]})
        expect(201, status)
        expect(value, json.loads(body)["result"])
        for _ in range(5):
            status, _ = await client.ask("GET", "/v1/stats")
            expect(200, status)


async def run_meta(soak):
    parts = [{"$task": {"function": "echo", "args": [n]}} for n in range(20)]
    async with Client(soak.port) as client:
        status, body = await client.ask("POST", "/v1/tasks?wait=30", {"process": "sum", "args": parts})
        expect(201, status)
        expect(190, json.loads(body)["result"])


async def run_process(soak):
    async with Client(soak.port) as client:
        status, body = await client.ask("POST", "/v1/tasks?wait=30", {"function": "shout"})
        expect(201, status)
        expect(1, json.loads(body)["result"])


async def run_and_cancel(soak):
    async with Client(soak.port) as client:
        _, body = await client.ask("POST", "/v1/tasks", {"function": "sleep", "args": [60]})
        status, _ = await client.ask("POST", f"/v1/tasks/{json.loads(body)['id']}/cancel", {})
        if status not in (200, 202):
            raise Wrong(f"cancel: {status}")


async def follow(soak):
    channel = f"c{random.randrange(10**9)}"
    async with Client(soak.port) as stream, Client(soak.port) as client:
        await stream.send(request("GET", f"/v1/events?channel={channel}"))
        await asyncio.wait_for(stream.reader.readuntil(b": errand\n\n"), 30)
        await client.ask("POST", "/v1/tasks", {"function": "echo", "notify_channels": [channel]})
        await asyncio.wait_for(stream.reader.readuntil(b"task.succeeded"), 30)


async def put_large(soak):
    async with Client(soak.port) as client:
        _, body = await client.ask("POST", "/v1/tasks", {"function": "echo", "delay": 3600})
        path = f"/v1/tasks/{json.loads(body)['id']}/result"
        wide = b"[" + b"1," * 1000000 + b"1]"
        status, _ = await client.ask("PUT", path, wide)
        expect(200, status)
        status, body = await client.ask("GET", path)
        expect((200, len(wide)), (status, len(body)))


async def look_around(soak):
    async with Client(soak.port) as client:
        for path in ("/v1/tasks?limit=200", "/metrics", "/v1/functions", "/openapi.json", "/"):
            status, _ = await client.ask("GET", path)
            expect(200, status)


# --- hostile ----------------------------------------------------------------------------


def say(*texts, hold=True):
    """Sends bytes that promise more, and waits for the end."""

    async def actor(soak):
        async with Client(soak.port) as client:
            await client.send(random.choice(texts))
            if hold:
                await client.wait_closed()
            else:
                await asyncio.sleep(0.01)

    return actor


def drip(start, drop):
    async def actor(soak):
        async with Client(soak.port) as client:
            await client.send(start)
            for _ in range(int(HOLD * 10)):
                await client.send(drop)
                await asyncio.sleep(0.1)

    return actor


def refused(method, path, body, statuses, headers=""):
    async def actor(soak):
        async with Client(soak.port) as client:
            status, _ = await client.ask(method, path, body, headers)
            if status not in statuses:
                raise Wrong(f"{method} {path}: {status}")

    return actor


async def slow_stream(soak):
    async with Client(soak.port) as client:
        client.writer.transport.pause_reading()
        await client.send(request("GET", "/v1/events?last_event_id=0"))
        await asyncio.sleep(HOLD)


async def slow_answer(soak):
    async with Client(soak.port) as client:
        client.writer.transport.pause_reading()
        for _ in range(5):
            await client.send(request("GET", "/v1/tasks?limit=1000"))
        await asyncio.sleep(HOLD)


async def leave_while_waiting(soak):
    async with Client(soak.port) as client:
        _, body = await client.ask("POST", "/v1/tasks", {"function": "sleep", "args": [1]})
        await client.send(request("GET", f"/v1/tasks/{json.loads(body)['id']}?wait=60"))


SMUGGLED = request("POST", "/v1/tasks", {"function": "fail", "id": "smuggled"})
BOMB = b'{"process":"collect","args":[' + b'{"$task":"x"},' * 10001 + b"1]}"

# (actor, how many at a time)
HONEST = [(run_one, 4), (run_meta, 1), (run_process, 1), (run_and_cancel, 1), (follow, 2), (put_large, 1),
          (look_around, 1)]
HOSTILE = [
    (say(b""), 150),
    (say(b"GET /v1/tasks HTTP/1.1\r\nHo", HEAD), 150),
    (say(HEAD + b"Content-Length: 1000\r\n\r\n{"), 50),
    (say(HEAD + b"Content-Length: 1000\r\n\r\n{", b"G", hold=False), 5),
    (say(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000, b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n"), 5),
    (say(HEAD + b"Content-Length: 0\r\nContent-Length: 99\r\n\r\n" + SMUGGLED,
         HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED), 5),
    (say(HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", b"\x16\x03\x01\x02", b"\0" * 999), 5),
    (say(HEAD + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 100000), 5),
    (drip(b"GET / HTTP/1.1\r\n", b"X: y\r\n"), 20),
    (drip(HEAD + b"Content-Length: 99999\r\n\r\n", b" "), 20),
    (refused("POST", "/v1/tasks", b"[" * 1000000, (400,)), 1),
    (refused("POST", "/v1/tasks", BOMB, (422,)), 1),
    (refused("POST", "/v1/tasks", b'{"a":' * 100000, (400,)), 1),
    (refused("POST", "/v1/tasks", {"function": "echo"}, (403,), "Origin: http://evil.example\r\n"), 1),
    (refused("GET", "/v1/tasks?cursor=-1&" + "a=1&" * 100, None, (422,)), 1),
    (refused("GET", "/v1/tasks/%00%2e%2e%2f", None, (404,)), 1),
    (slow_stream, 20),
    (slow_answer, 3),
    (leave_while_waiting, 3),
    (say(request("GET", "/v1/events"), request("GET", "/v1/events?logs=1&channel=x")), 50),
]
