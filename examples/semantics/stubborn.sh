#!/bin/sh
# stubborn: ignores SIGTERM, and so does the child that it waits for.
set -eu

trap '' TERM
echo "stubborn has the process id $$" >&2
sleep 600
