/* JSON (RFC 8259): a strict parser that keeps the sender's bytes, and helpers
 * to write it.
 *
 * json_parse makes a flat array of nodes in document order, each a span of the
 * text. Nothing is converted: the digits of a number, \u0000, a lone surrogate
 * escape, the order of members and members named twice are all still there.
 * What RFC 8259 does not allow (trailing bytes, comments, leading zeros, bad
 * UTF-8, a byte-order mark, control characters in strings) is refused.
 *
 * cJSON stays behind this file: json_tree reads configuration into cJSON trees
 * after the strict check. No state; any thread. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/str.h"

/* Levels of arrays and objects that a text may have; the outermost is level 1. */
enum { JSON_MAX_DEPTH = 128 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_node {
    uint32_t start; /* offset of the first byte in the text; a string's includes its quote */
    uint32_t end;   /* offset past the last byte */
    uint32_t next;  /* index of the node after this one and all that is inside it */
    uint32_t count; /* array: elements; object: members; else 0 */
    uint8_t type;   /* enum json_type */
    bool escaped;   /* string: holds at least one backslash */
};

/* A parsed text. In an object the children of a node come in pairs: the member's name (a string
 * node), then its value. The first child of node i is node i + 1. Node 0 is the root. */
struct json {
    struct str text; /* borrowed: must outlive this */
    const struct json_node *nodes;
    uint32_t count;
};

struct json_error {
    size_t offset;    /* byte at which the text stops being JSON */
    const char *what; /* static text, such as "trailing bytes" */
    bool too_deep;    /* well-formed so far, but deeper than allowed */
};

/* Parses text, nodes in the arena. max_depth: levels allowed. False: *error says why and *json is
 * untouched. Texts of 4 GiB and more are refused. Never recurses. */
bool json_parse(struct str text, unsigned max_depth, struct arena *arena, struct json *json,
                struct json_error *error);

/* How much of a text json_parse_within makes nodes of. */
struct json_bounds {
    unsigned max_depth; /* levels allowed */
    unsigned levels; /* of them, those whose values have a node; the outermost value is level 1 */
    uint32_t max_nodes; /* as many are refused: error->what is JSON_TOO_MANY. What is open counts */
};
extern const char JSON_TOO_MANY[];

/* The same with bounds: all of the text is checked, but what is deeper than levels has no nodes and
 * takes no memory. An array or object above that still has its count. */
bool json_parse_within(struct str text, const struct json_bounds *bounds, struct arena *arena,
                       struct json *json, struct json_error *error);

/* Checks text by the same rules and appends it without the white space between tokens: always one
 * line. No nodes are made, so it takes no memory but out's, however many values there are. False:
 * *error says why, and out is as it was. */
bool json_squeeze(struct str text, unsigned max_depth, struct buf *out, struct json_error *error);

/* The node's bytes as they stand in the text, quotes included. */
struct str json_raw(const struct json *json, uint32_t node);
/* A string node's value, decoded, in the arena (or a slice of the text where nothing was escaped).
 * May hold NUL bytes. A lone surrogate escape (which UTF-8 cannot hold) becomes U+FFFD. */
struct str json_string(const struct json *json, uint32_t node, struct arena *arena);
/* Whether a string node's decoded value is s, without decoding into memory. */
bool json_string_is(const struct json *json, uint32_t node, struct str s);
/* The value of the first member with this name, or 0 (the root is never a member). */
uint32_t json_member(const struct json *json, uint32_t object, struct str name);
/* A number node that is mathematically an integer within int64 (1, 1.0, 10e1); false otherwise. */
bool json_int(const struct json *json, uint32_t node, int64_t *value);
/* A number node as a double (may be infinite for 1E400). */
double json_double(const struct json *json, uint32_t node);
/* Appends the node's text without the white space between tokens: always one line. */
void json_minify(const struct json *json, uint32_t node, struct buf *out);

/* Appends s, which is UTF-8, as a JSON string with its quotes; escapes only what must be. */
void buf_add_json(struct buf *buf, struct str s);
/* JSON Pointer (RFC 6901): appends "/" and the reference token of a member's name. */
void buf_add_pointer(struct buf *buf, struct str name);

struct cJSON;
/* Strictly checks text, then gives it as a cJSON tree (cJSON_Delete it); NULL: *error says why.
 * A member named twice is an error too. For configuration, never for payloads. */
struct cJSON *json_tree(struct str text, struct json_error *error);

#endif
