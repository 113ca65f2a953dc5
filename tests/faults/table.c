/* SPDX-License-Identifier: MIT
 *
 * A new fault is one line here: name | job | options | statuses | pattern | attempts | flags.
 */
#include "table.h"

#define ACT(text) "\"fn\":\"fault.act\",\"args\":\"" text "\""
#define LIMIT(seconds, text) ACT(text) ",\"timeout\":" seconds
#define RETRY(count, text) ACT(text) ",\"retries\":" count

const struct fault faults[] = {
    /* a worker dies by a signal */
    {"SIGSEGV", ACT("raise SEGV"), "", "crash", "killed by SIGSEGV.*\"signal\":11", 2, 0},
    {"SIGABRT", ACT("raise ABRT"), "", "crash", "killed by SIGABRT.*\"signal\":6", 2, 0},
    {"SIGBUS", ACT("raise BUS"), "", "crash", "killed by SIGBUS.*\"signal\":7", 2, 0},
    {"SIGFPE", ACT("raise FPE"), "", "crash", "killed by SIGFPE.*\"signal\":8", 2, 0},
    {"SIGILL", ACT("raise ILL"), "", "crash", "killed by SIGILL.*\"signal\":4", 2, 0},
    {"SIGKILL", ACT("raise KILL"), "", "crash", "killed by SIGKILL.*\"signal\":9", 2, 0},
    {"SIGTERM, which a worker survives", ACT("raise TERM"), "", "ok", NULL, 1, 0},
    {"SIGTERM with its default action", ACT("default TERM; raise TERM"), "", "crash", "killed by SIGTERM.*\"signal\":15", 2, 0},
    {"SIGUSR1", ACT("raise USR1"), "", "crash", "killed by SIGUSR1", 2, 0},
    {"abort()", ACT("abort"), "", "crash", "killed by SIGABRT", 2, 0},
    {"a wild store", ACT("wild"), "", "crash", "killed by SIG(SEGV|BUS)", 2, 0},
    {"a trap", ACT("trap"), "", "crash", "killed by SIG(ILL|TRAP)", 2, 0},
    {"a stack overflow", ACT("overflow"), "", "crash", NULL, 2, SANITIZERS_SPEAK},


    /* a worker exits */
    {"exit(0)", ACT("exit 0"), "", "crash", "exited with 0.*\"exit\":0", 2, 0},
    {"exit(3)", ACT("exit 3"), "", "crash", "exited with 3.*\"exit\":3", 2, 0},
    {"_exit(0)", ACT("_exit 0"), "", "crash", "exited with 0.*\"exit\":0", 2, 0},
    {"_exit(255)", ACT("_exit 255"), "", "crash", "exited with 255.*\"exit\":255", 2, 0},
    {"quick_exit(7)", ACT("quick_exit 7"), "", "crash", "exited with 7.*\"exit\":7", 2, 0},
    {"pthread_exit() on the main thread", ACT("pthread_exit"), "", "crash", "exited with 0", 2, SANITIZERS_SPEAK},
    {"longjmp into a frame that is gone", LIMIT("1", "longjmp"), "--grace 300ms --crash-retries 5", "ok|error|crash|timeout",
     NULL, 0, REACHES_OUT | SANITIZERS_SPEAK},
    {"exec of another program", ACT("execve"), "", "crash", NULL, 2, 0},
    {"an atexit handler that hangs", ACT("atexit_hang"), "--grace 300ms", "ok", NULL, 1, 0},


    /* a job does not end */
    {"an endless loop", LIMIT("0.3", "loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"an endless loop under --timeout", ACT("loop"), "--timeout 1s --grace 300ms", "timeout", NULL, 1, 0},
    {"an endless loop without any grace", LIMIT("0.3", "loop"), "--grace 0", "timeout", NULL, 1, 0},
    {"a long sleep", LIMIT("0.3", "sleep 1000000"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a pause that SIGTERM interrupts only", LIMIT("0.3", "pause"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a loop that ignores SIGTERM", LIMIT("0.3", "ignore TERM; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a loop that blocks all signals", LIMIT("0.3", "block; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a trap that its tracer is to answer", LIMIT("0.3", "trace; raise USR1"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a death that its tracer is to see first", LIMIT("0.3", "trace; abort"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a job that dies of SIGTERM at its timeout", LIMIT("0.3", "default TERM; pause"), "", "timeout", NULL, 1, 0},
    {"a job that heeds its timeout", LIMIT("0.3", "heed"), "", "timeout", NULL, 1, 0},
    {"a job that comes back late", LIMIT("0.2", "sleep 500"), "", "timeout", NULL, 1, 0},
    {"a job that crashes after its timeout", LIMIT("0.2", "heed; raise SEGV"), "", "timeout", NULL, 1, 0},
    {"a job that stops itself", LIMIT("0.3", "raise STOP"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a job that stops itself, deaf to SIGTERM", LIMIT("0.3", "ignore TERM; raise STOP"), "--grace 300ms", "timeout", NULL, 1, 0},


    {"a job that has ended, says the ledger, and reports progress for ever", LIMIT("0.3", "ledger ended; progress 300000000"),
     "--grace 300ms", "crash", "finished a job and did not send its result", 2, 0},


    /* retries */
    {"a crash at the first attempt only", ACT("first; raise SEGV"), "", "ok", NULL, 2, 0},
    {"a crash without crash retries", ACT("raise SEGV"), "--crash-retries 0", "crash", "SIGSEGV", 1, 0},
    {"a crash with three crash retries", ACT("_exit 9"), "--crash-retries 3", "crash", "exited with 9", 4, 0},
    {"a crash is no error", ACT("raise KILL"), "--retries 5", "crash", NULL, 2, 0},
    {"an error with --retries 2", ACT("fail"), "--retries 2", "error", "as told", 3, 0},
    {"an error with retries of its own", RETRY("1", "fail"), "", "error", "as told", 2, 0},
    {"an error that forbids retries", RETRY("0", "fail"), "--retries 3", "error", "as told", 1, 0},
    {"an error at the first attempt only", ACT("first; fail"), "--retries 1", "ok", NULL, 2, 0},
    {"a timeout is not retried by --retries", LIMIT("0.2", "heed"), "--retries 2", "timeout", NULL, 1, 0},
    {"a timeout with --retry-timeouts", LIMIT("0.2", "heed"), "--retries 1 --retry-timeouts", "timeout", NULL, 2, 0},
    {"a timeout at the first attempt only", LIMIT("0.3", "first; heed"), "--retries 1 --retry-timeouts", "ok", NULL, 2, 0},


    /* results */
    {"an error", ACT("fail sorry"), "", "error", "\"message\":\"sorry\"", 1, 0},
    {"an error whose text is no text", ACT("fail_ugly"), "", "error", NULL, 1, 0},
    {"an error without a text", ACT("mute"), "", "error", NULL, 1, 0},
    {"a result after an error", ACT("fail_and_go"), "", "error", "first words", 1, 0},
    {"an empty result", ACT("json empty"), "", "error", NULL, 1, 0},
    {"a result of spaces", ACT("json space"), "", "error", NULL, 1, 0},
    {"half a result", ACT("json open"), "", "error", NULL, 1, 0},
    {"two results", ACT("json two"), "", "error", NULL, 1, 0},
    {"a line break in a result", ACT("json newline"), "", "error", NULL, 1, 0},
    {"a whole line in a result", ACT("json line"), "", "error", NULL, 1, 0},
    {"a carriage return in a result", ACT("json return"), "", "error", NULL, 1, 0},
    {"a NUL byte in a result", ACT("json nul"), "", "error", NULL, 1, 0},
    {"a control character in a result", ACT("json control"), "", "error", NULL, 1, 0},
    {"bad UTF-8 in a result", ACT("json utf8"), "", "error", NULL, 1, 0},
    {"half a surrogate pair in a result", ACT("json surrogate"), "", "error", NULL, 1, 0},
    {"NaN as a result", ACT("json nan"), "", "error", NULL, 1, 0},
    {"a bare word as a result", ACT("json word"), "", "error", NULL, 1, 0},
    {"a comma too many in a result", ACT("json comma"), "", "error", NULL, 1, 0},
    {"a result that is nested 100,000 deep", ACT("json deep 100000"), "", "error", NULL, 1, 0},
    {"a result of 12 MiB", ACT("result 12582912"), "", "ok", NULL, 1, 0},
    {"a result of --max-result", ACT("result 1048576"), "--max-result 1M", "ok", NULL, 1, 0},
    {"a result of --max-result and a byte", ACT("result 1048577"), "--max-result 1M", "error", NULL, 1, 0},
    {"a result over the usual limit", ACT("result 16777217"), "", "error", NULL, 1, 0},
    {"a result far over --max-result", ACT("result 100000000"), "--max-result 200K", "error", NULL, 1, 0},
    {"death half-way through a large result", ACT("fork half; result 12582912"), "-j 1", "crash", "SIGKILL", 2, 0},
    {"death half-way through a large result, once", ACT("first; fork half; result 12582912"), "-j 1", "ok", NULL, 2, 0},
    {"death at the first byte of a large result", ACT("fork killer 0; result 12582912"), "", "ok|crash", NULL, 0, REACHES_OUT},
    {"death in a large result", ACT("fork killer 300; result 12582912"), "", "ok|crash", NULL, 0, REACHES_OUT},
    {"death late in a large result", ACT("fork killer 3000; result 12582912"), "", "ok|crash", NULL, 0, REACHES_OUT},
    {"death in a large result, once", ACT("first; fork killer 100; result 12582912"), "", "ok", NULL, 0, REACHES_OUT},
    {"progress and logs", ACT("progress 50"), "", "ok", NULL, 1, 0},


    /* prints */
    {"10 MB on stdout", ACT("print 1 10000000 80"), "", "ok", NULL, 1, 0},
    {"10 MB on stderr", ACT("print 2 10000000 80"), "", "ok", NULL, 1, 0},
    {"10 MB in one line", ACT("print 1 10000000 0"), "", "ok", NULL, 1, 0},
    {"5 MB of empty lines", ACT("print 2 5000000 1"), "", "ok", NULL, 1, 0},
    {"a line that looks like a result", ACT("pretend"), "", "ok", NULL, 1, 0},
    {"last words", ACT("print 2 20 0; raise SEGV"), "", "crash", "SIGSEGV.*pppp", 2, 0},


    /* descriptors */
    {"all descriptors closed, and a loop", ACT("close 0 4095; loop"), "", "crash", NULL, 2, 0},
    {"all descriptors closed", ACT("close 0 4095"), "", "ok|crash", NULL, 0, REACHES_OUT},
    {"stdin, stdout and stderr closed", ACT("close 0 2"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"stdin, stdout and stderr closed, and prints", ACT("close 0 2; print 1 99; print 2 99"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"O_NONBLOCK on 0, 1 and 2", ACT("nonblock; print 1 1000000 80"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"another socket over the pipe", ACT("over; sleep 2"), "", "ok|crash", NULL, 0, 0},
    {"another socket over the pipe, and a loop", ACT("over; loop"), "", "crash", "closed its pipe", 2, 0},
    {"the pipe closed, a child holds it", ACT("fork hold; close 3 4095"), "", "ok|crash", NULL, 0, REACHES_OUT},


    /* children and threads */
    {"a grandchild holds the pipe", ACT("fork hold; raise KILL"), "", "crash", "killed by SIGKILL", 2, 0},
    {"a deaf grandchild holds the pipe", ACT("fork deaf; raise SEGV"), "", "crash", "killed by SIGSEGV", 2, 0},
    {"a daemon holds the pipe", ACT("fork daemon; raise KILL"), "", "crash", "killed by SIGKILL", 2, 0},
    {"a daemon floods what it prints to, and kills it", ACT("fork flood 1; pause"), "", "crash", "killed by SIGKILL", 2, 0},
    {"a daemon floods the pipe, and kills it", ACT("fork flood 0; pause"), "", "crash", NULL, 2, 0},
    {"a child stays", ACT("fork child"), "", "ok", NULL, 1, 0},
    {"a child that ignores SIGTERM stays", ACT("fork deaf"), "", "ok", NULL, 1, 0},
    {"a child in a group of its own stays", ACT("fork group"), "", "ok", NULL, 1, 0},
    {"a daemon stays", ACT("fork daemon"), "", "ok", NULL, 1, 0},
    {"a zombie stays", ACT("fork exit"), "", "ok", NULL, 1, 0},
    {"two processes come back from one job", ACT("fork return"), "", "ok|crash", NULL, 0, REACHES_OUT | SANITIZERS_SPEAK},
    {"a child, and a loop", LIMIT("0.3", "fork deaf; ignore TERM; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a thread stays", ACT("thread pause"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"a thread crashes later", ACT("thread crash"), "--crash-retries 3", "ok|crash", NULL, 0, REACHES_OUT},


    /* surroundings */
    {"64 MiB leaked", ACT("leak 64"), "", "ok", NULL, 1, 0},
    {"another directory and umask", ACT("move"), "", "ok", NULL, 1, 0},
    {"a timer that interrupts all calls", ACT("interrupt"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"limits of zero", ACT("rlimit"), "", "ok", NULL, 1, SPOILS_WORKER | SANITIZERS_SPEAK},
    {"all signals blocked and left so", ACT("block"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"SIGCHLD ignored", ACT("ignore CHLD"), "", "ok", NULL, 1, SPOILS_WORKER},
    {"a scribbled heap", ACT("scribble"), "--crash-retries 5", "ok|crash", NULL, 0, REACHES_OUT | SANITIZERS_SPEAK},


    /* lies on the pipe */
    {"garbage on the pipe", ACT("garbage; pause"), "", "crash", NULL, 2, 0},
    {"4 KiB of garbage on the pipe", ACT("garbage 4096; pause"), "", "crash", NULL, 2, 0},
    {"a little garbage on the pipe", LIMIT("0.3", "garbage 5; pause"), "--grace 300ms", "timeout|crash", NULL, 0, 0},
    {"garbage before a result", ACT("garbage 11"), "--crash-retries 3", "ok|crash", NULL, 0, REACHES_OUT},
    {"half a frame, then exit", ACT("forge own half; _exit 3"), "", "crash", "exited with 3", 2, 0},
    {"its own result, forged", ACT("forge own"), "", "ok", "\"forged\"|null", 1, 0},
    {"its own result, forged three times", ACT("forge own 3"), "", "ok", "\"forged\"|null", 1, 0},
    {"its own result forged, and a loop", ACT("forge own; loop"), "--grace 300ms", "ok", "\"forged\"|null", 1, 0},
    {"a result for the next job", ACT("forge ahead; pause"), "", "crash", NULL, 2, 0},
    {"a result for a job far away", ACT("forge far; pause"), "", "crash", NULL, 2, 0},
    {"a result for another job number", ACT("forge other; pause"), "", "crash", NULL, 2, 0},
    {"a result at another position", ACT("forge position; pause"), "", "crash", NULL, 2, 0},
    {"a result of the next epoch", ACT("forge epoch; pause"), "", "crash", NULL, 2, 0},
    {"a result of an earlier epoch", ACT("forge epoch_back"), "", "ok", "\"result\":null", 1, 0},
    {"a result of a distant epoch", ACT("forge epoch_far; pause"), "", "crash", NULL, 2, 0},
    {"a frame of 4 GiB", ACT("forge huge; pause"), "", "crash", NULL, 2, 0},
    {"a frame of 2 GiB", ACT("forge large; pause"), "", "crash", NULL, 2, 0},
    {"a frame of 3 bytes", ACT("forge tiny; pause"), "", "crash", NULL, 2, 0},
    {"a result without its times", ACT("forge bare; pause"), "", "crash", NULL, 2, 0},
    {"a frame of unknown type", ACT("forge type; pause"), "", "crash", "sent bytes that are not a frame", 2, 0},
    {"a frame of type 0", ACT("forge type_0; pause"), "", "crash", "sent bytes that are not a frame", 2, 0},
    {"a frame with reserved bits", ACT("forge reserved; pause"), "", "crash", "sent bytes that are not a frame", 2, 0},
    {"READY a second time", ACT("forge ready; pause"), "", "crash", "said twice that it was ready", 2, 0},
    {"a job for the master", ACT("forge job; pause"), "", "crash", "sent a frame that is not a worker's", 2, 0},
    {"a stop for the master", ACT("forge stop; pause"), "", "crash", "sent a frame that is not a worker's", 2, 0},
    {"a forged result that is no JSON", ACT("forge not_json"), "", "error|crash|ok", NULL, 0, REACHES_OUT},
    {"a forged result that is two lines", ACT("forge line"), "", "error|crash|ok", NULL, 0, REACHES_OUT},
    {"a forged result that is empty", ACT("forge empty"), "", "error|crash|ok", NULL, 0, REACHES_OUT},
    {"a forged progress", ACT("forge progress"), "", "ok", "null", 1, 0},


    /* lies in the ledger */
    {"its own result in the outbox, forged", ACT("outbox own"), "", "ok", "\"forged\"|null", 1, 0},
    {"a result for the next job in the outbox", ACT("outbox ahead; pause"), "", "crash", NULL, 2, 0},
    {"half a result in the outbox", ACT("outbox own half; pause"), "", "crash", "wrote nonsense over its outbox", 2, 0},
    {"an unknown frame in the outbox", ACT("outbox type; pause"), "", "crash", NULL, 2, 0},
    {"a frame of 4 GiB in the outbox", ACT("outbox huge; pause"), "", "crash", NULL, 2, 0},
    {"two lines in the outbox", ACT("outbox line"), "", "error|crash", NULL, 0, REACHES_OUT},
    {"claims a million more", ACT("ledger ahead; pause"), "", "crash", NULL, 0, 0},
    {"claims three more and exits", ACT("ledger three; _exit 4"), "", "crash", "exited with 4", 0, REACHES_OUT},
    {"claims three more and stays", LIMIT("0.5", "ledger three; pause"), "--grace 300ms", "crash|timeout", NULL, 0, REACHES_OUT},
    {"claims the next one, has begun it just now, and stays", LIMIT("0.5", "ignore TERM; ledger next; pause; loop"),
     "--grace 300ms", "crash|timeout", NULL, 0, REACHES_OUT},
    {"has ended, and sends a large result a byte at a time", LIMIT("0.5", "ignore TERM; forge slow half; ledger ended; trickle"),
     "--grace 300ms", "crash|timeout", NULL, 0, 0},
    {"takes back its claim and exits", ACT("ledger back; _exit 4"), "", "crash", NULL, 0, 0},
    {"takes back its claim and stays", LIMIT("0.5", "ledger back; pause"), "--grace 300ms", "crash|timeout", NULL, 0, 0},
    {"takes back a claim that was seen", ACT("sleep 100; ledger back; pause"), "", "crash", "claimed what it was never sent",
     2, 0},
    {"takes back all its claims", ACT("ledger zero; _exit 4"), "", "crash", NULL, 0, 0},
    {"claims in a later epoch", ACT("ledger epoch; pause"), "", "crash", NULL, 0, 0},
    {"claims in an earlier epoch", ACT("ledger epoch_back; pause"), "", "crash", NULL, 0, 0},
    {"a start in the far future", LIMIT("0.3", "ledger late; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a start in the far past", LIMIT("0.3", "ledger early; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"a start before all time", LIMIT("0.3", "ledger negative; loop"), "--grace 300ms", "timeout", NULL, 1, 0},
    {"says that it has ended, and loops", LIMIT("0.3", "ledger ended; loop"), "--grace 300ms", "crash|timeout", NULL, 0, 0},
    {"says that it has ended, without a timeout", ACT("ledger ended; loop"), "--grace 300ms", "crash", NULL, 2, 0},
    {"an outbox of 4 GiB", ACT("ledger length; pause"), "--crash-retries 3", "crash", NULL, 0, REACHES_OUT},
    {"an outbox one byte too long", ACT("ledger length_1; pause"), "--crash-retries 3", "crash", NULL, 0, REACHES_OUT},
    {"an outbox of 4 GiB that is used", ACT("ledger length"), "--crash-retries 3", "ok|crash", NULL, 0,
     REACHES_OUT | SANITIZERS_SPEAK},
    {"an outbox of junk", ACT("ledger junk; pause"), "--crash-retries 3", "crash", NULL, 0, REACHES_OUT},
    {"a ledger of ones", ACT("ledger ones; pause"), "--crash-retries 3", "crash", NULL, 0, REACHES_OUT},
    {"a ledger of zeros", ACT("ledger zeros; pause"), "--crash-retries 3", "crash", NULL, 0, REACHES_OUT},
    {"a ledger that never stands still", LIMIT("1", "ledger scramble"), "--grace 300ms --crash-retries 3", "crash|timeout",
     NULL, 0, REACHES_OUT},
    {NULL, NULL, NULL, NULL, NULL, 0, 0},

};
