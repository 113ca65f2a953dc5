/* SPDX-License-Identifier: MIT
 *
 * A supervisor: three services, each in a process of its own, started again when it dies of something, left alone when it is
 * done. The children are daemons, so none survives the supervisor, whatever ends it.
 *
 *     cc supervisor.c -o supervisor $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/process.h>

#include <stdio.h>
#include <stdlib.h>

#define SERVICES 3
#define MAX_STARTS 5

struct service {
    const char *name;
    int good_at;        /* the start that goes well */
    int starts;
    struct hay_process *process;
};

static int serve(void *arg)
{
    const struct service *service = arg;
    if (service->starts < service->good_at && service->starts % 2)
        abort();
    return service->starts < service->good_at ? 3 : 0;
}

static int start(struct service *service)
{
    struct hay_error error;
    struct hay_process_options options = {.name = service->name, .daemon = true};
    service->starts++;
    service->process = hay_process_new(serve, service, &options, &error);
    if (service->process && hay_process_start(service->process, &error) == HAY_OK)
        return 0;
    fprintf(stderr, "supervisor: %s: %s\n", service->name, error.text);
    hay_process_free(service->process);
    service->process = NULL;
    return -1;
}

/* It ended: say how, and start it again unless it is done. Returns 1 while it runs on. */
static int look_after(struct service *service)
{
    char text[80];
    struct hay_exit how = hay_process_exit(service->process);
    hay_exit_text(&how, text, sizeof text);
    printf("%s: start %d %s\n", service->name, service->starts, text);
    hay_process_free(service->process);
    service->process = NULL;
    return hay_exit_code(&how) != 0 && service->starts < MAX_STARTS && start(service) == 0;
}

int main(void)
{
    struct service services[SERVICES] = {{"steady", 1, 0, NULL}, {"shaky", 2, 0, NULL}, {"unlucky", 4, 0, NULL}};
    for (int i = 0; i < SERVICES; i++)
        if (start(&services[i]))
            return 1;
    for (;;) {
        struct hay_handle *handles[SERVICES];
        struct service *watched[SERVICES];
        bool ready[SERVICES];
        size_t count = 0;
        for (int i = 0; i < SERVICES; i++)
            if (services[i].process) {
                watched[count] = &services[i];
                handles[count++] = hay_process_handle(services[i].process);
            }
        if (!count)
            break;
        if (hay_wait(handles, count, ready, -1, NULL))
            return 1;
        for (size_t i = 0; i < count; i++)
            if (ready[i])
                look_after(watched[i]);
    }
    printf("All services are done.\n");
    return 0;
}
