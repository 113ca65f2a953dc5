/* SPDX-License-Identifier: MIT
 *
 * Locks and signals between related processes: mutex, semaphore, condition, event and barrier.
 *
 * An object lies in anonymous shared memory. Make it before the fork; parent and children then use it by the same pointer, and
 * so do the threads of each. Freeing it takes it from the calling process only, and no thread of that process may still use it;
 * the memory goes when the last process has freed it or ended. A freed object must not be used. All processes that share an
 * object have to be in one PID namespace and one time namespace.
 *
 * Any process may be killed at any instruction of any call, and the others keep working. A blocked call looks again every
 * 100 ms, whatever its timeout, so a wake-up that died with its sender is late by that much at most.
 *
 * Timeouts are in milliseconds on the monotonic clock: -1 (any negative) for ever, 0 now. Signals never end a wait. NULL for an
 * object gives HAY_EINVAL. A *_new function gives NULL on failure and fills `error`, which may be NULL. Freeing NULL does
 * nothing. HAY_ESYSTEM is the answer to what the kernel should not say.
 */
#ifndef HAYFORK_SYNC_H
#define HAYFORK_SYNC_H

#include <hayfork/error.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hay_mutex;
struct hay_semaphore;
struct hay_condition;
struct hay_event;
struct hay_barrier;

/* ---- Mutex: held by one thread of one process (POSIX: a robust, error-checking, process-shared mutex) ---- */

struct hay_mutex_options {
    bool recursive;             /* the holder may lock again, and unlocks as often (Python: RLock) */
};

/* `options` may be NULL: not recursive. The caller frees it. Fails with HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_mutex *hay_mutex_new(const struct hay_mutex_options *options, struct hay_error *error);

/* HAY_EBUSY, and nothing is freed: the calling thread holds it. HAY_EINVAL: it belongs to a value or an array. */
HAY_API enum hay_status hay_mutex_free(struct hay_mutex *mutex);

/* Blocks until it is held.
 * HAY_OK, or HAY_EOWNERDEAD: it is held now, but a holder died and left what it guards perhaps half done. Put that right, then
 * call hay_mutex_consistent(); until somebody does, every lock says HAY_EOWNERDEAD, and holds. (POSIX would make the mutex
 * unusable for ever if it were unlocked before that.) The kernel frees the 2,048 mutexes that a dying thread locked last, those
 * of values and arrays included; of more that it held, the ones locked before stay locked for ever.
 * Not held: HAY_ETIMEDOUT; HAY_ESTATE: this thread holds it already, and it is not recursive; HAY_ERANGE: locked too deep. */
HAY_API enum hay_status hay_mutex_lock(struct hay_mutex *mutex, int timeout_ms);

/* HAY_ESTATE: the calling thread does not hold it (a child does not inherit its parent's hold). Never blocks. */
HAY_API enum hay_status hay_mutex_unlock(struct hay_mutex *mutex);

/* What the mutex guards is in order again. HAY_ESTATE: the calling thread does not hold it. Never blocks. */
HAY_API enum hay_status hay_mutex_consistent(struct hay_mutex *mutex);

/* ---- Semaphore: a count of units that any process may take and give (POSIX sem_t, Python's Semaphore) ---- */

#define HAY_SEMAPHORE_MAX 2147483647u

struct hay_semaphore_options {
    unsigned value;             /* units at the start */
    unsigned max;               /* bounded: no more than this (Python: BoundedSemaphore); 0: HAY_SEMAPHORE_MAX */
    bool tracked;               /* units that a process holds at its death come back */
    unsigned max_holders;       /* tracked: processes that hold units at one time; 0: 1,024; at most 65,536 */
};

/* `options` may be NULL: no units, unbounded, not tracked. The caller frees it.
 * Fails with HAY_EINVAL (value over max, or a number over its limit), HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_semaphore *hay_semaphore_new(const struct hay_semaphore_options *options, struct hay_error *error);
HAY_API void hay_semaphore_free(struct hay_semaphore *semaphore);

/* Blocks until a unit is taken. HAY_OK, HAY_ETIMEDOUT; HAY_EFULL: tracked, and max_holders other processes hold units.
 *
 * Not tracked: a unit that a process took stays taken when it dies. Tracked: units belong to the process (not the thread) that
 * took them, and a waiter gets a dead process's units back within about 100 ms; a child does not inherit its parent's. While
 * another process is stopped in the middle of a call on it, HAY_ETIMEDOUT may come up to 100 ms late, and for a unit that is
 * free. */
HAY_API enum hay_status hay_semaphore_wait(struct hay_semaphore *semaphore, int timeout_ms);

/* Gives one unit and wakes one waiter. HAY_ERANGE: it would be more than max.
 * Tracked: gives back one that this process holds; where it holds none, adds a new one, and max counts the units held as well.
 * Never blocks, and may be called in a signal handler, unless tracked: then it takes a short inner lock, and says HAY_ETIMEDOUT
 * if a stopped process keeps that for 10 s. */
