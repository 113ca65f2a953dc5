/* SPDX-License-Identifier: MIT
 *
 * Benchmark 9: adding one to a shared number, under a lock that nobody else wants.
 * Prints one line a round and way: name, nanoseconds of one addition. Ways: bare (a robust pthread mutex around a plain
 * `number += 1`), add (a value's lock around its add), store (the same around a load and a store), atomic (the value's add
 * without a lock). The ways take turns, a slice each; the median slice counts.
 *
 *     locks ROUNDS ADDITIONS
 */
#include "bench.h"

#include <hayfork/shared.h>

#include <pthread.h>
#include <sys/mman.h>

#define SLICES 200 /* each shorter than a tick of the scheduler */

struct bare {
    pthread_mutex_t mutex;
    volatile int64_t number;
};

static struct bare *bare;
static struct hay_value *value;

static struct bare *make_bare(void)
{
    pthread_mutexattr_t attributes;
    struct bare *made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        bench_die("mmap: %s", strerror(errno));
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (pthread_mutex_init(&made->mutex, &attributes))
        bench_die("cannot make a robust mutex");
    pthread_mutexattr_destroy(&attributes);
    return made;
}

static bool by_bare(void)
{
    if (pthread_mutex_lock(&bare->mutex))
        return false;
    bare->number += 1;
    return pthread_mutex_unlock(&bare->mutex) == 0;
}

static bool by_add(void)
{
    return !hay_value_lock(value, -1) && !hay_value_add_i64(value, 1, NULL) && !hay_value_unlock(value);
}

static bool by_store(void)
{
    int64_t number;
    return !hay_value_lock(value, -1) && !hay_value_load_i64(value, &number) && !hay_value_store_i64(value, number + 1) &&
           !hay_value_unlock(value);
}

static bool by_atomic(void)
{
    return !hay_value_add_i64(value, 1, NULL);
}

/* Inlined into each of its calls, so that no way pays for a call by pointer. */
__attribute__((always_inline))
static inline int64_t slice(bool (*add)(void), long count)
{
    int64_t begin_ns = bench_now_ns();
    for (long i = 0; i < count; i++)
        if (!add())
            bench_die("an addition failed");
    return bench_now_ns() - begin_ns;
}

static void run_round(long count, bool is_shown)
{
    static const char *const names[] = {"bare", "add", "store", "atomic"};
    static int64_t spent_ns[4][SLICES];
    long each = count / SLICES;
    for (int turn = 0; turn < SLICES; turn++) {
        spent_ns[0][turn] = slice(by_bare, each);
        spent_ns[1][turn] = slice(by_add, each);
        spent_ns[2][turn] = slice(by_store, each);
        spent_ns[3][turn] = slice(by_atomic, each);
    }
    for (int i = 0; is_shown && i < 4; i++)
        printf("%s %.2f\n", names[i], (double)bench_median(spent_ns[i], SLICES) / (double)each);
}

int main(int argc, char **argv)
{
    struct hay_error error = {0};
    int64_t number;
    if (argc != 3)
        bench_die("usage: locks ROUNDS ADDITIONS");
    long rounds = bench_count(argv[1], 1), count = bench_count(argv[2], SLICES) / SLICES * SLICES;
    bare = make_bare();
    value = hay_value_new(HAY_I64, &error);
    if (!value)
        bench_die("%s", error.text);
    run_round(SLICES, false); /* warm */
    for (long round = 0; round < rounds; round++)
        run_round(count, true);
    if (hay_value_load_i64(value, &number) || number != 3 * bare->number)
        bench_die("the sums differ: an addition was lost");
    hay_value_free(value);
    return 0;
}
