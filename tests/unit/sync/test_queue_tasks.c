/* SPDX-License-Identifier: MIT
 *
 * Tasks of a queue: join waits for all of them, and tells of those whose holder has ended. And deaths at chosen places:
 * within the inner locks, which are taken here by the internal functions.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"
#include "unit/sync/related.h"

static struct hay_queue *new_queue(size_t max_items)
{
    struct hay_queue_options options = {max_items, 0};
    struct hay_queue *queue = hay_queue_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    return queue;
}

static enum hay_status put_char(struct hay_queue *queue, int timeout_ms)
{
    return hay_queue_put(queue, "t", 1, timeout_ms);
}

static enum hay_status get_char(struct hay_queue *queue, int timeout_ms)
{
    char c;
    return hay_queue_get(queue, &c, 1, NULL, timeout_ms);
}

static int work_until_the_end(void *arg)
{
    while (get_char(arg, -1) == HAY_OK)
        CHILD_CHECK(hay_queue_task_done(arg) == HAY_OK);
    return 0;
}

static void join_waits_for_ten_tasks_of_four_workers(void)
{
    struct hay_queue *queue = new_queue(100);
    pid_t workers[4];
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(put_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 20), HAY_ETIMEDOUT);
    for (int i = 0; i < 4; i++)
        workers[i] = related_start(work_until_the_end, queue);
    CU_ASSERT_EQUAL(hay_queue_join(queue, LONG_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    CU_ASSERT_EQUAL(put_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, LONG_MS), HAY_OK);
    hay_queue_close(queue);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(related_join(workers[i]), 0);
    hay_queue_free(queue);
}

static void a_task_is_not_done_before_it_is_taken(void)
{
    struct hay_queue *queue = new_queue(10);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    put_char(queue, 0);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    hay_queue_free(queue);
}

static int take_two_and_die(void *arg)
{
    CHILD_CHECK(get_char(arg, -1) == HAY_OK && get_char(arg, -1) == HAY_OK);
    CHILD_CHECK(hay_queue_lost(arg) == 0);
    return raise(SIGKILL);
}

static void join_tells_of_a_holder_that_died(void)
{
    struct hay_queue *queue = new_queue(10);
    for (int i = 0; i < 3; i++)
        put_char(queue, 0);
    CU_ASSERT_EQUAL(related_join(related_start(take_two_and_die, queue)), -SIGKILL);
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 2);
    CU_ASSERT_EQUAL(hay_queue_join(queue, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 0);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    hay_queue_free(queue);
}

static void a_zombie_that_nobody_has_reaped_is_dead(void)
{
    struct hay_queue *queue = new_queue(10);
    put_char(queue, 0);
    put_char(queue, 0);
    pid_t pid = related_start(take_two_and_die, queue);
    CU_ASSERT_EQUAL(hay_queue_join(queue, LONG_MS), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(related_join(pid), -SIGKILL);
    hay_queue_free(queue);
}

static int join_is_told(void *arg)
{
    CHILD_CHECK(hay_queue_join(arg, -1) == HAY_EOWNERDEAD);
    return 0;
}

static int take_one_and_wait(void *arg)
{
    CHILD_CHECK(get_char(arg, -1) == HAY_OK);
    while (pause() < 0)
        continue;
    return 0;
}

static void a_join_that_sleeps_is_told_too(void)
{
    struct hay_queue *queue = new_queue(10);
    pid_t holder = related_start(take_one_and_wait, queue);
    put_char(queue, 0);
    while (hay_queue_length(queue))
        related_nap();
    pid_t joiner = related_start(join_is_told, queue);
    CU_ASSERT(related_await_asleep(joiner));
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_ETIMEDOUT);
    related_kill(holder);
    CU_ASSERT_EQUAL(related_join(joiner), 0);
    hay_queue_free(queue);
}

static int finish_for_another(void *arg)
{
    CHILD_CHECK(hay_queue_task_done(arg) == HAY_OK);
    return 0;
}

static void a_task_may_be_done_by_another_process(void)
{
    struct hay_queue *queue = new_queue(10);
    put_char(queue, 0);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(related_start(finish_for_another, queue)), 0);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 0);
    hay_queue_free(queue);
}

static int take_one_and_free(void *arg)
{
    CHILD_CHECK(get_char(arg, -1) == HAY_OK);
    hay_queue_free(arg);
    while (pause() < 0)
        continue;
    return 0;
}

static void who_frees_the_queue_loses_its_tasks(void)
{
    struct hay_queue *queue = new_queue(10);
    put_char(queue, 0);
    pid_t pid = related_start(take_one_and_free, queue);
    CU_ASSERT_EQUAL(hay_queue_join(queue, LONG_MS), HAY_EOWNERDEAD);
    related_kill(pid);
    hay_queue_free(queue);
}

static struct { _Atomic int took, may_free, freed; } *steps;

static int take_one_and_free_when_told(void *arg)
{
    CHILD_CHECK(get_char(arg, LONG_MS) == HAY_OK);
    atomic_store(&steps->took, 1);
    CHILD_CHECK(related_await(&steps->may_free, 1));
    hay_queue_free(arg);
    atomic_store(&steps->freed, 1);
    while (pause() < 0)
        continue;
    return 0;
}

/* As by a process that is stopped in the middle of a get. */
static void who_frees_the_queue_while_it_is_locked_loses_its_tasks_too(void)
{
    struct hay_queue *queue = new_queue(10);
    steps = related_share(sizeof *steps);
    put_char(queue, 0);
    pid_t pid = related_start(take_one_and_free_when_told, queue);
    CU_ASSERT_TRUE(related_await(&steps->took, 1));
    CU_ASSERT_EQUAL(side_lock(&queue->shared->get, clock_deadline_ns(LONG_MS), 0), HAY_OK);
    atomic_store(&steps->may_free, 1);
    CU_ASSERT_TRUE(related_await(&steps->freed, 1));
    side_unlock(&queue->shared->get);
    CU_ASSERT_EQUAL(hay_queue_join(queue, LONG_MS), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 1);
    related_kill(pid);
    hay_queue_free(queue);
    munmap(steps, sizeof *steps);
}

