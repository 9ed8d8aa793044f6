"""What a worker has to do, in whatever language: JSON-RPC over pipes, as the server speaks it."""

import json
import os
import shutil
import signal
import unittest

from programs import LIMIT, NODE, PYTHON, Program, Worker


class Contract:
    language = None

    def setUp(self):
        self.folder = self.language.make_folder()
        self.addCleanup(shutil.rmtree, self.folder)
        self.worker = self.enterContext(Worker(self.language, self.folder))

    def enterContext(self, context):  # Python 3.11 has it
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def end(self):
        self.worker.process.stdin.close()
        self.assertEqual(self.worker.exit_status(), 0)

    def test_arguments_and_result(self):
        self.worker.start("a", "given", 1, [2.5, None, True], function="ä", deep={"b": ["c"]})
        self.assertEqual(self.worker.result("a"), {
            "args": [1, [2.5, None, True]], "kwargs": {"function": "ä", "deep": {"b": ["c"]}}})
        self.end()

    def test_who_it_is(self):
        self.worker.start("task-7", "who-am-i", attempt=3)
        self.assertEqual(self.worker.result("task-7"), ["task-7", "who-am-i", 3])

    def test_every_code_point(self):
        text = "\0 \u2028 \u2029 \x85 \r \ud800 \U0001f600"
        request = {"jsonrpc": "2.0", "id": "a", "method": "given", "params": {"args": [text]}}
        self.worker.send(json.dumps(request))
        self.worker.send(json.dumps(request, ensure_ascii=False).replace("\ud800", "\\ud800")
                         .replace('"a"', '"b"'))
        for task in "ab":
            self.assertEqual(self.worker.result(task), {"args": [text], "kwargs": {}})

    def test_megabytes(self):
        text = "x" * 5_000_000
        self.worker.start("a", "given", text)
        self.assertEqual(self.worker.result("a"), {"args": [text], "kwargs": {}})

    def test_many_at_once(self):
        for task in "abc":
            self.worker.start(task, "meet")
        for task in "abc":
            self.assertIsNone(self.worker.result(task))

    def test_what_a_task_says(self):
        self.worker.start("a", "say")
        self.assertIsNone(self.worker.result("a"))
        self.assertEqual(self.worker.told["a"], [
            {"progress": 40, "message": "halfway"}, {"line": "two"}, {"line": "lines"},
            {"line": "printed"}, {"progress": 80}, {"line": "no end"}])

    def test_what_is_printed_outside_of_tasks(self):
        self.worker.wait_for_error_line("ready")
        self.end()

    def test_an_exception(self):
        self.worker.start("a", "broken", "no good")
        error = self.worker.error("a")
        self.assertEqual(error["code"], -32000)
        self.assertRegex(error["message"], "^(Value|Range)Error: no good$")
        self.assertIn(self.language.functions, error["data"])
        self.assertNotIn(self.language.worker, error["data"])

    def test_a_result_that_is_no_json(self):
        self.worker.start("a", "no_json")
        self.assertRegex(self.worker.error("a")["message"], "^TypeError: ")

    def test_safe_exit(self):
        self.worker.start("a", "leave")
        self.assertEqual(self.worker.error("a")["code"], -32099)

    def test_an_unknown_method(self):
        self.worker.start("a", "no-such")
        self.assertEqual(self.worker.error("a")["code"], -32601)

    def test_lines_that_are_no_requests(self):
        self.worker.send("nonsense")
        self.assertEqual(self.worker.error(None)["code"], -32700)
        self.worker.answers.clear()
        self.worker.send("[]")
        self.assertEqual(self.worker.error(None)["code"], -32600)
        self.worker.cancel("nobody")
        self.worker.start("a", "given")
        self.worker.result("a")

    def test_one_id_twice(self):
        self.worker.start("a", "hold")
        self.worker.start("a", "given")
        self.assertEqual(self.worker.error("a")["code"], -32600)

    def test_cancel(self):
        for task, method in (("a", "wait"), ("b", "hold"), ("c", "hold")):
            self.worker.start(task, method)
            self.worker.wait_until_told(task)
        self.worker.cancel("a")
        self.worker.cancel("b")
        for task in "ab":
            self.assertEqual(self.worker.error(task)["code"], -32800)
        self.assertEqual(self.worker.told["a"][-1], {"line": "tidied up"})
        self.assertNotIn("c", self.worker.answers)
        self.worker.cancel("c")
        self.worker.answer("c")

    def test_cancel_right_after_the_request(self):
        self.worker.start("a", "wait")
        self.worker.cancel("a")
        self.assertEqual(self.worker.error("a")["code"], -32800)

    def test_end_of_input_lets_tasks_end(self):
        self.worker.start("a", "nap", 0.3)
        self.worker.wait_until_told("a")
        self.end()
        self.assertEqual(self.worker.result("a"), "rested")

    def test_sigterm_cancels_tasks(self):
        for task, method in (("a", "wait"), ("b", "hold")):
            self.worker.start(task, method)
            self.worker.wait_until_told(task)
        self.worker.terminate()
        for task in "ab":
            self.assertEqual(self.worker.error(task)["code"], -32800)
        self.assertEqual(self.worker.exit_status(), 0)

    def test_the_second_sigterm_does_not_wait(self):
        for task, method, *args in (("a", "nap", 60), ("b", "wait")):
            self.worker.start(task, method, *args)
            self.worker.wait_until_told(task)
        self.worker.terminate()
        self.worker.error("b")
        self.worker.terminate()
        self.assertEqual(self.worker.exit_status(), -signal.SIGTERM)

    def test_a_server_that_is_gone(self):
        nobody_reads, output = os.pipe()
        os.close(nobody_reads)
        worker = self.enterContext(Worker(self.language, self.folder, output))
        os.close(output)
        worker.start("a", "wait")
        self.assertEqual(worker.exit_status(), 0)


    def test_a_file_that_is_imported(self):
        """It is left alone: nothing is served, and standard output is the importer's."""
        path = os.path.join(self.folder, "test" + os.path.splitext(self.language.functions)[1])
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.importer)
        with Program([self.language.program, path], self.folder) as program:
            self.assertEqual(program.exit_status(), 0)
            self.assertEqual(program.output.get(timeout=LIMIT), "ready\n")
            self.assertEqual(program.output.get(timeout=LIMIT), "imported\n")


