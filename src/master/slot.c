/* SPDX-License-Identifier: MIT */
#include "master/slot.h"

#include "base/clock.h"
#include "base/copy.h"
#include "master/lookout.h"
#include "master/master.h"
#include "master/settle.h"
#include "master/supervisor.h"

#include <errno.h>

/* Several times the worker's flush: it has work left while the master wakes, reads what it flushed, and sends more. */
#define WINDOW_NS (4 * NS_PER_MS)
#define AHEAD 4 /* jobs: about as many as fit the time of a cache miss */

/* ---- sending ---- */

bool slot_may_take(const struct slot *slot, const struct job *job, uint32_t estimate_ns)
{
    if (!slot_is_open(slot) || slot_is_recalled(slot) || slot->ending)
        return false;
    if (slot_is_doomed(slot) || slot->next >= POSITION_MAX)
        return false;
    if (slot->held == 0)
        return true;
    if (slot->held >= slot->window || slot->next - slot->base >= WINDOW_MAX)
        return false;
    if (slot->expected_ns + (slot->held > 1 ? estimate_ns : 0) > WINDOW_NS)
        return false;
    /* A job that must be its worker's first is not followed by others until it is settled. */
    const struct job *oldest = slot_sending(slot, slot->base)->job;
    if (oldest && oldest->needs_fresh)
        return false;
    return slot->channel.appended - slot->claimed_offset + FRAME_JOB_OVERHEAD + job->args_size <= WINDOW_BYTES;
}

int slot_send(struct slot *slot, struct job *job, uint32_t estimate_ns)
{
    size_t size = FRAME_JOB_OVERHEAD + job->args_size;
    unsigned char *at = channel_reserve(&slot->channel, size);
    if (!at)
        return -ENOMEM;
    frame_put_head(at, (struct frame_head){.size = (uint32_t)size, .type = FRAME_JOB,
                                           .flags = retry_is_due(&slot->master->options.retry, job) ? FRAME_RETRIED : 0,
                                           .epoch = slot->epoch, .position = slot->next, .job = job->number});
    frame_put_job(at + sizeof(struct frame_head), (struct frame_job){.function = job->function, .attempt = job->attempts + 1,
                                                                     .timeout_ns = job->timeout_ns});
    copy_bytes(at + FRAME_JOB_OVERHEAD, job_args(job), job->args_size);
    channel_commit(&slot->channel, size);
    job_move(&slot->master->store, job, JOB_SENT);
    *slot_sending(slot, slot->next) = (struct sending){job, slot->channel.appended, estimate_ns};
    slot->next++;
    slot->held++;
    slot->expected_ns += estimate_ns;
    if (slot->state == SLOT_IDLE) {
        int64_t now_ns = clock_now_ns();
        slot->first_sight_ns = now_ns;
        slot->excluded_ns = slot->ended_ns = 0;
        slot->look_step = 0;
        slot->look_ns = now_ns + LOOKOUT_FIRST_NS;
        master_want_tick(slot->master, slot->look_ns);
        slot_set_state(slot, SLOT_BUSY);
    }
    return 0;
}

/* ---- the ring ---- */

/* Forget the sending at `position`; its job is the caller's. */
static struct job *take_out(struct slot *slot, uint32_t position)
{
    struct sending *sending = slot_sending(slot, position);
    struct job *job = sending->job;
    sending->job = NULL;
    slot->held--;
    slot->expected_ns -= sending->estimate_ns;
    return job;
}

/* Close up over settled sendings; an empty ring begins the current epoch. */
static void close_up(struct slot *slot)
{
    while (slot->base < slot->claimed && !slot_sending(slot, slot->base)->job)
        slot->base++;
    if (slot->held)
        return;
    slot->expected_ns = 0;
    if (!slot_is_recalled(slot) && slot->next >= POSITION_MAX)
        ledger_take_back(slot->ledger, ++slot->epoch);
    if (slot_is_recalled(slot)) {
        slot->ring_epoch = slot->epoch;
        slot->base = slot->next = slot->claimed = 0;
    }
    if (slot->state == SLOT_BUSY)
        slot_set_state(slot, SLOT_IDLE);
}

/* Believe that all before `started` is claimed. */
static void mark_claimed(struct slot *slot, uint32_t started)
{
    for (uint32_t position = slot->claimed; position < started; position++) {
        struct sending *sending = slot_sending(slot, position);
        job_prefetch(slot_sending(slot, position + AHEAD)->job);
        settle_started(slot->master, slot, sending->job);
        slot->claimed_offset = sending->end_offset;
        slot->started_jobs++;
    }
    slot->claimed = started;
    slot->first_sight_ns = clock_now_ns();
    slot->excluded_ns = slot->ended_ns = 0;
    slot->look_step = 0;
}

