/* SPDX-License-Identifier: MIT
 *
 * `hayfork help`, and what --help prints. Help that was asked for goes to stdout and is a success.
 */
#include "cli/help.h"
#include "cli/cli.h"
#include "cli/say.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char help_command[] =
    "Usage: hayfork VERB [ARGUMENT]...\n"
    "Run jobs from JSON lines in a pool of worker processes, with functions from\n"
    "plugins. A crash, a hang or a leak costs one job, never the pool.\n"
    "\n"
    "  run      run the jobs of files or stdin, one result line each\n"
    "  map      run one function on each line of files or stdin\n"
    "  exec     run a command on each line, and print what it prints\n"
    "  call     run one function once and print its result\n"
    "  results  print what a file of results comes to, one line a job\n"
    "  info     show what a plugin offers\n"
    "  check    load plugins and check job lines, but run nothing\n"
    "  report   make an HTML page of the results of a run\n"
    "  new      begin a plugin: its source, a Makefile, jobs to try\n"
    "  help     help on a verb: hayfork help run\n"
    "\n"
    "  -h, --help       this text\n"
    "  -V, --version    the version\n"
    "\n"
    "Example: hayfork run -j 8 -p text jobs.jsonl > results.jsonl\n";

static const char help_run[] =
    "Usage: hayfork run [OPTION]... [FILE|-]...                (all: man hayfork-run)\n"
    "Run the job of each line; write one result line for each to stdout.\n"
    "  -p, --plugin NAME   load it: a name, or a path with /; --config NAME=JSON\n"
    "  -f, --function P.F  the function of lines without \"fn\"\n"
    "  -j, --jobs N        workers: N, N%, +N, -N or @FILE; default: the CPUs at hand\n"
    "  -o, --output FILE   append results to FILE; --resume goes on with it, and so\n"
    "                      does --retry-failed; --resume-changed  --sync MODE\n"
    "  -k, --keep-order    results in the order of the input (--order-window N)\n"
    "  --timeout D         for each job: 250ms 5s 2m 1h; --grace D, then kill: 5s\n"
    "  --start-timeout D   for a worker to begin: 10s\n"
    "  --retries N         --retry-on error,timeout,crash  --retry-delay[-max] D\n"
    "  --crash-retries N   after a worker died: 1; --retry-timeouts\n"
    "  --halt now|soon,fail|success|done=N|N%     end early; --max-fails N\n"
    "  --queue N           jobs accepted ahead: 4096 a worker; --max-result SIZE: 16M\n"
    "  --delay D           between the starts of two jobs\n"
    "  --max-jobs-per-worker N  --max-worker-rss SIZE  --max-worker-age D\n"
    "  --limit mem=,cpu=,files=,fsize=  --nice N  --load N  --memfree SIZE\n"
    "  --joblog FILE  --trace FILE  --stderr tag|pass|FILE  --meta  --[no-]summary\n"
    "  --progress auto|bar|lines|json|none  --inline  --dry-run\n"
    "Line: {\"id\":7,\"fn\":\"text.count\",\"args\":{\"path\":\"x\"},\"timeout\":5,\"retries\":2,\n"
    "  \"priority\":1,\"after\":[3]}  only fn is needed; id is the line number if absent\n"
    "Exit: 0 all ok, 1 some job not ok, 2 usage, 3 halted, 65 input unreadable,\n"
    "  69 plugin not loaded, 70 pool stopped, 74 output not writable, 128+n signal n\n"
    "Example: hayfork run -j 8 -p text jobs.jsonl > results.jsonl\n";

static const char help_map[] =
    "Usage: hayfork map [OPTION]... PLUGIN.FUNCTION [FILE|-]... [::: ARGUMENT...]\n"
    "Run the function once for each line of the files or stdin, or each ARGUMENT;\n"
    "write one result line for each to stdout. The function's plugin is loaded by its\n"
    "name.\n"
    "\n"
    "      --args TEMPLATE    the args as JSON; default: '{\"path\":{}}'. In it stand\n"
    "                         {} for the line as a JSON string, {.} no extension,\n"
    "                         {/} its last part, {//} its directory, {/.} its last\n"
    "                         part without extension, {#} the number of the job\n"
    "  -0, --null             lines end with NUL, as from find -print0\n"
    "      --id line|number   what the id of a result is; default: number\n"
    "  -k, --keep-order       results in the order of the lines\n"
    "      --dry-run          print the job lines, run nothing\n"
    "  -j N  -p PLUGIN  -o FILE  --timeout D  --retries N  ...  as of hayfork run\n"
    "\n"
    "Lines that are not UTF-8 are rejected. Exit codes are those of hayfork run.\n"
    "Example: find . -name '*.c' | hayfork map text.count\n"
    "         find / -print0 | hayfork map -0 -k hash.file --id line > sums.jsonl\n";

