/* SPDX-License-Identifier: MIT */
#include "sync/robust.h"

#include "base/clock.h"
#include "sync/futex.h"

#include <errno.h>
#include <time.h>

int robust_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    int rc = pthread_mutexattr_init(&attributes);
    if (rc)
        return -rc;
    rc = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (!rc)
        rc = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (!rc)
        rc = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (!rc)
        rc = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -rc;
}

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#elif defined __SANITIZE_THREAD__
#define HAS_THREAD_SANITIZER 1
#endif

#ifdef HAS_THREAD_SANITIZER
/* ThreadSanitizer does not see a lock taken by pthread_mutex_clocklock(). */
static int lock_until(pthread_mutex_t *lock, int64_t until_ns)
{
    int rc;
    while ((rc = pthread_mutex_trylock(lock)) == EBUSY && clock_now_ns() < until_ns)
        nanosleep(&(struct timespec){0, 20 * NS_PER_US}, NULL);
    return rc == EBUSY ? ETIMEDOUT : rc;
}
#else
static int lock_until(pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until);
}
#endif

/* A holder killed between its unlock and the wake can leave us asleep beside a free lock: so in slices. The closing trylock also
 * makes glibc forget that this thread was about to take the lock, which its clocklock does not when it times out; the lock
 * may be unmapped later. */
static int lock_in_slices(pthread_mutex_t *lock, int64_t deadline_ns)
{
    int rc = EBUSY;
    for (;;) {
        int64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns)
            return rc == ETIMEDOUT ? pthread_mutex_trylock(lock) : rc;
        rc = lock_until(lock, now_ns + RECHECK_NS < deadline_ns ? now_ns + RECHECK_NS : deadline_ns);
        if (rc != ETIMEDOUT && rc != EINTR)
            return rc;
    }
}

int robust_lock_slowly(pthread_mutex_t *lock, int64_t deadline_ns, int rc)
{
    if (rc == EBUSY)
        rc = lock_in_slices(lock, deadline_ns);
    if (rc == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    return rc == EBUSY ? -ETIMEDOUT : -rc;
}
