# _flatten.awk: reads one JSON value, writes one line for each scalar in it:
#
#     POINTER <tab> VALUE        /args/0 <tab> "GPL-3"
#
# The pointer is a JSON Pointer (RFC 6901), names and strings stay as they were
# escaped in the input, so that a line never holds a tab or a line feed of its own.
# An empty array or object gives one line with [] or {}. The input is taken to be
# well-formed: errand has checked it. Where jq is at hand, use jq instead.
#
# It reads record by record with the quote as separator: outside a string, inside
# one, outside... POSIX awk; the cost is linear in the input.

BEGIN { RS = "\""; depth = 0 }

inside {
    text = text $0
    if (match(text, /\\+$/) && RLENGTH % 2 == 1) { # that quote was escaped
        text = text "\""
        next
    }
    inside = 0
    if (kind[depth] == "{" && !has_name[depth])
        name_member(text)
    else
        emit("\"" text "\"")
    next
}
{
    outside($0)
    inside = 1
    text = ""
}

function name_member(name) {
    gsub(/~/, "~0", name)
    gsub(/\//, "~1", name)
    place[depth] = name
    has_name[depth] = 1
}

function pointer(    path, i) {
    path = ""
    for (i = 1; i <= depth; i++)
        path = path "/" place[i]
    return path
}

function emit(value) {
    if (depth > 0)
        filled[depth] = 1
    printf "%s\t%s\n", pointer(), value
}

function outside(chunk,    char) {
    while (match(chunk, /[^ \t\r\n:]/)) {
        chunk = substr(chunk, RSTART)
        char = substr(chunk, 1, 1)
        if (char == "{" || char == "[") {
            if (depth > 0)
                filled[depth] = 1
            depth++
            kind[depth] = char
            place[depth] = 0
            has_name[depth] = 0
            filled[depth] = 0
        } else if (char == "}" || char == "]") {
            depth--
            if (!filled[depth + 1])
                emit(kind[depth + 1] == "{" ? "{}" : "[]")
        } else if (char == ",") {
            if (kind[depth] == "{")
                has_name[depth] = 0
            else
                place[depth]++
        } else {
            match(chunk, /^[^],} \t\r\n]+/) # a number, true, false or null
            emit(substr(chunk, 1, RLENGTH))
            chunk = substr(chunk, RLENGTH + 1)
            continue
        }
        chunk = substr(chunk, 2)
    }
}
