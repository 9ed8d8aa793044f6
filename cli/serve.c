/* errand serve: makes everything, in order, and unmakes it in reverse. */
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "cli/commands.h"
#include "cli/process.h"
#include "cli/secrets.h"
#include "handlers/app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_HEADER_LEAST = 4096,     /* libmicrohttpd answers in the same memory */
    HEARTBEAT_LEAST_MS = 100,    /* so that nobody floods all idle streams by a slip */
    CONNECTIONS_DEFAULT = 65536, /* at most, unless --max-connections says so */
    FAREWELLS_MAX = 1000,
};

struct serving {
    struct settings settings;
    struct arena arena; /* texts of the settings and what is made of them */
    struct authority authority;
    struct sockaddr_storage bound;
    int socket;
    struct engine engine;
    struct admission admission;
    struct hub hub;
    struct http_server http;
    struct app app;
};

/* A start that failed is not undone: threads may run already, and the kernel cleans up. */
static _Noreturn void fault(const char *message)
{
    fprintf(stderr, "errand: %s\n", message);
    _exit(EXIT_FAULT);
}

static int misuse(const char *message)
{
    fprintf(stderr, "errand serve: %s (see errand serve --help)\n", message);
    return EXIT_USAGE;
}

/* --- checks before anything is made --------------------------------------------------- */

/* What tokens there are, and whether there have to be some. NULL: fine. */
static const char *check_tokens(struct serving *serving, bool loopback)
{
    const struct settings *settings = &serving->settings;
    const char *why = NULL;
    if (settings->token_file.len) {
        struct tokens *tokens =
            token_file_read(settings->token_file.data, 0, &serving->arena, &why);
        if (!tokens)
            return why;
        authority_replace(&serving->authority, tokens);
    }
    if (serving->authority.tokens->count || loopback)
        return NULL;
    if (settings_given(settings, SETTING_ID_token) ||
        settings_given(settings, SETTING_ID_token_file))
        return "the token is empty";
    if (!settings->no_auth)
        return "listening off loopback wants a token (ERRAND_TOKEN or --token-file), or --no-auth";
    return NULL;
}

static bool check_origins(struct settings_list origins)
{
    for (size_t i = 0; i < origins.count; i++)
        if (!access_origin_valid(origins.items[i]))
            return false;
    return true;
}

static const char *check_settings(const struct settings *settings)
{
    struct str on_shutdown = settings->on_shutdown;
    if (!str_eq(on_shutdown, STR("requeue")) && !str_eq(on_shutdown, STR("cancel")))
        return "--on-shutdown has to be requeue or cancel";
    if (!http_address_valid(settings->listen))
        return "--listen wants HOST:PORT";
    if (!settings->data.len || !settings->functions.len)
        return "--data and --functions want a folder";
    if (!check_origins(settings->cors_origin))
        return "--cors-origin wants an origin, such as https://example.org, with nothing behind it";
    if (settings->max_header < MAX_HEADER_LEAST)
        return "--max-header has to be at least 4096";
    if (settings->heartbeat < HEARTBEAT_LEAST_MS)
        return "--heartbeat has to be at least 0.1 seconds";
    if (!settings->header_timeout || !settings->idle_timeout || !settings->body_timeout)
        return "--header-timeout, --idle-timeout and --body-timeout want more than 0 seconds";
    return NULL;
}

/* Makes the folder and those above it. */
static bool make_folder(const char *path)
{
    char *copy = mem_string(path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0777);
        *slash = '/';
    }
    bool made = mkdir(copy, 0700) == 0 || errno == EEXIST;
    mem_free(copy);
    return made;
}

/* --- making ------------------------------------------------------------------------------ */

static struct engine_config engine_config_of(const struct settings *settings)
{
    return (struct engine_config){
        .data = settings->data.data,
        .functions = settings->functions.data,
        .functions_default = !settings_given(settings, SETTING_ID_functions),
        .slots = settings->slots ? settings->slots : 2 * sysconf(_SC_NPROCESSORS_ONLN),
        .grace = settings->grace,
        .drain = settings->drain,
        .cancel_at_shutdown = str_eq(settings->on_shutdown, STR("cancel")),
        .max_queued = settings->max_queued,
        .max_result = settings->max_result,
        .max_inputs = settings->max_inputs,
        .allow_guard = settings->allow_guard,
        .retain = settings->retain,
        .reserve = settings->reserve,
    };
}

