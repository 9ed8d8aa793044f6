#include "base/schema.h"

#include "base/json.h"

void schema_add(struct buf *out, const char *fragment)
{
    for (const char *p = fragment; *p; p++)
        buf_add_char(out, *p == '\'' ? '"' : *p);
}

static void add_about(struct buf *out, const char *about)
{
    if (!about)
        return;
    buf_add_text(out, "\"description\":");
    buf_add_json(out, str_of(about));
}

void schema_member(struct schema_object *object, const char *name, const char *fragment,
                   const char *about, bool required)
{
    struct buf *out = &object->properties;
    buf_addf(out, "%s\"%s\":{", out->len ? "," : "", name);
    add_about(out, about);
    if (about && *fragment)
        buf_add_char(out, ',');
    schema_add(out, fragment);
    buf_add_char(out, '}');
    if (required)
        buf_addf(&object->required, "%s\"%s\"", object->required.len ? "," : "", name);
}

void schema_object_end(struct schema_object *object, const char *about, const char *extra,
                       struct buf *out)
{
    buf_add_char(out, '{');
    add_about(out, about);
    buf_add_text(out, about ? ",\"type\":\"object\"" : "\"type\":\"object\"");
    buf_add_text(out, ",\"additionalProperties\":false,\"required\":[");
    buf_add_str(out, buf_str(&object->required));
    buf_add_text(out, "],\"properties\":{");
    buf_add_str(out, buf_str(&object->properties));
    buf_add_char(out, '}');
    if (extra) {
        buf_add_char(out, ',');
        schema_add(out, extra);
    }
    buf_add_char(out, '}');
    buf_done(&object->properties);
    buf_done(&object->required);
}
