#!/usr/bin/env python3
"""Two functions of one warm worker: one that computes, in a thread, and one that waits, in the
event loop. docs/clients.md runs both.
"""

import asyncio
import hashlib
import os

import errand_worker
from errand_worker import cancelled, log, progress, task

PIECE = 1 << 20  # bytes


@task
def checksum(path, algorithm="sha256"):
    """The digest of a file, in hexadecimal."""
    digest, size = hashlib.new(algorithm), os.path.getsize(path)
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            if cancelled():
                return None
            digest.update(piece)
            progress(min(100 * file.tell() // size, 100), f"{file.tell()} of {size} bytes")
    return digest.hexdigest()


@task
async def probe(*addresses, timeout=2):
    """Which of these "host:port" take connections. All are tried at the same time."""

    async def answers(address):
        host, port = address.rsplit(":", 1)
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), timeout)
        except (OSError, asyncio.TimeoutError) as error:
            log(f"{address}: {error or 'no answer'}")
            return False
        writer.close()
        return True

    return dict(zip(addresses, await asyncio.gather(*map(answers, addresses))))


if __name__ == "__main__":
    errand_worker.run()
