/* SPDX-License-Identifier: MIT
 *
 * Two named processes that run side by side and are joined: the first program of every introduction to multiprocessing.
 *
 *     cc two_processes.c -o two_processes $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/process.h>

#include <stdio.h>
#include <unistd.h>

static int work(void *arg)
{
    unsigned seconds = *(unsigned *)arg;
    printf("%s (PID %d) started\n", hay_current_name(), (int)getpid());
    fflush(stdout);
    sleep(seconds);
    printf("%s (PID %d) finished after %u s\n", hay_current_name(), (int)getpid(), seconds);
    return 0;
}

int main(void)
{
    struct hay_error error;
    struct hay_process_options first = {.name = "Process-A"}, second = {.name = "Process-B"};
    unsigned two = 2, one = 1;
    struct hay_process *processes[2];
    int failed = 0;

    processes[0] = hay_process_new(work, &two, &first, &error);
    processes[1] = hay_process_new(work, &one, &second, &error);
    for (int i = 0; i < 2; i++)
        if (!processes[i] || hay_process_start(processes[i], &error)) {
            fprintf(stderr, "two_processes: %s\n", error.text);
            return 1;
        }
    for (int i = 0; i < 2; i++) {
        struct hay_exit how;
        hay_process_join(processes[i], -1, &how, &error);
        failed |= hay_exit_code(&how) != 0;
        hay_process_free(processes[i]);
    }
    printf("All processes have finished execution.\n");
    return failed;
}