static void a_table_without_room_takes_the_place_of_idle_processes(void)
{
    struct hay_queue *queue = new_queue(10);
    struct shared_queue *shared = queue->shared;
    /* Full of processes that do not exist: pid 1 with a start time that is not its own. */
    for (uint32_t i = 0; i < QUEUE_TASK_HOLDERS; i++) {
        atomic_store(&shared->holders[i].pid, 1);
        atomic_store(&shared->holders[i].start, i == 7 ? 0 : UINT64_MAX);
        atomic_store(&shared->holders[i].held, i == 7 ? 0 : 1);
    }
    atomic_store(&shared->holders_used, QUEUE_TASK_HOLDERS);
    put_char(queue, 0);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&shared->holders[7].pid), getpid());
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 0);
    atomic_store(&shared->holders[7].pid, 1);
    put_char(queue, 0);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&shared->holders[0].pid), getpid());
    CU_ASSERT_EQUAL(atomic_load(&shared->others.held), 0);
    hay_queue_free(queue);
}

static void who_has_no_place_in_a_full_table_is_not_called_lost(void)
{
    struct hay_queue *queue = new_queue(QUEUE_TASK_HOLDERS + 1);
    struct shared_queue *shared = queue->shared;
    /* Full of one that lives, and holds one task in each place. */
    for (uint32_t i = 0; i < QUEUE_TASK_HOLDERS; i++) {
        CU_ASSERT(put_char(queue, 0) == HAY_OK && get_char(queue, 0) == HAY_OK);
        atomic_store(&shared->holders[i].pid, getppid());
        atomic_store(&shared->holders[i].start, 0);
        atomic_store(&shared->holders[i].held, 1);
        atomic_store(&shared->holders_used, i + 1);
    }
    put_char(queue, 0);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&shared->holders[0].pid), getppid());
    CU_ASSERT_EQUAL(hay_queue_lost(queue), 0);
    /* All but that one are done. */
    for (uint32_t i = 0; i < QUEUE_TASK_HOLDERS; i++)
        atomic_store(&shared->holders[i].held, 0);
    atomic_store(&shared->done, QUEUE_TASK_HOLDERS);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&shared->others.held), 0);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    hay_queue_free(queue);
}

