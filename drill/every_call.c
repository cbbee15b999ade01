/* Loaded into vpo and its tools: the nth call of libc that touches a file below DRILL_PREFIX, of all
   processes together, returns an error, or kills the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long *count;
static long target;
static int error;
static const char *prefix;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("DRILL_COUNT");
    prefix = getenv("DRILL_PREFIX");
    if (!file || !prefix) return;
    target = atol(getenv("DRILL_AT"));
    error = atoi(getenv("DRILL_ERROR"));
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = real(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    count = mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (count == MAP_FAILED) count = 0;
}

static int hit(const char *path) {
    if (!count || !path || strncmp(path, prefix, strlen(prefix))) return 0;
    if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != target) return 0;
    if (!error) kill(getpid(), SIGKILL);
    errno = error;
    return 1;
}

static int hit_fd(int fd) {
    char link[64], path[4096];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = count ? readlink(link, path, sizeof path - 1) : -1;
    errno = saved;
    if (size < 0) return 0;
    path[size] = 0;
    return hit(path);
}

static int hit_at(int fd, const char *path) {
    return path && (path[0] == '/' || fd == AT_FDCWD) ? hit(path) : hit_fd(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(type, name, arguments, condition, ...) \
    type name arguments { return (condition) ? (type)-1 : REAL(name)(__VA_ARGS__); }
#define MODE(last) mode_t mode = 0; va_list more; va_start(more, last); \
    if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(more, mode_t); va_end(more)

int open(const char *p, int flags, ...) { MODE(flags); return hit(p) ? -1 : REAL(open)(p, flags, mode); }
int open64(const char *p, int flags, ...) { MODE(flags); return hit(p) ? -1 : REAL(open64)(p, flags, mode); }
int openat(int d, const char *p, int flags, ...) { MODE(flags); return hit_at(d, p) ? -1 : REAL(openat)(d, p, flags, mode); }
int openat64(int d, const char *p, int flags, ...) { MODE(flags); return hit_at(d, p) ? -1 : REAL(openat64)(d, p, flags, mode); }
WRAP(ssize_t, read, (int fd, void *b, size_t n), hit_fd(fd), fd, b, n)
WRAP(ssize_t, pread64, (int fd, void *b, size_t n, off64_t o), hit_fd(fd), fd, b, n, o)
WRAP(ssize_t, write, (int fd, const void *b, size_t n), hit_fd(fd), fd, b, n)
WRAP(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), hit_fd(fd), fd, b, n, o)
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), hit_fd(fd), fd, b, n, o)
WRAP(int, fsync, (int fd), hit_fd(fd), fd)
WRAP(int, fdatasync, (int fd), hit_fd(fd), fd)
WRAP(int, ftruncate, (int fd, off_t o), hit_fd(fd), fd, o)
WRAP(int, ftruncate64, (int fd, off64_t o), hit_fd(fd), fd, o)
WRAP(int, flock, (int fd, int how), hit_fd(fd), fd, how)
WRAP(int, fchmod, (int fd, mode_t m), hit_fd(fd), fd, m)
WRAP(int, fchown, (int fd, uid_t u, gid_t g), hit_fd(fd), fd, u, g)
WRAP(int, futimens, (int fd, const struct timespec t[2]), hit_fd(fd), fd, t)
WRAP(int, rename, (const char *a, const char *b), hit(a), a, b)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), hit_at(d, a), d, a, e, b)
WRAP(int, link, (const char *a, const char *b), hit(a), a, b)
WRAP(int, linkat, (int d, const char *a, int e, const char *b, int f), hit_at(d, a), d, a, e, b, f)
WRAP(int, unlink, (const char *p), hit(p), p)
WRAP(int, unlinkat, (int d, const char *p, int f), hit_at(d, p), d, p, f)
WRAP(int, mkdir, (const char *p, mode_t m), hit(p), p, m)
WRAP(int, mkdirat, (int d, const char *p, mode_t m), hit_at(d, p), d, p, m)
WRAP(int, rmdir, (const char *p), hit(p), p)
WRAP(int, fstat, (int fd, struct stat *s), hit_fd(fd), fd, s)
WRAP(int, fstat64, (int fd, struct stat64 *s), hit_fd(fd), fd, s)
WRAP(int, stat, (const char *p, struct stat *s), hit(p), p, s)
WRAP(int, stat64, (const char *p, struct stat64 *s), hit(p), p, s)
WRAP(int, fstatat, (int d, const char *p, struct stat *s, int f), hit_at(d, p), d, p, s, f)
WRAP(int, fstatat64, (int d, const char *p, struct stat64 *s, int f), hit_at(d, p), d, p, s, f)
