/* Loaded into vpo and its tools: the nth call of libc that touches a file below a prefix, of all
   processes together, returns an error, or kills the process. */
#define _GNU_SOURCE
#include <dirent.h>
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
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The file DRILL_CALLS, which all processes share; an error of 0 is a kill. */
static struct { long count, target, error; char prefix[4096]; } *calls;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("DRILL_CALLS");
    if (!file) return;
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = real(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    calls = mmap(0, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (calls == MAP_FAILED) calls = 0;
}

static int hit(const char *path) {
    if (!calls || !path || !*calls->prefix) return 0;
    if (strncmp(path, calls->prefix, strlen(calls->prefix))) return 0;
    if (__atomic_add_fetch(&calls->count, 1, __ATOMIC_SEQ_CST) != calls->target) return 0;
    if (!calls->error) kill(getpid(), SIGKILL);
    errno = calls->error;
    return 1;
}

static int hit_fd(int fd) {
    char link[64], path[4096];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = calls ? readlink(link, path, sizeof path - 1) : -1;
    errno = saved;
    if (size < 0) return 0;
    path[size] = 0;
    return hit(path);
}

static int hit_file(FILE *file) {
    if (!hit_fd(fileno(file))) return 0;
    file->_flags |= 0x20; /* what ferror returns, in glibc */
    return 1;
}

static int hit_at(int fd, const char *path) {
    return path && (path[0] == '/' || fd == AT_FDCWD) ? hit(path) : hit_fd(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define GIVES(failure, type, name, arguments, condition, ...) \
    type name arguments { return (condition) ? (type)failure : REAL(name)(__VA_ARGS__); }
#define WRAP(...) GIVES(-1, __VA_ARGS__)
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
WRAP(int, lstat, (const char *p, struct stat *s), hit(p), p, s)
WRAP(int, lstat64, (const char *p, struct stat64 *s), hit(p), p, s)
WRAP(int, statvfs64, (const char *p, struct statvfs64 *s), hit(p), p, s)
WRAP(int, fstatvfs64, (int fd, struct statvfs64 *s), hit_fd(fd), fd, s)
WRAP(int, access, (const char *p, int how), hit(p), p, how)
WRAP(int, faccessat, (int d, const char *p, int how, int f), hit_at(d, p), d, p, how, f)
WRAP(int, utimensat, (int d, const char *p, const struct timespec t[2], int f), hit_at(d, p), d, p, t, f)
WRAP(ssize_t, flistxattr, (int fd, char *l, size_t n), hit_fd(fd), fd, l, n)
WRAP(ssize_t, fgetxattr, (int fd, const char *x, void *v, size_t n), hit_fd(fd), fd, x, v, n)
WRAP(int, fsetxattr, (int fd, const char *x, const void *v, size_t n, int f), hit_fd(fd), fd, x, v, n, f)
WRAP(ssize_t, readv, (int fd, const struct iovec *v, int n), hit_fd(fd), fd, v, n)
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), hit_fd(fd), fd, v, n)
GIVES(0, DIR *, opendir, (const char *p), hit(p), p)
GIVES(0, DIR *, fdopendir, (int fd), hit_fd(fd), fd)
GIVES(0, FILE *, fopen, (const char *p, const char *how), hit(p), p, how)
GIVES(0, FILE *, fopen64, (const char *p, const char *how), hit(p), p, how)
GIVES(0, size_t, fread, (void *b, size_t n, size_t m, FILE *f), hit_file(f), b, n, m, f)
GIVES(0, size_t, fwrite, (const void *b, size_t n, size_t m, FILE *f), hit_file(f), b, n, m, f)
WRAP(int, fflush, (FILE *f), f && hit_file(f), f)
