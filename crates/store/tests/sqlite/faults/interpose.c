/* Stands between a program and the operating system (LD_PRELOAD) for what is below one directory: makes the n-th write,
 * synchronisation or change of a name fail, and writes down what was done, so that a loss of power can be worked out
 * afterwards. What the program reads is never touched.
 *
 * $PABAWI_STORE_TEST_DIR holds:
 *   disk/    what is watched
 *   notes    what is written to it is written down as a note
 *   control  struct control; the program arms a fault by writing to it, and reads there whether it has struck
 *   trace    what was done, see record()
 *
 * fsync(2) and fdatasync(2) of what is watched do not reach the disk: that they were called is what counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, WRITE, SYNC, NAME };

struct control {
    uint32_t kind;    /* what shall fail */
    uint32_t nth;     /* which of them, from 1 */
    uint32_t error;   /* errno */
    uint32_t lasting; /* whether all after it fail too */
    uint32_t seen[4]; /* how many of each kind there were */
    uint32_t struck;  /* how often it has failed */
    uint32_t half;    /* 1 after a write of which only half went in for want of space */
};

static volatile struct control *control;
static int trace = -1;
static char watched[PATH_MAX], notes[PATH_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
    const char *dir = getenv("PABAWI_STORE_TEST_DIR");
    char path[PATH_MAX];
    if (!dir) return;
    snprintf(path, sizeof path, "%s/control", dir);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return;
    snprintf(path, sizeof path, "%s/trace", dir);
    trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    snprintf(watched, sizeof watched, "%s/disk/", dir);
    snprintf(notes, sizeof notes, "%s/notes", dir);
    control = at;
}

static int is_watched(const char *path)
{
    return control && path && !strncmp(path, watched, strlen(watched));
}

/* The path of an open file, and whether it is watched. A removed file keeps its path, with " (deleted)" behind it. */
static int path_of(int fd, char *path)
{
    char link[64];
    if (!control) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

/* One letter, then in the machine's byte order: inode (8), offset (8), length of what follows (8), and that. */
static void record(char what, uint64_t inode, uint64_t offset, const void *data, uint64_t length)
{
    char head[25];
    head[0] = what;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, length}};
    if (syscall(SYS_writev, trace, parts, 2) != (long)(sizeof head + length)) abort();
}

static void record_path(char what, uint64_t inode, uint64_t offset, const char *path)
{
    record(what, inode, offset, path, strlen(path));
}

/* Counts, and says with what this one shall fail; 0 for not at all. */
static int failure(int kind)
{
    uint32_t seen = ++control->seen[kind];
    if (control->kind != (uint32_t)kind || seen < control->nth) return 0;
    if (seen > control->nth && !control->lasting) return 0;
    control->struck++;
    return control->error;
}

static long fail(int error)
{
    errno = error;
    return -1;
}

static uint64_t inode_of(int fd)
{
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static long raw_write(int fd, const void *data, size_t length, int64_t offset)
{
    return offset < 0 ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
}

static long watched_write(int fd, const void *data, size_t length, int64_t offset)
{
    struct stat found;
    /* A full disk takes what still fits, and nothing of the next. */
    if (control->half == 1) {
        control->half = 2;
        return fail(ENOSPC);
    }
    int error = failure(WRITE);
    if (error == ENOSPC && length > 1 && !control->half && !control->lasting) {
        control->half = 1;
        length /= 2;
    } else if (error) {
        return fail(error);
    }
    int64_t at = offset;
    if (at < 0) {
        int flags = fcntl(fd, F_GETFL);
        at = flags >= 0 && flags & O_APPEND && !fstat(fd, &found) ? found.st_size : lseek(fd, 0, SEEK_CUR);
    }
    long done = raw_write(fd, data, length, offset);
    if (done > 0) record('W', inode_of(fd), at, data, done);
    return done;
}

static long any_write(int fd, const void *data, size_t length, int64_t offset)
{
    char path[PATH_MAX];
    int saved = errno;
    int ours = path_of(fd, path);
    int note = !ours && control && !strcmp(path, notes);
    errno = saved;
    if (!ours && !note) return raw_write(fd, data, length, offset);
    pthread_mutex_lock(&lock);
    if (note) record('N', 0, 0, data, length);
    long done = note ? (long)length : watched_write(fd, data, length, offset);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return any_write(fd, data, length, -1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return any_write(fd, data, length, at); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return any_write(fd, data, length, at); }

static int any_truncate(int fd, off64_t size)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int error = failure(WRITE);
    int done = error ? fail(error) : syscall(SYS_ftruncate, fd, size);
    if (!done) record('T', inode_of(fd), size, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t size) { return any_truncate(fd, size); }
int ftruncate64(int fd, off64_t size) { return any_truncate(fd, size); }

static int any_sync(int fd, long call)
{
    char path[PATH_MAX];
    struct stat found;
    int is_root = 0;
    if (!path_of(fd, path)) {
        size_t length = control ? strlen(watched) - 1 : 0;
        is_root = control && strlen(path) == length && !strncmp(path, watched, length);
        if (!is_root) return syscall(call, fd);
    }
    pthread_mutex_lock(&lock);
    int error = failure(SYNC);
    if (fstat(fd, &found)) {
        error = errno;
    } else if (S_ISDIR(found.st_mode)) {
        if (!error) record_path('D', found.st_ino, 0, path);
    } else {
        record(error ? 'F' : 'S', found.st_ino, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return error ? fail(error) : 0;
}

int fsync(int fd) { return any_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return any_sync(fd, SYS_fdatasync); }

static int any_open(int dir, const char *path, int flags, mode_t mode)
{
    if (dir != AT_FDCWD || !is_watched(path)) return syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat found;
    int is_new = flags & O_CREAT && lstat(path, &found);
    int error = is_new ? failure(NAME) : 0;
    int fd = error ? fail(error) : syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && is_new) record_path('O', inode_of(fd), 0, path);
    else if (fd >= 0 && flags & O_TRUNC) record('T', inode_of(fd), 0, "", 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        return any_open(AT_FDCWD, path, flags, mode);                                                                  \
    }
OPEN(open)
OPEN(open64)

int rename(const char *from, const char *to)
{
    char both[2 * PATH_MAX];
    if (!is_watched(to)) return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    pthread_mutex_lock(&lock);
    int error = failure(NAME);
    int done = error ? fail(error) : syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (!done) record_path('R', 0, 0, (snprintf(both, sizeof both, "%s\n%s", from, to), both));
    pthread_mutex_unlock(&lock);
    return done;
}

static int any_remove(const char *path, int flags)
{
    if (!is_watched(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    pthread_mutex_lock(&lock);
    int error = failure(NAME);
    int done = error ? fail(error) : syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    if (!done) record_path('U', 0, 0, path);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path) { return any_remove(path, 0); }
int rmdir(const char *path) { return any_remove(path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode)
{
    if (!is_watched(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    pthread_mutex_lock(&lock);
    int error = failure(NAME);
    int done = error ? fail(error) : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (!done) record_path('M', 0, 0, path);
    pthread_mutex_unlock(&lock);
    return done;
}

/* What goes from file to file without passing through the program has to pass through it here. */
static long no_short_cut(int to)
{
    char path[PATH_MAX];
    return path_of(to, path) ? fail(ENOSYS) : 0;
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags)
{
    if (no_short_cut(to)) return -1;
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}

ssize_t sendfile64(int to, int from, off64_t *from_at, size_t length)
{
    if (no_short_cut(to)) return -1;
    return syscall(SYS_sendfile, to, from, from_at, length);
}
