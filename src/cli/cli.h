/* SPDX-License-Identifier: MIT
 *
 * What all verbs of the command share: its exit codes, and the entry of each verb. A verb gets the arguments after its own name,
 * has stdio and signals set up by setup_start(), and returns the exit code.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

enum cli_exit {
    CLI_OK = 0,
    CLI_NOT_OK = 1,     /* some job did not end ok, some line is bad */
    CLI_USAGE = 2,
    CLI_UNRUN = 3,      /* halted: jobs were left unrun */
    CLI_INPUT = 65,     /* an input cannot be read */
    CLI_PLUGIN = 69,    /* a plugin cannot be loaded */
    CLI_STOPPED = 70,   /* the pool had to stop, or could not start */
    CLI_OUTPUT = 74,    /* results cannot be written */
};

/* Lines of any length are read, but one that is longer than this never becomes a job. */
#define CLI_LINE_MAX (16u << 20)

struct cli_verb {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
};

int run_main(int argc, char **argv);
int map_main(int argc, char **argv);
int exec_main(int argc, char **argv);
int call_main(int argc, char **argv);
int info_main(int argc, char **argv);
int check_main(int argc, char **argv);
int results_main(int argc, char **argv);
int report_main(int argc, char **argv);
int new_main(int argc, char **argv);
int help_main(int argc, char **argv);

#endif
