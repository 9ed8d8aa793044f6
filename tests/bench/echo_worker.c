/*
 * A warm worker in C: JSON-RPC 2.0, one message a line. Each request is answered with its first
 * argument; what has come together is answered with one write.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX (1u << 20) /* of requests that are read at once */

static void answer(const char *line, size_t len)
{
    cJSON *message = cJSON_ParseWithLength(line, len);
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(params, "args");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "id"));
    char *result = cJSON_PrintUnformatted(cJSON_GetArrayItem(args, 0));

    if (id) /* a notification has none */
        printf("{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":%s}\n", id, result ? result : "null");
    free(result);
    cJSON_Delete(message);
}

/* Returns how much of the data was whole lines. */
static size_t answer_all(const char *data, size_t len)
{
    const char *at = data, *end;

    while ((end = memchr(at, '\n', len - (size_t)(at - data)))) {
        answer(at, (size_t)(end - at));
        at = end + 1;
    }
    fflush(stdout);
    return (size_t)(at - data);
}

int main(void)
{
    static char data[LINES_MAX], output[LINES_MAX];
    size_t len = 0, took;
    ssize_t n;

    setvbuf(stdout, output, _IOFBF, sizeof output);
    while (len < sizeof data && (n = read(STDIN_FILENO, data + len, sizeof data - len)) > 0) {
        len += (size_t)n;
        took = answer_all(data, len);
        len -= took;
        memmove(data, data + took, len);
    }
    return len > 0;
}
