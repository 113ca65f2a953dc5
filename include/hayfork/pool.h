/* SPDX-License-Identifier: MIT
 *
 * A pool of worker processes that run jobs.
 *
 * A pool forks a fixed number of workers, each with the same functions: loaded from plugins, or registered by the program before
 * the start. Jobs wait in a bounded queue; each accepted job gets exactly one result, whatever dies. A crash costs the job
 * that ran.
 *
 * Context: a pool belongs to the thread that opened it, which has to outlive it, and the process must have one thread whenever
 * a worker is forked, restarts included (HAY_ETHREADS otherwise). Calls in another thread give HAY_ESTATE, or do nothing,
 * unless the pool is inline. The pool owns an event loop of its own, which the blocking calls turn, or lives in the libev loop
 * it is given. It never touches libev's default loop unless given that one, and never waits for a process that it did not
 * start. Callbacks run inside the loop; they may call anything here except hay_pool_free(), hay_pool_turn() and
 * hay_pool_join(). Nor may anything else that runs in the loop, such as a watcher of the program, free a pool while one of its
 * calls turns that loop; and an ev_break() is lost then, so break when the call has returned. No callback leaves by longjmp()
 * or an exception of C++, nor does a function that an inline pool runs.
 *
 * Memory: each call here survives that there is none. libev does not: it prints and aborts, unless the program has told it
 * otherwise by ev_set_allocator(), which is for the program to do, as there is one for all of its loops.
 *
 * In a child of that process the pool is a copy of no use: calls that have a status give HAY_ESTATE, the others do nothing, and
 * none of them touches the parent's workers; nor do turns of its copy of the loop, after the ev_loop_fork() that libev asks for.
 * A child that is made within a callback must not return from it. In one of hay_process_start() and in workers a loop of the
 * parent has watchers on descriptors that are closed there, at which libev aborts: make a new one.
 *
 * C++: hay_pool_function, hay_pool_plugin and hay_pool_stats are functions too, so these types need the word `struct`.
 *
 * A wait without a timeout for results of a pool that is held, paused or frozen (see hay_pool_hold()) waits until somebody ends
 * that.
 */
#ifndef HAYFORK_POOL_H
#define HAYFORK_POOL_H

#include <hayfork/cpu.h>
#include <hayfork/error.h>
#include <hayfork/jobline.h>
#include <hayfork/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* of a function with the name of a struct */
#endif
#endif

struct ev_loop;
struct hay_pool;

/* rlimits and nice of each worker and of what it starts, set before plugins are loaded. 0: as this process has it; what is
 * over this process's hard limit stays at that. Inline pools set none. */
struct hay_limits {
    uint64_t memory_bytes;      /* RLIMIT_AS, beyond what is mapped when the worker begins; malloc() fails then */
    uint64_t cpu_s;             /* RLIMIT_CPU; SIGXCPU, a second later SIGKILL, counted over the worker's life */
    uint64_t files;             /* RLIMIT_NOFILE */
    uint64_t file_bytes;        /* RLIMIT_FSIZE; SIGXFSZ */
    int nice;                   /* added, 0 to 19 */
};

