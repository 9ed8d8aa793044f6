"""errand_worker: functions for errand, in Python 3.9 or newer, with its standard library only.

    #!/usr/bin/env python3
    import asyncio
    import errand_worker
    from errand_worker import progress, task

    @task
    def add(a, b):
        return a + b

    @task
    async def slow(seconds):
        for step in range(10):
            progress(10 * step, f"step {step + 1} of 10")
            await asyncio.sleep(seconds / 10)

    if __name__ == "__main__":
        errand_worker.run()

Make that file executable, put it into the functions folder with this one beside it, and say
in a manifest of its name what it serves: {"mode": "worker", "functions": ["add", "slow"]}.
docs/clients.md says more.

An async function runs in the event loop; a cancel reaches it as asyncio.CancelledError. A plain
one runs in a thread of its own; it asks cancelled() now and then, and returns if it is.
"""

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect
import io
import json
import os
import re
import secrets
import signal
import sys
import threading
import traceback
from decimal import Decimal

__all__ = ["SafeExit", "cancelled", "current", "log", "progress", "run", "task"]

FUNCTIONS = {}  # by name: what @task has registered

# What a number with a fraction or an exponent becomes. With errand_worker.parse_float = Decimal
# all its digits are kept. Whole numbers are exact either way.
parse_float = float


# --- what an author uses ------------------------------------------------------------------


def task(function=None, *, name=None):
    """Registers a function under its own name, or under the given one."""
    if function is None:
        return lambda function: task(function, name=name)
    name = name or function.__name__
    if name in FUNCTIONS:
        raise ValueError(f"there are two tasks of the name {name}")
    FUNCTIONS[name] = function
    if function.__module__ == "__main__" and hasattr(sys.modules["__main__"], "__file__"):
        _take_over()  # not in run() only: what the file prints on its way there is no message
    return function


class SafeExit(Exception):
    """An end without a result that is no failure, for a guarded task too."""


def current():
    """The Task that is running here: it has id, function and attempt. None outside of one."""
    return _current.get()


def progress(value, message=None):
    """Reports how far the task is, from 0 to 100. Outside of a task it does nothing."""
    if current():
        current().progress(value, message)


def log(line):
    """Writes to the task's log, as print does. Outside of a task it does nothing."""
    if current():
        current().log(line)


def cancelled():
    """Whether the task is asked to end. Who hears that it is may return anything, or raise."""
    running = current()
    if running is None or not running.cancelled:
        return False
    running.knows = True
    return True


def run():
    """Serves the tasks of this file to the server that has started it. Returns at the end."""
    asyncio.run(_serve(*_take_over()))


# --- one task (errand_remote.py uses this too) --------------------------------------------

_current = contextvars.ContextVar("errand_task", default=None)


class Task:
    """One attempt of a task, from its start to its end."""

    def __init__(self, task_id, function, attempt, tell):
        self.id, self.function, self.attempt = task_id, function, attempt
        self.cancelled = False
        self.knows = False  # that it is cancelled: what it returns is no result then
        self._tell = tell  # tell("progress", {…}), from any thread: to whoever gave us the task
        self._running = None  # asyncio.Task
        self._printed = ""  # of a line whose end is still to come

    def start(self, args, kwargs, done):
        """Calls done(result, error) at the end, in the loop: JSON text, or a dict."""

        def ended(running):
            if self._printed:
                self.print("\n")
            if not running.cancelled():
                done(*running.result())
            elif self.cancelled:
                done(None, CANCELLED_ERROR)
            else:  # by the function itself
                done(None, {"code": FUNCTION_ERROR, "message": "CancelledError"})

        self._running = asyncio.ensure_future(self._run(args, kwargs))
        self._running.add_done_callback(ended)

    def cancel(self):
        if self.cancelled:
            return  # a second CancelledError would cut short what the first one tidies up
        self.cancelled = True
        if self._running and inspect.iscoroutinefunction(FUNCTIONS[self.function]):
            self._running.cancel()

    def progress(self, value, message=None):
        said = {} if message is None else {"message": message}
        self._tell("progress", {"progress": value, **said})

    def log(self, line):
        for part in str(line).split("\n"):
            self._tell("log", {"line": part})

    def print(self, text):
        """Like log, but a line ends where the text says so."""
        *lines, self._printed = (self._printed + text).split("\n")
        for line in lines:
            self.log(line)

    async def _run(self, args, kwargs):
        _current.set(self)
        function = FUNCTIONS[self.function]
        try:
            if inspect.iscoroutinefunction(function):
                result = await function(*args, **kwargs)
            else:
                result = await in_thread(function, *args, **kwargs)
            return (None, CANCELLED_ERROR) if self.knows else (encode(result), None)
        except SafeExit:
            return None, {"code": SAFE_EXIT, "message": "safe exit"}
        except (Exception, SystemExit) as exception:
            return None, _function_error(exception, CANCELLED if self.cancelled else FUNCTION_ERROR)


# Codes of JSON-RPC errors. -32000 and below are for the implementation; -32099 is in errand's
# contract, -32800 is what other protocols use.
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD = -32700, -32600, -32601
FUNCTION_ERROR, SAFE_EXIT, CANCELLED = -32000, -32099, -32800

CANCELLED_ERROR = {"code": CANCELLED, "message": "cancelled"}


