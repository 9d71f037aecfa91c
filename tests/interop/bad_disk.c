/* A disk that hangs, or is full, for one folder of one process (LD_PRELOAD).
 *
 * While BAD_DISK/hangs is there, whatever is written or synced below BAD_DISK takes two
 * seconds; while BAD_DISK/full is there, nothing more is taken. BAD_DISK/noticed says that
 * either happened. The log, which is a descriptor below 3, is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int flag(const char *name)
{
    const char *folder = getenv("BAD_DISK");
    char path[PATH_MAX];
    if (!folder)
        return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void notice(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/noticed", getenv("BAD_DISK"));
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static int lies_there(int fd)
{
    const char *folder = getenv("BAD_DISK");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (fd < 3 || !folder || length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Whether the call is to fail. */
static int suffers(int fd)
{
    if (!lies_there(fd))
        return 0;
    if (flag("hangs")) {
        notice();
        sleep(2);
    }
    if (!flag("full"))
        return 0;
    notice();
    errno = ENOSPC;
    return 1;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *from, size_t bytes)
{
    return suffers(fd) ? -1 : REAL(write)(fd, from, bytes);
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at)
{
    return suffers(fd) ? -1 : REAL(pwrite64)(fd, from, bytes, at);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at)
{
    return suffers(fd) ? -1 : REAL(pwrite)(fd, from, bytes, at);
}

int fsync(int fd)
{
    return suffers(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return suffers(fd) ? -1 : REAL(fdatasync)(fd);
}
