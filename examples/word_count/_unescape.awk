# _unescape.awk: the inside of a JSON string (one line, no quotes), as the UTF-8
# bytes that it stands for. Exit status 1 for \u0000, which no file name can hold,
# and for half a surrogate pair, which UTF-8 cannot hold. Run it with LC_ALL=C.

BEGIN {
    plain["b"] = "\b"; plain["f"] = "\f"; plain["n"] = "\n"; plain["r"] = "\r"; plain["t"] = "\t"
    plain["\""] = "\""; plain["\\"] = "\\"; plain["/"] = "/"
}

{
    while ((at = index($0, "\\")) > 0) {
        printf "%s", substr($0, 1, at - 1)
        char = substr($0, at + 1, 1)
        if (char != "u") {
            printf "%s", plain[char]
            $0 = substr($0, at + 2)
            continue
        }
        code = hex(substr($0, at + 2, 4))
        $0 = substr($0, at + 6)
        if (code >= 55296 && code < 56320 && substr($0, 1, 2) == "\\u") { # D800 to DBFF
            low = hex(substr($0, 3, 4))
            if (low >= 56320 && low < 57344) {
                code = 65536 + (code - 55296) * 1024 + low - 56320
                $0 = substr($0, 7)
            }
        }
        if (code == 0 || (code >= 55296 && code < 57344))
            exit 1
        put(code)
    }
    printf "%s", $0
}

function hex(digits,    value, i) {
    value = 0
    for (i = 1; i <= length(digits); i++)
        value = value * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
    return value
}

function put(code) { # RFC 3629
    if (code < 128)
        printf "%c", code
    else if (code < 2048)
        printf "%c%c", 192 + int(code / 64), 128 + code % 64
    else if (code < 65536)
        printf "%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64
    else
        printf "%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64,
               128 + int(code / 64) % 64, 128 + code % 64
}
