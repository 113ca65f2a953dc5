/* SPDX-License-Identifier: MIT */
#include "cli/after.h"
#include "cli/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AFTER_BYTES ((size_t)64 << 20) /* of kept jobs, */
#define AFTER_EDGE_BYTES (sizeof(struct after_edge) + 32) /* and of what they wait for, as malloc() has it */

/* `kept` waits for the job at `seq`. */
struct after_edge {
    struct after_edge *next;
    struct after_job *kept;
    uint64_t seq;
    struct hay_span id; /* inside kept->bytes */
};

struct after_list {
    struct after_job *first, *last;
};

struct after {
    int (*replay)(void *context, struct after *after);
    void *context;
    uint64_t max_jobs;
    int failure;                /* -errno */
    struct after_ids ids;
    bool keeps_ids;             /* as they come; else `replay` brings them when they are asked for */
    struct after_edge **edges;  /* by seq */
    size_t edge_capacity, edge_count;
    struct after_list waiting, ready;
    size_t count, bytes;
};

bool after_learn(struct after *after, uint64_t seq, struct hay_span id)
{
    if (!after_ids_keep(&after->ids, seq, id))
        after->failure = -ENOMEM;
    return !after->failure;
}

void after_note(struct after *after, uint64_t seq, struct hay_span id)
{
    after_ids_pass(&after->ids, seq);
    if (after->keeps_ids)
        after_learn(after, seq, id);
}

int after_failure(const struct after *after)
{
    return after->failure;
}

/* ---- who waits for whom ---- */

static void after_push(struct after_list *list, struct after_job *kept)
{
    kept->next = NULL;
    kept->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = kept;
    list->last = kept;
}

static void after_unlink(struct after_list *list, struct after_job *kept)
{
    *(kept->previous ? &kept->previous->next : &list->first) = kept->next;
    *(kept->next ? &kept->next->previous : &list->last) = kept->previous;
}

/* It waits for nothing any more. */
static void after_make_ready(struct after *after, struct after_job *kept)
{
    after_unlink(&after->waiting, kept);
    after_push(&after->ready, kept);
}

static bool after_grow_edges(struct after *after)
{
    size_t capacity = after->edge_capacity ? after->edge_capacity * 2 : 256;
    struct after_edge **edges = calloc(capacity, sizeof *edges);
    if (!edges)
        return false;
    for (size_t i = 0; i < after->edge_capacity; i++) {
        for (struct after_edge *edge = after->edges[i], *next; edge; edge = next) {
            next = edge->next;
            edge->next = edges[edge->seq % capacity];
            edges[edge->seq % capacity] = edge;
        }
    }
    free(after->edges);
    after->edges = edges;
    after->edge_capacity = capacity;
    return true;
}

static bool after_add_edge(struct after *after, struct after_job *kept, uint64_t seq, struct hay_span id)
{
    if (after->edge_count >= after->edge_capacity && !after_grow_edges(after))
        return false;
    struct after_edge *edge = malloc(sizeof *edge);
    if (!edge)
        return false;
    struct after_edge **bucket = &after->edges[seq % after->edge_capacity];
    *edge = (struct after_edge){ *bucket, kept, seq, id };
    *bucket = edge;
    after->edge_count++;
    after->bytes += AFTER_EDGE_BYTES;
    kept->waits++;
    return true;
}

static void after_drop_edges(struct after *after)
{
    for (size_t i = 0; i < after->edge_capacity; i++) {
        for (struct after_edge *edge = after->edges[i], *next; edge; edge = next) {
            next = edge->next;
            free(edge);
        }
        after->edges[i] = NULL;
    }
    after->bytes -= after->edge_count * AFTER_EDGE_BYTES;
    after->edge_count = 0;
}

static void after_explain(char *text, size_t capacity, struct hay_span id, const char *how)
{
    int size = id.size > 60 ? 60 : (int)id.size;
    while (size > 0 && size < (int)id.size && (id.at[size] & 0xc0) == 0x80)
        size--;
    snprintf(text, capacity, "comes after %.*s%s, which %s", size, id.at, size < (int)id.size ? "..." : "", how);
}

