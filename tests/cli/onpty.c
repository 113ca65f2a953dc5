/* SPDX-License-Identifier: MIT
 *
 * onpty COLUMNS FILE COMMAND... For shell tests: runs the command with its stderr on a terminal of so many columns, in a
 * session of its own, and writes what arrives there to FILE while it runs. With ONPTY_STDOUT in the environment stdout is that
 * terminal too; with ONPTY_STDIN it is the controlling terminal, and stdin. Exits as the command did, 128 and the number for a
 * signal; 99 when it could not be run at all.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONPTY_FAILED 99

static void onpty_child(int terminal, char **command)
{
    dup2(terminal, STDERR_FILENO);
    if (getenv("ONPTY_STDOUT"))
        dup2(terminal, STDOUT_FILENO);
    if (getenv("ONPTY_STDIN") && (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) || dup2(terminal, STDIN_FILENO) < 0))
        _exit(ONPTY_FAILED);
    close(terminal);
    execvp(command[0], command);
    _exit(ONPTY_FAILED);
}

/* Until the other side is closed everywhere, which reads as an error on Linux. */
static int onpty_copy(int from, int to)
{
    char bytes[4096];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        for (ssize_t at = 0, put; at < n; at += put)
            if ((put = write(to, bytes + at, (size_t)(n - at))) < 0)
                return -1;
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return ONPTY_FAILED;
    struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)atoi(argv[1]) };
    int file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (file < 0 || master < 0 || grantpt(master) || unlockpt(master))
        return ONPTY_FAILED;
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || ioctl(terminal, TIOCSWINSZ, &size))
        return ONPTY_FAILED;
    pid_t pid = fork();
    if (pid < 0)
        return ONPTY_FAILED;
    if (!pid)
        onpty_child(terminal, argv + 3);
    close(terminal);
    int status, failure = onpty_copy(master, file);
    if (waitpid(pid, &status, 0) != pid || failure)
        return ONPTY_FAILED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
