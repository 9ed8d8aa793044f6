#include "cli/secrets.h"

#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One byte more than a token file may have, so that one that is too long is noticed. */
static ssize_t read_all(int fd, char text[TOKEN_FILE_MAX + 1])
{
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < TOKEN_FILE_MAX + 1) {
        got = read(fd, text + len, TOKEN_FILE_MAX + 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? -1 : (ssize_t)len;
}

static void warn_of_readers(int fd, const char *path)
{
    struct stat stat;
    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_mode & (S_IRGRP | S_IROTH))
        log_warn("the token file %s can be read by others than its owner (chmod 600)", path);
}

struct tokens *token_file_read(const char *path, int flags, struct arena *arena, const char **why)
{
    char text[TOKEN_FILE_MAX + 1];
    struct tokens_fault fault;
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    ssize_t len = fd >= 0 ? read_all(fd, text) : -1;
    if (len < 0) {
        *why = arena_printf(arena, "the token file %s cannot be read", path).data;
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct tokens *tokens = tokens_parse((struct str){text, (size_t)len}, &fault);
    explicit_bzero(text, (size_t)len);
    if (tokens)
        warn_of_readers(fd, path);
    else if (fault.line)
        *why = arena_printf(arena, "the token file %s, line %zu: %s", path, fault.line, fault.what)
                   .data;
    else
        *why = arena_printf(arena, "the token file %s: %s", path, fault.what).data;
    close(fd);
    return tokens;
}

static void hide(char *text)
{
    memset(text, '*', strlen(text));
}

static void hide_flags(int argc, char **argv)
{
    static const char flag[] = "--token";
    const size_t len = sizeof(flag) - 1;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], flag, len) != 0)
            continue;
        if (argv[i][len] == '=')
            hide(argv[i] + len + 1);
        else if (!argv[i][len] && i + 1 < argc)
            hide(argv[++i]);
    }
}

/* unsetenv would leave the bytes where they are. */
void secrets_hide(int argc, char **argv, char **environment)
{
    static const char name[] = "ERRAND_TOKEN=";
    char **kept = environment;
    hide_flags(argc, argv);
    for (char **at = environment; *at; at++) {
        if (strncmp(*at, name, sizeof(name) - 1) == 0)
            explicit_bzero(*at, strlen(*at));
        else
            *kept++ = *at;
    }
    *kept = NULL;
}
