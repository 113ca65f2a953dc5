/* SPDX-License-Identifier: MIT
 *
 * The row is that of print_joblog() in GNU parallel 20221122: Starttime and JobRuntime as %.3f and %10.3f seconds, Host ":" for
 * this machine, Exitval -1 and Signal 15 for a job that was stopped. Reading it back, parallel takes a job as done when both
 * are 0, needs every column filled, and runs the command of the others in a shell: it is one that does what the job did, and
 * quotes what came from the job line.
 */
#include "cli/joblog.h"
#include "cli/now.h"
#include "cli/pen.h"
#include "cli/say.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBLOG_COLUMNS "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
/* All columns but the command, their numbers at the longest. */
#define JOBLOG_HEAD (8 * (PEN_FIXED_MAX + 2))

bool joblog_check(const struct logfile *file)
{
    char bytes[sizeof JOBLOG_COLUMNS - 1];
    int fd = file->append && S_ISREG(file->stream.mode) ? open(file->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return true;
    ssize_t size = pread(fd, bytes, sizeof bytes, 0); /* fewer: it was cut off when it began */
    close(fd);
    if (size < 0 || !memcmp(bytes, JOBLOG_COLUMNS, (size_t)size))
        return true;
    say("'%s' is no joblog: --resume would go on with it", file->path);
    return false;
}

void joblog_begin(struct logfile *file)
{
    bool empty;
    char *at = logfile_begin(file, &empty) && empty ? logfile_room(file, sizeof JOBLOG_COLUMNS) : NULL;
    if (at)
        logfile_advance(file, pen_text(at, JOBLOG_COLUMNS));
}

/* Exitval and Signal. A crash by exit(0) must not look like success. */
static char *joblog_put_exit(char *at, const struct hay_result *result)
{
    switch (result->outcome) {
    case HAY_OUTCOME_OK:
        return pen_text(at, "\t0\t0\t");
    case HAY_OUTCOME_TIMEOUT:
    case HAY_OUTCOME_CANCELLED:
        return pen_text(at, "\t-1\t15\t");
    default:
        break;
    }
    *at++ = '\t';
    at = pen_number(at, result->signal > 0 ? 0 : result->exit_code > 0 ? (uint64_t)result->exit_code : 1);
    *at++ = '\t';
    at = pen_number(at, result->signal > 0 ? (uint64_t)result->signal : 0);
    *at++ = '\t';
    return at;
}

static char *joblog_put_head(char *at, const struct hay_result *result, uint64_t seq)
{
    uint64_t start_ns = result->start_ns > 0 ? (uint64_t)result->start_ns : (uint64_t)now_wall_ns();
    uint64_t run_ns = result->run_ns > 0 ? (uint64_t)result->run_ns : 0;
    at = pen_number(at, seq);
    at = pen_text(at, "\t:\t");
    at = pen_thousandths(at, (start_ns + 500000) / 1000000, 1);
    *at++ = '\t';
    at = pen_thousandths(at, (run_ns + 500000) / 1000000, 6);
    *at++ = '\t';
    at = pen_number(at, result->args.size);
    *at++ = '\t';
    at = pen_number(at, result->outcome == HAY_OUTCOME_OK ? result->value.size : result->message.size);
    return joblog_put_exit(at, result);
}

/* Inside single quotes. Of the bytes below a space JSON has only white space outside of strings; a message may have any. */
static char *joblog_put_quoted(char *at, struct hay_span text)
{
    const char *from = text.at, *end = from + text.size;
    for (; from < end; from++) {
        unsigned char byte = (unsigned char)*from;
        if (byte == '\'')
            at = pen_text(at, "'\\''");
        else
            *at++ = byte < ' ' ? ' ' : (char)byte;
    }
    return at;
}

static bool joblog_has_row(const struct hay_result *result)
{
    return result->attempts || result->outcome == HAY_OUTCOME_REJECTED;
}

static struct hay_span joblog_cut(struct hay_span text)
{
    if (!text.at)
        text.size = 0;
    if (text.size > JOBLOG_COMMAND_MAX)
        text.size = JOBLOG_COMMAND_MAX;
    return text;
}

void joblog_write(struct logfile *file, const struct hay_result *result, uint64_t seq, struct hay_span command)
{
    command = joblog_cut(command);
    char *at = joblog_has_row(result) ? logfile_room(file, JOBLOG_HEAD + command.size + 2) : NULL;
    if (!at)
        return;
    at = joblog_put_head(at, result, seq);
    if (!command.size)
        *at++ = ':';
    for (size_t i = 0; i < command.size; i++)
        *at++ = command.at[i] == '\n' ? '\0' : command.at[i];
    *at++ = '\n';
    logfile_advance(file, at);
}

void joblog_write_call(struct logfile *file, const struct hay_result *result, uint64_t seq, struct hay_span call)
{
    bool rejected = result->outcome == HAY_OUTCOME_REJECTED;
    struct hay_span text = joblog_cut(rejected ? result->message : result->args);
    bool is_cut = text.size < (rejected ? result->message.size : result->args.size);
    call = joblog_cut(call);
    char *at = joblog_has_row(result) ? logfile_room(file, JOBLOG_HEAD + call.size + 4 * text.size + 32) : NULL;
    if (!at)
        return;
    at = joblog_put_head(at, result, seq);
    at = rejected ? pen_text(at, "false 'rejected: ") : pen_span(at, call);
    if (text.size) {
        if (!rejected)
            at = pen_text(at, " '");
        at = joblog_put_quoted(at, text);
        if (is_cut)
            at = pen_text(at, " …");
    }
    if (text.size || rejected)
        *at++ = '\'';
    *at++ = '\n';
    logfile_advance(file, at);
}