/* Zero means the default everywhere, so `struct hay_pool_options options = {0};` is a whole set of options. */
struct hay_pool_options {
    int workers;                /* at most HAY_POOL_MAX_WORKERS; 0: as many as hay_cpu_count(); HAY_POOL_INLINE: none, jobs run in
                                 * this process */
    struct ev_loop *loop;       /* NULL: a loop of the pool's own */
    uint64_t max_jobs;          /* accepted and not settled, 256 bytes each; 0: 4,096 a worker, up to 262,144, and with a
                                 * max_bytes of 0, beyond four a worker, no more than 512 KiB of ids and args a worker */
    uint64_t max_bytes;         /* of their ids and args, always at least one job; 0: 64 MiB */
    uint64_t max_result_bytes;  /* 0: 16 MiB; at most HAY_POOL_MAX_RESULT_BYTES, 1 GiB */
    int64_t timeout_ms;         /* for jobs that bring none; 0: none */
    int64_t start_timeout_ms;   /* for a worker's start: loading plugins, their start(), worker_start; 0: 10,000 */
    int64_t grace_ms;           /* between asking a job to end and killing it; 0: HAY_POOL_GRACE_MS; HAY_POOL_NO_GRACE: none */
    int retries;                /* after an error */
    bool retry_timeouts;        /* let retries apply to timeouts too */
    bool final_errors;          /* let them not apply to errors */
    int crash_retries;          /* after a crash, on a fresh worker; 0: 1; HAY_POOL_NO_CRASH_RETRY: none */
    int64_t retry_delay_ms;     /* before the first retry, then doubled, with jitter; 0: 100 */
    int64_t retry_delay_max_ms; /* 0: 30,000 */
    bool raw_results;           /* results are bytes: do not check that they are one line of JSON */
    /* A worker that has passed one of these is replaced once it is idle; that is no death, and not all are replaced at once.
     * 0: none. */
    uint64_t max_jobs_per_worker; /* never more; the pool's first workers may have fewer, so that they do not all end at once */
    uint64_t max_worker_bytes;  /* of resident memory, looked at between jobs, at most every 50 ms; needs /proc (HAY_EINVAL) */
    int64_t max_worker_age_ms;  /* since it was ready; up to a quarter more, so that they do not all end at once */
    struct hay_limits limits;   /* what each worker may use */
    /* Descriptors from 3 up that each worker keeps, under the same numbers; all others are closed there. They stay open here as
     * long as the pool lives, for workers are replaced. The array is copied. */
    const int *keep_fds;
    size_t keep_count;          /* at most HAY_POOL_MAX_KEEP */
    /* In each worker: after its functions are loaded and before it takes a job (not 0: it cannot work, as if a plugin had
     * failed to load), and when it ends in good order. `context` is the worker's copy. Inline pools call them in this process,
     * as worker 0: not 0 is HAY_EPLUGIN of hay_pool_start(). */
    int (*worker_start)(void *context, int worker);
    void (*worker_stop)(void *context, int worker);

    void *context;              /* handed to the callbacks */
    void (*on_result)(void *context, const struct hay_result *result);
    /* hay_pool_submit() has room again after it said HAY_EFULL. */
    void (*on_room)(void *context);
    /* A line that a worker printed, cut at 4 KiB, without its end. Or how one ended that was told to stop, if not in good
     * order. */
    void (*on_log)(void *context, int worker, const char *line, size_t size);
    /* A worker's function called progress(); at most one in 10 ms of each worker. */
    void (*on_progress)(void *context, const struct hay_result *job, const char *json, size_t size);
    /* The pool had to stop: workers kept dying with no job begun, and none was ready or at work; not where idle ones die with
     * nothing pending. What was accepted comes back skipped, before this call. */
    void (*on_broken)(void *context, const char *reason);
};
#define HAY_POOL_INLINE (-1)
#define HAY_POOL_MAX_WORKERS 4096
#define HAY_POOL_MAX_RESULT_BYTES (UINT64_C(1) << 30)
#define HAY_POOL_GRACE_MS 5000
#define HAY_POOL_NO_GRACE (-1)
#define HAY_POOL_MAX_KEEP 1024
#define HAY_POOL_NO_CRASH_RETRY (-1)

struct hay_job {
    const char *function;       /* "plugin.function"; NULL: `index` says which */
    int index;                  /* from hay_pool_find(); 0 is the function that was registered or loaded first */
    struct hay_span args;       /* one JSON value; absent: null. Copied. */
    struct hay_span id;         /* any bytes; handed back with the result. Copied. hay_result_write() needs a JSON token here */
    uint64_t tag;               /* handed back with the result */
    uint64_t key;               /* handed back with the result; what HAY_RESULT_KEY writes */
    int64_t timeout_ms;         /* 0: the pool's; HAY_JOB_NO_TIMEOUT: none */
    int64_t retries;            /* 0: the pool's; HAY_JOB_NO_RETRY: none */
    int priority;               /* higher first among what is queued */
    /* Not NULL: called with this job's result, in place of the pool's on_result. */
    void (*on_done)(void *context, const struct hay_result *result);
    void *done_context;
};
#define HAY_JOB_NO_TIMEOUT (-1)
#define HAY_JOB_NO_RETRY (-1)

