/* SPDX-License-Identifier: MIT
 *
 * Job lines and result lines: the scanner finds the parts of a job line without building a tree, the writer makes a
 * result line. Both are pure: no input or output, no state between calls.
 */
#ifndef HAYFORK_JOBLINE_H
#define HAYFORK_JOBLINE_H

#include <hayfork/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAY_JOBLINE_DEPTH 512       /* nesting of a job line, its own object counted */
#define HAY_JOBLINE_KEYS 256        /* keys in the envelope */
#define HAY_FUNCTION_NAME_MAX 255   /* bytes of "plugin.function" after unescaping */

/* Bytes of somebody else's; not terminated. */
struct hay_span {
    const char *at; /* NULL: absent */
    size_t size;
};

/* All of a string. NULL: absent. */
static inline struct hay_span hay_span_of(const char *text)
{
    struct hay_span span;
    span.at = text;
    span.size = text ? strlen(text) : 0;
    return span;
}

struct hay_jobline {
    struct hay_span id;         /* the JSON token as written, quotes included; absent: NULL */
    struct hay_span args;       /* the JSON value as written; absent: NULL */
    struct hay_span after;      /* an array of strings and integers as written; absent: NULL */
    char fn[HAY_FUNCTION_NAME_MAX + 1]; /* unescaped and terminated; "" when absent */
    size_t fn_size;
    size_t fn_column;           /* where the value of "fn" begins, 0 when absent */
    int64_t timeout_ms;         /* rounded up; 0: none */
    int64_t retries;            /* -1: absent */
    int priority;               /* 0 when absent */
};

struct hay_jobline_fault {
    size_t column;              /* 1-based byte of the line */
    char reason[120];           /* UTF-8, one line */
};

/* Scan one job line (no line end). Validates all of it: RFC 8259, UTF-8, paired surrogates, depth, numbers in the range that
 * jansson reads (64-bit integers, finite reals), no NUL or control characters, one object, no duplicate key in the
 * envelope, known keys of their types. Keys are compared after unescaping; unknown keys are ignored.
 * Returns HAY_OK, or HAY_EINVAL with the fault filled; `job` then holds what was read before it.
 * Extents point into `line`. Constant stack, linear time, no allocation. */
HAY_API enum hay_status hay_jobline_scan(const char *line, size_t size, struct hay_jobline *job, struct hay_jobline_fault *fault);

/* Is this one valid JSON value, by the same rules, nested no deeper than `depth`, 4096 at most? Returns HAY_OK, or HAY_EINVAL
 * with the fault (which may be NULL) filled. Surrounding white space is accepted; a line break anywhere is not, because a
 * result is one line. */
HAY_API enum hay_status hay_json_check(const char *bytes, size_t size, int depth, struct hay_jobline_fault *fault);

enum hay_outcome {
    HAY_OUTCOME_OK,         /* the function returned a result */
    HAY_OUTCOME_ERROR,      /* the function returned an error */
    HAY_OUTCOME_TIMEOUT,    /* it passed its timeout */
    HAY_OUTCOME_CRASH,      /* its worker died while it ran */
    HAY_OUTCOME_CANCELLED,  /* by the user */
    HAY_OUTCOME_SKIPPED,    /* by the runner: it was accepted and not run, or not tried again */
    HAY_OUTCOME_REJECTED,   /* the line never became a job */
    HAY_OUTCOME_COUNT
};

/* "ok", "error" ... as they stand in a result line. Never NULL. */
HAY_API const char *hay_outcome_name(enum hay_outcome outcome);

/* One job's end. The pool fills it for its callback; everything it points to is good during that call only. */
struct hay_result {
    enum hay_outcome outcome;
    uint64_t number;            /* the job's number in its pool, from 1 */
    uint64_t tag;               /* as submitted */
    struct hay_span id;         /* as submitted */
    struct hay_span args;       /* as submitted */
    struct hay_span value;      /* outcome ok: the result's JSON; timeout and cancelled: what it still returned, else NULL */
    struct hay_span message;    /* any other outcome: why, as text */
    bool has_cause;             /* skipped and cancelled: it tells of this job, no memory or a failed attempt, not of all */
    int signal;                 /* crash by a signal: its number, else 0 */
    int exit_code;              /* crash by exit: its code, else -1 */
    uint32_t attempts;          /* how often it was started */
    int worker;                 /* slot of the last attempt, -1 when it never ran */
    pid_t pid;                  /* process of the last attempt, 0 when it never ran */
    int64_t start_ns;           /* CLOCK_REALTIME of the last attempt, 0 when it never ran */
    int64_t run_ns;             /* how long the last attempt ran */
    uint32_t function;          /* index of the function in its pool */
    uint64_t line;              /* outcome rejected: the input line, from 1 */
    size_t column;              /* outcome rejected: the byte of that line, from 1 */
    uint64_t key;               /* as submitted; HAY_RESULT_KEY writes it as 16 hexadecimal digits */
};

enum hay_result_flags {
    HAY_RESULT_META = 1u << 0,  /* add seq worker pid start wall_ms */
    HAY_RESULT_KEY = 1u << 1,   /* add seq and key */
};

/* Write one result line, its newline included, into `out`. `seq` is the job's place in the input, from 1; an absent id is
 * written as nothing at all. Invalid UTF-8 in a message becomes U+FFFD. The id, which has to be a JSON token, and the value, of
 * an ok result and, if there is one, of any other, are copied as they are: check them before (the pool checks the value, not the
 * id). Returns the size of the whole line; when that is over `capacity`, nothing useful was written and the caller comes back
 * with room. */
HAY_API size_t hay_result_write(char *out, size_t capacity, const struct hay_result *result, uint64_t seq, unsigned flags);

/* A result line as hay_result_write() makes it, with its parts found. Absent spans are NULL, absent numbers 0. */
struct hay_resultline {
    enum hay_outcome outcome;
    struct hay_span id;         /* the JSON token as written */
    struct hay_span value;      /* "result" as written */
    struct hay_span message;    /* the inside of error.message, still escaped */
    int signal, exit_code;      /* exit_code: -1 when absent */
    uint32_t attempts;          /* 1 when absent */
    bool has_seq, has_key, has_meta; /* has_meta: worker, pid, start and wall_ms are there */
    uint64_t seq, key, line;
    int worker;
    pid_t pid;
    int64_t start_ns, run_ns;
};

/* Scan one result line (no line end), with the strictness of hay_jobline_scan(). HAY_EINVAL with the fault (may be NULL) filled:
 * not JSON, no known "status", a part of the wrong type. Unknown keys are ignored. A line just as hay_result_write() makes it is
 * read fast. */
HAY_API enum hay_status hay_resultline_scan(const char *line, size_t size, struct hay_resultline *result,
                                            struct hay_jobline_fault *fault);

/* The characters of a JSON string's inside (still escaped, valid) as UTF-8 into `out`, cut at a character where `capacity` ends.
 * Returns the size of all of it. */
HAY_API size_t hay_json_unescape(const char *bytes, size_t size, char *out, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
