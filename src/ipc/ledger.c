/* SPDX-License-Identifier: MIT */
#include "ipc/ledger.h"

#include "base/mapping.h"

#include <errno.h>
#include <string.h>

#define OUTBOX_TRIES 3

static struct mapping mapping_of(struct ledger *ledger)
{
    return (struct mapping){ledger, sizeof *ledger};
}

int ledger_open(struct ledger **ledger)
{
    struct mapping mapping;
    int status = mapping_open(&mapping, sizeof **ledger);
    if (status)
        return status;
    *ledger = mapping.at;
    atomic_init(&(*ledger)->claim, claim_pack((struct claim){1, 0}));
    atomic_init(&(*ledger)->start_ns[0], LEDGER_ENDED);
    atomic_init(&(*ledger)->start_ns[1], LEDGER_ENDED);
    return 0;
}

int ledger_hide_from_children(struct ledger *ledger)
{
    struct mapping mapping = mapping_of(ledger);
    return mapping_hide_from_children(&mapping);
}

void ledger_close(struct ledger **ledger)
{
    mapping_close_own(mapping_of(*ledger));
    *ledger = NULL;
}

bool ledger_read_start(struct ledger *ledger, struct claim claim, uint32_t position, int64_t *start_ns)
{
    if (atomic_load(&ledger->claim) != claim_pack(claim))
        return false;
    *start_ns = atomic_load_explicit(&ledger->start_ns[position & 1], memory_order_acquire);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&ledger->claim) == claim_pack(claim);
}

void ledger_read_hook(const struct ledger *ledger, char *text)
{
    memcpy(text, ledger->hook, LEDGER_HOOK_SIZE);
    text[LEDGER_HOOK_SIZE - 1] = '\0';
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

int ledger_copy_outbox(struct ledger *ledger, unsigned char *copy)
{
    for (int i = 0; i < OUTBOX_TRIES; i++) {
        uint64_t word = atomic_load_explicit(&ledger->outbox_word, memory_order_acquire);
        uint32_t length = (uint32_t)word;
        if (length > OUTBOX_SIZE)
            return -EPROTO;
        memcpy(copy, ledger->outbox, length);
        atomic_thread_fence(memory_order_acquire);
        uint64_t after = atomic_load_explicit(&ledger->outbox_word, memory_order_relaxed);
        if (after >> 32 == word >> 32)
            return (int)length;
    }
    return 0;
}
