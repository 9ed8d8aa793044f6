"""Throws damaged requests at a real server, which should be built with sanitizers.

    ERRAND=build/fuzz/errand python3 tests/fuzz/server.py --seconds 60
    ERRAND=build/fuzz/errand python3 tests/fuzz/server.py --seed 7 --first 1234 --rounds 1

A round makes a few connections at once, and on each of them sends requests of
corpus/server, one behind the other, damaged or not, cut in pieces anywhere, and
ends in one of several ways. What comes back has to be HTTP, with JSON where it
says so, and never a 500; requests that were not damaged are answered as ever.
After each round a healthy task is made and gives its result. At the end the
server exits with 0 on SIGTERM, and has no report of a sanitizer in its log.

A round follows from its seed and its number alone. One that breaks something is
shown, and kept in the folder --findings.
"""

import argparse
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ERRAND = os.path.abspath(os.environ.get("ERRAND", os.path.join(ROOT, "build", "errand")))

PATIENCE = 60       # seconds that a healthy answer may take; never waited for if all is well
QUIET = 0.02        # seconds after which a damaged request has most likely been answered
ROUNDS_A_SWEEP = 25 # after so many all tasks are cancelled: some may have been told to sleep

WORDS = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"%", b"%00", b"%ff", b"%2f", b"/", b"//",
    b"..", b"?", b"&", b"=", b"+", b"#", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"0", b"-1", b"18446744073709551616",
    b"9223372036854775807", b"99999999999999999999999", b"7fffffffffffffff", b"ffffffffffffffffffff", b"0x10",
    b"Content-Length: 0\r\n", b"Content-Length: 10\r\n", b"Content-Length: -1\r\n", b"Content-Length: +5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Host: localhost\r\n", b"Cookie: a=b; c\r\n", b"Accept: */*;q=0\r\n", b"Last-Event-ID: 5\r\n", b"Prefer: wait=1\r\n",
    b"Idempotency-Key: x\r\n", b"Origin: null\r\n", b"Authorization: Bearer x\r\n", b"If-None-Match: *\r\n",
    b"X: " + b"a" * 5000 + b"\r\n", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"PRI * HTTP/2.0", b"GET ", b"POST ", b"PUT ",
    b"HEAD ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"TRACE ", b"0\r\n\r\n", b"5\r\nhello\r\n", b"5;a=b\r\n", b"?wait=0.1",
    b"?wait=60", b"&limit=1", b"{", b"}", b"[", b"]", b'"', b"\\ud800", b"null", b'{"$task":"@TASKID@"}', b"@TASKID@", b"cancel",
]


class Finding(Exception):
    """What should not be."""


# --- answers ---------------------------------------------------------------------------------

HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: *[^\r\n\0]*\r\n)*)\r\n")
STREAM_LINE = re.compile(rb"(id: \d+|event: [a-z._]+|retry: \d+|data: .*|:.*|)$")


def not_json(word):
    raise ValueError(word)


def read_json(text):
    try:
        return json.loads(text.decode("utf-8"), parse_constant=not_json)
    except (ValueError, RecursionError) as error:
        raise Finding(f"a body that is no JSON ({error}): {text[:500]!r}") from None


def check_stream(text):
    for line in text.split(b"\n")[:-1]: # the last may not be whole
        if not STREAM_LINE.match(line):
            raise Finding(f"an event stream with the line {line[:500]!r}")
        if line.startswith(b"data: "):
            read_json(line[6:])


def check_body(status, kind, body):
    if kind.startswith(b"application/json"):
        read_json(body)
    if kind.startswith(b"application/problem+json"):
        problem = read_json(body)
        if problem["status"] != status or not problem["type"].startswith("/problems/"):
            raise Finding(f"a problem that is none: {body!r}")


def read_chunks(data):
    """The body and what follows it; None: it is not whole yet."""
    body = b""
    while True:
        match = re.match(rb"([0-9a-fA-F]+)\r\n", data)
        if not match:
            if re.match(rb"[0-9a-fA-F]*\r?$", data):
                return None
            raise Finding(f"a chunk that is none: {data[:500]!r}")
        size = int(match[1], 16)
        chunk, data = data[match.end():match.end() + size], data[match.end() + size:]
        if len(chunk) < size or len(data) < 2:
            return None
        if data[:2] != b"\r\n":
            raise Finding(f"a chunk of another length than it says: {data[:500]!r}")
        data = data[2:]
        if size == 0:
            return body, data
        body += chunk


