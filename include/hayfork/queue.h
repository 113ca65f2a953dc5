/* SPDX-License-Identifier: MIT
 *
 * Queues: items of bytes from any process to any other, in order, bounded.
 *
 *     struct hay_queue_options options = {.max_items = 100};
 *     struct hay_queue *queue = hay_queue_new(&options, &error);
 *     ... hay_process_start() as many producers and consumers as you like: they use the same pointer ...
 *     hay_queue_put(queue, "hello", 5, -1);              hay_queue_get(queue, buffer, sizeof buffer, &size, -1);
 *     hay_queue_close(queue);                            ... until that says HAY_EOF
 *
 * A queue lies in anonymous shared memory. Make it before the fork; it needs no giving. All processes that share it have to
 * be in one PID and one time namespace; the threads of each may use it too. Order is that of the puts, over all processes
 * (first in, first out). There is no helper thread and no hidden buffer: what a put has accepted is in the queue, and a process
 * may end at once after it.
 *
 * Any process may be killed at any instruction of any call: the queue stays usable, and the item is either in or out, never half.
 * Once it is out, it is in the hands of the process that took it, and dies with it; hay_queue_join() can tell that.
 *
 * Timeouts are in milliseconds on the monotonic clock: -1 (any negative) for ever, 0 not at all. They never come early, and
 * no signal ends a wait. A blocked call looks again every 100 ms, so a wake-up that died with its sender is late by that much
 * at most. Whatever the timeout, a call may take up to 100 ms longer, a get 200, where another process is stopped in one;
 * then HAY_ETIMEDOUT may be the answer to a timeout of 0 too.
 * NULL for a queue gives HAY_EINVAL. A queue that was freed must not be used. Not for signal handlers.
 *
 * The semantics follow Python's Queue and JoinableQueue, except for what is said above, and close. JSON: see
 * <hayfork/queue_json.h>.
 */
#ifndef HAYFORK_QUEUE_H
#define HAYFORK_QUEUE_H

#include <hayfork/error.h>
#include <hayfork/wait.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hay_queue;

/* At least one bound has to be set. */
struct hay_queue_options {
    size_t max_items;   /* items in the queue at one time, at most 2^30; 0: only max_bytes bounds it */
    size_t max_bytes;   /* their sizes together, each rounded up to 8, and so the largest item; at most 8 GiB.
                         * 0: 1 MiB, or 256 for each of max_items where that is more, but not over 64 MiB */
};

/* A new, empty queue. `options` NULL: max_bytes of 1 MiB. Memory is taken as it is used, up to max_bytes and 8 bytes for each
 * item that fits. It uses one descriptor, close-on-exec, which children keep. The caller frees it. Fails with HAY_EINVAL (a
 * queue of size 0, or a bound over its limit), HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_queue *hay_queue_new(const struct hay_queue_options *options, struct hay_error *error);

/* Take it from this process only; no thread of it may still use it. Others go on. The memory goes when the last process has freed
 * it or ended. Tasks that this process holds count as lost. NULL is fine. */
HAY_API void hay_queue_free(struct hay_queue *queue);

/* Put an item at the end. The bytes are copied; they may be NULL when `size` is 0. Blocks while there is no room. HAY_OK: it
 * is in. Otherwise nothing is: HAY_EFULL (timeout 0), HAY_ETIMEDOUT; HAY_ESTATE: the queue is closed, perhaps during the
 * wait; HAY_EMSGSIZE: larger than max_bytes, it would never fit; HAY_EBUSY: called by a signal handler in the middle of
 * another call. */
HAY_API enum hay_status hay_queue_put(struct hay_queue *queue, const void *bytes, size_t size, int timeout_ms);

/* Take the first item into the caller's memory. `size` (may be NULL) gets its size. Blocks while the queue is empty. HAY_OK.
 * HAY_EEMPTY (timeout 0), HAY_ETIMEDOUT; HAY_EOF: closed and empty, for good; HAY_EMSGSIZE: it is larger than `capacity`,
 * `size` says how large, and it stays the first; HAY_EBUSY: as for put; HAY_EBROKEN: a wild write has spoilt the queue's
 * memory. */
HAY_API enum hay_status hay_queue_get(struct hay_queue *queue, void *buffer, size_t capacity, size_t *size, int timeout_ms);

/* The same into new memory, freed by the caller with free(). One NUL, not counted, follows the bytes. `size` may be NULL.
 * As hay_queue_get(), and HAY_ENOMEM: the item stays the first. On failure *bytes is NULL. */
HAY_API enum hay_status hay_queue_take(struct hay_queue *queue, void **bytes, size_t *size, int timeout_ms);

/* No more puts, from any process. What is in can still be taken, then everybody who gets has HAY_EOF. Again: HAY_OK. Blocks
 * for 100 ms at most, and takes effect whatever happens. (Python's close is for the calling process only; there a sentinel
 * must do this.) */
HAY_API enum hay_status hay_queue_close(struct hay_queue *queue);
/* False for NULL. */
HAY_API bool hay_queue_closed(const struct hay_queue *queue);

/* How many items are in, and their sizes together, each rounded up to 8: true at one moment of the call. 0 for NULL. */
HAY_API size_t hay_queue_length(const struct hay_queue *queue);
HAY_API size_t hay_queue_bytes(const struct hay_queue *queue);

/* Tasks: every item is one. Taken, it is held by the process that took it, until somebody calls hay_queue_task_done() for it.
 *
 * Counts one task as done: of those that this process holds; if it holds none, a lost one; else one that another process
 * holds. HAY_ERANGE: more often than items were taken. HAY_ETIMEDOUT: a process that is stopped in the middle of a get keeps
 * the inner lock for 10 s; HAY_EBUSY as for put. */
HAY_API enum hay_status hay_queue_task_done(struct hay_queue *queue);

/* Wait until each item that was put has been taken and is done. HAY_OK, HAY_ETIMEDOUT, or HAY_EOWNERDEAD: a process has ended
 * that held tasks, so they will not be done by it. Told within about 100 ms, and again at each join, until
 * hay_queue_task_done() was called for each of them: by whoever has done the work again, or gives it up. */
HAY_API enum hay_status hay_queue_join(struct hay_queue *queue, int timeout_ms);

/* How many tasks are lost: taken and not done by processes that have ended. 0 for NULL. At most 4,096 processes can be told
 * apart that hold tasks at one time; those of others are never called lost. Blocks for 100 ms at most; 0 if the lock cannot
 * be had. */
HAY_API size_t hay_queue_lost(struct hay_queue *queue);

/* For event loops: a descriptor that is readable while an item is in or the queue is closed. It may be readable when somebody
 * else has just taken the item, so then call hay_queue_get() with a timeout of 0: finding the queue empty makes it unreadable
 * again. Never read it. Until the first call of this or of hay_queue_handle() in any process a put costs nothing for it. It
 * stays the queue's. -1 for NULL, or in a process that has lost it. All processes share it, and each must keep it open, or
 * its puts wake nobody who polls. */
HAY_API int hay_queue_fd(struct hay_queue *queue);
/* For hay_wait(). NULL for NULL. Valid until hay_queue_free(). */
HAY_API struct hay_handle *hay_queue_handle(struct hay_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
