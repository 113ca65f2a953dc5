/* SPDX-License-Identifier: MIT
 *
 * Acts that end the process, keep it from ending, or spoil its memory.
 */
#include "fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

static int signal_number(const char *name)
{
    static const struct { const char *name; int number; } known[] = {
        {"SEGV", SIGSEGV}, {"ABRT", SIGABRT}, {"BUS", SIGBUS}, {"FPE", SIGFPE}, {"ILL", SIGILL}, {"KILL", SIGKILL},
        {"TERM", SIGTERM}, {"STOP", SIGSTOP}, {"INT", SIGINT}, {"HUP", SIGHUP}, {"PIPE", SIGPIPE}, {"CHLD", SIGCHLD},
        {"USR1", SIGUSR1},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].number;
    return atoi(name);
}

static enum act_end act_raise(hay_task *task, const char *const words[])
{
    (void)task;
    kill(getpid(), signal_number(words[0]));
    return ACT_GO_ON;
}

static enum act_end act_default(hay_task *task, const char *const words[])
{
    (void)task;
    signal(signal_number(words[0]), SIG_DFL);
    return ACT_GO_ON;
}

static enum act_end act_ignore(hay_task *task, const char *const words[])
{
    (void)task;
    signal(signal_number(words[0]), SIG_IGN);
    return ACT_GO_ON;
}

static enum act_end act_block(hay_task *task, const char *const words[])
{
    sigset_t all;
    (void)task, (void)words;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return ACT_GO_ON;
}

static enum act_end act_exit(hay_task *task, const char *const words[])
{
    (void)task;
    exit((int)word_number(words[0], 0));
}

static enum act_end act_exit_now(hay_task *task, const char *const words[])
{
    (void)task;
    _exit((int)word_number(words[0], 0));
}

static enum act_end act_quick_exit(hay_task *task, const char *const words[])
{
    (void)task;
    quick_exit((int)word_number(words[0], 0));
}

static enum act_end act_abort(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    abort();
}

/* A store to a page that may not be written. */
static enum act_end act_wild(hay_task *task, const char *const words[])
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)task, (void)words;
    *page = 1;
    return ACT_GO_ON;
}

static enum act_end act_trap(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    __builtin_trap();
}

__attribute__((noinline)) static int deeper(volatile char *above, volatile long *left)
{
    volatile char here[4096];
    here[0] = *above;
    return --*left ? deeper(here, left) + here[0] : 0;
}

static enum act_end act_overflow(hay_task *task, const char *const words[])
{
    volatile char first = 1;
    volatile long left = 1L << 40;
    (void)task, (void)words;
    return deeper(&first, &left) ? ACT_GO_ON : ACT_DONE;
}

static volatile unsigned long spins;

static _Noreturn void spin_for_ever(void)
{
    for (;;)
        spins++;
}

static enum act_end act_loop(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    spin_for_ever();
}

static enum act_end act_pause(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    wait_for_ever();
}

static enum act_end act_sleep(hay_task *task, const char *const words[])
{
    long ms = word_number(words[0], 1000);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    (void)task;
    while (nanosleep(&left, &left) < 0)
        ;
    return ACT_GO_ON;
}

/* Behaves: ends when it is told to. */
static enum act_end act_heed(hay_task *task, const char *const words[])
{
    struct timespec nap = {0, 1000000};
    (void)words;
    while (!task->host->cancelled(task))
        nanosleep(&nap, NULL);
    return ACT_GO_ON;
}

/* What is leaked stays reachable, so that a leak checker has nothing to say: the test is about the operator's memory. */
static enum act_end act_leak(hay_task *task, const char *const words[])
{
    static void **last;
    size_t size = (size_t)word_number(words[0], 16) << 20;
    void **block = malloc(size);
    (void)task;
    if (!block)
        return ACT_FAILED;
    memset(block, 1, size);
    *block = last;
    last = block;
    return ACT_GO_ON;
}

/* Write behind and before small heap blocks, over the allocator's own words. */
static enum act_end act_scribble(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    for (size_t size = 16; size <= 256; size += 16) {
        volatile char *volatile block = malloc(size); /* volatile, so that no compiler sees through it */
        for (size_t i = 0; block && i < 64; i++) {
            block[size + i] = (char)0xa5;
            block[-1 - (int)(i & 7)] = 0x5a;
        }
    }
    return ACT_GO_ON;
}

static jmp_buf gone;

__attribute__((noinline)) static int leave_a_frame(void)
{
    volatile char pad[65536];
    pad[0] = 1;
    pad[sizeof pad - 1] = pad[0];
    return setjmp(gone);
}

/* Jump into a frame that has returned. */
static enum act_end act_longjmp(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    if (leave_a_frame() == 0)
        longjmp(gone, 1);
    return ACT_GO_ON;
}

static enum act_end act_pthread_exit(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    pthread_exit(NULL);
}

static void hang_at_exit(void)
{
    wait_for_ever();
}

static enum act_end act_atexit_hang(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    return atexit(hang_at_exit) ? ACT_FAILED : ACT_GO_ON;
}

/* From here on the master is our tracer: each signal stops us, and the stop is told to it. */
static enum act_end act_trace(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? ACT_FAILED : ACT_GO_ON;
}

const struct act acts_of_life[] = {
    {"raise", act_raise}, {"default", act_default}, {"ignore", act_ignore}, {"block", act_block},
    {"exit", act_exit}, {"_exit", act_exit_now}, {"quick_exit", act_quick_exit}, {"abort", act_abort},
    {"wild", act_wild}, {"trap", act_trap}, {"overflow", act_overflow},
    {"loop", act_loop}, {"pause", act_pause}, {"sleep", act_sleep}, {"heed", act_heed},
    {"leak", act_leak}, {"scribble", act_scribble}, {"longjmp", act_longjmp}, {"pthread_exit", act_pthread_exit},
    {"atexit_hang", act_atexit_hang}, {"trace", act_trace},
    {NULL, NULL},
};
