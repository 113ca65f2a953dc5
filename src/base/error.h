/* SPDX-License-Identifier: MIT
 *
 * Filling the public error object. Both calls accept a NULL object and return the status, so that
 * `return error_set(error, HAY_EINVAL, "…");` reads well. Control characters in the text become spaces: one line stays one line.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <hayfork/error.h>

__attribute__((format(printf, 3, 4)))
enum hay_status error_set(struct hay_error *error, enum hay_status status, const char *format, ...);

/* The same for a failed system call: adds ": " and the text of `errno_value`; ENOMEM becomes HAY_ENOMEM, all else HAY_ESYSTEM. */
__attribute__((format(printf, 3, 4)))
enum hay_status error_system(struct hay_error *error, int errno_value, const char *format, ...);

#endif
