/* SPDX-License-Identifier: MIT
 *
 * The keys of an envelope: no key twice, and no more than HAY_JOBLINE_KEYS. The known ones cost a bit each; the others
 * are kept by a hash of their characters in a bounded table, compared in full where hashes meet.
 */
#ifndef JOB_JSONKEYS_H
#define JOB_JSONKEYS_H

#include "job/json.h"

/* A string's inside, still escaped. */
struct jsonkeys_text {
    const unsigned char *at;
    const unsigned char *end;
    bool escaped;
};

struct jsonkeys_other {
    struct jsonkeys_text text;
    uint64_t hash;
};

struct jsonkeys {
    struct json_reader *reader;
    struct hay_jobline_fault *fault;
    unsigned seen;      /* one bit a known key */
    unsigned keys;
    unsigned others;    /* how many of `other` are filled */
    struct jsonkeys_other *other; /* HAY_JOBLINE_KEYS of them; NULL until the first unknown key */
};

static inline void jsonkeys_open(struct jsonkeys *keys, struct json_reader *reader, struct hay_jobline_fault *fault)
{
    keys->reader = reader;
    keys->fault = fault;
    keys->seen = keys->keys = keys->others = 0;
    keys->other = NULL;
}

/* What follows takes the inside of the key's quotes. False: a fault was noted. A duplicate's fault is complete in `fault`. */
bool jsonkeys_refuse(struct jsonkeys *keys, const unsigned char *at, const unsigned char *end);
bool jsonkeys_admit_other(struct jsonkeys *keys, const unsigned char *at, const unsigned char *end);
bool jsonkeys_admit_no_more(struct jsonkeys *keys, const unsigned char *at);

/* Count a known key, by its number, and refuse it when it was there before. */
static inline bool jsonkeys_admit(struct jsonkeys *keys, unsigned key, const unsigned char *at, const unsigned char *end)
{
    if (keys->keys == HAY_JOBLINE_KEYS)
        return jsonkeys_admit_no_more(keys, at);
    if (keys->seen >> key & 1)
        return jsonkeys_refuse(keys, at, end);
    keys->keys++;
    keys->seen |= 1u << key;
    return true;
}

#endif
