/* SPDX-License-Identifier: MIT
 *
 * The table of functions, its byte form, and what hostile bytes do to it: nothing.
 */
#include "plugin/plugin_text.h"
#include "plugin/registry.h"
#include "support/tap.h"
#include "unit/plugin/failing_malloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SPAN(text) ((struct hay_span){text, sizeof text - 1})
#define NOTHING ((struct hay_span){NULL, 0})

static int run(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    (void)args;
    (void)size;
    return task->host->result(task, "0", 1);
}

static const struct hay_function text_count = {"count", "Counts", run, NULL};

static int find(const struct registry *registry, const char *name)
{
    return registry_find(registry, name, strlen(name));
}

/* own.first, text.count, text.grep, own.last. 0 or -errno. */
static int fill(struct registry *registry)
{
    int status = registry_register(registry, "own.first", "Of the program", run, NULL);
    if (status >= 0)
        status = registry_open_plugin(registry, SPAN("text"), SPAN("1.0"), SPAN("Text"), SPAN("/lib/text.so"), NULL);
    if (status >= 0)
        status = registry_append(registry, SPAN("count"), SPAN("Counts"), &text_count);
    if (status >= 0)
        status = registry_append(registry, SPAN("grep"), NOTHING, &text_count);
    if (status >= 0)
        status = registry_register(registry, "own.last", NULL, run, NULL);
    return status < 0 ? status : 0;
}

static void functions_are_found_by_name(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(find(&registry, "text.count"), -1);
    CU_ASSERT_EQUAL(fill(&registry), 0);
    CU_ASSERT_EQUAL(find(&registry, "own.first"), 0);
    CU_ASSERT_EQUAL(find(&registry, "text.count"), 1);
    CU_ASSERT_EQUAL(find(&registry, "text.grep"), 2);
    CU_ASSERT_EQUAL(find(&registry, "own.last"), 3);
    CU_ASSERT_EQUAL(find(&registry, "text.coun"), -1);
    CU_ASSERT_EQUAL(find(&registry, "text.counts"), -1);
    CU_ASSERT_EQUAL(find(&registry, "text"), -1);
    CU_ASSERT_EQUAL(find(&registry, "."), -1);
    CU_ASSERT_EQUAL(registry_find(&registry, NULL, 0), -1);
    CU_ASSERT_EQUAL(registry_find(&registry, "text.count\0", 11), -1);
    CU_ASSERT_EQUAL(registry_find_plugin(&registry, "text", 4), 0);
    CU_ASSERT_EQUAL(registry_find_plugin(&registry, "own", 3), -1);
    registry_release(&registry);
}

static void details_are_kept(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(fill(&registry), 0);
    const struct hay_pool_plugin *plugin = registry_plugin(&registry, 0);
    CU_ASSERT_STRING_EQUAL(plugin->path, "/lib/text.so");
    CU_ASSERT_EQUAL(plugin->first_function, 1);
    CU_ASSERT_EQUAL(plugin->function_count, 2);
    CU_ASSERT_STRING_EQUAL(registry_function(&registry, 1)->summary, "Counts");
    CU_ASSERT_STRING_EQUAL(registry_function(&registry, 3)->summary, "");
    CU_ASSERT_PTR_EQUAL(registry_call(&registry, 1), &text_count);
    const struct hay_function *own = registry_call(&registry, 0);
    CU_ASSERT_FATAL(own != NULL);
    if (own)
        CU_ASSERT_STRING_EQUAL(own->name, "first");
    CU_ASSERT_PTR_NULL(registry_call(&registry, 4));
    CU_ASSERT_PTR_NULL(registry_function(&registry, -1));
    CU_ASSERT_PTR_NULL(registry_function(&registry, 4));
    CU_ASSERT_PTR_NULL(registry_plugin(&registry, 1));
    registry_release(&registry);
}

