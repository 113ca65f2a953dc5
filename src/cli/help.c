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
    "  call     run one function once and print its result\n"
    "  info     show what a plugin offers\n"
    "  check    load plugins and check job lines, but run nothing\n"
    "  help     help on a verb: hayfork help run\n"
    "\n"
    "  -h, --help       this text\n"
    "  -V, --version    the version\n"
    "\n"
    "Example: hayfork run -j 8 -p text jobs.jsonl > results.jsonl\n";

static const char help_run[] =
    "Usage: hayfork run [OPTION]... [FILE|-]...\n"
    "Run the job of each line; write one result line for each to stdout.\n"
    "  -p, --plugin NAME      load this plugin: a name, or a path with a slash; repeat\n"
    "  -f, --function NAME    PLUGIN.FUNCTION for lines without \"fn\"\n"
    "  -j, --jobs N           workers, 1 to 4096; default: the CPUs at hand\n"
    "  -o, --output FILE      write results to FILE instead\n"
    "      --queue N          jobs accepted ahead; default: 2048 a worker\n"
    "      --timeout D        time for each job: 250ms 5s 2m 1h; default: none\n"
    "      --grace D          between asking a job to end and killing it; default: 5s\n"
    "      --retries N        run jobs that returned an error again; default: 0\n"
    "      --retry-timeouts   and those that timed out\n"
    "      --crash-retries N  run jobs whose worker died again; default: 1\n"
    "      --max-result SIZE  such as 64K 16M 1G; default: 16M\n"
    "      --inline           run the jobs in this process, for debuggers\n"
    "      --meta             add seq worker pid start wall_ms to results\n"
    "      --summary          counts and times on stderr at the end\n"
    "Line: {\"id\":7,\"fn\":\"text.count\",\"args\":{\"path\":\"x\"},\"timeout\":5,\"retries\":2,\n"
    "      \"priority\":1}    only fn is needed; id is the line number by default\n"
    "Exit: 0 all ok, 1 some job not ok, 2 usage, 65 input unreadable, 69 plugin not\n"
    "      loaded, 70 the pool had to stop, 74 output not writable, 128+n signal n\n"
    "Example: hayfork run -j 8 -p text jobs.jsonl > results.jsonl\n";

static const char help_call[] =
    "Usage: hayfork call [OPTION]... PLUGIN.FUNCTION [JSON|-]\n"
    "Run one function once in a worker and print its result on stdout. JSON are its\n"
    "arguments; - reads them from stdin, without any they are null.\n"
    "\n"
    "  -p, --plugin NAME      load this plugin (a path, for one that is not installed)\n"
    "      --inline           run it in this process, for debuggers\n"
    "      --timeout D        such as 250ms 5s 2m 1h; default: none\n"
    "      --grace D          between asking it to end and killing it; default: 5s\n"
    "      --crash-retries N  run it again when its worker died; default: 0\n"
    "\n"
    "Exit: 0 ok, 1 anything else the function ended with (said on stderr), 2 usage,\n"
    "      65 stdin unreadable, 69 plugin not loaded, 74 output not writable\n"
    "Example: hayfork call text.count '{\"path\":\"/etc/services\"}'\n";

static const char help_info[] =
    "Usage: hayfork info [--json] PLUGIN\n"
    "Show a plugin's name, version and path, and its functions. PLUGIN is a name, looked\n"
    "up in HAYFORK_PLUGIN_PATH and the installed plugins, or a path with a slash.\n"
    "\n"
    "      --json    as one JSON object\n"
    "\n"
    "Exit: 0, 2 usage, 69 the plugin cannot be loaded (the message says why)\n"
    "Example: hayfork info ./plugins/.libs/text.so\n";

static const char help_check[] =
    "Usage: hayfork check [OPTION]... [FILE|-]...\n"
    "Load plugins and check every job line, but run nothing. A line that a run would\n"
    "reject is reported on stdout as FILE:LINE:COLUMN: reason. Without -p and -f the\n"
    "names of functions are not checked.\n"
    "\n"
    "  -p, --plugin NAME      load this plugin: a name, or a path with a slash; repeat\n"
    "  -f, --function NAME    PLUGIN.FUNCTION for lines without \"fn\"\n"
    "\n"
    "Exit: 0 all lines are good, 1 some are not, 2 usage, 65 input unreadable,\n"
    "      69 plugin not loaded\n"
    "Example: hayfork check -p text jobs.jsonl\n";

static const char help_help[] =
    "Usage: hayfork help [VERB]\n"
    "Help on the command or on one of its verbs: run, call, info, check, help.\n"
    "\n"
    "Example: hayfork help run\n";

static const struct {
    const char *verb, *text;
} help_texts[] = {
    { "run", help_run }, { "call", help_call }, { "info", help_info }, { "check", help_check }, { "help", help_help },
};

int help_verb(const char *verb)
{
    const char *text = verb ? NULL : help_command;
    for (size_t i = 0; verb && i < sizeof help_texts / sizeof help_texts[0]; i++)
        if (!strcmp(help_texts[i].verb, verb))
            text = help_texts[i].text;
    if (!text)
        return say_usage("no verb '%s'", verb);
    fputs(text, stdout);
    return say_stdout_done(CLI_OK);
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
