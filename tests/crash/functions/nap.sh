#!/bin/sh
# Its first argument, a number, after as many seconds as the second says. No other run of the same
# task may be alive meanwhile.
exec 9>"../scratch/$ERRAND_TASK_ID.lock"
flock -n 9 || echo "$ERRAND_TASK_ID overlap" >>../scratch/ledger
echo "$ERRAND_TASK_ID $ERRAND_ATTEMPT" >>../scratch/ledger
read -r line
line=${line#*\"args\":[}
line=${line%%]*}
echo '{"progress":50,"message":"halfway"}' >&3
sleep "${line#*,}"
printf '%s' "${line%%,*}"
