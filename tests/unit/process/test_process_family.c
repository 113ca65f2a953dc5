/* SPDX-License-Identifier: MIT
 *
 * Parents and children over time: names, the parent's death, daemons, what exit() waits for, children of children.
 */
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct hay_process *start_with(int (*run)(void *), struct hay_pipe *end, const struct hay_process_options *options)
{
    struct hay_process *process = hay_process_new(run, end, options, NULL);
    if (!process || (end && hay_process_give(process, hay_pipe_handle(end), NULL)) || hay_process_start(process, NULL)) {
        hay_process_free(process);
        return NULL;
    }
    return process;
}

static int tell_name(void *arg)
{
    const char *name = hay_current_name();
    return hay_pipe_send(arg, name, strlen(name) + 1, LONG_MS, NULL) != HAY_OK;
}

static int tell_names(void *arg)
{
    struct hay_pipe *ours, *theirs;
    char name[64] = "";
    CHILD_CHECK(tell_name(arg) == 0);
    for (int i = 0; i < 2; i++) {
        CHILD_CHECK(hay_pipe_new(&ours, &theirs, NULL) == HAY_OK);
        struct hay_process *child = start_with(tell_name, theirs, NULL);
        CHILD_CHECK(child && hay_pipe_receive_into(ours, name, sizeof name, NULL, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(strcmp(name, hay_process_name(child)) == 0);
        CHILD_CHECK(hay_pipe_send(arg, name, strlen(name) + 1, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_join(child, LONG_MS, NULL, NULL) == HAY_OK && hay_process_free(child) == HAY_OK);
        hay_pipe_free(ours);
        hay_pipe_free(theirs);
    }
    return 0;
}

static void processes_have_names_and_children_names_of_their_own(void)
{
    struct hay_pipe *ours, *theirs;
    char name[64] = "", first[64], wanted[80];
    struct hay_process_options named = {.name = "Baker"};
    CU_ASSERT_STRING_EQUAL(hay_current_name(), "MainProcess");
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = start_with(tell_names, theirs, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    snprintf(first, sizeof first, "%s", hay_process_name(process));
    CU_ASSERT(strncmp(first, "Process-", 8) == 0);
    for (int i = 0; i < 3; i++) {
        snprintf(wanted, sizeof wanted, i ? "%s:%d" : "%s", first, i);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(ours, name, sizeof name, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_STRING_EQUAL(name, wanted);
    }
    CU_ASSERT_EQUAL(finish(process), 0);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
    process = hay_process_new(tell_name, NULL, &named, &error);
    CU_ASSERT_STRING_EQUAL(hay_process_name(process), "Baker");
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

static int watch_parent(void *arg)
{
    CHILD_CHECK(hay_parent_alive());
    struct hay_handle parent = hay_fd_handle(hay_parent_fd(NULL), 0);
    struct hay_handle *watched = &parent;
    CHILD_CHECK(parent.fd >= 0 && hay_parent_fd(NULL) == parent.fd);
    CHILD_CHECK(hay_wait(&watched, 1, NULL, 0, NULL) == HAY_ETIMEDOUT);
    CHILD_CHECK(hay_pipe_send(arg, "alive", 5, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(hay_wait(&watched, 1, NULL, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(!hay_parent_alive());
    return hay_pipe_send(arg, "not alive", 9, LONG_MS, NULL) != HAY_OK;
}

static int late_look(void *arg)
{
    while (hay_parent_alive())
        usleep(1000);
    struct hay_handle parent = hay_fd_handle(hay_parent_fd(NULL), 0);
    struct hay_handle *watched = &parent;
    return hay_pipe_send(arg, hay_wait(&watched, 1, NULL, 0, NULL) == HAY_OK ? "gone" : "here", 4, LONG_MS, NULL) != HAY_OK;
}

struct two { struct hay_pipe *first, *second; };

static int have_watcher(void *arg)
{
    struct two *ends = arg;
    CHILD_CHECK(start_with(late_look, ends->second, NULL) != NULL);
    CHILD_CHECK(start_with(watch_parent, ends->first, NULL) != NULL); /* last: its word tells that both were started */
    sleep_for_ever(NULL);
}

/* [6] */
static void a_child_sees_its_parents_death(void)
{
    struct hay_pipe *first, *second;
    struct two ends;
    char text[16] = "";
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&first, &ends.first, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&second, &ends.second, &error), HAY_OK);
    struct hay_process *process = hay_process_new(have_watcher, &ends, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(ends.first), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(ends.second), &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(first, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "alive");
    CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(first, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "not alive");
    memset(text, 0, sizeof text);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(second, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "gone");
    hay_pipe_free(first);
    hay_pipe_free(second);
    hay_pipe_free(ends.first);
    hay_pipe_free(ends.second);
}

static void who_was_not_started_has_no_parent(void)
{
    CU_ASSERT_EQUAL(hay_parent_fd(&error), -1);
    CU_ASSERT_EQUAL(error.status, HAY_ESTATE);
    CU_ASSERT(!hay_parent_alive());
}

static struct hay_pipe *tree_end;
static int tree_path, tree_depth;

/* Children inherit these by the fork: the path from the root in decimal digits, and how deep. */
static int grow(void *arg)
{
    (void)arg;
    CHILD_CHECK(hay_pipe_send(tree_end, &tree_path, sizeof tree_path, LONG_MS, NULL) == HAY_OK);
    if (tree_depth == 2)
        return 0;
    int path = tree_path;
    tree_depth++;
    for (int i = 1; i <= 2; i++) {
        struct hay_pipe *ours, *theirs;
        int report;
        tree_path = path * 10 + i;
        CHILD_CHECK(hay_pipe_new(&ours, &theirs, NULL) == HAY_OK);
        struct hay_pipe *up = tree_end;
        tree_end = theirs;
        struct hay_process *child = start_with(grow, theirs, NULL);
        tree_end = up;
        CHILD_CHECK(child != NULL);
        while (hay_pipe_receive_into(ours, &report, sizeof report, NULL, LONG_MS, NULL) == HAY_OK)
            CHILD_CHECK(hay_pipe_send(up, &report, sizeof report, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_join(child, LONG_MS, NULL, NULL) == HAY_OK && hay_process_free(child) == HAY_OK);
        hay_pipe_free(ours);
        hay_pipe_free(theirs);
    }
    return 0;
}

/* [7] */
static void children_have_children(void)
{
    static const int wanted[] = {1, 11, 111, 112, 12, 121, 122};
    struct hay_pipe *ours;
    int report;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &tree_end, &error), HAY_OK);
    tree_path = 1;
    tree_depth = 0;
    struct hay_process *root = start_with(grow, tree_end, NULL);
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(hay_pipe_receive_into(ours, &report, sizeof report, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(report, wanted[i]);
    }
    CU_ASSERT_EQUAL(hay_pipe_next(ours, NULL, NULL, LONG_MS, &error), HAY_EOF);
    CU_ASSERT_EQUAL(finish(root), 0);
    hay_pipe_free(ours);
    hay_pipe_free(tree_end);
}

/* A parent with two children, its end given: each child holds one of the parent's pipes, whose ends here tell when it is
 * gone. */
struct household {
    struct hay_pipe *here[2], *there[2];
    struct hay_process *parent;
};

static int open_household(struct household *house, int (*run)(void *))
{
    house->parent = hay_process_new(run, house, NULL, &error);
    for (int i = 0; i < 2; i++)
        if (hay_pipe_new(&house->here[i], &house->there[i], &error) ||
            hay_process_give(house->parent, hay_pipe_handle(house->there[i]), &error))
            return -1;
    return hay_process_start(house->parent, &error);
}

static void close_household(struct household *house)
{
    for (int i = 0; i < 2; i++) {
        hay_pipe_free(house->here[i]);
        hay_pipe_free(house->there[i]);
    }
}

static int say_and_sleep(void *arg)
{
    hay_pipe_send(arg, "here", 4, LONG_MS, NULL);
    sleep_for_ever(NULL);
}

static int with_daemons(void *arg)
{
    struct household *house = arg;
    struct hay_process_options daemon = {.daemon = true};
    CHILD_CHECK(start_with(say_and_sleep, house->there[0], &daemon) != NULL);
    CHILD_CHECK(start_with(say_and_sleep, house->there[1], &daemon) != NULL);
    return 0;
}

static int with_daemons_then_sleep(void *arg)
{
    with_daemons(arg);
    sleep_for_ever(NULL);
}

static void daemons_end_when_their_parent_exits(void)
{
    struct household house;
    CU_ASSERT_EQUAL_FATAL(open_household(&house, with_daemons), 0);
    CU_ASSERT_EQUAL(finish(house.parent), 0);
    for (int i = 0; i < 2; i++) {
        enum hay_status status = hay_pipe_next(house.here[i], NULL, NULL, LONG_MS, &error);
        if (status == HAY_OK) { /* it came to say so */
            char text[8];
            CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[i], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
            status = hay_pipe_next(house.here[i], NULL, NULL, LONG_MS, &error);
        }
        CU_ASSERT_EQUAL(status, HAY_EOF);
    }
    close_household(&house);
}

static void daemons_die_even_with_a_parent_that_is_killed(void)
{
    struct household house;
    char text[8];
    CU_ASSERT_EQUAL_FATAL(open_household(&house, with_daemons_then_sleep), 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[i], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_kill(house.parent, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(house.parent), -SIGKILL);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(hay_pipe_next(house.here[i], NULL, NULL, LONG_MS, &error), HAY_EOF);
    close_household(&house);
}

static int stubborn(void *arg)
{
    signal(SIGTERM, SIG_IGN);
    return say_and_sleep(arg);
}

static int with_stubborn_daemon(void *arg)
{
    struct household *house = arg;
    struct hay_process_options daemon = {.daemon = true};
    char text[8];
    CHILD_CHECK(start_with(stubborn, house->there[0], &daemon) != NULL);
    return hay_pipe_receive_into(house->there[1], text, sizeof text, NULL, LONG_MS, NULL) != HAY_OK;
}

static void a_daemon_that_ignores_sigterm_does_not_keep_its_parent(void)
{
    struct household house;
    char text[8];
    CU_ASSERT_EQUAL_FATAL(open_household(&house, with_stubborn_daemon), 0);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[0], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(house.here[1], "end", 3, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(house.parent), 0);
    CU_ASSERT_EQUAL(hay_pipe_next(house.here[0], NULL, NULL, LONG_MS, &error), HAY_EOF);
    close_household(&house);
}

/* It ends when its own child has, whose signal is its word. */
static int lead_a_group(void *arg)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        sleep_for_ever(NULL);
    signal(SIGTERM, SIG_IGN);
    hay_pipe_send(arg, "here", 4, LONG_MS, NULL);
    CHILD_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    int word = WTERMSIG(status);
    return hay_pipe_send(arg, &word, sizeof word, LONG_MS, NULL) != HAY_OK;
}

static int with_a_group_of_daemons(void *arg)
{
    struct household *house = arg;
    struct hay_process_options grouped = {.daemon = true, .own_group = true};
    char text[8];
    CHILD_CHECK(start_with(lead_a_group, house->there[0], &grouped) != NULL);
    return hay_pipe_receive_into(house->there[1], text, sizeof text, NULL, LONG_MS, NULL) != HAY_OK;
}

static void the_whole_group_of_a_daemon_is_asked_to_end(void)
{
    struct household house;
    char text[8];
    int word = 0;
    CU_ASSERT_EQUAL_FATAL(open_household(&house, with_a_group_of_daemons), 0);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[0], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(house.here[1], "end", 3, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(house.parent), 0);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[0], &word, sizeof word, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(word, SIGTERM);
    CU_ASSERT_EQUAL(hay_pipe_next(house.here[0], NULL, NULL, LONG_MS, &error), HAY_EOF);
    close_household(&house);
}

static int answer_later(void *arg)
{
    char byte;
    CHILD_CHECK(hay_pipe_send(arg, "here", 4, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(hay_pipe_receive_into(arg, &byte, 1, NULL, LONG_MS, NULL) == HAY_OK);
    return hay_pipe_send(arg, "still here", 10, LONG_MS, NULL) != HAY_OK;
}

/* A daemon with two children, of which the first is a daemon too. */
static int head_a_family(void *arg)
{
    struct household *house = arg;
    struct hay_process_options daemon = {.daemon = true};
    CHILD_CHECK(start_with(say_and_sleep, house->there[0], &daemon) != NULL);
    CHILD_CHECK(start_with(answer_later, house->there[1], NULL) != NULL);
    sleep_for_ever(NULL);
}

static int with_a_daemon_that_has_children(void *arg)
{
    struct household *house = arg;
    struct hay_process_options options = {.daemon = true};
    struct hay_process *daemon = hay_process_new(head_a_family, house, &options, NULL);
    for (int i = 0; i < 2; i++)
        CHILD_CHECK(hay_process_give(daemon, hay_pipe_handle(house->there[i]), NULL) == HAY_OK);
    CHILD_CHECK(hay_process_start(daemon, NULL) == HAY_OK);
    sleep_for_ever(NULL);
}

/* [7]: and the family is not joined when a signal ends it. */
static void a_daemon_may_have_children(void)
{
    struct household house;
    char text[16];
    CU_ASSERT_EQUAL_FATAL(open_household(&house, with_a_daemon_that_has_children), 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[i], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_kill(house.parent, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(house.parent), -SIGKILL);
    CU_ASSERT_EQUAL(hay_pipe_next(house.here[0], NULL, NULL, LONG_MS, &error), HAY_EOF);
    CU_ASSERT_EQUAL(hay_pipe_send(house.here[1], "?", 1, LONG_MS, &error), HAY_OK);
    memset(text, 0, sizeof text);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[1], text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "still here");
    CU_ASSERT_EQUAL(hay_pipe_next(house.here[1], NULL, NULL, LONG_MS, &error), HAY_EOF);
    close_household(&house);
}

static struct hay_pipe *inner_end;

/* Reads from its parent until the end of that stream, which the parent never closes, and then says so. */
static int read_to_the_end(void *arg)
{
    char text[8];
    enum hay_status status;
    while ((status = hay_pipe_receive_into(inner_end, text, sizeof text, NULL, LONG_MS, NULL)) == HAY_OK)
        ;
    CHILD_CHECK(status == HAY_EOF);
    return hay_pipe_send(arg, "done", 4, LONG_MS, NULL) != HAY_OK;
}

static int leave_a_reader(void *arg)
{
    struct household *house = arg;
    struct hay_pipe *ours;
    CHILD_CHECK(hay_pipe_new(&ours, &inner_end, NULL) == HAY_OK);
    struct hay_process *child = hay_process_new(read_to_the_end, house->there[0], NULL, NULL);
    CHILD_CHECK(hay_process_give(child, hay_pipe_handle(house->there[0]), NULL) == HAY_OK);
    CHILD_CHECK(hay_process_give(child, hay_pipe_handle(inner_end), NULL) == HAY_OK);
    CHILD_CHECK(hay_process_start(child, NULL) == HAY_OK);
    CHILD_CHECK(hay_pipe_send(ours, "one", 3, LONG_MS, NULL) == HAY_OK);
    return 0; /* neither closes nor joins */
}

static void exit_joins_children_and_ends_the_streams_that_they_wait_for(void)
{
    struct household house;
    char text[8] = "";
    CU_ASSERT_EQUAL_FATAL(open_household(&house, leave_a_reader), 0);
    CU_ASSERT_EQUAL(finish(house.parent), 0);
    /* Joined: its word is there now, no wait needed. */
    CU_ASSERT_EQUAL(hay_pipe_receive_into(house.here[0], text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "done");
    CU_ASSERT_EQUAL(hay_pipe_next(house.here[0], NULL, NULL, 0, &error), HAY_EOF);
    close_household(&house);
}

/* A fork that is not ours inherits the exit hook, and must not touch what is its parent's. */
static void a_foreign_fork_ends_nothing_of_its_parents(void)
{
    struct hay_pipe *ours, *theirs;
    char text[8];
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = start_with(say_and_sleep, theirs, NULL);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(ours, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(strcmp(hay_current_name(), "MainProcess") == 0 && hay_active_children(NULL, 0) == 0 ? 0 : 1);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_pipe_send(ours, "x", 1, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int hook_pipe[2] = {-1, -1};

static int work_and_say_so(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){0, 50000000}, NULL); /* its work */
    return write(hook_pipe[1], "done", 4) != 4;
}

/* Registered before the first child is started, so it runs after the hook that joins children. */
static void start_late(void)
{
    if (hook_pipe[1] < 0)
        return;
    struct hay_handle handle = hay_fd_handle(hook_pipe[1], 0);
    struct hay_process *process = hay_process_new(work_and_say_so, NULL, NULL, NULL);
    hay_process_give(process, &handle, NULL);
    hay_process_start(process, NULL);
}

static void a_child_that_an_exit_hook_starts_is_joined_too(void)
{
    char text[8] = "";
    CU_ASSERT_EQUAL_FATAL(pipe2(hook_pipe, O_CLOEXEC | O_NONBLOCK), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(finish(start_with(do_nothing, NULL, NULL)));
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(read(hook_pipe[0], text, sizeof text), 4); /* now, no wait needed */
    CU_ASSERT_STRING_EQUAL(text, "done");
    close(hook_pipe[0]);
    close(hook_pipe[1]);
    hook_pipe[0] = hook_pipe[1] = -1;
}

static int be_seven(void *arg)
{
    (void)arg;
    struct pollfd parent = {hay_parent_fd(NULL), POLLIN, 0};
    return hay_parent_alive() && parent.fd >= 0 && poll(&parent, 1, 0) == 0 ? 7 : 8;
}

/* A parent outside of the namespace has the number 0 there, which is not that of another one. */
static void a_child_begins_in_a_pid_namespace_of_its_own(void)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWPID : CLONE_NEWPID) ?
                  77 : finish(start_with(be_seven, NULL, &(struct hay_process_options){.daemon = true})));
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status) && (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 77)); /* 77: none can be had here */
}

static void active_children_are_listed_in_order_of_start(void)
{
    struct hay_process *started[3], *listed[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3; i++)
        started[i] = start_with(sleep_for_ever, NULL, NULL);
    CU_ASSERT_EQUAL(hay_active_children(listed, 2), 3);
    CU_ASSERT(listed[0] == started[0] && listed[1] == started[1] && !listed[2]);
    CU_ASSERT_EQUAL(hay_process_terminate(started[1], 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_active_children(listed, 3), 2);
    CU_ASSERT(listed[0] == started[0] && listed[1] == started[2]);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hay_process_terminate(started[i], 0, &error), HAY_OK);
        CU_ASSERT_EQUAL(finish(started[i]), -SIGKILL);
    }
}

int main(void)
{
    atexit(start_late);
    CU_TestInfo tests[] = {
        {"processes have names, and children names of their own", processes_have_names_and_children_names_of_their_own},
        {"a child sees its parent's death", a_child_sees_its_parents_death},
        {"who was not started has no parent", who_was_not_started_has_no_parent},
        {"children have children", children_have_children},
        {"daemons end when their parent exits", daemons_end_when_their_parent_exits},
        {"daemons die even with a parent that is killed", daemons_die_even_with_a_parent_that_is_killed},
        {"a daemon that ignores SIGTERM does not keep its parent", a_daemon_that_ignores_sigterm_does_not_keep_its_parent},
        {"the whole group of a daemon is asked to end", the_whole_group_of_a_daemon_is_asked_to_end},
        {"a daemon may have children", a_daemon_may_have_children},
        {"exit joins children and ends the streams that they wait for",
         exit_joins_children_and_ends_the_streams_that_they_wait_for},
        {"a foreign fork ends nothing of its parent's", a_foreign_fork_ends_nothing_of_its_parents},
        {"a child that an exit hook starts is joined too", a_child_that_an_exit_hook_starts_is_joined_too},
        {"a child begins in a PID namespace of its own", a_child_begins_in_a_pid_namespace_of_its_own},
        {"active children are listed in order of start", active_children_are_listed_in_order_of_start},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process_family", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