struct hay_pool_function {
    const char *name;           /* "plugin.function" */
    const char *summary;
};

struct hay_pool_plugin {
    const char *name, *version, *summary, *path;
    int first_function, function_count;
    bool is_configurable;       /* it has a configure() */
};

struct hay_pool_stats {
    uint64_t accepted;          /* jobs that hay_pool_submit() took */
    uint64_t by_outcome[HAY_OUTCOME_COUNT]; /* settled jobs; they and `pending` add up to `accepted` */
    uint64_t pending;           /* accepted and not settled */
    uint64_t queued;            /* of these, waiting in the queue */
    uint64_t waiting;           /* of `queued`: for their retry delay */
    uint64_t started;           /* attempts begun */
    uint64_t retried;           /* attempts after the first */
    uint64_t recalled;          /* taken back unstarted from a worker */
    uint64_t salvaged;          /* results taken out of a worker that did not deliver them itself */
    uint64_t deaths;            /* workers that ended without being asked */
    uint64_t restarts;          /* workers started in place of another */
    uint64_t log_dropped;       /* log lines cut or dropped */
    int workers;                /* slots, without surplus ones whose workers are ending */
    int workers_ready;
    uint64_t jobs_by_worker_max; /* settled by one slot */
    uint64_t workers_used;      /* slots that settled at least one job */
};

/* A pool without functions or workers yet. Ownership: hay_pool_free(). `options` is copied; NULL: all defaults. Errors:
 * HAY_EINVAL (an option that is not acceptable), HAY_ENOMEM. */
HAY_API struct hay_pool *hay_pool_new(const struct hay_pool_options *options, struct hay_error *error);

/* Load a plugin: a name is looked up in HAYFORK_PLUGIN_PATH (not when set-user-ID) and then in the installed plugin
 * directory; anything with a slash is a path. A throw-away child loads it first, so a broken plugin costs an error here and
 * nothing else; the calling process never runs its code. With HAY_POOL_INLINE it is loaded right here instead. Blocking: up to
 * 10 s. Only before the start. Errors: HAY_EPLUGIN with a one-line text for each way in which a plugin can be broken;
 * HAY_EINVAL (no name), HAY_ESTATE, HAY_ETHREADS, HAY_ENOMEM, HAY_ESYSTEM. */
HAY_API enum hay_status hay_pool_load(struct hay_pool *pool, const char *plugin, struct hay_error *error);

/* The configuration of a loaded plugin, by its name: one line of JSON, copied, which its configure() gets in each worker, or in
 * this process with HAY_POOL_INLINE, before its start(). The last one given counts; NULL: none, as before the first. Only
 * before the start. Errors: HAY_EUNKNOWN (no such plugin is loaded), HAY_EINVAL (it has no configure(); not JSON, over
 * 16 MiB). */
HAY_API enum hay_status hay_pool_configure(struct hay_pool *pool, const char *plugin, const char *json, struct hay_error *error);

/* Register a function of this program under "group.name". Strings are copied; the code has to be in the process at the fork.
 * Only before the start. Errors: HAY_EINVAL (no such name can be, or it is there already; no code), HAY_ERANGE (over 4,096
 * functions, or 64 KiB of text), HAY_ESTATE, HAY_ENOMEM. */
HAY_API enum hay_status hay_pool_register(struct hay_pool *pool, const char *name, const char *summary, hay_run_fn *run,
                                          void (*data)(void), struct hay_error *error);

/* What was loaded and registered. Out of range: NULL. Valid until hay_pool_free(). */
HAY_API const struct hay_pool_function *hay_pool_function(const struct hay_pool *pool, int index);
HAY_API const struct hay_pool_plugin *hay_pool_plugin(const struct hay_pool *pool, int index);
/* The index of "plugin.function", or -1. */
HAY_API int hay_pool_find(const struct hay_pool *pool, const char *name, size_t size);

/* Fork the workers. Returns at once; jobs may be submitted before the workers are ready. stdio is flushed first. Errors:
 * HAY_ESTATE (started, or closed before), HAY_ETHREADS; HAY_ESYSTEM, HAY_ENOMEM: no worker could be forked. Inline pools:
 * HAY_EPLUGIN, a plugin or worker_start refused. */
