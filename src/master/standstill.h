/* SPDX-License-Identifier: MIT
 *
 * Three ways in which a pool stands still: held (it sends no jobs), paused (it reads no results), frozen (its workers are
 * stopped). And a fourth that nobody asked for: the master itself was stopped. Deadlines do not count the time of the last
 * three, each moment once. The calls for the pool are in master.h.
 */
#ifndef MASTER_STANDSTILL_H
#define MASTER_STANDSTILL_H

#include <stdint.h>

struct master;

/* At a tick: after standing still the master reads before it judges, and gives everyone that time back. */
void standstill_forgive_lateness(struct master *master, int64_t now_ns);

#endif
