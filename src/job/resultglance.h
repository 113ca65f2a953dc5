/* SPDX-License-Identifier: MIT
 *
 * A glance at a result line that knows just one shape, that of an ok line with seq and key as the writer makes it. It takes the
 * line whole or says nothing of it: what it does not know the reader of result lines reads, whose first part this is.
 */
#ifndef JOB_RESULTGLANCE_H
#define JOB_RESULTGLANCE_H

#include "job/json.h"

#include <string.h>

/* The value of 16 hexadecimal digits; false: they are not. */
static inline bool glance_key(const unsigned char *at, uint64_t *key)
{
    unsigned bad = 0;
    uint64_t sum = 0;
    for (int i = 0; i < 16; i++) {
        unsigned digit = (unsigned)at[i] - '0', letter = (unsigned)at[i] - 'a';
        bad |= (unsigned)(digit > 9) & (unsigned)(letter > 5);
        sum = sum << 4 | (digit <= 9 ? digit : letter + 10);
    }
    *key = sum;
    return !bad;
}

/* A whole number as it is written most often: 1 to 18 digits, no zero in front. Behind it, or NULL: look closer. */
static inline const unsigned char *glance_number(const unsigned char *at, const unsigned char *end, uint64_t *number)
{
    const unsigned char *begin = at;
    uint64_t value = 0;
    for (; at < end && (unsigned)*at - '0' < 10; at++)
        value = value * 10 + (*at - '0');
    *number = value;
    return at > begin && at - begin < 19 && (*begin != '0' || at - begin == 1) ? at : NULL;
}

/* Behind a value, whatever its kind; NULL: look closer. */
static inline const unsigned char *glance_value(struct json_reader *reader, const unsigned char *at)
{
    uint64_t number;
    if (at < reader->end && (unsigned)*at - '0' < 10) {
        const unsigned char *past = glance_number(at, reader->end, &number);
        if (past && past < reader->end && *past == ',')
            return past;
    }
    return json_value(reader, at);
}

#define GLANCE_SKIP(at, end, text) \
    ((size_t)((end) - (at)) >= sizeof(text) - 1 && memcmp(at, text, sizeof(text) - 1) == 0 ? (at) + (sizeof(text) - 1) : NULL)

/* {"id":…,"status":"ok","result":…,"seq":…,"key":"…"} and no byte more. True: all of `result` is filled. */
static inline bool glance_line(struct json_reader *reader, struct hay_resultline *result)
{
    const unsigned char *id = GLANCE_SKIP(reader->begin, reader->end, "{\"id\":");
    if (!id || id == reader->end || (*id != '"' && (unsigned)*id - '0' > 9))
        return false;
    const unsigned char *id_end = glance_value(reader, id);
    const unsigned char *value = id_end ? GLANCE_SKIP(id_end, reader->end, ",\"status\":\"ok\",\"result\":") : NULL;
    if (!value || (*id != '"' && reader->real))
        return false;
    const unsigned char *value_end = glance_value(reader, value);
    const unsigned char *seq = value_end ? GLANCE_SKIP(value_end, reader->end, ",\"seq\":") : NULL;
    const unsigned char *seq_end = seq ? glance_number(seq, reader->end, &result->seq) : NULL;
    const unsigned char *key = seq_end ? GLANCE_SKIP(seq_end, reader->end, ",\"key\":\"") : NULL;
    if (!key || reader->end - key != 18 || key[16] != '"' || key[17] != '}' || !glance_key(key, &result->key))
        return false;
    result->outcome = HAY_OUTCOME_OK;
    result->id = (struct hay_span){(const char *)id, (size_t)(id_end - id)};
    result->value = (struct hay_span){(const char *)value, (size_t)(value_end - value)};
    result->has_seq = result->has_key = true;
    return true;
}

#endif
