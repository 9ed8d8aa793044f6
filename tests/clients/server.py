"""A real server, on a functions folder and a data folder of its own."""

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request

from programs import HERE, LIMIT, Program

ROOT = os.path.dirname(os.path.dirname(HERE))
ERRAND = os.path.abspath(os.environ.get("ERRAND", os.path.join(ROOT, "build", "errand")))


class Server:
    """Use it in a `with`."""

    def __init__(self, functions):
        self.data = tempfile.mkdtemp(prefix="errand-clients.")
        self.program = Program([ERRAND, "serve", "--listen", "127.0.0.1:0", "--data", self.data,
                                "--functions", functions], ROOT)

    def __enter__(self):
        line = self.program.output.get(timeout=LIMIT)
        if line is None:
            raise AssertionError(f"the server does not start: {self.program.errors.get()}")
        self.url = line.split()[-1]
        return self

    def __exit__(self, *_):
        self.program.terminate()
        self.program.exit_status()
        self.program.__exit__()
        shutil.rmtree(self.data)

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"} if body is not None else {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT + 5) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        return text

    def create(self, function, *args, **fields):
        body = {"function": function, "args": args, **fields}
        return json.loads(self.call("POST", "/v1/tasks", body))["id"]

    def end_of(self, task):
        return json.loads(self.call("GET", f"/v1/tasks/{task}?wait={LIMIT}"))

    def run(self, function, *args, **fields):
        return self.end_of(self.create(function, *args, **fields))

    def result(self, task):
        return json.loads(self.call("GET", f"/v1/tasks/{task}/result"))

    def log(self, task):
        """Without the times."""
        lines = self.call("GET", f"/v1/tasks/{task}/logs").splitlines()
        return [line.split(" ", 1)[1] for line in lines]

    def wait_for_progress(self, task):
        """Its events, up to the first that tells of progress."""
        url = f"{self.url}/v1/tasks/{task}/events?last_event_id=0"
        with urllib.request.urlopen(url, timeout=LIMIT) as events:
            for line in events:
                if line.strip() == b"event: task.progress":
                    return
        raise AssertionError("it tells of none")
