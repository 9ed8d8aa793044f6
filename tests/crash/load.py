"""Clients that ask for all that can be asked for, while the server is killed under them.

Each has random numbers of its own, so that a seed says what it asks for; what the answers are is
a matter of time."""

import random
import threading
import time

from book import Entry, TERMINAL
from server import Client, Lost

CHANNELS = ["c0", "c1", "c2"]
LIVE_MAX = 25  # tasks of one client that have not ended; then it waits for some


class Load(threading.Thread):
    def __init__(self, server, book, seed, number):
        super().__init__(name=f"client-{number}", daemon=True)
        self.server, self.book = server, book
        self.client = Client(server)
        self.random = random.Random(f"{seed} client {number}")
        self.name_of = f"t{number}-"
        self.made = 0
        self.live = []  # entries that may not have ended
        self.stopping = threading.Event()

    # --- a loop ------------------------------------------------------------------

    def run(self):
        actions = [(self.single, 8), (self.array, 2), (self.meta, 4), (self.once, 3),
                   (self.shared, 3), (self.from_outside, 1), (self.cancel, 4), (self.insist_on_end, 1),
                   (self.read_once, 1), (self.remove, 2), (self.drop, 1), (self.look, 3)]
        calls, weights = zip(*actions)
        try:
            while not self.stopping.is_set():
                self.random.choices(calls, weights)[0]()
                if len(self.live) > LIVE_MAX:
                    self.wait_for_some()
        except Exception as error:  # a client that is gone would make the test an easy one
            self.book.fail(f"{self.name}: {type(error).__name__}: {error}")

    def stop(self):
        self.stopping.set()

    # --- helpers -----------------------------------------------------------------

    def new(self, function, value=None):
        self.made += 1
        entry = Entry(f"{self.name_of}{self.made}", function, value)
        self.live.append(entry)
        return entry

    def options(self):
        r = self.random
        body = {"notify_channels": r.sample(CHANNELS, r.randrange(3))}
        if r.random() < 0.2:
            body["delay"] = round(r.uniform(0.05, 0.8), 2)
        if r.random() < 0.2:
            body["priority"] = r.randrange(-5, 6)
        return body

    def leaf(self):
        """An entry and what is posted for it."""
        r = self.random
        function = r.choice(["give", "give", "give", "nap", "flaky", "next", "warm", "warm", "far",
                             "call", "alone", "brittle", "echo", "echo"])
        entry = self.new(function, r.randrange(1000))
        body = {"id": entry.id, "function": function, "args": [entry.value]}
        if function == "nap":
            body["args"].append(round(r.uniform(0.02, 0.4), 2))
        return entry, body

    def tree(self, depth):
        """A meta-task; entries of it and of all that it brings along."""
        r = self.random
        entry = self.new(r.choice(["sum", "collect"]))
        args, values, family = [], [], [entry]
        for _ in range(r.randrange(1, 4)):
            kind = r.random()
            if kind < 0.2:
                args.append(r.randrange(100))
                values.append(args[-1])
                continue
            if kind < 0.3 and entry.function == "collect":
                args.append({"$task": {"function": "fail", "args": ["so"]}, "optional": True})
                values.append(None)
                continue
            if kind < 0.45 and depth < 3 and entry.function == "collect":
                below, body = self.tree(depth + 1)
            else:
                child, body = self.leaf()
                below = [child]
            args.append({"$task": body})
            values.append(below[0].value)
            family += below
        entry.value = sum(values) if entry.function == "sum" else values
        return family, {"id": entry.id, "process": entry.function, "args": args}

    def post(self, entries, body, *also):
        """Creates; if the answer is lost, sometimes asks again: then the ids may be taken."""
        for entry in entries:
            entry.family = entries
        self.book.add(*entries)
        try:
            status, _, answer = self.client.ask("POST", "/v1/tasks", body, *also)
        except Lost:
            self.book.count("answers to a create that were lost")
            if self.random.random() < 0.5:
                return
            status, _, answer, _ = self.client.insist("POST", "/v1/tasks", body, *also)
        taken = status == 409 and answer["type"].endswith("duplicate-id")
        if self.book.expect(status == 201 or taken, f"POST {body}: {status} {answer}"):
            for entry in entries:
                entry.there = True

    # --- what is asked -----------------------------------------------------------

    def single(self):
        entry, body = self.leaf()
        self.post([entry], {**body, **self.options()})

    def array(self):
        """Some tasks, and one that refers to the others by id."""
        if self.random.random() < 0.1:
            self.many()
            return
        pairs = [self.leaf() for _ in range(self.random.randrange(1, 9))]
        top = self.new("collect", [entry.value for entry, _ in pairs])
        bodies = [body for _, body in pairs]
        bodies.append({"id": top.id, "process": "collect",
                       "args": [{"$task": entry.id} for entry, _ in pairs], **self.options()})
        self.post([entry for entry, _ in pairs] + [top], bodies)

    def many(self):
        """Tasks and results that fill some pages of the database in one transaction."""
        text = "x" * self.random.randrange(4000)
        entries = [Entry(self.new("echo").id, "echo", f"{i}{text}") for i in range(100)]
        del self.live[-100:]
        self.post(entries, [{"id": entry.id, "function": "echo", "args": [entry.value]}
                            for entry in entries])
        for entry in entries:
            entry.family = [entry]

    def meta(self):
        family, body = self.tree(1)
        self.post(family, {**body, **self.options()})

    def once(self):
        """A create that is sent until it is answered, under one Idempotency-Key."""
        r = self.random
        self.made += 1
        key = f"{self.name_of}key-{self.made}"
        body = {"function": "give", "args": [r.randrange(1000)], "metadata": {"once": key}}
        headers = {"Idempotency-Key": key}
        several = r.random() < 0.3
        if several:
            body = [body] * r.randrange(1, 20)
        status, _, answer, lost = self.client.insist("POST", "/v1/tasks", body, headers)
        if not self.book.expect(status == 201, f"POST {body}: {status} {answer}"):
            return
        for task in answer["tasks"] if several else [answer]:
            entry = Entry(task["id"], "give", task["args"][0])
            entry.there = True
            self.book.add(entry)
            self.live.append(entry)
            self.book.by_key.setdefault(key, set()).add(entry.id)
        if lost or r.random() < 0.3:
            status, head, again, _ = self.client.insist("POST", "/v1/tasks", body, headers)
            self.book.expect(status == 201 and again == answer and
                             head.get("Idempotency-Replayed") == "true",
                             f"{key} again: {status} {again}")
            self.book.count("creates sent twice under one Idempotency-Key")

    def shared(self):
        """The clients choose from few keys, so that many meet."""
        number = self.random.randrange(1 + self.made // 10)
        key = f"shared-{number}"
        body = {"function": "nap", "args": [number, 0.1], "cache_key": key}
        try:
            status, _, answer = self.client.ask("POST", "/v1/tasks", body)
        except Lost:
            return
        if not self.book.expect(status in (200, 201), f"POST {body}: {status} {answer}"):
            return
        with self.book.lock:
            entry = self.book.entries.setdefault(answer["id"], Entry(answer["id"], "nap", number))
        entry.there = True
        self.book.count("creates that joined another" if status == 200 else "creates with a key")
        if status == 200 and "subscription" in answer and self.random.random() < 0.3:
            self.leave(entry, answer["subscription"])

    def leave(self, entry, subscription):
        """One of several goes: the task goes on for the others, or ends if there are none."""
        entry.cancel_asked = True
        try:
            status, _, task = self.client.ask("POST", f"/v1/tasks/{entry.id}/cancel",
                                              {"subscription": subscription})
        except Lost:
            return
        if self.book.expect(status in (200, 202), f"leaving {entry.id}: {status} {task}"):
            entry.cancelled = entry.cancelled or task["cancelled"]

    def from_outside(self):
        """A task that nobody runs: its result is put."""
        entry = self.new("outside", self.random.randrange(1000))
        body = {"id": entry.id, "function": "outside"}
        self.book.add(entry)
        self.client.insist("POST", "/v1/tasks", body)
        entry.there = True
        status, _, answer, lost = self.client.insist("PUT", f"/v1/tasks/{entry.id}/result",
                                                     entry.value)
        self.book.expect(status == 200 or (status == 409 and lost),
                         f"PUT of {entry.id}: {status} {answer}")

    def cancel(self):
        found = [e for e in self.live[-12:] if e.there and not e.cancel_asked
                 and not e.delete_asked]
        if not found:
            return
        self.cancel_one(self.random.choice(found))

    def cancel_one(self, entry):
        for one in entry.family:
            one.cancel_asked = True
        try:
            status, _, task = self.client.ask("POST", f"/v1/tasks/{entry.id}/cancel")
        except Lost:
            return
        if not self.book.expect(status in (200, 202), f"cancel of {entry.id}: {status} {task}"):
            return
        self.book.saw(task)
        if task["cancelled"]:
            entry.cancelled = True
            entry.never_ran = task["state"] == "cancelled" and task["attempt"] == 0
            self.book.count("cancels answered")

    def insist_on_end(self):
        """Cancels a task that runs and does not listen, so that it takes a while to die."""
        entry = self.new("stubborn", self.random.randrange(1000))
        self.post([entry], {"id": entry.id, "function": "stubborn", "args": [entry.value]})
        if not entry.there:
            return
        for _ in range(20):
            try:
                _, _, task = self.client.ask("GET", f"/v1/tasks/{entry.id}?wait=0.05")
            except Lost:
                return
            if task["state"] == "running":
                self.cancel_one(entry)
                return

    def read_once(self):
        """A result that the first read takes."""
        entry = self.new("echo", self.random.randrange(1000))
        entry.once = True
        self.post([entry], {"id": entry.id, "function": "echo", "args": [entry.value],
                            "result_access": "once"})
        if not entry.there:
            return
        try:
            entry.read_asked = True
            status, _, value = self.client.ask("GET", f"/v1/tasks/{entry.id}/result?wait=5")
        except Lost:
            return
        entry.read = status == 200
        self.book.expect(status == 202 or (status, value) == (200, entry.value),
                         f"result of {entry.id}, to be read once: {status} {value}")

    def drop(self):
        """Tasks for tomorrow, cancelled by their channel today."""
        self.made += 1
        channel = f"{self.name_of}drop-{self.made}"
        entries = [Entry(f"{channel}-{i}", "give", 0) for i in range(3)]
        for entry in entries:
            entry.cancel_asked = True
        self.post(entries, [{"id": entry.id, "function": "give", "args": [0], "delay": 86400,
                             "notify_channels": [channel]} for entry in entries])
        status, _, answer, lost = self.client.insist("POST", "/v1/tasks/cancel",
                                                     {"channel": channel})
        there = all(entry.there for entry in entries)
        if self.book.expect(status == 202 and (lost or not there or answer["cancelled"] == 3),
                            f"cancel of {channel}: {status} {answer}"):
            for entry in entries:
                entry.cancelled = entry.never_ran = entry.there

    def remove(self):
        found = [e for e in self.book.all()[-200:] if e.ended and len(e.family) == 1
                 and e.id.startswith(self.name_of) and not e.delete_asked]
        if not found:
            return
        entry = self.random.choice(found)
        entry.delete_asked = True
        try:
            status, _, answer = self.client.ask("DELETE", f"/v1/tasks/{entry.id}")
        except Lost:
            return
        entry.deleted = status == 204
        self.book.expect(status == 204, f"DELETE {entry.id}: {status} {answer}")
        self.book.count("deletes answered")

    def look(self):
        if self.live:
            self.look_at(self.random.choice(self.live), 0)

    def look_at(self, entry, wait):
        """True: it need not be looked at any more."""
        try:
            status, _, task = self.client.ask("GET", f"/v1/tasks/{entry.id}?wait={wait}")
        except Lost:
            return False
        if status == 404:
            self.book.expect(not entry.there or entry.delete_asked,
                             f"{entry.id} was acknowledged and is not there")
            return True
        self.book.saw(task)
        return task["state"] in TERMINAL

    def wait_for_some(self):
        """Until half of them have ended."""
        until = time.monotonic() + 120
        while len(self.live) > LIVE_MAX // 2 and not self.stopping.is_set():
            self.live = [e for e in self.live if not self.look_at(e, 0)]
            if len(self.live) > LIVE_MAX // 2:
                self.look_at(self.live[0], 0.2)
            if time.monotonic() > until:
                raise AssertionError(f"nothing ends: {[e.id for e in self.live]}")


class Worker(threading.Thread):
    """A worker elsewhere: it leases tasks of the function far, and may be cut off at any time."""

    def __init__(self, server, book):
        super().__init__(name="worker", daemon=True)
        self.server, self.book = server, book
        self.client = Client(server)
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.lease()
        except Exception as error:
            self.book.fail(f"{self.name}: {type(error).__name__}: {error}")

    def lease(self):
        try:
            status, _, answer = self.client.ask("POST", "/v1/leases", {
                "functions": ["far"], "max": 4, "wait": 0.3, "ttl": 1})
        except Lost:
            return
        if not self.book.expect(status in (200, 503), f"POST /v1/leases: {status} {answer}"):
            return
        for lease in answer.get("leases", []):
            task = lease["task"]
            with open(self.server.folder.ledger, "a", encoding="ascii") as ledger:
                ledger.write(f"{task['id']} {task['attempt']}\n")
            status, _, answer, _ = self.client.insist(
                "PUT", f"/v1/leases/{lease['lease']}/result", task["args"][0])
            self.book.expect(status in (200, 409, 503),
                             f"result of {task['id']}: {status} {answer}")

    def stop(self):
        self.stopping.set()