class PythonWorker(Contract, unittest.TestCase):
    language = PYTHON
    importer = "import functions; functions.boast(); print('imported')"

    def test_a_function_that_cancels_itself(self):
        self.worker.start("a", "give_up")
        self.assertEqual(self.worker.error("a"), {"code": -32000, "message": "CancelledError"})

    def test_digits(self):
        """Whole numbers are exact, however long."""
        for digits in ("12345678901234567890123", "-" + 5000 * "9"):
            request = '{"jsonrpc":"2.0","id":"a","method":"given","params":{"args":[%s]}}'
            answer = '{"jsonrpc":"2.0","id":"a","result":{"args":[%s],"kwargs":{}}}\n'
            self.worker.send(request % digits)
            self.assertEqual(self.worker.output.get(timeout=LIMIT), answer % digits)

    def test_digits_of_fractions(self):
        path = os.path.join(self.folder, self.language.functions)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("import errand_worker", "import decimal, errand_worker\n"
                                    "errand_worker.parse_float = decimal.Decimal", 1))
        self.worker = self.enterContext(Worker(self.language, self.folder))
        self.worker.send('{"jsonrpc":"2.0","id":"a","method":"given",'
                         '"params":{"args":[0.10,1E+400,{"a":-0.12345678901234567890}]}}')
        self.assertIn('[0.10,1E+400,{"a":-0.12345678901234567890}]',
                      self.worker.output.get(timeout=LIMIT))

    def test_programs_that_it_starts(self):
        self.worker.start("a", "noise")
        self.assertEqual(self.worker.result("a"), 0)
        self.worker.wait_for_error_line("noise")


class NodeWorker(Contract, unittest.TestCase):
    language = NODE
    importer = "await import('./functions.mjs'); console.log('imported')"


if __name__ == "__main__":
    unittest.main()
