/* SPDX-License-Identifier: MIT
 *
 * Reading a journal, all of it, before anything is changed: one that holds anything but results with seq and key is refused as
 * it is. Results are in the order of completion, and the newest of a place counts. A line with a function of its own has its
 * hash as its key, any other one that is mixed with the function's name; so a comparison needs no look into the line.
 */
#include "cli/journal.h"
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/resultfile.h"
#include "cli/say.h"
#include "cli/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define JOURNAL_LOCK_MS 20
#define JOURNAL_LOCK_TRIES 50

bool journal_option(struct journal_options *options, const struct options *reader, int key)
{
    static const char *const levels[] = {
        [FILESYNC_INTERVAL] = "interval", [FILESYNC_NONE] = "none", [FILESYNC_ALWAYS] = "always",
    };
    if (key != JOURNAL_SYNC) {
        options->resume = true;
        options->changed = options->changed || key == JOURNAL_RESUME_CHANGED;
        options->failed = options->failed || key == JOURNAL_RETRY_FAILED;
        return true;
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(levels[i], reader->value))
            continue;
        options->sync = (enum filesync_level)i;
        return options->is_sync = true;
    }
    return options_refuse(reader, "one of none, interval and always");
}

bool journal_check(const struct journal_options *options, const char *output)
{
    if ((!options->resume && !options->is_sync) || (output && strcmp(output, "-")))
        return true;
    say_usage("%s needs -o FILE", !options->resume    ? "--sync"
                                  : options->failed  ? "--retry-failed"
                                  : options->changed ? "--resume-changed"
                                                     : "--resume");
    return false;
}

