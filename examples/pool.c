/* SPDX-License-Identifier: MIT
 *
 * A pool inside a program: registers a function, submits ten jobs, prints what comes back and frees the pool.
 * Build: cc -std=c11 pool.c -o pool $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs in a worker. Args and result are JSON text; these args are not terminated, so they are copied first. */
static int square(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[32];
    (void)function;
    if (size >= sizeof text)
        return task->host->fail(task, "a small number is wanted");
    memcpy(text, args, size);
    text[size] = '\0';
    long number = strtol(text, NULL, 10);
    int length = snprintf(text, sizeof text, "%ld", number * number);
    return task->host->result(task, text, (size_t)length);
}

/* Runs in this process, within hay_pool_submit() and hay_pool_join(). What `result` points to is good until the return. */
static void on_result(void *context, const struct hay_result *result)
{
    struct hay_span bytes = result->outcome == HAY_OUTCOME_OK ? result->value : result->message;
    int *ok = context;
    *ok += result->outcome == HAY_OUTCOME_OK;
    printf("%llu: %s %.*s\n", (unsigned long long)result->tag, hay_outcome_name(result->outcome), (int)bytes.size, bytes.at);
}

int main(void)
{
    int ok = 0;
    struct hay_error error = {0};
    struct hay_pool_options options = {.workers = 2, .context = &ok, .on_result = on_result};
    struct hay_pool *pool = hay_pool_new(&options, &error);
    bool good = pool && !hay_pool_register(pool, "math.square", "n * n", square, NULL, &error) && !hay_pool_start(pool, &error);
    for (uint64_t i = 1; good && i <= 10; i++) {
        char args[32];
        snprintf(args, sizeof args, "%llu", (unsigned long long)i);
        struct hay_job job = {.function = "math.square", .args = hay_span_of(args), .tag = i};
        good = !hay_pool_submit(pool, &job, 10000, NULL, &error);
    }
    if (good) {
        hay_pool_close(pool);
        good = !hay_pool_join(pool, 10000);
    }
    if (error.status)
        fprintf(stderr, "pool: %s\n", error.text);
    hay_pool_free(pool);
    return good && ok == 10 ? EXIT_SUCCESS : EXIT_FAILURE;
}
