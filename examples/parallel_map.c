/* SPDX-License-Identifier: MIT
 *
 * A parallel map with progress: the numbers from a lazy producer, their Collatz lengths in their order, and after each tenth how
 * far it is. Where no progress is wanted and all args are at hand, hay_pool_map() is shorter still.
 *
 *     cc parallel_map.c -o parallel_map $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/pool.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT 5000u

struct work {
    unsigned next;
    char text[24];      /* the args of the job that was just given */
    long lengths[COUNT + 1];
    unsigned done;
};

/* Runs in a worker: how many steps from a number to 1? */
static int measure(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[24];
    (void)function;
    snprintf(text, sizeof text, "%.*s", (int)size, (const char *)args);
    unsigned long long n = strtoull(text, NULL, 10);
    long steps = 0;
    for (; n > 1; steps++)
        n = n % 2 ? 3 * n + 1 : n / 2;
    int length = snprintf(text, sizeof text, "%ld", steps);
    return task->host->result(task, text, (size_t)length);
}

static bool give_next(void *context, struct hay_job *job)
{
    struct work *work = context;
    if (work->next == COUNT)
        return false;
    snprintf(work->text, sizeof work->text, "%u", ++work->next);
    job->args = hay_span_of(work->text);
    return true;
}

static bool take_result(void *context, uint64_t index, const struct hay_result *result)
{
    struct work *work = context;
    char text[24];
    if (result->outcome != HAY_OUTCOME_OK) {
        fprintf(stderr, "%.*s: %.*s\n", (int)result->args.size, result->args.at, (int)result->message.size, result->message.at);
        return false; /* stop: the rest is cancelled */
    }
    snprintf(text, sizeof text, "%.*s", (int)result->value.size, result->value.at);
    work->lengths[index + 1] = strtol(text, NULL, 10);
    if (++work->done % (COUNT / 10) == 0)
        printf("%3u %%\n", work->done / (COUNT / 100));
    return true;
}

int main(void)
{
    static struct work work;
    struct hay_error error = {0};
    struct hay_each each = {.context = &work, .next = give_next, .result = take_result, .function = "collatz.measure",
                            .ordered = true};
    struct hay_pool *pool = hay_pool_new(NULL, &error);
    bool good = pool && !hay_pool_register(pool, "collatz.measure", "Steps to 1", measure, NULL, &error) &&
                !hay_pool_start(pool, &error) && !hay_pool_each(pool, &each, -1, &error);
    unsigned longest = 1;
    for (unsigned i = 1; i <= COUNT; i++)
        if (work.lengths[i] > work.lengths[longest])
            longest = i;
    if (good)
        printf("Up to %u, %u takes the most steps: %ld.\n", COUNT, longest, work.lengths[longest]);
    else
        fprintf(stderr, "parallel_map: %s\n", error.text);
    hay_pool_free(pool);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
