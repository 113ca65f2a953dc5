/* SPDX-License-Identifier: MIT
 *
 * One small shared mapping per worker: what it has claimed, when that began, what it has finished but not yet sent. The worker
 * writes it, the master reads it and believes nothing; only `claim` is written by both, and `cancel` by the master alone.
 *
 * claim = {epoch:32, started:32}. Before it runs the job at position p of epoch e the worker moves {e, p} to {e, p+1}. The
 * master takes back all that is unstarted with one exchange to {e+1, 0}; what it gets back tells how many began.
 * outbox_word = {resets:32, length:32}: bytes of finished frames, published by a release store of the word after the bytes.
 *
 * Guarantee: whatever the instant of a kill, each sending is claimed or not, and each result in the outbox is whole or absent.
 */
#ifndef IPC_LEDGER_H
#define IPC_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_SIZE (64u * 1024)
#define LEDGER_HOOK_SIZE 128
#define LEDGER_ENDED INT64_MIN /* in start_ns: that job has ended */

struct ledger {
    _Atomic uint64_t claim;
    _Atomic int64_t start_ns[2];      /* of position p at [p & 1], written before the claim of p */
    _Atomic uint64_t cancel;          /* number of the job that should end, 0: none */
    _Atomic uint64_t has_stopped;     /* 1: the worker has come to the end of its stop; the last that it writes */
    char apart[56];                   /* the master reads the words above while the worker writes what is below */
    _Atomic uint64_t outbox_word;
    unsigned char outbox[OUTBOX_SIZE];
    char hook[LEDGER_HOOK_SIZE];      /* which hook of whom runs, "": none; the worker's words */
};

struct claim {
    uint32_t epoch;
    uint32_t started;
};

static inline uint64_t claim_pack(struct claim claim)
{
    return (uint64_t)claim.epoch << 32 | claim.started;
}

static inline struct claim claim_unpack(uint64_t word)
{
    return (struct claim){(uint32_t)(word >> 32), (uint32_t)word};
}

/* A fresh ledger, {epoch 1, started 0}. 0 or -errno. */
int ledger_open(struct ledger **ledger);
/* Children forked after this do not have it. 0 or -errno. */
int ledger_hide_from_children(struct ledger *ledger);
/* NULL is fine, and is what is left. */
void ledger_close(struct ledger **ledger);

/* ---- worker ---- */

enum ledger_claim { LEDGER_CLAIMED, LEDGER_STALE, LEDGER_OUT_OF_STEP };

/* Write the start, then claim. STALE: the sending was taken back, drop its frame. OUT_OF_STEP: not the next position of this
 * epoch. */
static inline enum ledger_claim ledger_claim(struct ledger *ledger, uint32_t epoch, uint32_t position, int64_t now_ns)
{
    uint64_t word = atomic_load_explicit(&ledger->claim, memory_order_relaxed);
    struct claim seen = claim_unpack(word);
    if (seen.epoch != epoch)
        return LEDGER_STALE;
    if (seen.started != position)
        return LEDGER_OUT_OF_STEP;
    atomic_store_explicit(&ledger->start_ns[position & 1], now_ns, memory_order_release);
    uint64_t next = claim_pack((struct claim){epoch, position + 1});
    return atomic_compare_exchange_strong(&ledger->claim, &word, next) ? LEDGER_CLAIMED : LEDGER_STALE;
}

/* The job at this position returned; before anything of it is sent. */
static inline void ledger_end(struct ledger *ledger, uint32_t position)
{
    atomic_store_explicit(&ledger->start_ns[position & 1], LEDGER_ENDED, memory_order_release);
}

/* All that a stop has to do is done; what is left is to exit. */
static inline void ledger_stop(struct ledger *ledger)
{
    atomic_store(&ledger->has_stopped, 1);
}

/* Where `size` bytes may be written, or NULL when they do not fit; they count after outbox_publish(). */
static inline unsigned char *outbox_reserve(struct ledger *ledger, size_t size)
{
    uint32_t length = (uint32_t)atomic_load_explicit(&ledger->outbox_word, memory_order_relaxed);
    return size <= OUTBOX_SIZE - length ? ledger->outbox + length : NULL;
}

static inline uint32_t outbox_publish(struct ledger *ledger, size_t size)
{
    uint64_t word = atomic_load_explicit(&ledger->outbox_word, memory_order_relaxed) + size;
    atomic_store_explicit(&ledger->outbox_word, word, memory_order_release);
    return (uint32_t)word;
}

static inline uint32_t outbox_length(struct ledger *ledger)
{
    return (uint32_t)atomic_load_explicit(&ledger->outbox_word, memory_order_relaxed);
}

/* Only after all of it went into the pipe. The fence keeps new bytes from being seen under the old word. */
static inline void outbox_reset(struct ledger *ledger)
{
    uint64_t word = atomic_load_explicit(&ledger->outbox_word, memory_order_relaxed);
    uint64_t resets = (word >> 32) + 1;
    atomic_store_explicit(&ledger->outbox_word, resets << 32, memory_order_release);
    atomic_thread_fence(memory_order_release);
}

/* ---- master ---- */

static inline struct claim ledger_read_claim(struct ledger *ledger)
{
    return claim_unpack(atomic_load(&ledger->claim));
}

/* The worker's own word, so it is for messages and counts only. */
static inline bool ledger_has_stopped(struct ledger *ledger)
{
    return atomic_load(&ledger->has_stopped) != 0;
}

/* Which hook runs, by the worker's own word, as one line of ASCII; "": none. LEDGER_HOOK_SIZE bytes. */
void ledger_read_hook(const struct ledger *ledger, char *text);

/* Take back everything unstarted: from now on a frame of the old epoch is dropped. Returns what the worker had claimed. */
static inline struct claim ledger_take_back(struct ledger *ledger, uint32_t new_epoch)
{
    return claim_unpack(atomic_exchange(&ledger->claim, claim_pack((struct claim){new_epoch, 0})));
}

/* When the job at `position` began, or LEDGER_ENDED. False when the claim word is not (any more) `claim`: the time is good only
 * if the word stood still around it. */
bool ledger_read_start(struct ledger *ledger, struct claim claim, uint32_t position, int64_t *start_ns);

/* Copy the outbox into `copy` (OUTBOX_SIZE bytes). Returns its length, 0 when it is empty or moved under all tries, or -EPROTO
 * for a length that cannot be. */
int ledger_copy_outbox(struct ledger *ledger, unsigned char *copy);

#endif
