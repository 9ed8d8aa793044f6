#include "server/traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct tcp_info info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    return info;
}

int64_t traffic_received(int fd)
{
    return (int64_t)info_of(fd).tcpi_bytes_received;
}

int64_t traffic_taken(int fd)
{
    return (int64_t)info_of(fd).tcpi_bytes_acked;
}
