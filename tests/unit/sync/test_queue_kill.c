/* SPDX-License-Identifier: MIT
 *
 * SIGKILL at random instants inside put and get, 2,000 times each, with queues of three kinds: nearly always full, nearly
 * always empty, and in between. Others put and get all the while; in some scenes they spin for far longer than they would, so
 * that many deaths have a witness that spins for the lock. In the end each item has come out once, but for what was in a
 * victim's hands.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"
#include "unit/sync/kill.h"

#include <poll.h>

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
        /* The latter: a victim without a processor keeps the lock for longer than a call without a timeout tries. */
        if (status != HAY_EEMPTY && status != HAY_ETIMEDOUT)
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

/* One victim; then the survivors have to get on. */
static bool kill_one(int (*victim)(void *), unsigned *seed)
{
    int before = atomic_load(&scene->progress);
    atomic_store(&scene->victim_runs, 0);
    pid_t pid = related_start(victim, &turn);
    bool runs = related_await(&scene->victim_runs, 1);
    kill_at_random(pid, seed);
    return runs && related_await(&scene->progress, before + 1);
}

struct setting {
    size_t max_items;
    bool is_polling;
    int64_t spin_ns;    /* 0: as it comes */
};

static void open_scene(const struct setting *setting)
{
    struct hay_queue_options options = {.max_items = setting->max_items};
    scene = related_share(sizeof *scene);
    scene->queue = hay_queue_new(&options, NULL);
    scene->is_polling = setting->is_polling;
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene->queue);
    if (setting->spin_ns)
        scene->queue->shared->spin_ns = setting->spin_ns;
}

static void close_scene(void)
{
    hay_queue_free(scene->queue);
    munmap(scene, sizeof *scene);
}

/* The turns from `first` to `last` in one scene. Returns how many were killed inside a put. */
static int kill_putters(int first, int last, const struct setting *setting, unsigned *seed)
{
    int steady = STEADY, inside = 0, wrong = 0;
    open_scene(setting);
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

static int kill_getters(int first, int last, const struct setting *setting, unsigned *seed)
{
    int inside = 0, twice = 0, missing = 0;
    open_scene(setting);
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

static void kill_in_scenes(int (*kill_some)(int, int, const struct setting *, unsigned *))
{
    static const struct setting settings[] = {
        {1, false, 0}, {3, false, 0}, {3, false, NS_PER_MS}, {1000, false, 0}, {10, true, 0},
    };
    unsigned seed = kill_seed();
    int inside = 0, count = sizeof settings / sizeof settings[0];
    for (int i = 0; i < count; i++)
        inside += kill_some(i * KILLS / count, (i + 1) * KILLS / count, &settings[i], &seed);
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

/* ---- a witness ---- */

/* Killed with the lock just taken, before it can say so in the hint for those who spin. */
static int hold_quietly(void *arg)
{
    struct side *side = arg;
    CHILD_CHECK(pthread_mutex_lock(&side->lock) == 0);
    atomic_store(&scene->victim_runs, 1);
    return pause();
}

static int put_one(void *arg)
{
    (void)arg;
    atomic_store(&scene->progress, 1);
    return (int)hay_queue_put(scene->queue, "one", 3, LONG_MS);
}

static int get_one(void *arg)
{
    char text[8];
    (void)arg;
    atomic_store(&scene->progress, 1);
    return (int)hay_queue_get(scene->queue, text, sizeof text, NULL, LONG_MS);
}

/* It is in its call and has used so much processor time in there that it can only be spinning. */
static bool await_spinning(pid_t pid)
{
    clockid_t clock;
    struct timespec first, now;
    if (!related_await(&scene->progress, 1) || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &first))
        return false;
    int64_t limit_ms = related_now_ms() + LONG_MS / 2;
    do {
        related_nap();
        if (clock_gettime(clock, &now))
            return false;
    } while ((now.tv_sec - first.tv_sec) * NS_PER_S + now.tv_nsec - first.tv_nsec < 3 * NS_PER_MS
        && related_now_ms() < limit_ms);
    return true;
}

static void who_spins_for_the_lock_gets_it_from_a_holder_that_dies(void)
{
    static const struct setting setting = {3, false, LONG_MS * NS_PER_MS};
    for (int is_get = 0; is_get < 2; is_get++) {
        char text[8];
        open_scene(&setting);
        struct shared_queue *shared = scene->queue->shared;
        CU_ASSERT_EQUAL(hay_queue_put(scene->queue, "one", 3, 0), HAY_OK);
        pid_t holder = related_start(hold_quietly, is_get ? &shared->get : &shared->put);
        CU_ASSERT(related_await(&scene->victim_runs, 1));
        pid_t witness = related_start(is_get ? get_one : put_one, NULL);
        CU_ASSERT(await_spinning(witness));
        related_kill(holder);
        CU_ASSERT_EQUAL(related_join(witness), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_length(scene->queue), is_get ? 0 : 2);
        CU_ASSERT_EQUAL(hay_queue_put(scene->queue, "one", 3, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_get(scene->queue, text, sizeof text, NULL, 0), HAY_OK);
        close_scene();
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"kills_inside_put_lose_and_double_nothing", kills_inside_put_lose_and_double_nothing},
        {"kills_inside_get_lose_only_what_was_in_their_hands", kills_inside_get_lose_only_what_was_in_their_hands},
        {"who_spins_for_the_lock_gets_it_from_a_holder_that_dies", who_spins_for_the_lock_gets_it_from_a_holder_that_dies},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue kill", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