static void after_release(struct after *after, struct after_edge *edge, enum hay_outcome outcome)
{
    struct after_job *kept = edge->kept;
    char how[48];
    if (outcome != HAY_OUTCOME_OK && !kept->skip) {
        kept->skip = true;
        snprintf(how, sizeof how, "ended as %s", hay_outcome_name(outcome));
        after_explain(kept->reason, sizeof kept->reason, edge->id, how);
    }
    if (!--kept->waits)
        after_make_ready(after, kept);
}

void after_settle(struct after *after, uint64_t seq, enum hay_outcome outcome)
{
    if (seq && seq <= after->ids.newest && after->ids.newest - seq < AFTER_RING)
        after_ids_set_state(&after->ids, seq, outcome == HAY_OUTCOME_OK ? AFTER_OK : AFTER_FAILED);
    if (!after->edge_count)
        return;
    for (struct after_edge **link = &after->edges[seq % after->edge_capacity]; *link;) {
        struct after_edge *edge = *link;
        if (edge->seq != seq) {
            link = &edge->next;
            continue;
        }
        *link = edge->next;
        after->edge_count--;
        after->bytes -= AFTER_EDGE_BYTES;
        after_release(after, edge, outcome);
        free(edge);
    }
}

/* ---- asking ---- */

/* The next id of a valid array of strings and integers, from `*at` on; false at its end. */
static bool after_element(const char **at, const char *end, struct hay_span *id)
{
    const char *from = *at;
    while (from < end && strchr(" \t\r,[", *from))
        from++;
    if (from >= end || *from == ']')
        return false;
    const char *to = from + 1;
    if (*from == '"')
        to = bytes_string_end(to, end) + 1;
    else
        while (to < end && !strchr(" \t\r,]", *to))
            to++;
    *id = (struct hay_span){ from, (size_t)(to - from) };
    *at = to;
    return true;
}

static void after_bring_ids(struct after *after)
{
    if (after->keeps_ids || after->failure)
        return;
    int failure = after->replay(after->context, after);
    if (!after->failure)
        after->failure = failure;
    after->keeps_ids = true;
}

/* Not all can be known any more: the job does not start. */
static enum after_verdict after_give_up(struct after *after, int failure, char *reason, size_t capacity)
{
    after->failure = failure;
    snprintf(reason, capacity, "%s", strerror(-failure));
    return AFTER_SKIP;
}

/* Look at each id of the list: is there one for which the job cannot start ever? */
static enum after_verdict after_judge(struct after *after, uint64_t seq, struct hay_span list, size_t *waits, char *reason,
                                      size_t capacity)
{
    const char *at = list.at, *end = list.at + list.size;
    struct hay_span id;
    enum after_verdict verdict = AFTER_READY;
    char how[64];
    uint64_t names = 0;
    *waits = 0;
    if (after->failure)
        return after_give_up(after, after->failure, reason, capacity);
    while (after_element(&at, end, &id)) {
        uint64_t found;
        if (++names > AFTER_REMEMBERED) {
            snprintf(reason, capacity, "\"after\" names more than %llu jobs", (unsigned long long)AFTER_REMEMBERED);
            return AFTER_REJECT;
        }
        if (!after_ids_find(&after->ids, seq, id, &found))
            return after_give_up(after, -ENOMEM, reason, capacity);
        if (!after_ids_remember(&after->ids, found)) {
            if (found || after->ids.newest > AFTER_REMEMBERED)
                snprintf(how, sizeof how, "is not among the last %llu jobs", (unsigned long long)AFTER_REMEMBERED);
            else
                snprintf(how, sizeof how, "no earlier line has as its id");
            after_explain(reason, capacity, id, how);
            return AFTER_REJECT;
        }
        enum after_state state = after_ids_state(&after->ids, found);
        if (state == AFTER_FAILED && verdict == AFTER_READY) {
            after_explain(reason, capacity, id, "did not end ok");
            verdict = AFTER_SKIP;
        }
        *waits += state == AFTER_PENDING;
    }
    return verdict;
}

