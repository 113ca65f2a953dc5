/* SPDX-License-Identifier: MIT
 *
 * Joins the observers of a run to it. Files are opened before anything runs and emptied last; they are flushed each 100 ms and
 * closed before the run ends, by whatever way it ends. No observer can fail a run once it has begun.
 */
#include "cli/cli.h"
#include "cli/roster.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBSERVE_FLUSH_S 0.1
#define OBSERVE_ROSTER ((size_t)16 << 10)
#define OBSERVE_TAG_MAX 160

#define OBSERVE_CONFIG_MAX 1024

/* ---- before the run ---- */

/* The plugin that has the function. */
static const struct hay_pool_plugin *observe_plugin(const struct run *run, int index)
{
    const struct hay_pool_plugin *plugin;
    for (int i = 0; (plugin = hay_pool_plugin(run->pool, i)); i++)
        if (index >= plugin->first_function && index < plugin->first_function + plugin->function_count)
            break;
    return plugin;
}

static bool observe_is_path(const struct run *run, const char *path)
{
    bool found = false;
    for (int i = 0; i < run->options->plugins.count && !found; i++) {
        const char *item = run->options->plugins.items[i];
        char *real = strchr(item, '/') ? realpath(item, NULL) : NULL;
        found = real && !strcmp(real, path);
        free(real);
    }
    return found;
}

/* Where the plugin was named by a path, a command that calls its function has to do so too. */
static void observe_put_path(const struct run *run, const char *path, struct bytes *call)
{
    char *real = realpath(path, NULL);
    if (real && observe_is_path(run, real)) {
        bytes_put_text(call, "-p ");
        bytes_put_quoted(call, real, strlen(real));
        bytes_put_text(call, " ");
    }
    free(real);
}

/* As one word on one line. A file is named by its whole path; a long value would fill each row, and is left out. */
static void observe_put_config(const char *config, size_t name_size, struct bytes *call)
{
    struct bytes word = { .at = NULL };
    const char *value = config + name_size + 1;
    char *real = *value == '@' ? realpath(value + 1, NULL) : NULL;
    bytes_put(&word, config, name_size + 1 + (real != NULL));
    bytes_put_text(&word, real ? real : strlen(value) > OBSERVE_CONFIG_MAX ? "..." : value);
    for (size_t i = 0; i < word.size; i++)
        if (strchr("\t\r\n", word.at[i]))
            word.at[i] = ' ';
    bytes_put_text(call, "--config ");
    bytes_put_quoted(call, word.at, word.size);
    bytes_put_text(call, " ");
    call->failed = call->failed || word.failed;
    free(real);
    bytes_release(&word);
}

/* The plugin had a configuration, so a command that calls its function has to hand it on. */
static void observe_put_configs(const struct run *run, const char *plugin, struct bytes *call)
{
    const struct option_list *configs = &run->options->configs;
    size_t size = strlen(plugin);
    for (int i = 0; i < configs->count; i++) {
        if (strncmp(configs->items[i], plugin, size) == 0 && configs->items[i][size] == '=')
            observe_put_config(configs->items[i], size, call);
    }
}

static bool observe_describe(const struct run *run, int index, struct observe_function *function)
{
    const struct hay_pool_plugin *plugin = observe_plugin(run, index);
    function->name = hay_pool_function(run->pool, index)->name;
    bytes_put_text(&function->call, "hayfork call ");
    if (plugin) {
        observe_put_path(run, plugin->path, &function->call);
        observe_put_configs(run, plugin->name, &function->call);
    }
    bytes_put_quoted(&function->call, function->name, strlen(function->name));
    bytes_put_json(&function->json, function->name, strlen(function->name));
    return !function->call.failed && !function->json.failed;
}

static bool observe_describe_all(struct run *run)
{
    struct observe *observe = &run->observe;
    int count = 0;
    while (hay_pool_function(run->pool, count))
        count++;
    observe->functions = calloc((size_t)count + 1, sizeof *observe->functions);
    observe->function_count = observe->functions ? count : 0;
    bool good = observe->functions != NULL;
    for (int i = 0; i < count && good; i++)
        good = observe_describe(run, i, &observe->functions[i]);
    return good;
}

