#!/bin/sh
# Leaves its first argument, a number, to a task that it returns.
echo "$ERRAND_TASK_ID $ERRAND_ATTEMPT" >>../scratch/ledger
read -r line
line=${line#*\"args\":[}
# shellcheck disable=SC2016 # a name, and no variable
printf '{"$task":{"function":"give","args":[%s]}}' "${line%%]*}"
