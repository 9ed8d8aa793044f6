"""Mode worker: gives the first argument, a number. No other run of the task may be alive."""

import fcntl
import json
import os
import sys


def note(line):
    fd = os.open("../scratch/ledger", os.O_WRONLY | os.O_APPEND)
    os.write(fd, (line + "\n").encode())
    os.close(fd)


for text in sys.stdin:
    request = json.loads(text)
    if request.get("method") != "warm":
        continue
    task, params = request["id"], request["params"]
    with open(f"../scratch/{task}.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            note(f"{task} overlap")
        note(f"{task} {params['attempt']}")
        print(json.dumps({"jsonrpc": "2.0", "id": task, "result": params["args"][0]}), flush=True)