/* Some descriptors are for children, the database and calls of services. */
static struct admission_limits admission_limits_of(const struct settings *settings, rlim_t files)
{
    rlim_t spare = files > 512 ? files - 256 : files / 2;
    rlim_t farewells = spare / 8 < FAREWELLS_MAX ? spare / 8 : FAREWELLS_MAX;
    int64_t all = settings->max_connections;
    spare -= farewells;
    if (!all)
        all = spare < CONNECTIONS_DEFAULT ? (int64_t)spare : CONNECTIONS_DEFAULT;
    int64_t per_address = settings->max_connections_per_address;
    return (struct admission_limits){
        .connections = all,
        .per_address = per_address ? per_address : (all + 1) / 2,
        .exempt_loopback = per_address == 0,
        .farewells = (int64_t)farewells,
        .streams = settings->max_streams ? settings->max_streams : (all * 3 + 3) / 4,
    };
}

/* The largest result has to fit in, as it comes and on one line; and the largest body, whose every
 * other byte may be a value. */
static int64_t in_flight_of(const struct settings *settings)
{
    int64_t result = 2 * settings->max_result;
    int64_t body = settings->max_body + settings->max_body / 2 * (int64_t)sizeof(struct json_node);
    int64_t least = result > body ? result : body;
    return settings->max_in_flight > least ? settings->max_in_flight : least;
}

static struct http_config http_config_of(struct serving *serving)
{
    const struct settings *settings = &serving->settings;
    bool loopback = access_loopback((const struct sockaddr *)&serving->bound);
    struct str host = settings->listen;
    host.len = (size_t)((const char *)memrchr(host.data, ':', host.len) - host.data);
    unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    return (struct http_config){
        .routes = routes,
        .access = {.cors_origins = settings->cors_origin,
                   .loopback = loopback,
                   .any_name = !loopback && serving->authority.tokens->count,
                   .host = host},
        .authority = &serving->authority,
        .app = &serving->app,
        .hub = &serving->hub,
        .threads = settings->http_threads ? (unsigned)settings->http_threads : (cores + 1) / 2,
        .admission = &serving->admission,
        .limits = {.header_ms = settings->header_timeout,
                   .idle_ms = settings->idle_timeout,
                   .body_ms = settings->body_timeout,
                   .min_rate = settings->min_rate,
                   .heartbeat_ms = settings->heartbeat},
        .max_body = settings->max_body,
        .max_result = settings->max_result,
        .max_in_flight = in_flight_of(settings),
        .max_header = settings->max_header,
    };
}

/* Nobody may be there to read it, which is no fault: it stays out of what main looks at. */
static void print_ready(const struct sockaddr_storage *bound)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (bound->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)bound;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        dprintf(STDOUT_FILENO, "listening on http://%s:%u\n", text, ntohs(in->sin_port));
    } else {
        const struct sockaddr_in6 *in6 = (const void *)bound;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        dprintf(STDOUT_FILENO, "listening on http://[%s]:%u\n", text, ntohs(in6->sin6_port));
    }
}

/* As if the operator had asked for it: the main thread waits for signals. */
static void end_server(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
}

static bool start_all(struct serving *serving, rlim_t files, char **message)
{
    const struct engine_config config = engine_config_of(&serving->settings);
    const struct admission_limits limits = admission_limits_of(&serving->settings, files);
    admission_init(&serving->admission, &limits);
    if (!engine_open(&serving->engine, &config, message) ||
        !hub_open(&serving->hub, engine_database(&config, &serving->arena),
                  serving->settings.heartbeat, &serving->admission, message))
        return false;
    const struct event_sink sink = {&serving->hub, hub_publish, end_server, hub_wants_logs};
    serving->app = (struct app){
        .engine = &serving->engine, .hub = &serving->hub, .authority = &serving->authority};
    openapi_init(&serving->app.openapi, &routes);
    const struct http_config http = http_config_of(serving);
    hub_start(&serving->hub);
    engine_start(&serving->engine, &sink);
    return http_start(&serving->http, serving->socket, &http, message);
}

/* --- running ------------------------------------------------------------------------------- */

static void *drain_waiter(void *arg)
{
    struct serving *serving = arg;
    engine_wait_drained(&serving->engine);
    kill(getpid(), SIGUSR1);
    return NULL;
}

