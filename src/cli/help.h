/* SPDX-License-Identifier: MIT
 *
 * The verbs and their help texts: each fits a screen of 24 lines by 80 columns.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

struct cli_verb;

/* The verb of this name; NULL: there is none. */
const struct cli_verb *help_find(const char *name);
/* Print the help of a verb on stdout; NULL: of the command. Returns an exit code. */
int help_verb(const char *verb);

#endif
