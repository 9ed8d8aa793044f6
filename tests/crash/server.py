"""The server under test: started, asked, killed, and started again on the same folder."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from service import Service

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ERRAND = os.path.abspath(os.environ.get("ERRAND", os.path.join(ROOT, "build/faults/errand")))
PATIENCE = 60  # seconds; the machine may be busy


class Lost(Exception):
    """The server died before it had answered: what was asked may have been done, or not."""


def crash_points():
    with open(os.path.join(ROOT, "base/crash_points.def"), encoding="ascii") as file:
        return re.findall(r'^POINT\(\w+, "([a-z-]+)"', file.read(), re.MULTILINE)


class Folder:
    """data/ and functions/ of a server, and scratch/ for the traces of its functions."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="errand-crash.")
        self.data = os.path.join(self.path, "data")
        self.functions = os.path.join(self.path, "functions")
        self.ledger = os.path.join(self.path, "scratch", "ledger")
        os.mkdir(os.path.join(self.path, "scratch"))
        shutil.copytree(os.path.join(HERE, "functions"), self.functions,
                        ignore=shutil.ignore_patterns("__pycache__"))
        open(self.ledger, "w", encoding="ascii").close()
        with open(os.path.join(self.functions, "call.json"), "w", encoding="ascii") as manifest:
            manifest.write(Service(self.ledger).manifest())

    def remove(self):
        shutil.rmtree(self.path)


class Server:
    """Clients call from their own threads; one thread starts and kills."""

    def __init__(self, folder, *flags):
        self.folder, self.flags = folder, flags
        # An address of our own, so that a port that was ours is never a stranger's.
        self.host = "127." + ".".join(str(random.SystemRandom().randrange(1, 255)) for _ in "abc")
        self.changed = threading.Condition()
        self.port = 0  # 0: not there
        self.process = None
        self.starts = 0
        self.started, self.starting = 0, []  # when the last start was; seconds until it listened

    def launch(self, point=None):
        """Starts it, and does not wait."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ERRAND")}
        if point:
            environment["ERRAND_CRASH"] = point
        self.starts += 1
        self.started = time.monotonic()
        with open(os.path.join(self.folder.path, "errors.log"), "ab") as errors:
            errors.write(f"--- start {self.starts}, {point or 'no point'}\n".encode())
            errors.flush()
            self.process = subprocess.Popen(
                [ERRAND, "serve", "--listen", self.host + ":0", "--data", self.folder.data,
                 "--functions", self.folder.functions, "--slots", "8", "--grace", "0.3",
                 "--drain", "0.2", "--heartbeat", "5", *self.flags],
                stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=self.folder.path)

    def listening(self):
        """Waits for its address; False: it died before."""
        line = self.process.stdout.readline().decode()
        found = re.match(r"listening on http://[0-9.]+:([0-9]+)\n", line)
        if found:
            self.starting.append(time.monotonic() - self.started)
            self.say_port(int(found[1]))
        return bool(found)

    def say_port(self, port):
        with self.changed:
            self.port = port
            self.changed.notify_all()

    def ended(self, seconds):
        """Waits for its end; its exit status, None if it lives."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.say_port(0)
        self.process.stdout.close()
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.ended(PATIENCE)

    def address(self, other_than=0):
        """The port of a server that is there; waits for one. other_than: this one is dead."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.port and self.port != other_than, PATIENCE):
                raise AssertionError("no server came back")
            return self.port


class Client:
    """One connection, which is made anew when the server was."""

    def __init__(self, server):
        self.server = server
        self.connection, self.port = None, 0

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and JSON of the answer, or Lost."""
        headers = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":"))
            headers["Content-Type"] = "application/json"
        try:
            if not self.connection or self.port != self.server.port:
                self.close()
                self.port = self.server.address()
                self.connection = http.client.HTTPConnection(self.server.host, self.port,
                                                             timeout=PATIENCE)
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except TimeoutError as error:
            raise AssertionError(f"{method} {path} was not answered") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost from error
        kind = answer.headers.get("Content-Type", "")
        value = json.loads(text) if "json" in kind else text
        if answer.status == 503 and value["type"].endswith("/draining"):
            raise Lost  # a server that is about to end; nothing was done
        return answer.status, answer.headers, value

    def insist(self, method, path, body=None, headers=None):
        """The same, until it is answered. Also: whether an earlier answer was lost."""
        lost = False
        while True:
            try:
                return (*self.ask(method, path, body, headers), lost)
            except Lost:
                lost = True
                time.sleep(0.005)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


# --- processes -----------------------------------------------------------------------


def process_parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin1") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def strays(folder, server_pid=0):
    """Processes of functions that do not descend from the server."""
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{name}/cwd") != folder.functions:
                continue
        except OSError:
            continue
        pid = int(name)
        while pid > 1 and pid != server_pid:
            pid = process_parent(pid)
        if pid != server_pid:
            found.add(int(name))
    return found


def lasting_strays(folder, server_pid=0):
    """A process whose parent has just died is on its way out; what stays is a stray."""
    found = strays(folder, server_pid)
    until = time.monotonic() + 5
    while found and time.monotonic() < until:
        time.sleep(0.05)
        found &= strays(folder, server_pid)
    return found

