"""What cannot be in the midst of the load: the first start of all, and the sweep of what is old."""

import os
import sqlite3
import time

from check import check_dead, check_store
from server import PATIENCE, Client, Folder, Server
from streams import replay


def schema(folder):
    connection = sqlite3.connect(os.path.join(folder.data, "errand.db"))
    found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    version = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return version, found


def start_and_stop(server, book):
    server.launch()
    book.expect(server.listening(), "a start failed after a kill in a migration")
    server.process.terminate()
    server.ended(PATIENCE)


def migrations(book):
    """Killed in and after each migration, and the next start goes on. How often it was killed."""
    whole = Folder()
    start_and_stop(Server(whole), book)
    wanted = schema(whole)
    points = [f"{name}:{number}{power}" for name in ("in-migration", "after-migration")
              for number in range(1, wanted[0][0] + 1) for power in ("", ":power")]
    for point in points:
        folder = Folder()
        server = Server(folder)
        server.launch(point)
        book.expect(server.ended(PATIENCE) == -9, f"never came to {point}")
        check_dead(folder, book)
        start_and_stop(server, book)
        book.expect(schema(folder) == wanted, f"another schema after {point}")
        folder.remove()
    whole.remove()
    return len(points)


CROWD = 1800  # more than recovery looks at in three transactions


def crowd(book):
    """Killed with many tasks running, and again and again in the recovery of them: each has been
    interrupted once. How often it was killed."""
    folder = Folder()
    server, client = Server(folder), None
    server.launch()
    server.listening()
    client = Client(server)
    client.ask("POST", "/v1/tasks", [{"id": f"s{i}", "function": "sleep", "args": [86400]}
                                     for i in range(CROWD)])
    await_crowd(client)
    server.kill()
    points = ["in-recovery:3", "slice-recovered:1", "in-recovery:200", "slice-recovered:2:power",
              "in-recovery:1", "recovered:1"]
    for point in points:
        server.launch(point)
        book.expect(server.ended(PATIENCE) == -9, f"never came to {point} in a recovery")
        check_dead(folder, book)
    server.launch()
    server.listening()
    await_crowd(client)
    tasks = list_all(client).values()
    book.expect(len(tasks) == CROWD and
                all((t["state"], t["attempt"]) == ("running", 2) for t in tasks),
                "after six kills in a recovery not all tasks run for the second time")
    server.kill()
    folder.remove()
    return len(points) + 2


def await_crowd(client):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and \
            client.ask("GET", "/v1/stats")[2]["states"]["running"] < CROWD:
        time.sleep(0.02)


def list_all(client):
    tasks, path = {}, "/v1/tasks?limit=1000"
    while path:
        _, _, page = client.ask("GET", path)
        tasks.update((task["id"], task) for task in page["tasks"])
        cursor = page.get("next_cursor")
        path = cursor and f"/v1/tasks?limit=1000&cursor={cursor}"
    return tasks


def pin(folder):
    """A task that waits, and one that it needs and that has ended."""
    server = Server(folder)
    server.launch()
    server.listening()
    client = Client(server)
    client.ask("POST", "/v1/tasks?wait=30", {"id": "needed", "function": "give", "args": [7]})
    client.ask("POST", "/v1/tasks", {"id": "waits", "process": "collect", "args": [
        {"$task": "needed"}, {"$task": {"id": "open", "function": "outside"}}]})
    server.kill()


def expect_pinned(client, left, newest, book):
    book.expect(sorted(task["id"] for task in left) == ["needed", "open", "waits"],
                f"left after the sweep: {[task['id'] for task in left[:5]]}")
    client.ask("PUT", "/v1/tasks/open/result", 8)
    status, _, value = client.ask("GET", "/v1/tasks/waits/result?wait=30")
    book.expect((status, value) == (200, [7, 8]), f"what was needed is gone: {status} {value}")
    ids = [event.id for event in replay(client.server, "waits")]
    book.expect(ids[-1] > newest, f"event {ids[-1]} after {newest}")


def sweep(folder, newest, book, dice):
    """All is too old: it is deleted, but for what is needed, with kills on the way. newest: id of
    the newest event before. How often it was killed."""
    pin(folder)
    server, kills = Server(folder, "--retain", "1s"), 1
    time.sleep(1.1)
    for _ in range(4):
        server.launch(dice.choice(["swept:1", "swept:2", f"half-removed:{dice.randint(1, 900)}"]))
        kills += server.ended(5) == -9 or server.kill() == -9
        check_dead(folder, book)
    server.launch()
    book.expect(server.listening(), "a start failed after a kill in a sweep")
    client = Client(server)
    until = time.monotonic() + PATIENCE
    while (len(left := client.ask("GET", "/v1/tasks")[2]["tasks"]) > 3 and
           time.monotonic() < until):
        time.sleep(0.1)
    expect_pinned(client, left, newest, book)
    server.process.terminate()
    server.ended(PATIENCE)
    for problem in check_store(os.path.join(folder.data, "errand.db")):
        book.fail(f"after the sweep: {problem}")
    return kills
