/* SPDX-License-Identifier: MIT
 *
 * Three stages over two queues: numbers are made, squared and added up, each stage in a process of its own. No sentinel is
 * needed: a stage that is done closes the queue behind it, and the next one drains it and then sees HAY_EOF.
 *     cc pipeline.c -o pipeline $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/process.h>
#include <hayfork/queue.h>

#include <stdio.h>

static struct hay_queue *numbers, *squares;

static int make_numbers(void *arg)
{
    enum hay_status status = HAY_OK;
    for (long n = 1; n <= *(long *)arg && !status; n++)
        status = hay_queue_put(numbers, &n, sizeof n, -1);
    hay_queue_close(numbers);
    return status != HAY_OK;
}

static int square(void *arg)
{
    long n;
    enum hay_status status;
    (void)arg;
    while (!(status = hay_queue_get(numbers, &n, sizeof n, NULL, -1))) {
        n *= n;
        hay_queue_put(squares, &n, sizeof n, -1);
    }
    hay_queue_close(squares);
    return status != HAY_EOF;
}

int main(void)
{
    struct hay_error error;
    struct hay_queue_options options = {.max_items = 16};
    long count = 1000, sum = 0, n;
    struct hay_process *stages[2] = {NULL, NULL};
    int failed = !(numbers = hay_queue_new(&options, &error)) || !(squares = hay_queue_new(&options, &error))
        || !(stages[0] = hay_process_new(make_numbers, &count, NULL, &error))
        || !(stages[1] = hay_process_new(square, NULL, NULL, &error)) || hay_process_start(stages[0], &error)
        || hay_process_start(stages[1], &error);
    if (failed) {
        fprintf(stderr, "pipeline: %s\n", error.text);
        return 1;
    }
    while (hay_queue_get(squares, &n, sizeof n, NULL, -1) == HAY_OK)
        sum += n;
    for (int i = 0; i < 2; i++) {
        struct hay_exit how;
        hay_process_join(stages[i], -1, &how, NULL);
        failed |= hay_exit_code(&how) != 0;
        hay_process_free(stages[i]);
    }
    hay_queue_free(numbers);
    hay_queue_free(squares);
    printf("The sum of the squares from 1 to %ld is %ld.\n", count, sum);
    return failed;
}
