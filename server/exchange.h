/* One request and its answer, as libmicrohttpd calls for them: what is checked
 * before the body, the body, the handler. HTTP thread. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <microhttpd.h>

struct request;

/* A connection's memory at libmicrohttpd is --max-header and HEAD_SPARE: in it are the head, a
 * record of FIELD_BYTES for each header, and then the head of the answer, for which HEAD_ANSWER is
 * left. */
enum { HEAD_SPARE = 4096, HEAD_ANSWER = 1536, FIELD_BYTES = 64 };

/* The callback of MHD_OPTION_URI_LOG_CALLBACK, which is told of a request line before anything else
 * is: makes the request, which is the state of the next. arg as there. */
void *exchange_begin(void *arg, const char *target, struct MHD_Connection *connection);
/* MHD_AccessHandlerCallback; arg is the struct http_thread. */
enum MHD_Result exchange_request(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state);
/* MHD_RequestCompletedCallback: frees the request. */
void exchange_completed(void *arg, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why);
/* Frees a request that exchange_completed is not called for. */
void exchange_drop(struct request *request);

#endif
