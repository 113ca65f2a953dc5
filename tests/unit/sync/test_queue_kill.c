/* SPDX-License-Identifier: MIT
 *
 * SIGKILL at random instants inside put and get, 2,000 times each, with queues of three kinds: nearly always full, nearly
 * always empty, and in between. Others put and get all the while. In the end each item has come out once, but for what was in
 * a victim's hands.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"
#include "unit/sync/related.h"

#include <poll.h>

#define KILLS 2000
#define MOST_US 120     /* from a victim's first call to its death */
#define STEADY KILLS    /* the number of the producer that is not killed */
#define MOST_ITEMS (1 << 20)

struct item {
    int32_t putter;
    int32_t number;     /* from 1, without gaps */
    unsigned char filler[40];   /* of varying length */
};

/* Of one round of kills, shared. Each word has one writer at a time. */
struct scene {
    struct hay_queue *queue;
    bool is_polling;                        /* the survivor waits by poll() */
    _Atomic int victim_runs, stop, progress;
    _Atomic int began[KILLS + 1];           /* putters: the number of the last put that was begun ... */
    _Atomic int ended[KILLS + 1];           /* ... and that was ended */
    _Atomic int last[KILLS + 1];            /* the survivor: the number that came out last, by putter */
    _Atomic int items_in, gets_begun[KILLS], gets_ended[KILLS];
    _Atomic unsigned char seen[MOST_ITEMS]; /* get: how often each number came out */
    _Atomic int done;
};

static struct scene *scene;
static int turn;

static size_t item_fill(struct item *item, int putter, int number)
{
    size_t length = (size_t)(putter * 7 + number) % sizeof item->filler;
    item->putter = putter;
    item->number = number;
    memset(item->filler, number & 0xff, length);
    return offsetof(struct item, filler) + length;
}

static bool item_is_whole(const struct item *item, size_t size)
{
    struct item wanted;
    return size >= offsetof(struct item, filler) && size == item_fill(&wanted, item->putter, item->number)
        && memcmp(&wanted, item, size) == 0;
}

static enum hay_status get_item(struct item *item, size_t *size)
{
    if (!scene->is_polling)
        return hay_queue_get(scene->queue, item, sizeof *item, size, -1);
    for (;;) {
        struct pollfd polled = {.fd = hay_queue_fd(scene->queue), .events = POLLIN};
        CHILD_CHECK(poll(&polled, 1, LONG_MS) == 1);
        enum hay_status status = hay_queue_get(scene->queue, item, sizeof *item, size, 0);
        if (status != HAY_EEMPTY)
            return status;
    }
}

/* ---- put ---- */

static int put_for_ever(void *arg)
{
    int putter = *(int *)arg;
    struct item item;
    if (putter != STEADY)
        atomic_store(&scene->victim_runs, 1);
    for (int number = 1; putter != STEADY || !atomic_load(&scene->stop); number++) {
        size_t size = item_fill(&item, putter, number);
        atomic_store(&scene->began[putter], number);
        CHILD_CHECK(hay_queue_put(scene->queue, &item, size, -1) == HAY_OK);
        atomic_store(&scene->ended[putter], number);
    }
    return 0;
}

static int get_what_is_put(void *arg)
{
    struct item item;
    size_t size;
    enum hay_status status;
    (void)arg;
    while ((status = get_item(&item, &size)) == HAY_OK) {
        CHILD_CHECK(item_is_whole(&item, size) && item.putter >= 0 && item.putter <= STEADY);
        CHILD_CHECK(item.number == atomic_load(&scene->last[item.putter]) + 1);
        atomic_store(&scene->last[item.putter], item.number);
        if (atomic_fetch_add(&scene->progress, 1) % 64 == 0)
            related_nap();
    }
    CHILD_CHECK(status == HAY_EOF);
    return 0;
}

/* ---- get ---- */

static int put_for_getters(void *arg)
{
    struct item item;
    (void)arg;
    for (int number = 1; !atomic_load(&scene->stop) && number < MOST_ITEMS; number++) {
        size_t size = item_fill(&item, 0, number);
        CHILD_CHECK(hay_queue_put(scene->queue, &item, size, -1) == HAY_OK);
        atomic_store(&scene->items_in, number);
        if (number % 32 == 0)
            related_nap();
    }
    return 0;
}

static int get_until_the_end(void *arg)
{
    struct item item;
    size_t size;
    enum hay_status status;
    int victim = arg ? *(int *)arg : -1, last = 0;
    if (victim >= 0)
        atomic_store(&scene->victim_runs, 1);
    for (;;) {
        if (victim >= 0)
            atomic_fetch_add(&scene->gets_begun[victim], 1);
        status = victim < 0 ? get_item(&item, &size) : hay_queue_get(scene->queue, &item, sizeof item, &size, -1);
        if (status)
            break;
        CHILD_CHECK(item_is_whole(&item, size) && item.number > last && item.number < MOST_ITEMS);
        last = item.number;
        atomic_fetch_add(&scene->seen[item.number], 1);
        if (victim >= 0)
            atomic_fetch_add(&scene->gets_ended[victim], 1);
        CHILD_CHECK(hay_queue_task_done(scene->queue) == HAY_OK);
        atomic_fetch_add(&scene->done, 1);
        atomic_fetch_add(&scene->progress, victim < 0);
    }
    CHILD_CHECK(status == HAY_EOF);
    return 0;
}