/* Is it the file of -j @FILE? */
static bool observe_is_jobs_file(const struct run *run, const struct stream *stream)
{
    const char *jobs = run->options->control.jobs;
    struct stat info;
    return jobs && jobs[0] == '@' && !stat(jobs + 1, &info) && S_ISREG(info.st_mode) && info.st_dev == stream->device &&
           info.st_ino == stream->inode;
}

/* Messages would be written over what is there, or the other way round. */
static bool observe_is_stderr(const struct stream *stream)
{
    struct stat info;
    return !fstat(STDERR_FILENO, &info) && S_ISREG(info.st_mode) && info.st_dev == stream->device && info.st_ino == stream->inode;
}

int run_observe_check(const struct run *run, const char *path, const struct stream *stream)
{
    const struct stream *others[] = { &run->output.stream, &run->observe.joblog.stream, &run->observe.trace.file.stream };
    if (!path)
        return CLI_OK;
    if (input_same_file(&run->input, stream) || arguments_have_file(&run->options->argument_files, stream))
        return say_usage("'%s' is an input, and would be written", path);
    if (observe_is_jobs_file(run, stream))
        return say_usage("'%s' is the file of -j, and would be written", path);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] != stream && others[i]->fd >= 0 && stream_same_file(others[i], stream))
            return say_usage("'%s' would be written twice", path);
    return observe_is_stderr(stream) ? say_usage("'%s' is standard error, and would be written twice", path) : CLI_OK;
}

/* What plugins print, and what the commands of exec print to stderr. False: that has been said. */
static bool observe_redirect(struct run *run, const char *path)
{
    if (logsink_redirect(run->logs, path))
        return false;
    if (run->options->verb->write) {
        output_close(&run->errors);
        output_open(&run->errors, run->loop, path, STDERR_FILENO);
    }
    return true;
}

int run_observe_open(struct run *run)
{
    struct observe *observe = &run->observe;
    const struct observe_options *options = &run->options->observe;
    int code;
    observe->joblog.stream.fd = observe->trace.file.stream.fd = -1;
    if (options->errors && !strcmp(options->errors, "tag"))
        run->logs->tagged = true;
    else if (options->errors && strcmp(options->errors, "pass") && !observe_redirect(run, options->errors))
        return CLI_OUTPUT;
    if ((options->joblog && logfile_open(&observe->joblog, run->loop, options->joblog, run->options->journal.resume)) ||
        (options->trace && trace_open(&observe->trace, run->loop, options->trace)))
        return CLI_OUTPUT;
    if ((code = run_observe_check(run, options->joblog, &observe->joblog.stream)) ||
        (code = run_observe_check(run, options->trace, &observe->trace.file.stream)) ||
        (code = run_observe_check(run, run->logs->path, &run->logs->stream)))
        return code;
    if (options->joblog && !joblog_check(&observe->joblog))
        return CLI_INPUT;
    if (options->summary && !(observe->tally = tally_new()))
        return say_no_memory();
    return (options->joblog || options->trace || observe->tally) && !observe_describe_all(run) ? say_no_memory() : CLI_OK;
}

/* ---- while it runs ---- */

static void observe_hide(void *context, bool in_line)
{
    struct run *run = context;
    progress_hide(&run->observe.progress, in_line);
}

/* Lines that were read and have no result yet. */
static uint64_t observe_waiting(const struct run *run, uint64_t done)
{
    done += run->done_before;
    return run->read > done ? run->read - done : 0;
}

