/* SPDX-License-Identifier: MIT
 *
 * The ledger: its calls one by one, and then its two races with two processes. In the claim race a worker claims as fast as it
 * can while the
 * master takes back at random moments: what the worker counts as claimed in an epoch is what the master was told. In the outbox
 * race the master copies
 * while the worker appends and resets: each copy is a row of whole frames that were written in that order.
 */
#include "base/clock.h"
#include "base/mapping.h"
#include "ipc/ledger.h"
#include "support/tap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* TIME_NEVER: the word was not (any more) that claim. */
static int64_t read_start(struct ledger *ledger, struct claim claim, uint32_t position)
{
    int64_t start_ns;
    return ledger_read_start(ledger, claim, position, &start_ns) ? start_ns : TIME_NEVER;
}

static void a_fresh_ledger_has_claimed_nothing(void)
{
    struct ledger *ledger;
    unsigned char copy[OUTBOX_SIZE];
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    struct claim claim = ledger_read_claim(ledger);
    CU_ASSERT(claim.epoch == 1 && claim.started == 0);
    CU_ASSERT_EQUAL(read_start(ledger, claim, 0), LEDGER_ENDED);
    CU_ASSERT_EQUAL(atomic_load(&ledger->cancel), 0);
    CU_ASSERT_EQUAL(outbox_length(ledger), 0);
    CU_ASSERT_EQUAL(ledger_copy_outbox(ledger, copy), 0);
    ledger_close(&ledger);
}

/* Counts the pages of [at, at + size) that are mapped. */
static size_t mapped_pages(const char *at, size_t size, size_t page)
{
    size_t count = 0;
    unsigned char is_there;
    for (size_t i = 0; i < size; i += page)
        count += mincore((char *)(uintptr_t)at + i, page, &is_there) == 0;
    return count;
}

/* Its last page is not full: hiding and closing take all of it all the same, and the guards around. */
static void a_hidden_or_closed_ledger_is_gone_with_its_guards(void)
{
    struct ledger *ledger;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (sizeof *ledger + page - 1) / page * page + 2 * page;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    const char *base = (const char *)ledger - page;
    CU_ASSERT_EQUAL(mapped_pages(base, size, page), size / page);
    CU_ASSERT_EQUAL(ledger_hide_from_children(ledger), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(mapped_pages(base, size, page) != 0);
    int status = -1;
    CU_ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
    ledger_close(&ledger);
    CU_ASSERT_PTR_NULL(ledger);
    CU_ASSERT_EQUAL(mapped_pages(base, size, page), 0);
    ledger_close(&ledger);
}

static void claims_go_in_step(void)
{
    struct ledger *ledger;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 1, 5), LEDGER_OUT_OF_STEP);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 0, 0, 5), LEDGER_STALE);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 2, 0, 5), LEDGER_STALE);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 0, 100), LEDGER_CLAIMED);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 0, 100), LEDGER_OUT_OF_STEP);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){1, 1}, 0), 100);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){1, 0}, 0), TIME_NEVER);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){2, 1}, 0), TIME_NEVER);
    ledger_end(ledger, 0);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){1, 1}, 0), LEDGER_ENDED);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 1, 200), LEDGER_CLAIMED);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){1, 2}, 1), 200);
    CU_ASSERT_EQUAL(read_start(ledger, (struct claim){1, 2}, 0), LEDGER_ENDED); /* the other parity stands */
    ledger_close(&ledger);
}

