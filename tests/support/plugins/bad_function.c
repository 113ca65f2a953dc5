/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: a function whose name is not one.
 */
#include "noop.h"

HAY_PLUGIN(bad_function, "1", "Broken", {"no-op", "Nothing", noop, NULL})
