/* SPDX-License-Identifier: MIT
 *
 * Messages that no 32 bits count, and large ones whose sender or receiver dies when a part has passed. Numbers in brackets are
 * those of the behaviours in tests/README.md.
 */
#include "unit/ipc/pipe_fixture.h"

#include <signal.h>
#include <sys/mman.h>

#define BITE ((size_t)4 << 20)
#define ROOM (SIZE_MAX > UINT32_MAX ? (size_t)((uint64_t)1 << 32) + BITE : BITE)
#define HUGE_MS 300000

static unsigned char *small; /* what all of a message's memory is: BITE bytes, again and again */

/* Addresses of ROOM bytes, and memory of BITE. NULL: there are not so many. */
static unsigned char *map_room(void)
{
    int fd = memfd_create("bite", MFD_CLOEXEC);
    unsigned char *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool is_good = fd >= 0 && ftruncate(fd, BITE) == 0 && room != MAP_FAILED;
    for (size_t at = 0; is_good && at < ROOM; at += BITE)
        is_good = mmap(room + at, BITE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (!is_good && room != MAP_FAILED)
        munmap(room, ROOM);
    return is_good ? room : NULL;
}

static int send_huge(void *arg)
{
    unsigned char *room = map_room();
    CHILD_CHECK(room != NULL);
    for (size_t i = 0; i < BITE; i++)
        room[i] = pattern_at(i);
    CHILD_CHECK(hay_pipe_send(arg, room, ROOM / 2 + 1, HUGE_MS, NULL) == HAY_OK);
    CHILD_CHECK(hay_pipe_send(arg, room, ROOM - 3, HUGE_MS, NULL) == HAY_OK);
    CHILD_CHECK(hay_pipe_send(arg, "last", 4, HUGE_MS, NULL) == HAY_OK);
    munmap(room, ROOM);
    return 0;
}

/* [25] [31]: one that is dropped, and one that comes whole. */
static void more_bytes_than_32_bits_count_are_no_matter(void)
{
    size_t size = 0;
    char text[8] = "";
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "hurtpace")) {
        tap_skip("where every call is late it takes minutes");
        return;
    }
    small = SIZE_MAX > UINT32_MAX ? map_room() : NULL;
    if (!small) {
        tap_skip("no room for 4 GiB of addresses");
        return;
    }
    open_with_child(send_huge);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, &size, HUGE_MS, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(size, ROOM / 2 + 1);
    CU_ASSERT_EQUAL(hay_pipe_next(left, &size, NULL, HUGE_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(size, ROOM - 3);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, small, ROOM, &size, HUGE_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(size, ROOM - 3);
    CU_ASSERT(is_pattern(small, BITE));
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, &size, HUGE_MS, &error), HAY_OK);
    CU_ASSERT(size == 4 && memcmp(text, "last", 4) == 0);
    CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, HUGE_MS, &error), HAY_EOF);
    close_pair();
    munmap(small, ROOM);
}

static int die_when_it_begins(void *arg)
{
    CHILD_CHECK(hay_pipe_next(arg, NULL, NULL, LONG_MS, NULL) == HAY_OK);
    return raise(SIGKILL);
}

static void end_killed_child(void)
{
    struct hay_exit how;
    CU_ASSERT_EQUAL(hay_process_join(child, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), -SIGKILL);
    CU_ASSERT_EQUAL(hay_process_free(child), HAY_OK);
    child = NULL;
    close_pair();
}

/* [61] */
static void a_receiver_that_dies_within_a_message_ends_the_send(void)
{
    unsigned char *sent = new_pattern(LARGE);
    for (int timeout_ms = -1; timeout_ms <= LONG_MS; timeout_ms += LONG_MS + 1) {
        open_with_child(die_when_it_begins);
        CU_ASSERT_EQUAL(hay_pipe_send(left, sent, LARGE, timeout_ms, &error), HAY_EPEER);
        CU_ASSERT_EQUAL(hay_pipe_unsent(left), 0);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, timeout_ms, &error), HAY_EPEER);
        CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, timeout_ms, &error), HAY_EOF);
        end_killed_child();
    }
    free(sent);
}

static int send_large(void *arg)
{
    unsigned char *sent = new_pattern(LARGE);
    hay_pipe_send(arg, sent, LARGE, -1, NULL);
    free(sent);
    return 1; /* nobody takes it all */
}

/* [61] */
static void a_sender_that_dies_within_a_message_truncates_it(void)
{
    for (int way = 0; way < 2; way++) {
        unsigned char *into = malloc(LARGE);
        size_t size = 0;
        void *bytes = &size;
        open_with_child(send_large);
        CU_ASSERT_EQUAL(hay_pipe_next(left, &size, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(size, LARGE);
        CU_ASSERT_EQUAL(hay_process_kill(child, &error), HAY_OK);
        if (way)
            CU_ASSERT_EQUAL(hay_pipe_receive_into(left, into, LARGE, NULL, -1, &error), HAY_ETRUNCATED)
        else
            CU_ASSERT_EQUAL(hay_pipe_receive(left, &bytes, NULL, 0, -1, &error), HAY_ETRUNCATED)
        CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, -1, &error), HAY_ETRUNCATED);
        end_killed_child();
        free(into);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"more bytes than 32 bits count are no matter", more_bytes_than_32_bits_count_are_no_matter},
        {"a receiver that dies within a message ends the send", a_receiver_that_dies_within_a_message_ends_the_send},
        {"a sender that dies within a message truncates it", a_sender_that_dies_within_a_message_truncates_it},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
