#!/bin/sh
# Its first argument, a number.
echo "$ERRAND_TASK_ID $ERRAND_ATTEMPT" >>../scratch/ledger
read -r line
line=${line#*\"args\":[}
printf '%s' "${line%%]*}"
