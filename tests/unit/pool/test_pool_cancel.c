/* SPDX-License-Identifier: MIT
 *
 * A cancelled job never begins again, also when its failure was already on its way as it was cancelled: it ends as it would have
 * while it waited for the retry. And by which signal running jobs are asked. The master is kept from reading what the worker has
 * done by not turning its loop.
 */
#include "unit/pool/pool_fixture.h"

#include <locale.h>

static _Atomic int *came; /* the signal that reached `s.listen`; shared with the workers */

/* Fast jobs first, so that the worker is sent more than one at a time. */
static void warm_up(struct fixture *fixture)
{
    for (int i = 0; i < 200; i++)
        submit(fixture, "t.echo", "1");
    CU_ASSERT(all_come(fixture));
}

/* Where there is one. */
static void set_a_locale_with_commas(void)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        setlocale(LC_NUMERIC, "fr_FR.UTF-8");
}

static void what_a_job_still_returns_comes_with_its_timeout(void)
{
    struct fixture fixture;
    set_a_locale_with_commas(); /* which a program may */
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, &(struct hay_pool_options){.workers = i ? 1 : HAY_POOL_INLINE});
        uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.polite", .timeout_ms = 50});
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_TIMEOUT));
        const struct entry *entry = entry_of(&fixture, number);
        CU_ASSERT(entry && entry->value_size == strlen("\"stopped\"") && !memcmp(entry->value, "\"stopped\"", entry->value_size));
        CU_ASSERT(entry && strstr(entry->message, "timed out after 0.05 s") != NULL);
        fixture_end(&fixture);
    }
    setlocale(LC_NUMERIC, "C");
}

/* A program whose callback cancels, as one does that is to fail fast; or submits another job in place of a cancelled one. */
static struct {
    struct hay_pool *pool;
    char what; /* 't'erminate, cancel 'a'll, 'r'eplace */
    int ended[2][HAY_OUTCOME_COUNT];
} fast;

static void on_fast_result(void *context, const struct hay_result *result)
{
    (void)context;
    fast.ended[result->tag][result->outcome]++;
    if (result->outcome == HAY_OUTCOME_OK)
        return;
    if (fast.what == 't')
        hay_pool_terminate(fast.pool, 1000);
    else if (fast.what == 'a')
        hay_pool_cancel_all(fast.pool, true);
    else
        hay_pool_submit(fast.pool, &(struct hay_job){.function = "t.echo", .args = {"1", 1}, .tag = 1}, 0, NULL, NULL);
}

/* `sent`: many of the jobs are with the worker already. */
static void fail_fast(char what, uint64_t jobs, bool sent)
{
    struct hay_error error = {0};
    memset(&fast, 0, sizeof fast);
    fast.what = 'n';
    fast.pool = hay_pool_new(&(struct hay_pool_options){.workers = 1, .max_jobs = jobs + 3000, .on_result = on_fast_result},
                             &error);
    CU_ASSERT_EQUAL(hay_pool_register(fast.pool, "t.echo", "", fn_echo, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fast.pool, "t.sleep", "", fn_sleep, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fast.pool, NULL), HAY_OK);
    for (int i = 0; sent && i < 3000; i++)
        hay_pool_submit(fast.pool, &(struct hay_job){.function = "t.echo", .args = {"1", 1}}, LIMIT_MS, NULL, NULL);
    while (sent && fast.ended[0][HAY_OUTCOME_OK] < 3000 && hay_pool_turn(fast.pool, LIMIT_MS) == HAY_OK)
        ;
    for (uint64_t i = 0; i < jobs; i++)
        hay_pool_submit(fast.pool, &(struct hay_job){.function = sent ? "t.sleep" : "t.echo", .args = {"200", 3}}, 0, NULL, NULL);
    if (sent)
        hay_pool_turn(fast.pool, 0);
    fast.what = what;
    if (what == 't')
        hay_pool_terminate(fast.pool, 1000);
    else
        hay_pool_cancel_all(fast.pool, true);
    hay_pool_close(fast.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fast.pool, LIMIT_MS), HAY_OK);
    hay_pool_free(fast.pool);
}

static void a_callback_may_end_the_pool_while_jobs_are_taken_back(void)
{
    fail_fast('t', 100, true);
    CU_ASSERT_EQUAL(fast.ended[0][HAY_OUTCOME_CANCELLED] + fast.ended[0][HAY_OUTCOME_OK], 3100);
    fail_fast('a', 100, true);
    CU_ASSERT_EQUAL(fast.ended[0][HAY_OUTCOME_CANCELLED] + fast.ended[0][HAY_OUTCOME_OK], 3100);
}

static void each_of_many_may_cancel_all(void)
{
    fail_fast('t', 100000, false);
    CU_ASSERT_EQUAL(fast.ended[0][HAY_OUTCOME_CANCELLED], 100000);
    fail_fast('a', 100000, false);
    CU_ASSERT_EQUAL(fast.ended[0][HAY_OUTCOME_CANCELLED], 100000);
}

