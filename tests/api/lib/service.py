#!/usr/bin/env python3
"""service.py FOLDER [CERTIFICATE KEY]: an HTTP service that answers as its callers ask.

It prints its port. The task's args are the answers, one for each attempt, the last
for all that follow; a call of another path than / gets answer["at"][path]. An answer:

    status, headers, body    body is text; "bytes" is the same, a byte a character
    raw                      sent as it is, then the connection is closed
    again                    sent after raw, again and again for ever
    date                     Retry-After as a date so many seconds from now
    hold                     answers only when FOLDER/release is there
    endless                  the body never ends

FOLDER/calls gets a line for each thing that happens: `open N`, `call N METHOD PATH
ID ATTEMPT`, `close N`, where N counts connections. FOLDER/request-ID is the last request.
"""

import asyncio
import email.utils
import json
import os
import resource
import ssl
import sys
import time

folder = sys.argv[1]
calls = os.open(f"{folder}/calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
connections = 0


def note(*words):
    os.write(calls, (" ".join(map(str, words)) + "\n").encode())


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    method, path, _ = lines[0].split(" ")
    return method, path, head, body


def render(answer):
    body = answer["bytes"].encode("latin-1") if "bytes" in answer else answer.get("body", "").encode()
    headers = dict(answer.get("headers", {}))
    if "date" in answer:
        headers["Retry-After"] = email.utils.formatdate(time.time() + answer["date"], usegmt=True)
    if "endless" not in answer:
        headers["Content-Length"] = len(body)
    lines = [f"HTTP/1.1 {answer.get('status', 200)} As Asked"] + [f"{k}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def released(reader):
    """False if the caller went away first."""
    gone = asyncio.ensure_future(reader.read(1))
    while not os.path.exists(f"{folder}/release"):
        done, _ = await asyncio.wait([gone], timeout=0.02)
        if done:
            return False
    gone.cancel()
    await asyncio.wait([gone])
    return True


async def endless(writer):
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def answer_of(path, body, last):
    """The answer, and the task it is for; a GET after a redirect has no body of its own."""
    task = json.loads(body) if body else last
    args = task["args"]
    answer = args[min(task["attempt"], len(args)) - 1]
    return task, answer if path == "/" else answer["at"][path]


async def serve(reader, writer, number):
    last = None
    while True:
        method, path, head, body = await read_request(reader)
        last, answer = answer_of(path, body, last)
        with open(f"{folder}/request-{last['id']}", "wb") as file:
            file.write(head + body)
        note("call", number, method, path, last["id"], last["attempt"])
        if answer.get("hold") and not await released(reader):
            return
        if "raw" in answer:
            writer.write(answer["raw"].encode("latin-1"))
            await writer.drain()
            while "again" in answer:
                writer.write(answer["again"].encode("latin-1"))
                await writer.drain()
            return
        writer.write(render(answer))
        if answer.get("endless"):
            await endless(writer)
        await writer.drain()


async def connected(reader, writer):
    global connections
    connections += 1
    number = connections
    note("open", number)
    try:
        await serve(reader, writer, number)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
        note("close", number)


async def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = None
    if len(sys.argv) > 2:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context, backlog=2000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