HAY_API enum hay_status hay_pool_start(struct hay_pool *pool, struct hay_error *error);

/* Hand over one job. Everything it points to is copied.
 * Blocking: with timeout_ms 0 never (HAY_EFULL); else it turns the pool's loop until there is room. Inside a callback it does
 * not wait: HAY_ETIMEDOUT at once.
 * Inline pools run the job before they return. Errors: HAY_EFULL, HAY_ETIMEDOUT, HAY_EUNKNOWN (function), HAY_EINVAL (no job, a
 * timeout out of range), HAY_EMSGSIZE (a job over 4 GiB), HAY_ESTATE (not started, closed), HAY_EBROKEN, HAY_ENOMEM. `number`
 * (may be NULL) receives the job's number. */
HAY_API enum hay_status hay_pool_submit(struct hay_pool *pool, const struct hay_job *job, int timeout_ms, uint64_t *number,
                                        struct hay_error *error);

/* Would hay_pool_submit() take a job of this many bytes of id and args now? */
HAY_API bool hay_pool_has_room(const struct hay_pool *pool, size_t size);

/* Cancel one job. A waiting or queued job is settled as cancelled at once; a running one is asked to end and killed after
 * the grace. One that has failed before it could be asked is not tried again: with retries left it is cancelled too, without any
 * its failure stands. HAY_EUNKNOWN: no such job, or settled already. */
HAY_API enum hay_status hay_pool_cancel(struct hay_pool *pool, uint64_t number, struct hay_error *error);
/* Cancel all that has not started; with `running` also what has. */
HAY_API void hay_pool_cancel_all(struct hay_pool *pool, bool running);

/* By which signal running jobs are asked to end from now on when they are cancelled: SIGTERM, as it is before this, or SIGINT.
 * Timeouts ask by SIGTERM in any case. Errors: HAY_EINVAL, HAY_ESTATE (not started, inline). */
HAY_API enum hay_status hay_pool_cancel_signal(struct hay_pool *pool, int signal, struct hay_error *error);

/* Start no more jobs: what has not begun is taken back from the workers and waits, what runs goes on. And go on. A hold outlives
 * hay_pool_close(). A hay_pool_join() that waits for ever ends a hold, a freeze and a pause first; in the pool's own loop also
 * what a callback asks for meanwhile, for nobody else could. All three do nothing before the start, nor to an inline pool. */
HAY_API void hay_pool_hold(struct hay_pool *pool, bool held);

/* Stop the workers and what they started (SIGSTOP to their groups), with all timeouts and graces standing still. And go on
 * (SIGCONT). Meanwhile no worker is started, and cancelling a running job waits; hay_pool_terminate() and a hay_pool_join()
 * that waits for ever end it. */
HAY_API void hay_pool_freeze(struct hay_pool *pool, bool frozen);

/* Change the number of workers, 1 to 4,096. More are forked at once. Fewer: surplus workers, those with the highest indexes,
 * finish the job that they run, give back what they have not begun, and end in good order. Returns at once. A max_jobs that
 * was left to the pool follows. Errors, with nothing changed: HAY_EINVAL, HAY_ESTATE (not started, closed, inline),
 * HAY_EBROKEN, HAY_ETHREADS, HAY_ENOMEM; a failed fork is tried again, as after a death. */
HAY_API enum hay_status hay_pool_resize(struct hay_pool *pool, int workers, struct hay_error *error);

/* Stop reading results, because their consumer is blocked: workers fill their pipes and wait, timeouts stand still. And go on. */
HAY_API void hay_pool_pause(struct hay_pool *pool, bool paused);

/* Run the pool's loop until at least one result was delivered, or the timeout. HAY_OK, HAY_ETIMEDOUT, HAY_EOF (nothing is
 * pending: the loop is not turned, so workers that die meanwhile are replaced at the next turn). */
HAY_API enum hay_status hay_pool_turn(struct hay_pool *pool, int timeout_ms);