static void what_is_submitted_meanwhile_is_not_meant(void)
{
    fail_fast('r', 200, false);
    CU_ASSERT_EQUAL(fast.ended[0][HAY_OUTCOME_CANCELLED], 200);
    CU_ASSERT_EQUAL(fast.ended[1][HAY_OUTCOME_OK], 200);
}

/* A job that has failed and one that runs behind it, neither of which the master knows of yet: the first one's number. */
static uint64_t fail_unread(struct fixture *fixture, int64_t retries)
{
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    warm_up(fixture);
    uint64_t failed = submit_job(fixture, (struct hay_job){.function = "t.fail_before", .args = {"99", 2}, .retries = retries});
    submit(fixture, "t.hold", "1");
    hay_pool_turn(fixture->pool, 0);
    while (!atomic_load(&board->began) && clock_now_ns() < deadline_ns)
        nap();
    CU_ASSERT_EQUAL(atomic_load(&board->began), 1);
    return failed;
}

static void check_failure_on_its_way(bool all, int64_t retries, enum hay_outcome outcome)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retry_delay_ms = 1});
    uint64_t failed = fail_unread(&fixture, retries);
    if (all)
        hay_pool_cancel_all(fixture.pool, true);
    else
        CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, failed, NULL), HAY_OK);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, failed, outcome));
    CU_ASSERT_EQUAL(entry_of(&fixture, failed)->attempts, 1);
    fixture_end(&fixture);
}

static void a_failure_on_its_way_is_cancelled_with_its_retry(void)
{
    check_failure_on_its_way(false, 5, HAY_OUTCOME_CANCELLED);
    check_failure_on_its_way(true, 5, HAY_OUTCOME_CANCELLED);
}

static void without_a_retry_it_stands(void)
{
    check_failure_on_its_way(false, HAY_JOB_NO_RETRY, HAY_OUTCOME_ERROR);
    check_failure_on_its_way(true, HAY_JOB_NO_RETRY, HAY_OUTCOME_ERROR);
}

/* With 1 its first attempt crashes. An error as long as that is not the end, and then the number of the attempt. */
static int fn_fail_while_retried(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[16];
    (void)function;
    if (number_of(args, size) && task->attempt == 1)
        raise(SIGKILL);
    if (task->host->retried(task))
        return task->host->fail(task, "not yet");
    snprintf(text, sizeof text, "%u", task->attempt);
    return give(task, text);
}

static bool ends_at(int workers, int64_t retries, const char *crashes, const char *attempts)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = workers, .retries = 2, .crash_retries = 1, .retry_delay_ms = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.fail_while_retried", "", fn_fail_while_retried, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t job = submit_job(&fixture, (struct hay_job){.function = "t.fail_while_retried", .args = {crashes, 1},
                                                         .retries = retries});
    bool is_ok = all_come(&fixture) && ended_as(&fixture, job, HAY_OUTCOME_OK);
    bool is_same = !strcmp(entry_of(&fixture, job)->value, attempts);
    fixture_end(&fixture);
    return is_ok && is_same;
}

static void a_job_hears_whether_its_error_is_the_end(void)
{
    CU_ASSERT(ends_at(1, 0, "0", "3"));
    CU_ASSERT(ends_at(1, 1, "0", "2"));
    CU_ASSERT(ends_at(1, HAY_JOB_NO_RETRY, "0", "1"));
    CU_ASSERT(ends_at(1, 0, "1", "4")); /* a crash uses none of them up */
    CU_ASSERT(ends_at(HAY_POOL_INLINE, 0, "0", "3"));
    CU_ASSERT(ends_at(HAY_POOL_INLINE, HAY_JOB_NO_RETRY, "0", "1"));
}

/* Dies when the board lets it go. */
static int fn_die_later(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    fn_hold(task, function, args, size);
    raise(SIGKILL);
    return -1;
}

/* The job's worker has died, and the master has not heard of it. After some `turns` in silence it looks so seldom that no look is
 * due as the worker dies: then the loop, which takes the newest event first, has it ask before it hears of the death. */
static void check_crashed_once(int turns, bool all, int retries)
{
    struct fixture fixture;
    siginfo_t info;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = retries});
    hay_pool_register(fixture.pool, "s.die_later", "a test's", fn_die_later, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t died = submit(&fixture, "s.die_later", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int i = 0; i < turns; i++)
        hay_pool_turn(fixture.pool, 32);
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    if (all)
        hay_pool_cancel_all(fixture.pool, true);
    else
        CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, died, NULL), HAY_OK);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, died, retries > 0 ? HAY_OUTCOME_CANCELLED : HAY_OUTCOME_CRASH));
    CU_ASSERT_EQUAL(entry_of(&fixture, died)->attempts, 1);
    CU_ASSERT_EQUAL(entry_of(&fixture, died)->signal, retries > 0 ? 0 : SIGKILL);
    fixture_end(&fixture);
}

