/* SPDX-License-Identifier: MIT
 *
 * Acts that give results, good and bad, and acts that print.
 */
#include "fault.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `size` bytes through the host in bites; what the host says is ignored, as a careless plugin would. */
static void give(hay_task *task, char fill, size_t size)
{
    char bite[4096];
    memset(bite, fill, sizeof bite);
    while (size) {
        size_t now = size < sizeof bite ? size : sizeof bite;
        task->host->result(task, bite, now);
        size -= now;
    }
}

/* A JSON string that is `size` bytes long with its quotes. */
static enum act_end act_result(hay_task *task, const char *const words[])
{
    size_t size = (size_t)word_number(words[0], 2);
    task->host->result(task, "\"", 1);
    give(task, 'x', size - 2);
    task->host->result(task, "\"", 1);
    return ACT_DONE;
}

static const struct { const char *name; const char *bytes; size_t size; } not_json[] = {
    {"empty", "", 0},
    {"space", "  ", 2},
    {"open", "{\"a\":", 5},
    {"two", "1 2", 3},
    {"newline", "[1,\n2]", 6},
    {"line", "1\n{\"id\":1,\"status\":\"ok\",\"result\":2}", 36},
    {"return", "[1,\r2]", 6},
    {"nul", "\"a\0b\"", 5},
    {"control", "\"a\tb\"", 5},
    {"utf8", "\"\xff\xfe\"", 4},
    {"surrogate", "\"\\ud800\"", 8},
    {"nan", "NaN", 3},
    {"word", "ok", 2},
    {"comma", "[1,]", 4},
};

static enum act_end act_json(hay_task *task, const char *const words[])
{
    for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++)
        if (strcmp(not_json[i].name, words[0]) == 0) {
            task->host->result(task, not_json[i].bytes, not_json[i].size);
            return ACT_DONE;
        }
    if (strcmp(words[0], "deep") == 0) {
        size_t depth = (size_t)word_number(words[1], 100000);
        give(task, '[', depth);
        give(task, ']', depth);
        return ACT_DONE;
    }
    return ACT_FAILED;
}

static enum act_end act_fail(hay_task *task, const char *const words[])
{
    task->host->fail(task, *words[0] ? words[0] : "as told");
    return ACT_FAILED;
}

/* 1 MiB of everything that must not stand in a line of JSON. */
static enum act_end act_fail_ugly(hay_task *task, const char *const words[])
{
    size_t size = 1u << 20;
    char *text = malloc(size + 1);
    (void)words;
    if (!text)
        return ACT_FAILED;
    for (size_t i = 0; i < size; i++)
        text[i] = "\"\\\n\r\t\x01\xff\xc3/\x7f"[i % 10];
    text[size] = '\0';
    task->host->fail(task, text);
    free(text);
    return ACT_FAILED;
}

static enum act_end act_mute(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    return ACT_FAILED;
}

/* fail() first, and then a result as if nothing had been. */
static enum act_end act_fail_and_go(hay_task *task, const char *const words[])
{
    (void)words;
    task->host->fail(task, "first words");
    task->host->fail(task, "second words");
    task->host->result(task, "1", 1);
    return ACT_DONE;
}

static enum act_end act_progress(hay_task *task, const char *const words[])
{
    for (long i = word_number(words[0], 1); i > 0; i--) {
        task->host->progress(task, "{\"part\":1}", 10);
        task->host->progress(task, "not\njson", 8);
        task->host->log(task, HAY_LOG_INFO, "a line\nand \x01 another");
    }
    return ACT_GO_ON;
}

static void print_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {fd, POLLOUT, 0};
            poll(&wait, 1, 1000);
        } else if (n <= 0 && errno != EINTR) {
            return;
        } else if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
}

/* print FD BYTES LINE: that many bytes in lines of LINE bytes; LINE 0: no newline at all. */
static enum act_end act_print(hay_task *task, const char *const words[])
{
    char bite[8192];
    int fd = (int)word_number(words[0], 1);
    size_t line = (size_t)word_number(words[2], 80), at = 0;
    (void)task;
    for (size_t left = (size_t)word_number(words[1], 80); left;) {
        size_t now = left < sizeof bite ? left : sizeof bite;
        for (size_t i = 0; i < now; i++, at++)
            bite[i] = line && at % line == line - 1 ? '\n' : 'p';
        print_all(fd, bite, now);
        left -= now;
    }
    return ACT_GO_ON;
}

/* What looks like a result line, where results go if the host is careless. */
static enum act_end act_pretend(hay_task *task, const char *const words[])
{
    static const char line[] = "{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"forged\"}}\n";
    (void)task, (void)words;
    for (int fd = 0; fd < 3; fd++)
        print_all(fd, line, sizeof line - 1);
    return ACT_GO_ON;
}

/* A locale with decimal commas, where there is one. */
static enum act_end act_commas(hay_task *task, const char *const words[])
{
    (void)task, (void)words;
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        setlocale(LC_ALL, "fr_FR.UTF-8");
    return ACT_GO_ON;
}

const struct act acts_of_output[] = {
    {"result", act_result}, {"json", act_json}, {"fail", act_fail}, {"fail_ugly", act_fail_ugly}, {"mute", act_mute},
    {"fail_and_go", act_fail_and_go}, {"progress", act_progress}, {"print", act_print}, {"pretend", act_pretend},
    {"commas", act_commas},
    {NULL, NULL},
};
