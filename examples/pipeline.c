/* SPDX-License-Identifier: MIT
 *
 * Three stages over two queues: numbers are made, squared and added up, each stage in a process of its own. No sentinel is
 * needed: a stage that is done closes the queue behind it, and the next one drains it and then sees HAY_EOF. One that is killed
 * closes nothing: the last stage looks after the others, and closes for them.
 *
 *     cc pipeline.c -o pipeline $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/process.h>
#include <hayfork/queue.h>

#include <stdio.h>
#include <stdlib.h>

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

static bool has_failed(struct hay_process *stage)
{
    struct hay_exit how = hay_process_exit(stage);
    return how.kind != HAY_EXIT_NONE && hay_exit_code(&how) != 0;
}

static enum hay_status add_up(struct hay_process *const stages[2], long *sum)
{
    long n;
    enum hay_status status;
    while (!(status = hay_queue_get(squares, &n, sizeof n, NULL, 100)) || status == HAY_ETIMEDOUT) {
        if (!status)
            *sum += n;
        else if (has_failed(stages[0]) || has_failed(stages[1]))
            break;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct hay_error error;
    struct hay_queue_options options = {.max_items = 16};
    long count = argc > 1 ? atol(argv[1]) : 1000, sum = 0;
    struct hay_process *stages[2] = {NULL, NULL};
    int failed = !(numbers = hay_queue_new(&options, &error)) || !(squares = hay_queue_new(&options, &error))
        || !(stages[0] = hay_process_new(make_numbers, &count, NULL, &error))
        || !(stages[1] = hay_process_new(square, NULL, NULL, &error)) || hay_process_start(stages[0], &error)
        || hay_process_start(stages[1], &error);
    if (failed)
        fprintf(stderr, "pipeline: %s\n", error.text);
    else
        failed = add_up(stages, &sum) != HAY_EOF;
    hay_queue_close(numbers); /* for a stage that cannot any more: nobody waits for it then */
    hay_queue_close(squares);
    for (int i = 0; i < 2; i++) {
        hay_process_join(stages[i], -1, NULL, NULL);
        failed |= has_failed(stages[i]);
        hay_process_free(stages[i]);
    }
    hay_queue_free(numbers);
    hay_queue_free(squares);
    if (!failed)
        printf("The sum of the squares from 1 to %ld is %ld.\n", count, sum);
    return failed;
}
