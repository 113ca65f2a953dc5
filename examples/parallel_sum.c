/* SPDX-License-Identifier: MIT
 *
 * A parallel sum: four processes add up their quarters of a shared array, and bring what they have to a shared total, one at a
 * time. Array, total and lock are made before the start; the children use them by the same pointers. A process that died with the
 * lock would not hang the others: they would get HAY_EOWNERDEAD.
 *
 *     cc parallel_sum.c -o parallel_sum $(pkg-config --cflags --libs hayfork)
 */
#include <hayfork/process.h>
#include <hayfork/shared.h>
#include <hayfork/sync.h>

#include <stdio.h>

#define PROCESSES 4
#define NUMBERS 1000000

static struct hay_array *numbers;
static struct hay_value *total;
static struct hay_mutex *lock;

static int add_part(void *arg)
{
    const size_t *part = arg, size = hay_array_count(numbers) / PROCESSES;
    const int64_t *data = hay_array_data(numbers);
    int64_t sum = 0, before;
    for (size_t i = *part * size; i < (*part + 1) * size; i++)
        sum += data[i];
    if (hay_mutex_lock(lock, -1))
        return 1;
    /* Two steps, so the lock is needed; hay_value_add_i64() would be one. */
    int failed = hay_value_load_i64(total, &before) || hay_value_store_i64(total, before + sum);
    hay_mutex_unlock(lock);
    return failed;
}

static bool make_shared(struct hay_error *error)
{
    numbers = hay_array_new(HAY_I64, NUMBERS, error);
    total = numbers ? hay_value_new(HAY_I64, error) : NULL;
    lock = total ? hay_mutex_new(NULL, error) : NULL;
    int64_t *data = hay_array_data(numbers);
    for (int64_t i = 0; data && i < NUMBERS; i++)
        data[i] = i + 1;
    return lock != NULL;
}

int main(void)
{
    struct hay_error error = {0};
    size_t parts[PROCESSES];
    struct hay_process *processes[PROCESSES] = {NULL};
    int64_t sum = 0;
    bool good = make_shared(&error);
    for (size_t i = 0; good && i < PROCESSES; i++) {
        parts[i] = i;
        processes[i] = hay_process_new(add_part, &parts[i], NULL, &error);
        good = processes[i] && hay_process_start(processes[i], &error) == HAY_OK;
    }
    for (int i = 0; i < PROCESSES && processes[i]; i++) {
        struct hay_exit how;
        good = hay_process_join(processes[i], -1, &how, NULL) == HAY_OK && hay_exit_code(&how) == 0 && good;
        hay_process_free(processes[i]);
    }
    if (good && hay_value_load_i64(total, &sum) == HAY_OK)
        printf("The sum of the numbers from 1 to %d is %lld.\n", NUMBERS, (long long)sum);
    else
        fprintf(stderr, "parallel_sum: %s\n", error.status ? error.text : "a process failed");
    hay_mutex_free(lock);
    hay_value_free(total);
    hay_array_free(numbers);
    return !good;
}
