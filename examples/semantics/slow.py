#!/usr/bin/env python3
"""slow: takes args[0] seconds (default 1), in four steps that it reports."""

import json
import os
import sys
import time

request = json.load(sys.stdin)
seconds = request["args"][0] if request["args"] else 1

for step in range(4):
    report = {"progress": 25 * step, "message": f"step {step + 1} of 4"}
    os.write(3, (json.dumps(report) + "\n").encode())
    time.sleep(seconds / 4)

json.dump({"slept": seconds}, sys.stdout)
