/* SPDX-License-Identifier: MIT */
#include "sync/mutex.h"

#include "base/clock.h"
#include "base/error.h"
#include "sync/robust.h"

#include <errno.h>

int mutex_init(struct hay_mutex *mutex, bool is_recursive)
{
    mutex->is_recursive = is_recursive;
    mutex->is_inner = true;
    return robust_init(&mutex->lock);
}

struct hay_mutex *hay_mutex_new(const struct hay_mutex_options *options, struct hay_error *error)
{
    struct hay_mutex *mutex = mapping_new(sizeof *mutex, offsetof(struct hay_mutex, mapping), "a mutex", error);
    if (!mutex)
        return NULL;
    int rc = mutex_init(mutex, options && options->recursive);
    if (rc < 0) {
        mapping_close_own(mutex->mapping);
        error_system(error, -rc, "cannot make a mutex");
        return NULL;
    }
    mutex->is_inner = false;
    return mutex;
}

enum hay_status hay_mutex_free(struct hay_mutex *mutex)
{
    if (!mutex)
        return HAY_OK;
    if (mutex->is_inner)
        return HAY_EINVAL;
    /* Unmapped while it is in the thread's list of held locks, it would take the next locker down. */
    if (mutex_is_mine(mutex))
        return HAY_EBUSY;
    mapping_close_own(mutex->mapping);
    return HAY_OK;
}

static enum hay_status lock_again(struct hay_mutex *mutex)
{
    uint32_t again = atomic_load_explicit(&mutex->again, memory_order_relaxed);
    if (!mutex->is_recursive)
        return HAY_ESTATE;
    if (again == UINT32_MAX)
        return HAY_ERANGE;
    atomic_store_explicit(&mutex->again, again + 1, memory_order_relaxed);
    return atomic_load_explicit(&mutex->dead, memory_order_relaxed) ? HAY_EOWNERDEAD : HAY_OK;
}

static enum hay_status lock_until(struct hay_mutex *mutex, int64_t deadline_ns, int rc)
{
    switch (robust_lock_slowly(&mutex->lock, deadline_ns, rc)) {
    case -EOWNERDEAD:
        /* Killed before these stores, we die as its holder, and the next one is told. */
        atomic_store_explicit(&mutex->again, 0, memory_order_relaxed);
        atomic_store_explicit(&mutex->dead, true, memory_order_relaxed);
        break;
    case 0:
        break;
    case -EDEADLK:
        return lock_again(mutex);
    case -ETIMEDOUT:
        return HAY_ETIMEDOUT;
    default:
        return HAY_ESYSTEM;
    }
    return atomic_load_explicit(&mutex->dead, memory_order_relaxed) ? HAY_EOWNERDEAD : HAY_OK;
}

enum hay_status mutex_lock_slowly(struct hay_mutex *mutex, int timeout_ms, int rc)
{
    return lock_until(mutex, timeout_ms ? clock_deadline_ns(timeout_ms) : 0, rc);
}

bool mutex_is_mine(struct hay_mutex *mutex)
{
    int rc = robust_lock(&mutex->lock, 0);
    if (rc == -EOWNERDEAD) {
        atomic_store(&mutex->again, 0);
        atomic_store(&mutex->dead, true);
    }
    if (rc == 0 || rc == -EOWNERDEAD)
        robust_unlock(&mutex->lock);
    return rc == -EDEADLK;
}

enum hay_status mutex_unlock_one(struct hay_mutex *mutex, uint32_t again)
{
    if (!mutex_is_mine(mutex))
        return HAY_ESTATE;
    atomic_store_explicit(&mutex->again, again - 1, memory_order_relaxed);
    return HAY_OK;
}

uint32_t mutex_release_all(struct hay_mutex *mutex)
{
    uint32_t again = atomic_exchange_explicit(&mutex->again, 0, memory_order_relaxed);
    robust_unlock(&mutex->lock);
    return again;
}

enum hay_status mutex_retake(struct hay_mutex *mutex, int64_t deadline_ns, uint32_t again)
{
    enum hay_status status = lock_until(mutex, deadline_ns, pthread_mutex_trylock(&mutex->lock));
    if (status == HAY_OK || status == HAY_EOWNERDEAD)
        atomic_store_explicit(&mutex->again, again, memory_order_relaxed);
    return status;
}

enum hay_status hay_mutex_lock(struct hay_mutex *mutex, int timeout_ms)
{
    return mutex ? mutex_lock(mutex, timeout_ms) : HAY_EINVAL;
}

enum hay_status hay_mutex_unlock(struct hay_mutex *mutex)
{
    return mutex ? mutex_unlock(mutex) : HAY_EINVAL;
}

enum hay_status hay_mutex_consistent(struct hay_mutex *mutex)
{
    if (!mutex)
        return HAY_EINVAL;
    if (!mutex_is_mine(mutex))
        return HAY_ESTATE;
    atomic_store(&mutex->dead, false);
    return HAY_OK;
}