static void duplicates_and_bad_names_are_refused(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(registry_append(&registry, SPAN("early"), NOTHING, NULL), -EINVAL);
    CU_ASSERT_EQUAL(fill(&registry), 0);
    CU_ASSERT_EQUAL(registry_register(&registry, "text.count", NULL, run, NULL), -EEXIST);
    CU_ASSERT_EQUAL(registry_register(&registry, "text", NULL, run, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_register(&registry, "text.", NULL, run, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_register(&registry, ".x", NULL, run, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_register(&registry, "a.b.c", NULL, run, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_register(&registry, "a.b", NULL, NULL, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_register(&registry, NULL, NULL, run, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_open_plugin(&registry, SPAN("text"), NOTHING, NOTHING, NOTHING, NULL), -EEXIST);
    CU_ASSERT_EQUAL(registry_open_plugin(&registry, SPAN("Text"), NOTHING, NOTHING, NOTHING, NULL), -EINVAL);
    CU_ASSERT_EQUAL(registry_append(&registry, SPAN("count"), NOTHING, NULL), -EEXIST);
    CU_ASSERT_EQUAL(registry.function_count, 4);
    registry_release(&registry);
}

static void texts_are_repaired_and_bounded(void)
{
    static char huge[REGISTRY_TEXT_MAX + 2];
    struct registry registry;
    registry_init(&registry);
    memset(huge, 'x', sizeof huge - 1);
    CU_ASSERT_EQUAL(registry_register(&registry, "a.b", "two\nlines \xff", run, NULL), 0);
    CU_ASSERT_STRING_EQUAL(registry_function(&registry, 0)->summary, "two lines \xef\xbf\xbd");
    CU_ASSERT_EQUAL(registry_register(&registry, "a.c", huge, run, NULL), -E2BIG);
    struct hay_span too_long = {huge, sizeof huge - 1};
    CU_ASSERT_EQUAL(registry_open_plugin(&registry, SPAN("p"), NOTHING, too_long, NOTHING, NULL), -E2BIG);
    CU_ASSERT_EQUAL(registry_open_plugin(&registry, SPAN("p"), NOTHING, NOTHING, NOTHING, NULL), 0);
    CU_ASSERT_EQUAL(registry_append(&registry, SPAN("f"), (struct hay_span){huge, REGISTRY_TEXT_MAX / 2}, NULL), 1);
    CU_ASSERT_EQUAL(registry_append(&registry, SPAN("g"), (struct hay_span){huge, REGISTRY_TEXT_MAX / 2}, NULL), -E2BIG);
    /* What fits raw may not fit repaired: each bad byte becomes three. */
    memset(huge, '\xff', sizeof huge - 1);
    CU_ASSERT_EQUAL(registry_append(&registry, SPAN("g"), (struct hay_span){huge, REGISTRY_TEXT_MAX / 4}, NULL), -E2BIG);
    registry_release(&registry);
}

static void a_full_table_finds_every_function(void)
{
    struct registry registry;
    char name[32];
    registry_init(&registry);
    const struct hay_pool_function *first = NULL;
    for (int i = 0; i < REGISTRY_FUNCTIONS_MAX; i++) {
        snprintf(name, sizeof name, "g%d.f%d", i % 7, i);
        CU_ASSERT_EQUAL_FATAL(registry_register(&registry, name, NULL, run, NULL), i);
        if (!i)
            first = registry_function(&registry, 0);
    }
    CU_ASSERT_PTR_EQUAL(first, registry_function(&registry, 0)); /* entries stay where they are */
    CU_ASSERT_EQUAL(registry_register(&registry, "one.more", NULL, run, NULL), -E2BIG);
    for (int i = 0; i < REGISTRY_FUNCTIONS_MAX; i++) {
        snprintf(name, sizeof name, "g%d.f%d", i % 7, i);
        CU_ASSERT_EQUAL(find(&registry, name), i);
    }
    CU_ASSERT_EQUAL(find(&registry, "g0.f1"), -1);
    registry_truncate(&registry, 100, 0);
    CU_ASSERT_EQUAL(find(&registry, "g1.f99"), 99 % 7 == 1 ? 99 : -1);
    CU_ASSERT_EQUAL(find(&registry, "g2.f100"), -1);
    CU_ASSERT_EQUAL(find(&registry, "g3.f3"), 3);
    registry_release(&registry);
}

static void names_of_every_length_are_told_apart(void)
{
    struct registry registry;
    char name[2 * PLUGIN_NAME_MAX + 2];
    registry_init(&registry);
    int count = 0;
    for (int a = 1; a <= PLUGIN_NAME_MAX; a++)
        for (int b = 1; b <= PLUGIN_NAME_MAX; b += 13) {
            memset(name, 'a', sizeof name);
            name[a] = '.';
            name[a + 1 + b] = '\0';
            CU_ASSERT_EQUAL(registry_register(&registry, name, NULL, run, NULL), count);
            CU_ASSERT_EQUAL(find(&registry, name), count);
            count++;
        }
    registry_release(&registry);
}

static void packed_and_unpacked_is_the_same(void)
{
    struct registry from, to;
    struct buffer bytes;
    registry_init(&from);
    registry_init(&to);
    buffer_init(&bytes);
    CU_ASSERT_EQUAL(registry_pack(&from, 0, &bytes), 0);
    CU_ASSERT_EQUAL(registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes)), 0); /* the empty table */
    CU_ASSERT(registry_equal(&from, &to));
    buffer_truncate(&bytes, 0);
    CU_ASSERT_EQUAL(fill(&from), 0);
    CU_ASSERT(!registry_equal(&from, &to));
    CU_ASSERT_EQUAL(registry_pack(&from, 0, &bytes), 0);
    CU_ASSERT_EQUAL(registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes)), 0);
    CU_ASSERT(registry_equal(&from, &to));
    for (int i = 0; i < from.function_count; i++) {
        CU_ASSERT_STRING_EQUAL(registry_function(&from, i)->summary, registry_function(&to, i)->summary);
        CU_ASSERT_PTR_NULL(registry_call(&to, (uint32_t)i));
    }
    CU_ASSERT_STRING_EQUAL(registry_plugin(&to, 0)->path, "/lib/text.so");
    CU_ASSERT_STRING_EQUAL(registry_plugin(&to, 0)->version, "1.0");
    CU_ASSERT_EQUAL(registry_plugin(&to, 0)->first_function, 1);
    /* Again is a duplicate, and changes nothing. */
    CU_ASSERT_EQUAL(registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes)), -EPROTO);
    CU_ASSERT(registry_equal(&from, &to));
    CU_ASSERT_EQUAL(to.plugin_count, 1);
    buffer_release(&bytes);
    registry_release(&from);
    registry_release(&to);
}

