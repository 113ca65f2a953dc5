/* SPDX-License-Identifier: MIT
 *
 * Plugins whose hooks break: workers that cannot start make the pool stop with every accepted job skipped; one that fails
 * once, or cannot stop in good order, costs nothing.
 */
#include "harness.h"
#include "results.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS 50

struct hook {
    const char *name;
    const char *variable;
    const char *options;
    const char *status;
    const char *told;   /* stands on stderr; NULL: nothing of a worker that was told to stop */
    int code;
    int limit_ms;   /* how long it may take, on a machine at ease */
    bool stands_still;
};

static const struct hook hooks[] = {
    {"a configure that crashes", "HAY_FAULT_CONFIGURE=crash", "-j 2", "skipped",
     "dumped), in configure() of plugin fault", 70, 20000, false},
    {"a configure that refuses", "HAY_FAULT_CONFIGURE=fail", "-j 2", "skipped",
     "its configure() refused with 1", 70, 20000, false},
    {"a start that crashes", "HAY_FAULT_START=crash", "-j 2", "skipped",
     "dumped), in start() of plugin fault", 70, 20000, false},
    {"a start that refuses", "HAY_FAULT_START=fail", "-j 2", "skipped", "its start() refused with 1", 70, 20000, false},
    {"a start that exits", "HAY_FAULT_START=exit", "-j 2", "skipped",
     "exited with 0, in start() of plugin fault", 70, 20000, false},
    {"a start that exits with a worker's code", "HAY_FAULT_START=exit_121", "-j 2", "skipped",
     "exited with 121 (a worker's code: what it read from its pipe made no sense), in start() of plugin fault", 70, 20000, false},
    {"a start that closes all descriptors", "HAY_FAULT_START=close", "-j 2", "skipped",
     "exited with 120 (a worker's code: its pipe was closed in it), in start() of plugin fault", 70, 20000, false},
    {"a start that hangs", "HAY_FAULT_START=hang", "-j 10", "skipped",
     "was not ready after 10 s, in start() of plugin fault", 70, 25000, false},
    {"a stop that crashes", "HAY_FAULT_STOP=crash", "-j 1", "ok",
     "dumped), in stop() of plugin fault", 0, 20000, false},
    {"a stop that exits", "HAY_FAULT_STOP=exit", "-j 1", "ok",
     "worker 0 was told to stop: exited with 0, in stop() of plugin fault", 0, 20000, false},
    {"a stop that hangs", "HAY_FAULT_STOP=hang", "-j 1", "ok",
     "worker 0 was told to stop: killed: the worker had not ended after 5 s, in stop() of plugin fault", 0, 20000, false},
    {"a stop that lies about its name, and crashes", "HAY_FAULT_STOP=lie", "-j 1", "ok",
     "dumped), in ???????", 0, 20000, false},
    {"a slow start and a master that stands still meanwhile", "HAY_FAULT_START=slow", "-j 12", "ok", NULL, 0, 40000, true},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, false},
};

/* Are both workers past the fork, and in the plugin's hook? */
static bool both_start(const struct run *run)
{
    pid_t children[16];
    size_t count = process_children(run->pid, children, 16), workers = 0;
    for (size_t i = 0; i < count && i < 16; i++)
        workers += process_is_named(children[i], "hayfork-w0") || process_is_named(children[i], "hayfork-w1");
    return workers == 2;
}

/* The master stands still while its workers become ready, until after the time that they have for it. They are more than may die
 * before the pool stops. */
static bool stand_still(const struct run *run)
{
    bool ok = true;
    while (ok && !both_start(run))
        ok = elapsed_ms(run->started_ns) < patience_ms() || note("the workers do not start");
    int64_t since_ns = now_ns();
    while (elapsed_ms(since_ns) < 1300) /* until the master waits for nothing else */
        nap();
    signal_process(run->pidfd, SIGSTOP);
    while (elapsed_ms(since_ns) < 10100) /* not so late that it is forgiven for that alone */
        nap();
    signal_process(run->pidfd, SIGCONT);
    return ok;
}

/* Without any text to look for, nothing may be told of a stop. */
static bool is_told(int fd, const char *told)
{
    size_t size;
    char *text = read_all(fd, &size);
    const char *wanted = told ? told : "told to stop";
    bool there = text && strstr(text, wanted);
    free(text);
    return there == (told != NULL) || note("stderr has %s \"%s\"", told ? "no" : "a", wanted);
}

static bool try_hook(const struct hook *hook)
{
    struct run run;
    struct results results = {0};
    char arguments[128];
    const char *environment[] = {hook->variable, NULL};
    FILE *in = scratch_open(), *out = scratch_open(), *err = scratch_open();
    for (int id = 1; id <= JOBS; id++)
        fprintf(in, "{\"id\":%d,\"fn\":\"fault.ok\"}\n", id);
    snprintf(arguments, sizeof arguments, "run -p fault %s", hook->options);
    struct run_io io = {scratch_rewind(in), fileno(out), fileno(err)};
    bool ok = run_start(&run, arguments, &io, environment);
    ok &= !hook->stands_still || stand_still(&run);
    int code = run_wait(&run, patience_ms());
    int64_t took_ms = elapsed_ms(run.started_ns);
    ok &= code == hook->code || note("the exit code is %d and should be %d", code, hook->code);
    ok &= took_ms <= hook->limit_ms * (sanitized() ? 3 : 1) || note("it took %lld ms", (long long)took_ms);
    ok &= run_left_nothing(&run);
    ok &= results_read(&results, fileno(out), JOBS, true);
    for (size_t id = 1; ok && id <= JOBS; id++)
        ok = results_expect(&results, id, hook->status, NULL, 1);
    ok &= is_told(fileno(err), hook->told);
    ok &= stderr_is_clean(fileno(err), !ok);
    results_free(&results);
    fclose(in);
    fclose(out);
    fclose(err);
    return ok;
}

static bool fails_once(void)
{
    char path[128], variable[192];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.80s/hayfork-once-XXXXXX", folder ? folder : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return note("no file");
    close(fd);
    snprintf(variable, sizeof variable, "HAY_FAULT_START=once:%s", path);
    /* The other worker may have done all before it is dead: then it is told of, else not. */
    bool ok = try_hook(&(struct hook){NULL, variable, "-j 2", "ok", "", 0, 20000, false});
    ok &= access(path, F_OK) < 0 || note("the hook was not run");
    unlink(path);
    return ok;
}

int main(void)
{
    if (!harness_init())
        return EXIT_FAILURE;
    for (const struct hook *hook = hooks; hook->name; hook++)
        report(try_hook(hook), "%s: every job %s", hook->name, hook->status);
    report(fails_once(), "a start that crashes once: every job ok");
    return report_end();
}
