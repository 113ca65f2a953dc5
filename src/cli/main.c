/* SPDX-License-Identifier: MIT
 *
 * The hayfork command: finds the verb and hands it the rest.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "config.h"

#include <stdio.h>

static int print_version(void)
{
    fputs("hayfork " PACKAGE_VERSION "\n", stdout);
    return say_stream_done(stdout, CLI_OK);
}

/* In place of a verb. */
static int run_option(int argc, char **argv)
{
    static const struct option_spec specs[] = {{'h', "help", false}, {'V', "version", false}, {0}};
    struct options options;
    options_init(&options, specs, argc, argv);
    switch (options_next(&options)) {
    case 'h':
        return help_verb(NULL);
    case 'V':
        return print_version();
    case OPTIONS_FAULT:
        return CLI_USAGE;
    default:
        return say_usage("no verb '%s'", argv[0]);
    }
}

int main(int argc, char **argv)
{
    setup_start();
    if (argc < 2)
        return say_usage("a verb is needed");
    const char *name = argv[1];
    if (name[0] == '-')
        return run_option(argc - 1, argv + 1);
    const struct cli_verb *verb = help_find(name);
    if (!verb)
        return say_usage("no verb '%s'", name);
    say_verb(name);
    return verb->main(argc - 2, argv + 2);
}
