#include "tests/fuzz/lib/connection.h"

#include <stdlib.h>
#include <string.h>

/* --- reading the text ----------------------------------------------------------- */

static int hex(char c)
{
    const char *found = c ? strchr("0123456789abcdef", c | 0x20) : NULL;
    return found && c != 0x10 ? (int)(found - "0123456789abcdef") : -1;
}

/* An escape that is none stands for itself, and so does %00. */
static struct str unescaped(struct str text, struct arena *arena)
{
    char *out = ARENA_ARRAY(arena, char, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        out[len] = text.data[i];
        if (text.data[i] == '%' && i + 2 < text.len && hex(text.data[i + 1]) >= 0 &&
            hex(text.data[i + 2]) >= 0 && hex(text.data[i + 1]) + hex(text.data[i + 2]) > 0) {
            out[len] = (char)(hex(text.data[i + 1]) * 16 + hex(text.data[i + 2]));
            i += 2;
        }
        len++;
    }
    return (struct str){out, len};
}

/* A C string ends at a NUL, and a line of a head at a CR. */
static struct str until_end(struct str text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] && text.data[len] != '\r')
        len++;
    return (struct str){text.data, len};
}

static struct field **add(struct field **last, struct str name, struct str value,
                          struct arena *arena)
{
    struct field *field = ARENA_NEW(arena, struct field);
    field->name = arena_str(arena, name);
    field->value = arena_str(arena, value);
    *last = field;
    return &field->next;
}

bool connection_read(struct str text, struct arena *arena, struct MHD_Connection *connection,
                     struct str *method, struct str *path, struct str *sent)
{
    struct field **last = &connection->headers;
    struct str query = str_cut(&text, '\n');
    *method = arena_str(arena, until_end(str_cut(&query, ' ')));
    if (!query.data || !method->len)
        return false;
    struct str target = str_cut(&query, '?');
    *path = arena_str(arena, until_end(unescaped(target, arena)));
    *sent = query.data ? arena_str(arena, until_end(query)) : STR_NONE;
    while (text.data) {
        struct str value = str_cut(&text, '\n');
        struct str name = until_end(str_cut(&value, ':'));
        if (!value.data || !name.len)
            return false;
        last = add(last, name, until_end(str_trim(value)), arena);
    }
    return true;
}

/* --- in libmicrohttpd's place ----------------------------------------------------- */

const char *MHD_lookup_connection_value(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                        const char *key)
{
    const struct field *field = kind == MHD_HEADER_KIND ? connection->headers : NULL;
    while (field && !str_eq_nocase(field->name, str_of(key)))
        field = field->next;
    return field ? field->value.data : NULL;
}

int MHD_get_connection_values_n(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                MHD_KeyValueIteratorN iterator, void *iterator_cls)
{
    int count = 0;
    const struct field *field = kind == MHD_HEADER_KIND ? connection->headers : NULL;
    for (; field; field = field->next, count++) {
        if (iterator(iterator_cls, kind, field->name.data, field->name.len, field->value.data,
                     field->value.len) == MHD_NO)
            break;
    }
    return count;
}

/* There is no socket behind it. */
const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
                                                        enum MHD_ConnectionInfoType info_type, ...)
{
    (void)connection;
    (void)info_type;
    return NULL;
}
