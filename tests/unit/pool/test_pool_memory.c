/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out: the whole life of a pool is played again and again, each time with another allocation of the master
 * failing. Whatever fails, each accepted
 * job has one result, nothing crashes, and no process or descriptor is left. Workers are spared: they are other processes.
 */
#include "unit/plugin/failing_malloc.h"
#include "unit/pool/pool_fixture.h"

static struct fixture book;

static int fn_sparing(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    allocations_left = -1;
    return fn_echo(task, function, args, size);
}

/* Returns false when the time was up. */
static bool play(long fail_at)
{
    bool in_time = true;
    uint64_t accepted = 0;
    static char large[300000];
    struct hay_pool_options options = {.workers = 2, .context = &book, .on_result = book_result, .on_broken = book_broken};
    memset(large, '1', 300);
    memset(large + 300, ' ', sizeof large - 300);
    memset(book.book, 0, 64 * sizeof *book.book);
    book.results = book.broken = 0;
    allocations_left = fail_at;
    struct hay_pool *pool = hay_pool_new(&options, NULL);
    if (pool && !hay_pool_register(pool, "t.echo", "a", fn_sparing, NULL, NULL) && !hay_pool_start(pool, NULL)) {
        for (int i = 0; i < 20; i++)
            accepted += hay_pool_submit(pool, &(struct hay_job){.index = 0, .args = {large, i % 7 ? 3 : sizeof large},
                                                                .priority = i % 3}, 0, NULL, NULL) == HAY_OK;
        hay_pool_close(pool);
        in_time = hay_pool_join(pool, 10000) == HAY_OK;
        allocations_left = -1;
        CU_ASSERT_EQUAL(book.results, in_time ? accepted : book.results);
    }
    allocations_left = -1;
    hay_pool_free(pool);
    for (int i = 1; i <= 20; i++)
        CU_ASSERT(book.book[i].count <= 1);
    CU_ASSERT_EQUAL(book.results, accepted);
    CU_ASSERT(has_no_child());
    return in_time;
}

static void any_allocation_may_fail(void)
{
    int late = 0;
    board = NULL;
    book.book = calloc(BOOK_JOBS, sizeof *book.book);
    CU_ASSERT_PTR_NOT_NULL_FATAL(book.book);
    CU_ASSERT(play(-1));
    int before = count_fds();
    for (long fail_at = 0; fail_at < 60 && late < 2; fail_at++)
        if (!play(fail_at)) {
            printf("# allocation %ld: the join ran out of time\n", fail_at);
            late++;
        }
    CU_ASSERT_EQUAL(late, 0);
    CU_ASSERT_EQUAL(count_fds(), before);
    free(book.book);
}

int main(void)
{
    CU_TestInfo tests[] = {{"any allocation may fail", any_allocation_may_fail}, CU_TEST_INFO_NULL};
    CU_SuiteInfo suites[] = {{"pool memory", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
