/* Writes JSON Schema for the API's description (handlers/openapi.c).
 *
 * A fragment is the inside of a schema as a C string with ' in place of ", so
 * that it can stand beside what it describes: "'type':'integer','minimum':1".
 * It has no other use for '. Names are C strings that need no escapes. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/str.h"

/* An object whose members are added one by one. Zeroed is empty. */
struct schema_object {
    struct buf properties, required;
};

/* Appends the fragment as it is, but for the quotes. */
void schema_add(struct buf *out, const char *fragment);
/* about: a sentence for a person; NULL for none. */
void schema_member(struct schema_object *object, const char *name, const char *fragment,
                   const char *about, bool required);
/* Appends the whole schema of the object, which has no other members than those that were added,
 * and empties it. extra: a fragment with more keywords; NULL for none. */
void schema_object_end(struct schema_object *object, const char *about, const char *extra,
                       struct buf *out);

#endif
