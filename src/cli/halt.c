/* SPDX-License-Identifier: MIT */
#include "cli/halt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A share of a stream of unknown length means little before a few jobs are done. */
#define HALT_PERCENT_LEAST 3

static bool halt_word(const char **text, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(*text, word, size))
        return false;
    *text += size;
    return true;
}

/* N from 1, or N% above 0 and up to 100. */
static bool halt_amount(struct halt *halt, const char *text)
{
    char *end;
    errno = 0;
    size_t digits = strspn(text, "0123456789.");
    if (*text < '0' || *text > '9' || (text[digits] && strcmp(text + digits, "%")))
        return false;
    double value = strtod(text, &end);
    if (end > text && !strcmp(end, "%")) {
        halt->percent = value;
        halt->count = 0;
        return value > 0 && value <= 100;
    }
    halt->count = strtoull(text, &end, 10);
    return !errno && !*end && halt->count;
}

bool halt_parse(struct halt *halt, const char *text)
{
    static const struct {
        const char *word;
        enum halt_why why;
    } reasons[] = { { "fail=", HALT_FAIL }, { "success=", HALT_SUCCESS }, { "done=", HALT_DONE } };
    *halt = (struct halt){ .when = HALT_NEVER };
    if (!strcmp(text, "never"))
        return true;
    if (halt_word(&text, "now,"))
        halt->when = HALT_NOW;
    else if (halt_word(&text, "soon,"))
        halt->when = HALT_SOON;
    else
        return false;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (!halt_word(&text, reasons[i].word))
            continue;
        halt->why = reasons[i].why;
        return halt_amount(halt, text);
    }
    return false;
}

void halt_allow_fails(struct halt *halt, uint64_t most)
{
    *halt = (struct halt){ .when = HALT_NOW, .why = HALT_FAIL, .count = most + 1 };
}

static uint64_t halt_counted(const struct halt *halt)
{
    switch (halt->why) {
    case HALT_FAIL:
        return halt->failed;
    case HALT_SUCCESS:
        return halt->succeeded;
    default:
        return halt->failed + halt->succeeded;
    }
}

static bool halt_is_met(const struct halt *halt)
{
    uint64_t counted = halt_counted(halt), done = halt->failed + halt->succeeded;
    if (halt->count)
        return counted >= halt->count;
    if (!counted || (!halt->total && done < HALT_PERCENT_LEAST))
        return false;
    return (double)counted * 100 >= halt->percent * (double)(halt->total ? halt->total : done);
}

void halt_leave_out(struct halt *halt)
{
    if (halt->total > 1)
        halt->total--;
}

bool halt_tell(struct halt *halt, enum hay_outcome outcome, uint32_t attempts)
{
    if (halt->when == HALT_NEVER || halt->reached)
        return false;
    if (outcome == HAY_OUTCOME_REJECTED || !attempts)
        halt_leave_out(halt);
    else if (outcome == HAY_OUTCOME_OK)
        halt->succeeded++;
    else
        halt->failed++;
    return halt->reached = halt_is_met(halt);
}

void halt_reason(const struct halt *halt, char *text, size_t capacity)
{
    static const char *const done[] = { [HALT_FAIL] = "failed", [HALT_SUCCESS] = "succeeded", [HALT_DONE] = "ended" };
    uint64_t counted = halt_counted(halt);
    snprintf(text, capacity, "%" PRIu64 " %s %s", counted, counted == 1 ? "job has" : "jobs have", done[halt->why]);
}
