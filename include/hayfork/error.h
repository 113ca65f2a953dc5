/* SPDX-License-Identifier: MIT
 *
 * Statuses and the error object of the whole library.
 *
 * A public function returns a status, or an object and NULL on failure. Where it takes a `struct hay_error *`, that
 * object belongs to the caller and may be NULL; on failure it is filled, on success it is left alone. Nothing in it is
 * allocated. The library never prints, exits or aborts; but libev, on which pools stand, aborts when it gets no memory for
 * a loop, or when someone has closed the loop's descriptor.
 */
#ifndef HAYFORK_ERROR_H
#define HAYFORK_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HAY_API __attribute__((visibility("default")))
#else
#define HAY_API
#endif

enum hay_status {
    HAY_OK = 0,
    HAY_ETIMEDOUT,   /* the timeout passed first */
    HAY_EINVAL,      /* an argument is not acceptable: NULL, out of range, not JSON ... */
    HAY_ENOMEM,      /* memory could not be had */
    HAY_ESYSTEM,     /* a system call failed: see sys_errno */
    HAY_ESTATE,      /* the object is not in a state that allows this call */
    HAY_EFULL,       /* no room now */
    HAY_EEMPTY,      /* nothing there now */
    HAY_EOF,         /* ended in good order: nothing more will come */
    HAY_ETRUNCATED,  /* ended in the middle of a message */
    HAY_EPEER,       /* the other end is gone */
    HAY_EMSGSIZE,    /* larger than the limit or the buffer */
    HAY_EBUSY,       /* still running, or held by someone else */
    HAY_EOWNERDEAD,  /* the holder died: the data may be inconsistent */
    HAY_EBROKEN,     /* broken for everyone, as a barrier or a pool can be */
    HAY_ERANGE,      /* index, count or value out of bounds */
    HAY_ETHREADS,    /* this process has more than one thread and may not fork */
    HAY_EPLUGIN,     /* a plugin cannot be loaded */
    HAY_EUNKNOWN,    /* no such function, job or name */
    HAY_ECANCELLED,  /* cancelled before it was done */
    HAY_STATUS_COUNT
};

struct hay_error {
    enum hay_status status;
    int sys_errno;   /* 0, or the errno behind the status */
    char text[256];  /* one line, no newline, always terminated */
};

/* A status's name for people, such as "timed out". Never NULL, whatever the value. */
HAY_API const char *hay_status_text(enum hay_status status);

#ifdef __cplusplus
}
#endif
#endif
