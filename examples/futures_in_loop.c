/* SPDX-License-Identifier: MIT
 *
 * A pool in the program's own libev loop: the loop stays free for everything else, here a clock that ticks, while workers count
 * primes. Each result arrives in a callback and stays in its future.
 *
 *     cc futures_in_loop.c -o futures_in_loop $(pkg-config --cflags --libs hayfork) -lev
 */
#include <ev.h>
#include <hayfork/pool.h>

#include <stdio.h>
#include <stdlib.h>

#define JOBS 4

static struct hay_future *futures[JOBS];
static int ticks, pending = JOBS;

/* Runs in a worker: how many primes are there below the number in `args`? */
static int count_primes(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[24];
    (void)function;
    snprintf(text, sizeof text, "%.*s", (int)size, (const char *)args);
    long limit = strtol(text, NULL, 10), count = 0;
    for (long n = 2; n < limit; n++) {
        long divisor = 2;
        while (divisor * divisor <= n && n % divisor)
            divisor++;
        count += divisor * divisor > n;
    }
    int length = snprintf(text, sizeof text, "%ld", count);
    return task->host->result(task, text, (size_t)length);
}

static void on_done(void *context, const struct hay_result *result)
{
    struct ev_loop *loop = context;
    (void)result;
    if (--pending == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
    ticks++;
}

int main(void)
{
    ev_timer clock;
    int failed = 0;
    struct hay_error error = {0};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct hay_pool_options options = {.workers = 2, .loop = loop};
    struct hay_pool *pool = loop ? hay_pool_new(&options, &error) : NULL;
    bool good = pool && !hay_pool_register(pool, "math.primes", "Primes below a number", count_primes, NULL, &error) &&
                !hay_pool_start(pool, &error);
    for (int i = 0; good && i < JOBS; i++) {
        char args[24];
        snprintf(args, sizeof args, "%d", (i + 1) * 100000);
        struct hay_job job = {.function = "math.primes", .args = hay_span_of(args), .on_done = on_done, .done_context = loop};
        futures[i] = hay_pool_future(pool, &job, 0, &error);
        good = futures[i] != NULL;
    }
    if (good) {
        ev_timer_init(&clock, on_tick, 0.001, 0.001);
        ev_timer_start(loop, &clock);
        ev_run(loop, 0);
        ev_timer_stop(loop, &clock);
        printf("The loop ticked meanwhile: %s\n", ticks ? "yes" : "no");
    }
    for (int i = 0; good && i < JOBS; i++) {
        const struct hay_result *result = hay_future_result(futures[i]);
        struct hay_span text = result->outcome == HAY_OUTCOME_OK ? result->value : result->message;
        failed += result->outcome != HAY_OUTCOME_OK;
        printf("%.*s: %.*s\n", (int)result->args.size, result->args.at, (int)text.size, text.at);
    }
    if (error.status)
        fprintf(stderr, "futures_in_loop: %s\n", error.text);
    for (int i = 0; i < JOBS; i++)
        hay_future_free(futures[i]);
    hay_pool_free(pool);
    if (loop)
        ev_loop_destroy(loop);
    return good && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
