/* SPDX-License-Identifier: MIT
 *
 * A file of result lines, read from its beginning: each line scanned and with its place in the file. What a writer that was
 * killed has left at the end, a line without its newline, is told from a file that holds something else. Nothing is ever changed
 * here.
 */
#ifndef CLI_RESULTFILE_H
#define CLI_RESULTFILE_H

#include "cli/pages.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESULTFILE_SEQ_MAX (UINT64_C(1) << 40)

enum resultfile_event {
    RESULTFILE_LINE,        /* with its place in the input, `seq`, from 1 to RESULTFILE_SEQ_MAX */
    RESULTFILE_END,
    RESULTFILE_TORN,        /* the beginning of a result line stands at the end, `at` bytes into the file */
    RESULTFILE_FOREIGN,     /* line `number` is none of ours: `why` */
    RESULTFILE_FAILED,      /* `failure` */
};

struct resultfile {
    int fd;                 /* the caller's */
    struct pages buffer;
    size_t start, end;      /* unread bytes in the buffer */
    uint64_t next;          /* where in the file `start` is */
    uint64_t at, number;    /* the line just read: its place in the file, and its number */
    size_t size;            /* its bytes, without the newline */
    const char *bytes;
    int failure;            /* -errno */
    struct hay_jobline_fault why;
};

/* Could a result line have begun with these bytes, of which there is one at least? A power cut may also leave bytes that were
 * never written, which read as NUL; nothing else may stand behind those. */
bool resultfile_is_torn(const char *bytes, size_t size);

/* 0 or -ENOMEM. resultfile_close() is due in any case; it leaves the descriptor open. */
int resultfile_open(struct resultfile *file, int fd);
enum resultfile_event resultfile_next(struct resultfile *file, struct hay_resultline *result);
void resultfile_close(struct resultfile *file);

/* Say why the file cannot be used: what is on line `number`, or -errno. Returns the exit code for it. */
int resultfile_refuse(const char *path, uint64_t number, const char *why);
int resultfile_unread(const char *path, int failure);

#endif
