"""A server to be watched: started in a temp folder, asked over sockets of ours, looked at in /proc."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile


class Server:
    def __init__(self, *flags):
        self.folder = tempfile.mkdtemp(prefix="errand-soak.")
        functions = os.path.join(self.folder, "functions")
        os.mkdir(functions)
        program = os.path.join(functions, "shout")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho loud >&2\necho 1\n")
        os.chmod(program, 0o755)
        self.log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [os.environ.get("ERRAND", "build/errand"), "serve", "--listen", "127.0.0.1:0",
             "--data", os.path.join(self.folder, "data"), "--functions", functions, *flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        self.port = int(line.rsplit(":", 1)[1])

    def status(self, name):
        """A number of /proc/PID/status: VmRSS and VmHWM in kB, Threads."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(rf"^{name}:\s*(\d+)", file.read(), re.M).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, method, path, body=None):
        """One exchange on a connection of its own; the status and the body as text."""
        with self.connect() as client:
            client.sendall(request(method, path, body, "Connection: close\r\n"))
            answer = b""
            while part := client.recv(65536):
                answer += part
        head, _, text = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), text.decode()

    def metric(self, series):
        _, text = self.ask("GET", "/metrics")
        return float(re.search(rf"^{re.escape(series)} (\S+)$", text, re.M).group(1))

    def stop(self):
        """SIGTERM; its exit status."""
        self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder)
        return status


def request(method, path, body=None, headers=""):
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
    if body is None:
        return f"{head}\r\n".encode()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"{head}Content-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data
