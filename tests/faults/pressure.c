/* SPDX-License-Identifier: MIT
 *
 * Slow readers. While nobody takes the results the master stops reading results, then input: its memory stays where it is, and no
 * job passes its timeout because of the wait. While nobody takes stderr, prints are dropped and no worker waits.
 */
#include "talk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STALLS 3
#define JOB_TIMEOUT "0.4"
#define SLEEP_JOB "{\"id\":%zu,\"fn\":\"demo.sleep\",\"args\":{\"ms\":20},\"timeout\":" JOB_TIMEOUT "}\n"
#define ECHO_JOB "{\"id\":%zu,\"fn\":\"demo.echo\",\"args\":\"%s\",\"timeout\":" JOB_TIMEOUT "}\n"
#define STALL_MS 1000           /* more than twice the timeout */
#define RESULT_BYTES 1000
#define ENOUGH_JOBS 60000
#define RSS_SLACK_KIB 2048
#define RSS_MOST_KIB (48L * 1024)

struct pressure {
    bool over;
    size_t not_ok;
};

static size_t next_job(struct talk *talk, size_t id, char line[TALK_LINE_MAX])
{
    const struct pressure *pressure = talk->context;
    char fill[RESULT_BYTES + 1];
    if (pressure->over)
        return 0;
    if (id % 50 == 0) /* runs long enough to be under way when a stall begins */
        return (size_t)snprintf(line, TALK_LINE_MAX, SLEEP_JOB, id);
    memset(fill, 'e', RESULT_BYTES);
    fill[RESULT_BYTES] = '\0';
    return (size_t)snprintf(line, TALK_LINE_MAX, ECHO_JOB, id, fill);
}

static void on_line(struct talk *talk, size_t id, const struct result_line *line)
{
    struct pressure *pressure = talk->context;
    if ((strcmp(line->status, "ok") != 0 || line->attempts != 1) && pressure->not_ok++ < 5)
        note("id %zu: %.200s", id, line->text);
}

static bool read_until(struct talk *talk, size_t count)
{
    int64_t since_ns = now_ns();
    while (talk->got < count && talk->from >= 0 && talk->sound) {
        talk_turn(talk, 100);
        if (elapsed_ms(since_ns) > 3 * patience_ms())
            return note("only %zu results of %zu came", talk->got, count);
    }
    return talk->got >= count;
}

/* Read nothing until the master takes no more input, and then for longer than any job may run. */
static bool stall(struct talk *talk)
{
    int64_t since_ns = now_ns(), blocked_ns = since_ns;
    size_t written = talk->bytes_written;
    talk->stop_reading = true;
    while (elapsed_ms(blocked_ns) < STALL_MS) {
        talk_turn(talk, 20);
        if (talk->bytes_written != written)
            blocked_ns = now_ns();
        written = talk->bytes_written;
        if (elapsed_ms(since_ns) > patience_ms())
            return note("the master goes on reading: %zu bytes", written);
    }
    talk->stop_reading = false;
    return true;
}

static void slow_results(void)
{
    struct pressure pressure = {0};
    struct talk talk = {.next = next_job, .on_line = on_line, .context = &pressure};
    long rss_kib[STALLS] = {0};
    FILE *err = scratch_open();
    bool ok = talk_start(&talk, "run -j 2 -p demo", fileno(err), NULL);
    for (int i = 0; ok && i < STALLS; i++) {
        ok = read_until(&talk, talk.got + ENOUGH_JOBS / STALLS) && stall(&talk);
        rss_kib[i] = process_rss_kib(talk.run.pid);
        note("stall %d: %zu jobs in, %zu results out, %ld KiB", i, talk.given, talk.got, rss_kib[i]);
    }
    report(ok, "input stops while nobody takes the results");
    bool flat = rss_kib[STALLS - 1] <= rss_kib[0] + RSS_SLACK_KIB && rss_kib[STALLS - 1] <= RSS_MOST_KIB;
    report(flat || sanitized(), "the master's memory does not grow with what waits");
    pressure.over = true;
    talk_close_input(&talk);
    int code = talk_finish(&talk, patience_ms());
    report(talk_is_conserved(&talk), "one line for each of %zu jobs", talk.given);
    report(pressure.not_ok == 0 && code == 0, "no job is late because of its reader (exit code %d)", code);
    report(run_left_nothing(&talk.run), "no process left");
    report(stderr_is_clean(fileno(err), !ok || code), "a quiet stderr");
    talk_free(&talk);
    fclose(err);
}

/* stderr is a full pipe for the whole run. */
static bool deaf_stderr(void)
{
    struct run run;
    struct results results = {0};
    int ends[2];
    FILE *in = scratch_open(), *out = scratch_open();
    for (int id = 1; id <= 100; id++)
        fprintf(in, "{\"id\":%d,\"fn\":\"fault.act\",\"args\":\"print %d 200000 %d\"}\n", id, 1 + id % 2, id % 5 ? 80 : 0);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return note("no pipe");
    struct run_io io = {scratch_rewind(in), fileno(out), ends[1]};
    int flags = fcntl(ends[1], F_GETFL);
    bool ok = run_start(&run, "run -j 2 -p fault", &io, NULL);
    int code = run_wait(&run, patience_ms());
    ok &= code == 0 || note("the exit code is %d", code);
    ok &= run_left_nothing(&run);
    ok &= results_read(&results, fileno(out), 100, true) && results_count(&results, "ok") == 100;
    ok &= fcntl(ends[1], F_GETFL) == flags || note("the flags of stderr were changed, and its other owners see that");
    results_free(&results);
    close(ends[0]);
    close(ends[1]);
    fclose(in);
    fclose(out);
    return ok;
}

/* The descriptions behind 0, 1 and 2 are shared with others. Nothing that a plugin does to its own may reach them. */
static bool flags_stay(void)
{
    struct run run;
    int in[2], out[2], err[2], flags[3];
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        return note("no pipe");
    int ours[3] = {in[0], out[1], err[1]};
    for (int i = 0; i < 3; i++)
        flags[i] = fcntl(ours[i], F_GETFL);
    static const char jobs[] = "{\"id\":1,\"fn\":\"fault.act\",\"args\":\"nonblock; print 1 1000; print 2 1000\"}\n"
                               "{\"id\":2,\"fn\":\"fault.act\",\"args\":\"nonblock; close 0 2\"}\n"
                               "{\"id\":3,\"fn\":\"fault.act\",\"args\":\"nonblock; raise KILL\"}\n";
    bool ok = write(in[1], jobs, sizeof jobs - 1) == (ssize_t)sizeof jobs - 1;
    close(in[1]);
    struct run_io io = {in[0], out[1], err[1]};
    ok &= run_start(&run, "run -j 2 -p fault", &io, NULL);
    int code = run_wait(&run, patience_ms());
    ok &= code == 1 || note("the exit code is %d", code);
    for (int i = 0; i < 3; i++)
        ok &= fcntl(ours[i], F_GETFL) == flags[i] || note("the flags of descriptor %d were changed", i);
    ok &= run_left_nothing(&run);
    close(in[0]);
    for (int i = 0; i < 2; i++) {
        close(out[i]);
        close(err[i]);
    }
    return ok;
}

int main(void)
{
    if (!harness_init())
        return EXIT_FAILURE;
    slow_results();
    report(deaf_stderr(), "no worker waits for a stderr that nobody reads");
    report(flags_stay(), "inherited descriptors keep their flags");
    return report_end();
}
