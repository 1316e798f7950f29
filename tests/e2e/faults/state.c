/* Makes reads or writes of the state's file fail while the file named by DIRIGENT_TEST_FAIL_STATE is there: "read" or
   "write" is what it says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int broken(int fd, char what) {
    const char *order = getenv("DIRIGENT_TEST_FAIL_STATE");
    char name[64], path[4096], word = 0;
    if (order == NULL)
        return 0;
    int in = open(order, O_RDONLY);
    if (in < 0)
        return 0;
    ssize_t n = read(in, &word, 1);
    close(in);
    if (n != 1 || word != what)
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof path - 1);
    if (n < 3 || memcmp(path + n - 3, "/db", 3) != 0)
        return 0;
    errno = EIO;
    return 1;
}

ssize_t pread64(int fd, void *buf, size_t count, off64_t offset) {
    ssize_t (*real)(int, void *, size_t, off64_t) =
        (ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
    return broken(fd, 'r') ? -1 : real(fd, buf, count, offset);
}

ssize_t pwrite64(int fd, const void *buf, size_t count, off64_t offset) {
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return broken(fd, 'w') ? -1 : real(fd, buf, count, offset);
}
