/* SPDX-License-Identifier: MIT
 *
 * Moments that cannot be met from outside for sure, reached through the master's own state: a worker that is given up and not
 * yet buried, and a ledger that claims what never left the master.
 */
#include "unit/pool/pool_fixture.h"

#include "base/fd.h"
#include "pool/pool.h"

#include <sys/socket.h>
#include <sys/syscall.h>

static pid_t master_pid;

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);

/* Workers that are told so stop before they read. */
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    if (board && atomic_load(&board->stop) && getpid() != master_pid)
        raise(SIGSTOP);
    return __real_recv(fd, bytes, size, flags);
}

static bool comes_to_state(struct fixture *fixture, char wanted)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)hay_pool_worker_pid(fixture->pool, 0));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); state != wanted && clock_now_ns() < deadline_ns; nap()) {
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        if (file)
            fclose(file);
    }
    return state == wanted;
}

/* An idle worker sleeps where it reads; only from there is it sure to take one more job before it stops. */
static bool is_asleep(struct fixture *fixture)
{
    return comes_to_state(fixture, 'S');
}

/* Turn until the first worker was given up, one event at a time: it is not buried then. */
static bool is_given_up(struct fixture *fixture)
{
    const struct slot *slot = fixture->pool->master.slots[0];
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture->pool, 0)) {
        if (slot->state == SLOT_BUSY && slot->fault[0] && slot_is_recalled(slot) && slot->held)
            return true;
        nap();
    }
    return false;
}

/* It took jobs and begins none; after five seconds it is killed, and until it is dead they are neither sent nor queued. */
static void jobs_of_a_worker_that_is_given_up_can_be_cancelled(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    for (int i = 0; i < 100; i++) /* the window grows */
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture) && is_asleep(&fixture));
    atomic_store(&board->stop, 1);
    uint64_t wake = submit(&fixture, "t.echo", "1"), first = 0;
    CU_ASSERT(all_come(&fixture)); /* it stops when it has sent that */
    CU_ASSERT(ended_as(&fixture, wake, HAY_OUTCOME_OK));
    for (int i = 0; i < 5; i++) {
        uint64_t number = submit(&fixture, "t.echo", "1");
        first = first ? first : number;
    }
    CU_ASSERT(is_given_up(&fixture));
    CU_ASSERT_EQUAL(fixture.pool->master.slots[0]->held, 5);
    atomic_store(&board->stop, 0);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, first + 1, NULL), HAY_OK);
    CU_ASSERT(ended_as(&fixture, first + 1, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, first + 1, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, first, NULL), HAY_OK);
    hay_pool_turn(fixture.pool, 1000); /* it is buried */
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = first + 2; number < first + 5; number++)
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void all_jobs_of_a_worker_that_is_given_up_can_be_cancelled(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&fixture, 1) && is_asleep(&fixture));
    atomic_store(&board->stop, 1);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    uint64_t number = submit(&fixture, "t.echo", "1");
    CU_ASSERT(is_given_up(&fixture));
    atomic_store(&board->stop, 0);
    hay_pool_cancel_all(fixture.pool, false);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.pending, 0);
    uint64_t after = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, after, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void set_send_buffer(const struct slot *slot, int size_bytes)
{
    CU_ASSERT(setsockopt(slot->channel.fd, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof size_bytes) == 0);
}

/* The other end of the worker's pipe, so that it stays open when the worker dies; -1 where the kernel cannot. */
static int copy_of_its_end(const struct slot *slot)
{
    int copy = -1, type;
    for (int fd = 3; copy < 0 && fd < 1024; fd++) {
        copy = (int)syscall(SYS_pidfd_getfd, slot->child.pidfd, fd, 0);
        if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type}) < 0)
            fd_close(&copy);
    }
    return copy;
}

/* The worker has stopped with its pipe full: a job of which a part still lies in the master's buffer cannot have been claimed.
 * Nor is the rest sent when the lie was seen: then it would look true at the burial, and be charged to the job. */
static void a_claim_of_what_was_never_written_is_a_fault(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    static char args[150000];
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT(workers_are_ready(&fixture, 1) && is_asleep(&fixture));
    memset(args, ' ', sizeof args);
    args[0] = '1';
    struct slot *slot = fixture.pool->master.slots[0];
    set_send_buffer(slot, 1);
    atomic_store(&board->stop, 1);
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, sizeof args}});
    hay_pool_turn(fixture.pool, 0);
    CU_ASSERT(comes_to_state(&fixture, 'T'));
    CU_ASSERT(slot->held == 1 && slot->claimed == slot->next - 1 && !slot_is_recalled(slot));
    CU_ASSERT(slot_sending(slot, slot->next - 1)->end_offset > slot->channel.sent);
    atomic_store(&board->stop, 0);
    int copy = copy_of_its_end(slot);
    atomic_store(&slot->ledger->claim, claim_pack((struct claim){slot->epoch, slot->next}));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !slot->fault[0] && clock_now_ns() < deadline_ns; nap())
        hay_pool_turn(fixture.pool, 0);
    CU_ASSERT(slot->fault[0] && slot->state == SLOT_BUSY);
    set_send_buffer(slot, 1000000);
    channel_flush(&slot->channel);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK) && entry_of(&fixture, number)->attempts == 1);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 1);
    fd_close(&copy);
    fixture_end(&fixture);
}

static void a_size_that_would_wrap_has_no_room(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(!hay_pool_has_room(fixture.pool, SIZE_MAX));
    CU_ASSERT(hay_pool_has_room(fixture.pool, 1000));
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

static void lines_that_are_cut_are_counted_while_their_worker_lives(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    static char line[9002];
    memset(line, 'x', sizeof line);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    submit_job(&fixture, (struct hay_job){.function = "t.print", .args = {line, sizeof line}});
    CU_ASSERT(all_come(&fixture));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !fixture.logs && clock_now_ns() < deadline_ns;) {
        submit(&fixture, "t.sleep", "1");
        CU_ASSERT(all_come(&fixture));
    }
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT(stats.log_dropped == 1 && stats.deaths == 0);
    fixture_end(&fixture);
}

int main(void)
{
    master_pid = getpid();
    CU_TestInfo tests[] = {
        {"jobs of a worker that is given up can be cancelled", jobs_of_a_worker_that_is_given_up_can_be_cancelled},
        {"all jobs of a worker that is given up can be cancelled", all_jobs_of_a_worker_that_is_given_up_can_be_cancelled},
        {"a claim of what was never written is a fault", a_claim_of_what_was_never_written_is_a_fault},
        {"a size that would wrap has no room", a_size_that_would_wrap_has_no_room},
        {"lines that are cut are counted while their worker lives", lines_that_are_cut_are_counted_while_their_worker_lives},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool inside", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
