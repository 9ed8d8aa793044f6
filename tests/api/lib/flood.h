/*
 * Many clients that mean no good, and the look at how others fare meanwhile: a
 * healthy client is answered in under a second, and the server's memory is
 * bounded.
 */
#ifndef TESTS_API_FLOOD_H
#define TESTS_API_FLOOD_H

#include "tests/api/lib/server.h"

/* The bytes so many times, between a start and an end. */
char *text_repeat(struct scenario *, const char *start, const char *bytes, int count,
                  const char *end);

/* Opens so many connections that each say these bytes and then nothing. */
struct http **flood_open(struct server *, int count, const char *bytes);
/* How many of them the server has closed by now; what they were told before is passed over. */
int flood_closed(struct http **, int count);

/* New clients ask, one after the other: they are answered, half of them in under a second. */
#define expect_prompt(server) flood_expect_prompt(server, HERE)
void flood_expect_prompt(struct server *, struct place);

/* Resident memory of the server itself, and the most that it ever was. */
long server_rss_kb(struct server *);
long server_peak_kb(struct server *);

/* It has grown by less than so much; of a sanitizer's memory nothing is expected. */
#define expect_growth(server, before_kb, most_kb)                                                  \
    flood_expect_growth(server_rss_kb(server) - (before_kb), most_kb, HERE)
#define expect_peak_growth(server, before_kb, most_kb)                                             \
    flood_expect_growth(server_peak_kb(server) - (before_kb), most_kb, HERE)
void flood_expect_growth(long grown_kb, long most_kb, struct place);

/* Sends bytes on a connection of its own and reads one answer; NULL: it was closed without one. */
struct reply *say_once(struct server *, const char *bytes);
struct reply *say_bytes(struct server *, const char *bytes, size_t length);

#endif
