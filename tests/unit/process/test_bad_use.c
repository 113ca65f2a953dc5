/* SPDX-License-Identifier: MIT
 *
 * Bad use of processes, pipes, queues, locks and shared memory: each gets a status and a text, whether through the error object
 * or, where a call has none, by hay_status_text(). The other files hold the same calls with more arguments; here each kind of
 * mistake stands once, by its name.
 */
#include "support/tap.h"

#include <hayfork.h>
#include <hayfork/pipe_json.h>
#include <hayfork/queue_json.h>

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* nothing takes that long */

static struct hay_error error;

static bool says(enum hay_status got, enum hay_status wanted)
{
    bool good = got == wanted && error.status == wanted && error.text[0] && !strchr(error.text, '\n');
    if (!good)
        printf("# %s, the error object: %s, \"%s\"\n", hay_status_text(got), hay_status_text(error.status), error.text);
    memset(&error, 0, sizeof error);
    return good;
}

/* Calls without an error object. */
static bool is_status(enum hay_status got, enum hay_status wanted)
{
    if (got != wanted)
        printf("# %s\n", hay_status_text(got));
    return got == wanted && hay_status_text(got)[0];
}

static bool refuses(const void *object, enum hay_status wanted)
{
    return !object && says(wanted, wanted);
}

static int return_zero(void *arg)
{
    (void)arg;
    return 0;
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        if (pause() == 0)
            return 1;
}

