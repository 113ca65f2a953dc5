/* SPDX-License-Identifier: MIT
 *
 * A look at the file of a plugin before the dynamic loader gets it, whose own words for a foreign or damaged file are poor, and
 * which dies by SIGBUS of one that is cut short.
 */
#ifndef PLUGIN_PLUGIN_ELF_H
#define PLUGIN_PLUGIN_ELF_H

#include <hayfork/error.h>

/* 0 when the file is an ELF shared object for this machine with all its segments there, or -errno with `error` filled. */
int plugin_elf_check(const char *path, struct hay_error *error);

#endif
