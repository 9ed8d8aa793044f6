/* What the manifest of an http function says of the service: its url, its method
 * and its headers, checked (design 2.3). */
#ifndef ENGINE_SERVICE_H
#define ENGINE_SERVICE_H

#include "base/arena.h"

/* Calls of one function at once, if its manifest gives no "concurrency". */
enum { HTTP_CONCURRENCY = 1000 };

/* NULL if it can be called; else what is wrong with it. */
const char *service_url_wrong(const char *url);
/* The method as a static text; NULL: none that carries arguments. */
const char *service_method(const char *name);
/* "Name: value", with each ${VARIABLE} in the value replaced from the server's environment. False:
 * *why (in the arena) says what is wrong, and never what a variable holds. */
bool service_header(struct arena *arena, const char *name, const char *value, const char **header,
                    const char **why);

#endif