static struct hay_process *make(int (*run)(void *))
{
    struct hay_process *process = hay_process_new(run, NULL, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    return process;
}

static void a_null_is_a_status_and_a_text(void)
{
    CU_ASSERT(refuses(hay_process_new(NULL, NULL, NULL, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_process_new_exec(NULL, NULL, NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_start(NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_join(NULL, 0, NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_signal(NULL, SIGTERM, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_interrupt(NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_kill(NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_terminate(NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_process_give(NULL, NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_new(NULL, NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_new_one_way(NULL, NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_send(NULL, "", 0, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_receive(NULL, NULL, NULL, 0, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_receive_into(NULL, NULL, 0, NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_next(NULL, NULL, NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_poll(NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_flush(NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_finish(NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_send_fd(NULL, 0, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_pipe_receive_fd(NULL, NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_wait(NULL, 1, NULL, 0, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_condition_new(NULL, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_barrier_new(NULL, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_block_create(NULL, 1, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_block_open(NULL, &error), HAY_EINVAL));
    CU_ASSERT(says(hay_block_unlink(NULL, &error), HAY_EINVAL));
    CU_ASSERT(is_status(hay_queue_put(NULL, "", 0, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_queue_get(NULL, NULL, 0, NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_mutex_lock(NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_semaphore_wait(NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_condition_wait(NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_event_wait(NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_barrier_wait(NULL, 0, NULL), HAY_EINVAL));
    CU_ASSERT(is_status(hay_value_lock(NULL, 0), HAY_EINVAL));
    CU_ASSERT(is_status(hay_array_get(NULL, 0, NULL, 0), HAY_EINVAL));
}

static void a_closed_object_is_a_status_and_a_text(void)
{
    struct hay_pipe *left, *right;
    void *bytes;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    hay_pipe_close(left);
    CU_ASSERT(says(hay_pipe_send(left, "x", 1, -1, &error), HAY_ESTATE));
    CU_ASSERT(says(hay_pipe_receive(left, &bytes, NULL, 0, -1, &error), HAY_ESTATE));
    CU_ASSERT(says(hay_pipe_receive(right, &bytes, NULL, 0, -1, &error), HAY_EOF));
    CU_ASSERT(says(hay_pipe_send(right, "x", 1, -1, &error), HAY_EPEER));
    struct hay_handle *handle = hay_pipe_handle(left);
    CU_ASSERT(says(hay_wait(&handle, 1, NULL, -1, &error), HAY_ESTATE));
    struct hay_process *process = make(return_zero);
    CU_ASSERT(says(hay_process_give(process, hay_pipe_handle(left), &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    hay_pipe_free(left);
    hay_pipe_free(right);

    struct hay_queue *queue = hay_queue_new(NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    CU_ASSERT_EQUAL(hay_queue_close(queue), HAY_OK);
    CU_ASSERT(is_status(hay_queue_put(queue, "x", 1, -1), HAY_ESTATE));
    CU_ASSERT(is_status(hay_queue_take(queue, &bytes, NULL, -1), HAY_EOF));
    CU_ASSERT(is_status(hay_queue_close(queue), HAY_OK));
    hay_queue_free(queue);
}

static void a_start_twice_is_a_status_and_a_text(void)
{
    struct hay_process *process = make(return_zero);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT(says(hay_process_start(process, &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, NULL, NULL), HAY_OK);
    CU_ASSERT(says(hay_process_start(process, &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

static int join_it(void *arg)
{
    struct hay_process *process = arg;
    CHILD_CHECK(says(hay_process_join(process, -1, NULL, &error), HAY_ESTATE));
    CHILD_CHECK(says(hay_process_terminate(process, 0, &error), HAY_ESTATE));
    return 0;
}

static void a_join_of_a_process_that_is_not_ours_is_a_status_and_a_text(void)
{
    struct hay_exit how;
    struct hay_process *process = make(sleep_for_ever);
    CU_ASSERT(says(hay_process_join(process, -1, NULL, &error), HAY_ESTATE)); /* nobody's yet */
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    struct hay_process *stranger = hay_process_new(join_it, process, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stranger);
    CU_ASSERT_EQUAL(hay_process_start(stranger, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(stranger, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), 0);
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_terminate(process, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(stranger), HAY_OK);
}

static void a_give_after_the_start_is_a_status_and_a_text(void)
{
    struct hay_pipe *left, *right;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    struct hay_process *process = make(return_zero);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT(says(hay_process_give(process, hay_pipe_handle(left), &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_pipe_send(left, "still ours", 10, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static void an_over_release_is_a_status(void)
{
    struct hay_mutex *mutex = hay_mutex_new(NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mutex);
    CU_ASSERT(is_status(hay_mutex_unlock(mutex), HAY_ESTATE));
    CU_ASSERT(is_status(hay_mutex_consistent(mutex), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_OK);
    for (int tracked = 0; tracked < 2; tracked++) {
        struct hay_semaphore_options bounded = {.value = 1, .max = 1, .tracked = tracked};
        struct hay_semaphore *semaphore = hay_semaphore_new(&bounded, &error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(semaphore);
        CU_ASSERT(is_status(hay_semaphore_post(semaphore), HAY_ERANGE));
        CU_ASSERT(is_status(hay_semaphore_wait(semaphore, 0), HAY_OK));
        CU_ASSERT(is_status(hay_semaphore_post(semaphore), HAY_OK));
        CU_ASSERT(is_status(hay_semaphore_post(semaphore), HAY_ERANGE));
        hay_semaphore_free(semaphore);
    }
    struct hay_value *value = hay_value_new(HAY_I32, &error);
    CU_ASSERT(is_status(hay_value_unlock(value), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
    struct hay_queue *queue = hay_queue_new(NULL, &error);
    CU_ASSERT(is_status(hay_queue_task_done(queue), HAY_ERANGE));
    hay_queue_free(queue);
}

static void a_queue_of_size_0_is_a_status_and_a_text(void)
{
    struct hay_queue_options none = {0, 0};
    CU_ASSERT(refuses(hay_queue_new(&none, &error), HAY_EINVAL));
}

static void an_index_out_of_bounds_is_a_status(void)
{
    int64_t number = 7;
    struct hay_array *array = hay_array_new(HAY_I64, 3, &error), *none = hay_array_new(HAY_I64, 0, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(array);
    CU_ASSERT_PTR_NOT_NULL_FATAL(none);
    CU_ASSERT(is_status(hay_array_get(array, 3, &number, sizeof number), HAY_ERANGE));
    CU_ASSERT(is_status(hay_array_set(array, SIZE_MAX, &number, sizeof number), HAY_ERANGE));
    CU_ASSERT(is_status(hay_array_get(none, 0, &number, sizeof number), HAY_ERANGE));
    CU_ASSERT(is_status(hay_array_get(array, 0, &number, sizeof number - 1), HAY_EINVAL));
    CU_ASSERT_EQUAL(number, 7);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
    CU_ASSERT_EQUAL(hay_array_free(none), HAY_OK);
}

static void json_that_cannot_be_encoded_is_a_status_and_a_text(void)
{
    struct hay_pipe *left, *right;
    json_t *bad = json_stringn_nocheck("\xff", 1), *circle = json_array(), *inner = json_array(), *good;
    struct hay_queue *queue = hay_queue_new(NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    json_array_append(circle, inner);
    json_array_append(inner, circle);
    json_t *values[] = {NULL, bad, circle};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(says(hay_pipe_send_json(left, values[i], 0, &error), HAY_EINVAL));
        CU_ASSERT(is_status(hay_queue_put_json(queue, values[i], 0), HAY_EINVAL));
    }
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    CU_ASSERT(says(hay_pipe_poll(right, 0, &error), HAY_ETIMEDOUT));
    /* Nor text that is none; the next message is untouched. */
    static const char *const texts[] = {"", "[1", "[1\0]", "1 2"};
    static const size_t sizes[] = {0, 2, 4, 3};
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(hay_pipe_send(left, texts[i], sizes[i], 0, NULL), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_put(queue, texts[i], sizes[i], 0), HAY_OK);
        CU_ASSERT(says(hay_pipe_receive_json(right, &good, 0, 0, &error), HAY_EINVAL));
        CU_ASSERT_PTR_NULL(good);
        CU_ASSERT(is_status(hay_queue_get_json(queue, &good, 0), HAY_EINVAL));
        CU_ASSERT_PTR_NULL(good);
    }
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    json_array_clear(inner);
    json_decref(inner);
    json_decref(circle);
    json_decref(bad);
    hay_queue_free(queue);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static void a_size_that_overflows_is_a_status_and_a_text(void)
{
    struct hay_pipe *left, *right;
    struct hay_queue_options huge = {SIZE_MAX, SIZE_MAX};
    CU_ASSERT(refuses(hay_array_new(HAY_F64, SIZE_MAX, &error), HAY_ERANGE));
    CU_ASSERT(refuses(hay_array_new_sized(SIZE_MAX, 2, &error), HAY_ERANGE));
    CU_ASSERT(refuses(hay_block_new(SIZE_MAX, &error), HAY_ERANGE));
    CU_ASSERT(refuses(hay_block_create("hayfork-bad-use", SIZE_MAX, &error), HAY_ERANGE));
    CU_ASSERT(refuses(hay_queue_new(&huge, &error), HAY_EINVAL));
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    CU_ASSERT(says(hay_pipe_send(left, "x", SIZE_MAX, 0, &error), HAY_EMSGSIZE));
    hay_pipe_free(left);
    hay_pipe_free(right);
    struct hay_queue *queue = hay_queue_new(NULL, NULL);
    CU_ASSERT(is_status(hay_queue_put(queue, "x", SIZE_MAX, 0), HAY_EMSGSIZE));
    hay_queue_free(queue);
    struct hay_value *value = hay_value_new(HAY_U8, &error);
    CU_ASSERT(is_status(hay_value_store_u64(value, 256), HAY_ERANGE));
    CU_ASSERT(is_status(hay_value_sub_u64(value, 1, NULL), HAY_ERANGE));
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
}

static void freeing_a_running_process_is_a_status(void)
{
    struct hay_process *process = make(sleep_for_ever);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT(is_status(hay_process_free(process), HAY_EBUSY));
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_terminate(process, 0, &error), HAY_OK);
    CU_ASSERT(is_status(hay_process_free(process), HAY_OK));
    CU_ASSERT(is_status(hay_process_free(NULL), HAY_OK));
}

static void freeing_what_is_held_is_a_status(void)
{
    struct hay_mutex *mutex = hay_mutex_new(NULL, &error);
    CU_ASSERT_EQUAL(hay_mutex_lock(mutex, 0), HAY_OK);
    CU_ASSERT(is_status(hay_mutex_free(mutex), HAY_EBUSY));
    CU_ASSERT(is_status(hay_mutex_lock(mutex, -1), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_mutex_unlock(mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_OK);
    struct hay_value *value = hay_value_new(HAY_I8, &error);
    CU_ASSERT_EQUAL(hay_value_lock(value, 0), HAY_OK);
    CU_ASSERT(is_status(hay_value_free(value), HAY_EBUSY));
    CU_ASSERT(is_status(hay_mutex_free(hay_value_mutex(value)), HAY_EINVAL));
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
}

static void a_scan_without_a_place_for_what_is_found_is_a_status(void)
{
    char line[64];
    struct hay_jobline_fault fault;
    CU_ASSERT(is_status(hay_jobline_scan("{}", 2, NULL, &fault), HAY_EINVAL));
    CU_ASSERT(is_status(hay_resultline_scan("{}", 2, NULL, NULL), HAY_EINVAL));
    CU_ASSERT_EQUAL(hay_result_write(line, sizeof line, NULL, 1, 0), 0);
    CU_ASSERT(is_status(hay_pool_terminate(NULL, 0), HAY_EINVAL));
}

/* It would be closed at the start, and the object would close whatever has its number by then. */
static void the_descriptor_of_an_object_is_not_given_as_a_plain_one(void)
{
    struct hay_pipe *a, *b;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, NULL), HAY_OK);
    struct hay_process *process = make(return_zero);
    struct hay_handle plain = hay_fd_handle(hay_pipe_fd(a), 0);
    CU_ASSERT(says(hay_process_give(process, &plain, &error), HAY_EINVAL));
    CU_ASSERT(refuses(hay_pipe_adopt(hay_pipe_fd(a), &error), HAY_EINVAL)); /* both would close it */
    hay_process_free(process);
    hay_pipe_free(a);
    hay_pipe_free(b);
}

/* A new pipe gets the memory and the number of the one that was freed. */
static void a_pipe_that_was_given_and_freed_harms_no_other_pipe(void)
{
    struct hay_pipe *old[2], *new[2];
    struct hay_process *first = make(return_zero), *second = make(return_zero);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&old[0], &old[1], &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(first, hay_pipe_handle(old[1]), &error), HAY_OK);
    hay_pipe_free(old[1]);
    hay_pipe_free(old[0]);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&new[0], &new[1], &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(second, hay_pipe_handle(new[0]), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(second, hay_pipe_handle(new[1]), &error), HAY_OK);
    CU_ASSERT(says(hay_process_start(first, &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_free(first), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(second, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(second, -1, NULL, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(second), HAY_OK);
    hay_pipe_free(new[0]);
    hay_pipe_free(new[1]);
}

static int give_it_on(void *argument)
{
    struct hay_process *process = hay_process_new(return_zero, NULL, NULL, NULL);
    return hay_process_give(process, argument, NULL) == HAY_OK && hay_process_start(process, NULL) == HAY_OK &&
           hay_process_join(process, -1, NULL, NULL) == HAY_OK && hay_process_free(process) == HAY_OK ? 0 : 1;
}

/* Two would both get it, and with the second start whatever has the number by then would be closed here. */
static void a_descriptor_is_given_to_one_process_only(void)
{
    struct hay_handle plain = hay_fd_handle(fcntl(0, F_DUPFD_CLOEXEC, 3), 0);
    struct hay_process *first = hay_process_new(give_it_on, &plain, NULL, &error), *second = make(return_zero);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_EQUAL(hay_process_give(first, &plain, &error), HAY_OK);
    CU_ASSERT(says(hay_process_give(first, &plain, &error), HAY_ESTATE));
    CU_ASSERT(says(hay_process_give(second, &plain, &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_free(first), HAY_OK); /* a process that never started keeps nothing */
    CU_ASSERT(fcntl(plain.fd, F_GETFD) >= 0);
    CU_ASSERT_EQUAL(hay_process_give(second, &plain, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(second), HAY_OK);
    first = hay_process_new(give_it_on, &plain, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(first, &plain, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(first, &error), HAY_OK);
    struct hay_exit how = {.value = -1};
    CU_ASSERT_EQUAL(hay_process_join(first, -1, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), 0); /* the child may give on what it got */
    CU_ASSERT_EQUAL(hay_process_free(first), HAY_OK);
    CU_ASSERT(fcntl(plain.fd, F_GETFD) < 0);
}

static void a_given_descriptor_that_is_another_file_by_now_is_a_status(void)
{
    int ends[2];
    struct hay_handle plain = hay_fd_handle(fcntl(0, F_DUPFD_CLOEXEC, 3), 0);
    struct hay_process *first = make(return_zero), *second = make(return_zero);
    CU_ASSERT_EQUAL(hay_process_give(first, &plain, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL(dup3(ends[1], plain.fd, O_CLOEXEC), plain.fd);
    CU_ASSERT(says(hay_process_start(first, &error), HAY_ESTATE));
    CU_ASSERT_EQUAL(hay_process_give(second, &plain, &error), HAY_OK); /* this file was promised to nobody */
    CU_ASSERT_EQUAL(hay_process_start(second, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(second, -1, NULL, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(first), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(second), HAY_OK);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(a_null_is_a_status_and_a_text),
        TEST(a_scan_without_a_place_for_what_is_found_is_a_status),
        TEST(the_descriptor_of_an_object_is_not_given_as_a_plain_one),
        TEST(a_pipe_that_was_given_and_freed_harms_no_other_pipe),
        TEST(a_descriptor_is_given_to_one_process_only),
        TEST(a_given_descriptor_that_is_another_file_by_now_is_a_status),
        TEST(a_closed_object_is_a_status_and_a_text),
        TEST(a_start_twice_is_a_status_and_a_text),
        TEST(a_join_of_a_process_that_is_not_ours_is_a_status_and_a_text),
        TEST(a_give_after_the_start_is_a_status_and_a_text),
        TEST(an_over_release_is_a_status),
        TEST(a_queue_of_size_0_is_a_status_and_a_text),
        TEST(an_index_out_of_bounds_is_a_status),
        TEST(json_that_cannot_be_encoded_is_a_status_and_a_text),
        TEST(a_size_that_overflows_is_a_status_and_a_text),
        TEST(freeing_a_running_process_is_a_status),
        TEST(freeing_what_is_held_is_a_status),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"bad use", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