static int look_for_the_lost(void *arg)
{
    while (!hay_queue_closed(arg))
        CHILD_CHECK(hay_queue_lost(arg) == 0);
    return 0;
}

/* With the processes asked under the lock, it would hardly ever be free. */
static void a_look_at_many_holders_leaves_the_lock_to_others(void)
{
    struct hay_queue *queue = new_queue(QUEUE_TASK_HOLDERS);
    struct shared_queue *shared = queue->shared;
    struct life life = life_own();
    for (int i = 0; i < QUEUE_TASK_HOLDERS; i++)
        CU_ASSERT(put_char(queue, 0) == HAY_OK && get_char(queue, 0) == HAY_OK);
    for (uint32_t i = 0; i < QUEUE_TASK_HOLDERS; i++) {
        atomic_store(&shared->holders[i].pid, life.pid);
        atomic_store(&shared->holders[i].start, life.start);
        atomic_store(&shared->holders[i].held, 1);
    }
    atomic_store(&shared->holders_used, QUEUE_TASK_HOLDERS);
    pid_t looker = related_start(look_for_the_lost, queue);
    int busy = 0;
    for (int i = 0; i < 1000; i++, related_nap()) {
        bool is_free = pthread_mutex_trylock(&shared->get.lock) == 0;
        busy += !is_free;
        if (is_free)
            pthread_mutex_unlock(&shared->get.lock);
    }
    CU_ASSERT(busy < 500);
    hay_queue_close(queue);
    CU_ASSERT_EQUAL(related_join(looker), 0);
    hay_queue_free(queue);
}

static int die_with_the_lock(void *arg)
{
    CHILD_CHECK(side_lock(arg, 0, 0) == HAY_OK);
    return raise(SIGKILL);
}

static void death_within_put_or_get_leaves_the_queue_usable(void)
{
    struct hay_queue *queue = new_queue(2);
    for (int round = 0; round < 3; round++) {
        CU_ASSERT_EQUAL(related_join(related_start(die_with_the_lock, &queue->shared->put)), -SIGKILL);
        CU_ASSERT_EQUAL(put_char(queue, 0), HAY_OK);
        CU_ASSERT_EQUAL(put_char(queue, -1), HAY_OK);
        CU_ASSERT_EQUAL(put_char(queue, 0), HAY_EFULL);
        CU_ASSERT_EQUAL(related_join(related_start(die_with_the_lock, &queue->shared->get)), -SIGKILL);
        CU_ASSERT_EQUAL(get_char(queue, 0), HAY_OK);
        CU_ASSERT_EQUAL(get_char(queue, -1), HAY_OK);
        CU_ASSERT_EQUAL(get_char(queue, 0), HAY_EEMPTY);
    }
    CU_ASSERT_EQUAL(related_join(related_start(die_with_the_lock, &queue->shared->put)), -SIGKILL);
    CU_ASSERT_EQUAL(hay_queue_close(queue), HAY_OK);
    CU_ASSERT_EQUAL(get_char(queue, -1), HAY_EOF);
    hay_queue_free(queue);
}

