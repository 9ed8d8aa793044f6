#include "tests/api/lib/record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line {
    char *data;
    size_t length, room;
};

static void add(struct line *line, const char *bytes, size_t length)
{
    if (line->length + length > line->room) {
        line->room = (line->length + length) * 2 + 1024;
        line->data = realloc(line->data, line->room);
        if (!line->data)
            abort();
    }
    memcpy(line->data + line->length, bytes, length);
    line->length += length;
}

static void add_words(struct line *line, const char *words)
{
    add(line, words, strlen(words));
}

/* As a JSON string; bytes that are not UTF-8 stay as they are. */
static void add_bytes(struct line *line, const char *name, const char *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    add_words(line, line->length ? ",\"" : "{\"");
    add_words(line, name);
    add_words(line, "\":\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        if (c < 0x20)
            add(line, escape, sizeof escape);
        if (c == '"' || c == '\\')
            add(line, "\\", 1);
        if (c >= 0x20)
            add(line, bytes + i, 1);
    }
    add_words(line, "\"");
}

static void add_text(struct line *line, const char *name, const char *value)
{
    add_bytes(line, name, value, strlen(value));
}

/* One write to the end of the file, so that lines of several programs do not mix. */
static void write_end(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
        abort();
    close(fd);
}

/* Who asks again and again until an answer changes is recorded once. */
static void append(struct line *line)
{
    static struct line last;
    add_words(line, "}\n");
    if (line->length == last.length && !memcmp(line->data, last.data, line->length)) {
        free(line->data);
        return;
    }
    free(last.data);
    last = *line;
    write_end(getenv("ERRAND_EXCHANGES"), line->data, line->length);
}

void record_exchange(const struct request *request, const char *method, const struct reply *reply)
{
    struct line line = {0};
    const char *type = header(reply, "Content-Type");
    if (!getenv("ERRAND_EXCHANGES"))
        return;
    add_text(&line, "method", method);
    add_text(&line, "path", request->path);
    if (request->body)
        add_bytes(&line, "request", request->body,
                  request->length ? request->length : strlen(request->body));
    add_text(&line, "status", text(reply->body.scenario, "%d", reply->status));
    if (type)
        add_text(&line, "type", type);
    if (type && strstr(type, "json"))
        add_bytes(&line, "body", reply->body.text, reply->body.length);
    append(&line);
}

void record_event(const char *type, const char *data)
{
    struct line line = {0};
    if (!getenv("ERRAND_EXCHANGES"))
        return;
    add_text(&line, "event", type);
    add_text(&line, "data", data);
    append(&line);
}

void record_problem(const struct reply *reply, const char *slug)
{
    const char *path = getenv("COVERAGE_PROBLEMS");
    const char *line = text(reply->body.scenario, "%s\n", slug);
    if (path)
        write_end(path, line, strlen(line));
}
