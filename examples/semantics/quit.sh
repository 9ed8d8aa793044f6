#!/bin/sh
# quit: ends with the exit status in args[0]. 75 is a safe one: see the manifest.
set -eu

read -r request
status=$(printf '%s' "$request" | sed 's/.*"args":\[\([0-9]*\).*/\1/')
echo "leaving with $status" >&2
exit "$status"
