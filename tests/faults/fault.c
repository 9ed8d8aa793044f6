#include "tests/faults/fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The C library's own names of these: dlsym would allocate before it can be asked for malloc. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static struct fault_page *page;
static bool traced;

__attribute__((constructor)) static void find_page(void)
{
    const char *path = getenv("FAULT_PAGE");
    traced = getenv("FAULT_TRACE") != NULL;
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapping = (void *)syscall(SYS_mmap, NULL, sizeof(struct fault_page),
                                    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
    close(fd);
    if (mapping != MAP_FAILED)
        page = mapping;
}

/* With FAULT_TRACE: where the call is that fails. Without, nothing of this is in the way. */
static void trace(void)
{
    static const char title[] = "fault: this call fails:\n";
    void *calls[32];
    int kind = atomic_exchange(&page->kind, FAULT_NONE);
    if (traced && write(2, title, sizeof(title) - 1) > 0)
        backtrace_symbols_fd(calls, backtrace(calls, 32), 2);
    atomic_store(&page->kind, kind);
}

/* Counts this call; true: it is one that has to fail, and errno says how. */
static bool fails(enum fault_kind kind)
{
    if (!page || atomic_load(&page->kind) != (int)kind)
        return false;
    long number = atomic_fetch_add(&page->seen, 1) + 1;
    long nth = atomic_load(&page->nth);
    if (!nth || number < nth || (number > nth && !atomic_load(&page->sticky)))
        return false;
    atomic_fetch_add(&page->failed, 1);
    trace();
    errno = atomic_load(&page->error);
    return true;
}

/* The next definition of the function that this is in: the real one. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* --- memory ---------------------------------------------------------------------- */

void *malloc(size_t size)
{
    return fails(FAULT_alloc) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(FAULT_alloc) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    return fails(FAULT_alloc) ? NULL : __libc_realloc(ptr, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails(FAULT_alloc) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(FAULT_alloc) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ptr, size_t alignment, size_t size)
{
    if (fails(FAULT_alloc))
        return ENOMEM;
    *ptr = __libc_memalign(alignment, size);
    return *ptr ? 0 : ENOMEM;
}

/* --- files ----------------------------------------------------------------------- */

/* Not what the server prints and logs: that is the test's to read. */
static bool is_file(int fd)
{
    struct stat info;
    return fd > 2 && page && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

/* True: the call has failed and errno is set. A short one does half, if that is anything. */
static bool fails_on_file(enum fault_kind kind, int fd, size_t *size)
{
    if (!is_file(fd) || !fails(kind))
        return false;
    if (errno != FAULT_SHORT)
        return true;
    *size = *size > 1 ? *size / 2 : *size;
    return false;
}

#define FILE_CALL(kind, name, pointer)                                                             \
    ssize_t name(int fd, pointer bytes, size_t size)                                               \
    {                                                                                              \
        REAL(name);                                                                                \
        return fails_on_file(FAULT_##kind, fd, &size) ? -1 : real(fd, bytes, size);                \
    }
#define FILE_CALL_AT(kind, name, pointer, offset)                                                  \
    ssize_t name(int fd, pointer bytes, size_t size, offset at)                                    \
    {                                                                                              \
        REAL(name);                                                                                \
        return fails_on_file(FAULT_##kind, fd, &size) ? -1 : real(fd, bytes, size, at);            \
    }
#define SIZE_CALL(name, offset)                                                                    \
    int name(int fd, offset size)                                                                  \
    {                                                                                              \
        REAL(name);                                                                                \
        return is_file(fd) && fails(FAULT_write) ? -1 : real(fd, size);                            \
    }

FILE_CALL(write, write, const void *)
FILE_CALL_AT(write, pwrite, const void *, off_t)
FILE_CALL_AT(write, pwrite64, const void *, off64_t)
FILE_CALL(read, read, void *)
FILE_CALL_AT(read, pread, void *, off_t)
FILE_CALL_AT(read, pread64, void *, off64_t)
SIZE_CALL(ftruncate, off_t)
SIZE_CALL(ftruncate64, off64_t)

int posix_fallocate(int fd, off_t from, off_t size)
{
    REAL(posix_fallocate);
    return is_file(fd) && fails(FAULT_write) ? errno : real(fd, from, size);
}

int fsync(int fd)
{
    REAL(fsync);
    return fails(FAULT_sync) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return fails(FAULT_sync) ? -1 : real(fd);
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        REAL(name);                                                                                \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        return fails(FAULT_open) ? -1 : real(path, flags, mode);                                   \
    }
OPEN(open)
OPEN(open64)

DIR *opendir(const char *path)
{
    REAL(opendir);
    return fails(FAULT_open) ? NULL : real(path);
}

#define FCNTL(name)                                                                                \
    int name(int fd, int command, ...)                                                             \
    {                                                                                              \
        REAL(name);                                                                                \
        va_list rest;                                                                              \
        va_start(rest, command);                                                                   \
        void *arg = va_arg(rest, void *);                                                          \
        va_end(rest);                                                                              \
        bool locks = command == F_SETLK || command == F_SETLKW;                                    \
        bool makes = command == F_DUPFD || command == F_DUPFD_CLOEXEC;                             \
        if ((locks && ((struct flock *)arg)->l_type != F_UNLCK && fails(FAULT_lock)) ||            \
            (makes && fails(FAULT_fd)))                                                            \
            return -1;                                                                             \
        return real(fd, command, arg);                                                             \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(name, offset)                                                                         \
    void *name(void *at, size_t size, int rights, int flags, int fd, offset from)                  \
    {                                                                                              \
        REAL(name);                                                                                \
        return fd >= 0 && fails(FAULT_map) ? MAP_FAILED : real(at, size, rights, flags, fd, from); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* --- descriptors, children, threads ------------------------------------------------ */

int pipe2(int ends[2], int flags)
{
    REAL(pipe2);
    return fails(FAULT_fd) ? -1 : real(ends, flags);
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    return fails(FAULT_fd) ? -1 : real(domain, type, protocol);
}

int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    REAL(accept4);
    return fails(FAULT_fd) ? -1 : real(fd, from, len, flags);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1);
    return fails(FAULT_fd) ? -1 : real(flags);
}

int eventfd(unsigned value, int flags)
{
    REAL(eventfd);
    return fails(FAULT_fd) ? -1 : real(value, flags);
}

int dup(int fd)
{
    REAL(dup);
    return fails(FAULT_fd) ? -1 : real(fd);
}

int memfd_create(const char *name, unsigned flags)
{
    REAL(memfd_create);
    return fails(FAULT_fd) ? -1 : real(name, flags);
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...)
{
    REAL(__clone);
    va_list rest;
    va_start(rest, arg);
    int *parent = va_arg(rest, int *);
    va_end(rest);
    return fails(FAULT_spawn) ? -1 : real(run, stack, flags, arg, parent);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    REAL(pthread_create);
    return fails(FAULT_thread) ? errno : real(thread, attr, run, arg);
}

/* Not the end of watching: the kernel cannot refuse that. */
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    REAL(epoll_ctl);
    return what == EPOLL_CTL_ADD && fails(FAULT_watch) ? -1 : real(epoll, what, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int ms)
{
    REAL(epoll_wait);
    return fails(FAULT_poll) ? -1 : real(epoll, events, room, ms);
}

int epoll_pwait(int epoll, struct epoll_event *events, int room, int ms, const sigset_t *mask)
{
    REAL(epoll_pwait);
    return fails(FAULT_poll) ? -1 : real(epoll, events, room, ms, mask);
}

/* --- sockets ------------------------------------------------------------------------ */

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    REAL(send);
    return fails(FAULT_net) ? -1 : real(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    return fails(FAULT_net) ? -1 : real(fd, message, flags);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    REAL(recv);
    return fails(FAULT_net) ? -1 : real(fd, bytes, size, flags);
}

/* --- the time of day --------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (page && clock == CLOCK_REALTIME)
        time->tv_sec += atomic_load(&page->ahead);
    return result;
}