/* Until nothing runs any more; a second SIGTERM hurries. */
static void drain(struct serving *serving, sigset_t *set)
{
    pthread_t thread;
    int signal;
    sigaddset(set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    engine_drain(&serving->engine);
    if (pthread_create(&thread, NULL, drain_waiter, serving) != 0) {
        log_warn("shutdown: no thread can be started, so a second signal will not be heard");
        engine_wait_drained(&serving->engine);
        return;
    }
    while (sigwait(set, &signal) == 0 && signal != SIGUSR1) {
        if (signal != SIGHUP)
            engine_drain(&serving->engine);
    }
    pthread_join(thread, NULL);
}

/* One token that may do everything does not take the place of lines with scopes while the server
 * runs: it may be what is there so far of a file that is being written. */
static struct tokens *refuse_single(struct tokens *tokens, const char **why)
{
    tokens_unref(tokens);
    *why = "the token file had lines with scopes, and a single token takes their place only at a "
           "start";
    return NULL;
}

/* The main thread must not wait for the other end of a pipe, and a pipe has nothing the second
 * time. */
static void reload_tokens(struct serving *serving)
{
    struct str path = serving->settings.token_file;
    struct arena arena = {0};
    const char *why = NULL;
    if (!path.len)
        return;
    struct tokens *tokens = token_file_read(path.data, O_NONBLOCK, &arena, &why);
    if (tokens && !tokens->lines && serving->authority.tokens->lines)
        tokens = refuse_single(tokens, &why);
    if (tokens) {
        log_info("%zu tokens read from %s", tokens->count, path.data);
        authority_replace(&serving->authority, tokens_ref(tokens));
        hub_set_tokens(&serving->hub, tokens);
    } else {
        log_error("the tokens stay as they were: %s", why);
    }
    arena_done(&arena);
}

static void run(struct serving *serving, sigset_t *set)
{
    int signal;
    while (sigwait(set, &signal) == 0 && signal == SIGHUP) {
        reload_tokens(serving);
        engine_reload(&serving->engine);
    }
    log_info("shutting down");
    drain(serving, set);
    engine_end_tasks(&serving->engine);
    hub_end_streams(&serving->hub);
    http_stop(&serving->http);
    engine_stop(&serving->engine);
    hub_stop(&serving->hub);
    engine_close(&serving->engine);
    admission_done(&serving->admission);
    openapi_done(&serving->app.openapi);
}

static int serve(struct serving *serving)
{
    sigset_t set;
    char *message = NULL;
    const char *why = check_settings(&serving->settings);
    if (why)
        return misuse(why);
    process_close_memory();
    process_prepare_descriptors();
    serving->socket = http_listen(serving->settings.listen, &serving->bound, &message);
    if (serving->socket < 0)
        fault(message);
    why = check_tokens(serving, access_loopback((const struct sockaddr *)&serving->bound));
    if (why)
        return misuse(why);
    if (!make_folder(serving->settings.data.data))
        fault(arena_printf(&serving->arena, "%s: %s", serving->settings.data.data, strerror(errno))
                  .data);
    process_block_signals(&set);
    if (!start_all(serving, process_raise_open_files(), &message))
        fault(message);
    CRASH_POINT(before_listening);
    print_ready(&serving->bound);
    run(serving, &set);
    return atomic_load(&serving->engine.guard_failed) ? EXIT_FAULT : 0;
}

/* Of the token itself nothing is kept but its SHA-256. */
static void take_token(struct serving *serving, int argc, char **argv)
{
    struct str *token = &serving->settings.token;
    authority_init(&serving->authority, tokens_of(token->len ? *token : STR_NONE));
    *token = STR_NONE;
    secrets_hide(argc, argv, environ);
}

int command_serve(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            struct buf help = {0};
            settings_help(&help);
            printf("usage: errand serve [settings]\n\n%s", help.data);
            buf_done(&help);
            return 0;
        }
    }
    process_give_allocators();
    struct serving *serving = mem_alloc(sizeof(*serving));
    const char *wrong = settings_load(&serving->settings, argc, argv, environ, &serving->arena);
    take_token(serving, argc, argv);
    int status = wrong ? misuse(wrong) : serve(serving);
    authority_done(&serving->authority);
    arena_done(&serving->arena);
    mem_free(serving);
    return status;
}
