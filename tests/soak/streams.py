"""streams.py [COUNT]: so many event streams on one server (10,000), what each takes, how long a healthy
request takes beside them, and how long until all of them have an event."""

import resource
import selectors
import sys
import time

from server import Server, request

SPARE = 300  # descriptors that are not for streams
PROMPT = 1.0


def ask_often(server, times=200):
    took = []
    for _ in range(times):
        start = time.monotonic()
        server.ask("GET", "/v1/stats")
        took.append(time.monotonic() - start)
    took.sort()
    return took[times // 2] * 1000, took[-1] * 1000


def read_until(streams, words):
    """Seconds until all of them have these words."""
    start = time.monotonic()
    waiting = selectors.DefaultSelector()
    for stream in streams:
        stream.setblocking(False)
        waiting.register(stream, selectors.EVENT_READ, bytearray())
    while waiting.get_map():
        for key, _ in waiting.select(20):
            key.data.extend(key.fileobj.recv(65536))
            if words in key.data:
                waiting.unregister(key.fileobj)
    return time.monotonic() - start


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(int(sys.argv[1]) if len(sys.argv) > 1 else 10000, hard - SPARE)
    server = Server("--max-connections", str(count + 100), "--max-streams", str(count))
    ask_often(server)
    before, alone = server.status("VmRSS"), ask_often(server)
    streams = []
    for _ in range(count):
        stream = server.connect()
        stream.sendall(request("GET", "/v1/events?channel=news"))
        streams.append(stream)
    read_until(streams, b": errand\n\n")
    kb, beside = server.status("VmRSS") - before, ask_often(server)
    server.ask("POST", "/v1/tasks", {"function": "echo", "notify_channels": ["news"]})
    seconds = read_until(streams, b"task.succeeded")
    refused, _ = server.ask("GET", "/v1/events")
    for stream in streams:
        stream.close()
    print(f"{count} event streams: {kb * 1024 / count:.0f} bytes of resident memory each, {kb / 1024:.1f} MB in all")
    print(f"a healthy request: median {alone[0]:.2f} ms, slowest {alone[1]:.1f} ms without them; "
          f"{beside[0]:.2f} and {beside[1]:.1f} ms beside them")
    print(f"an event for all of them: {seconds:.2f} s; one stream more: {refused}")
    status = server.stop()
    return status != 0 or refused != 503 or beside[0] > PROMPT * 1000


sys.exit(main())
