/* SPDX-License-Identifier: MIT */
#include "base/statm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool statm_is_ours(void)
{
    char text[16];
    ssize_t n = readlink("/proc/self", text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return strtol(text, NULL, 10) == getpid();
}

struct statm statm_read(pid_t pid)
{
    char text[128] = "/proc/self/statm";
    unsigned long long mapped, resident;
    if (pid)
        snprintf(text, sizeof text, "/proc/%d/statm", (int)pid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (struct statm){0, 0};
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%llu %llu", &mapped, &resident) != 2)
        return (struct statm){0, 0};
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    return (struct statm){mapped * page_bytes, resident * page_bytes};
}
