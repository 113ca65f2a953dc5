/* SPDX-License-Identifier: MIT
 *
 * A sender and a receiver with a duplex pipe between them. It ends by itself: the receiver has no copy of the sender's end,
 * so it sees the end of the stream when the sender is done. docs/pipe-hang.md has the program in Python that hangs here.
 *     cc sender_receiver.c -o sender_receiver $(pkg-config --cflags --libs hayfork jansson)
 */
#include <hayfork/pipe_json.h>
#include <hayfork/process.h>

static void show(const char *what, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    printf("%s: %s\n", what, json_is_string(value) ? json_string_value(value) : text);
    free(text);
}

static int send_all(void *pipe)
{
    json_t *messages = json_pack("[s, i, {s:s}]", "Hello", 42, "key", "value"), *message;
    enum hay_status status = HAY_OK;
    size_t i;
    json_array_foreach(messages, i, message)
        if (!status && !(status = hay_pipe_send_json(pipe, message, -1, NULL)))
            show("Sent", message);
    json_decref(messages);
    return status != HAY_OK;
}

static int receive_all(void *pipe)
{
    json_t *message;
    enum hay_status status;
    while ((status = hay_pipe_receive_json(pipe, &message, 0, -1, NULL)) == HAY_OK) {
        show("Received", message);
        json_decref(message);
    }
    printf("No more data. Exiting.\n");
    return status != HAY_EOF;
}

int main(void)
{
    struct hay_error error;
    struct hay_pipe *ends[2];
    struct hay_process *processes[2] = {NULL, NULL};
    int (*const runs[2])(void *) = {send_all, receive_all};
    enum hay_status status = hay_pipe_new(&ends[0], &ends[1], &error);
    for (int i = 0; i < 2 && !status; i++) {
        processes[i] = hay_process_new(runs[i], ends[i], NULL, &error);
        if (!(status = hay_process_give(processes[i], hay_pipe_handle(ends[i]), &error)))
            status = hay_process_start(processes[i], &error);
    }
    for (int i = 0; i < 2 && !status; i++)
        if (!(status = hay_process_join(processes[i], -1, NULL, &error)))
            hay_process_free(processes[i]), hay_pipe_free(ends[i]);
    if (status)
        fprintf(stderr, "sender_receiver: %s\n", error.text);
    return status != HAY_OK;
}
