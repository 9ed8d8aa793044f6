#include "base/settings.h"
#include "cli/commands.h"
#include "server/http.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEALTH_SECONDS = 5 };

/* A server that listens on all addresses is asked on loopback. */
static int connect_to(struct str listen)
{
    struct str port = listen;
    while (memchr(port.data, ':', port.len))
        str_cut(&port, ':');
    struct str host = {listen.data, listen.len > port.len ? listen.len - port.len - 1 : 0};
    if (host.len >= 2 && host.data[0] == '[')
        host = (struct str){host.data + 1, host.len - 2};
    char name[256], service[8];
    snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
    snprintf(service, sizeof(service), "%.*s", STR_ARG(port));
    if (strcmp(name, "0.0.0.0") == 0)
        snprintf(name, sizeof(name), "127.0.0.1");
    if (strcmp(name, "::") == 0)
        snprintf(name, sizeof(name), "::1");

    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *info;
    if (getaddrinfo(name, service, &hints, &info) != 0)
        return -1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = HEALTH_SECONDS};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    if (fd >= 0 && connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(info);
    return fd;
}

int command_health(int argc, char **argv)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct arena arena = {0};
    struct settings settings;
    char answer[16] = "";
    const char *wrong = settings_load(&settings, argc, argv, environ, &arena);
    if (!wrong && !http_address_valid(settings.listen))
        wrong = "--listen wants HOST:PORT";
    if (wrong) {
        fprintf(stderr, "errand health: %s\n", wrong);
        arena_done(&arena);
        return EXIT_USAGE;
    }
    int fd = connect_to(settings.listen);
    ssize_t len = 0;
    if (fd >= 0 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
        len = recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL);
    if (fd >= 0)
        close(fd);
    arena_done(&arena);
    bool healthy = len >= 12 && memcmp(answer + 9, "200", 3) == 0;
    puts(healthy ? "healthy" : "not healthy");
    return healthy ? 0 : EXIT_FAULT;
}
