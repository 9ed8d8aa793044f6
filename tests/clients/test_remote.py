"""What a remote worker has to do, in whatever language, against a server that lends tasks."""

import os
import shutil
import unittest

from lease_server import LeaseServer
from programs import NODE, PYTHON, Program


class Contract:
    language = None

    def setUp(self):
        self.folder = self.language.make_folder()
        self.addCleanup(shutil.rmtree, self.folder)

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def start(self, *options, url=None, **env):
        """Short times, so that each of them comes to pass."""
        options = {"--server": url or self.server.url, "--ttl": "1", "--wait": "0.5",
                   "--grace": "0.5", **dict(zip(options[::2], options[1::2]))}
        command = [self.language.program, self.language.remote, self.language.functions]
        words = [word for pair in options.items() for word in pair]
        self.program = self.enter(Program(command + words, self.folder, **env))

    def serve(self, *options, **env):
        self.server = self.enter(LeaseServer())
        self.start(*options, **env)

    def end(self):
        self.program.terminate()
        self.assertEqual(self.program.exit_status(), 0)

    def test_a_result(self):
        self.serve(ERRAND_TOKEN="secret")
        lease = self.server.give("given", 1, "two")
        self.assertEqual(
            self.server.end_of(lease), ("result", {"args": [1, "two"], "kwargs": {}}))
        who = self.server.give("who-am-i")
        self.assertEqual(
            self.server.end_of(who), ("result", ["task-of-lease-1", "who-am-i", 2]))
        self.end()
        self.assertEqual(set(self.server.tokens), {"Bearer secret"})
        poll = self.server.polls[0]
        self.assertIn("given", poll.pop("functions"))
        self.assertEqual(poll, {"max": 4, "wait": 0.5, "ttl": 1})

    def test_a_token_in_a_file(self):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write("from the file\n")
        self.serve("--token-file", path)
        self.server.end_of(self.server.give("given"))
        self.assertEqual(set(self.server.tokens), {"Bearer from the file"})

    def test_no_more_than_asked_for(self):
        self.serve("--max", "3")
        holding = [self.server.give("hold") for _ in range(2)]
        self.server.wait_until(lambda: all(lease.heartbeats for lease in holding))
        given = self.server.give("given")
        self.server.end_of(given)
        self.server.wait_until(lambda: self.server.polls[-1]["max"] == 1)
        more = self.server.give("hold")
        self.server.wait_until(lambda: more.heartbeats)
        count = len(self.server.polls)
        late = self.server.give("given")
        beats = len(more.heartbeats)
        self.server.wait_until(lambda: len(more.heartbeats) >= beats + 3)
        self.assertEqual(len(self.server.polls), count)  # there was no room to ask for
        more.cancel = True
        self.server.end_of(late)

    def test_many_at_once(self):
        self.serve()
        leases = [self.server.give("meet") for _ in range(3)]
        for lease in leases:
            self.assertEqual(self.server.end_of(lease), ("result", None))

    def test_heartbeats(self):
        self.serve()
        lease = self.server.give("wait")
        self.server.wait_until(lambda: len(lease.heartbeats) >= 4)
        self.assertEqual(lease.told(), ({"progress": 1}, []))
        self.assertEqual(lease.heartbeats[-1], {})  # what was told is not told again

    def test_all_is_told_before_the_end(self):
        self.serve()
        lease = self.server.give("say")
        self.server.end_of(lease)
        self.assertEqual(
            lease.told(), ({"progress": 80}, ["two", "lines", "printed", "no end"]))

    def test_news_that_are_refused(self):
        """The lease goes on without them."""
        self.serve()
        lease = self.server.give("boast")
        self.assertEqual(self.server.end_of(lease), ("result", "done"))
        self.assertEqual(lease.told(), ({"progress": 101}, []))
        self.program.wait_for_error_line("is refused")

    def test_an_exception(self):
        self.serve()
        kind, error = self.server.end_of(self.server.give("broken", "no good"))
        self.assertEqual((kind, error["code"], error["retry"]), ("error", "function-error", True))
        self.assertRegex(error["message"], "^(Value|Range)Error: no good$")
        self.assertIn(self.language.functions, error["data"])

    def test_safe_exit(self):
        self.serve()
        self.assertEqual(self.server.end_of(self.server.give("leave")), ("result", None))

    def test_cancel(self):
        self.serve()
        for function in ("wait", "hold"):
            lease = self.server.give(function, cancel=True)
            kind, error = self.server.end_of(lease)
            self.assertEqual((kind, error["code"]), ("error", "cancelled"))
        self.end()

    def test_a_lost_lease(self):
        """What runs under it is cancelled, and nothing is handed in."""
        self.serve("--max", "1")
        for function in ("wait", "nap"):
            lease = self.server.give(function, *([0.6] if function == "nap" else []))
            self.server.wait_until(lambda lease=lease: lease.heartbeats)
            lease.lost = True
            self.program.wait_for_error_line("is not ours any more")
            self.server.end_of(self.server.give("given"))  # there is room again
            self.assertEqual(lease.ends, [])
        self.end()

    def test_a_server_that_comes_later(self):
        self.server = LeaseServer()
        self.server.http.server_close()
        self.start()
        self.program.wait_for_error_line("no tasks from")
        self.server = self.enter(LeaseServer(self.server.port))
        self.assertEqual(self.server.end_of(self.server.give("given"))[0], "result")

    def test_a_server_that_goes(self):
        """A lease that cannot be renewed is lost."""
        self.server = LeaseServer().__enter__()
        self.start()
        lease = self.server.give("wait")
        self.server.wait_until(lambda: lease.heartbeats)
        self.server.__exit__()
        self.server.say = lambda *_: (503, {})  # on connections that are still open
        self.program.wait_for_error_line("is not ours any more")
        self.end()

    def test_an_answer_that_has_to_wait(self):
        self.serve()
        lease = self.server.give("given", statuses=[503])
        self.server.wait_until(lambda: len(lease.ends) == 2)
        self.assertEqual(lease.ends[0], lease.ends[1])

    def test_a_result_that_is_too_large(self):
        self.serve()
        lease = self.server.give("given", statuses=[413])
        self.server.wait_until(lambda: len(lease.ends) == 2)
        kind, error = lease.ends[1]
        self.assertEqual((kind, error["code"]), ("error", "result-too-large"))
        self.assertFalse(error["retry"])

    def test_a_server_that_refuses(self):
        self.server = self.enter(LeaseServer())
        self.server.refusal = 401
        self.start()
        self.program.wait_for_error_line("refuses")
        self.assertEqual(self.program.exit_status(), 1)

    def test_sigterm(self):
        """Who ends in time is handed in, the others are given back."""
        self.serve("--grace", "1")
        leases = [self.server.give(name, *args)
                  for name, *args in (("nap", 0.4), ("nap", 60), ("wait",), ("hold",))]
        self.server.wait_until(lambda: all(lease.heartbeats for lease in leases))
        self.end()
        self.assertEqual(leases[0].ends, [("result", "rested")])
        for lease in leases[1:]:
            (kind, error), = lease.ends
            self.assertEqual((kind, error["code"], error["retry"]), ("error", "interrupted", True))

    def test_a_task_that_comes_too_late(self):
        """SIGTERM does not lose what an open request brings: it is given back."""
        self.serve("--wait", "5")
        self.server.wait_until(lambda: self.server.polls)
        self.program.terminate()
        self.program.wait_for_error_line("ending: 0 tasks")
        lease = self.server.give("wait")
        self.assertEqual(self.program.exit_status(), 0)
        self.assertEqual([(kind, error["code"]) for kind, error in lease.ends],
                         [("error", "interrupted")])
        self.assertEqual(lease.heartbeats, [])

    def test_bad_usage(self):
        self.start("--max", "many", url="http://127.0.0.1:1")
        self.assertEqual(self.program.exit_status(), 2)


class PythonRemote(Contract, unittest.TestCase):
    language = PYTHON


class NodeRemote(Contract, unittest.TestCase):
    language = NODE


if __name__ == "__main__":
    unittest.main()
