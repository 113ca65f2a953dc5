/* SPDX-License-Identifier: MIT
 *
 * Children for the tests of process objects: functions that return, leave or sleep, a start and an end with a limit, and a
 * process apart.
 */
#ifndef TESTS_UNIT_PROCESS_PROCESS_FIXTURE_H
#define TESTS_UNIT_PROCESS_PROCESS_FIXTURE_H

#include "support/tap.h"

#include <hayfork/process.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* nothing takes that long */

static struct hay_error error;

static inline int return_number(void *arg)
{
    return *(int *)arg;
}

static inline _Noreturn int sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static inline struct hay_process *start(int (*run)(void *), void *arg, const struct hay_process_options *options)
{
    struct hay_process *process = hay_process_new(run, arg, options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    return process;
}

/* Join and free: the exit as Python shows it. */
static inline int finish(struct hay_process *process)
{
    struct hay_exit how = {HAY_EXIT_NONE, 0, false};
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    return hay_exit_code(&how);
}

static inline int count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

/* Something that changes the whole process, in a process of its own that is not one of ours. */
static inline int run_apart(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(body());
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
