/* SPDX-License-Identifier: MIT
 *
 * The bytes between master and worker: a fixed head, then `size - sizeof head` bytes of body. Both sides are one build on one
 * machine, so the layout is the C structure's, in native order; heads lie unaligned in their buffers and are copied out.
 *
 * A sending is one dispatch of a job to a worker, named by epoch, position and job number. JOB carries it down, RESULT and
 * PROGRESS carry it back. A head that makes no sense ends the worker; the stream is searched for what stands behind it
 * only then.
 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRAME_PROGRESS_MAX (64 * 1024) /* bytes of one report */

enum frame_type {
    FRAME_READY = 1,  /* worker: body is the function table, or with FRAME_FAILED why it could not load */
    FRAME_JOB,        /* master: struct frame_job, then the args */
    FRAME_RESULT,     /* worker: struct frame_result, then the result, or with FRAME_FAILED the error's text */
    FRAME_PROGRESS,   /* worker: one JSON value */
    FRAME_STOP,       /* master: end in good order */
    FRAME_TYPE_END
};

enum frame_flags {
    FRAME_FAILED = 1u << 0,   /* READY, RESULT */
    FRAME_RETRIED = 1u << 1,  /* JOB: an error of this attempt will be tried again */
};

struct frame_head {
    uint32_t size;      /* of the whole frame, head included */
    uint8_t type;
    uint8_t flags;
    uint16_t reserved;  /* 0 */
    uint32_t epoch;
    uint32_t position;
    uint64_t job;
};
_Static_assert(sizeof(struct frame_head) == 24, "no padding");

struct frame_job {
    uint32_t function;
    uint32_t attempt;
    int64_t timeout_ns;  /* 0: none */
};
_Static_assert(sizeof(struct frame_job) == 16, "no padding");

struct frame_result {
    int64_t start_ns;  /* CLOCK_MONOTONIC */
    int64_t run_ns;
};
_Static_assert(sizeof(struct frame_result) == 16, "no padding");

#define FRAME_JOB_OVERHEAD (sizeof(struct frame_head) + sizeof(struct frame_job))
#define FRAME_RESULT_OVERHEAD (sizeof(struct frame_head) + sizeof(struct frame_result))

/* Member by member: a head put together elsewhere would be loaded in larger pieces than it was stored in, and wait for them. */
static inline void frame_put_head(unsigned char *at, struct frame_head head)
{
    memcpy(at + offsetof(struct frame_head, size), &head.size, sizeof head.size);
    memcpy(at + offsetof(struct frame_head, type), &head.type, sizeof head.type);
    memcpy(at + offsetof(struct frame_head, flags), &head.flags, sizeof head.flags);
    memcpy(at + offsetof(struct frame_head, reserved), &head.reserved, sizeof head.reserved);
    memcpy(at + offsetof(struct frame_head, epoch), &head.epoch, sizeof head.epoch);
    memcpy(at + offsetof(struct frame_head, position), &head.position, sizeof head.position);
    memcpy(at + offsetof(struct frame_head, job), &head.job, sizeof head.job);
}

static inline void frame_put_job(unsigned char *at, struct frame_job job)
{
    memcpy(at + offsetof(struct frame_job, function), &job.function, sizeof job.function);
    memcpy(at + offsetof(struct frame_job, attempt), &job.attempt, sizeof job.attempt);
    memcpy(at + offsetof(struct frame_job, timeout_ns), &job.timeout_ns, sizeof job.timeout_ns);
}

static inline void frame_put_result(unsigned char *at, struct frame_result result)
{
    memcpy(at + offsetof(struct frame_result, start_ns), &result.start_ns, sizeof result.start_ns);
    memcpy(at + offsetof(struct frame_result, run_ns), &result.run_ns, sizeof result.run_ns);
}

enum frame_state { FRAME_WHOLE, FRAME_PARTIAL, FRAME_BAD };

/* Look at the frame that begins at `bytes`. WHOLE: head filled and all its bytes are there. PARTIAL: more are needed;
 * `head->size` is the wanted size once the head itself is there, else 0. BAD: not a frame, or larger than `max_size`. */
static inline enum frame_state frame_parse(const unsigned char *bytes, size_t size, size_t max_size, struct frame_head *head)
{
    if (size < sizeof *head) {
        head->size = 0;
        return FRAME_PARTIAL;
    }
    memcpy(head, bytes, sizeof *head);
    if (head->size < sizeof *head || head->size > max_size || head->type == 0 || head->type >= FRAME_TYPE_END || head->reserved)
        return FRAME_BAD;
    return size < head->size ? FRAME_PARTIAL : FRAME_WHOLE;
}

/* By which code a worker ends. */
enum worker_exit {
    WORKER_EXIT_OK = 0,
    WORKER_EXIT_LEAK = 23,       /* a sanitizer found leaks */
    WORKER_EXIT_NO_PIPE = 120,   /* the pipe to the master broke: a job closed it, or put something else there */
    WORKER_EXIT_PROTOCOL = 121,  /* what was read makes no sense, or a job wrote over the frame behind its own */
    WORKER_EXIT_NOT_READY = 122, /* a plugin could not be loaded */
    WORKER_EXIT_NO_MEMORY = 123,
    WORKER_EXIT_NOT_SET_UP = 126, /* its descriptors could not be had, here or before its main ran */
};

#endif