uint64_t journal_hash(const char *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

void journal_set_function(struct journal *journal, const char *name)
{
    journal->function = XXH3_64bits(name, strlen(name));
}

uint64_t journal_key(const struct journal *journal, uint64_t hash)
{
    uint64_t mixed = (hash ^ journal->function * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return mixed ^ mixed >> 32;
}

/* Not inherited by workers, who would otherwise cost a copy of the tables of pages each. */
static bool journal_grow(struct pages *pages, size_t size)
{
    if (size <= pages->size)
        return true;
    if (!pages_reserve(pages, size))
        return false;
    madvise(pages->at, pages->size, MADV_DONTFORK);
    return true;
}

static bool journal_note(struct journal *journal, uint64_t seq, uint64_t key, enum hay_outcome outcome)
{
    if (!journal_grow(&journal->keys, (size_t)(seq + 1) * sizeof key) || !journal_grow(&journal->states, (size_t)seq + 1))
        return false;
    ((uint64_t *)(void *)journal->keys.at)[seq] = key;
    journal->states.at[seq] = (char)(outcome + 1);
    if (journal->last < seq)
        journal->last = seq;
    return true;
}

/* The next line, where there is one. CLI_OK, or an exit code when it has been said why the file cannot be gone on with. */
static int journal_next(const struct journal *journal, struct resultfile *file, struct hay_resultline *line,
                        enum resultfile_event *event)
{
    *event = resultfile_next(file, line);
    if (*event == RESULTFILE_FOREIGN)
        return resultfile_refuse(journal->path, file->number, file->why.reason);
    if (*event == RESULTFILE_LINE && !line->has_key)
        return resultfile_refuse(journal->path, file->number, "it has no \"key\"");
    return *event == RESULTFILE_FAILED ? resultfile_unread(journal->path, file->failure) : CLI_OK;
}

/* All lines into memory. CLI_OK, with `*torn_at` where the last line is torn. */
static int journal_load(struct journal *journal, struct resultfile *file, uint64_t *torn_at)
{
    struct hay_resultline line;
    enum resultfile_event event;
    int code;
    while (!(code = journal_next(journal, file, &line, &event)) && event == RESULTFILE_LINE)
        if (!journal_note(journal, line.seq, line.key, line.outcome))
            return resultfile_refuse(journal->path, file->number, "there is no memory for so many jobs as its \"seq\" says");
    if (event == RESULTFILE_TORN)
        *torn_at = file->at;
    return code;
}

static int journal_read(struct journal *journal, int fd, uint64_t *torn_at)
{
    struct resultfile file;
    int failure = resultfile_open(&file, fd);
    int code = failure ? resultfile_unread(journal->path, failure) : journal_load(journal, &file, torn_at);
    resultfile_close(&file);
    return code;
}

/* What gets more results has to begin with one. */
static int journal_look_first(const struct journal *journal, int fd)
{
    struct resultfile file;
    struct hay_resultline line;
    enum resultfile_event event = RESULTFILE_END;
    int failure = resultfile_open(&file, fd);
    int code = failure ? resultfile_unread(journal->path, failure) : journal_next(journal, &file, &line, &event);
    if (!code && event == RESULTFILE_TORN && !*file.bytes)
        code = resultfile_refuse(journal->path, 1, "it is nothing but NUL bytes"); /* of a power cut, for --resume, or anything */
    resultfile_close(&file);
    return code;
}

/* 1 when all from here on are zero, 0 when not, -errno. */
static int journal_is_zero(int fd, off_t at)
{
    static const char zeros[4096];
    char bytes[sizeof zeros];
    ssize_t n;
    while ((n = pread(fd, bytes, sizeof bytes, at)) > 0) {
        if (memcmp(bytes, zeros, (size_t)n))
            return 0;
        at += n;
    }
    return n ? -errno : 1;
}

/* Without reading all of it: where the last line begins, if it has no end. */
static int journal_find_tail(struct journal *journal, int fd, off_t size, uint64_t *torn_at)
{
    char bytes[4096];
    off_t at = bytes_last_line(fd, size);
    if (at < 0)
        return resultfile_unread(journal->path, (int)at);
    if (at == size)
        return CLI_OK;
    ssize_t n = pread(fd, bytes, sizeof bytes, at);
    if (n < 0)
        return resultfile_unread(journal->path, -errno);
    bool is_torn = n && resultfile_is_torn(bytes, (size_t)n);
    if (is_torn && !bytes[n - 1]) {
        int is_zero = journal_is_zero(fd, at + n);
        if (is_zero < 0)
            return resultfile_unread(journal->path, is_zero);
        is_torn = is_zero;
    }
    if (is_torn) {
        *torn_at = (uint64_t)at;
        return CLI_OK;
    }
    say("'%s' does not end with a whole line, and it is none of a run with -o", journal->path);
    return CLI_INPUT;
}

/* A descriptor to read the file by which `fd` writes; -errno. */
static int journal_reopen(const char *path, int fd)
{
    struct stat one, two;
    if (fd < 0)
        return (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ? -errno : fd;
    int reader = stream_reopen(fd, O_RDONLY);
    if (reader < 0)
        reader = open(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0)
        return -errno;
    if (!fstat(fd, &one) && !fstat(reader, &two) && one.st_dev == two.st_dev && one.st_ino == two.st_ino)
        return reader;
    close(reader);
    return -ESTALE;
}

/* The lock lives as long as a process has the descriptor. Workers close theirs, but one that was being forked when its master was
 * killed may not have done so yet: who resumes at once is not refused for that. */
static int journal_lock(const struct journal *journal, int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int tries = 0, failure;
    while ((failure = fcntl(fd, F_OFD_SETLK, &lock)) && (errno == EAGAIN || errno == EACCES) && tries++ < JOURNAL_LOCK_TRIES)
        poll(NULL, 0, JOURNAL_LOCK_MS);
    if (!failure)
        return CLI_OK;
    if (errno == EAGAIN || errno == EACCES) {
        say("'%s' is in use: another run writes its results there", journal->path);
        return CLI_OUTPUT;
    }
    say("cannot lock '%s': %s; going on without", journal->path, strerror(errno));
    return CLI_OK;
}

static int journal_cut(const struct journal *journal, int fd, uint64_t torn_at)
{
    if (ftruncate(fd, (off_t)torn_at)) {
        say("cannot cut the unfinished last line off '%s': %s", journal->path, strerror(errno));
        return CLI_OUTPUT;
    }
    say("'%s' ended in the middle of a line: cut off", journal->path);
    return CLI_OK;
}

int journal_open(struct journal *journal, const struct journal_options *options, const char *path, int fd)
{
    struct stat status;
    uint64_t torn_at = UINT64_MAX;
    *journal = (struct journal){ .options = options, .path = path, .is_kept = fd >= 0 };
    int code = fd < 0 ? CLI_OK : journal_lock(journal, fd);
    if (code)
        return code;
    int reader = journal_reopen(path, fd);
    if (reader < 0) {
        bool is_empty = fd < 0 ? reader == -ENOENT : !fstat(fd, &status) && (!S_ISREG(status.st_mode) || !status.st_size);
        if (is_empty && (fd < 0 || !options->resume))
            return CLI_OK;
        say("cannot read '%s': %s", path, strerror(-reader));
        return CLI_INPUT;
    }
    if (fstat(reader, &status))
        code = resultfile_unread(journal->path, -errno);
    else if (!S_ISREG(status.st_mode))
        code = say_usage("'%s' is not a regular file: there is nothing to go on with", path);
    else if (options->resume)
        code = journal_read(journal, reader, &torn_at);
    else if (!(code = journal_find_tail(journal, reader, status.st_size, &torn_at)) &&
             !(code = journal_look_first(journal, reader)) && status.st_size && torn_at)
        say("'%s' has results already and gets more; --resume would skip what is done", path);
    close(reader);
    return code || fd < 0 || torn_at == UINT64_MAX ? code : journal_cut(journal, fd, torn_at);
}

void journal_close(struct journal *journal)
{
    pages_release(&journal->keys);
    pages_release(&journal->states);
    journal->last = 0;
}

enum hay_outcome journal_outcome(const struct journal *journal, uint64_t seq)
{
    int state = seq && seq <= journal->last ? (unsigned char)journal->states.at[seq] : 0;
    return state ? (enum hay_outcome)(state - 1) : HAY_OUTCOME_COUNT;
}

static uint64_t journal_key_at(const struct journal *journal, uint64_t seq)
{
    return ((const uint64_t *)(const void *)journal->keys.at)[seq];
}

bool journal_was_skipped(const struct journal *journal, uint64_t seq, uint64_t key)
{
    return journal_outcome(journal, seq) == HAY_OUTCOME_SKIPPED && journal_key_at(journal, seq) == key;
}

enum journal_verdict journal_look(const struct journal *journal, uint64_t seq, uint64_t hash)
{
    enum hay_outcome outcome = journal_outcome(journal, seq);
    if (outcome == HAY_OUTCOME_COUNT)
        return JOURNAL_RUN;
    uint64_t key = journal_key_at(journal, seq);
    if (key != hash && key != journal_key(journal, hash))
        return journal->options->changed ? JOURNAL_RUN : JOURNAL_CHANGED;
    if (outcome == HAY_OUTCOME_SKIPPED || outcome == HAY_OUTCOME_CANCELLED)
        return JOURNAL_RUN;
    return journal->options->failed && outcome != HAY_OUTCOME_OK ? JOURNAL_RUN : JOURNAL_DONE;
}