def _function_error(exception, code):
    """Its traceback begins in the author's file, not in this one."""
    frames = exception.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    kind = type(exception)
    message = f"{kind.__name__}: {exception}" if str(exception) else kind.__name__
    lines = traceback.format_exception(kind, exception, frames)
    return {"code": code, "message": message, "data": "".join(lines)}


async def in_thread(function, /, *args, **kwargs):
    """Like asyncio.to_thread, with as many threads as it takes, and none that the end waits for."""
    outcome = concurrent.futures.Future()

    def work():
        try:
            outcome.set_result(function(*args, **kwargs))
        except StopIteration as exception:  # a future cannot hold it
            outcome.set_exception(RuntimeError(f"the function raised {exception!r}"))
        except BaseException as exception:
            outcome.set_exception(exception)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), daemon=True).start()
    return await asyncio.wrap_future(outcome)


class _Prints(io.TextIOBase):
    """In place of a standard stream: what a task prints goes to its log, the rest through."""

    def __init__(self, stream):
        self.stream = stream
        self.buffer, self.fileno, self.flush = stream.buffer, stream.fileno, stream.flush

    def write(self, text):
        running = current()
        if running is None:
            return self.stream.write(text)
        running.print(text)
        return len(text)


def show_prints_in_logs():
    sys.stdout, sys.stderr = _Prints(sys.stdout), _Prints(sys.stderr)


# --- JSON that keeps digits ---------------------------------------------------------------

_MARK = secrets.token_hex(8)  # nobody else's text has it
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


def _whole(digits):
    try:
        return int(digits)
    except ValueError:  # it refuses thousands of digits (sys.set_int_max_str_digits)
        return Decimal(digits)


def _decimal(value):
    """json has no way to write a number as we want it. So: a marked string, unquoted later."""
    if isinstance(value, Decimal) and value.is_finite():
        return _MARK + str(value)
    raise TypeError(f"{value!r} has no form in JSON")


def decode(text):
    return json.loads(text, parse_float=parse_float, parse_int=_whole)


def encode(value):
    text = json.dumps(value, default=_decimal, allow_nan=False, separators=(",", ":"))
    return _MARKED.sub(r"\1", text) if _MARK in text else text


# --- the conversation with the server: JSON-RPC 2.0, one message a line -------------------


@functools.lru_cache(maxsize=None)  # once
def _take_over():
    """Standard input and output become ours alone. In their place, for functions and what they
    start: nothing to read, and standard error to write to."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    show_prints_in_logs()
    return source, sink


async def _serve(source, sink):
    loop = asyncio.get_running_loop()
    worker = _Worker(loop, sink)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)

    def read():
        try:
            with open(source, "rb") as lines:
                for line in lines:
                    loop.call_soon_threadsafe(worker.receive, line)
            loop.call_soon_threadsafe(worker.finish)
        except RuntimeError:
            pass  # the loop has ended meanwhile, by SIGTERM

    threading.Thread(target=read, daemon=True).start()
    await worker.ended


class _Worker:
    """Runs what it is told to. All of it is in the loop's thread, but for send."""

    def __init__(self, loop, sink):
        self.loop, self.sink = loop, sink
        self.running = {}  # Task by id
        self.finishing = False
        self.ended = loop.create_future()
        self.sending = threading.Lock()  # a message is written whole

    def receive(self, line):
        try:
            message = decode(line)
        except ValueError as error:
            return self.answer(None, error={"code": PARSE_ERROR, "message": str(error)})
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(method, str):
            return self.answer(None, error={"code": INVALID_REQUEST, "message": "no request"})
        params = message.get("params") or {}
        if "id" in message:
            self.start(message["id"], method, params)
        elif method == "cancel" and params.get("id") in self.running:
            self.running[params["id"]].cancel()

    def start(self, task_id, function, params):
        if function not in FUNCTIONS:
            error = {"code": UNKNOWN_METHOD, "message": f"there is no task {function} here"}
            return self.answer(task_id, error=error)
        if task_id in self.running or self.finishing:
            error = {"code": INVALID_REQUEST, "message": "it runs already, or the worker is ending"}
            return self.answer(task_id, error=error)

        def tell(method, params):
            params = {"id": task_id, **params}
            self.send(encode({"jsonrpc": "2.0", "method": method, "params": params}))

        def done(result, error):
            del self.running[task_id]
            self.answer(task_id, result, error)
            self.end_if_idle()

        running = self.running[task_id] = Task(task_id, function, params.get("attempt", 1), tell)
        running.start(params.get("args", []), params.get("kwargs", {}), done)

    def answer(self, task_id, result=None, error=None):
        outcome = f'"error":{encode(error)}' if error else f'"result":{result}'
        self.send(f'{{"jsonrpc":"2.0","id":{encode(task_id)},{outcome}}}')

    def send(self, text):
        """From any thread."""
        rest = memoryview(text.encode() + b"\n")
        try:
            with self.sending:
                while rest:
                    rest = rest[os.write(self.sink, rest):]
        except BrokenPipeError:  # the server is gone
            self.loop.call_soon_threadsafe(self.stop)

    def finish(self):
        """Nothing more will come: what runs may end."""
        self.finishing = True
        self.end_if_idle()

    def stop(self):
        """SIGTERM: what runs is asked to end. The next one ends all at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.remove_signal_handler(number)
        for running in self.running.values():
            running.cancel()
        self.finish()

    def end_if_idle(self):
        if self.finishing and not self.running and not self.ended.done():
            self.ended.set_result(None)
