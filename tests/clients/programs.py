"""The programs under test: how they are started, what they say, how they end."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "clients")
LIMIT = 10  # seconds that anything may take


class Language:
    """Where the files of one language are. An author's folder has a copy of the worker file."""

    def __init__(self, program, folder, functions, worker, remote):
        self.program, self.functions, self.worker = program, functions, worker
        self.source = os.path.join(CLIENTS, folder)
        self.remote = os.path.join(self.source, remote)

    def make_folder(self):
        folder = tempfile.mkdtemp(prefix="errand-clients.")
        shutil.copy(os.path.join(self.source, self.worker), folder)
        shutil.copy(os.path.join(HERE, self.functions), folder)
        return folder


PYTHON = Language(sys.executable, "python", "functions.py", "errand_worker.py", "errand_remote.py")
NODE = Language("node", "node", "functions.mjs", "errand-worker.mjs", "errand-remote.mjs")


class Program:
    """A running one, with its lines. Use it in a `with`: at its end it has to be gone."""

    def __init__(self, command, folder, stdout=subprocess.PIPE, **env):
        self.process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env}, stdin=subprocess.PIPE,
            stdout=stdout, stderr=subprocess.PIPE)
        self.readers = []
        self.output = self._lines(self.process.stdout or ())
        self.errors = self._lines(self.process.stderr)

    def _lines(self, pipe):
        lines = queue.Queue()

        def read():
            for line in pipe:
                lines.put(line.decode())
            lines.put(None)

        self.readers.append(threading.Thread(target=read, daemon=True))
        self.readers[-1].start()
        return lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(LIMIT)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def wait_for_error_line(self, text):
        seen = []
        while True:
            line = self.errors.get(timeout=LIMIT)
            seen.append(line)
            if line is None:
                raise AssertionError(f"{text!r} is not in {seen}")
            if text in line:
                return line

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self):
        return self.process.wait(LIMIT)


class Worker(Program):
    """One that speaks JSON-RPC, as the server would start it."""

    def __init__(self, language, folder, stdout=subprocess.PIPE):
        command = [language.program, os.path.join(folder, language.functions)]
        super().__init__(command, folder, stdout)
        self.told = {}  # notifications by task
        self.answers = {}

    def send(self, text):
        self.process.stdin.write(text.encode("utf-8", "surrogatepass") + b"\n")
        self.process.stdin.flush()

    def start(self, task, method, *args, attempt=1, **kwargs):
        params = {"args": args, "kwargs": kwargs, "attempt": attempt}
        self.send(json.dumps({"jsonrpc": "2.0", "id": task, "method": method, "params": params}))

    def cancel(self, task):
        self.send(json.dumps({"jsonrpc": "2.0", "method": "cancel", "params": {"id": task}}))

    def read(self):
        """One message. Whatever comes is JSON-RPC: standard output is nothing else."""
        line = self.output.get(timeout=LIMIT)
        if line is None:
            raise EOFError
        message = json.loads(line)
        if message.get("jsonrpc") != "2.0":
            raise AssertionError(f"no JSON-RPC: {line!r}")
        if "method" in message:
            task = message["params"].pop("id")
            self.told.setdefault(task, []).append(message["params"])
        else:
            self.answers[message["id"]] = message
        return message

    def wait_until_told(self, task):
        while task not in self.told:
            self.read()

    def answer(self, task):
        while task not in self.answers:
            self.read()
        return self.answers[task]

    def result(self, task):
        return self.answer(task)["result"]

    def error(self, task):
        return self.answer(task)["error"]
