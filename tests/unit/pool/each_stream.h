/* SPDX-License-Identifier: MIT
 *
 * A stream of numbers for hay_pool_each(), and what was told of it.
 */
#ifndef UNIT_POOL_EACH_STREAM_H
#define UNIT_POOL_EACH_STREAM_H

#include "unit/pool/pool_fixture.h"

#define INDEX_MAX 4096

static const struct hay_pool_options two = {.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY, .grace_ms = 100};
static const struct hay_pool_options in_line = {.workers = HAY_POOL_INLINE};

struct stream {
    struct fixture *fixture;
    struct hay_each each;
    uint64_t count;              /* `next` says no after so many */
    uint64_t asked, taken, told;
    uint64_t stop_at;            /* `result` says no at the n-th; 0: never */
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
    uint64_t out_of_order, wrong, most_open;
    uint8_t seen[INDEX_MAX];
    const char *(*args_of)(uint64_t index);
    const char *(*function_of)(uint64_t index);
    void (*on_next)(struct stream *stream);
    void (*on_told)(struct stream *stream, const struct hay_result *result);
    char text[24], first_message[200];
};

static inline bool give_next(void *context, struct hay_job *job)
{
    struct stream *stream = context;
    CU_ASSERT(job->tag == 0 && !job->on_done && !job->args.at && !job->id.at);
    stream->asked++;
    if (stream->on_next)
        stream->on_next(stream);
    if (stream->taken == stream->count)
        return false;
    snprintf(stream->text, sizeof stream->text, "%llu", (unsigned long long)stream->taken);
    const char *args = stream->args_of ? stream->args_of(stream->taken) : stream->text;
    job->args = (struct hay_span){args, strlen(args)};
    if (stream->function_of)
        job->function = stream->function_of(stream->taken);
    stream->taken++;
    if (stream->taken - stream->told > stream->most_open)
        stream->most_open = stream->taken - stream->told;
    return true;
}

static inline bool take_result(void *context, uint64_t index, const struct hay_result *result)
{
    struct stream *stream = context;
    char text[24];
    stream->out_of_order += index != stream->told;
    stream->told++;
    stream->by_outcome[result->outcome]++;
    if (index < INDEX_MAX)
        stream->seen[index]++;
    snprintf(text, sizeof text, "%llu", (unsigned long long)index);
    if (!stream->args_of && result->outcome == HAY_OUTCOME_OK)
        stream->wrong += result->value.size != strlen(text) || memcmp(result->value.at, text, result->value.size) != 0;
    if (result->outcome != HAY_OUTCOME_OK && !stream->first_message[0])
        copy_span(stream->first_message, sizeof stream->first_message, result->message);
    if (stream->on_told)
        stream->on_told(stream, result);
    return !stream->stop_at || stream->told < stream->stop_at;
}

static inline void stream_init(struct stream *stream, struct fixture *fixture, const char *function, uint64_t count)
{
    *stream = (struct stream){.fixture = fixture, .count = count};
    stream->each = (struct hay_each){.context = stream, .next = give_next, .result = take_result, .function = function};
}

static inline enum hay_status run(struct stream *stream, int timeout_ms)
{
    return hay_pool_each(stream->fixture->pool, &stream->each, timeout_ms, NULL);
}

/* Each job that was taken was told once. */
static inline bool is_whole(const struct stream *stream)
{
    for (uint64_t i = 0; i < INDEX_MAX; i++)
        if (stream->seen[i] != (i < stream->taken))
            return false;
    return stream->told == stream->taken && stream->wrong == 0;
}

static inline void end_pool(struct fixture *fixture)
{
    hay_pool_close(fixture->pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture->pool, LIMIT_MS), HAY_OK);
    fixture_free(fixture);
}

static inline const char *first_holds(uint64_t index)
{
    return index ? "t.echo" : "t.hold";
}

/* When the window is full, the first may end: nothing else could go on. */

#endif
