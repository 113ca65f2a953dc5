/* SPDX-License-Identifier: MIT
 *
 * What pipes, processes and queues begin with: the public handle, and a place in the list of all open ones of this process.
 * A plain descriptor has a place there while it is promised to a child.
 *
 * The list is how a forked child comes to own exactly what it was given: the parent's fork code asks for the descriptors that
 * every child keeps, and the child marks all others as closed before it closes them, so that no object there speaks to a
 * number that means something else by then. Guarded by guard.h's lock: objects are made in any thread. Nothing here waits.
 */
#ifndef BASE_HANDLE_H
#define BASE_HANDLE_H

#include "base/list.h"

#include <hayfork/wait.h>

#include <stdint.h>
#include <sys/types.h>

struct handle {
    struct hay_handle view;     /* first: the public part */
    struct list node;
    uint64_t owner;             /* the process that it belongs to */
    bool common;                /* every child keeps it, as it is */
    const void *given;          /* the gift by which a process that is not started yet will take it, or NULL */
    const char *label;          /* of an end of a pipe: what a program that it is given to calls it, in HAYFORK_FDS */
    dev_t device;               /* of a plain descriptor's file */
    ino_t inode;
    int *held;                  /* a second descriptor that goes with it, -1: none; NULL: never any */
    /* May it go to a program, which gets the descriptor but not our memory? NULL: always. */
    bool (*is_whole)(const struct handle *handle);
};

/* Fill the view and the rest, and put it into the list. `fd` now belongs to it. */
void handle_open(struct handle *handle, enum hay_handle_kind kind, int fd, int (*ready)(struct hay_handle *, int));
/* Off the list, and the descriptor closed. Safe to repeat, and on zeroed memory with fd -1 that was never opened. */
void handle_close(struct handle *handle);
/* The open object behind a public handle: NULL for plain descriptors, and for whatever is not open (any more). */
struct handle *handle_find(const struct hay_handle *view);

/* Does this descriptor belong to an open object? */
bool handle_has_fd(int fd);
/* To an end of a pipe? */
bool handle_has_pipe(int fd);
/* A plain descriptor, open, that a process not started yet will take: one only. handle_unpromise() leaves it open. */
void handle_promise(struct handle *handle, int fd);
void handle_unpromise(struct handle *handle);
bool handle_is_promised(int fd);
/* Of what is given: is its descriptor the one that it was? */
bool handle_is_same(const struct handle *handle, int fd);

/* The descriptors that every child keeps: how many, and the first `capacity` of them. */
size_t handle_common_fds(int *fds, size_t capacity);
/* In a new child: what is not in `keep` is closed as far as its objects know; the rest is the child's. Async-signal-safe. */
void handle_forget_all_but(const int *keep, size_t count);
/* At exit: end the streams of this process's pipes in both directions, so that nobody waits for us to go on. */
void handle_end_streams(void);

/* HAYFORK_FDS: the descriptor given to this program as number `index`, and its label; taken from now on (close-on-exec). The
 * descriptor, -ENOENT: none, or one whose label does not fit `size` bytes, or -EBUSY: taken or closed before. */
int handle_given(int index, char *label, size_t size);
/* Undo handle_given(): it was not what the caller wanted. */
void handle_give_back(int fd);

#endif