/* close: take no more jobs. join: after close, run the loop until every job is settled and every worker has ended in good
 * order. terminate: cancel all, ask the running jobs to end, kill what is left after `grace_ms` (0 and below: at once), which
 * takes the place of the pool's grace; still one result for each job. Returns at once; join waits for the end of it.
 * join returns HAY_ETIMEDOUT with all unchanged when the time was too short; HAY_ESTATE: neither closed nor terminated.
 * Before the start: a pool that is closed or terminated cannot be started any more (HAY_ESTATE), and join has nothing to wait
 * for, closed or not (HAY_OK). */
HAY_API void hay_pool_close(struct hay_pool *pool);
HAY_API enum hay_status hay_pool_join(struct hay_pool *pool, int timeout_ms);
HAY_API enum hay_status hay_pool_terminate(struct hay_pool *pool, int64_t grace_ms);

/* Free the pool. Workers that still live are killed and reaped; unsettled jobs are settled as cancelled first. NULL is fine. Not
 * in a callback, and not while another call of this pool turns the loop. */
HAY_API void hay_pool_free(struct hay_pool *pool);

/* ---- futures: one job's result, waited for ---- */

struct hay_future;

/* Submit as hay_pool_submit() does, and hold the result. NULL with `error` filled when it was not accepted. `job->on_done` is
 * called too, after the future has its result; inline pools call it before this returns.
 * Ownership: hay_future_free(), before hay_pool_free() or after; freeing one that is pending lets the job run, calls
 * `on_done` and drops its result. A future belongs to the pool's thread. */
HAY_API struct hay_future *hay_pool_future(struct hay_pool *pool, const struct hay_job *job, int timeout_ms,
                                           struct hay_error *error);
/* Turn the pool's loop until the result is there. HAY_OK, HAY_EINVAL (NULL), HAY_ETIMEDOUT: the job goes on, HAY_ESTATE: the pool
 * belongs to another process. Inside a callback it does not wait. After hay_pool_free() every future has its result. */
HAY_API enum hay_status hay_future_wait(struct hay_future *future, int timeout_ms);
enum hay_futures_mode {
    HAY_FUTURES_ALL,            /* each has its result */
    HAY_FUTURES_FIRST,          /* any one has */
    HAY_FUTURES_FIRST_FAILURE,  /* any one has ended, and not ok; or each has its result */
};

/* Turn the loop until this is so of the futures, as Python's concurrent.futures.wait() does; hay_future_result() then tells
 * which. The pending ones have to be of one pool; one may stand there twice; `futures` is only read, and not after the call began
 * to wait. HAY_OK, at once where it is so already or `count` is 0; HAY_ETIMEDOUT: the jobs go on; HAY_EINVAL: NULL among them,
 * two pools, no such mode; HAY_ENOMEM; HAY_ESTATE as above. Inside a callback it does not wait. */
HAY_API enum hay_status hay_futures_wait(struct hay_future *const *futures, size_t count, enum hay_futures_mode mode,
                                         int timeout_ms);
/* The result, good until hay_future_free(); NULL while it is pending. Its spans, where present, are followed by a NUL that
 * does not count. Had there been no memory to keep it, it says so: an ok result is an error then. */
HAY_API const struct hay_result *hay_future_result(const struct hay_future *future);
/* The job's number in its pool, as hay_pool_cancel() takes it and struct hay_worker has it. 0 for NULL. */
HAY_API uint64_t hay_future_number(const struct hay_future *future);
/* As hay_pool_cancel(): a pending job is settled as cancelled at once, a running one is asked to end and killed after the
 * grace. HAY_EUNKNOWN: it is settled already. */
HAY_API enum hay_status hay_future_cancel(struct hay_future *future, struct hay_error *error);
/* At any time, also from a callback or while a wait for it turns the loop. NULL is fine. */
HAY_API void hay_future_free(struct hay_future *future);

/* ---- many jobs of one function ---- */

/* What came of one item. `bytes` is the result's JSON, or the message of any other outcome; terminated by a NUL that does not
 * count. */
struct hay_map_result {
    enum hay_outcome outcome;
    uint32_t attempts;
    char *bytes;
    size_t size;
};

