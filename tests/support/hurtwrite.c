/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: what can happen to a program while it writes one file. HURT_FILE is the file. HURT_MOST: no write moves more
 * bytes. HURT_AT and HURT_HOW: at that write, counted from 1, the program is killed by SIGKILL `before` it, `within` it (half of
 * it is written) or `after` it; or the disk is `full`: half of it is written, and from the next on nothing. HURT_COUNT: a file
 * that gets a byte for each write. HURT_SYNC: `plain`, there is no AIO; `fail`, nor does fdatasync() work; `abort`, the
 * file system was made read-only by an error; `each`, a write fails while the one before it is not on the disk.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t write_fn(int fd, const void *bytes, size_t size);

static int hurt_unflushed; /* something was written, and no flush of it has ended */

static int hurt_is_sync(const char *how)
{
    const char *wanted = getenv("HURT_SYNC");
    return wanted && !strcmp(wanted, how);
}

static long hurt_number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static int hurt_is_file(int fd)
{
    struct stat one, two;
    const char *path = getenv("HURT_FILE");
    return path && !fstat(fd, &one) && S_ISREG(one.st_mode) && !stat(path, &two) && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static void hurt_count(write_fn *next)
{
    const char *path = getenv("HURT_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd >= 0 && next(fd, "x", 1) == 1)
        close(fd);
}

static void hurt_kill(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

__attribute__((visibility("default")))
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long words[6];
    va_list list;
    if (!next) {
        void *found = dlsym(RTLD_NEXT, "syscall");
        memcpy(&next, &found, sizeof next);
    }
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_io_setup && getenv("HURT_SYNC") && !hurt_is_sync("each")) {
        errno = ENOSYS;
        return -1;
    }
    long result = next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    if ((number == SYS_io_getevents && result > 0) || (number == SYS_fdatasync && !result))
        hurt_unflushed = 0;
    return result;
}

__attribute__((visibility("default")))
int fdatasync(int fd)
{
    const char *how = getenv("HURT_SYNC");
    if (how && strcmp(how, "plain") && strcmp(how, "each")) {
        errno = strcmp(how, "abort") ? EIO : EROFS;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, (long)fd);
}

__attribute__((visibility("default")))
ssize_t write(int fd, const void *bytes, size_t size)
{
    static write_fn *next;
    static long done;
    if (!next) {
        void *found = dlsym(RTLD_NEXT, "write");
        memcpy(&next, &found, sizeof next);
    }
    if (!hurt_is_file(fd))
        return next(fd, bytes, size);
    if (hurt_unflushed && hurt_is_sync("each")) {
        errno = EIO;
        return -1;
    }
    hurt_unflushed = 1;
    long at = hurt_number("HURT_AT"), most = hurt_number("HURT_MOST");
    const char *how = getenv("HURT_HOW");
    if (most > 0 && size > (size_t)most)
        size = (size_t)most;
    done++;
    hurt_count(next);
    if (!at || !how || done < at)
        return next(fd, bytes, size);
    if (!strcmp(how, "full")) {
        if (done == at && size > 1)
            return next(fd, bytes, size / 2);
        errno = ENOSPC;
        return -1;
    }
    if (strcmp(how, "before"))
        if (next(fd, bytes, strcmp(how, "within") ? size : size / 2) < 0)
            return -1;
    hurt_kill();
    return -1;
}