static void the_tail_alone_can_be_packed(void)
{
    struct registry from, to;
    struct buffer bytes;
    registry_init(&from);
    registry_init(&to);
    buffer_init(&bytes);
    CU_ASSERT_EQUAL(fill(&from), 0);
    CU_ASSERT_EQUAL(registry_register(&to, "own.first", NULL, run, NULL), 0);
    CU_ASSERT_EQUAL(registry_pack(&from, 1, &bytes), 0);
    CU_ASSERT_EQUAL(registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes)), 0);
    CU_ASSERT(registry_equal(&from, &to));
    CU_ASSERT_PTR_NOT_NULL(registry_call(&to, 0));
    buffer_truncate(&bytes, 0);
    CU_ASSERT_EQUAL(registry_pack(&from, 4, &bytes), 0);
    CU_ASSERT_EQUAL(registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes)), 0);
    CU_ASSERT(registry_equal(&from, &to));
    buffer_release(&bytes);
    registry_release(&from);
    registry_release(&to);
}

/* Unpack an exact copy on the heap, so that a sanitizer sees any step over its end. */
static int unpack_copy(struct registry *registry, const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, bytes, size);
    int status = registry_unpack(registry, copy, size);
    free(copy);
    return status;
}

static void a_cut_table_is_refused_at_every_byte(void)
{
    struct registry from, to;
    struct buffer bytes;
    registry_init(&from);
    registry_init(&to);
    buffer_init(&bytes);
    CU_ASSERT_EQUAL(fill(&from), 0);
    CU_ASSERT_EQUAL(registry_pack(&from, 0, &bytes), 0);
    for (size_t size = 0; size < buffer_size(&bytes); size++)
        CU_ASSERT_EQUAL(unpack_copy(&to, buffer_at(&bytes), size), -EPROTO);
    CU_ASSERT_EQUAL(buffer_append(&bytes, "", 1), 0);
    CU_ASSERT_EQUAL(unpack_copy(&to, buffer_at(&bytes), buffer_size(&bytes)), -EPROTO);
    CU_ASSERT_EQUAL(to.function_count, 0);
    CU_ASSERT_EQUAL(to.plugin_count, 0);
    buffer_release(&bytes);
    registry_release(&from);
    registry_release(&to);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whatever comes in: refused with nothing changed, or a table that keeps all its promises. */
static void hostile_bytes_give_a_valid_table_or_none(void)
{
    struct registry from;
    struct buffer bytes;
    unsigned char hostile[1024];
    uint64_t state = 20240601;
    int refused = 0, accepted = 0;
    registry_init(&from);
    buffer_init(&bytes);
    CU_ASSERT_EQUAL(fill(&from), 0);
    CU_ASSERT_EQUAL(registry_pack(&from, 0, &bytes), 0);
    size_t size = buffer_size(&bytes);
    CU_ASSERT_FATAL(size <= sizeof hostile);
    for (int round = 0; round < 50000; round++) {
        struct registry to;
        registry_init(&to);
        memcpy(hostile, buffer_at(&bytes), size);
        for (uint64_t flips = 1 + random_next(&state) % 3; flips; flips--) {
            uint64_t at = random_next(&state);
            hostile[at % size] = at >> 60 & 1 ? (unsigned char)(at >> 32) : (unsigned char)(hostile[at % size] ^ 1 << (at >> 61));
        }
        if (unpack_copy(&to, hostile, size)) {
            refused++;
            CU_ASSERT(!to.function_count && !to.plugin_count);
        } else {
            accepted++;
            for (int i = 0; i < to.function_count; i++)
                CU_ASSERT(find(&to, registry_function(&to, i)->name) == i && !registry_call(&to, (uint32_t)i));
        }
        registry_release(&to);
    }
    CU_ASSERT(refused > 1000);
    CU_ASSERT(accepted > 1000); /* a summary may be anything */
    buffer_release(&bytes);
    registry_release(&from);
}

static void claimed_sizes_and_counts_are_not_believed(void)
{
    struct registry to;
    registry_init(&to);
    const uint32_t huge_count[] = {0x54594148, UINT32_MAX, 0};
    const uint32_t more_plugins[] = {0x54594148, 1, 2};
    const uint32_t huge_text[] = {0x54594148, 1, 1, 1, UINT32_MAX, 0x61616161};
    const uint32_t huge_group[] = {0x54594148, 1, 1, UINT32_MAX, 1, 0x61616161};
    const uint32_t no_groups[] = {0x54594148, 1, 0};
    const uint32_t bad_magic[] = {0, 0, 0};
    CU_ASSERT_EQUAL(registry_unpack(&to, huge_count, sizeof huge_count), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, more_plugins, sizeof more_plugins), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, huge_text, sizeof huge_text), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, huge_group, sizeof huge_group), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, no_groups, sizeof no_groups), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, bad_magic, sizeof bad_magic), -EPROTO);
    CU_ASSERT_EQUAL(registry_unpack(&to, NULL, 0), -EPROTO);
    registry_release(&to);
}

