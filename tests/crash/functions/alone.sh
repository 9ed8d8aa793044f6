#!/bin/sh
# Its first argument, a number. Its manifest says that it runs once at a time.
exec 9>../scratch/alone.lock
flock -n 9 || echo "$ERRAND_TASK_ID overlap" >>../scratch/ledger
echo "$ERRAND_TASK_ID $ERRAND_ATTEMPT" >>../scratch/ledger
read -r line
line=${line#*\"args\":[}
sleep 0.02
printf '%s' "${line%%]*}"
