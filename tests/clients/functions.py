#!/usr/bin/env python3
"""What the tests of the clients run. functions.mjs is the same in JavaScript."""

import asyncio
import subprocess
import threading
import time

import errand_worker
from errand_worker import SafeExit, cancelled, current, log, progress, task


@task
def given(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@task(name="who-am-i")
def who_am_i():
    return [current().id, current().function, current().attempt]


@task
async def say():
    progress(40, "halfway")
    log("two\nlines")
    print("printed")
    print("no end", end="")
    progress(80)


@task
async def wait():
    """Until it is cancelled."""
    progress(1)
    try:
        await asyncio.sleep(60)
    finally:
        log("tidied up")


@task
def hold():
    """The same, with nothing to await."""
    progress(1)
    while not cancelled():
        time.sleep(0.01)


@task
def boast():
    progress(101)
    return "done"


@task
def nap(seconds):
    progress(1)
    time.sleep(seconds)
    return "rested"


meeting = threading.Barrier(3, timeout=5)


@task
def meet():
    """Ends when three of it run at once."""
    meeting.wait()


@task
def broken(message):
    raise ValueError(message)


@task
def leave():
    raise SafeExit()


@task
def no_json():
    return {1, 2}


@task
async def give_up():
    raise asyncio.CancelledError


@task
def noise():
    """Programs that a function starts share neither end of the conversation."""
    return subprocess.run("cat; echo noise", shell=True, check=False).returncode


print("ready")
if __name__ == "__main__":
    errand_worker.run()
