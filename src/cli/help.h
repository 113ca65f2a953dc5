/* SPDX-License-Identifier: MIT
 *
 * The help texts: each fits a screen of 24 lines by 80 columns.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

/* Print the help of a verb on stdout; NULL: of the command. Returns an exit code. */
int help_verb(const char *verb);

#endif