HAY_API enum hay_status hay_semaphore_post(struct hay_semaphore *semaphore);

/* The units free now, which may have changed when you look. Tracked: those of dead processes are counted; locks as post does. */
HAY_API enum hay_status hay_semaphore_value(struct hay_semaphore *semaphore, unsigned *value);

/* ---- Condition: wait until another process says that something has changed (Python's Condition) ---- */

/* Bound to `mutex`, which may be recursive or a value's, and which must live longer; the caller frees the condition.
 * Fails with HAY_EINVAL, HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_condition *hay_condition_new(struct hay_mutex *mutex, struct hay_error *error);
HAY_API void hay_condition_free(struct hay_condition *condition);

/* Releases the mutex (however deep it was locked), waits to be notified, and takes it again, to the same depth. That last step
 * is not under the timeout.
 * The mutex is held on return: HAY_OK: notified, by one of the n that a notify released; HAY_ETIMEDOUT: not notified in time;
 * HAY_EOWNERDEAD: a holder died, perhaps the one who was to notify: as from hay_mutex_lock(), notified or not.
 * HAY_ESTATE: the calling thread did not hold it.
 * A waiter that is killed keeps no notification from the others. After that one wait for each notify may say HAY_OK too often,
 * until a notify_all (POSIX allows it at any time): look at what you wait for. */
HAY_API enum hay_status hay_condition_wait(struct hay_condition *condition, int timeout_ms);

/* Waits until `predicate(context)` is true; it is called with the mutex held, and a last time when the timeout has passed.
 * HAY_OK: it was true. Otherwise as hay_condition_wait(). */
HAY_API enum hay_status hay_condition_wait_for(struct hay_condition *condition, bool (*predicate)(void *context), void *context,
    int timeout_ms);

/* Releases exactly `count` waiters, or all if there are fewer; who comes to wait later is not meant. They run when the mutex is
 * unlocked. HAY_ESTATE: the calling thread does not hold the mutex; HAY_EINVAL: count is negative. Never blocks; unlike Python's,
 * it does not wait for the woken ones. */
HAY_API enum hay_status hay_condition_notify(struct hay_condition *condition, int count);
HAY_API enum hay_status hay_condition_notify_all(struct hay_condition *condition);

/* ---- Event: a flag to wait for (Python's Event) ---- */

/* Not set. The caller frees it. Fails with HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_event *hay_event_new(struct hay_error *error);
HAY_API void hay_event_free(struct hay_event *event);

/* Neither blocks, and both may be called in a signal handler. Setting releases all who wait, even if it is cleared at once. */
HAY_API enum hay_status hay_event_set(struct hay_event *event);
HAY_API enum hay_status hay_event_clear(struct hay_event *event);
/* False for NULL. */
HAY_API bool hay_event_is_set(const struct hay_event *event);
/* Blocks until it is set. HAY_OK, HAY_ETIMEDOUT. */
HAY_API enum hay_status hay_event_wait(struct hay_event *event, int timeout_ms);

/* ---- Barrier: all parties wait for the last one (Python's Barrier) ---- */

struct hay_barrier_options {
    int parties;                /* 1 to 1,000,000 */
    /* Run once a round, by the party that came last, before any is released. Not 0 breaks the barrier. May be NULL. It may not be
     * left by longjmp() or an exception. */
    int (*action)(void *context);
    void *context;              /* handed to it; of the process that runs it */
};

/* The caller frees it. Fails with HAY_EINVAL, HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_barrier *hay_barrier_new(const struct hay_barrier_options *options, struct hay_error *error);
HAY_API void hay_barrier_free(struct hay_barrier *barrier);

/* Blocks until all parties have come. `index`, which may be NULL, gets 0 to parties - 1, the order of arrival, on HAY_OK only.
 * HAY_ETIMEDOUT: this party left, and that broke the barrier for all. (Who comes while the action of a round runs is a party of
 * the next round, and breaks that.) HAY_EBROKEN: it was broken before or meanwhile: by a timeout, hay_barrier_abort(),
 * hay_barrier_reset(), or an action that failed or whose process died. HAY_ESTATE: called by the action. A party that is killed
 * after it came counts as having come; one that is killed before leaves the others to their timeouts. */
HAY_API enum hay_status hay_barrier_wait(struct hay_barrier *barrier, int timeout_ms, int *index);

/* Breaks it, until a reset: who waits and who comes gets HAY_EBROKEN. Never blocks. */
HAY_API enum hay_status hay_barrier_abort(struct hay_barrier *barrier);
/* As new; who waits gets HAY_EBROKEN. Never blocks. */
HAY_API enum hay_status hay_barrier_reset(struct hay_barrier *barrier);

/* Snapshots; 0 and false for NULL. Nobody waits at a broken barrier (as Python's n_waiting says). */
HAY_API int hay_barrier_parties(const struct hay_barrier *barrier);
HAY_API int hay_barrier_waiting(const struct hay_barrier *barrier);
HAY_API bool hay_barrier_broken(const struct hay_barrier *barrier);

#ifdef __cplusplus
}
#endif
#endif