def read_answers(data):
    """The statuses of the answers in data that are whole."""
    statuses = []
    while data:
        match = HEAD.match(data)
        if not match:
            if b"\r\n\r\n" in data:
                raise Finding(f"an answer that is no HTTP: {data[:500]!r}")
            break
        status, rest = int(match[1]), data[match.end():]
        headers = {name.lower(): value.strip() for name, value in
                   (line.split(b":", 1) for line in match[2].split(b"\r\n")[:-1])}
        kind = headers.get(b"content-type", b"")
        if status == 500:
            raise Finding(f"a 500: {data[:1000]!r}")
        if status == 100 or status in (204, 304):
            body = b""
        elif headers.get(b"transfer-encoding", b"") == b"chunked":
            found = read_chunks(rest)
            if not found:
                break
            body, rest = found
            check_body(status, kind, body)
        elif b"content-length" in headers:
            length = int(headers[b"content-length"])
            if rest.startswith(b"HTTP/1."): # it answered a HEAD
                length = 0
            if len(rest) < length:
                break
            body, rest = rest[:length], rest[length:]
            if body:
                check_body(status, kind, body)
        else: # until the connection is closed
            if kind.startswith(b"text/event-stream"):
                check_stream(rest)
            return statuses + [status]
        data = rest
        if status != 100:
            statuses.append(status)
    return statuses


# --- requests --------------------------------------------------------------------------------


