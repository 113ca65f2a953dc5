/* SPDX-License-Identifier: MIT
 *
 * The end of the master, by force and by request, whatever its workers do at that moment: they are gone within a second, with
 * what they started. And its sleep: a master that was stopped for a while blames nobody when it wakes.
 */
#include "beacon.h"
#include "talk.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define GONE_MS 1000
#define GONE_LOADED_MS 3000  /* passes with a note: the machine is slow, not the master */
#define STOP_GRACE_MS 500
#define STOP_MARGIN_MS 5000
#define SURPRISES 30

struct busy {
    const char *name;
    const char *job;       /* members of each job line */
    int workers;
    const char *process;   /* wait for so many processes of this name; NULL: for the beacon */
};

static const struct busy busies[] = {
    {"looping", "\"fn\":\"fault.act\",\"args\":\"beacon; loop\"", 4, NULL},
    {"sleeping", "\"fn\":\"fault.act\",\"args\":\"beacon; pause\"", 4, NULL},
    {"TERM-ignoring", "\"fn\":\"fault.act\",\"args\":\"ignore TERM; beacon; loop\"", 4, NULL},
    {"signal-blocking", "\"fn\":\"fault.act\",\"args\":\"block; beacon; loop\"", 2, NULL},
    {"stopped", "\"fn\":\"fault.act\",\"args\":\"beacon; raise STOP\"", 2, NULL},
    {"printing", "\"fn\":\"fault.act\",\"args\":\"beacon; print 1 4000000000 80\"", 2, NULL},
    {"commanding", "\"fn\":\"exec.run\",\"args\":{\"argv\":[\"sleep\",\"1000\"]}", 4, "sleep"},
    {"shell-commanding", "\"fn\":\"exec.run\",\"args\":{\"shell\":\"exec sleep 1000\"}", 4, "sleep"},
    {NULL, NULL, 0, NULL},
};

struct stage {
    struct run run;
    struct beacon beacon;
    FILE *in, *out, *err;
    size_t jobs;
};

static bool await_processes(const struct run *run, const char *name, int wanted)
{
    pid_t pids[256];
    for (int64_t since_ns = now_ns(); elapsed_ms(since_ns) < patience_ms() && process_state(run->pid, NULL) != 'Z'; nap()) {
        int found = 0;
        size_t count = run_processes(run, pids, 256);
        for (size_t i = 0; i < count; i++)
            found += process_is_named(pids[i], name);
        if (found >= wanted)
            return true;
    }
    return note("there are not %d processes named %s", wanted, name);
}

/* A run whose workers are all at it, with more jobs behind. */
static bool stage_open(struct stage *stage, const struct busy *busy, const char *options)
{
    char arguments[256];
    *stage = (struct stage){.in = scratch_open(), .out = scratch_open(), .err = scratch_open()};
    stage->jobs = (size_t)busy->workers * 3;
    for (size_t id = 1; id <= stage->jobs; id++)
        fprintf(stage->in, "{\"id\":%zu,%s}\n", id, busy->job);
    snprintf(arguments, sizeof arguments, "run -j %d -p fault -p exec %s", busy->workers, options);
    struct run_io io = {scratch_rewind(stage->in), fileno(stage->out), fileno(stage->err)};
    if (!beacon_open(&stage->beacon) || !run_start(&stage->run, arguments, &io, stage->beacon.environment))
        return false;
    return busy->process ? await_processes(&stage->run, busy->process, busy->workers)
                         : beacon_await(&stage->beacon, &stage->run, busy->workers);
}

static void stage_close(struct stage *stage)
{
    beacon_close(&stage->beacon);
    fclose(stage->in);
    fclose(stage->out);
    fclose(stage->err);
}

static bool gone_in_time(const struct run *run)
{
    int64_t took_ms = run_await_gone(run, patience_ms());
    if (took_ms >= 0)
        note("all gone after %lld ms", (long long)took_ms);
    if (took_ms > GONE_MS && took_ms <= GONE_LOADED_MS)
        return !note("that is more than %d ms: a loaded machine?", GONE_MS);
    return took_ms >= 0 && took_ms <= GONE_MS;
}

