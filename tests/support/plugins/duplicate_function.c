/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: two functions of one name.
 */
#include "noop.h"

HAY_PLUGIN(duplicate_function, "1", "Broken", HAY_FUNCTION(noop, "Nothing"), HAY_FUNCTION(noop, "Nothing"))
