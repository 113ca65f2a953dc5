/* SPDX-License-Identifier: MIT
 *
 * A barrier: one 64-bit word {round:32, broken:1, acting:1, left:1, arrived:29} and a bell. Every step is one compare-and-swap on
 * the word, so a kill falls before it or after it. A round ends when the last party moves the word to the next round; a waiter
 * knows the end by the changed round. A reset also ends a round, and marks it in `resets` first.
 *
 * The party that runs the action holds a robust lock meanwhile: a waiter that gets the lock while the word says `acting` has
 * found the actor dead, and breaks the barrier.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/mapping.h"
#include "sync/doorbell.h"
#include "sync/robust.h"

#include <hayfork/sync.h>

#define PARTIES_LIMIT 1000000
#define BROKEN (UINT64_C(1) << 31)
#define ACTING (UINT64_C(1) << 30)
#define LEFT (UINT64_C(1) << 29)        /* while acting: one who came for the next round has left; that begins broken */
#define ARRIVED(word) ((uint32_t)((word) & (LEFT - 1)))
#define ROUND(word) ((uint32_t)((word) >> 32))
#define NEXT_ROUND(word) ((uint64_t)(ROUND(word) + 1) << 32)
#define LOOK_AGAIN HAY_STATUS_COUNT     /* the word has moved */
#define LOCK_GRACE_NS (100 * NS_PER_MS) /* the last actor may be about to unlock */
#define RESETS 64               /* a waiter that sleeps through so many rounds of others may take a pass for a reset */
#define RESETS_AGO (1u << 20)   /* rounds that a waiter sleeps through at most */

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics in shared memory have to be free of locks");

struct hay_barrier {
    _Atomic uint64_t word;
    struct doorbell bell;
    uint32_t parties;
    int (*action)(void *context);
    void *context;
    pthread_mutex_t acting;     /* held by the one who runs the action */
    _Atomic uint64_t resets[RESETS]; /* at [round % RESETS]: round + 1, if that was reset */
    struct mapping mapping;
};

struct hay_barrier *hay_barrier_new(const struct hay_barrier_options *options, struct hay_error *error)
{
    if (!options || options->parties < 1 || options->parties > PARTIES_LIMIT) {
        error_set(error, HAY_EINVAL, "a barrier has 1 to %d parties", PARTIES_LIMIT);
        return NULL;
    }
    struct hay_barrier *barrier = mapping_new(sizeof *barrier, offsetof(struct hay_barrier, mapping), "a barrier", error);
    if (!barrier)
        return NULL;
    barrier->parties = (uint32_t)options->parties;
    barrier->action = options->action;
    barrier->context = options->context;
    int rc = robust_init(&barrier->acting);
    if (rc < 0) {
        mapping_close_own(barrier->mapping);
        error_system(error, -rc, "cannot make a barrier's lock");
        return NULL;
    }
    return barrier;
}

void hay_barrier_free(struct hay_barrier *barrier)
{
    if (!barrier)
        return;
    mapping_close_own(barrier->mapping);
}

static bool move_word(struct hay_barrier *barrier, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong(&barrier->word, &from, to);
}

/* False: the round is over or broken already. */
static bool break_round(struct hay_barrier *barrier, uint32_t round)
{
    uint64_t word = atomic_load(&barrier->word);
    do {
        if (ROUND(word) != round || (word & BROKEN))
            return false;
    } while (!atomic_compare_exchange_weak(&barrier->word, &word, word | BROKEN));
    doorbell_ring(&barrier->bell, FUTEX_ALL);
    return true;
}

/* Where a later one has taken its place, it is not known: then yes, for that nobody passes who did not. */
static bool was_reset(struct hay_barrier *barrier, uint32_t round)
{
    uint64_t reset = atomic_load(&barrier->resets[round % RESETS]);
    return reset && (uint32_t)(reset - 1) - round < RESETS_AGO;
}

/* While the word says `acting`, from a party that waits. -EDEADLK: it is the actor itself, inside the action. */
static int check_actor(struct hay_barrier *barrier, uint64_t word)
{
    int rc = robust_lock(&barrier->acting, 0);
    if (rc == -EDEADLK)
        return rc;
    if (rc == 0 || rc == -EOWNERDEAD) {
        if (atomic_load(&barrier->word) == word)
            break_round(barrier, ROUND(word));
        robust_unlock(&barrier->acting);
    }
    return 0;
}

/* Sleeps until the round is over. */
static enum hay_status await_round(struct hay_barrier *barrier, uint32_t round, int64_t deadline_ns)
{
    for (;;) {
        uint32_t seen = doorbell_listen(&barrier->bell);
        uint64_t word = atomic_load(&barrier->word);
        if (ROUND(word) != round)
            return was_reset(barrier, round) ? HAY_EBROKEN : HAY_OK;
        if (word & BROKEN)
            return HAY_EBROKEN;
        if ((word & ACTING) && check_actor(barrier, word) == -EDEADLK)
            return HAY_ESTATE;
        if (clock_now_ns() < deadline_ns)
            doorbell_wait(&barrier->bell, seen, deadline_ns);
        else if (break_round(barrier, round))
            return HAY_ETIMEDOUT;
    }
}