/* Believe it, if no more is claimed than was sent, and of that only what has left the buffer whole. */
static bool take_claim(struct slot *slot, struct claim claim, uint32_t epoch)
{
    if (claim.epoch != epoch || claim.started < slot->claimed || claim.started > slot->next)
        return false;
    if (claim.started == slot->claimed)
        return true;
    if (slot_sending(slot, claim.started - 1)->end_offset > slot->channel.sent)
        return false;
    mark_claimed(slot, claim.started);
    return true;
}

static bool check_claim(struct slot *slot, bool believed)
{
    if (!believed)
        supervisor_fault(slot, "claimed what it was never sent");
    return believed;
}

bool slot_update_claim(struct slot *slot)
{
    struct claim claim = ledger_read_claim(slot->ledger);
    if (slot_is_recalled(slot))
        return check_claim(slot, claim.epoch == slot->epoch && claim.started == 0);
    return check_claim(slot, take_claim(slot, claim, slot->epoch));
}

bool slot_take_back(struct slot *slot)
{
    uint32_t old_epoch = slot->epoch;
    return check_claim(slot, take_claim(slot, ledger_take_back(slot->ledger, ++slot->epoch), old_epoch));
}

/* The last of what is unstarted, NULL: nothing is. From the last to the first, each is returned before the one that was before
 * it. `next` moves along: a job may come to its end when it is returned, and what is called back then may cancel what is left,
 * or empty the ring. */
static struct job *take_unstarted(struct slot *slot)
{
    while (slot->next > slot->claimed)
        if (slot_sending(slot, --slot->next)->job)
            return take_out(slot, slot->next);
    return NULL;
}

void slot_return_unstarted(struct slot *slot)
{
    struct job *job;
    channel_recall(&slot->channel);
    while ((job = take_unstarted(slot))) {
        slot->master->recorder.recalled++;
        settle_return(slot->master, job);
    }
    close_up(slot);
}

bool slot_recall(struct slot *slot)
{
    if (slot_is_recalled(slot) || slot->next == slot->claimed)
        return true;
    bool believed = slot_take_back(slot);
    slot_return_unstarted(slot);
    return believed;
}

void slot_forget(struct slot *slot, uint32_t position)
{
    take_out(slot, position);
    close_up(slot);
}

struct job *slot_running(struct slot *slot)
{
    return slot->claimed > slot->base ? slot_sending(slot, slot->claimed - 1)->job : NULL;
}

struct job *slot_bury_ring(struct slot *slot, struct job **head)
{
    struct job *blamed = NULL, *job;
    *head = NULL;
    while ((job = take_unstarted(slot)))
        *head = settle_return(slot->master, job) ? job : NULL;
    /* Several claimed jobs without a result: the ledger lied, for a worker claims the next only after it published the last. The
     * oldest is blamed, and comes last here; the others never began. */
    for (uint32_t position = slot->claimed; position-- > slot->base;) {
        if (!slot_sending(slot, position)->job)
            continue;
        job = take_out(slot, position);
        if (blamed) {
            settle_unstarted(slot->master, blamed);
            settle_return(slot->master, blamed);
        }
        blamed = job;
    }
    slot->base = slot->next = slot->claimed;
    if (blamed)
        *head = NULL;
    return blamed;
}

/* ---- results ---- */

/* Which sending does this answer? 1 with the job, 0 for one that was settled before, -1 for one that was never claimed. */
static int find_sending(struct slot *slot, const struct frame_head *head, struct job **job)
{
    int32_t age = (int32_t)(slot->ring_epoch - head->epoch);
    if (age > 0)
        return 0;
    if (age < 0 || head->position >= slot->next)
        return -1;
    if (head->position < slot->base)
        return 0;
    if (head->position >= slot->claimed && (!slot_update_claim(slot) || head->position >= slot->claimed))
        return -1;
    *job = slot_sending(slot, head->position)->job;
    if (!*job)
        return 0;
    return (*job)->number == head->job ? 1 : -1;
}

/* The times are the worker's word: no earlier than its fork, no later than its claim was seen, no longer than until now. */
static void bound_times(const struct slot *slot, struct frame_result *times)
{
    if (times->start_ns > slot->first_sight_ns)
        times->start_ns = slot->first_sight_ns;
    if (times->start_ns < slot->started_ns)
        times->start_ns = slot->started_ns;
    if (times->run_ns < 0)
        times->run_ns = 0;
    if (times->run_ns < NS_PER_S)
        return; /* not worth a look at the clock */
    int64_t longest_ns = clock_now_ns() - times->start_ns;
    if (times->run_ns > longest_ns)
        times->run_ns = longest_ns;
}

