/* SPDX-License-Identifier: MIT
 *
 * hay_pool_map(): a stream over an array, each result copied to its item's place. Whatever happens, each item has an outcome and
 * a text afterwards.
 */
#include <hayfork/pool.h>

#include "base/copy.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct map {
    const struct hay_span *args;
    struct hay_map_result *results;
    size_t count;
    size_t next;
};

/* What an item has where there was no memory for its bytes; never freed. */
static char lost[] = "out of memory: the result could not be kept";

static void fill(struct hay_map_result *item, enum hay_outcome outcome, struct hay_span span)
{
    item->outcome = outcome;
    item->bytes = malloc(span.size + 1);
    item->size = span.size;
    if (item->bytes) {
        copy_bytes(item->bytes, span.at, span.size);
        item->bytes[span.size] = '\0';
        return;
    }
    if (outcome == HAY_OUTCOME_OK)
        item->outcome = HAY_OUTCOME_ERROR;
    item->bytes = lost;
    item->size = sizeof lost - 1;
}

static bool give_next(void *context, struct hay_job *job)
{
    struct map *map = context;
    if (map->next == map->count)
        return false;
    if (map->args)
        job->args = map->args[map->next];
    map->next++;
    return true;
}

static bool take_result(void *context, uint64_t index, const struct hay_result *result)
{
    struct map *map = context;
    struct hay_map_result *item = &map->results[index];
    item->attempts = result->attempts;
    fill(item, result->outcome, result->outcome == HAY_OUTCOME_OK ? result->value : result->message);
    return true;
}

static void fill_rest(struct map *map, enum hay_outcome outcome, const char *text)
{
    for (size_t i = 0; i < map->count; i++)
        if (!map->results[i].bytes)
            fill(&map->results[i], outcome, hay_span_of(text));
}

enum hay_status hay_pool_map(struct hay_pool *pool, const char *function, const struct hay_span *args, size_t count,
                             int timeout_ms, struct hay_map_result *results, struct hay_error *error)
{
    struct hay_error local;
    struct hay_error *report = error ? error : &local;
    struct map map = {args, results, count, 0};
    struct hay_each each = {.context = &map, .next = give_next, .result = take_result, .function = function};
    enum hay_status status;
    if (!results && count)
        return error_set(report, HAY_EINVAL, "no room for the results");
    if (count)
        memset(results, 0, count * sizeof *results);
    if (!function)
        status = error_set(report, HAY_EINVAL, "no function");
    else
        status = hay_pool_each(pool, &each, timeout_ms, report);
    if (status == HAY_ETIMEDOUT)
        fill_rest(&map, HAY_OUTCOME_CANCELLED, "cancelled: the time was up");
    else if (status)
        fill_rest(&map, HAY_OUTCOME_SKIPPED, report->text);
    return status;
}

void hay_map_release(struct hay_map_result *results, size_t count)
{
    for (size_t i = 0; results && i < count; i++) {
        if (results[i].bytes != lost)
            free(results[i].bytes);
        results[i].bytes = NULL;
        results[i].size = 0;
    }
}
