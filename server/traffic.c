#include "server/traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

int64_t traffic_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    return (int64_t)(info.tcpi_bytes_received + info.tcpi_bytes_acked);
}