static const char help_exec[] =
    "Usage: hayfork exec [OPTION]... COMMAND [WORD|{}]... [::: ARGUMENT...]\n"
    "Run the command once for each line of stdin, or each ARGUMENT, without a shell.\n"
    "Its output comes out in one piece when it has ended. Options end where the\n"
    "command begins. Several lists of ::: make all combinations, {1} {2} in a word.\n"
    "\n"
    "{} in a word is the line; without any it is the last word. {.} is the line\n"
    "without extension, {/} its last part, {//} its directory, {/.} its last part\n"
    "without extension, {#} the number of the job. For xargs' and GNU parallel's\n"
    "users there is a table in man hayfork-exec.\n"
    "  -a, --arg-file FILE    lines from FILE, repeat; -0, --null: they end with NUL\n"
    "  -n, --max-args N       N lines for each command: {} is all, {2} the second\n"
    "  -C, --colsep TEXT      cut each line there: {} is all columns, {2} the second\n"
    "  -I, --replace TEXT     that alone is the line, and all braces are themselves\n"
    "      --pipe             N lines, or 1 MiB of them, as each one's standard input\n"
    "  -k, --keep-order       output in the lines' order; -u, --ungroup: at once;\n"
    "      --line-buffer      at once by whole lines; --tag: each behind its argument\n"
    "      --shell            the words are a shell script; lines are quoted for it\n"
    "      --json             result lines instead of the output; -o FILE too\n"
    "      --max-output SIZE  of one command's stdout or stderr; default: 1G\n"
    "      --id line|number   what the id of a result line is; default: number\n"
    "  -j N  --timeout D  --retries N  --dry-run ...  as of hayfork run\n"
    "\n"
    "Exit: 0 all commands exited 0, 1 some did not; else as of hayfork run\n"
    "Example: find . -name '*.wav' | hayfork exec -k flac -s {} -o {.}.flac\n";

static const char help_call[] =
    "Usage: hayfork call [OPTION]... PLUGIN.FUNCTION [JSON|-]\n"
    "Run one function once in a worker and print its result on stdout. JSON are its\n"
    "arguments; - reads them from stdin, without any they are null.\n"
    "\n"
    "  -p, --plugin NAME      load it (a path, for one that is not installed)\n"
    "      --config NAME=JSON configure it; @FILE for JSON\n"
    "      --inline           run it in this process, for debuggers\n"
    "      --timeout D        such as 250ms 5s 2m 1h; default: none\n"
    "      --start-timeout D  for the worker to load it and begin; default: 10s\n"
    "      --grace D          between asking it to end and killing it; default: 5s\n"
    "      --crash-retries N  run it again when its worker died; default: 0\n"
    "\n"
    "Exit: 0 ok, 1 anything else the function ended with (said on stderr), 2 usage,\n"
    "      65 stdin unreadable, 69 plugin not loaded, 74 output not writable\n"
    "Example: hayfork call text.count '{\"path\":\"/etc/services\"}'\n";

static const char help_results[] =
    "Usage: hayfork results [--plain] FILE\n"
    "Print what the results of hayfork run -o FILE come to: one line for each job, in\n"
    "the order of the input. Where a job has several results, the newest. FILE is not\n"
    "changed, and may be one that a run is writing.\n"
    "\n"
    "  --plain    what the commands of hayfork exec printed, instead of result lines\n"
    "\n"
    "Exit: 0, 2 usage, 65 FILE cannot be read or holds something else, 74 output not\n"
    "      writable\n"
    "Example: hayfork results results.jsonl | grep -v '\"status\":\"ok\"'\n";

