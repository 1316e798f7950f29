/* Makes syncs of journal segments fail while the file named by DIRIGENT_TEST_FAIL_SYNC is there, and notes each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int broken(int fd) {
    const char *order = getenv("DIRIGENT_TEST_FAIL_SYNC");
    char name[64], path[4096], log[4096];
    if (order == NULL || access(order, F_OK) != 0)
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof path - 2);
    if (n < 4 || memcmp(path + n - 4, ".seg", 4) != 0)
        return 0;
    path[n++] = '\n';
    snprintf(log, sizeof log, "%s.log", order);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0) {
        if (write(out, path, (size_t)n) < 0)
            abort();
        close(out);
    }
    errno = EIO;
    return 1;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return broken(fd) ? -1 : real(fd);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return broken(fd) ? -1 : real(fd);
}
