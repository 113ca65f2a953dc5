/* SPDX-License-Identifier: MIT */
#include "pool/keep.h"

#include "base/copy.h"

#include <string.h>

static size_t span_size(struct hay_span span)
{
    return span.at ? span.size + 1 : 0;
}

size_t keep_size(const struct hay_result *result)
{
    return span_size(result->id) + span_size(result->args) + span_size(result->value) + span_size(result->message) + 1;
}

static char *move_span(struct hay_span *span, char *bytes)
{
    if (!span->at)
        return bytes;
    copy_bytes(bytes, span->at, span->size);
    bytes[span->size] = '\0';
    span->at = bytes;
    return bytes + span->size + 1;
}

void keep_move(struct hay_result *result, char *bytes)
{
    bytes = move_span(&result->id, bytes);
    bytes = move_span(&result->args, bytes);
    bytes = move_span(&result->value, bytes);
    bytes = move_span(&result->message, bytes);
    *bytes = '\0';
}

void keep_lose(struct hay_result *result)
{
    static const char lost[] = "out of memory: the result could not be kept";
    const struct hay_span none = {NULL, 0};
    if (result->outcome == HAY_OUTCOME_OK)
        result->outcome = HAY_OUTCOME_ERROR;
    result->id = result->args = result->value = none;
    result->message = (struct hay_span){lost, sizeof lost - 1};
}
