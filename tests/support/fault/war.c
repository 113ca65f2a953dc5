/* SPDX-License-Identifier: MIT
 *
 * Acts of a plugin that knows how Hayfork works and lies to the master: on the pipe, and in the ledger.
 *
 * The layouts are written down here a second time, as an enemy would have them. Where a layout moves, the acts say so, or their
 * tests expect another end, so that this file is not forgotten.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READY = 1, JOB, RESULT, PROGRESS, STOP, UNKNOWN };

struct head {
    uint32_t size;
    uint8_t type, flags;
    uint16_t reserved;
    uint32_t epoch, position;
    uint64_t job;
};

struct book {
    _Atomic uint64_t claim;       /* epoch, started */
    _Atomic int64_t start_ns[2];
    _Atomic uint64_t cancel;
    _Atomic uint64_t has_stopped;
    char apart[56];
    _Atomic uint64_t outbox;      /* resets, length */
    unsigned char bytes[65536];
    char hook[128];
};

#define ENDED INT64_MIN

static struct book *own_book;  /* of this worker, NULL: not found */
static uint64_t claim_at_start;  /* of the job that runs */

/* The shared anonymous mapping of this process; NULL when there is none. */
static struct book *find_book(void)
{
    char line[512];
    void *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && strcmp(rights, "rw-s") == 0 && strstr(line, "/dev/zero")
            && to - from >= sizeof(struct book) && to - from < 2 * sizeof(struct book))
            found = (void *)from;
    }
    if (maps)
        fclose(maps);
    return found;
}

void war_prepare(void)
{
    own_book = find_book();
}

void war_lie(void)
{
    if (!own_book)
        return;
    memset(own_book->hook, 0xff, sizeof own_book->hook);
    own_book->hook[3] = '\n';
}

void war_begin(void)
{
    if (own_book)
        claim_at_start = atomic_load(&own_book->claim);
}

/* Does the claim word name this job? Not after the master took back what was unstarted: then nobody but the worker knows. */
static bool is_named(void)
{
    return (uint32_t)claim_at_start > 0;
}

/* The start of this job is a recent time, unless the ledger is laid out in another way than it is written here. */
static bool is_layout_known(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t start_ns = own_book ? atomic_load(&own_book->start_ns[((uint32_t)claim_at_start - 1) & 1]) : 0;
    int64_t age_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - start_ns;
    return !is_named() || (age_ns >= 0 && age_ns < 600 * INT64_C(1000000000));
}

struct shot {
    const void *bytes;
    size_t size;
};

static void fire(int fd, void *context)
{
    const struct shot *shot = context;
    ssize_t n = send(fd, shot->bytes, shot->size, MSG_NOSIGNAL);
    (void)n;
}

static enum act_end act_garbage(hay_task *task, const char *const words[])
{
    unsigned char bytes[4096];
    uint64_t state = 0x9e3779b97f4a7c15u ^ task->number;
    struct shot shot = {bytes, (size_t)word_number(words[0], 64)};
    if (shot.size > sizeof bytes)
        shot.size = sizeof bytes;
    for (size_t i = 0; i < sizeof bytes; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(state >> 56);
    }
    each_socket(fire, &shot);
    return ACT_GO_ON;
}

