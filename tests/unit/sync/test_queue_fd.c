/* SPDX-License-Identifier: MIT
 *
 * A queue's descriptor in event loops, and hay_wait(): readable while there is news, and never unreadable beside an item.
 */
#include "sync/sharedqueue.h"
#include "unit/sync/related.h"

#include <hayfork/process.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static struct hay_queue *new_queue(void)
{
    struct hay_queue_options options = {.max_items = 100};
    struct hay_queue *queue = hay_queue_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    return queue;
}

static enum hay_status put_char(struct hay_queue *queue)
{
    return hay_queue_put(queue, "p", 1, 0);
}

static enum hay_status get_char(struct hay_queue *queue)
{
    char c;
    return hay_queue_get(queue, &c, 1, NULL, 0);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, timeout_ms) == 1 && item.revents == POLLIN;
}

static void it_is_readable_while_items_are_in(void)
{
    struct hay_queue *queue = new_queue();
    int fd = hay_queue_fd(queue);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(hay_queue_fd(queue), fd);
    for (int round = 0; round < 3; round++) {
        CU_ASSERT(!is_readable(fd, 0));
        put_char(queue);
        CU_ASSERT(is_readable(fd, 0));
        put_char(queue);
        CU_ASSERT_EQUAL(get_char(queue), HAY_OK);
        CU_ASSERT(is_readable(fd, 0));
        CU_ASSERT_EQUAL(get_char(queue), HAY_OK);
        CU_ASSERT_EQUAL(get_char(queue), HAY_EEMPTY);
    }
    CU_ASSERT(!is_readable(fd, 0));
    hay_queue_close(queue);
    CU_ASSERT(is_readable(fd, 0));
    CU_ASSERT_EQUAL(get_char(queue), HAY_EOF);
    CU_ASSERT(is_readable(fd, 0));
    hay_queue_free(queue);
    CU_ASSERT(fcntl(fd, F_GETFD) < 0);
}

static void nobody_touches_it_until_it_is_asked_for(void)
{
    struct hay_queue *queue = new_queue();
    put_char(queue);
    CU_ASSERT(!is_readable(queue->handle.view.fd, 0));
    CU_ASSERT(is_readable(hay_queue_fd(queue), 0));
    hay_queue_free(queue);
    queue = new_queue();
    hay_queue_close(queue);
    CU_ASSERT(is_readable(hay_queue_fd(queue), 0));
    hay_queue_free(queue);
}

/* As in a daemon. */
static void it_is_none_of_the_standard_descriptors(void)
{
    int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDIN_FILENO);
    struct hay_queue *queue = new_queue();
    CU_ASSERT(hay_queue_fd(queue) > STDERR_FILENO);
    CU_ASSERT(fcntl(STDIN_FILENO, F_GETFD) < 0);
    hay_queue_free(queue);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

#define ASKED 20000

struct watch {
    struct hay_queue *queue;
    _Atomic int looks, is_asked;
};

static int always_see_an_item(void *arg)
{
    struct watch *watch = arg;
    while (!atomic_load(&watch->is_asked)) {
        CHILD_CHECK(is_readable(watch->queue->handle.view.fd, 0));
        atomic_fetch_add(&watch->looks, 1);
    }
    return 0;
}

static void it_stays_readable_while_others_ask_for_it(void)
{
    struct watch *watch = related_share(sizeof *watch);
    watch->queue = new_queue();
    put_char(watch->queue);
    CU_ASSERT(is_readable(hay_queue_fd(watch->queue), 0));
    pid_t pid = related_start(always_see_an_item, watch);
    CU_ASSERT(related_await(&watch->looks, 1));
    for (int i = 0; i < ASKED; i++)
        hay_queue_fd(watch->queue);
    atomic_store(&watch->is_asked, 1);
    CU_ASSERT_EQUAL(related_join(pid), 0);
    hay_queue_free(watch->queue);
    munmap(watch, sizeof *watch);
}

#define ITEMS 2000

static int put_many(void *arg)
{
    for (int i = 0; i < ITEMS; i++)
        CHILD_CHECK(hay_queue_put(arg, &i, sizeof i, -1) == HAY_OK);
    return 0;
}

