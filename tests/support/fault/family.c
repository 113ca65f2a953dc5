/* SPDX-License-Identifier: MIT
 *
 * Acts that leave something behind: children, daemons, threads, timers, and changed surroundings.
 */
#include "fault.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void add_unread(int fd, void *sum)
{
    int bytes = 0;
    if (ioctl(fd, SIOCOUTQ, &bytes) == 0)
        *(long *)sum += bytes;
}

/* Kill the worker `delay_us` after more than `least` bytes of its result lie in the pipe. The master stands still meanwhile,
 * unless it is 0. */
static _Noreturn void kill_the_writer(long least, long delay_us, pid_t master)
{
    pid_t victim = getppid();
    int64_t give_up_us = now_us() + 20000000;
    for (long unread = 0; unread <= least && getppid() == victim && now_us() < give_up_us;) {
        if (master)
            kill(master, SIGSTOP); /* again and again: another one may have woken it */
        unread = 0;
        each_socket(add_unread, &unread);
    }
    for (int64_t at_us = now_us() + delay_us; now_us() < at_us;)
        ;
    if (getppid() == victim)
        kill(victim, SIGKILL);
    if (master)
        kill(master, SIGCONT);
    _exit(0);
}

static void daemonize(void)
{
    if (setsid() < 0 || fork() > 0)
        _exit(0);
    signal(SIGTERM, SIG_IGN);
}

static void note_socket(int fd, void *found)
{
    *(int *)found = fd;
}

/* A daemon that never ends to write: to what the worker prints to, or to its pipe. It kills the worker in the middle of that. */
static _Noreturn void flood(int fd, pid_t worker)
{
    static char bytes[4096];
    daemonize();
    memset(bytes, 'f', sizeof bytes);
    for (size_t done = 0; write(fd, bytes, sizeof bytes) > 0; done += sizeof bytes)
        if (done == 64 * sizeof bytes)
            kill(worker, SIGKILL);
    _exit(0);
}

/* fork flood 0 | 1: the pipe, or stdout.
 * fork hold | child | deaf | group | daemon | killer US | half | return | exit: the parent goes on at once. With `half` the
 * master stands still until the worker was killed in the middle of a result that is larger than the pipe. */
static enum act_end act_fork(hay_task *task, const char *const words[])
{
    pid_t master = getppid(), worker = getpid();
    bool is_half = strcmp(words[0], "half") == 0;
    if (is_half)
        kill(master, SIGSTOP);
    pid_t pid = fork();
    if (pid < 0) {
        if (is_half)
            kill(master, SIGCONT);
        task->host->fail(task, "no fork");
        return ACT_FAILED;
    }
    if (pid > 0)
        return ACT_GO_ON;
    if (strcmp(words[0], "return") == 0)
        return ACT_GO_ON; /* two processes go back into the host */
    if (strcmp(words[0], "exit") == 0)
        _exit(0);
    if (strcmp(words[0], "killer") == 0)
        kill_the_writer(0, word_number(words[1], 0), 0);
    if (is_half)
        kill_the_writer(65536, 1000, master);
    if (strcmp(words[0], "flood") == 0) {
        int fd = (int)word_number(words[1], 0);
        if (!fd)
            each_socket(note_socket, &fd);
        flood(fd, worker);
    }
    if (strcmp(words[0], "daemon") == 0)
        daemonize(); /* and waits */
    if (strcmp(words[0], "group") == 0)
        setpgid(0, 0);
    if (strcmp(words[0], "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    wait_for_ever();
}

/* end SIGNAL: a child that waits is sent it once, and has to end by it. */
static enum act_end act_end_child(hay_task *task, const char *const words[])
{
    int status = 0, number = (int)word_number(words[0], 0);
    pid_t got = 0, pid = fork();
    if (pid == 0)
        wait_for_ever();
    if (pid > 0)
        kill(pid, number);
    for (int64_t give_up_us = now_us() + 20000000; pid > 0 && !got && now_us() < give_up_us;) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        got = waitpid(pid, &status, WNOHANG);
    }
    if (pid > 0 && !got)
        kill(pid, SIGKILL);
    if (pid > 0 && got == pid && WIFSIGNALED(status) && WTERMSIG(status) == number)
        return ACT_GO_ON;
    task->host->fail(task, "the child did not end by it");
    return ACT_FAILED;
}

static void *thread_pause(void *arg)
{
    (void)arg;
    wait_for_ever();
}

static void *thread_crash(void *arg)
{
    struct timespec nap = {0, 5000000};
    (void)arg;
    nanosleep(&nap, NULL);
    kill(getpid(), SIGSEGV);
    return NULL;
}

static enum act_end act_thread(hay_task *task, const char *const words[])
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, strcmp(words[0], "crash") == 0 ? thread_crash : thread_pause, NULL)) {
        task->host->fail(task, "no thread");
        return ACT_FAILED;
    }
    pthread_detach(thread);
    return ACT_GO_ON;
}

/* close LOW HIGH */
static enum act_end act_close(hay_task *task, const char *const words[])
{
    long high = word_number(words[1], 4095);
    (void)task;
    for (long fd = word_number(words[0], 0); fd <= high; fd++)
        close((int)fd);
    return ACT_GO_ON;
}

/* Another socket, which takes whatever is sent, under the number of the pipe. */
static enum act_end act_over(hay_task *task, const char *const words[])
{
    int pipe = -1, pair[2];
    (void)task, (void)words;
    each_socket(note_socket, &pipe);
    return pipe >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && dup2(pair[0], pipe) == pipe ? ACT_GO_ON : ACT_FAILED;
}

static enum act_end act_nonblock(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    for (int fd = 0; fd < 3; fd++)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK | O_APPEND);
    return ACT_GO_ON;
}

static enum act_end act_move(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    umask(0777);
    return chdir("/proc/self") == 0 ? ACT_GO_ON : ACT_FAILED;
}

static void on_alarm(int number)
{
    (void)number;
}

/* A timer without SA_RESTART: from now on calls of this process are interrupted all the time. */
static enum act_end act_interrupt(hay_task *task, const char *const words[])
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval every = {{0, 500}, {0, 500}};
    (void)task, (void)words;
    sigaction(SIGALRM, &action, NULL);
    return setitimer(ITIMER_REAL, &every, NULL) == 0 ? ACT_GO_ON : ACT_FAILED;
}

static enum act_end act_rlimit(hay_task *task, const char *const words[])
{
    struct rlimit none = {0, 0};
    (void)task, (void)words;
    setrlimit(RLIMIT_NOFILE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    return ACT_GO_ON;
}

static enum act_end act_execve(hay_task *task, const char *const words[])
{
    char program[] = "sleep", seconds[] = "1000";
    char *arguments[] = {program, seconds, NULL};
    (void)task, (void)words;
    execvp(program, arguments);
    return ACT_FAILED;
}

const struct act acts_of_family[] = {
    {"fork", act_fork}, {"thread", act_thread}, {"close", act_close}, {"over", act_over}, {"nonblock", act_nonblock},
    {"move", act_move}, {"interrupt", act_interrupt}, {"rlimit", act_rlimit}, {"execve", act_execve},
    {"end", act_end_child},
    {NULL, NULL},
};