static struct hay_span after_copy(char **at, struct hay_span span)
{
    if (!span.at)
        return span;
    char *copy = *at;
    memcpy(copy, span.at, span.size);
    *at += span.size;
    return (struct hay_span){ copy, span.size };
}

static struct after_job *after_keep(struct after *after, const struct hay_job *job, uint64_t seq, struct hay_span *list)
{
    size_t size_bytes = sizeof(struct after_job) + job->id.size + job->args.size + list->size;
    struct after_job *kept = malloc(size_bytes);
    if (!kept)
        return NULL;
    char *at = kept->bytes;
    kept->job = *job;
    kept->job.id = after_copy(&at, job->id);
    kept->job.args = after_copy(&at, job->args);
    *list = after_copy(&at, *list);
    kept->seq = seq;
    kept->waits = 0;
    kept->size_bytes = size_bytes;
    kept->skip = false;
    kept->reason[0] = '\0';
    after->count++;
    after->bytes += size_bytes;
    after_push(&after->waiting, kept);
    return kept;
}

enum after_verdict after_ask(struct after *after, const struct hay_job *job, uint64_t seq, struct hay_span list, char *reason,
                             size_t capacity)
{
    size_t waits;
    after_bring_ids(after);
    enum after_verdict verdict = after_judge(after, seq, list, &waits, reason, capacity);
    if (verdict != AFTER_READY || !waits)
        return verdict;
    struct after_job *kept = after_keep(after, job, seq, &list);
    if (!kept)
        return after_give_up(after, -ENOMEM, reason, capacity);
    const char *at = list.at, *end = list.at + list.size;
    struct hay_span id;
    kept->waits = 1; /* of this call: nothing is ready before all edges are there */
    bool complete = true;
    uint64_t found = 0, before = 0;
    while (complete && after_element(&at, end, &id)) {
        complete = after_ids_find(&after->ids, seq, id, &found);
        if (complete && found != before && after_ids_state(&after->ids, found) == AFTER_PENDING)
            complete = after_add_edge(after, kept, found, id);
        before = found;
    }
    if (!complete) {
        after->failure = -ENOMEM;
        kept->skip = true;
        snprintf(kept->reason, sizeof kept->reason, "out of memory");
    }
    if (!--kept->waits)
        after_make_ready(after, kept);
    return AFTER_WAITS;
}

/* ---- life ---- */

struct after *after_new(uint64_t max_jobs, int (*replay)(void *context, struct after *after), void *context)
{
    struct after *after = calloc(1, sizeof *after);
    if (!after)
        return NULL;
    after->max_jobs = max_jobs;
    after->replay = replay;
    after->context = context;
    after->keeps_ids = !replay;
    if (!after_ids_open(&after->ids)) {
        after_free(after);
        return NULL;
    }
    return after;
}

static void after_free_list(struct after_list *list)
{
    for (struct after_job *kept = list->first, *next; kept; kept = next) {
        next = kept->next;
        free(kept);
    }
}

void after_free(struct after *after)
{
    if (!after)
        return;
    after_drop_edges(after);
    after_free_list(&after->waiting);
    after_free_list(&after->ready);
    free(after->edges);
    after_ids_close(&after->ids);
    free(after);
}

struct after_job *after_next(struct after *after)
{
    struct after_job *kept = after->ready.first;
    if (kept)
        after_unlink(&after->ready, kept);
    return kept;
}

bool after_has_next(const struct after *after)
{
    return after->ready.first != NULL;
}

void after_drop(struct after *after, struct after_job *kept)
{
    after->count--;
    after->bytes -= kept->size_bytes;
    free(kept);
}

bool after_abandon(struct after *after)
{
    after_drop_edges(after);
    for (struct after_job *kept; (kept = after->waiting.first);) {
        kept->waits = 0;
        after_make_ready(after, kept);
    }
    return after_has_next(after);
}

bool after_keeps_ids(const struct after *after)
{
    return after->keeps_ids;
}

bool after_is_full(const struct after *after)
{
    return after->count >= after->max_jobs || after->bytes >= AFTER_BYTES;
}

size_t after_count(const struct after *after)
{
    return after ? after->count : 0;
}