static void a_crash_on_its_way_is_not_retried(void)
{
    check_crashed_once(0, false, 5);
    check_crashed_once(0, true, 5);
}

static void nor_is_it_taken_for_our_doing(void)
{
    for (int turns = 0; turns <= 8; turns += 8) {
        check_crashed_once(turns, false, HAY_POOL_NO_CRASH_RETRY);
        check_crashed_once(turns, true, HAY_POOL_NO_CRASH_RETRY);
    }
}

/* When the master hears of it the job's time is up as well; not by so much that it is forgiven for that. */
static void nor_for_a_timeout(void)
{
    struct fixture fixture;
    siginfo_t info;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    hay_pool_register(fixture.pool, "s.die_later", "a test's", fn_die_later, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    int64_t due_ns = clock_now_ns() + 1000 * NS_PER_MS;
    uint64_t died = submit_job(&fixture, (struct hay_job){.function = "s.die_later", .timeout_ms = 1000});
    CU_ASSERT(begins(&fixture, 1));
    while (clock_now_ns() < due_ns - 150 * NS_PER_MS)
        hay_pool_turn(fixture.pool, 10);
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    bool in_time = clock_now_ns() < due_ns; /* unless the machine is slow */
    while (clock_now_ns() < due_ns + 30 * NS_PER_MS)
        nap();
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(!in_time || ended_as(&fixture, died, HAY_OUTCOME_CRASH));
    fixture_end(&fixture);
}

/* ---- the signal ---- */

static void on_signal(int signal_number)
{
    atomic_store(came, signal_number);
}

static int fn_listen(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    struct sigaction action = {.sa_handler = on_signal}, term, interrupt;
    atomic_store(came, 0);
    sigaction(SIGTERM, &action, &term);
    sigaction(SIGINT, &action, &interrupt);
    atomic_fetch_add(&board->began, 1);
    while (!atomic_load(came))
        nap();
    sigaction(SIGTERM, &term, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    return give(task, "0");
}

static void running_jobs_are_asked_by_the_signal_that_was_chosen(void)
{
    static const int signals[] = {0, SIGINT, SIGTERM}; /* 0: none was chosen */
    struct fixture fixture;
    came = mmap(NULL, sizeof *came, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    hay_pool_register(fixture.pool, "s.listen", "a test's", fn_listen, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t number = submit(&fixture, "s.listen", "1");
        CU_ASSERT(begins(&fixture, i + 1));
        if (signals[i])
            CU_ASSERT_EQUAL(hay_pool_cancel_signal(fixture.pool, signals[i], NULL), HAY_OK);
        hay_pool_cancel_all(fixture.pool, true);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT_EQUAL(atomic_load(came), signals[i] ? signals[i] : SIGTERM);
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
    }
    CU_ASSERT_EQUAL(entry_of(&fixture, 1)->pid, entry_of(&fixture, 3)->pid);
    fixture_end(&fixture);
}

static void no_other_signal_is_taken(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_cancel_signal(NULL, SIGINT, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_cancel_signal(fixture.pool, SIGINT, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_cancel_signal(fixture.pool, SIGKILL, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_cancel_signal(fixture.pool, 0, &error), HAY_EINVAL);
    CU_ASSERT(error.text[0]);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE});
    CU_ASSERT_EQUAL(hay_pool_cancel_signal(fixture.pool, SIGINT, &error), HAY_ESTATE);
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo retries[] = {
        {"a failure on its way is cancelled with its retry", a_failure_on_its_way_is_cancelled_with_its_retry},
        {"without a retry it stands", without_a_retry_it_stands},
        {"a job hears whether its error is the end", a_job_hears_whether_its_error_is_the_end},
        {"a crash on its way is not retried", a_crash_on_its_way_is_not_retried},
        {"a callback may end the pool while jobs are taken back", a_callback_may_end_the_pool_while_jobs_are_taken_back},
        {"each of many may cancel all", each_of_many_may_cancel_all},
        {"what is submitted meanwhile is not meant", what_is_submitted_meanwhile_is_not_meant},
        {"nor is it taken for our doing", nor_is_it_taken_for_our_doing},
        {"nor for a timeout", nor_for_a_timeout},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo signals[] = {
        {"what a job still returns comes with its timeout", what_a_job_still_returns_comes_with_its_timeout},
        {"running jobs are asked by the signal that was chosen", running_jobs_are_asked_by_the_signal_that_was_chosen},
        {"no other signal is taken", no_other_signal_is_taken},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool cancel and retry", NULL, NULL, NULL, NULL, retries},
                             {"pool cancel signal", NULL, NULL, NULL, NULL, signals},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