static void an_event_loop_sees_every_item_of_its_children(void)
{
    struct hay_queue *queue = new_queue();
    int fd = hay_queue_fd(queue), count = 0, item;
    pid_t putters[2] = {related_start(put_many, queue), related_start(put_many, queue)};
    while (count < 2 * ITEMS && is_readable(fd, LONG_MS))
        count += hay_queue_get(queue, &item, sizeof item, NULL, 0) == HAY_OK;
    CU_ASSERT_EQUAL(count, 2 * ITEMS);
    CU_ASSERT_EQUAL(related_join(putters[0]), 0);
    CU_ASSERT_EQUAL(related_join(putters[1]), 0);
    CU_ASSERT_EQUAL(get_char(queue), HAY_EEMPTY);
    CU_ASSERT(!is_readable(fd, 0));
    hay_queue_free(queue);
}

struct loops {
    struct hay_queue *queue;
    _Atomic int count;
};

static int loop_until_the_end(void *arg)
{
    struct loops *loops = arg;
    int fd = hay_queue_fd(loops->queue), item;
    for (;;) {
        CHILD_CHECK(is_readable(fd, LONG_MS));
        enum hay_status status = hay_queue_get(loops->queue, &item, sizeof item, NULL, 0);
        if (status == HAY_EOF)
            return 0;
        CHILD_CHECK(status == HAY_OK || status == HAY_EEMPTY);
        atomic_fetch_add(&loops->count, status == HAY_OK);
    }
}

static void several_loops_share_the_items(void)
{
    struct loops *loops = related_share(sizeof *loops);
    loops->queue = new_queue();
    pid_t children[3];
    for (int i = 0; i < 3; i++)
        children[i] = related_start(loop_until_the_end, loops);
    put_many(loops->queue);
    hay_queue_close(loops->queue);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(related_join(children[i]), 0);
    CU_ASSERT_EQUAL(loops->count, ITEMS);
    hay_queue_free(loops->queue);
    munmap(loops, sizeof *loops);
}

static int put_one(void *arg)
{
    CHILD_CHECK(put_char(arg) == HAY_OK);
    return 0;
}

static void hay_wait_knows_queues(void)
{
    struct hay_queue *first = new_queue(), *second = new_queue();
    struct hay_handle *handles[] = {hay_queue_handle(first), hay_queue_handle(second)};
    bool ready[2] = {true, true};
    CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, 0, NULL), HAY_ETIMEDOUT);
    CU_ASSERT(!ready[0] && !ready[1]);
    pid_t child = related_start(put_one, second);
    CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, LONG_MS, NULL), HAY_OK);
    CU_ASSERT(!ready[0] && ready[1]);
    CU_ASSERT_EQUAL(related_join(child), 0);
    hay_queue_close(first);
    CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, 0, NULL), HAY_OK);
    CU_ASSERT(ready[0] && ready[1]);
    CU_ASSERT_EQUAL(get_char(second), HAY_OK);
    /* Its descriptor may be readable still; it is not ready all the same. */
    CU_ASSERT_EQUAL(hay_wait(&handles[1], 1, ready, 20, NULL), HAY_ETIMEDOUT);
    CU_ASSERT(!is_readable(handles[1]->fd, 0)); /* or every wait would be a busy one */
    hay_queue_free(first);
    hay_queue_free(second);
}

/* What a put does before its last step, and then no more. */
static int announce_and_die(void *arg)
{
    struct hay_queue *queue = arg;
    CHILD_CHECK(side_lock(&queue->shared->put, 0, 0) == HAY_OK);
    poll_announce(queue);
    return raise(SIGKILL);
}

static void a_put_that_died_wakes_for_nothing(void)
{
    struct hay_queue *queue = new_queue();
    int fd = hay_queue_fd(queue);
    CU_ASSERT_EQUAL(related_join(related_start(announce_and_die, queue)), -SIGKILL);
    CU_ASSERT(is_readable(fd, 0));
    CU_ASSERT_EQUAL(get_char(queue), HAY_EEMPTY);
    CU_ASSERT(!is_readable(fd, 0));
    put_char(queue);
    CU_ASSERT(is_readable(fd, 0));
    hay_queue_free(queue);
}

