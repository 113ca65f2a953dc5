/* SPDX-License-Identifier: MIT
 *
 * The folder of a run for what its jobs print beyond what memory is for: each job makes its files in there, by its number, and
 * they wait on disk for their turn. It is in TMPDIR, for nobody else's eyes, and goes when the run ends; where that is killed,
 * the next run that makes one removes it. What is in the folder comes from workers: a file is what its result says, or not taken.
 */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include "cli/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct spool {
    struct bytes path;
    int folder;             /* its descriptor; -1: there is none */
    int failure;            /* 0 or -errno: why it could not be made */
    uint64_t most_bytes;    /* in a file */
    uint64_t waiting_bytes; /* in files that are to be taken */
};

/* Make the folder; a failure stays in it. */
void spool_open(struct spool *spool, uint64_t most_bytes);
/* Is there a file of this job for stdout (0) or stderr (1), of just this size? */
bool spool_has(const struct spool *spool, uint64_t number, int stream, uint64_t size_bytes);
/* Such a file, which was counted as waiting, to read from; it has no name any more. Or -errno: it is not what it was. */
int spool_take(struct spool *spool, uint64_t number, int stream, uint64_t size_bytes);
/* This job's file is not wanted, if there is one. */
void spool_drop(struct spool *spool, uint64_t number, int stream);
/* Remove the folder and what is in it. */
void spool_close(struct spool *spool);

#endif
