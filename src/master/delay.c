/* SPDX-License-Identifier: MIT */
#include "master/delay.h"

#include "base/clock.h"

#define PLACE_SHIFT 21

void delay_init(struct delay *delay, int64_t now_ns)
{
    *delay = (struct delay){.passed = now_ns >> PLACE_SHIFT};
    for (int i = 0; i < DELAY_PLACES; i++)
        list_init(&delay->places[i]);
}

int64_t delay_put(struct delay *delay, struct job *job)
{
    int64_t at = (job->due_ns >> PLACE_SHIFT) + 1;
    at = at > delay->passed ? at : delay->passed + 1;
    size_t place = (size_t)at % DELAY_PLACES;
    list_push_tail(&delay->places[place], &job->node);
    delay->used[place / 64] |= UINT64_C(1) << place % 64;
    return at << PLACE_SHIFT;
}

static struct job *job_of(struct list *node)
{
    return LIST_ITEM(node, struct job, node);
}

static void sort_by_number(struct list *jobs, size_t count)
{
    struct list left, *node;
    if (count < 2)
        return;
    list_init(&left);
    for (size_t i = 0; i < count / 2; i++) {
        node = jobs->next;
        list_remove(node);
        list_push_tail(&left, node);
    }
    sort_by_number(&left, count / 2);
    sort_by_number(jobs, count - count / 2);
    for (struct list *at = jobs->next; (node = list_pop_head(&left)); list_insert_before(at, node))
        while (at != jobs && job_of(at)->number < job_of(node)->number)
            at = at->next;
}

static bool is_used(const struct delay *delay, int64_t at)
{
    size_t place = (size_t)at % DELAY_PLACES;
    return delay->used[place / 64] >> place % 64 & 1;
}

static size_t empty_place(struct delay *delay, int64_t at, int64_t now_ns, struct list *due)
{
    size_t place = (size_t)at % DELAY_PLACES, count = 0;
    struct list *jobs = &delay->places[place];
    for (struct list *node = jobs->next, *next; node != jobs; node = next) {
        next = node->next;
        if (job_of(node)->due_ns > now_ns)
            continue;
        list_remove(node);
        list_push_tail(due, node);
        count++;
    }
    if (list_empty(jobs))
        delay->used[place / 64] &= ~(UINT64_C(1) << place % 64);
    return count;
}

int64_t delay_take(struct delay *delay, int64_t now_ns, struct list *due)
{
    int64_t target = now_ns >> PLACE_SHIFT, at = target - delay->passed < DELAY_PLACES ? delay->passed : target - DELAY_PLACES;
    size_t count = 0;
    while (at < target)
        if (is_used(delay, ++at))
            count += empty_place(delay, at, now_ns, due);
    delay->passed = target;
    sort_by_number(due, count);
    for (at = target + 1; at <= target + DELAY_PLACES; at++)
        if (is_used(delay, at))
            return at << PLACE_SHIFT;
    return TIME_NEVER;
}
