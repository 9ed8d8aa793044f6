"""What has to be true: of a database as it lies there, and of all that was acknowledged."""

import os
import shutil
import subprocess
import tempfile

from book import RUN, TERMINAL, end_of, same_end
from server import ROOT

CHECKER = os.path.join(ROOT, "build/errand")  # the release: it has to know what a killed one left


def check_store(database):
    """What `errand check` finds in a database that no server has open; a list of sentences."""
    run = subprocess.run([CHECKER, "check", database], capture_output=True, text=True)
    if run.returncode == 2 and run.stderr.endswith(": the database is empty\n"):
        return []  # killed before the first migration
    return [] if run.returncode == 0 else run.stdout.splitlines() + run.stderr.splitlines()


def check_dead(folder, book):
    """A copy of what a killed server left: what a copy is opened for changes nothing of it."""
    with tempfile.TemporaryDirectory(prefix="errand-crash-copy.") as copy:
        for name in ("errand.db", "errand.db-wal"):
            path = os.path.join(folder.data, name)
            if os.path.exists(path):
                shutil.copy(path, copy)
        if not os.path.exists(os.path.join(copy, "errand.db")):
            return
        for problem in check_store(os.path.join(copy, "errand.db")):
            book.fail(f"in the files after a kill: {problem}")
    book.count("databases looked at as a kill left them")


def check_log(folder, book):
    """Nothing went wrong by the server's own account, and it found nothing to mend."""
    with open(os.path.join(folder.path, "errors.log"), encoding="utf8") as file:
        for line in file:
            book.expect(not any(word in line for word in (" error ", "mended", "Sanitizer",
                                                          "does not die")), f"log: {line}")


def ledger_of(folder):
    """Attempts that began, by task; a run that met another one of its task is 'overlap'."""
    runs = {}
    with open(folder.ledger, encoding="ascii") as file:
        for line in file:
            task, attempt = line.split()
            runs.setdefault(task, []).append(attempt)
    return runs


def check_ledger(tasks, runs, book):
    for task, attempts in runs.items():
        book.expect("overlap" not in attempts, f"two runs of {task} at once")
        numbers = [int(attempt) for attempt in attempts if attempt.isdigit()]
        book.expect(numbers == sorted(set(numbers)), f"attempts of {task} in the order {numbers}")
        if task in tasks:
            book.expect(len(attempts) <= tasks[task]["attempt"],
                        f"{task} ran {len(attempts)} times in {tasks[task]['attempt']} attempts")
    for entry in book.all():
        task = tasks.get(entry.id)
        if entry.function == "brittle":
            book.expect(len(runs.get(entry.id, [])) <= 1, f"{entry.id} is brittle and ran again")
        if entry.never_ran:
            book.expect(entry.id not in runs, f"{entry.id} was cancelled before it began, and ran")
        if task and task["state"] == "succeeded" and entry.function in RUN:
            book.expect(entry.id in runs, f"{entry.id} succeeded and did not run")


def check_end(entry, task, given_up, book):
    """The end that a task came to is one that it may have."""
    state, error = task["state"], task["error"] or {}
    if entry.ended:
        book.expect(same_end(entry.ended, task),
                    f"{entry.id} was seen as {end_of(entry.ended)} and is {end_of(task)}")
    book.expect(task["version"] >= entry.version,
                f"{entry.id} was seen in version {entry.version} and is {task['version']}")
    if entry.cancelled:
        book.expect(state == "cancelled", f"{entry.id} was cancelled and is {state}")
    family = any(one.cancel_asked or one.id in given_up for one in entry.family) or \
        error.get("caused_by") in given_up
    if state == "cancelled":
        book.expect(family, f"{entry.id} is cancelled, and nobody asked for it")
    elif state == "failed":
        book.expect(entry.id in given_up or (family and error["code"] == "dependency-failed"),
                    f"{entry.id} failed: {error}")
    else:
        book.expect(state == "succeeded", f"{entry.id} is {state} in the end")


def check_book(client, tasks, book):
    """tasks: all that the server lists, by id."""
    given_up = {i for i, t in tasks.items() if t["state"] == "failed" and
                t["error"]["code"] == "interrupted" and
                (t["attempt"] >= 3 or t.get("function") == "brittle")}
    lost = 0
    for entry in book.all():
        task = tasks.get(entry.id)
        book.expect(not (task and entry.deleted), f"{entry.id} was deleted and is there")
        if not task:
            if entry.there and not entry.delete_asked:
                lost += 1
                book.fail(f"{entry.id} was acknowledged and is lost")
            continue
        check_end(entry, task, given_up, book)
        if task["state"] == "succeeded" and entry.value is not None:
            status, _, value = client.ask("GET", f"/v1/tasks/{entry.id}/result")
            gone = entry.once and entry.read_asked and status == 410
            book.expect(gone or (not entry.read and (status, value) == (200, entry.value)),
                        f"result of {entry.id}: {status} {value}, not {entry.value}")
    for task in tasks.values():
        once = (task["metadata"] or {}).get("once")
        if once and once in book.by_key:
            book.expect(task["id"] in book.by_key[once], f"{once} made {task['id']} as well")
    keys = [t["cache_key"] for t in tasks.values()
            if t["cache_key"] and t["state"] == "succeeded"]
    book.expect(len(keys) == len(set(keys)), "something shared was computed twice")
    book.count("tasks given up, interrupted three times or brittle", len(given_up))
    return lost


def check_replay(replay, tasks, book):
    """All events from the beginning on: ids grow, and each task has one story."""
    stories, last = {}, 0
    for event in replay:
        book.expect(event.id > last, f"event {event.id} came after {last}")
        last = event.id
        stories.setdefault(event.task, []).append(event)
    for name, story in stories.items():
        types = [event.type.removeprefix("task.") for event in story]
        ends = [kind for kind in types if kind in TERMINAL]
        attempts = [event.attempt for event in story if event.type == "task.started"]
        book.expect(types[0] == "created" and types.count("created") == 1, f"{name}: {types}")
        book.expect(len(ends) <= 1 and (not ends or types[-1] == ends[0]), f"{name}: {types}")
        book.expect(attempts == list(range(1, len(attempts) + 1)), f"{name}: starts {attempts}")
        if name in tasks:
            book.expect(not ends or ends == [tasks[name]["state"]],
                        f"{name} is {tasks[name]['state']}, and was told as {ends}")
    for name, task in tasks.items():
        book.expect(name in stories, f"nothing was told of {name}, which is {task['state']}")