static bool take_result(struct slot *slot, const struct frame_head *head, const unsigned char *body)
{
    struct frame_result fixed;
    struct job *job;
    size_t size = head->size - sizeof *head;
    int found = size < sizeof fixed ? -1 : find_sending(slot, head, &job);
    if (found < 0) {
        supervisor_fault(slot, "sent a result for what it was never given");
        return false;
    }
    if (found == 0)
        return true;
    job_prefetch(slot_sending(slot, head->position + AHEAD)->job);
    memcpy(&fixed, body, sizeof fixed);
    bound_times(slot, &fixed);
    job->start_ns = fixed.start_ns;
    job->run_ns = fixed.run_ns;
    slot->busy_ns += fixed.run_ns;
    if (!slot->excluded_ns) /* else it may have stood still */
        recorder_measure(&slot->master->recorder, job->function, fixed.run_ns);
    take_out(slot, head->position);
    slot->batch_settled++;
    slot->settled_jobs++;
    slot->settled_ever++;
    struct hay_span bytes = {(const char *)body + sizeof fixed, size - sizeof fixed};
    struct attempt_end end = {.outcome = head->flags & FRAME_FAILED ? HAY_OUTCOME_ERROR : HAY_OUTCOME_OK, .exit_code = -1};
    if (end.outcome == HAY_OUTCOME_OK)
        end.value = bytes;
    else
        end.message = bytes;
    if (slot->ending && slot->ending == job->number) {
        /* It was asked to end: that stands, and what it still returned comes along. */
        end = (struct attempt_end){.outcome = slot->ending_outcome, .value = end.value, .exit_code = -1};
        slot->ending = 0;
        slot->kill_ns = TIME_NEVER;
        atomic_store(&slot->ledger->cancel, 0);
    }
    close_up(slot);
    if (!settle_attempt(slot->master, job, &end))
        slot->settled_ever--; /* it is tried again */
    return true;
}

static bool take_progress(struct slot *slot, const struct frame_head *head, const unsigned char *body)
{
    struct master *master = slot->master;
    struct hay_result result;
    struct job *job;
    size_t size = head->size - sizeof *head;
    int found = find_sending(slot, head, &job);
    if (found < 0 || size > FRAME_PROGRESS_MAX) {
        supervisor_fault(slot, found < 0 ? "reported progress of what it was never given"
                                         : "reported progress at too great length");
        return false;
    }
    if (found > 0 && master->options.on_progress && hay_json_check((const char *)body, size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK) {
        settle_describe(master, job, &result);
        master->callback_depth++;
        master->options.on_progress(master->options.context, &result, (const char *)body, size);
        master->callback_depth--;
    }
    return true;
}

bool slot_take_frame(struct slot *slot, const struct frame_head *head, const unsigned char *body)
{
    switch (head->type) {
    case FRAME_RESULT:
        return take_result(slot, head, body);
    case FRAME_PROGRESS:
        return take_progress(slot, head, body);
    default:
        supervisor_fault(slot, "sent a frame that is not a worker's");
        return false;
    }
}

static bool take_stray(struct channel *channel, const struct frame_head *head, const unsigned char *body)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    if (head->type != FRAME_RESULT || head->epoch != slot->ring_epoch || head->position < slot->base ||
        head->position >= slot->claimed || head->size < FRAME_RESULT_OVERHEAD)
        return false;
    const struct job *job = slot_sending(slot, head->position)->job;
    return job && job->number == head->job && take_result(slot, head, body);
}

unsigned slot_search_pipe(struct slot *slot)
{
    return slot->held ? channel_search(&slot->channel, take_stray) : 0;
}

/* How much was copied, 0 also where it is nonsense: the slot is faulted. */
static size_t copy_outbox(struct slot *slot)
{
    int length = slot->held ? ledger_copy_outbox(slot->ledger, slot->master->outbox_copy) : 0;
    if (length < 0)
        supervisor_fault(slot, "wrote nonsense over its outbox");
    return length > 0 ? (size_t)length : 0;
}

static void take_copied(struct slot *slot, size_t length)
{
    const unsigned char *copy = slot->master->outbox_copy;
    uint64_t before = slot->settled_jobs;
    for (size_t at = 0; at < length;) {
        struct frame_head head;
        if (frame_parse(copy + at, length - at, OUTBOX_SIZE, &head) != FRAME_WHOLE || head.type != FRAME_RESULT) {
            supervisor_fault(slot, "wrote nonsense over its outbox");
            break;
        }
        if (!slot_take_frame(slot, &head, copy + at + sizeof head))
            break;
        at += head.size;
    }
    slot->master->recorder.salvaged += slot->settled_jobs - before;
}

void slot_read_outbox(struct slot *slot)
{
    take_copied(slot, copy_outbox(slot));
}

void slot_read_all(struct slot *slot)
{
    size_t length = copy_outbox(slot);
    channel_drain(&slot->channel);
    if (!slot->fault[0])
        take_copied(slot, length);
}
