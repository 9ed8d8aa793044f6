/* What a start does before anything else (design 5.7). Doing it twice, or dying
 * in the middle of it, is harmless. */
#ifndef ENGINE_RECOVER_H
#define ENGINE_RECOVER_H

#include "engine/engine.h"

/* Before the threads start: tasks that were running go back to the queue or end, waiting tasks are
 * checked again. False: the database failed, *why (mem_free it) says how. Without room on the disk
 * engine->recovering is set. */
bool recover(struct engine *engine, char **why);
/* Then: posts what could not be stored, to be tried until there is room. Nothing starts before. */
void recover_later(struct engine *engine);

#endif