static char calls[64];

static int note(const char *text, int code)
{
    strncat(calls, text, sizeof calls - strlen(calls) - 1);
    return code;
}

static int a_configure(const char *json)
{
    return note(strcmp(json, "null") ? "?" : "Ca ", 0);
}

static int a_start(void)
{
    return note("Sa ", 0);
}

static void a_stop(void)
{
    note("Ta ", 0);
}

static int b_start(void)
{
    return note("Sb ", 0);
}

static int b_refuse(void)
{
    return note("Sb ", 3);
}

static void b_stop(void)
{
    note("Tb ", 0);
}

static int c_configure(const char *json)
{
    (void)json;
    return note("Cc ", -1);
}

/* `context`: the code. */
static int program_start(void *context, int worker)
{
    return note(worker == 4 ? "Sp " : "?", *(int *)context);
}

static void program_stop(void *context, int worker)
{
    (void)context;
    note(worker == 4 ? "Tp " : "?", 0);
}

static void add_hooked(struct registry *registry, struct hay_span name, struct registry_hooks hooks)
{
    CU_ASSERT(registry_open_plugin(registry, name, NOTHING, NOTHING, name, &hooks) >= 0);
    CU_ASSERT(registry_append(registry, SPAN("f"), NOTHING, &text_count) >= 0);
}

static void plugins_start_in_order_and_stop_in_reverse_once(void)
{
    struct registry registry;
    struct hay_error error;
    registry_init(&registry);
    calls[0] = '\0';
    add_hooked(&registry, SPAN("a"), (struct registry_hooks){a_start, a_stop, a_configure});
    add_hooked(&registry, SPAN("none"), (struct registry_hooks){0});
    add_hooked(&registry, SPAN("b"), (struct registry_hooks){b_start, b_stop, NULL});
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), 0);
    registry_stop_all(&registry);
    registry_stop_all(&registry);
    CU_ASSERT_STRING_EQUAL(calls, "Ca Sa Sb Tb Ta ");
    registry_release(&registry);
}

