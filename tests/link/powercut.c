/* Notes every write, truncation, sync and removal of files below POWERCUT_ROOT in POWERCUT_LOG, so that a power cut can be imitated.
 *
 * Loaded with LD_PRELOAD. One record: kind (1 byte: W, T, S, U), a blank byte, length of the path (2), length of the
 * data (8), offset (8), the path, the data (W only); native byte order. Creating and removing a file counts as done at
 * once. Memory-mapped files (SQLite's -shm) are not noted: they are rebuilt after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct __attribute__((packed)) head {
    char kind, blank;
    unsigned short path_length;
    long long length, offset;
};

static void note_path(const char *path, size_t path_length, char kind, const void *data, size_t length, long long offset)
{
    const char *root = getenv("POWERCUT_ROOT"), *log = getenv("POWERCUT_LOG");
    if (!root || !log || strncmp(path, root, strlen(root)))
        return;
    struct head head = {kind, 0, path_length, length, offset};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, path_length}, {(void *)data, data ? length : 0}};
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0 || writev(out, parts, 3) < 0)
        abort();
    close(out);
}

static void note(int file, char kind, const void *data, size_t length, long long offset)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t path_length = readlink(link, path, sizeof path - 1);
    if (path_length < 0)
        return;
    path[path_length] = 0;
    note_path(path, path_length, kind, data, length, offset);
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int file, const void *data, size_t length, off_t offset)
{
    ssize_t done = REAL(pwrite)(file, data, length, offset);
    if (done > 0)
        note(file, 'W', data, done, offset);
    return done;
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset)
{
    ssize_t done = REAL(pwrite64)(file, data, length, offset);
    if (done > 0)
        note(file, 'W', data, done, offset);
    return done;
}

int ftruncate(int file, off_t length)
{
    int failed = REAL(ftruncate)(file, length);
    if (!failed)
        note(file, 'T', 0, 0, length);
    return failed;
}

int ftruncate64(int file, off64_t length)
{
    int failed = REAL(ftruncate64)(file, length);
    if (!failed)
        note(file, 'T', 0, 0, length);
    return failed;
}

int fsync(int file)
{
    int failed = REAL(fsync)(file);
    if (!failed)
        note(file, 'S', 0, 0, 0);
    return failed;
}

int fdatasync(int file)
{
    int failed = REAL(fdatasync)(file);
    if (!failed)
        note(file, 'S', 0, 0, 0);
    return failed;
}

int unlink(const char *path)
{
    int failed = REAL(unlink)(path);
    if (!failed)
        note_path(path, strlen(path), 'U', 0, 0, 0);
    return failed;
}
