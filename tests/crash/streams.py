"""Subscribers to server-sent events, who go on after each crash with the last id that they saw."""

import json
import socket
import threading
import time
import zlib

from book import TERMINAL
from server import PATIENCE


class Stream:
    """One connection. Iterating gives (id, type, data); the end of it is the end of the stream."""

    def __init__(self, server, path, last=None):
        port = server.address()
        self.socket = socket.create_connection((server.host, port), timeout=PATIENCE)
        resume = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}:{port}\r\n"
                            f"Accept: text/event-stream\r\n{resume}\r\n".encode())
        self.rest = b""
        head = self.until(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0

    def until(self, mark):
        """What comes before the mark; None if the stream ends first."""
        while mark not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                return None
            self.rest += more
        before, _, self.rest = self.rest.partition(mark)
        return before

    def __iter__(self):
        try:
            while (block := self.until(b"\n\n")) is not None:
                fields = dict(line.split(": ", 1) for line in block.decode().split("\n")
                              if ": " in line and not line.startswith(":"))
                if "data" in fields:
                    yield int(fields.get("id", -1)), fields["event"], fields["data"]
        except TimeoutError:
            raise AssertionError("not even a heartbeat came") from None
        except OSError:
            pass

    def close(self):
        self.socket.close()


class Event:
    def __init__(self, number, kind, data):
        self.id, self.type, self.sum = number, kind, zlib.crc32(data.encode())
        whole = json.loads(data)
        self.task, self.function = whole["task"], whole["function"]
        self.channels = whole.get("channels", [])
        self.attempt, self.state = whole.get("attempt"), whole["state"]


class Reader(threading.Thread):
    """Follows /v1/events. `wants` says which events are its own, as the query does."""

    def __init__(self, server, book, query, wants, start=None):
        super().__init__(name=f"reader {query or 'of all'}", daemon=True)
        self.server, self.book, self.query, self.wants = server, book, query, wants
        self.start_at = start  # None: with what comes next
        self.seen = []  # (id, checksum)
        self.resumed = 0
        self.stopping = threading.Event()

    def last(self):
        return self.seen[-1][0] if self.seen else self.start_at

    def run(self):
        try:
            while not self.stopping.is_set():
                self.follow()
        except Exception as error:
            self.book.fail(f"{self.name}: {type(error).__name__}: {error}")

    def follow(self):
        try:
            path = "/v1/events" + ("?" + self.query if self.query else "")
            stream = Stream(self.server, path, self.last())
        except OSError:
            time.sleep(0.01)
            return
        if stream.status != 200:  # draining
            stream.close()
            return
        self.resumed += bool(self.seen)
        for number, kind, data in stream:
            if kind == "reset":
                self.book.fail(f"{self.name}: reset after {self.last()}: {data}")
                continue
            self.seen.append((number, zlib.crc32(data.encode())))
            if self.stopping.is_set():
                break
        stream.close()

    def check(self, replay):
        """Against all events from the beginning on: none is missing, none came twice or changed."""
        if self.start_at is None and not self.seen:
            return
        first = self.seen[0][0] if self.start_at is None else 0
        wanted = [(e.id, e.sum) for e in replay if e.id >= first and self.wants(e)]
        if self.seen == wanted:
            return
        have, want = dict(self.seen), dict(wanted)
        self.book.fail(
            f"{self.name}: missing {sorted(set(want) - set(have))[:5]}, "
            f"not to be there {sorted(set(have) - set(want))[:5]}, "
            f"changed {[i for i in have if i in want and have[i] != want[i]][:5]}, "
            f"{len(self.seen)} seen, {len(wanted)} wanted, in order: "
            f"{[i for i, _ in self.seen] == sorted(have)}")


class TaskReader(threading.Thread):
    """Follows the events of one task after the other, each to its end."""

    def __init__(self, server, book, random):
        super().__init__(name="reader of tasks", daemon=True)
        self.server, self.book, self.random = server, book, random
        self.stories = {}  # task: [(id, checksum)]
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                found = [e for e in self.book.all()[-50:] if e.there and e.id not in self.stories]
                if found:
                    self.follow(self.random.choice(found))
                else:
                    time.sleep(0.01)
        except Exception as error:
            self.book.fail(f"{self.name}: {type(error).__name__}: {error}")

    def follow(self, entry):
        seen, ended = [], False
        while not ended and not self.stopping.is_set():
            try:
                stream = Stream(self.server, f"/v1/tasks/{entry.id}/events",
                                seen[-1][0] if seen else None)
            except OSError:
                time.sleep(0.01)
                continue
            status = stream.status
            if status == 503:
                stream.close()
                continue
            for number, kind, data in stream:
                seen.append((number, zlib.crc32(data.encode())))
                ended = kind.removeprefix("task.") in TERMINAL
            stream.close()
            if status == 404 and entry.delete_asked:
                return  # deleted meanwhile
            if status not in (0, 200):
                self.book.fail(f"events of {entry.id}: {status}, after {seen}")
                return
        if ended:
            self.stories[entry.id] = seen

    def check(self, replay):
        wanted = {}
        for event in replay:
            if event.task in self.stories:
                wanted.setdefault(event.task, []).append((event.id, event.sum))
        for task, seen in self.stories.items():
            self.book.expect(seen == wanted.get(task),
                             f"events of {task}: {seen}, not {wanted.get(task)}")


def replay(server, upto):
    """All that is kept, from the beginning on, to the end of the task `upto`."""
    stream, events = Stream(server, "/v1/events", "0"), []
    for number, kind, data in stream:
        events.append(Event(number, kind, data))
        if events[-1].task == upto and events[-1].state in TERMINAL:
            break
    stream.close()
    return events
