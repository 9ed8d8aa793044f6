"""A server that lends tasks (design 4.9) and remembers what is said about them. It has no rules of
its own: the test says what it answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from programs import LIMIT


class Lease:
    def __init__(self, name, function, args, cancel=False, statuses=()):
        self.name, self.function, self.args = name, function, args
        self.cancel = cancel  # what a heartbeat answers
        self.statuses = list(statuses)  # of the next answers to PUT; then 200
        self.heartbeats = []  # their bodies
        self.ends = []  # ("result" or "error", body)
        self.lost = False  # whatever is said with it: 409

    def told(self):
        """All that the heartbeats said: the newest progress, the lines."""
        progress, lines = {}, []
        for news in self.heartbeats:
            lines += news.get("log", [])
            if "progress" in news:
                progress = {key: news[key] for key in news if key != "log"}
        return progress, lines


class Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients that are killed reset their connections."""


class LeaseServer:
    """Use it in a `with`."""

    def __init__(self, port=0):
        self.changed = threading.Condition()
        self.queued, self.lent, self.polls, self.tokens = [], {}, [], []
        self.refusal = None  # the status that every request for tasks gets
        self.http = Http(("127.0.0.1", port), self.handler())
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def give(self, function, *args, **how):
        with self.changed:
            name = f"lease-{len(self.queued) + len(self.lent)}"
            lease = Lease(name, function, args, **how)
            self.queued.append(lease)
            self.changed.notify_all()
        return lease

    def wait_until(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, LIMIT):
                raise AssertionError("it did not happen")

    def end_of(self, lease):
        self.wait_until(lambda: lease.ends)
        return lease.ends[-1]

    # What the routes do: each returns a status and a value.

    def lend(self, wanted):
        self.polls.append(wanted)
        self.changed.notify_all()
        if self.refusal:
            return self.refusal, {"title": "no"}
        self.changed.wait_for(lambda: self.queued, wanted["wait"])
        granted, self.queued = self.queued[:wanted["max"]], self.queued[wanted["max"]:]
        self.lent.update((lease.name, lease) for lease in granted)
        return 200, {"leases": [
            {"lease": lease.name, "expires_at": "2026-01-01T00:00:00.000Z",
             "task": {"id": "task-of-" + lease.name, "function": lease.function, "attempt": 2,
                      "args": lease.args, "kwargs": {}}} for lease in granted]}

    def say(self, name, what, body):
        lease = self.lent[name]
        if lease.lost:
            return 409, {"title": "the lease is over"}
        if what == "heartbeat":
            lease.heartbeats.append(body)
            if not 0 <= body.get("progress", 0) <= 100:
                return 422, {"title": "no such progress"}
            return 200, {"cancel": lease.cancel, "expires_at": "2026-01-01T00:00:00.000Z"}
        lease.ends.append((what, body))
        return (lease.statuses.pop(0) if lease.statuses else 200), {}

    def handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                words = self.path.split("/")[3:]
                with server.changed:
                    server.tokens.append(self.headers["Authorization"])
                    status, value = server.say(*words, body) if words else server.lend(body)
                    server.changed.notify_all()
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        return Handler
