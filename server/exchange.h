/* One request and its answer, as libmicrohttpd calls for them: what is checked
 * before the body, the body, the handler. HTTP thread. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <microhttpd.h>

/* MHD_AccessHandlerCallback; arg is the struct http_thread. */
enum MHD_Result exchange_request(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state);
/* MHD_RequestCompletedCallback: frees the request. */
void exchange_completed(void *arg, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why);

#endif