/* What waits counts as unread: the share of the bytes is scaled by the share of the lines. */
static void observe_share(const struct run *run, uint64_t done, struct progress_figures *figures)
{
    const struct input *input = &run->input;
    uint64_t lines = input->number, waiting = observe_waiting(run, done);
    if (waiting > lines)
        waiting = lines;
    figures->fraction = figures->left = -1;
    if (run->input_done) {
        figures->fraction = lines ? (double)(lines - waiting) / (double)lines : 1;
        figures->left = (double)waiting;
    } else if (input->total_bytes) {
        double used = (double)(input->read_bytes - (input->end - input->start)), total = (double)input->total_bytes;
        double share = used > total ? 1 : used / total;
        figures->fraction = lines ? share * (double)(lines - waiting) / (double)lines : 0;
        if (share > 0)
            figures->left = (double)lines / share - (double)(lines - waiting);
    }
}

static bool observe_look(void *context, struct progress_figures *figures)
{
    struct run *run = context;
    struct hay_worker worker;
    uint64_t done = run_results(run);
    if (logsink_is_pending(run->logs))
        return false;
    *figures = (struct progress_figures){ .done = done, .failed = done - run->by_outcome[HAY_OUTCOME_OK] };
    for (int i = 0; run->pool && hay_pool_worker(run->pool, i, &worker); i++)
        figures->running += worker.job != 0;
    observe_share(run, done, figures);
    return true;
}

static void observe_on_signal(void *context)
{
    struct run *run = context;
    char text[OBSERVE_ROSTER];
    size_t size = run->pool ? roster_write(run->pool, text, sizeof text) : 0;
    uint64_t done = run_results(run);
    say("%llu done, %llu not ok, %llu more taken; %s", (unsigned long long)done,
        (unsigned long long)(done - run->by_outcome[HAY_OUTCOME_OK]), (unsigned long long)observe_waiting(run, done),
        size ? "running now:" : "no job is known to run now");
    say_text(text, size);
}

static void observe_on_flush(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct run *run = watcher->data;
    struct observe *observe = &run->observe;
    struct hay_worker worker;
    (void)loop;
    (void)events;
    if (run->options->observe.trace) {
        uint64_t ok = run->by_outcome[HAY_OUTCOME_OK];
        for (int i = 0; run->pool && hay_pool_worker(run->pool, i, &worker); i++)
            trace_worker(&observe->trace, i, &worker);
        trace_count(&observe->trace, ok, run_results(run) - ok);
        logfile_flush(&observe->trace.file);
    }
    if (run->options->observe.joblog)
        logfile_flush(&observe->joblog);
}

/* A result in the journal is not told again by a resumed run: its row has to be in the joblog before it. */
static void observe_before_write(void *context)
{
    struct run *run = context;
    logfile_flush(&run->observe.joblog);
}

void run_observe_start(struct run *run)
{
    struct observe *observe = &run->observe;
    const struct observe_options *options = &run->options->observe;
    bool results_on_terminal = !run->output.path && isatty(run->output.stream.fd);
    observe->started = true;
    logsink_begin(run->logs);
    if (options->joblog) {
        joblog_begin(&observe->joblog);
        run->output.before = run->journal.is_kept ? observe_before_write : NULL;
        run->output.context = run;
    }
    if (options->trace)
        trace_begin(&observe->trace);
    ev_timer_init(&observe->flush, observe_on_flush, OBSERVE_FLUSH_S, OBSERVE_FLUSH_S);
    observe->flush.data = run;
    if (options->joblog || options->trace)
        ev_timer_start(run->loop, &observe->flush);
    roster_start(run->loop, observe_on_signal, run);
    progress_start(&observe->progress, run->loop, run->options->verb->name,
                   progress_mode_for(options->progress, results_on_terminal), observe_look, run);
    say_curtain(observe_hide, run);
}

/* A job in the words of its verb. */
static void observe_show(struct run *run, const struct hay_result *result)
{
    struct hay_job job = { .index = (int)result->function, .args = result->args, .id = result->id, .tag = result->tag };
    bytes_clear(&run->observe.command);
    run->options->verb->show(run, &job, &run->observe.command);
}