/* How each forged frame differs from the true RESULT of this job. `body` follows the two times. */
static const struct forgery {
    const char *name;
    uint8_t type;
    uint32_t size;                          /* 0: as it should be */
    uint32_t epoch_on, position_on, job_on; /* added */
    uint16_t reserved;
    const char *body;
} forgeries[] = {
    {"own", RESULT, 0, 0, 0, 0, 0, "\"forged\""},
    {"ahead", RESULT, 0, 0, 1, 1, 0, "\"forged\""},
    {"far", RESULT, 0, 0, 1000000, 1000000, 0, "\"forged\""},
    {"other", RESULT, 0, 0, 0, 1, 0, "\"forged\""},
    {"position", RESULT, 0, 0, 1, 0, 0, "\"forged\""},
    {"epoch", RESULT, 0, 1, 0, 0, 0, "\"forged\""},
    {"epoch_back", RESULT, 0, UINT32_MAX, 0, 0, 0, "\"forged\""},
    {"epoch_far", RESULT, 0, 0x80000000, 0, 0, 0, "\"forged\""},
    {"huge", RESULT, 0xfffffff0, 0, 0, 0, 0, "\"forged\""},
    {"large", RESULT, 0x7ffffff0, 0, 0, 0, 0, "\"forged\""},
    {"slow", RESULT, 8 << 20, 0, 0, 0, 0, "\"forged\""},
    {"tiny", RESULT, 3, 0, 0, 0, 0, "\"forged\""},
    {"bare", RESULT, sizeof(struct head), 0, 0, 0, 0, ""},
    {"type", UNKNOWN, 0, 0, 0, 0, 0, "\"forged\""},
    {"type_0", 0, 0, 0, 0, 0, 0, "\"forged\""},
    {"reserved", RESULT, 0, 0, 0, 0, 7, "\"forged\""},
    {"ready", READY, 0, 0, 0, 0, 0, "more functions"},
    {"job", JOB, 0, 0, 0, 0, 0, "null"},
    {"stop", STOP, 0, 0, 0, 0, 0, ""},
    {"not_json", RESULT, 0, 0, 0, 0, 0, "{\"a\":"},
    {"line", RESULT, 0, 0, 0, 0, 0, "1\n{\"id\":1,\"status\":\"ok\"}"},
    {"empty", RESULT, 0, 0, 0, 0, 0, ""},
    {"progress", PROGRESS, 0, 0, 0, 0, 0, "not\njson"},
    {NULL, 0, 0, 0, 0, 0, 0, NULL},
};

static size_t forge_frame(const hay_task *task, const struct forgery *how, unsigned char *bytes)
{
    uint64_t claim = claim_at_start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t times[2] = {(int64_t)now.tv_sec * 1000000000 + now.tv_nsec, 1000};
    struct head head = {
        .type = how->type,
        .reserved = how->reserved,
        .epoch = (uint32_t)(claim >> 32) + how->epoch_on,
        .position = (uint32_t)claim - 1 + how->position_on,
        .job = task->number + how->job_on,
    };
    size_t body = strlen(how->body), size = sizeof head + sizeof times + body;
    head.size = how->size ? how->size : (uint32_t)size;
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, times, sizeof times);
    memcpy(bytes + sizeof head + sizeof times, how->body, body);
    return how->size == sizeof head ? sizeof head : size;
}

/* Those that have to be right in all but their content are left out where the job cannot be named. */
static bool is_fit(const struct forgery *how)
{
    return is_named() || (strcmp(how->name, "own") != 0 && strcmp(how->name, "progress") != 0);
}

static enum act_end leave_out(hay_task *task)
{
    task->host->result(task, "null", 4);
    return ACT_DONE;
}

static const struct forgery *find_forgery(hay_task *task, const char *name)
{
    const struct forgery *how = forgeries;
    while (how->name && strcmp(how->name, name) != 0)
        how++;
    if (how->name && is_layout_known())
        return how;
    task->host->fail(task, how->name ? "the ledger has another layout" : "no such forgery");
    return NULL;
}

/* forge KIND [TIMES | half] */
static enum act_end act_forge(hay_task *task, const char *const words[])
{
    unsigned char bytes[256];
    const struct forgery *how = find_forgery(task, words[0]);
    if (!how)
        return ACT_FAILED;
    bool is_half = strcmp(words[1], "half") == 0;
    if (!is_fit(how) && !is_half)
        return leave_out(task);
    struct shot shot = {bytes, forge_frame(task, how, bytes)};
    if (is_half)
        shot.size /= 2;
    for (long i = is_half ? 1 : word_number(words[1], 1); i > 0; i--)
        each_socket(fire, &shot);
    return ACT_GO_ON;
}

/* A byte now and then, until it is killed. */
static enum act_end act_trickle(hay_task *task, const char *const words[])
{
    struct shot shot = {"0", 1};
    (void)task, (void)words;
    while (getppid() > 1) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        each_socket(fire, &shot);
    }
    return ACT_DONE;
}