/* ---- both ---- */

static void spin_us(int us)
{
    int64_t until_ns = clock_now_ns() + us * NS_PER_US;
    while (clock_now_ns() < until_ns)
        continue;
}

/* One victim; then the survivors have to get on. */
static bool kill_one(int (*victim)(void *), unsigned *seed)
{
    int before = atomic_load(&scene->progress);
    atomic_store(&scene->victim_runs, 0);
    pid_t pid = related_start(victim, &turn);
    bool runs = related_await(&scene->victim_runs, 1);
    spin_us(rand_r(seed) % MOST_US);
    related_kill(pid);
    return runs && related_await(&scene->progress, before + 1);
}

static void open_scene(size_t max_items, bool is_polling)
{
    struct hay_queue_options options = {.max_items = max_items};
    scene = related_share(sizeof *scene);
    scene->queue = hay_queue_new(&options, NULL);
    scene->is_polling = is_polling;
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene->queue);
}

static void close_scene(void)
{
    hay_queue_free(scene->queue);
    munmap(scene, sizeof *scene);
}

/* The turns from `first` to `last` in one scene. Returns how many were killed inside a put. */
static int kill_putters(int first, int last, size_t max_items, bool is_polling, unsigned *seed)
{
    int steady = STEADY, inside = 0, wrong = 0;
    open_scene(max_items, is_polling);
    pid_t getter = related_start(get_what_is_put, NULL), putter = related_start(put_for_ever, &steady);
    bool alive = true;
    for (turn = first; turn < last && alive; turn++)
        alive = kill_one(put_for_ever, seed);
    CU_ASSERT(alive);
    atomic_store(&scene->stop, 1);
    CU_ASSERT_EQUAL(related_join(putter), 0);
    hay_queue_close(scene->queue);
    CU_ASSERT_EQUAL(related_join(getter), 0);
    for (int i = first; i <= STEADY; i = i + 1 == last ? STEADY : i + 1) {
        int began = scene->began[i], ended = scene->ended[i], came = scene->last[i];
        inside += began > ended;
        wrong += came != ended && came != began;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    close_scene();
    return inside;
}

static int kill_getters(int first, int last, size_t max_items, bool is_polling, unsigned *seed)
{
    int inside = 0, twice = 0, missing = 0;
    open_scene(max_items, is_polling);
    pid_t getter = related_start(get_until_the_end, NULL), putter = related_start(put_for_getters, NULL);
    bool alive = true;
    for (turn = first; turn < last && alive; turn++)
        alive = kill_one(get_until_the_end, seed);
    CU_ASSERT(alive);
    atomic_store(&scene->stop, 1);
    CU_ASSERT_EQUAL(related_join(putter), 0);
    hay_queue_close(scene->queue);
    CU_ASSERT_EQUAL(related_join(getter), 0);
    for (int i = first; i < last; i++)
        inside += scene->gets_begun[i] > scene->gets_ended[i];
    for (int number = 1; number <= scene->items_in; number++) {
        twice += scene->seen[number] > 1;
        missing += !scene->seen[number];
    }
    CU_ASSERT_EQUAL(twice, 0);
    CU_ASSERT(missing <= inside);
    /* What was taken and not done by the dead is lost, and no more: a victim may die after task_done and before it says so. */
    int lost = (int)hay_queue_lost(scene->queue), undone = scene->items_in - scene->done;
    CU_ASSERT(lost >= missing && lost <= undone);
    CU_ASSERT_EQUAL(hay_queue_join(scene->queue, 0), lost ? HAY_EOWNERDEAD : HAY_OK);
    for (int i = 0; i < lost; i++)
        CU_ASSERT_EQUAL(hay_queue_task_done(scene->queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(scene->queue, 0), HAY_OK);
    printf("# items %d, in the hands of the dead %d, tasks lost %d\n", scene->items_in, missing, lost);
    close_scene();
    return inside;
}

static void kill_in_scenes(int (*kill_some)(int, int, size_t, bool, unsigned *))
{
    static const struct {
        size_t max_items;
        bool is_polling;
    } scenes[] = {{1, false}, {3, false}, {1000, false}, {10, true}};
    unsigned seed = (unsigned)getpid() ^ (unsigned)clock_now_ns();
    int inside = 0, count = sizeof scenes / sizeof scenes[0];
    printf("# seed %u\n", seed);
    for (int i = 0; i < count; i++)
        inside += kill_some(i * KILLS / count, (i + 1) * KILLS / count, scenes[i].max_items, scenes[i].is_polling, &seed);
    printf("# %d kills, %d of them inside the call\n", KILLS, inside);
    CU_ASSERT(inside > KILLS / 4);
}

static void kills_inside_put_lose_and_double_nothing(void)
{
    kill_in_scenes(kill_putters);
}

static void kills_inside_get_lose_only_what_was_in_their_hands(void)
{
    kill_in_scenes(kill_getters);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"kills_inside_put_lose_and_double_nothing", kills_inside_put_lose_and_double_nothing},
        {"kills_inside_get_lose_only_what_was_in_their_hands", kills_inside_get_lose_only_what_was_in_their_hands},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue kill", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
