#include "base/mem.h"
#include "server/http.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static int refuse(char **message, struct str address, const char *why)
{
    struct buf text = {0};
    buf_addf(&text, "cannot listen on %.*s: %s", STR_ARG(address), why);
    *message = buf_take(&text, NULL);
    return -1;
}

/* "127.0.0.1:8080", "[::1]:0", "localhost:80". */
static bool split(struct str address, char host[256], char port[8])
{
    const char *colon = memrchr(address.data, ':', address.len);
    int64_t number;
    if (!colon)
        return false;
    struct str left = {address.data, (size_t)(colon - address.data)};
    struct str right = {colon + 1, address.len - left.len - 1};
    if (left.len >= 2 && left.data[0] == '[' && left.data[left.len - 1] == ']')
        left = (struct str){left.data + 1, left.len - 2};
    if (!left.len || left.len > 255 || !str_int(right, &number) || number < 0 || number > 65535)
        return false;
    memcpy(host, left.data, left.len);
    host[left.len] = '\0';
    memcpy(port, right.data, right.len < 7 ? right.len : 7);
    port[right.len < 7 ? right.len : 7] = '\0';
    return true;
}

bool http_address_valid(struct str address)
{
    char host[256], port[8];
    return split(address, host, port);
}

static int bind_to(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, HTTP_BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int http_listen(struct str address, struct sockaddr_storage *bound, char **message)
{
    char host[256], port[8];
    if (!split(address, host, port))
        return refuse(message, address, "this is not HOST:PORT");
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *info;
    int rc = getaddrinfo(host, port, &hints, &info);
    if (rc != 0)
        return refuse(message, address, gai_strerror(rc));
    int fd = bind_to(info);
    freeaddrinfo(info);
    if (fd < 0)
        return refuse(message, address, strerror(errno));
    socklen_t len = sizeof(*bound);
    getsockname(fd, (struct sockaddr *)bound, &len);
    return fd;
}
