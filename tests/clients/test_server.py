"""The same files against the real server: as workers, and as remote workers."""

import json
import os
import shutil
import unittest

from programs import NODE, PYTHON, Program
from server import ROOT, Server

FUNCTIONS = ["given", "say", "wait", "hold", "meet", "broken", "leave"]


class Contract:
    language = None

    def setUp(self):
        self.folder = self.language.make_folder()
        self.addCleanup(shutil.rmtree, self.folder)

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def write_manifest(self, name, manifest):
        with open(os.path.join(self.folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)

    def check_all(self):
        task = self.server.run("given", 1, kwargs={"b": "ü"})
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(self.server.result(task["id"]), {"args": [1], "kwargs": {"b": "ü"}})

        task = self.server.run("say")
        self.assertEqual(task["progress"]["value"], 80)
        self.assertEqual(self.server.log(task["id"]),
                         ["log two", "log lines", "log printed", "log no end"])

        task = self.server.run("broken", "no good")
        self.assertEqual(task["error"]["code"], "function-error")
        self.assertRegex(task["error"]["message"], "^(Value|Range)Error: no good$")
        self.assertIn(self.language.functions, " ".join(self.server.log(task["id"])))

        task = self.server.run("leave")
        self.assertEqual(task["state"], "succeeded")
        self.assertIsNone(self.server.result(task["id"]))

        for task in [self.server.create("meet") for _ in range(3)]:
            self.assertEqual(self.server.end_of(task)["state"], "succeeded")

        for function in ("wait", "hold"):
            task = self.server.create(function)
            self.server.wait_for_progress(task)
            self.server.call("POST", f"/v1/tasks/{task}/cancel", {})
            self.assertEqual(self.server.end_of(task)["state"], "cancelled")
            if function == "wait":
                self.assertEqual(self.server.log(task), ["log tidied up"])

    def test_as_a_worker(self):
        self.write_manifest("functions", {
            "mode": "worker", "functions": FUNCTIONS, "workers": {"max": 1, "inflight": 8}})
        self.server = self.enter(Server(self.folder))
        self.check_all()

    def test_as_a_remote_worker(self):
        os.chmod(os.path.join(self.folder, self.language.functions), 0o644)  # for the server: data
        for function in self.registered():
            self.write_manifest(function, {"mode": "remote"})
        self.server = self.enter(Server(self.folder))
        remote = self.enter(Program(
            [self.language.program, self.language.remote, "--server", self.server.url, "--ttl", "2",
             "--wait", "0.5", self.language.functions], self.folder))
        self.check_all()
        remote.terminate()
        self.assertEqual(remote.exit_status(), 0)

    def registered(self):
        return FUNCTIONS + ["who-am-i", "boast", "nap", "no_json"] + self.more

    def serve_example(self):
        folder = os.path.join(ROOT, "examples", self.language.source.rsplit("/", 1)[1])
        self.server = self.enter(Server(folder))
        return folder


class PythonServer(Contract, unittest.TestCase):
    language = PYTHON
    more = ["noise", "give_up"]

    def test_the_example(self):
        folder = self.serve_example()
        task = self.server.run("checksum", os.path.join(folder, "jobs.py"))
        self.assertEqual(task["progress"]["value"], 100)
        self.assertEqual(len(self.server.result(task["id"])), 64)
        address = self.server.url.split("//")[1]
        task = self.server.run("probe", address, "127.0.0.1:1")
        self.assertEqual(self.server.result(task["id"]), {address: True, "127.0.0.1:1": False})


class NodeServer(Contract, unittest.TestCase):
    language = NODE
    more = []

    def test_the_example(self):
        folder = self.serve_example()
        task = self.server.run("count_lines", os.path.join(folder, "jobs.json"))
        self.assertEqual(self.server.result(task["id"]), 1)
        task = self.server.run("fetch_all", self.server.url + "/healthz", kwargs={"timeout": 5})
        (answer,) = self.server.result(task["id"])
        self.assertEqual(answer["status"], 200)


if __name__ == "__main__":
    unittest.main()
