/* SPDX-License-Identifier: MIT
 *
 * The hayfork command: finds the verb and hands it the rest.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} verbs[] = {
    { "run", run_main },   { "map", map_main },     { "exec", exec_main }, { "call", call_main },
    { "info", info_main }, { "check", check_main }, { "results", results_main },
    { "report", report_main }, { "new", new_main }, { "help", help_main },
};

static int print_version(void)
{
    fputs("hayfork " PACKAGE_VERSION "\n", stdout);
    return say_stream_done(stdout, CLI_OK);
}

int main(int argc, char **argv)
{
    setup_start();
    if (argc < 2)
        return say_usage("a verb is needed: run, map, exec, call, results, info, check, report, new or help");
    const char *verb = argv[1];
    if (!strcmp(verb, "--version") || !strcmp(verb, "-V"))
        return print_version();
    if (!strcmp(verb, "--help") || !strcmp(verb, "-h"))
        return help_verb(NULL);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, verb))
            continue;
        say_verb(verb);
        return verbs[i].main(argc - 2, argv + 2);
    }
    return say_usage(verb[0] == '-' ? "unknown option '%s'" : "no verb '%s'", verb);
}
