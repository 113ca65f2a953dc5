/* SPDX-License-Identifier: MIT
 *
 * Acts of a plugin that knows how Hayfork works and lies to the master: on the pipe, and in the ledger.
 *
 * The layouts are written down here a second time, as an enemy would have them. Where a layout moves, `forge twice` and
 * `ledger three` no longer do what their tests expect, so that this file is not forgotten.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READY = 1, JOB, RESULT, PROGRESS, LOG, STOP };

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
    char apart[64];
    _Atomic uint64_t outbox;      /* resets, length */
    unsigned char bytes[65536];
};

#define ENDED INT64_MIN

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
    {"epoch_far", RESULT, 0, 0x80000000, 0, 0, 0, "\"forged\""},
    {"huge", RESULT, 0xfffffff0, 0, 0, 0, 0, "\"forged\""},
    {"large", RESULT, 0x7ffffff0, 0, 0, 0, 0, "\"forged\""},
    {"tiny", RESULT, 3, 0, 0, 0, 0, "\"forged\""},
    {"bare", RESULT, sizeof(struct head), 0, 0, 0, 0, ""},
    {"type", 99, 0, 0, 0, 0, 0, "\"forged\""},
    {"type_0", 0, 0, 0, 0, 0, 0, "\"forged\""},
    {"reserved", RESULT, 0, 0, 0, 0, 7, "\"forged\""},
    {"ready", READY, 0, 0, 0, 0, 0, "more functions"},
    {"job", JOB, 0, 0, 0, 0, 0, "null"},
    {"stop", STOP, 0, 0, 0, 0, 0, ""},
    {"not_json", RESULT, 0, 0, 0, 0, 0, "{\"a\":"},
    {"line", RESULT, 0, 0, 0, 0, 0, "1\n{\"id\":1,\"status\":\"ok\"}"},
    {"empty", RESULT, 0, 0, 0, 0, 0, ""},
    {"log", LOG, 0, 0, 0, 0, 0, "a forged \x01 log\n\n\nline \xff"},
    {"progress", PROGRESS, 0, 0, 0, 0, 0, "not\njson"},
    {NULL, 0, 0, 0, 0, 0, 0, NULL},
};

static size_t forge_frame(const hay_task *task, const struct forgery *how, unsigned char *bytes)
{
    struct book *book = find_book();
    uint64_t claim = book ? atomic_load(&book->claim) : 0;
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

/* forge KIND [TIMES | half] */
static enum act_end act_forge(hay_task *task, const char *const words[])
{
    unsigned char bytes[256];
    for (const struct forgery *how = forgeries; how->name; how++) {
        if (strcmp(how->name, words[0]) != 0)
            continue;
        struct shot shot = {bytes, forge_frame(task, how, bytes)};
        if (strcmp(words[1], "half") == 0)
            shot.size /= 2;
        for (long i = strcmp(words[1], "half") ? word_number(words[1], 1) : 1; i > 0; i--)
            each_socket(fire, &shot);
        return ACT_GO_ON;
    }
    task->host->fail(task, "no such forgery");
    return ACT_FAILED;
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
    else if (strcmp(how, "back") == 0)
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
    struct book *book = find_book();
    if (book && book_spoil(book, words[0]))
        return ACT_GO_ON;
    task->host->fail(task, book ? "no such spoiling" : "no ledger found");
    return ACT_FAILED;
}

/* outbox KIND: a forged frame where the worker keeps its finished results. */
static enum act_end act_outbox(hay_task *task, const char *const words[])
{
    struct book *book = find_book();
    for (const struct forgery *how = forgeries; book && how->name; how++)
        if (strcmp(how->name, words[0]) == 0) {
            uint64_t word = atomic_load(&book->outbox);
            size_t length = (uint32_t)word, size = forge_frame(task, how, book->bytes + length);
            atomic_store(&book->outbox, word + size);
            return ACT_GO_ON;
        }
    return ACT_FAILED;
}

const struct act acts_of_war[] = {
    {"garbage", act_garbage}, {"forge", act_forge}, {"ledger", act_ledger}, {"outbox", act_outbox},
    {NULL, NULL},
};
