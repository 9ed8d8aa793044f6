#include "model/failure.h"

#include "base/json.h"

static const char *const texts[] = {
#define X(name, code) code,
#include "model/failure.def"
#undef X
};

const char *failure_text(enum failure_code code)
{
    return texts[code];
}

bool failure_parse(struct str text, enum failure_code *code)
{
    for (int i = 0; i < FAILURE_COUNT; i++) {
        if (!str_eq(text, str_of(texts[i])))
            continue;
        *code = (enum failure_code)i;
        return true;
    }
    return false;
}

void failure_render(const struct failure *failure, struct buf *out)
{
    buf_addf(out, "{\"code\":\"%s\",\"message\":", texts[failure->code]);
    buf_add_json(out, failure->message);
    if (failure->code == FAILURE_EXIT_STATUS)
        buf_addf(out, ",\"exit_status\":%d", failure->exit_status);
    if (failure->code == FAILURE_SIGNAL)
        buf_addf(out, ",\"signal\":%d", failure->signal);
    if (failure->caused_by.data)
        buf_addf(out, ",\"caused_by\":\"%.*s\"", STR_ARG(failure->caused_by));
    if (failure->attempt)
        buf_addf(out, ",\"attempt\":%lld", (long long)failure->attempt);
    buf_add_char(out, '}');
}
