#!/usr/bin/env bash
# greet: the smallest useful function, in bash. Copy it, rename it, make it executable.
# The file's name without its last extension is the function's name.
#
#   curl -H 'Content-Type: application/json' 'http://127.0.0.1:8080/v1/tasks?wait=10' \
#        -d '{"function":"greet","args":["Ada"]}'
#
# What a function is given, and what it gives:
#   standard input    one line of JSON: {"id":…,"function":…,"args":[…],"kwargs":{…},"attempt":1}
#   standard output   the result: JSON, or any other text, which becomes a JSON string
#   standard error    the task's log: GET /v1/tasks/ID/logs
#   descriptor 3      reports while it runs, one JSON object a line
#   exit status       0 is success; anything else fails the task, and the last line of
#                     standard error is its error message
set -eu

read -r request
echo "greet was asked: $request" >&2

# One plain string needs no JSON tool; jq or python3 (see countdown.py) is better for more.
# What stands between the quotes is kept as it is escaped, so it can stand in JSON again.
first_string='"args":\[[[:space:]]*"(([^"\\]|\\.)+)"'
if [[ ! $request =~ $first_string ]]; then
    echo "greet: wants a name, as in \"args\":[\"Ada\"]" >&2
    exit 1
fi
name=${BASH_REMATCH[1]}

echo '{"progress":50,"message":"found the name"}' >&3
printf '{"greeting":"Hello, %s!","task":"%s"}\n' "$name" "$ERRAND_TASK_ID"
