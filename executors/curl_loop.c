#include "executors/curl_loop.h"

#include "base/mem.h"

/* A descriptor that libcurl wants to be watched. */
struct curl_watch {
    uv_poll_t poll;
    struct curl_loop *curl;
    curl_socket_t fd;
};

/* Tells of the transfers that have ended. */
static void turn(struct curl_loop *curl)
{
    CURLMsg *message;
    int left;
    while (curl->multi && (message = curl_multi_info_read(curl->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result; /* the message is gone with the next call */
        curl_loop_remove(curl, easy);
        curl->done(curl, easy, code);
    }
    curl->turned(curl);
}

static void watch_ready(uv_poll_t *poll, int status, int events)
{
    struct curl_watch *watch = container_of(poll, struct curl_watch, poll);
    struct curl_loop *curl = watch->curl;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(curl->multi, watch->fd, flags, &running);
    turn(curl);
}

static void timer_over(uv_timer_t *timer)
{
    struct curl_loop *curl = container_of(timer, struct curl_loop, timer);
    int running;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    turn(curl);
}

/* --- what libcurl asks for ---------------------------------------------------- */

static void watch_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_poll_t *)handle, struct curl_watch, poll));
}

static struct curl_watch *watch_new(struct curl_loop *curl, curl_socket_t fd)
{
    struct curl_watch *watch = mem_alloc(sizeof(*watch));
    watch->curl = curl;
    watch->fd = fd;
    if (uv_poll_init_socket(curl->loop, &watch->poll, fd) == 0)
        return watch;
    mem_free(watch);
    return NULL;
}

/* CURLMOPT_SOCKETFUNCTION. libcurl closes the descriptor after CURL_POLL_REMOVE; closing the handle
 * takes it out of the epoll set at once. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct curl_loop *curl = arg;
    struct curl_watch *watch = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(curl->multi, fd, NULL);
        if (watch)
            uv_close((uv_handle_t *)&watch->poll, watch_closed);
        return 0;
    }
    if (!watch) {
        watch = watch_new(curl, fd);
        if (!watch)
            return -1;
        curl_multi_assign(curl->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, watch_ready) == 0 ? 0 : -1;
}

/* CURLMOPT_TIMERFUNCTION. Even 0 ms go through the loop: libcurl is not to be called from here. */
static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct curl_loop *curl = arg;
    (void)multi;
    if (ms < 0) {
        uv_timer_stop(&curl->timer);
    } else {
        uv_update_time(curl->loop);
        uv_timer_start(&curl->timer, timer_over, (uint64_t)ms, 0);
    }
    return 0;
}

/* --- life --------------------------------------------------------------------- */

static void multi_open(struct curl_loop *curl)
{
    curl->multi = curl_multi_init();
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
}

static void multi_close(struct curl_loop *curl)
{
    if (curl->multi)
        curl_multi_cleanup(curl->multi);
    curl->multi = NULL;
    uv_timer_stop(&curl->timer);
}

static void idle_over(uv_timer_t *timer)
{
    multi_close(container_of(timer, struct curl_loop, idle));
}

void curl_loop_init(struct curl_loop *curl, uv_loop_t *loop)
{
    *curl = (struct curl_loop){.loop = loop};
    uv_timer_init(loop, &curl->timer);
    uv_timer_init(loop, &curl->idle);
}

CURL *curl_loop_transfer(struct curl_loop *curl)
{
    if (!curl->ready)
        curl->ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_resize,
                                           mem_string, mem_calloc) == CURLE_OK;
    return curl->ready ? curl_easy_init() : NULL;
}

void curl_loop_add(struct curl_loop *curl, CURL *easy)
{
    if (!curl->multi)
        multi_open(curl);
    uv_timer_stop(&curl->idle);
    curl->count++;
    curl_multi_add_handle(curl->multi, easy);
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy)
{
    curl_multi_remove_handle(curl->multi, easy);
    if (--curl->count > 0)
        return;
    uv_update_time(curl->loop);
    uv_timer_start(&curl->idle, idle_over, CURL_LOOP_IDLE_MS, 0);
}

void curl_loop_done(struct curl_loop *curl)
{
    multi_close(curl);
    uv_close((uv_handle_t *)&curl->timer, NULL);
    uv_close((uv_handle_t *)&curl->idle, NULL);
}
