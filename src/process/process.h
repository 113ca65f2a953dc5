/* SPDX-License-Identifier: MIT
 *
 * A public process object, as the files of this folder see it: process.c is the object, spawn.c starts programs, family.c
 * knows who this process is and which children it has. It moves from PROCESS_NEW by a start to PROCESS_RUNNING, and by taking
 * its status to PROCESS_ENDED; it is in the family's list exactly while it is running.
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "base/handle.h"
#include "process/child.h"

#include <hayfork/process.h>

#define PROCESS_NAME_SIZE 128
#define PROCESS_KILL_MS 10000 /* a killed process that is still there then is stuck in the kernel */

enum process_state { PROCESS_NEW, PROCESS_RUNNING, PROCESS_ENDED };

struct hay_process {
    struct handle handle;           /* first; its descriptor is the pidfd */
    struct list sibling;            /* in the family */
    struct list gifts;              /* struct gift, in the order of giving */
    size_t gift_count;
    enum process_state state;
    struct child child;             /* pid 0 once the status is taken */
    uint64_t owner;                 /* the process that made it, by base/owner.h */
    pid_t creator, pid;
    struct hay_exit how;
    bool daemon, own_group;
    bool ending;                    /* terminated or killed from here: its group must not outlive it */
    bool awaited;                   /* exit() beside other threads waits for it */
    int (*run)(void *arg);
    void *arg;
    char *path;                     /* of a program; NULL: `run` */
    char *cwd;                      /* may be NULL, */
    char **argv, **env;             /* and so may env */
    char name[PROCESS_NAME_SIZE];
};

/* HAY_EINVAL for NULL, HAY_ESTATE when another process made it. */
enum hay_status process_check(const struct hay_process *process, struct hay_error *error);

#endif
