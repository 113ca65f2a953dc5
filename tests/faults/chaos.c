/* SPDX-License-Identifier: MIT
 *
 * A random worker is killed every 5 ms, until 1,000 kills have landed. The jobs burn 20 to 500 us each and come without end until
 * then. Asserted: one line for each job, all ok; no more extra attempts than kills; exit 0; nothing left; and a master whose
 * descriptors and memory are no more after 1,000 restarts than after 100.
 *
 * A kill waits until a result came since the one before, so that the workers are never killed faster than they can do anything at
 * all: a pool whose workers keep dying with no job settled has to stop, and that is another test.
 */
#include "talk.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KILLS 1000
#define KILL_EVERY_MS 5
#define SETTLED_AT 100     /* kills after which the master has reached its size */
#define FD_SLACK 12        /* a worker that is being replaced has a few descriptors, and its successor too */
#define RSS_SLACK_KIB 1024

struct chaos {
    unsigned kills;
    size_t got_at_kill;
    int64_t kill_at_ns;
    uint64_t random;
    size_t extra_attempts, not_ok, retried;
    int fds_early, fds_late;    /* the most seen */
    long rss_early_kib, rss_late_kib;
    bool over;
};

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static size_t next_job(struct talk *talk, size_t id, char line[TALK_LINE_MAX])
{
    const struct chaos *chaos = talk->context;
    if (chaos->over)
        return 0;
    unsigned us = 20 + (unsigned)(mix(id) % 481);
    return (size_t)snprintf(line, TALK_LINE_MAX, "{\"id\":%zu,\"fn\":\"demo.spin\",\"args\":{\"us\":%u}}\n", id, us);
}

static void on_line(struct talk *talk, size_t id, const struct result_line *line)
{
    struct chaos *chaos = talk->context;
    (void)id;
    chaos->extra_attempts += (size_t)line->attempts - 1;
    chaos->retried += line->attempts > 1;
    if (strcmp(line->status, "ok") != 0 && chaos->not_ok++ < 5)
        note("not ok: %.300s", line->text);
}

/* Kill one living child of the master, and see it dead, so that no worker is killed twice. Its parent is read once the pidfd is
 * open, so it is a worker or nothing. */
static bool kill_one(struct chaos *chaos, pid_t master)
{
    pid_t workers[64], parent = 0;
    size_t count = process_children(master, workers, 64);
    if (!count)
        return false;
    pid_t pid = workers[mix(chaos->random++) % count];
    int pidfd = open_process(pid);
    if (pidfd < 0)
        return false;
    char state = process_state(pid, &parent);
    bool landed = state && state != 'Z' && state != 'X' && parent == master && signal_process(pidfd, SIGKILL) == 0 &&
                  poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, patience_ms()) == 1;
    close(pidfd);
    chaos->kills += landed;
    return landed;
}

static void measure(struct chaos *chaos, pid_t master)
{
    int fds = process_fds(master);
    long rss_kib = process_rss_kib(master);
    bool early = chaos->kills <= SETTLED_AT;
    int *most_fds = early ? &chaos->fds_early : &chaos->fds_late;
    long *most_kib = early ? &chaos->rss_early_kib : &chaos->rss_late_kib;
    if (fds > *most_fds)
        *most_fds = fds;
    if (rss_kib > *most_kib)
        *most_kib = rss_kib;
}

static bool storm(struct talk *talk, struct chaos *chaos)
{
    int64_t since_ns = now_ns(), progress_ns = since_ns;
    while (chaos->kills < KILLS) {
        size_t got = talk->got;
        talk_turn(talk, 1);
        int64_t at_ns = now_ns();
        if (talk->got != got)
            progress_ns = at_ns;
        if (!talk->sound || talk->from < 0 || talk->to < 0)
            return note("it broke after %u kills", chaos->kills);
        if (elapsed_ms(progress_ns) > patience_ms())
            return note("no result for %d ms after %u kills", patience_ms(), chaos->kills);
        if (talk->got == chaos->got_at_kill || at_ns < chaos->kill_at_ns)
            continue;
        if (kill_one(chaos, talk->run.pid)) {
            chaos->got_at_kill = talk->got;
            chaos->kill_at_ns = at_ns + KILL_EVERY_MS * 1000000;
            if (chaos->kills % 10 == 0)
                measure(chaos, talk->run.pid);
        }
    }
    note("%u kills in %lld ms, %zu results meanwhile", chaos->kills, (long long)elapsed_ms(since_ns), talk->got);
    return true;
}

static void judge(const struct talk *talk, const struct chaos *chaos, int code)
{
    report(talk_is_conserved(talk), "one line for each of %zu jobs", talk->given);
    report(chaos->not_ok == 0, "all of them ok");
    report(code == 0 || note("the exit code is %d", code), "exit code 0");
    report(chaos->extra_attempts <= chaos->kills || note("%zu attempts too many", chaos->extra_attempts - chaos->kills),
           "no more extra attempts (%zu) than kills (%u)", chaos->extra_attempts, chaos->kills);
    report(chaos->retried * 10 >= chaos->kills || note("only %zu jobs were hit", chaos->retried), "the kills hit jobs (%zu)",
           chaos->retried);
    report(chaos->fds_late <= chaos->fds_early + FD_SLACK, "the master's descriptors are as many: %d, %d", chaos->fds_early,
           chaos->fds_late);
    bool flat = chaos->rss_late_kib <= chaos->rss_early_kib + RSS_SLACK_KIB;
    report(flat || sanitized(), "the master's memory is as much: %ld, %ld KiB",
           chaos->rss_early_kib, chaos->rss_late_kib);
}

int main(void)
{
    struct chaos chaos = {0};
    struct talk talk = {.next = next_job, .on_line = on_line, .context = &chaos};
    if (!harness_init())
        return EXIT_FAILURE;
    FILE *err = scratch_open();
    bool survived = talk_start(&talk, "run -j 3 -p demo --crash-retries 1000000", fileno(err), NULL) && storm(&talk, &chaos);
    report(survived, "1,000 kills");
    chaos.over = true;
    talk_close_input(&talk);
    int code = talk_finish(&talk, patience_ms());
    judge(&talk, &chaos, code);
    report(run_left_nothing(&talk.run), "no process and no zombie left");
    report(stderr_is_clean(fileno(err), !survived || code != 0), "a quiet stderr");
    talk_free(&talk);
    fclose(err);
    return report_end();
}
