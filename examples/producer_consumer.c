/* SPDX-License-Identifier: MIT
 *
 * A producer and a consumer over a queue that holds three items; a null says that no more will come.
 *
 *     cc producer_consumer.c -o producer_consumer $(pkg-config --cflags --libs hayfork jansson)
 */
#include <hayfork/process.h>
#include <hayfork/queue_json.h>

#include <stdio.h>

static int produce(void *queue)
{
    for (int i = 1; i <= 5; i++) {
        json_t *item = json_integer(i);
        printf("Producing %d\n", i);
        fflush(stdout);
        enum hay_status status = hay_queue_put_json(queue, item, -1);
        json_decref(item);
        if (status)
            return 1;
    }
    return hay_queue_put_json(queue, json_null(), -1) != HAY_OK;
}

static int consume(void *queue)
{
    json_t *item;
    while (hay_queue_get_json(queue, &item, -1) == HAY_OK) {
        if (json_is_null(item))
            return 0;
        printf("Consuming %d\n", (int)json_integer_value(item));
        fflush(stdout);
        json_decref(item);
    }
    return 1;
}

int main(void)
{
    struct hay_error error;
    struct hay_queue_options options = {.max_items = 3};
    struct hay_queue *queue = hay_queue_new(&options, &error);
    struct hay_process *producer = queue ? hay_process_new(produce, queue, NULL, &error) : NULL;
    struct hay_process *consumer = producer ? hay_process_new(consume, queue, NULL, &error) : NULL;
    if (!consumer || hay_process_start(producer, &error) || hay_process_start(consumer, &error)) {
        fprintf(stderr, "producer_consumer: %s\n", error.text);
        hay_queue_close(queue); /* else the one that started would wait for the other, and the exit for it */
        return 1;
    }
    struct hay_exit ends[2];
    hay_process_join(producer, -1, &ends[0], NULL);
    hay_process_join(consumer, -1, &ends[1], NULL);
    hay_process_free(producer);
    hay_process_free(consumer);
    hay_queue_free(queue);
    return hay_exit_code(&ends[0]) || hay_exit_code(&ends[1]);
}
