/* SPDX-License-Identifier: MIT
 *
 * The hayfork command: finds the verb and hands it the rest.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "config.h"

#include <stdio.h>
#include <string.h>

static int print_version(void)
{
    fputs("hayfork " PACKAGE_VERSION "\n", stdout);
    return say_stream_done(stdout, CLI_OK);
}

int main(int argc, char **argv)
{
    setup_start();
    if (argc < 2)
        return say_usage("a verb is needed");
    const char *name = argv[1];
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        return print_version();
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        return help_verb(NULL);
    const struct cli_verb *verb = help_find(name);
    if (!verb)
        return say_usage(name[0] == '-' ? "unknown option '%s'" : "no verb '%s'", name);
    say_verb(name);
    return verb->main(argc - 2, argv + 2);
}