def chunked(rng, data):
    """The body of the first request in chunks, most of them right."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark or not body:
        return data
    head = re.sub(rb"(?i)\r\ncontent-length:[^\r]*", b"", head) + b"\r\nTransfer-Encoding: chunked"
    out = b""
    while body:
        size = rng.randint(1, max(1, len(body)))
        out += b"%x\r\n%s\r\n" % (size if rng.random() < 0.9 else rng.randint(0, 99), body[:size])
        body = body[size:]
    return head + mark + out + b"0\r\n\r\n"


def damage(rng, data, corpus):
    at = rng.randint(0, len(data))
    to = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64, 500)))
    how = rng.randrange(9)
    if how == 0:
        return data[:at] + data[to:]
    if how == 1:
        return data[:at] + bytes(rng.randrange(256) for _ in range(to - at)) + data[to:]
    if how == 2:
        return data[:at] + data[at:to] * rng.choice((2, 3, 100)) + data[to:]
    if how == 3:
        other = rng.choice(corpus)
        start = rng.randint(0, len(other))
        return data[:at] + other[start:start + rng.randint(1, 200)] + data[to:]
    if how == 4:
        return chunked(rng, data)
    if how == 5:
        numbers = list(re.finditer(rb"\d+", data))
        if numbers:
            match = rng.choice(numbers)
            return data[:match.start()] + rng.choice((b"0", b"1", b"-1", b"%d" % (int(match[0]) + 1), b"4294967296",
                                                      b"9223372036854775808", b"1e3", b"0.1")) + data[match.end():]
    lines = [match.end() for match in re.finditer(rb"\r\n", data)]
    if how == 6 and lines: # a header more
        at = to = rng.choice(lines)
    return data[:at] + rng.choice(WORDS) + data[to if how == 7 else at:]


class Talk:
    """What is sent on one connection, and how it ends."""

    def __init__(self, rng, names, corpus):
        self.names = [rng.choice(names) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        self.data = b"".join(corpus[name] for name in self.names)
        self.damaged = rng.random() < 0.85
        if self.damaged:
            for _ in range(rng.choice((1, 1, 2, 3, 6))):
                self.data = damage(rng, self.data, list(corpus.values()))[:300000]
        self.cuts = sorted(rng.randint(0, len(self.data)) for _ in range(rng.choice((0, 0, 1, 3, 8))))
        self.end = rng.choice(("read", "half-close", "half-close", "reset", "close")) if self.damaged else "read"

    def pieces(self, task):
        data = self.data.replace(b"@TASKID@", task)
        return [data[a:b] for a, b in zip([0] + self.cuts, self.cuts + [len(data)])]

    def __str__(self):
        return f"{'+'.join(self.names)}, cut at {self.cuts}, then {self.end}: {self.data!r}"


# --- the server -------------------------------------------------------------------------------


class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="errand-fuzz.")
        functions = os.path.join(self.folder, "functions")
        os.mkdir(functions)
        with open(os.path.join(functions, "far.json"), "w", encoding="utf-8") as file:
            file.write('{"mode":"remote"}')
        with open(os.path.join(functions, "say"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho '{\"a\":1}'\n")
        os.chmod(file.name, 0o755)
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [ERRAND, "serve", "--listen", "127.0.0.1:0", "--data", os.path.join(self.folder, "data"),
                 "--functions", functions, "--max-body", "65536", "--max-result", "65536", "--drain", "1",
                 "--grace", "1", "--cors-origin", "http://a.example"],
                stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline().decode()
        if ":" not in line:
            raise Finding(f"the server does not start: {self.said()}")
        self.port = int(line.rsplit(":", 1)[1])
        self.count = 0

    def said(self):
        with open(self.log, "rb") as log:
            return log.read().decode(errors="replace")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, path, body):
        request = (b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (path, len(body), body))
        with self.connect() as connection:
            connection.sendall(request)
            answer = b""
            while data := connection.recv(65536):
                answer += data
        if not read_answers(answer):
            raise Finding(f"a healthy request is answered with {answer!r}")
        return read_json(answer.partition(b"\r\n\r\n")[2])

    def check(self):
        """Makes a task, which gives its result; its id, which is as long as @TASKID@."""
        self.count += 1
        name = b"h%07d" % self.count
        body = b'{"function":"echo","id":"%s","args":[%d],"priority":100}' % (name, self.count)
        task = self.ask(b"/v1/tasks?wait=60", body)
        if task.get("state") != "succeeded" or task.get("result") != self.count:
            raise Finding(f"a healthy task comes to {task}")
        return name

    def sweep(self):
        self.ask(b"/v1/tasks/cancel", b"{}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Finding("the server does not end on SIGTERM") from None
        if status != 0:
            raise Finding(f"the server ends with {status}")
        if re.search("Sanitizer|runtime error:", self.said()):
            raise Finding("a sanitizer has something to say")

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)


# --- rounds ------------------------------------------------------------------------------------


def receive(connection, wanted, seconds):
    """What comes until so many answers are there, the end, or nothing for so long."""
    data = b""
    try:
        while select.select([connection], [], [], seconds)[0]:
            part = connection.recv(65536)
            data += part
            if not part or (wanted and len(read_answers(data)) >= wanted) or len(data) > 4 << 20:
                break
    except ConnectionError:
        pass
    return data


def finish(talk, connection, usual):
    """Reads the answers. usual: the statuses of each file of the corpus, where they are always the same."""
    wanted = None
    if not talk.damaged and all(usual.get(name) for name in talk.names):
        wanted = [status for name in talk.names for status in usual[name]]
    if talk.end == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if talk.end == "half-close":
        connection.shutdown(socket.SHUT_WR)
    if talk.end in ("read", "half-close"):
        data = receive(connection, len(wanted) if wanted else 0, PATIENCE if wanted else QUIET)
        statuses = read_answers(data)
        if wanted and statuses != wanted:
            raise Finding(f"{talk} is answered with {statuses}, not {wanted}")


def run_talks(rng, server, talks, task, usual):
    connections = [server.connect() for _ in talks]
    left = [talk.pieces(task) for talk in talks]
    try:
        while any(left):
            which = rng.choice([i for i, pieces in enumerate(left) if pieces])
            try:
                connections[which].settimeout(1) # it may have stopped reading
                connections[which].sendall(left[which].pop(0))
            except OSError:
                left[which].clear()
        for talk, connection in zip(talks, connections):
            try:
                finish(talk, connection, usual)
            except OSError:
                pass # it was closed
    finally:
        for connection in connections:
            connection.close()


def learn(server, corpus, task):
    """The statuses that each file gets, if they are always the same and the connection can go on."""
    usual = {}
    goodbye = b"DELETE /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for name, data in corpus.items():
        seen = []
        for _ in range(3):
            with server.connect() as connection:
                connection.sendall(data.replace(b"@TASKID@", task) + goodbye)
                seen.append(read_answers(receive(connection, 0, 0.3)))
        if seen[0] == seen[1] == seen[2] and len(seen[0]) > 1 and seen[0][-1] == 405:
            usual[name] = seen[0][:-1]
    return usual


def play(options, server, corpus, show):
    names = sorted(corpus)
    task = server.check()
    usual = learn(server, corpus, task)
    number, ends = options.first, time.monotonic() + options.seconds
    while (number < options.first + options.rounds) if options.rounds else time.monotonic() < ends:
        rng = random.Random(f"{options.seed}/{number}")
        talks = [Talk(rng, names, corpus) for _ in range(rng.choice((1, 1, 2, 4)))]
        show(number, talks)
        run_talks(rng, server, talks, task, usual)
        task = server.check()
        number += 1
        if number % ROUNDS_A_SWEEP == 0:
            server.sweep()
    show(number, [])
    server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=0, help="instead of --seconds")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--findings", default=None, help="folder for what breaks it")
    options = parser.parse_args()
    options.seed = random.randrange(1 << 31) if options.seed is None else options.seed
    folder = os.path.join(HERE, "corpus", "server")
    corpus = {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}
    last = {"number": options.first, "talks": []}
    started, server, found = time.monotonic(), Server(), None

    def show(number, talks):
        last.update(number=number, talks=talks)

    try:
        play(options, server, corpus, show)
    except (Finding, OSError) as error:
        found = f"{error or type(error).__name__}"
        if server.process.poll() is not None:
            found += f"; the server has ended with {server.process.returncode}"
    if found:
        text = f"seed {options.seed}, round {last['number']}: {found}\n"
        text += "".join(f"{talk}\n" for talk in last["talks"]) + server.said()[-20000:]
        print(text, file=sys.stderr)
        if options.findings:
            with open(os.path.join(options.findings, f"server-{options.seed}-{last['number']}"), "w",
                      encoding="utf-8", errors="replace") as file:
                file.write(text)
    server.remove()
    seconds, rounds = time.monotonic() - started, last["number"] - options.first
    print(f"server    {rounds:11d} rounds, {rounds / seconds:6.0f}/s, seed {options.seed}, {seconds:4.0f} s, "
          f"{1 if found else 0} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
