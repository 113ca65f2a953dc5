/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: a kernel that kills for lack of memory when it is told to. With HURT_VMSTAT that file is read as /proc/vmstat.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef FILE *fopen_fn(const char *path, const char *mode);

__attribute__((visibility("default")))
FILE *fopen(const char *path, const char *mode)
{
    static fopen_fn *next;
    const char *given = getenv("HURT_VMSTAT");
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fopen");
    return next(given && strcmp(path, "/proc/vmstat") == 0 ? given : path, mode);
}
