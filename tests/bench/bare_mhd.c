/*
 * The measure of errand's HTTP: bare libmicrohttpd that answers the same POST. It parses
 * the body with cJSON and prints a small JSON answer; it stores and starts nothing.
 *
 * External epoll mode, one thread: libmicrohttpd's own epoll thread (0.9.75, 1.0.1) can
 * stop dead with 128 or more connections; MHD_run never blocks.
 *
 * POST /?bytes=N makes the answer N bytes long, to compare with longer answers.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX        (1u << 20)
#define CONNECTIONS_MAX 1024

struct request {
    size_t len;
    size_t room;
    char *body;
};

static bool request_append(struct request *r, const char *data, size_t len)
{
    if (r->len + len > BODY_MAX)
        return false;
    if (r->len + len > r->room) {
        size_t room = (r->len + len) * 2;
        char *body = realloc(r->body, room);

        if (!body)
            return false;
        r->body = body;
        r->room = room;
    }
    memcpy(r->body + r->len, data, len);
    r->len += len;
    return true;
}

/* Adds to a small answer what it lacks to `bytes`. */
static char *answer_pad(char *answer, size_t bytes)
{
    size_t len = strlen(answer);
    char *padded;

    if (len >= bytes || !(padded = realloc(answer, bytes + 1)))
        return answer;
    memset(padded + len, ' ', bytes - len);
    padded[bytes] = '\0';
    return padded;
}

static char *answer_make(const struct request *r, unsigned *status)
{
    static unsigned long count;
    cJSON *task = cJSON_ParseWithLength(r->body, r->len), *answer = cJSON_CreateObject();
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(task, "function"));
    char id[32], *text;

    snprintf(id, sizeof id, "%016lx", ++count);
    *status = task ? MHD_HTTP_CREATED : MHD_HTTP_BAD_REQUEST;
    cJSON_AddStringToObject(answer, "id", id);
    cJSON_AddStringToObject(answer, "function", name ? name : "");
    cJSON_AddStringToObject(answer, "state", task ? "queued" : "refused");
    text = cJSON_PrintUnformatted(answer);
    cJSON_Delete(answer);
    cJSON_Delete(task);
    return text;
}

static enum MHD_Result request_answer(struct MHD_Connection *connection, struct request *r)
{
    const char *bytes = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "bytes");
    struct MHD_Response *response;
    enum MHD_Result result;
    unsigned status;
    char *text = answer_make(r, &status);

    if (!text)
        return MHD_NO;
    if (bytes)
        text = answer_pad(text, strtoul(bytes, NULL, 10) & (16 * BODY_MAX - 1));
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *app, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct request *r = *state;

    (void)app, (void)url, (void)method, (void)version;
    if (!r) {
        *state = calloc(1, sizeof *r);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        bool fits = request_append(r, data, *size);

        *size = 0;
        return fits ? MHD_YES : MHD_NO;
    }
    return request_answer(connection, r);
}

static void on_completed(void *app, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *r = *state;

    (void)app, (void)connection, (void)code;
    if (r)
        free(r->body);
    free(r);
    *state = NULL;
}

/* Waits on libmicrohttpd's epoll descriptor, which is ready when anything in it is. */
static void serve(struct MHD_Daemon *server)
{
    struct pollfd wait = {.events = POLLIN};

    wait.fd = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    for (;;) {
        MHD_UNSIGNED_LONG_LONG ms;
        int timeout = MHD_get_timeout(server, &ms) == MHD_YES && ms < 1000 ? (int)ms : 1000;

        poll(&wait, 1, timeout);
        MHD_run(server);
    }
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *server;

    server =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO, 0, NULL, NULL, on_request, NULL,
                         MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!server) {
        fputs("bare_mhd: libmicrohttpd does not start\n", stderr);
        return 1;
    }
    printf("listening on http://127.0.0.1:%d\n",
           MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    serve(server);
}
