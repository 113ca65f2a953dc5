/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: a function without a name.
 */
#include "noop.h"

HAY_PLUGIN(unnamed_function, "1", "Broken", {NULL, "Nothing", noop, NULL})