/* `frozen`: all that it has started is stopped first, as by its own SIGTSTP. */
static bool kill_master(const struct busy *busy, bool frozen)
{
    struct stage stage;
    pid_t pids[256];
    bool ok = stage_open(&stage, busy, "");
    size_t count = frozen ? run_processes(&stage.run, pids, 256) : 0;
    for (size_t i = 0; i < count; i++)
        if (pids[i] != stage.run.pid)
            kill(pids[i], SIGSTOP);
    signal_process(stage.run.pidfd, SIGKILL);
    ok &= run_wait(&stage.run, patience_ms()) == 128 + SIGKILL || note("the master did not die by our signal");
    ok &= gone_in_time(&stage.run);
    ok &= run_left_nothing(&stage.run);
    stage_close(&stage);
    return ok;
}

/* Killed at any moment of its life, while workers are being replaced all the time. */
static bool surprise_master(unsigned at_ms)
{
    struct run run;
    FILE *in = scratch_open(), *out = scratch_open(), *err = scratch_open();
    for (unsigned id = 1; id <= 2000; id++)
        fprintf(in, "{\"id\":%u,\"fn\":\"fault.%s}\n", id, id % 3 ? "ok\"" : "act\",\"args\":\"_exit 1\"");
    struct run_io io = {scratch_rewind(in), fileno(out), fileno(err)};
    bool ok = run_start(&run, "run -j 4 -p fault", &io, NULL);
    while (ok && elapsed_ms(run.started_ns) < at_ms)
        nap();
    if (ok) {
        signal_process(run.pidfd, SIGKILL);
        ok = run_wait(&run, patience_ms()) >= 0;
        int64_t took_ms = run_await_gone(&run, patience_ms());
        ok &= took_ms >= 0 && took_ms <= GONE_LOADED_MS;
        ok &= run_left_nothing(&run);
    }
    if (!ok)
        note("it was killed after %u ms", at_ms);
    fclose(in);
    fclose(out);
    fclose(err);
    return ok;
}

/* A polite stop: no later than the grace, the right exit code, no line twice, each of them whole. */
static bool stop_master(const struct busy *busy, int number)
{
    struct stage stage;
    struct results results = {0};
    char options[64];
    snprintf(options, sizeof options, "--grace %dms", STOP_GRACE_MS);
    bool ok = stage_open(&stage, busy, options);
    int64_t since_ns = now_ns();
    signal_process(stage.run.pidfd, number);
    int code = run_wait(&stage.run, patience_ms());
    int64_t took_ms = elapsed_ms(since_ns);
    note("it took %lld ms", (long long)took_ms);
    ok &= code == 128 + number || note("the exit code is %d and should be %d", code, 128 + number);
    ok &= took_ms < STOP_GRACE_MS + STOP_MARGIN_MS || note("that is too long");
    ok &= run_left_nothing(&stage.run);
    ok &= results_read(&results, fileno(stage.out), stage.jobs, false);
    for (size_t id = 1; ok && id <= stage.jobs; id++)
        ok = !results.by_id[id].json || strcmp(results.by_id[id].status, "ok") != 0 || note("id %zu cannot be ok", id);
    ok &= stderr_is_clean(fileno(stage.err), !ok);
    results_free(&results);
    stage_close(&stage);
    return ok;
}

/* The job is over and its timeout too when the master wakes: it looks before it judges. */
static bool stopped_master(void)
{
    struct stage stage;
    struct results results = {0};
    const struct busy brief = {NULL, "\"fn\":\"fault.act\",\"args\":\"beacon; sleep 100; beacon\",\"timeout\":0.8", 1, NULL};
    bool ok = stage_open(&stage, &brief, "--queue 1");
    signal_process(stage.run.pidfd, SIGSTOP);
    int64_t since_ns = now_ns();
    ok = ok && beacon_await(&stage.beacon, &stage.run, 2);
    while (elapsed_ms(since_ns) < 1200) /* the time that passes is what this is about */
        nap();
    signal_process(stage.run.pidfd, SIGCONT);
    int code = run_wait(&stage.run, patience_ms());
    ok &= code == 0 || note("the exit code is %d", code);
    ok &= run_left_nothing(&stage.run);
    ok &= results_read(&results, fileno(stage.out), stage.jobs, true);
    for (size_t id = 1; ok && id <= stage.jobs; id++)
        ok = results_expect(&results, id, "ok", NULL, 1);
    results_free(&results);
    stage_close(&stage);
    return ok;
}

