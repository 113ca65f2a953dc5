/* SPDX-License-Identifier: MIT
 *
 * The wheel of retry delays against a model: every job comes once, never early, at most two places late, in the order of numbers
 * within one look; what was taken out does not come.
 */
#include "master/delay.h"
#include "base/clock.h"
#include "support/tap.h"

#include <stdlib.h>

#define JOBS 4000
#define LATE_NS (INT64_C(2) << 21)

static struct delay wheel;
static struct job jobs[JOBS];
static bool is_there[JOBS];

static void put(int i, int64_t due_ns)
{
    jobs[i].due_ns = due_ns;
    is_there[i] = true;
    int64_t when_ns = delay_put(&wheel, &jobs[i]);
    CU_ASSERT(when_ns >= due_ns);
}

/* Take what is due, check it, and return when to come again. */
static int64_t look(int64_t now_ns)
{
    struct list due, *node;
    uint64_t last = 0;
    list_init(&due);
    int64_t next_ns = delay_take(&wheel, now_ns, &due);
    while ((node = list_pop_head(&due))) {
        struct job *job = LIST_ITEM(node, struct job, node);
        CU_ASSERT(job->due_ns <= now_ns && is_there[job - jobs] && job->number > last);
        last = job->number;
        is_there[job - jobs] = false;
    }
    for (int i = 0; i < JOBS; i++)
        CU_ASSERT(!is_there[i] || jobs[i].due_ns > now_ns - LATE_NS);
    CU_ASSERT(next_ns > now_ns);
    return next_ns;
}

static void begin(int64_t now_ns)
{
    delay_init(&wheel, now_ns);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.number = (uint64_t)i + 1};
        list_init(&jobs[i].node);
        is_there[i] = false;
    }
}

static void jobs_come_when_they_are_due(void)
{
    unsigned seed = 11;
    int64_t now_ns = INT64_C(123456789012345);
    begin(now_ns);
    CU_ASSERT_EQUAL(look(now_ns), TIME_NEVER);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < JOBS; i++) {
            int64_t most_ns = rand_r(&seed) % 8 ? 50 * NS_PER_MS : 40 * NS_PER_S;
            if (!is_there[i] && rand_r(&seed) % 16 == 0)
                put(i, now_ns + (int64_t)((double)rand_r(&seed) / RAND_MAX * (double)most_ns) - NS_PER_MS);
            else if (is_there[i] && rand_r(&seed) % 256 == 0)
                list_remove(&jobs[i].node), is_there[i] = false;
        }
        int64_t next_ns = look(now_ns);
        now_ns = rand_r(&seed) % 4 ? next_ns : now_ns + rand_r(&seed) % (3 * NS_PER_MS);
    }
}

/* All that is left comes by following the times alone, also after a standstill of many turns. */
static void none_is_forgotten(void)
{
    unsigned seed = 12;
    int64_t now_ns = 1, next_ns;
    begin(now_ns);
    for (int i = 0; i < JOBS; i++)
        put(i, now_ns + rand_r(&seed) % (30 * NS_PER_S));
    look(now_ns + 20 * NS_PER_S);
    for (now_ns += 20 * NS_PER_S; (next_ns = look(now_ns)) != TIME_NEVER; now_ns = next_ns)
        CU_ASSERT(next_ns - now_ns < 3 * NS_PER_S);
    for (int i = 0; i < JOBS; i++)
        CU_ASSERT(!is_there[i]);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"jobs come when they are due", jobs_come_when_they_are_due},
        {"none is forgotten", none_is_forgotten},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"delay", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
