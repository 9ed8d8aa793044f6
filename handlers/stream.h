/* Answers that go on: the socket leaves the HTTP thread for the hub. */
#ifndef HANDLERS_STREAM_H
#define HANDLERS_STREAM_H

#include "handlers/app.h"

enum stream_kind { STREAM_EVENTS, STREAM_LOG };

/* Answers with the head of the stream and hands the socket over; HEAD gets the head alone. The
 * subscription's filter is copied. */
void stream_start(struct request *request, struct subscription *subscription,
                  enum stream_kind kind);

#endif