/* A failure is told with the command that it is of, where the verb knows one. */
static void observe_tally(struct run *run, const struct hay_result *result, uint64_t seq, const char *what, bool can_show)
{
    struct observe *observe = &run->observe;
    if (can_show && result->outcome != HAY_OUTCOME_OK && observe->tally->failed < TALLY_NAMED) {
        observe_show(run, result);
        bytes_put(&observe->command, "", 1);
        what = observe->command.failed ? what : observe->command.at;
    }
    tally_result(observe->tally, result, seq, what);
}

/* The row of a job whose verb has a way to say it. */
static void observe_log_shown(struct run *run, const struct hay_result *result, uint64_t seq)
{
    struct bytes *command = &run->observe.command;
    observe_show(run, result);
    joblog_write(&run->observe.joblog, result, seq, command->failed ? (struct hay_span){ NULL, 0 } : bytes_span(command));
}

void run_observe_result(struct run *run, const struct hay_result *result, uint64_t seq)
{
    static const struct observe_function none;
    struct observe *observe = &run->observe;
    if (!observe->functions)
        return;
    bool known = result->number && result->function < (uint32_t)observe->function_count;
    bool can_show = known && run->options->verb->show;
    const struct observe_function *function = known ? &observe->functions[result->function] : &none;
    if (observe->tally)
        observe_tally(run, result, seq, function->name, can_show);
    if (run->options->observe.trace)
        trace_write(&observe->trace, result, seq, bytes_span(&function->json));
    if (!run->options->observe.joblog)
        return;
    if (can_show)
        observe_log_shown(run, result, seq);
    else
        joblog_write_call(&observe->joblog, result, seq, bytes_span(&function->call));
}

/* A job is named only where it must have been the one that printed. */
void run_observe_log(struct run *run, int index, const char *line, size_t size)
{
    struct hay_worker worker;
    char tag[OBSERVE_TAG_MAX], id[64];
    if (!run->logs->tagged) {
        logsink_line(run->logs, line, size);
        return;
    }
    bool known = hay_pool_worker(run->pool, index, &worker) && worker.job_id.at && worker.job_start_ns < worker.log_read_ns;
    if (known)
        snprintf(tag, sizeof tag, "[worker %d job %s] ", index, say_escape(id, sizeof id, worker.job_id.at, worker.job_id.size));
    else
        snprintf(tag, sizeof tag, "[worker %d] ", index);
    logsink_tagged_line(run->logs, tag, line, size);
}

bool run_observe_is_full(const struct run *run)
{
    return logfile_is_full(&run->observe.joblog) || logfile_is_full(&run->observe.trace.file);
}

void run_observe_turn(struct run *run)
{
    struct observe *observe = &run->observe;
    if (observe->progress.hidden && !logsink_is_pending(run->logs) && !run_write_pending(run))
        progress_show(&observe->progress);
}

/* ---- after it ---- */

void run_observe_settled(struct run *run)
{
    struct hay_worker worker;
    for (int i = 0; run->observe.tally && hay_pool_worker(run->pool, i, &worker); i++)
        tally_busy(run->observe.tally, i, worker.busy_ns);
}

void run_observe_finish(struct run *run)
{
    struct observe *observe = &run->observe;
    if (observe->started) {
        ev_timer_stop(run->loop, &observe->flush);
        roster_stop();
        logsink_flush(run->logs); /* what a worker printed last; while some of it waits there is no line of progress */
        progress_finish(&observe->progress);
        say_curtain(NULL, NULL);
        observe->started = false;
    }
    logfile_close(&observe->joblog, signals_count() < 2);
    trace_close(&observe->trace, signals_count() < 2);
}

void run_observe_release(struct run *run)
{
    struct observe *observe = &run->observe;
    for (int i = 0; i < observe->function_count; i++) {
        bytes_release(&observe->functions[i].call);
        bytes_release(&observe->functions[i].json);
    }
    free(observe->functions);
    bytes_release(&observe->command);
    tally_free(observe->tally);
}