static void a_take_back_opens_an_epoch_and_keeps_the_running_start(void)
{
    struct ledger *ledger;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 0, 100), LEDGER_CLAIMED);
    struct claim claim = ledger_take_back(ledger, 2);
    CU_ASSERT(claim.epoch == 1 && claim.started == 1);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 1, 1, 300), LEDGER_STALE);
    claim = ledger_read_claim(ledger);
    CU_ASSERT(claim.epoch == 2 && claim.started == 0);
    CU_ASSERT_EQUAL(read_start(ledger, claim, 0), 100);
    ledger_end(ledger, 0);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 2, 0, 400), LEDGER_CLAIMED);
    claim = ledger_take_back(ledger, UINT32_MAX);
    CU_ASSERT(claim.epoch == 2 && claim.started == 1);
    claim = ledger_take_back(ledger, 0); /* epochs wrap and are compared for equality only */
    CU_ASSERT(claim.epoch == UINT32_MAX && claim.started == 0);
    CU_ASSERT_EQUAL(ledger_claim(ledger, 0, 0, 500), LEDGER_CLAIMED);
    ledger_close(&ledger);
}

static void the_outbox_holds_exactly_its_size(void)
{
    struct ledger *ledger;
    static unsigned char copy[OUTBOX_SIZE];
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    CU_ASSERT_PTR_NULL(outbox_reserve(ledger, OUTBOX_SIZE + 1));
    CU_ASSERT_PTR_NULL(outbox_reserve(ledger, SIZE_MAX));
    unsigned char *at = outbox_reserve(ledger, OUTBOX_SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memset(at, 0x5a, OUTBOX_SIZE);
    CU_ASSERT_EQUAL(ledger_copy_outbox(ledger, copy), 0); /* not published yet */
    CU_ASSERT_EQUAL(outbox_publish(ledger, OUTBOX_SIZE), OUTBOX_SIZE);
    CU_ASSERT_PTR_NULL(outbox_reserve(ledger, 1));
    CU_ASSERT_EQUAL(ledger_copy_outbox(ledger, copy), (int)OUTBOX_SIZE);
    CU_ASSERT(copy[0] == 0x5a && copy[OUTBOX_SIZE - 1] == 0x5a);
    outbox_reset(ledger);
    CU_ASSERT_EQUAL(outbox_length(ledger), 0);
    CU_ASSERT_EQUAL(ledger_copy_outbox(ledger, copy), 0);
    CU_ASSERT_PTR_NOT_NULL(outbox_reserve(ledger, OUTBOX_SIZE));
    ledger_close(&ledger);
}

static void a_length_that_cannot_be_is_refused(void)
{
    struct ledger *ledger;
    static unsigned char copy[OUTBOX_SIZE];
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    const uint32_t lengths[] = {OUTBOX_SIZE + 1, OUTBOX_SIZE * 2, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        atomic_store(&ledger->outbox_word, (uint64_t)i << 32 | lengths[i]);
        CU_ASSERT_EQUAL(ledger_copy_outbox(ledger, copy), -EPROTO);
    }
    ledger_close(&ledger);
}

/* ---- the claim race ---- */

#define EPOCHS 200000u

struct race {
    _Atomic uint32_t epoch;             /* the worker may claim in it */
    _Atomic uint32_t claimed[EPOCHS + 2];
    _Atomic uint64_t double_claims;
    _Atomic bool is_over;
};

static void claim_until_over(struct ledger *ledger, struct race *race)
{
    while (!atomic_load_explicit(&race->is_over, memory_order_relaxed)) {
        uint32_t epoch = atomic_load_explicit(&race->epoch, memory_order_relaxed);
        for (uint32_t position = 0;; position++) {
            enum ledger_claim got = ledger_claim(ledger, epoch, position, position + 1);
            if (got == LEDGER_OUT_OF_STEP)
                atomic_fetch_add(&race->double_claims, 1);
            if (got != LEDGER_CLAIMED)
                break;
            atomic_fetch_add_explicit(&race->claimed[epoch], 1, memory_order_relaxed);
            ledger_end(ledger, position);
        }
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void each_position_is_claimed_or_returned_never_both(void)
{
    struct ledger *ledger;
    static uint32_t told[EPOCHS + 2];
    uint32_t random = 2463534242u, epoch = 1;
    uint64_t claims = 0, wrong = 0, with_claims = 0;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    struct race *race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(race, MAP_FAILED);
    atomic_store(&race->epoch, 1);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        claim_until_over(ledger, race);
        _exit(0);
    }
    int64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;
    while (epoch < EPOCHS && clock_now_ns() < deadline_ns) {
        for (uint32_t i = next_random(&random) & 1023; i; i--)
            (void)ledger_read_claim(ledger);
        /* Both may share a processor: now and then the other side gets its turn. */
        while (epoch % 512 == 0 && ledger_read_claim(ledger).started < 50 && clock_now_ns() < deadline_ns)
            sched_yield();
        struct claim claim = ledger_take_back(ledger, epoch + 1);
        wrong += claim.epoch != epoch;
        told[epoch] = claim.started;
        claims += claim.started;
        with_claims += claim.started != 0;
        atomic_store_explicit(&race->epoch, ++epoch, memory_order_relaxed);
    }
    ledger_take_back(ledger, 0);
    atomic_store(&race->is_over, true);
    waitpid(pid, NULL, 0);
    uint64_t differ = 0;
    for (uint32_t e = 1; e < epoch; e++)
        differ += told[e] != atomic_load(&race->claimed[e]);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(differ, 0);
    CU_ASSERT_EQUAL(atomic_load(&race->double_claims), 0);
    CU_ASSERT(epoch > 1000);
    CU_ASSERT(claims > 1000 && with_claims > 10);
    munmap(race, sizeof *race);
    ledger_close(&ledger);
}

/* ---- the start of a running job ---- */

static void claim_with_times(struct ledger *ledger, const _Atomic bool *is_over)
{
    for (uint32_t position = 0; !atomic_load_explicit(is_over, memory_order_relaxed); position++) {
        if (ledger_claim(ledger, 1, position, (int64_t)position * 2 + 2) != LEDGER_CLAIMED)
            _exit(1);
        ledger_end(ledger, position);
    }
}

static void a_start_that_is_read_belongs_to_its_position(void)
{
    struct mapping flag;
    struct ledger *ledger;
    uint64_t wrong = 0, running = 0;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    CU_ASSERT_EQUAL_FATAL(mapping_open(&flag, sizeof(_Atomic bool)), 0);
    _Atomic bool *is_over = flag.at;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        claim_with_times(ledger, is_over);
        _exit(0);
    }
    for (int64_t deadline_ns = clock_now_ns() + NS_PER_S; clock_now_ns() < deadline_ns;) {
        struct claim claim = ledger_read_claim(ledger);
        if (!claim.started)
            continue;
        int64_t start = read_start(ledger, claim, claim.started - 1);
        running += start != TIME_NEVER && start != LEDGER_ENDED;
        wrong += start != TIME_NEVER && start != LEDGER_ENDED && start != (int64_t)(claim.started - 1) * 2 + 2;
    }
    atomic_store(is_over, true);
    int status;
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(running > 0);
    mapping_close(&flag);
    ledger_close(&ledger);
}

/* ---- the outbox race ---- */

/* A frame: its size, a serial number, then bytes that follow from it. */
struct piece {
    uint32_t size;
    uint32_t serial;
};

static void append_and_reset(struct ledger *ledger, const _Atomic bool *is_over)
{
    uint32_t random = 88172645u;
    for (uint32_t serial = 1; !atomic_load_explicit(is_over, memory_order_relaxed); serial++) {
        struct piece piece = {(uint32_t)sizeof piece + next_random(&random) % 700, serial};
        unsigned char *at = outbox_reserve(ledger, piece.size);
        if (!at || next_random(&random) % 64 == 0) {
            outbox_reset(ledger);
            at = outbox_reserve(ledger, piece.size);
        }
        if (!at)
            _exit(1);
        memcpy(at, &piece, sizeof piece);
        memset(at + sizeof piece, (int)(serial & 255), piece.size - sizeof piece);
        outbox_publish(ledger, piece.size);
    }
}

static bool is_row_of_frames(const unsigned char *copy, size_t length, uint32_t *newest)
{
    uint32_t last = 0;
    for (size_t at = 0; at < length;) {
        struct piece piece;
        if (length - at < sizeof piece)
            return false;
        memcpy(&piece, copy + at, sizeof piece);
        if (piece.size < sizeof piece || piece.size > length - at || (last && piece.serial != last + 1))
            return false;
        for (size_t i = sizeof piece; i < piece.size; i++)
            if (copy[at + i] != (piece.serial & 255))
                return false;
        last = piece.serial;
        at += piece.size;
    }
    if (last && last < *newest)
        return false;
    *newest = last ? last : *newest;
    return true;
}

static void each_copy_of_the_outbox_is_a_row_of_whole_frames(void)
{
    struct mapping flag;
    struct ledger *ledger;
    static unsigned char copy[OUTBOX_SIZE];
    uint64_t copies = 0, filled = 0, wrong = 0;
    uint32_t newest = 0;
    CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
    CU_ASSERT_EQUAL_FATAL(mapping_open(&flag, sizeof(_Atomic bool)), 0);
    _Atomic bool *is_over = flag.at;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        append_and_reset(ledger, is_over);
        _exit(0);
    }
    for (int64_t deadline_ns = clock_now_ns() + 2 * NS_PER_S; clock_now_ns() < deadline_ns; copies++) {
        int length = ledger_copy_outbox(ledger, copy);
        filled += length > 0;
        wrong += length < 0 || !is_row_of_frames(copy, (size_t)length, &newest);
    }
    atomic_store(is_over, true);
    waitpid(pid, NULL, 0);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(copies > 100);
    CU_ASSERT(filled > 0);
    mapping_close(&flag);
    ledger_close(&ledger);
}

