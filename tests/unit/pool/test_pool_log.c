/* SPDX-License-Identifier: MIT
 *
 * Who has printed a line that the pool hands up, or tells of a crash: never a job that has ended before it, nor one that began
 * behind it, however slowly lines are taken.
 */
#include "unit/pool/pool_fixture.h"

#define LINES 8000

static struct hay_pool *printing_pool;

/* Prints, and goes on until the board lets it go. */
static int fn_print_and_hold(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    printf("printed\n");
    fflush(stdout);
    return fn_hold(task, function, args, size);
}

/* Prints as many lines as fit into the pipe, and ends. */
static int fn_print_much(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    for (int i = 0; i < LINES; i++)
        printf("much\n");
    fflush(stdout);
    return give(task, "1");
}

/* Prints less than a line, which stdio holds. */
static int fn_print_half(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    printf("half ");
    return give(task, "1");
}

static int fn_print_and_die(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    printf("last words\n");
    return fn_die(task, function, args, size);
}

/* Prints when it is told to, and ends when it is told to. */
static int fn_print_later(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_fetch_add(&board->began, 1);
    while (atomic_load(&board->release) < 1)
        nap();
    printf("late\n");
    fflush(stdout);
    while (atomic_load(&board->release) < 2)
        nap();
    return give(task, "1");
}

/* A pool of one worker with all that prints. Crashes are not retried. */
static void start_printing(struct fixture *fixture, void (*on_log)(void *context, int worker, const char *line, size_t size))
{
    const struct {
        const char *name;
        hay_run_fn *run;
    } functions[] = {{"t.print_and_hold", fn_print_and_hold}, {"t.print_much", fn_print_much}, {"t.print_half", fn_print_half},
                     {"t.print_later", fn_print_later}, {"t.print_and_die", fn_print_and_die}};
    fixture_log = on_log;
    fixture_new(fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    fixture_log = NULL;
    printing_pool = fixture->pool;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, functions[i].name, "", functions[i].run, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture->pool, NULL), HAY_OK);
}

static uint64_t seen_job;

static void look_who_printed(void *context, int worker, const char *line, size_t size)
{
    struct hay_worker info;
    book_log(context, worker, line, size);
    seen_job = hay_pool_worker(printing_pool, worker, &info) ? info.job : 0;
}

/* What it prints may be read before its claim and the result of the job before. */
static void a_job_that_has_ended_is_not_told_to_run(void)
{
    for (int round = 0; round < 20; round++) {
        struct fixture fixture;
        start_printing(&fixture, look_who_printed);
        seen_job = 0;
        CU_ASSERT(workers_are_ready(&fixture, 1));
        uint64_t first = submit(&fixture, "t.sleep", "5");
        submit(&fixture, "t.print_and_hold", "1");
        while (!atomic_load(&board->began))
            hay_pool_turn(fixture.pool, 1);
        for (int64_t deadline_ns = clock_deadline_ns(2000); atomic_load(&board->began) < 2 && clock_now_ns() < deadline_ns;)
            nap(); /* meanwhile the pool does not read; a round in which the second was not sent yet shows nothing */
        atomic_store(&board->release, 1);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT_EQUAL(fixture.logs, 1);
        CU_ASSERT_NOT_EQUAL(seen_job, first);
        fixture_end(&fixture);
    }
}

static uint64_t printers[2]; /* of "much", and of "late" */
static int told, wrong;

static void tell_slowly(void *context, int worker, const char *line, size_t size)
{
    struct hay_worker info;
    book_log(context, worker, line, size);
    uint64_t printer = printers[size == 4 && memcmp(line, "late", 4) == 0];
    if (hay_pool_worker(printing_pool, worker, &info) && info.job && info.job_start_ns < info.log_read_ns) {
        told += info.job == printers[1];
        wrong += info.job != printer;
    }
    for (int64_t until_ns = clock_now_ns() + 20000; clock_now_ns() < until_ns;)
        continue;
}

static void turn_until_lines(struct fixture *fixture, uint64_t lines)
{
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); fixture->logs < lines && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture->pool, 1);
    CU_ASSERT_EQUAL(fixture->logs, lines);
}

/* One that prints so many whole lines, and then one that prints one, later. How often that one was told; -1: a line was put down
 * to a wrong one. */
static int print_after(struct fixture *fixture, const char *function, uint64_t lines)
{
    uint64_t before = fixture->logs;
    atomic_store(&board->began, 0);
    atomic_store(&board->release, 0);
    told = wrong = 0;
    printers[0] = submit(fixture, function, "1");
    printers[1] = submit(fixture, "t.print_later", "1");
    turn_until_lines(fixture, before + lines);
    CU_ASSERT(begins(fixture, 1));
    for (int i = 0; i < 20; i++)
        hay_pool_turn(fixture->pool, 1);
    CU_ASSERT(told == 0 && wrong == 0);
    atomic_store(&board->release, 1);
    turn_until_lines(fixture, before + lines + 1);
    atomic_store(&board->release, 2);
    CU_ASSERT(all_come(fixture));
    return wrong ? -1 : told;
}

/* Lines are taken so slowly that less and less of them is read at once. */
static void a_line_is_of_the_job_that_printed_it(void)
{
    struct fixture fixture;
    start_printing(&fixture, tell_slowly);
    for (int round = 0; round < 5; round++)
        CU_ASSERT_EQUAL(print_after(&fixture, "t.print_much", LINES), 1);
    fixture_end(&fixture);
}

static void a_line_that_another_job_began_is_of_neither(void)
{
    struct fixture fixture;
    start_printing(&fixture, tell_slowly);
    CU_ASSERT_EQUAL(print_after(&fixture, "t.print_half", 0), 0);
    CU_ASSERT_EQUAL(print_after(&fixture, "t.print_much", LINES), 1);
    fixture_end(&fixture);
}

static void the_last_line_that_a_job_printed_is_told_of_its_crash(void)
{
    struct fixture fixture;
    start_printing(&fixture, book_log);
    uint64_t number = submit(&fixture, "t.print_and_die", "6");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_PTR_NOT_NULL(strstr(entry_of(&fixture, number)->message, "; last line printed: last words"));
    CU_ASSERT_STRING_EQUAL(fixture.log, "last words");
    fixture_end(&fixture);
}

static void what_a_job_before_it_printed_is_not(void)
{
    struct fixture fixture;
    start_printing(&fixture, book_log);
    for (int round = 0; round < 2; round++) {
        submit(&fixture, round ? "t.print_half" : "t.print", "1");
        if (!round)
            turn_until_lines(&fixture, 1);
        CU_ASSERT(all_come(&fixture));
        for (int i = 0; round && i < 20; i++)
            hay_pool_turn(fixture.pool, 1); /* half a line is read, too */
        uint64_t number = submit(&fixture, "t.die", "6");
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
        CU_ASSERT_PTR_NULL(strstr(entry_of(&fixture, number)->message, "printed"));
    }
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a job that has ended is not told to run", a_job_that_has_ended_is_not_told_to_run},
        {"a line is of the job that printed it", a_line_is_of_the_job_that_printed_it},
        {"a line that another job began is of neither", a_line_that_another_job_began_is_of_neither},
        {"the last line that a job printed is told of its crash", the_last_line_that_a_job_printed_is_told_of_its_crash},
        {"what a job before it printed is not", what_a_job_before_it_printed_is_not},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool log", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
