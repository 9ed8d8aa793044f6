"""What was asked and what was answered: what has to be true in the end follows from it."""

import threading


class Entry:
    """One task."""

    def __init__(self, task, function, value=None):
        self.id = task
        self.function = function
        self.value = value         # its result, if it succeeds
        self.there = False         # its create was answered with 2xx
        self.family = [self]       # tasks that a cancel of this one, or its failure, can reach
        self.cancel_asked = False
        self.cancelled = False     # its cancel was answered: it is to end so
        self.never_ran = False     # and had not begun
        self.version = 0           # the newest that a client has seen
        self.once = False          # its result can be read once
        self.read_asked = False
        self.read = False          # and was: it is gone
        self.delete_asked = False
        self.deleted = False
        self.ended = None          # a final state that a client has seen: the task as it was


# Functions that write the ledger.
RUN = ("give", "nap", "flaky", "next", "warm", "far", "stubborn", "call", "alone", "brittle")


class Book:
    def __init__(self):
        self.lock = threading.Lock()
        self.entries = {}
        self.by_key = {}     # Idempotency-Key: the ids that were answered
        self.failures = []
        self.counts = {}

    def add(self, *entries):
        with self.lock:
            for entry in entries:
                self.entries[entry.id] = entry

    def get(self, task):
        with self.lock:
            return self.entries.get(task)

    def all(self):
        with self.lock:
            return list(self.entries.values())

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + by

    def fail(self, text):
        with self.lock:
            self.failures.append(text)

    def expect(self, fine, text):
        if not fine:
            self.fail(text)
        return fine

    def saw(self, task):
        """A client was shown this task: an end that it has seen does not change any more."""
        entry = self.get(task["id"])
        if entry:
            entry.version = max(entry.version, task["version"])
        if entry and task["state"] in TERMINAL:
            if entry.ended:
                self.expect(same_end(entry.ended, task),
                            f"{entry.id} ended as {end_of(entry.ended)}, then as {end_of(task)}")
            entry.ended = task


TERMINAL = ("succeeded", "failed", "cancelled")


def end_of(task):
    return task["state"], task["finished_at"], task["attempt"]


def same_end(a, b):
    return end_of(a) == end_of(b)
