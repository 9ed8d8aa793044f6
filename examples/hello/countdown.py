#!/usr/bin/env python3
"""countdown: a slow function, in Python, that reports progress and can fail.

    curl -H 'Content-Type: application/json' http://127.0.0.1:8080/v1/tasks \
         -d '{"function":"countdown","args":[10],"kwargs":{"fail_at":3}}'

args[0] is the number of seconds (default 5). With the keyword argument fail_at it
fails when it gets there; after that the server tries again, as the manifest beside
this file says (max_attempts, backoff). Watch it: curl -N http://127.0.0.1:8080/v1/events
Cancel it: curl -X POST http://127.0.0.1:8080/v1/tasks/ID/cancel
"""

import json
import os
import signal
import sys
import time


def report(percent, message):
    """Progress goes to descriptor 3, one JSON object a line."""
    line = json.dumps({"progress": percent, "message": message}) + "\n"
    os.write(3, line.encode())


def stop(signum, frame):
    """Cancel and timeout send SIGTERM first: the place to tidy up, within the grace."""
    print("countdown: asked to stop", file=sys.stderr)
    sys.exit(1)


def main():
    signal.signal(signal.SIGTERM, stop)
    request = json.load(sys.stdin)
    seconds = request["args"][0] if request["args"] else 5
    fail_at = request["kwargs"].get("fail_at")

    for left in range(seconds, 0, -1):
        report(100 * (seconds - left) // seconds, f"{left} s left")
        if left == fail_at:
            sys.exit(f"countdown: told to fail at {left}")  # text on stderr, exit status 1
        time.sleep(1)

    # Standard output is the result; print nothing else there.
    json.dump({"counted": seconds, "attempt": request["attempt"]}, sys.stdout)


main()
