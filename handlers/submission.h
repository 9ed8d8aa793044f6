/* What a token has to allow so that a create may ask for it: more than the
 * functions it names (plan_parse), where it shows or does what belongs to others.
 * HTTP thread. */
#ifndef HANDLERS_SUBMISSION_H
#define HANDLERS_SUBMISSION_H

#include "model/spec.h"
#include "server/request.h"

/* A $task that names a task of before brings its result into one's own, and a cache_key answers
 * with somebody else's task: both want the scope read. A guarded task can end the server: admin.
 * False: request->problem is set. */
bool submission_allowed(struct request *request, const struct plan *plan);
/* After a plan that could not be made. False: because the token does not allow a function, which is
 * request->problem then. An answer that is kept for an Idempotency-Key is not for such a request.
 */
bool submission_refused(struct request *request, const struct problem *refused);

#endif