/* Run `function` once for each of `count` args (absent, or no array at all: null), and fill `results` in their order. One
 * item's failure is its own: HAY_OK means that each has its result, not that each is ok. Turns the loop; the queue may be
 * smaller than `count`. HAY_ETIMEDOUT: what is unfinished was cancelled, what ran and did not end within the grace was
 * killed. With any other error, HAY_EINVAL, HAY_EUNKNOWN (the function), HAY_ESTATE (not started, closed meanwhile, inside a
 * callback), HAY_EBROKEN or HAY_ENOMEM, what was accepted has its result and the rest is skipped. So every item has an
 * outcome and a text, whatever is returned. Ownership: the array is the caller's; hay_map_release() frees what is in it, also
 * after an error. */
HAY_API enum hay_status hay_pool_map(struct hay_pool *pool, const char *function, const struct hay_span *args, size_t count,
                                     int timeout_ms, struct hay_map_result *results, struct hay_error *error);
/* May be repeated. NULL is fine. */
HAY_API void hay_map_release(struct hay_map_result *results, size_t count);

/* A stream of jobs: `next` is asked for one when there is room. What it points to has to be good until `next` is asked again,
 * or the stream ends. Its `tag` and `on_done` are not used. Both functions are callbacks: they may not turn the loop. */
struct hay_each {
    void *context;
    /* Fill `job`, which comes zeroed but for its function; false: there are no more, and it is not asked
     * again. While it runs nothing else goes on, so it should not wait long. */
    bool (*next)(void *context, struct hay_job *job);
    /* One result, good during the call; `index` counts what `next` gave, from 0. A job that the pool refuses for its own sake
     * (an unknown function, a wrong timeout) comes as rejected, and the stream goes on. False: stop; what is pending is
     * cancelled, and nothing more is told. */
    bool (*result)(void *context, uint64_t index, const struct hay_result *result);
    const char *function;       /* for jobs that name none */
    bool ordered;               /* tell results in the order of `next`; those that came early are kept */
    uint64_t window;            /* how many may be taken and not yet told; 0: as many as the pool takes, ordered: 2,048 a
                                 * worker */
};
/* Returns when all that was taken is settled and told. HAY_OK: that was the whole stream. HAY_ETIMEDOUT: what was unfinished
 * is cancelled, and told so; what runs is killed after the grace. HAY_ECANCELLED: `result` said stop. HAY_ESTATE,
 * HAY_EBROKEN: the pool was closed or broke meanwhile; a job that was taken too late is told as skipped. HAY_EINVAL,
 * HAY_EUNKNOWN (`function`), HAY_ENOMEM; inside a callback: HAY_ESTATE. Memory grows with the window, not with the stream. A
 * result that there was no memory to keep is told as an error. What a frozen or paused pool cannot end or read is left to itself
 * 5 s after the grace, and not told. */
HAY_API enum hay_status hay_pool_each(struct hay_pool *pool, const struct hay_each *each, int timeout_ms,
                                      struct hay_error *error);

/* ---- figures ---- */

/* One worker's place. */
struct hay_worker {
    pid_t pid;                  /* 0: none now */
    uint64_t generation;        /* processes that were started here */
    uint64_t settled;           /* jobs, by all of them */
    int64_t busy_ns;            /* time spent in jobs, by all of them; in those that run not yet */
    uint64_t job;               /* number of the job that runs, as far as is known; 0: none */
    uint64_t job_tag;
    struct hay_span job_id;     /* good until the loop turns */
    int64_t job_start_ns;       /* CLOCK_REALTIME */
    int64_t log_read_ns;        /* as that: what the worker printed before has been handed to on_log; 0: not known. In on_log the
                                 * line is of the job, if that began before this. */
};
/* Workers count from 0; surplus ones that are still ending come last. False: there is no such worker, as in inline pools.
 * Reads what the workers have said; asks nobody. */
HAY_API bool hay_pool_worker(const struct hay_pool *pool, int worker, struct hay_worker *info);
HAY_API void hay_pool_stats(const struct hay_pool *pool, struct hay_pool_stats *stats);
/* The process of a slot, 0 when it has none now. */
HAY_API pid_t hay_pool_worker_pid(const struct hay_pool *pool, int worker);

#ifdef __cplusplus
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
}
#endif
#endif
