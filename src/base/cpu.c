/* SPDX-License-Identifier: MIT
 *
 * How many processors this process may use: the smallest of its affinity, its cgroup's CPU quota (v2 and v1, rounded up,
 * every level up to the root) and HAYFORK_CPU_COUNT. What cannot be read does not count; the answer is at least 1. Takes little
 * of the stack, for it is called in threads too.
 */
#include <hayfork/cpu.h>

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME_SIZE 64

static int affinity_count(void)
{
    /* The mask grows until the kernel accepts it: a fixed cpu_set_t ends at 1,024 processors. */
    for (int size = 1024; size <= 1 << 20; size *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set)
            break;
        size_t bytes = CPU_ALLOC_SIZE((size_t)size);
        int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}

static int quota_count(long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return INT_MAX;
    long long count = (quota_us + period_us - 1) / period_us;
    return count < 1 ? 1 : count < INT_MAX ? (int)count : INT_MAX;
}

/* Of the folder's file `name`; `folder` has room for FILE_NAME_SIZE bytes more and is left as it was. */
static bool read_line(char *folder, const char *name, char *line, int size)
{
    char *end = folder + strlen(folder);
    strcpy(end, name);
    FILE *file = fopen(folder, "re");
    bool got = file && fgets(line, size, file);
    if (file)
        fclose(file);
    *end = '\0';
    return got;
}

static int group_quota(char *folder, bool is_v2)
{
    char line[128];
    long long quota_us = -1, period_us = 0;
    if (is_v2) {
        if (!read_line(folder, "/cpu.max", line, sizeof line) || sscanf(line, "%lld %lld", &quota_us, &period_us) != 2)
            return INT_MAX;
    } else {
        if (!read_line(folder, "/cpu.cfs_quota_us", line, sizeof line) || sscanf(line, "%lld", &quota_us) != 1)
            return INT_MAX;
        if (!read_line(folder, "/cpu.cfs_period_us", line, sizeof line) || sscanf(line, "%lld", &period_us) != 1)
            return INT_MAX;
    }
    return quota_count(quota_us, period_us);
}

/* Walk from the process's own group up to the mount: any level may set the tightest quota. */
static int tree_quota(const char *mount, const char *group, bool is_v2)
{
    char folder[PATH_MAX + FILE_NAME_SIZE];
    size_t root = strlen(mount);
    if (snprintf(folder, PATH_MAX, "%s%s", mount, group) >= PATH_MAX)
        return INT_MAX;
    int least = INT_MAX;
    for (;;) {
        int here = group_quota(folder, is_v2);
        least = here < least ? here : least;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < root)
            return least;
        *slash = '\0';
    }
}

static int cgroup_count(void)
{
    char *line = NULL;
    size_t size = 0;
    int least = INT_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        int count = INT_MAX;
        if (!*controllers)
            count = tree_quota("/sys/fs/cgroup", group, true);
        else if (strcmp(controllers, "cpu") == 0 || strcmp(controllers, "cpu,cpuacct") == 0)
            count = tree_quota("/sys/fs/cgroup/cpu", group, false);
        least = count < least ? count : least;
    }
    if (file)
        fclose(file);
    free(line);
    return least;
}

int hay_cpu_count(void)
{
    int count = affinity_count();
    int quota = cgroup_count();
    count = quota < count ? quota : count;
    const char *text = getenv("HAYFORK_CPU_COUNT");
    if (text) {
        char *end;
        long wanted = strtol(text, &end, 10);
        if (end != text && !*end && wanted > 0 && wanted < count)
            count = (int)wanted;
    }
    return count;
}
