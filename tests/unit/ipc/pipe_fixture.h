/* SPDX-License-Identifier: MIT
 *
 * A pipe's two ends for the tests, with a child at the right one where it is wanted; bytes in a pattern; and a pipe whose other
 * end is a bare socket.
 */
#ifndef TESTS_UNIT_IPC_PIPE_FIXTURE_H
#define TESTS_UNIT_IPC_PIPE_FIXTURE_H

#include "support/tap.h"

#include <hayfork/pipe.h>
#include <hayfork/process.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG_MS 20000
#define LARGE ((size_t)16 << 20)

static struct hay_error error;
static struct hay_pipe *left, *right;
static struct hay_process *child;

static inline void open_pair(void)
{
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
}

/* A child that has the right end. */
static inline void open_with_child(int (*run)(void *))
{
    open_pair();
    child = hay_process_new(run, right, NULL, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_give(child, hay_pipe_handle(right), &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(child, &error), HAY_OK);
}

static inline void close_pair(void)
{
    hay_pipe_free(left);
    hay_pipe_free(right);
    if (child) {
        struct hay_exit how;
        CU_ASSERT_EQUAL(hay_process_join(child, LONG_MS, &how, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_exit_code(&how), 0);
        CU_ASSERT_EQUAL(hay_process_free(child), HAY_OK);
        child = NULL;
    }
}

static inline unsigned char pattern_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) + (i >> 16));
}

static inline unsigned char *new_pattern(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = pattern_at(i);
    return bytes;
}

static inline bool is_pattern(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern_at(i))
            return false;
    return true;
}

/* Raw bytes on the wire, as no good partner sends them. */
static inline void write_raw(int fd, uint64_t head, size_t head_size, const char *body)
{
    CU_ASSERT_EQUAL(write(fd, &head, head_size), (ssize_t)head_size);
    CU_ASSERT_EQUAL(write(fd, body, strlen(body)), (ssize_t)strlen(body));
}

static inline struct hay_pipe *adopt_one_of(int pair[2])
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct hay_pipe *pipe = hay_pipe_adopt(pair[1], &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    return pipe;
}

#endif
