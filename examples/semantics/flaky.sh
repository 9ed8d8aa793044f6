#!/bin/sh
# flaky: fails at its first two attempts. The manifest beside it allows three.
set -eu

if [ "$ERRAND_ATTEMPT" -lt 3 ]; then
    echo "attempt $ERRAND_ATTEMPT: not yet" >&2
    exit 1
fi
echo "attempt $ERRAND_ATTEMPT: done"
