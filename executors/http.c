#include "executors/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "executors/redirect.h"
#include "executors/result.h"
#include "executors/retry_after.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONNECT_TIMEOUT_MS = 10000, /* address, connection and TLS together */
    /* Each may be a thread of libcurl's resolver. */
    LOOKUPS_MAX = 64,
    REDIRECTS_MAX = 5,
    /* As libcurl has it; but that does not count trailers, and keeps them. */
    HEADERS_MAX_BYTES = 307200,
    ANSWER_SHOWN_BYTES = 1024, /* of an answer that is no success, in error.message */
    ANSWER_READ_BYTES = 65536, /* of such an answer, so that the connection can be used again */
    UPLOAD_BUFFER_BYTES = 16384,
};

/* One call, from start to ended. */
struct call {
    struct run *run;
    struct http_pool *pool;
    CURL *easy;
    struct curl_slist *headers;
    struct buf input;
    struct buf answer;       /* what is kept of it */
    size_t received;         /* bytes of the answer's body */
    size_t headers_received; /* bytes of its headers and trailers */
    int redirects;
    bool looking_up; /* counted in the pool */
    bool waiting;    /* in the pool's list */
    struct call *next;
    bool head_whole; /* of the answer: its status can be believed */
    bool sent;       /* there was a connection: the service may have got the request */
    bool too_large;
    char error[CURL_ERROR_SIZE];
};

/* --- the gate before name lookups --------------------------------------------- */

/* libcurl's resolver starts a thread for each name that it does not know yet, so a burst of calls
 * must not ask for the same name all at once. */
static void call_go(struct call *call)
{
    call->looking_up = true;
    call->pool->looking_up++;
    curl_loop_add(&call->pool->curl, call->easy);
}

static void looked_up(struct call *call)
{
    call->pool->looking_up -= call->looking_up;
    call->looking_up = false;
}

static void call_wait(struct call *call)
{
    struct http_pool *pool = call->pool;
    call->waiting = true;
    *pool->last = call;
    pool->last = &call->next;
}

static void stop_waiting(struct call *call)
{
    struct http_pool *pool = call->pool;
    struct call **at = &pool->waiting;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (pool->last == &call->next)
        pool->last = at;
    call->next = NULL;
    call->waiting = false;
}

static void go_on(struct http_pool *pool)
{
    while (pool->waiting && pool->looking_up < LOOKUPS_MAX) {
        struct call *call = pool->waiting;
        stop_waiting(call);
        call_go(call);
    }
}

/* --- what libcurl calls ------------------------------------------------------- */

/* libcurl's own sockets would be inherited by child processes. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    looked_up(arg);
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static int before_request(void *arg, char *ip, char *own_ip, int port, int own_port)
{
    struct call *call = arg;
    (void)ip, (void)own_ip, (void)port, (void)own_port;
    looked_up(call); /* a connection that was open already */
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

static long status_of(const struct call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_success(long status)
{
    return status >= 200 && status < 300;
}

/* libcurl takes a head that is cut off for a whole one, and its end for an empty body. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t take_head(char *data, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    struct str line = {data, size * count};
    call->headers_received += line.len;
    if (call->headers_received > HEADERS_MAX_BYTES)
        return CURL_WRITEFUNC_ERROR;
    if (str_starts(line, STR("HTTP/"))) /* there may be some: 100 Continue */
        call->head_whole = false;
    else if (str_eq(line, STR("\r\n")) || str_eq(line, STR("\n")))
        call->head_whole = true;
    return line.len;
}

/* Anything but the given length breaks the call off. */
static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    size_t len = size * count;
    bool success = is_success(status_of(call));
    int64_t room = success ? result_room(call->run) : ANSWER_READ_BYTES;
    call->received += len;
    if ((int64_t)call->received > room) {
        call->too_large = success;
        return CURL_WRITEFUNC_ERROR;
    }
    if (success)
        buf_add(&call->answer, data, len);
    else if (call->answer.len < ANSWER_SHOWN_BYTES)
        buf_add(&call->answer, data,
                len < ANSWER_SHOWN_BYTES - call->answer.len
                    ? len
                    : ANSWER_SHOWN_BYTES - call->answer.len);
    return len;
}

/* --- how it ended ------------------------------------------------------------- */

static void call_end(struct call *call, const struct outcome *outcome)
{
    struct run *run = call->run;
    looked_up(call);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_done(&call->input);
    buf_done(&call->answer);
    mem_free(call);
    run->state = NULL;
    run->host->ended(run, outcome);
}

/* There is no answer, or not all of one. Before the request was sent nothing can have been done:
 * the attempt did not start. After that whoever works on it is lost, as a worker can be. */
static struct outcome broken(struct call *call, CURLcode code)
{
    const char *why = call->headers_received > HEADERS_MAX_BYTES
                          ? "its headers and trailers have more than 300 KiB"
                      : call->error[0] ? call->error
                      : code           ? curl_easy_strerror(code)
                                       : "the connection was closed";
    struct buf text = {0};
    buf_add_lossy(&text, str_of(why));
    struct outcome outcome =
        call->sent ? run_failure(call->run, FAILURE_WORKER_LOST,
                                 "the call broke off before the answer was whole: %s", text.data)
                   : run_failure(call->run, FAILURE_START_FAILED,
                                 "the service cannot be reached: %s", text.data);
    buf_done(&text);
    return outcome;
}

