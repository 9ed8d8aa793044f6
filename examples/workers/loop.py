#!/usr/bin/env python3
"""A worker: one warm process, an event loop, many tasks at once (docs/functions.md)."""

import asyncio
import json
import sys
import traceback

running = {}  # task id: asyncio.Task


def send(**message):
    """One message a line; standard output is for nothing else."""
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


async def add(task, *numbers):
    return sum(numbers)


async def slow(task, seconds=1):
    for step in range(10):
        send(method="progress", params={"id": task, "progress": step * 10, "message": "waiting"})
        await asyncio.sleep(seconds / 10)
    send(method="log", params={"id": task, "line": f"waited {seconds} s"})
    return seconds


FUNCTIONS = {"add": add, "slow": slow}


async def work(task, method, params):
    try:
        result = await FUNCTIONS[method](task, *params["args"], **params["kwargs"])
        answer = {"result": result}
    except asyncio.CancelledError:
        answer = {"error": {"code": -32800, "message": "cancelled"}}
    except Exception as error:
        data = traceback.format_exc()  # for the task's log
        answer = {"error": {"code": 1, "message": str(error) or repr(error), "data": data}}
    del running[task]
    send(id=task, **answer)


async def main():
    reader = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():  # the end of input: the server lets it go
        message = json.loads(line)
        params = message["params"]
        if "id" in message:
            task = message["id"]
            running[task] = asyncio.create_task(work(task, message["method"], params))
        elif message["method"] == "cancel" and params["id"] in running:
            running[params["id"]].cancel()


asyncio.run(main())
