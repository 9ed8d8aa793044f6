/* GET /problems/{slug}: what the type of a problem leads to. */
#include "handlers/app.h"

/* The texts of model/problem.def need no escapes, neither in JSON nor in HTML. */

static void add_json(const struct problem_kind *kind, struct buf *body)
{
    buf_addf(body,
             "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%u,"
             "\"description\":\"%s %s\"}\n",
             kind->slug, kind->title, kind->status, kind->happened, kind->remedy);
}

static void add_page(const struct problem_kind *kind, struct buf *body)
{
    buf_addf(body,
             "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n"
             "<title>%s: %s</title>\n"
             "<style>:root{color-scheme:light dark}"
             "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;"
             "padding:0 1rem}h1{line-height:1.2}h2{font-size:1rem;margin-bottom:0}"
             "h2+p{margin-top:0}</style>\n"
             "<p><code>%s</code>, status %u</p>\n<h1>%s</h1>\n"
             "<h2>What it means</h2>\n<p>%s</p>\n<h2>What to do</h2>\n<p>%s</p>\n</html>\n",
             kind->slug, kind->title, kind->slug, kind->status, kind->title, kind->happened,
             kind->remedy);
}

void handle_problem(struct request *request)
{
    enum problem_code code = problem_parse(request->id);
    if (code == PROBLEM_NONE) {
        reply_refuse(request, PROBLEM_NOT_FOUND, "there is no problem of this name");
        return;
    }
    struct buf body = {0};
    request_add_header(request, "Vary", STR("Accept"));
    if (str_eq(request->type, STR("application/json"))) {
        add_json(problem_kind(code), &body);
        reply_json(request, 200, &body);
        return;
    }
    add_page(problem_kind(code), &body);
    request_add_header(request, "Content-Security-Policy",
                       STR("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                           "form-action 'none'; frame-ancestors 'none'"));
    reply_body(request, 200, "text/html; charset=utf-8", &body);
}