static int64_t wait_asked_for(const struct call *call)
{
    struct curl_header *header;
    if (curl_easy_header(call->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return 0;
    return retry_after(header->value, clock_now());
}

/* An answer that is no success: its status, and how its body begins. */
static struct outcome refused(struct call *call, long status, const char *note)
{
    struct buf text = {0};
    buf_add_lossy(&text, str_trim(buf_str(&call->answer)));
    while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    struct outcome outcome =
        run_failure(call->run, FAILURE_HTTP_STATUS, "the service answered %ld%s%s%.*s", status,
                    note, text.len ? ": " : "", STR_ARG(buf_str(&text)));
    buf_done(&text);
    bool later = status == 429 || status >= 500;
    outcome.final = !later;
    outcome.retry_after = later ? wait_asked_for(call) : 0;
    return outcome;
}

/* Sends the call on to where a redirect within the service points; false: *outcome is the end. */
static bool follow(struct call *call, long status, struct outcome *outcome)
{
    char *target = NULL;
    curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &target);
    if (!redirect_status(status) || !target) {
        *outcome = refused(call, status, "");
        return false;
    }
    struct str elsewhere = redirect_elsewhere(call->run->function->url, target, &call->run->arena);
    if (elsewhere.data) {
        struct str note = arena_printf(
            &call->run->arena, ", a redirect to %.*s, which is not followed", STR_ARG(elsewhere));
        call->answer.len = 0;
        *outcome = refused(call, status, note.data);
        return false;
    }
    if (++call->redirects > REDIRECTS_MAX) {
        call->answer.len = 0;
        *outcome = refused(call, status, ", one redirect too many");
        return false;
    }
    curl_easy_setopt(call->easy, CURLOPT_URL, target);
    if (status == 303) {
        curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, (char *)NULL);
        curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    }
    call->received = call->headers_received = call->answer.len = 0;
    call->sent = call->head_whole = false;
    call->error[0] = 0;
    curl_loop_add(&call->pool->curl, call->easy);
    return true;
}

static void call_done(struct curl_loop *curl, CURL *easy, CURLcode code)
{
    struct call *call = NULL;
    struct outcome outcome;
    (void)curl;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    long status = status_of(call);
    /* Of a failure the status is enough. */
    bool answered = call->head_whole && (code == CURLE_OK || !is_success(status));
    if (call->too_large)
        outcome = result_too_large(call->run);
    else if (!answered)
        outcome = broken(call, code);
    else if (is_success(status))
        outcome = result_outcome(call->run, buf_str(&call->answer));
    else if (follow(call, status, &outcome))
        return;
    call_end(call, &outcome);
}

static void pool_turned(struct curl_loop *curl)
{
    go_on(container_of(curl, struct http_pool, curl));
}

/* --- start and stop ----------------------------------------------------------- */

static void set_request(struct call *call)
{
    const struct function *function = call->run->function;
    CURL *easy = call->easy;
    run_input(call->run, &call->input);
    call->input.len--; /* the line end */
    call->headers = curl_slist_append(NULL, "Content-Type: application/json");
    call->headers = curl_slist_append(call->headers, "User-Agent: errand/" ERRAND_VERSION);
    call->headers = curl_slist_append(call->headers, "Expect:"); /* no 100-continue, no wait */
    for (size_t i = 0; function->headers && function->headers[i]; i++)
        call->headers = curl_slist_append(call->headers, function->headers[i]);
    curl_easy_setopt(easy, CURLOPT_URL, function->url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, function->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->input.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->input.data); /* not copied */
}

static void set_callbacks(struct call *call)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
}

static void set_rules(struct call *call)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Without it, breaking a call off waits for a name lookup that is under way. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    /* From one file alone the certificates are kept parsed; with a folder beside it they would be
     * read again for each connection. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    if (call->pool->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, call->pool->ca_file);
}

static void http_start(struct run *run)
{
    struct call *call = mem_alloc(sizeof(*call));
    call->run = run;
    call->pool = run->host->http;
    call->easy = curl_loop_transfer(&call->pool->curl);
    if (!call->easy) {
        mem_free(call);
        struct outcome outcome = run_failure(run, FAILURE_START_FAILED, "libcurl cannot start");
        run->host->ended(run, &outcome);
        return;
    }
    set_request(call);
    set_callbacks(call);
    set_rules(call);
    run->state = call;
    call_wait(call);
    go_on(call->pool);
}

/* A call has no last words: the connection is closed at the first signal, and the service can see
 * that nobody waits for it any more. */
static void http_stop(struct run *run, int signal)
{
    struct call *call = run->state;
    (void)signal;
    if (!call)
        return;
    struct http_pool *pool = call->pool;
    struct outcome outcome = run_failure(run, FAILURE_INTERRUPTED, "the call was broken off");
    if (call->waiting)
        stop_waiting(call);
    else
        curl_loop_remove(&pool->curl, call->easy);
    call_end(call, &outcome);
    go_on(pool);
}

const struct executor http_executor = {http_start, http_stop};

void http_pool_init(struct http_pool *pool, uv_loop_t *loop)
{
    *pool = (struct http_pool){
        .ca_file = getenv("SSL_CERT_FILE")}; /* NOLINT(concurrency-mt-unsafe): never set */
    pool->last = &pool->waiting;
    curl_loop_init(&pool->curl, loop);
    pool->curl.done = call_done;
    pool->curl.turned = pool_turned;
}

void http_pool_done(struct http_pool *pool)
{
    curl_loop_done(&pool->curl);
}
