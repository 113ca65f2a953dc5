/* SPDX-License-Identifier: MIT */
#include "exec_memory.h"
#include "exec_start.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define EXEC_NOTE_MS 1000
#define EXEC_SHELL_SIGNAL 128   /* a shell's exit code when a signal has ended its command is so much more */

static unsigned long long exec_killed;
static int64_t exec_noted_ms;

static unsigned long long exec_count_killed(void)
{
    char name[64];
    unsigned long long count, killed = 0;
    FILE *counters = fopen("/proc/vmstat", "re");
    while (counters && fscanf(counters, "%63s %llu", name, &count) == 2)
        if (strcmp(name, "oom_kill") == 0)
            killed = count;
    if (counters)
        fclose(counters);
    return killed;
}

void exec_memory_note(void)
{
    int64_t now_ms = exec_now_ms();
    if (exec_noted_ms && now_ms - exec_noted_ms < EXEC_NOTE_MS)
        return;
    exec_killed = exec_count_killed();
    exec_noted_ms = now_ms;
}

bool exec_memory_was_short(int status)
{
    bool was_killed = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == EXEC_SHELL_SIGNAL + SIGKILL;
    if (!was_killed || exec_count_killed() <= exec_killed)
        return false;
    exec_noted_ms = 0; /* the next one's count begins here */
    return true;
}