static const char help_info[] =
    "Usage: hayfork info [--json] PLUGIN\n"
    "Show a plugin's name, version and path, and its functions. PLUGIN is a name,\n"
    "looked up in HAYFORK_PLUGIN_PATH and the installed plugins, or a path with a\n"
    "slash.\n"
    "\n"
    "      --json    as one JSON object\n"
    "\n"
    "Exit: 0, 2 usage, 69 the plugin cannot be loaded (the message says why),\n"
    "      74 output not writable\n"
    "Example: hayfork info ./plugins/.libs/text.so\n";

static const char help_check[] =
    "Usage: hayfork check [OPTION]... [FILE|-]...\n"
    "Load plugins and check every job line, but run nothing. A line that a run would\n"
    "reject is reported on stdout as FILE:LINE:COLUMN: reason. Without -p and -f the\n"
    "names of functions are not checked.\n"
    "\n"
    "  -p, --plugin NAME      load it: a name, or a path with a slash; repeat\n"
    "      --config NAME=JSON look whether the plugin takes it; @FILE for JSON\n"
    "  -f, --function NAME    PLUGIN.FUNCTION for lines without \"fn\"\n"
    "\n"
    "Exit: 0 all lines are good, 1 some are not, 2 usage, 65 input unreadable,\n"
    "      69 plugin not loaded, 74 output not writable\n"
    "Example: hayfork check -p text jobs.jsonl\n";

static const char help_report[] =
    "Usage: hayfork report [OPTION]... FILE|-\n"
    "Make one HTML page of the results of a run: did it work, how long did it take,\n"
    "what failed and why, jobs per second, what each worker did, how long jobs ran.\n"
    "The page needs no network and no script. The newest result of a job counts.\n"
    "\n"
    "  -o, --output FILE    write the page here, whole or not at all; default: stdout\n"
    "      --trace FILE     take times and workers from the trace of the run, where\n"
    "                       the results have none (they have them with run --meta)\n"
    "\n"
    "Exit: 0 the page was made, 2 usage, 65 FILE is unreadable or holds a line that\n"
    "      is no result (a cut-off last line is left out), 74 output not writable\n"
    "Example: hayfork report results.jsonl -o report.html\n";

static const char help_new[] =
    "Usage: hayfork new NAME\n"
    "Begin a plugin: make the folder NAME with a plugin that works (NAME.c), a\n"
    "Makefile that builds and installs it, and jobs with the results they should\n"
    "have. NAME is [a-z][a-z0-9_]*. Nothing is written over.\n"
    "\n"
    "Exit: 0, 2 usage, 74 the folder is there already or cannot be written\n"
    "Example: hayfork new greet && make -C greet check\n";

static const char help_help[] =
    "Usage: hayfork help [VERB]\n"
    "Help on a verb, or on the command, which lists its verbs.\n"
    "\n"
    "Example: hayfork help run\n";

static const struct cli_verb help_verbs[] = {
    { "run", run_main, help_run },    { "map", map_main, help_map },             { "exec", exec_main, help_exec },
    { "call", call_main, help_call }, { "results", results_main, help_results }, { "info", info_main, help_info },
    { "new", new_main, help_new },    { "report", report_main, help_report },    { "check", check_main, help_check },
    { "help", help_main, help_help },
};

const struct cli_verb *help_find(const char *name)
{
    for (size_t i = 0; i < sizeof help_verbs / sizeof help_verbs[0]; i++)
        if (!strcmp(help_verbs[i].name, name))
            return &help_verbs[i];
    return NULL;
}

int help_verb(const char *name)
{
    const struct cli_verb *verb = name ? help_find(name) : NULL;
    if (name && !verb)
        return say_usage("no verb '%s'", name);
    fputs(verb ? verb->help : help_command, stdout);
    return say_stream_done(stdout, CLI_OK);
}

int help_main(int argc, char **argv)
{
    if (argc && (!strcmp(argv[0], "-h") || !strcmp(argv[0], "--help")))
        return help_verb("help");
    say_verb(NULL);
    if (argc > 1)
        return say_usage("one verb at a time: '%s' is too much", argv[1]);
    return help_verb(argc ? argv[0] : NULL);
}
