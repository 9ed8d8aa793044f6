#!/bin/sh
# Its first argument, a number, after a second in which it does not listen to SIGTERM.
trap '' TERM
exec 9>"../scratch/$ERRAND_TASK_ID.lock"
flock -n 9 || echo "$ERRAND_TASK_ID overlap" >>../scratch/ledger
echo "$ERRAND_TASK_ID $ERRAND_ATTEMPT" >>../scratch/ledger
read -r line
line=${line#*\"args\":[}
sleep 0.8
printf '%s' "${line%%]*}"
