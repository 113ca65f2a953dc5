/* SPDX-License-Identifier: MIT
 *
 * hay_wait(): one poll() over handles of every kind. What an object holds in memory already is asked before the sleep; what
 * poll() reports is put to the object after it, so that a wake-up that means nothing to it does not count as ready.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ON_STACK 64

struct waiting {
    struct hay_handle *const *handles;
    struct pollfd *polled;
    size_t count;
    bool *ready; /* or NULL */
};

static enum hay_status refuse(struct hay_error *error, size_t at, enum hay_status status)
{
    if (status == HAY_ESTATE)
        return error_set(error, status, "handle %zu is closed, given away, not started or not this process's", at);
    if (status == HAY_EINVAL)
        return error_set(error, status, "handle %zu cannot be waited for: absent, not open, or an end that only sends", at);
    return error_set(error, status, "handle %zu: %s", at, hay_status_text(status));
}

/* Ask each object; `after` is false before the poll and true after it. Returns how many are ready, or a negative status. */
static int ask(struct waiting *waiting, bool after, struct hay_error *error)
{
    int found = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct hay_handle *handle = waiting->handles[i];
        struct pollfd *polled = &waiting->polled[i];
        int revents = after ? polled->revents : 0;
        int answer = 0;
        if (!handle)
            return -(int)refuse(error, i, HAY_EINVAL);
        if (handle->fd < 0)
            return -(int)refuse(error, i, handle->kind == HAY_HANDLE_FD ? HAY_EINVAL : HAY_ESTATE);
        if (revents & POLLNVAL)
            return -(int)refuse(error, i, HAY_EINVAL);
        if (handle->ready && (!after || revents))
            answer = handle->ready(handle, revents);
        else if (after)
            answer = revents != 0;
        if (answer < 0)
            return -(int)refuse(error, i, (enum hay_status)-answer);
        if (waiting->ready)
            waiting->ready[i] = answer > 0 || (after && waiting->ready[i]);
        found += answer > 0;
        if (!after)
            *polled = (struct pollfd){handle->fd, handle->events, 0};
    }
    return found;
}

static enum hay_status wait_for_any(struct waiting *waiting, int64_t deadline_ns, struct hay_error *error)
{
    for (;;) {
        int before = ask(waiting, false, error);
        if (before < 0)
            return (enum hay_status)-before;
        int n = poll(waiting->polled, waiting->count, before ? 0 : clock_left_ms(deadline_ns));
        if (n < 0 && errno == EINVAL) /* it has no other reason */
            return error_set(error, HAY_ERANGE, "%zu handles are more than the descriptors that this process may have",
                             waiting->count);
        if (n < 0 && errno != EINTR)
            return error_system(error, errno, "poll");
        if (n < 0 && before)
            continue;
        int after = n > 0 ? ask(waiting, true, error) : 0;
        if (after < 0)
            return (enum hay_status)-after;
        if (before || after)
            return HAY_OK;
        if (deadline_ns != TIME_NEVER && clock_now_ns() >= deadline_ns)
            return error_set(error, HAY_ETIMEDOUT, "nothing was ready in time");
    }
}

enum hay_status hay_wait(struct hay_handle *const *handles, size_t count, bool *ready, int timeout_ms, struct hay_error *error)
{
    struct pollfd on_stack[ON_STACK];
    struct waiting waiting = {handles, on_stack, count, ready};
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    if (count && !handles)
        return error_set(error, HAY_EINVAL, "no handles to wait for");
    if (!count && timeout_ms < 0)
        return error_set(error, HAY_EINVAL, "no handles and no timeout would never end");
    if (ready && count)
        memset(ready, 0, count * sizeof *ready);
    if (count > ON_STACK) {
        waiting.polled = calloc(count, sizeof *waiting.polled);
        if (!waiting.polled)
            return error_set(error, HAY_ENOMEM, "no memory to wait for %zu handles", count);
    }
    enum hay_status status = wait_for_any(&waiting, deadline_ns, error);
    if (waiting.polled != on_stack)
        free(waiting.polled);
    if (status && ready && count)
        memset(ready, 0, count * sizeof *ready);
    return status;
}
