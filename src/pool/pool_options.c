/* SPDX-License-Identifier: MIT
 *
 * The options of a pool: checked once, with the defaults filled in, so that nobody after this has to know them.
 */
#include "pool/pool.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/statm.h"

#include <fcntl.h>

#define DEFAULT_BYTES (UINT64_C(64) << 20)
#define DEFAULT_RESULT (UINT64_C(16) << 20)
#define DEFAULT_START_TIMEOUT_MS 10000
#define DEFAULT_RETRY_DELAY_MS 100
#define DEFAULT_RETRY_DELAY_MAX_MS 30000

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= POOL_MAX_MS;
}

enum hay_status pool_options_fill(struct hay_pool_options *options, struct hay_error *error)
{
    if (options->workers == 0)
        options->workers = hay_cpu_count();
    if (options->workers < HAY_POOL_INLINE || options->workers > HAY_POOL_MAX_WORKERS)
        return error_set(error, HAY_EINVAL, "%d workers: 1 to %d are possible", options->workers, HAY_POOL_MAX_WORKERS);
    if (!is_time(options->timeout_ms) || !is_time(options->start_timeout_ms) ||
        (options->grace_ms != HAY_POOL_NO_GRACE && !is_time(options->grace_ms)) || !is_time(options->retry_delay_ms) ||
        !is_time(options->retry_delay_max_ms) || !is_time(options->max_worker_age_ms))
        return error_set(error, HAY_EINVAL, "a time in the pool's options is out of range");
    if (options->retries < 0 || options->crash_retries < HAY_POOL_NO_CRASH_RETRY)
        return error_set(error, HAY_EINVAL, "a retry count in the pool's options is negative");
    if (options->max_result_bytes > HAY_POOL_MAX_RESULT_BYTES)
        return error_set(error, HAY_EINVAL, "a result limit over 1 GiB");
    if (options->limits.nice < 0 || options->limits.nice > 19)
        return error_set(error, HAY_EINVAL, "nice %d in the pool's options: 0 to 19 are possible", options->limits.nice);
    if (options->max_worker_bytes && options->workers != HAY_POOL_INLINE && !statm_is_ours())
        return error_set(error, HAY_EINVAL, "max_worker_bytes cannot be kept: /proc does not show this process");
    if (options->keep_count > HAY_POOL_MAX_KEEP || (options->keep_count && !options->keep_fds))
        return error_set(error, HAY_EINVAL, "0 to %d descriptors can be kept", HAY_POOL_MAX_KEEP);
    for (size_t i = 0; i < options->keep_count; i++) {
        int fd = options->keep_fds[i];
        if (fd < 3 || fcntl(fd, F_GETFD) < 0)
            return error_set(error, HAY_EINVAL, "descriptor %d cannot be kept: it is not open, or below 3", fd);
        if (handle_has_pipe(fd))
            return error_set(error, HAY_EINVAL, "descriptor %d cannot be kept: an end of a pipe belongs to one process", fd);
    }
    if (!options->max_jobs)
        options->max_jobs = pool_default_jobs(options->workers);
    if (!options->max_bytes)
        options->max_bytes = DEFAULT_BYTES;
    if (!options->max_result_bytes)
        options->max_result_bytes = DEFAULT_RESULT;
    options->start_timeout_ms = options->start_timeout_ms ? options->start_timeout_ms : DEFAULT_START_TIMEOUT_MS;
    options->grace_ms = options->grace_ms == HAY_POOL_NO_GRACE ? 0 : options->grace_ms ? options->grace_ms : HAY_POOL_GRACE_MS;
    if (options->crash_retries == 0)
        options->crash_retries = 1;
    else if (options->crash_retries == HAY_POOL_NO_CRASH_RETRY)
        options->crash_retries = 0;
    options->retry_delay_ms = options->retry_delay_ms ? options->retry_delay_ms : DEFAULT_RETRY_DELAY_MS;
    options->retry_delay_max_ms = options->retry_delay_max_ms ? options->retry_delay_max_ms : DEFAULT_RETRY_DELAY_MAX_MS;
    return HAY_OK;
}