static void the_program_starts_last_and_stops_first(void)
{
    struct registry registry;
    struct hay_error error = {0};
    int code = 0;
    registry_init(&registry);
    registry.program = (struct registry_program){program_start, program_stop, &code, 4, false};
    calls[0] = '\0';
    add_hooked(&registry, SPAN("a"), (struct registry_hooks){a_start, a_stop, a_configure});
    registry_stop_all(&registry);
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), 0);
    registry_stop_all(&registry);
    registry_stop_all(&registry);
    CU_ASSERT_STRING_EQUAL(calls, "Ca Sa Sp Tp Ta ");
    calls[0] = '\0';
    code = 5;
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), -ECANCELED);
    CU_ASSERT_STRING_EQUAL(error.text, "the program's worker_start() refused with 5");
    CU_ASSERT_STRING_EQUAL(calls, "Ca Sa Sp Ta ");
    registry_release(&registry);
}

static void a_refused_start_stops_those_that_started(void)
{
    struct registry registry;
    struct hay_error error = {0};
    registry_init(&registry);
    calls[0] = '\0';
    add_hooked(&registry, SPAN("a"), (struct registry_hooks){a_start, a_stop, a_configure});
    add_hooked(&registry, SPAN("b"), (struct registry_hooks){b_refuse, b_stop, NULL});
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), -ECANCELED);
    CU_ASSERT_STRING_EQUAL(error.text, "plugin b: its start() refused with 3");
    CU_ASSERT_STRING_EQUAL(calls, "Ca Sa Sb Ta ");
    registry_release(&registry);

    calls[0] = '\0';
    add_hooked(&registry, SPAN("c"), (struct registry_hooks){a_start, a_stop, c_configure});
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), -ECANCELED);
    CU_ASSERT_STRING_EQUAL(error.text, "plugin c: its configure() refused with -1");
    CU_ASSERT_STRING_EQUAL(calls, "Cc ");
    registry_release(&registry);
}

static void every_failed_allocation_is_survived(void)
{
    struct registry from;
    struct buffer bytes;
    registry_init(&from);
    buffer_init(&bytes);
    int status = -ENOMEM;
    for (long n = 0; status == -ENOMEM && n < 100; n++) {
        registry_release(&from);
        allocations_left = n;
        status = fill(&from);
        if (!status)
            status = registry_pack(&from, 0, &bytes);
        allocations_left = -1;
        if (status)
            CU_ASSERT_EQUAL(buffer_size(&bytes), 0);
    }
    CU_ASSERT_EQUAL(status, 0);
    status = -ENOMEM;
    for (long n = 0; status == -ENOMEM && n < 100; n++) {
        struct registry to;
        registry_init(&to);
        allocations_left = n;
        status = registry_unpack(&to, buffer_at(&bytes), buffer_size(&bytes));
        allocations_left = -1;
        CU_ASSERT(status == 0 || (status == -ENOMEM && !to.function_count && !to.plugin_count));
        registry_release(&to);
    }
    CU_ASSERT_EQUAL(status, 0);
    buffer_release(&bytes);
    registry_release(&from);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"functions_are_found_by_name", functions_are_found_by_name},
        {"details_are_kept", details_are_kept},
        {"duplicates_and_bad_names_are_refused", duplicates_and_bad_names_are_refused},
        {"texts_are_repaired_and_bounded", texts_are_repaired_and_bounded},
        {"a_full_table_finds_every_function", a_full_table_finds_every_function},
        {"names_of_every_length_are_told_apart", names_of_every_length_are_told_apart},
        {"packed_and_unpacked_is_the_same", packed_and_unpacked_is_the_same},
        {"the_tail_alone_can_be_packed", the_tail_alone_can_be_packed},
        {"a_cut_table_is_refused_at_every_byte", a_cut_table_is_refused_at_every_byte},
        {"hostile_bytes_give_a_valid_table_or_none", hostile_bytes_give_a_valid_table_or_none},
        {"claimed_sizes_and_counts_are_not_believed", claimed_sizes_and_counts_are_not_believed},
        {"plugins_start_in_order_and_stop_in_reverse_once", plugins_start_in_order_and_stop_in_reverse_once},
        {"the_program_starts_last_and_stops_first", the_program_starts_last_and_stops_first},
        {"a_refused_start_stops_those_that_started", a_refused_start_stops_those_that_started},
        {"every_failed_allocation_is_survived", every_failed_allocation_is_survived},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"registry", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