static size_t next_ok(struct talk *talk, size_t id, char line[TALK_LINE_MAX])
{
    const size_t *allowed = talk->context;
    if (id > *allowed)
        return 0;
    return (size_t)snprintf(line, TALK_LINE_MAX, "{\"id\":%zu,\"fn\":\"fault.ok\"}\n", id);
}

static void refuse_attempts(struct talk *talk, size_t id, const struct result_line *line)
{
    if (strcmp(line->status, "ok") != 0 || line->attempts != 1)
        talk->sound = note("id %zu was blamed: %.200s", id, line->text);
}

static bool await_lines(struct talk *talk, size_t count)
{
    int64_t since_ns = now_ns();
    while (talk->got < count && talk->from >= 0) {
        talk_turn(talk, 100);
        if (elapsed_ms(since_ns) > patience_ms())
            return note("%zu lines of %zu", talk->got, count);
    }
    return talk->got >= count;
}

/* Idle workers are stopped from outside, then jobs come: nobody starts them, nobody is blamed, and they all end ok. */
static bool stopped_workers(void)
{
    size_t allowed = 100;
    struct talk talk = {.next = next_ok, .on_line = refuse_attempts, .context = &allowed};
    FILE *err = scratch_open();
    bool ok = talk_start(&talk, "run -j 2 -p fault", fileno(err), NULL) && await_lines(&talk, allowed);
    pid_t workers[16];
    size_t count = process_children(talk.run.pid, workers, 16);
    for (size_t i = 0; i < count; i++)
        kill(workers[i], SIGSTOP);
    allowed = 600;
    int64_t since_ns = now_ns();
    ok = ok && count >= 2 && await_lines(&talk, allowed);
    note("500 jobs for stopped workers took %lld ms", (long long)elapsed_ms(since_ns));
    talk_close_input(&talk);
    int code = talk_finish(&talk, patience_ms());
    ok &= code == 0 || note("the exit code is %d", code);
    ok &= talk_is_conserved(&talk);
    ok &= run_left_nothing(&talk.run);
    ok &= stderr_is_clean(fileno(err), !ok);
    talk_free(&talk);
    fclose(err);
    return ok;
}

/* Idle workers are killed from outside, again and again: the next job finds new ones. */
static bool killed_idle_workers(void)
{
    size_t allowed = 0;
    struct talk talk = {.next = next_ok, .on_line = refuse_attempts, .context = &allowed};
    FILE *err = scratch_open();
    bool ok = talk_start(&talk, "run -j 2 -p fault", fileno(err), NULL);
    for (int round = 0; ok && round < 20; round++) {
        pid_t workers[16];
        allowed += 50;
        ok = await_lines(&talk, allowed);
        size_t count = process_children(talk.run.pid, workers, 16);
        for (size_t i = 0; i < count; i++)
            kill(workers[i], SIGKILL);
    }
    talk_close_input(&talk);
    int code = talk_finish(&talk, patience_ms());
    ok &= code == 0 || note("the exit code is %d", code);
    ok &= talk_is_conserved(&talk);
    ok &= run_left_nothing(&talk.run);
    ok &= stderr_is_clean(fileno(err), !ok);
    talk_free(&talk);
    fclose(err);
    return ok;
}

int main(void)
{
    if (!harness_init())
        return EXIT_FAILURE;
    for (const struct busy *busy = busies; busy->name; busy++)
        report(kill_master(busy, false), "a killed master leaves no %s worker", busy->name);
    for (const struct busy *busy = busies; busy->name; busy++)
        report(kill_master(busy, true), "nor a frozen %s one", busy->name);
    bool ok = true;
    for (unsigned i = 0; i < SURPRISES; i++)
        ok &= surprise_master(i * i / 3);
    report(ok, "a master killed at any moment leaves nothing");
    for (const struct busy *busy = busies; busy->name; busy++)
        report(stop_master(busy, SIGTERM), "SIGTERM ends a master with %s workers in time", busy->name);
    report(stop_master(&busies[0], SIGINT), "SIGINT ends it too");
    report(stopped_master(), "a master that was stopped blames nobody for the time");
    report(stopped_workers(), "jobs for stopped workers go to others");
    report(killed_idle_workers(), "idle workers that are killed are replaced");
    return report_end();
}
