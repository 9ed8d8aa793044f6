#include "tests/api/lib/stand_in.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"

static void set_program(void *path)
{
    setenv("ERRAND", path, 1);
}

const char *stand_in_program(struct scenario *s)
{
    const char *path = getenv("ERRAND");
    char *whole = realpath(path ? path : "build/errand", NULL);
    if (!whole)
        fail_at(HERE, "no server at %s (set ERRAND)", path ? path : "build/errand");
    at_end(s, free, whole);
    return whole;
}

void stand_in(struct scenario *s, const char *script)
{
    at_end(s, set_program, text(s, "%s", stand_in_program(s)));
    folder_write(s, "stand-in", text(s, "#!/bin/sh\n%s", script));
    chmod(folder_path(s, "stand-in"), 0755);
    set_program(text(s, "%s/stand-in", s->folder));
}

void stand_in_nobody(struct scenario *s)
{
    if (geteuid() != 0)
        return;
    const char *folder = s->folder;
    stand_in(s,
             text(s,
                  "[ -e %s/errand ] || cp %s %s/errand && chmod 755 %s/errand\n"
                  "exec setpriv --reuid nobody --regid nogroup --clear-groups %s/errand \"$@\"\n",
                  folder, stand_in_program(s), folder, folder, folder));
    chmod(folder, 0755);
}
