/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its file has another name than itself.
 */
#include "noop.h"

HAY_PLUGIN(other, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
