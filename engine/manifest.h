/* One function's manifest, NAME.json in the functions folder (design 2). */
#ifndef ENGINE_MANIFEST_H
#define ENGINE_MANIFEST_H

#include "model/function.h"

/* Reads text into function, which holds the defaults; lists and texts go to the arena. folder: for
 * a relative command. False: *message (in the arena) says which key is wrong and why. */
bool manifest_read(struct str text, const char *folder, struct arena *arena,
                   struct function *function, struct str *message);
/* Whether a manifest gave a command of its own. */
bool manifest_has_command(const struct function *function);

#endif
