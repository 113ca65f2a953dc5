/* SPDX-License-Identifier: MIT
 *
 * Command line options and the values they take. Short options cluster (-j4, -j 4), long ones take `=` or the next argument and
 * may be shortened while unambiguous, options and operands mix, `--` ends the options and `-` is an operand.
 * A fault has been said on stderr when a call here reports one.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct option_spec {
    int key;            /* a letter: also the short option; above 255: long only; 0 ends the table */
    const char *name;
    bool has_value;
};

struct options {
    int argc, at, cluster;  /* the argument being read; the place in a cluster of short ones */
    char **argv;
    const struct option_spec *specs, *more; /* `more`: a second table, or NULL */
    bool is_more;           /* the option returned is from there */
    bool ended;             /* `--` was seen */
    bool numbers;           /* for the caller to set: what begins as a number below 0 is an operand */
    const char *value;      /* of the option returned, or the operand */
    char name[40];          /* of the option returned, in full, for messages */
};

enum {
    OPTIONS_END = -1,
    OPTIONS_OPERAND = -2,
    OPTIONS_FAULT = -3,
};

void options_init(struct options *options, const struct option_spec *specs, int argc, char **argv);
/* The key of the next option, or one of the values above. */
int options_next(struct options *options);

/* The value of the option just returned is not `wanted`: say so. Always false. */
bool options_refuse(const struct options *options, const char *wanted);

/* The value of the option just returned; false after a fault. */
bool options_count(const struct options *options, uint64_t least, uint64_t most, uint64_t *count);
/* `250ms 5s 2m 1h`, a plain number is seconds, fractions are fine; rounded up to whole milliseconds. */
bool options_duration(const struct options *options, int64_t *duration_ms);
/* The same, and not 0. */
bool options_time(const struct options *options, int64_t *duration_ms);
/* A plain number is bytes; K, M, G and T are powers of 1024. */
bool options_size(const struct options *options, uint64_t least, uint64_t most, uint64_t *size_bytes);

/* Strings collected from a repeatable option or the operands. `items` has room for argc of them. */
struct option_list {
    const char **items;
    int count;
};
bool option_list_init(struct option_list *list, int argc);
void option_list_add(struct option_list *list, const char *item);
void option_list_release(struct option_list *list);

#endif