/* A program that closes what is not its own, and opens something else in its place. */
static int put_without_the_descriptor(void *arg)
{
    struct hay_queue *queue = arg;
    int ends[2];
    CHILD_CHECK(pipe2(ends, O_NONBLOCK) == 0);
    CHILD_CHECK(dup2(ends[1], queue->handle.view.fd) >= 0);
    errno = EAGAIN; /* as an earlier call of anybody may have left it */
    CHILD_CHECK(put_char(queue) == HAY_OK);
    CHILD_CHECK(!atomic_load(&queue->shared->is_signalled));
    CHILD_CHECK(!is_readable(ends[0], 0));
    CHILD_CHECK(hay_queue_fd(queue) == -1);
    CHILD_CHECK(get_char(queue) == HAY_OK);
    CHILD_CHECK(get_char(queue) == HAY_EEMPTY);
    int number = queue->handle.view.fd;
    hay_queue_free(queue);
    CHILD_CHECK(fcntl(number, F_GETFD) >= 0);
    return 0;
}

static void a_lost_descriptor_harms_no_other_file(void)
{
    struct hay_queue *queue = new_queue();
    CU_ASSERT(hay_queue_fd(queue) >= 0);
    CU_ASSERT_EQUAL(related_join(related_start(put_without_the_descriptor, queue)), 0);
    put_char(queue);
    CU_ASSERT(is_readable(hay_queue_fd(queue), 0));
    hay_queue_free(queue);
}

static void a_child_with_clean_descriptors_keeps_it(void)
{
    struct hay_queue *queue = new_queue();
    struct hay_process *child = hay_process_new(put_one, queue, NULL, NULL);
    int fd = hay_queue_fd(queue);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(child, NULL), HAY_OK);
    CU_ASSERT(is_readable(fd, LONG_MS));
    CU_ASSERT_EQUAL(get_char(queue), HAY_OK);
    struct hay_exit how;
    CU_ASSERT(hay_process_join(child, LONG_MS, &how, NULL) == HAY_OK && hay_exit_code(&how) == 0);
    CU_ASSERT_EQUAL(hay_process_free(child), HAY_OK);
    hay_queue_free(queue);
}

/* Of five: other processes may have the processor meanwhile. */
static int64_t shortest_look_ms(struct hay_queue *queue, struct hay_handle *handle)
{
    int64_t shortest_ms = LONG_MS;
    for (int i = 0; i < 5; i++) {
        int64_t began_ms = related_now_ms();
        CHILD_CHECK(hay_wait(&handle, 1, NULL, 0, NULL) == HAY_ETIMEDOUT);
        CHILD_CHECK(get_char(queue) == HAY_EEMPTY);
        int64_t took_ms = related_now_ms() - began_ms;
        shortest_ms = took_ms < shortest_ms ? took_ms : shortest_ms;
    }
    return shortest_ms;
}

static int look_at_once(void *arg)
{
    struct hay_queue *queue = arg;
    struct hay_handle *handle = &queue->handle.view;
    CHILD_CHECK(shortest_look_ms(queue, handle) < 50);
    poll_announce(queue); /* as the put does it before its last step */
    CHILD_CHECK(hay_wait(&handle, 1, NULL, 0, NULL) == HAY_ETIMEDOUT);
    CHILD_CHECK(is_readable(handle->fd, 0));
    return 0;
}

static void a_process_that_stands_still_in_a_put_keeps_no_look_waiting(void)
{
    struct hay_queue *queue = new_queue();
    CU_ASSERT(hay_queue_fd(queue) >= 0);
    CU_ASSERT_EQUAL(side_lock(&queue->shared->put, 0, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(related_start(look_at_once, queue)), 0);
    side_unlock(&queue->shared->put);
    CU_ASSERT_EQUAL(get_char(queue), HAY_EEMPTY);
    CU_ASSERT(!is_readable(hay_queue_fd(queue), 0));
    hay_queue_free(queue);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(it_is_readable_while_items_are_in),
        TEST(nobody_touches_it_until_it_is_asked_for),
        TEST(it_is_none_of_the_standard_descriptors),
        TEST(it_stays_readable_while_others_ask_for_it),
        TEST(an_event_loop_sees_every_item_of_its_children),
        TEST(several_loops_share_the_items),
        TEST(hay_wait_knows_queues),
        TEST(a_put_that_died_wakes_for_nothing),
        TEST(a_lost_descriptor_harms_no_other_file),
        TEST(a_child_with_clean_descriptors_keeps_it),
        TEST(a_process_that_stands_still_in_a_put_keeps_no_look_waiting),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue fd", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