static void death_before_the_last_step_of_a_put_leaves_the_item_out(void)
{
    struct hay_queue *queue = new_queue(2);
    /* All that a put does before: bytes in the ring, the announcement, and no step of the tail. */
    struct shared_queue *shared = queue->shared;
    ring_write(&shared->ring, queue_tail(shared), "half", 4);
    poll_announce(queue);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_EEMPTY);
    CU_ASSERT_EQUAL(put_char(queue, 0), HAY_OK);
    char c = 0;
    size_t size = 0;
    CU_ASSERT(hay_queue_get(queue, &c, 1, &size, 0) == HAY_OK && size == 1 && c == 't');
    hay_queue_free(queue);
}

static void a_stopped_holder_delays_others_by_their_timeouts_only(void)
{
    struct hay_queue *queue = new_queue(2);
    CU_ASSERT_EQUAL(side_lock(&queue->shared->put, 0, 0), HAY_OK);
    CU_ASSERT_EQUAL(side_lock(&queue->shared->get, 0, 0), HAY_OK);
    CU_ASSERT_EQUAL(put_char(queue, 0), HAY_EBUSY); /* the same thread: as from a signal handler */
    CU_ASSERT_EQUAL(get_char(queue, -1), HAY_EBUSY);
    pid_t pid = fork();
    if (pid == 0) {
        int64_t began_ns = clock_now_ns();
        CHILD_CHECK(put_char(queue, 0) == HAY_ETIMEDOUT);
        CHILD_CHECK(put_char(queue, 300) == HAY_ETIMEDOUT);
        CHILD_CHECK(get_char(queue, 300) == HAY_ETIMEDOUT);
        CHILD_CHECK(clock_now_ns() - began_ns >= 600 * NS_PER_MS);
        CHILD_CHECK(hay_queue_close(queue) == HAY_OK);
        CHILD_CHECK(hay_queue_closed(queue));
        _exit(0);
    }
    CU_ASSERT_EQUAL(related_join(pid), 0);
    side_unlock(&queue->shared->put);
    side_unlock(&queue->shared->get);
    CU_ASSERT_EQUAL(get_char(queue, 0), HAY_EOF);
    hay_queue_free(queue);
}

static int finish_one(void *arg)
{
    return (int)hay_queue_task_done(arg);
}

static void a_task_is_done_although_the_lock_is_kept_for_longer_than_the_grace(void)
{
    struct hay_queue *queue = new_queue(2);
    CU_ASSERT(put_char(queue, 0) == HAY_OK && get_char(queue, 0) == HAY_OK);
    CU_ASSERT_EQUAL(side_lock(&queue->shared->get, 0, 0), HAY_OK);
    pid_t pid = related_start(finish_one, queue);
    CU_ASSERT(related_await_asleep(pid));
    for (int64_t kept_until_ns = clock_now_ns() + 2 * QUEUE_LOCK_GRACE_NS; clock_now_ns() < kept_until_ns;)
        related_nap();
    side_unlock(&queue->shared->get);
    CU_ASSERT_EQUAL(related_join(pid), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    hay_queue_free(queue);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(join_waits_for_ten_tasks_of_four_workers),
        TEST(a_task_is_not_done_before_it_is_taken),
        TEST(join_tells_of_a_holder_that_died),
        TEST(a_zombie_that_nobody_has_reaped_is_dead),
        TEST(a_join_that_sleeps_is_told_too),
        TEST(a_task_may_be_done_by_another_process),
        TEST(who_frees_the_queue_loses_its_tasks),
        TEST(who_frees_the_queue_while_it_is_locked_loses_its_tasks_too),
        TEST(a_table_without_room_takes_the_place_of_idle_processes),
        TEST(who_has_no_place_in_a_full_table_is_not_called_lost),
        TEST(a_look_at_many_holders_leaves_the_lock_to_others),
        TEST(death_within_put_or_get_leaves_the_queue_usable),
        TEST(death_before_the_last_step_of_a_put_leaves_the_item_out),
        TEST(a_stopped_holder_delays_others_by_their_timeouts_only),
        TEST(a_task_is_done_although_the_lock_is_kept_for_longer_than_the_grace),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue tasks", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
