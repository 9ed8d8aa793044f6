#!/usr/bin/env python3
"""errand_remote: runs the tasks of a worker's files for a server elsewhere, over HTTP.

    errand_remote.py --server http://host:8080 --token-file token --max 4 my_functions.py

The server's manifests of these functions say {"mode": "remote"}. The files are the same that a
server would start as workers; errand_worker.py has to lie beside this one.

It leases tasks, runs them, says that it is alive and how far they are, and hands in results. A
lease that is lost is another worker's by now: what runs under it is cancelled and not handed in.
"""

import argparse
import asyncio
import collections
import http.client
import importlib.util
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.request

import errand_worker
from errand_worker import decode, encode, in_thread

PAUSE = 0.5  # seconds at least between two heartbeats of a lease
LAST_WORDS = 1  # seconds that a cancelled task gets when this program ends
LINES_KEPT, LINES_SENT = 10_000, 500  # log lines: in memory, in one heartbeat
LINE_MAX = 1000  # characters; a heartbeat has to stay below the server's --max-body

INTERRUPTED = {"code": "interrupted", "message": "the worker is stopping", "retry": True}


def say(text):
    print("errand_remote:", text, file=sys.stderr, flush=True)


async def within(seconds, event):
    """Waits for the event, but no longer than that."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        pass


class Unreachable(Exception):
    """No answer from the server, or one that says to come again later."""


class Server:
    def __init__(self, url, token):
        self.url = url.rstrip("/")
        self.headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self.headers["Authorization"] = "Bearer " + token

    async def call(self, method, path, text, seconds=10):
        """The answer's status and its value. Raises Unreachable."""
        return await in_thread(self._call, method, path, text, seconds)

    def _call(self, method, path, text, seconds):
        url, body = self.url + path, text.encode()
        request = urllib.request.Request(url, body, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, decode(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace").strip()
            if error.code == 429 or error.code >= 500:
                raise Unreachable(f"{error.code}: {body}") from None
            return error.code, body
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(str(error) or repr(error)) from None


class Backoff:
    """Pauses that double from a second to half a minute, with jitter."""

    def __init__(self):
        self.seconds = 1

    async def pause(self, unless):
        await within(self.seconds * random.uniform(0.5, 1), unless)
        self.seconds = min(2 * self.seconds, 30)


class Lease:
    """One task that the server has lent us."""

    def __init__(self, remote, grant):
        task = grant["task"]
        self.remote, self.grant = remote, task
        self.path = "/v1/leases/" + grant["lease"]
        self.ttl = remote.ttl
        self.valid_until = time.monotonic() + self.ttl
        self.task = errand_worker.Task(task["id"], task["function"], task["attempt"], self.tell)
        self.progress = {}  # news for the next heartbeat, as the lines are
        self.lines = collections.deque(maxlen=LINES_KEPT)
        self.stirred = asyncio.Event()  # there is something to say
        self.done = asyncio.Event()
        self.result = self.error = None
        self.cancel_asked = False  # by the server, not because this program ends
        self.lost = False

    async def run(self):
        if not self.done.is_set():
            self.task.start(self.grant["args"], self.grant["kwargs"], self.end)
        while not self.done.is_set():
            await within(self.ttl / 3, self.stirred)
            self.stirred.clear()
            if not self.done.is_set():
                await self.beat()
                await within(PAUSE, self.done)
        while (self.progress or self.lines) and not self.lost:
            if not await self.beat():
                break
        if not self.lost:
            await self.deliver()

    # What the task says. `tell` comes from any thread, `note` and `end` are in the loop.

    def tell(self, method, params):
        self.remote.loop.call_soon_threadsafe(self.note, method, params)

    def note(self, method, params):
        if method == "progress":
            self.progress = params
        else:
            self.lines.append(params["line"][:LINE_MAX])
        self.stirred.set()

    def end(self, result, error):
        if not self.done.is_set():
            self.result, self.error = result, error
            self.done.set()
            self.stirred.set()

    # What is said to the server.

    async def beat(self):
        """Renews the lease and tells the news. True if the server has had them."""
        progress, lines = self.progress, list(self.lines)[:LINES_SENT]
        news = {**progress, **({"log": lines} if lines else {})}
        asked = time.monotonic()
        try:
            status, answer = await self.remote.server.call(
                "POST", self.path + "/heartbeat", encode(news), max(self.ttl / 3, 1))
        except Unreachable as why:
            if time.monotonic() > self.valid_until:
                self.drop(why)
            return False
        if status in (404, 409):
            self.drop(answer)
            return False
        if self.progress is progress:
            self.progress = {}
        for _ in lines:
            self.lines.popleft()
        if status != 200:  # it does not like the news, so it has had them
            say(f"what task {self.task.id} says is refused: {answer}")
            return True
        self.valid_until = asked + self.ttl
        if answer["cancel"]:
            self.cancel_asked = True
            self.task.cancel()
        return True

    def drop(self, why):
        say(f"task {self.task.id} is not ours any more: {why}")
        self.lost = True
        self.task.cancel()

    def outcome(self):
        """Where it goes to, and the body."""
        if self.error is None:
            return "result", self.result
        code = self.error["code"]
        if code == errand_worker.SAFE_EXIT:
            return "result", "null"
        if code != errand_worker.CANCELLED:
            return "error", encode({**self.error, "code": "function-error", "retry": True})
        if self.cancel_asked:
            return "error", encode({**self.error, "code": "cancelled"})
        return "error", encode(INTERRUPTED)

    async def deliver(self):
        """Until the server has taken it, or says that nobody wants it."""
        backoff = Backoff()
        kind, text = self.outcome()
        while True:
            try:
                status, answer = await self.remote.server.call("PUT", f"{self.path}/{kind}", text)
            except Unreachable as why:
                say(f"the {kind} of task {self.task.id} waits: {why}")
                await backoff.pause(self.remote.hurry)
                if self.remote.hurry.is_set():
                    return
                continue
            if status in (404, 409):
                self.drop(answer)
            elif status >= 400 and kind == "result":
                code = "result-too-large" if status == 413 else "invalid-result"
                kind, text = "error", encode({"code": code, "message": answer, "retry": False})
                continue
            elif status >= 400:
                say(f"the error of task {self.task.id} is refused: {answer}")
            return


class Remote:
    """Leases tasks as long as there is room, and runs them."""

    def __init__(self, server, options):
        self.loop = asyncio.get_running_loop()
        self.server, self.ttl, self.wait = server, options.ttl, options.wait
        self.max, self.grace = options.max, options.grace
        self.leases = {}  # the lease by what runs it
        self.room = asyncio.Event()
        self.stopping = asyncio.Event()  # no new tasks
        self.hurry = asyncio.Event()  # no second try of anything
        self.grace_ends = None  # on the monotonic clock, once stopping is set
        self.failed = False

    async def run(self):
        """Until it is told to stop. Returns the exit status."""
        backoff = Backoff()
        while not self.stopping.is_set():
            self.room.clear()
            if len(self.leases) >= self.max:
                await self.room.wait()
                continue
            try:
                await self.poll()
                backoff = Backoff()
            except Unreachable as why:
                say(f"no tasks from {self.server.url}: {why}")
                await backoff.pause(self.stopping)
        await self.end()
        return 1 if self.failed else 0

    async def poll(self):
        wanted = encode({"functions": list(errand_worker.FUNCTIONS), "wait": self.wait,
                         "max": self.max - len(self.leases), "ttl": self.ttl})
        status, answer = await self.server.call("POST", "/v1/leases", wanted, self.wait + 10)
        if status != 200:
            say(f"{self.server.url} refuses: {answer}")
            self.failed = True
            return self.stop()
        for grant in answer["leases"]:
            lease = Lease(self, grant)
            if self.stopping.is_set():
                lease.end(None, errand_worker.CANCELLED_ERROR)
            running = asyncio.ensure_future(lease.run())
            self.leases[running] = lease
            running.add_done_callback(self.over)

    def over(self, running):
        del self.leases[running]
        self.room.set()
        running.result()  # raises what must not happen, so that it is seen

    def stop(self):
        """SIGTERM. The next one ends all at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.remove_signal_handler(number)
        say(f"ending: {len(self.leases)} tasks are running")
        self.grace_ends = time.monotonic() + self.grace
        self.stopping.set()
        self.room.set()

    async def end(self):
        """Running tasks get time; then they are asked to end, and given back."""
        await self.settle(max(self.grace_ends - time.monotonic(), 0))
        self.hurry.set()
        for lease in self.leases.values():
            lease.task.cancel()
        await self.settle(LAST_WORDS)
        for lease in self.leases.values():
            lease.end(None, errand_worker.CANCELLED_ERROR)
        await self.settle(self.ttl)

    async def settle(self, seconds):
        if self.leases:
            await asyncio.wait(list(self.leases), timeout=seconds)


def load(path):
    """The functions of an author's file. Its own run() must not serve standard input here."""
    errand_worker.run = lambda: None
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def read_options():
    parser = argparse.ArgumentParser(description="Runs tasks for an errand server elsewhere.")
    option = parser.add_argument
    option("files", nargs="+", help="Python files with @task functions")
    option("--server", default="http://127.0.0.1:8080", help="its URL (%(default)s)")
    option("--token-file", help="file that holds the bearer token; or set ERRAND_TOKEN")
    option("--max", type=int, default=4, help="tasks at once (%(default)s)")
    for name, default, meaning in (
            ("--ttl", 15, "that a lease lasts if the server hears nothing"),
            ("--wait", 5, "that a request for tasks waits for one"),
            ("--grace", 10, "that running tasks get when this program is to end")):
        option(name, type=float, default=default, help=f"seconds {meaning} (%(default)s)")
    return parser.parse_args()


async def serve(server, options):
    remote = Remote(server, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        remote.loop.add_signal_handler(number, remote.stop)
    return await remote.run()


def main():
    options = read_options()
    token = os.environ.get("ERRAND_TOKEN")
    if options.token_file:
        with open(options.token_file, encoding="utf-8") as file:
            token = file.read().strip()
    for path in options.files:
        load(path)
    errand_worker.show_prints_in_logs()
    return asyncio.run(serve(Server(options.server, token), options))


if __name__ == "__main__":
    sys.exit(main())
