#include "server/http.h"

#include "base/mem.h"
#include "base/thread.h"
#include "server/exchange.h"
#include "server/reply.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* --- the loop --------------------------------------------------------------------------- */

void http_run(struct http_thread *thread)
{
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(thread->daemon);
    if (MHD_get_timeout(thread->daemon, &ms) == MHD_YES && ms == 0)
        uv_async_send(&thread->wake); /* it has more to do, but mail goes first */
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    http_run(poll->data);
}

static void close_handles(struct http_thread *thread)
{
    uv_close((uv_handle_t *)&thread->ready, NULL);
    connections_stop(thread);
    uv_close((uv_handle_t *)&thread->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct http_thread *thread = wake->data;
    for (struct mail *mail = mailbox_take(&thread->mailbox), *next; mail; mail = next) {
        next = mail->next;
        thread->suspended--;
        MHD_resume_connection(container_of(mail, struct request, mail)->connection);
    }
    http_run(thread);
    if (atomic_load(&thread->server->stopping) && thread->suspended == 0 &&
        !uv_is_closing((uv_handle_t *)wake))
        close_handles(thread);
}

static void mailbox_wake(void *arg)
{
    uv_async_send(arg);
}

static void http_main(void *arg)
{
    struct http_thread *thread = arg;
    uv_run(&thread->loop, UV_RUN_DEFAULT);
}

/* Called for the path, and for parameters: but those are hidden. What still looks like some stands
 * behind a NUL, where we see no query. */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    struct connection *from = connection_of(connection);
    (void)arg;
    if (text != from->request->target)
        connection_refuse(from, HTTP_TEXT_NUL);
    return target_decode(text);
}

static void no_log(void *arg, const char *format, va_list args)
{
    (void)arg; /* clients that vanish are no news */
    (void)format;
    (void)args;
}

/* Limits on connections, in number and in time, are not its business but ours; nor is it to be
 * strict: 0.9.75 then closes without a word, or gives the head of its answer twice. */
static bool thread_open(struct http_thread *thread)
{
    struct http_server *server = thread->server;
    thread->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            MHD_USE_NO_LISTEN_SOCKET,
        0, NULL, NULL, exchange_request, thread, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        connection_notify, thread, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, thread, MHD_OPTION_CONNECTION_LIMIT, UINT_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)server->config.max_header + HEAD_SPARE, MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_END);
    if (!thread->daemon)
        return false;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(thread->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (uv_loop_init(&thread->loop) != 0 ||
        uv_poll_init(&thread->loop, &thread->ready, info->epoll_fd) != 0 ||
        uv_async_init(&thread->loop, &thread->wake, on_wake) != 0 || !connections_start(thread))
        return false;
    thread->ready.data = thread->wake.data = thread;
    mailbox_init(&thread->mailbox, mailbox_wake, &thread->wake);
    uv_poll_start(&thread->ready, UV_READABLE, on_ready);
    thread_start(&thread->thread, "http", http_main, thread, &server->stopping);
    return true;
}

static void render_text(struct http_server *server, enum http_text which, enum problem_code code,
                        const char *detail)
{
    const struct problem problem = {.code = code, .detail = str_of(detail)};
    reply_render(&problem, NULL, &server->rendered[which]);
    server->texts[which] = buf_str(&server->rendered[which]);
}

static void render_texts(struct http_server *server)
{
    render_text(server, HTTP_TEXT_TIMEOUT, PROBLEM_REQUEST_TIMEOUT, "the request took too long");
    render_text(server, HTTP_TEXT_STUCK, PROBLEM_HEAD_TOO_LARGE,
                "the head, or the line of a chunk, leaves no memory for more (--max-header)");
    render_text(server, HTTP_TEXT_NUL, PROBLEM_BAD_REQUEST, "there is a NUL in the request line");
    render_text(server, HTTP_TEXT_FULL, PROBLEM_TOO_MANY_CONNECTIONS,
                "all connections are in use (--max-connections)");
    render_text(server, HTTP_TEXT_ADDRESS_FULL, PROBLEM_TOO_MANY_CONNECTIONS,
                "your address has too many connections (--max-connections-per-address)");
}

bool http_start(struct http_server *server, int socket, const struct http_config *config,
                char **message)
{
    *server = (struct http_server){.config = *config, .socket = socket};
    render_texts(server);
    connections_prepare(socket, &config->limits);
    server->threads = mem_alloc(config->threads * sizeof(*server->threads));
    for (unsigned i = 0; i < config->threads; i++) {
        server->threads[i].server = server;
        if (!thread_open(&server->threads[i])) {
            *message = mem_string("libmicrohttpd does not start");
            return false;
        }
    }
    return true;
}

void http_stop(struct http_server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->config.threads; i++) {
        struct http_thread *thread = &server->threads[i];
        uv_async_send(&thread->wake);
        pthread_join(thread->thread, NULL);
        MHD_stop_daemon(thread->daemon);
        uv_loop_close(&thread->loop);
        mailbox_done(&thread->mailbox);
    }
    for (size_t i = 0; i < HTTP_TEXTS; i++)
        buf_done(&server->rendered[i]);
    mem_free(server->threads);
    close(server->socket);
}

int64_t http_answers(const struct http_server *server, unsigned digit)
{
    int64_t count = 0;
    for (unsigned i = 0; i < server->config.threads; i++)
        count += atomic_load_explicit(&server->threads[i].answers[digit], memory_order_relaxed);
    return count;
}
