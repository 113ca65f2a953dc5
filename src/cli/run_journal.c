/* SPDX-License-Identifier: MIT
 *
 * What a run does with its journal: each line is looked up before it becomes a job, and its key goes with the job into its
 * result, whichever way that comes about. A line that is done takes its place in the input, and nothing else.
 */
#include "cli/cli.h"
#include "cli/run.h"
#include "cli/say.h"

#include <string.h>
#include <sys/stat.h>

int run_journal_check(const struct run_options *options)
{
    struct stat status;
    if (!options->journal.resume || !options->output || !strcmp(options->output, "-") || stat(options->output, &status) ||
        S_ISREG(status.st_mode))
        return CLI_OK;
    return say_usage("'%s' is not a regular file: there is nothing to go on with", options->output);
}

int run_journal_open(struct run *run)
{
    const struct run_options *options = run->options;
    const struct journal_options *wanted = &options->journal;
    if (!options->output || !strcmp(options->output, "-") || (options->dry_run && !wanted->resume))
        return CLI_OK;
    if (!options->dry_run && !wanted->resume && !S_ISREG(run->output.stream.mode))
        return CLI_OK;
    int code = journal_open(&run->journal, wanted, options->output, options->dry_run ? -1 : run->output.stream.fd);
    if (options->function)
        journal_set_function(&run->journal, options->function);
    if (!code && !options->dry_run)
        output_sync(&run->output, wanted->sync);
    return code;
}

static void journal_stop(struct run *run)
{
    run->input_done = run->refused = true; /* what was accepted is run to its end */
}

static void journal_say_changed(const struct run *run, const struct input_line *line)
{
    bool is_stdin = !strcmp(line->name, "-"), is_argument = run->options->has_arguments;
    bool is_group = is_argument && run->options->group_lines; /* where single words have no numbers that anybody counts */
    const char *name = is_group ? "command" : is_argument ? "argument" : is_stdin ? "standard input line" : line->name;
    uint64_t number = is_group ? run->read + 1 : line->file_number;
    say("%s%s%s %llu is not the one whose result is in '%s'; --resume-changed runs such %s again", is_stdin ? "" : "'", name,
        is_stdin ? "" : "' line", (unsigned long long)number, run->journal.path, is_argument ? "jobs" : "lines");
}

bool run_journal_admit(struct run *run, const struct input_line *line, struct hay_span bytes)
{
    struct journal *journal = &run->journal;
    uint64_t seq = run->read + 1, hash;
    if (!journal->is_kept && !journal->last)
        return true;
    hash = journal_hash(bytes.at, bytes.size);
    switch (seq <= journal->last ? journal_look(journal, seq, hash) : JOURNAL_RUN) {
    case JOURNAL_DONE:
        run->read++;
        run->done_before++;
        run->failed_before += journal_outcome(journal, seq) != HAY_OUTCOME_OK;
        control_note_done(run, seq, line, journal_outcome(journal, seq));
        run_write_none(run, seq);
        return false;
    case JOURNAL_CHANGED:
        journal_say_changed(run, line);
        journal_stop(run);
        return false;
    case JOURNAL_RUN:
        break;
    }
    run->key = hash;
    return true;
}

void run_journal_name(struct run *run)
{
    if (run->journal.is_kept)
        run->key = journal_key(&run->journal, run->key);
}

void run_journal_end(struct run *run)
{
    const struct journal *journal = &run->journal;
    if (run->failed_before && !run->options->journal.failed)
        say("%llu %s not end ok before; --retry-failed runs %s again", (unsigned long long)run->failed_before,
            run->failed_before == 1 ? "job did" : "jobs did", run->failed_before == 1 ? "it" : "them");
    if (run->read >= journal->last || run->options->journal.changed)
        return;
    say("the input has %llu job%s, but '%s' has a result of job %llu: it is not the input of these results",
        (unsigned long long)run->read, run->read == 1 ? "" : "s", journal->path, (unsigned long long)journal->last);
    journal_stop(run);
}