static void book_claim(struct book *book, uint32_t epoch_on, uint32_t started_on)
{
    uint64_t claim = atomic_load(&book->claim);
    uint32_t epoch = (uint32_t)(claim >> 32) + epoch_on, started = (uint32_t)claim + started_on;
    atomic_store(&book->claim, (uint64_t)epoch << 32 | started);
}

static void book_starts(struct book *book, int64_t start_ns)
{
    atomic_store(&book->start_ns[0], start_ns);
    atomic_store(&book->start_ns[1], start_ns);
}

static _Noreturn void book_scramble(struct book *book)
{
    for (uint64_t state = 88172645463325252u;;) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        atomic_store(&book->outbox, state & 0xffffffff0001ffffu);
        atomic_store(&book->claim, state & 0x3000000ffu);
        book_starts(book, (int64_t)state);
    }
}

static bool book_spoil(struct book *book, const char *how)
{
    if (strcmp(how, "ahead") == 0)
        book_claim(book, 0, 1000000);
    else if (strcmp(how, "three") == 0)
        book_claim(book, 0, 3);
    else if (strcmp(how, "next") == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        book_starts(book, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
        book_claim(book, 0, 1);
    } else if (strcmp(how, "back") == 0)
        book_claim(book, 0, (uint32_t)-1);
    else if (strcmp(how, "zero") == 0)
        atomic_store(&book->claim, atomic_load(&book->claim) >> 32 << 32);
    else if (strcmp(how, "epoch") == 0)
        book_claim(book, 5, 0);
    else if (strcmp(how, "epoch_back") == 0)
        book_claim(book, (uint32_t)-1, 0);
    else if (strcmp(how, "late") == 0)
        book_starts(book, INT64_MAX);
    else if (strcmp(how, "early") == 0)
        book_starts(book, 1);
    else if (strcmp(how, "negative") == 0)
        book_starts(book, -5);
    else if (strcmp(how, "ended") == 0)
        book_starts(book, ENDED);
    else if (strcmp(how, "length") == 0)
        atomic_store(&book->outbox, 0xffffffffu);
    else if (strcmp(how, "length_1") == 0)
        atomic_store(&book->outbox, 65537);
    else if (strcmp(how, "junk") == 0) {
        memset(book->bytes, 0xa5, sizeof book->bytes);
        atomic_store(&book->outbox, (uint64_t)sizeof book->bytes);
    } else if (strcmp(how, "ones") == 0)
        memset((void *)book, 0xff, sizeof *book);
    else if (strcmp(how, "zeros") == 0)
        memset((void *)book, 0, sizeof *book);
    else if (strcmp(how, "scramble") == 0)
        book_scramble(book);
    else
        return false;
    return true;
}

static enum act_end act_ledger(hay_task *task, const char *const words[])
{
    if (own_book && book_spoil(own_book, words[0]))
        return ACT_GO_ON;
    task->host->fail(task, own_book ? "no such spoiling" : "no ledger found");
    return ACT_FAILED;
}

/* outbox KIND [half]: a forged frame where the worker keeps its finished results. */
static enum act_end act_outbox(hay_task *task, const char *const words[])
{
    const struct forgery *how = find_forgery(task, words[0]);
    if (!how || !own_book)
        return ACT_FAILED;
    if (!is_fit(how))
        return leave_out(task);
    uint64_t word = atomic_load(&own_book->outbox);
    uint32_t length = (uint32_t)word;
    if (length > sizeof own_book->bytes - 256)
        return ACT_FAILED;
    size_t size = forge_frame(task, how, own_book->bytes + length);
    atomic_store(&own_book->outbox, word + (strcmp(words[1], "half") == 0 ? size / 2 : size));
    return ACT_GO_ON;
}

const struct act acts_of_war[] = {
    {"garbage", act_garbage}, {"forge", act_forge}, {"ledger", act_ledger}, {"outbox", act_outbox},
    {"trickle", act_trickle},
    {NULL, NULL},
};