static void a_worker_killed_anywhere_leaves_whole_frames(void)
{
    static unsigned char copy[OUTBOX_SIZE];
    int wrong = 0;
    struct mapping flag;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&flag, sizeof(_Atomic bool)), 0);
    _Atomic bool *never = flag.at;
    for (int i = 0; i < 200; i++) {
        struct ledger *ledger;
        uint32_t newest = 0;
        CU_ASSERT_EQUAL_FATAL(ledger_open(&ledger), 0);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            append_and_reset(ledger, never);
            _exit(0);
        }
        int64_t deadline_ns = clock_now_ns() + 5 * NS_PER_S;
        while (!outbox_length(ledger) && clock_now_ns() < deadline_ns)
            sched_yield();
        for (int spin = i * 37; spin; spin--)
            (void)outbox_length(ledger);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        int length = ledger_copy_outbox(ledger, copy);
        wrong += length < 0 || !is_row_of_frames(copy, (size_t)length, &newest);
        ledger_close(&ledger);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    mapping_close(&flag);
}

int main(void)
{
    CU_TestInfo calls[] = {
        {"a fresh ledger has claimed nothing", a_fresh_ledger_has_claimed_nothing},
        {"a hidden or closed ledger is gone with its guards", a_hidden_or_closed_ledger_is_gone_with_its_guards},
        {"claims go in step", claims_go_in_step},
        {"a take-back opens an epoch and keeps the running start", a_take_back_opens_an_epoch_and_keeps_the_running_start},
        {"the outbox holds exactly its size", the_outbox_holds_exactly_its_size},
        {"a length that cannot be is refused", a_length_that_cannot_be_is_refused},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo races[] = {
        {"each position is claimed or returned, never both", each_position_is_claimed_or_returned_never_both},
        {"a start that is read belongs to its position", a_start_that_is_read_belongs_to_its_position},
        {"each copy of the outbox is a row of whole frames", each_copy_of_the_outbox_is_a_row_of_whole_frames},
        {"a worker killed anywhere leaves whole frames", a_worker_killed_anywhere_leaves_whole_frames},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"ledger", NULL, NULL, NULL, NULL, calls}, {"ledger race", NULL, NULL, NULL, NULL, races},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
