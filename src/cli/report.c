/* SPDX-License-Identifier: MIT
 *
 * `hayfork report`: results, and a trace, as one page for people. The page is made whole in memory and then put in its place
 * at once, by a rename in its own folder: a failure leaves an older page as it was. Memory and page are bounded whatever the
 * number of results.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/report_page.h"
#include "cli/say.h"
#include "cli/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define REPORT_LINKS 40 /* in a row, as many as the kernel follows */

enum { REPORT_TRACE = 256 };

static const struct option_spec report_specs[] = {
    { 'o', "output", true },
    { REPORT_TRACE, "trace", true },
    { 'h', "help", false },
    { 0, NULL, false },
};

struct report {
    struct report_source source;
    const char *output;         /* NULL: stdout */
};

static int report_put(int fd, const struct html *html)
{
    return bytes_wait_write(fd, html->text.at, html->text.size);
}

/* The mode that a new file would have; an older page keeps its own. */
static mode_t report_mode(const char *path)
{
    struct stat status;
    mode_t mask = umask(0);
    umask(mask);
    return stat(path, &status) ? 0666 & ~mask : status.st_mode & 0777;
}

/* Puts the page beside `path` first, under a name that is short enough for any folder. */
static int report_replace(const char *path, const struct html *html)
{
    char name[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int folder_size = slash ? (int)(slash + 1 - path) : 0;
    if (snprintf(name, sizeof name, "%.*s.hayfork-report.XXXXXX", folder_size, path) >= (int)sizeof name)
        return -ENAMETOOLONG;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int failure = report_put(fd, html);
    if (!failure && fchmod(fd, report_mode(path)))
        failure = -errno;
    if (close(fd) && !failure)
        failure = -errno;
    if (!failure && rename(name, path))
        failure = -errno;
    if (failure)
        unlink(name);
    return failure;
}

/* Is this link the kernel's own, as those of /proc/self/fd are? What stands in it may name no file, or another one. */
static bool report_is_magic(const char *link)
{
    struct statfs system;
    int fd = open(link, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool is_magic = fd >= 0 && !fstatfs(fd, &system) && system.f_type == PROC_SUPER_MAGIC;
    if (fd >= 0)
        close(fd);
    return is_magic;
}

/* Makes `path`, of PATH_MAX bytes, what its last name leads to by links, be it there or not; up to a link of the kernel's.
 * 0 or -errno. */
static int report_follow(char *path)
{
    char target[PATH_MAX];
    ssize_t size = 0;
    for (int links = 0; links < REPORT_LINKS && (size = readlink(path, target, sizeof target)) >= 0; links++) {
        char *slash = strrchr(path, '/'), *from = *target != '/' && slash ? slash + 1 : path;
        if (report_is_magic(path))
            return 0;
        if (size >= path + PATH_MAX - from)
            return -ENAMETOOLONG;
        memcpy(from, target, (size_t)size);
        from[size] = '\0';
    }
    return size >= 0 ? -ELOOP : errno == EINVAL || errno == ENOENT ? 0 : -errno;
}

/* A descriptor for what is no file to be replaced. One of ours by its name in /proc/self/fd is taken as it is, for it may stand
 * in the middle of a file. */
static int report_open(const char *path, const struct stat *status)
{
    const char *name = strrchr(path, '/');
    struct stat own;
    int fd = name && name[1] >= '0' && name[1] <= '9' ? atoi(name + 1) : -1;
    if (fd >= 0 && !fstat(fd, &own) && own.st_dev == status->st_dev && own.st_ino == status->st_ino)
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
}

/* A link stays one, and its target is replaced; what is no regular file (a pipe, /dev/null), or open already, is written to. */
static int report_save(const char *output, const struct html *html)
{
    char path[PATH_MAX];
    struct stat status;
    if (snprintf(path, sizeof path, "%s", output) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int failure = report_follow(path);
    if (failure)
        return failure;
    if (stat(path, &status) || (S_ISREG(status.st_mode) && !report_is_magic(path)))
        return report_replace(path, html);
    int fd = report_open(path, &status);
    failure = fd < 0 ? -errno : report_put(fd, html);
    if (fd >= 0 && close(fd) && !failure)
        failure = -errno;
    return failure;
}

/* Writing the page would take away what it is made of. */
static bool report_overwrites(const struct report *report)
{
    const char *inputs[] = { report->source.results, report->source.trace };
    struct stat out, in;
    if (!report->output || stat(report->output, &out) || !S_ISREG(out.st_mode))
        return false;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        bool there = inputs[i] && !(strcmp(inputs[i], "-") ? stat(inputs[i], &in) : fstat(STDIN_FILENO, &in));
        if (there && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return true;
    }
    return false;
}

static int report_write(const struct report *report, struct html *html)
{
    if (html->failure) {
        say("cannot make the page: %s", strerror(-html->failure));
        return CLI_STOPPED;
    }
    int failure = report->output ? report_save(report->output, html) : report_put(STDOUT_FILENO, html);
    if (failure)
        say("cannot write %s: %s", report->output ? report->output : "to standard output", strerror(-failure));
    return failure ? CLI_OUTPUT : CLI_OK;
}

/* -1, or the exit code after a fault or --help. */
static int report_options(struct report *report, int argc, char **argv)
{
    struct options reader;
    int key;
    options_init(&reader, report_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("report");
        if (key == OPTIONS_FAULT)
            return CLI_USAGE;
        if (key == OPTIONS_OPERAND && report->source.results)
            return say_usage("one file of results at a time: '%s' is too much", reader.value);
        if (key == OPTIONS_OPERAND)
            report->source.results = reader.value;
        else if (key == REPORT_TRACE)
            report->source.trace = reader.value;
        else
            report->output = strcmp(reader.value, "-") ? reader.value : NULL;
    }
    if (!report->source.results)
        return say_usage("a file of results is needed, or - for standard input");
    if (report->source.trace && !strcmp(report->source.trace, "-") && !strcmp(report->source.results, "-"))
        return say_usage("only one of results and trace can be standard input");
    if (!report->output && isatty(STDOUT_FILENO))
        return say_usage("the page is for a browser: -o FILE says where it goes");
    return -1;
}

int report_main(int argc, char **argv)
{
    struct report report = { .output = NULL };
    struct html html = { .failure = 0 };
    int code = report_options(&report, argc, argv);
    if (code >= 0)
        return code;
    if (report_overwrites(&report))
        return say_usage("'%s' is both input and output", report.output);
    setup_write_errors();
    struct data *data = data_new();
    if (!data)
        return say_no_memory();
    code = source_read(&report.source, data);
    if (!code) {
        page_write(&html, &report.source, data);
        code = report_write(&report, &html);
    }
    if (!code && report.source.torn)
        say("%s: the last line is cut off and was left out", report.source.results);
    source_close(&report.source);
    data_free(data);
    html_release(&html);
    return code;
}