static bool end_action(struct hay_barrier *barrier, uint32_t round)
{
    uint64_t word = atomic_load(&barrier->word);
    do {
        if (ROUND(word) != round || (word & BROKEN))
            return false;
    } while (!atomic_compare_exchange_weak(&barrier->word, &word, NEXT_ROUND(word) | (word & LEFT ? BROKEN : 0)));
    return true;
}

/* The last party of a round with an action. */
static enum hay_status run_action(struct hay_barrier *barrier, uint64_t word, int64_t deadline_ns)
{
    int64_t grace_ns = clock_now_ns() + LOCK_GRACE_NS;
    int rc = robust_lock(&barrier->acting, deadline_ns > grace_ns ? deadline_ns : grace_ns);
    if (rc == -ETIMEDOUT)
        return break_round(barrier, ROUND(word)) ? HAY_ETIMEDOUT : LOOK_AGAIN;
    if (rc < 0 && rc != -EOWNERDEAD)
        return rc == -EDEADLK ? HAY_ESTATE : HAY_ESYSTEM;
    enum hay_status status = LOOK_AGAIN;
    if (move_word(barrier, word, word | ACTING)) {
        bool is_done = barrier->action(barrier->context) == 0 && end_action(barrier, ROUND(word));
        status = is_done ? HAY_OK : HAY_EBROKEN;
        if (!is_done)
            break_round(barrier, ROUND(word));
    }
    robust_unlock(&barrier->acting);
    if (status == HAY_OK)
        doorbell_ring(&barrier->bell, FUTEX_ALL);
    return status;
}

/* Comes in as the last one. */
static enum hay_status complete_round(struct hay_barrier *barrier, uint64_t word, int64_t deadline_ns)
{
    if (barrier->action)
        return run_action(barrier, word, deadline_ns);
    if (!move_word(barrier, word, NEXT_ROUND(word)))
        return LOOK_AGAIN;
    doorbell_ring(&barrier->bell, FUTEX_ALL);
    return HAY_OK;
}

static enum hay_status pass(struct hay_barrier *barrier, int64_t deadline_ns, uint32_t *index)
{
    for (;;) {
        uint32_t seen = doorbell_listen(&barrier->bell);
        uint64_t word = atomic_load(&barrier->word);
        if (word & BROKEN)
            return HAY_EBROKEN;
        if (word & ACTING) {
            /* Full: its action has to end before the next round begins, which is ours. */
            if (check_actor(barrier, word) == -EDEADLK)
                return HAY_ESTATE;
            if (clock_now_ns() < deadline_ns)
                doorbell_wait(&barrier->bell, seen, deadline_ns);
            else if (move_word(barrier, word, word | LEFT))
                return HAY_ETIMEDOUT;
            continue;
        }
        *index = ARRIVED(word);
        if (*index + 1 == barrier->parties) {
            enum hay_status status = complete_round(barrier, word, deadline_ns);
            if (status != LOOK_AGAIN)
                return status;
        } else if (move_word(barrier, word, word + 1)) {
            return await_round(barrier, ROUND(word), deadline_ns);
        }
    }
}

enum hay_status hay_barrier_wait(struct hay_barrier *barrier, int timeout_ms, int *index)
{
    if (!barrier)
        return HAY_EINVAL;
    uint32_t place = 0;
    enum hay_status status = pass(barrier, clock_deadline_ns(timeout_ms), &place);
    if (status == HAY_OK && index)
        *index = (int)place;
    return status;
}

enum hay_status hay_barrier_abort(struct hay_barrier *barrier)
{
    if (!barrier)
        return HAY_EINVAL;
    uint64_t word = atomic_load(&barrier->word);
    while (!(word & BROKEN) && !break_round(barrier, ROUND(word)))
        word = atomic_load(&barrier->word);
    return HAY_OK;
}

/* First broken, so that the round cannot pass while it is marked. A kill in between leaves it broken. */
enum hay_status hay_barrier_reset(struct hay_barrier *barrier)
{
    if (!barrier)
        return HAY_EINVAL;
    uint64_t word = atomic_load(&barrier->word);
    if (!ARRIVED(word) && !(word & (BROKEN | ACTING)))
        return HAY_OK;
    break_round(barrier, ROUND(word));
    word = atomic_load(&barrier->word);
    if (word & BROKEN) {
        atomic_store(&barrier->resets[ROUND(word) % RESETS], (uint64_t)ROUND(word) + 1);
        move_word(barrier, word, NEXT_ROUND(word));
        doorbell_ring(&barrier->bell, FUTEX_ALL);
    }
    return HAY_OK;
}

int hay_barrier_parties(const struct hay_barrier *barrier)
{
    return barrier ? (int)barrier->parties : 0;
}

int hay_barrier_waiting(const struct hay_barrier *barrier)
{
    uint64_t word = barrier ? atomic_load(&barrier->word) : 0;
    return word & BROKEN ? 0 : (int)ARRIVED(word);
}

bool hay_barrier_broken(const struct hay_barrier *barrier)
{
    return barrier && (atomic_load(&barrier->word) & BROKEN);
}
