/* SPDX-License-Identifier: MIT
 *
 * The lock of what there is once in a process: the list of open objects, and the family. It is held for moments only, and not
 * twice by one thread. Where other code forks while a thread has it, the child finds it free, and what it guards whole.
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

void guard_enter(void);
void guard_leave(void);

#endif
