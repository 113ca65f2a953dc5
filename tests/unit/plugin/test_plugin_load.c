/* SPDX-License-Identifier: MIT
 *
 * Loading: every way in which a plugin can be broken has its own line, and the registry is as before.
 */
#include "plugin/plugin_elf.h"
#include "plugin/plugin_load.h"
#include "plugin/task.h"
#include "support/tap.h"
#include "unit/plugin/failing_malloc.h"
#include "unit/plugin/scratch.h"

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static struct hay_error error;
static char fixtures[PATH_MAX - 100];
static unsigned char good[1 << 20]; /* the bytes of good.so */
static size_t good_size;

static int setup(void)
{
    const char *top = getenv("top_builddir");
    snprintf(fixtures, sizeof fixtures, "%s/tests/support/plugins/.libs", top ? top : ".");
    setenv("HAYFORK_PLUGIN_PATH", fixtures, 1);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/good.so", fixtures);
    FILE *file = fopen(path, "re");
    if (!file)
        return 1;
    good_size = fread(good, 1, sizeof good, file);
    fclose(file);
    return good_size < sizeof(Elf64_Ehdr) || good_size == sizeof good || !scratch_make();
}

static int teardown(void)
{
    scratch_remove();
    return 0;
}

/* `name` does not load, and says this. */
static void expect_refused(const char *name, const char *text)
{
    struct registry registry;
    registry_init(&registry);
    memset(&error, 0, sizeof error);
    CU_ASSERT(plugin_load(name, &registry, &error) < 0);
    CU_ASSERT_EQUAL(error.status, HAY_EPLUGIN);
    if (!strstr(error.text, text))
        printf("# %s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, text));
    CU_ASSERT_PTR_NULL(strchr(error.text, '\n'));
    CU_ASSERT_EQUAL(registry.plugin_count, 0);
    CU_ASSERT_EQUAL(registry.function_count, 0);
    registry_release(&registry);
}

static void a_good_plugin_loads_with_all_its_details(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL_FATAL(plugin_load("good", &registry, &error), 0);
    const struct hay_pool_plugin *plugin = registry_plugin(&registry, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    CU_ASSERT_STRING_EQUAL(plugin->name, "good");
    CU_ASSERT_STRING_EQUAL(plugin->version, "1.2");
    CU_ASSERT_STRING_EQUAL(plugin->summary, "Nothing wrong with it");
    CU_ASSERT_EQUAL(plugin->path[0], '/');
    CU_ASSERT_EQUAL(plugin->first_function, 0);
    CU_ASSERT_EQUAL(plugin->function_count, 2);
    CU_ASSERT_STRING_EQUAL(registry_function(&registry, 1)->name, "good.nothing");
    CU_ASSERT_STRING_EQUAL(registry_function(&registry, 1)->summary, "No result");
    CU_ASSERT_EQUAL(registry_find(&registry, "good.echo", 9), 0);
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), 0);
    registry_stop_all(&registry);
    registry_release(&registry);
}

static void a_path_loads_too(void)
{
    struct registry registry;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/good.so", fixtures);
    registry_init(&registry);
    CU_ASSERT_EQUAL(plugin_load(path, &registry, &error), 0);
    registry_release(&registry);
}

static void a_plugin_loads_once(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(plugin_load("good", &registry, &error), 0);
    CU_ASSERT_EQUAL(plugin_load("good", &registry, &error), -EEXIST);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "a plugin good is loaded already"));
    CU_ASSERT_EQUAL(registry.function_count, 2);
    registry_release(&registry);
}

static int unused(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    (void)args;
    (void)size;
    return task->host->result(task, "0", 1);
}

static void a_function_of_the_program_is_in_the_way(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(registry_register(&registry, "good.nothing", NULL, unused, NULL), 0);
    CU_ASSERT_EQUAL(plugin_load("good", &registry, &error), -EEXIST);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the program has registered its own function nothing already"));
    CU_ASSERT_EQUAL(registry.function_count, 1);
    CU_ASSERT_EQUAL(registry.plugin_count, 0);
    CU_ASSERT_EQUAL(registry_find(&registry, "good.echo", 9), -1);
    registry_release(&registry);
}

static void each_broken_descriptor_has_its_own_line(void)
{
    expect_refused("no_entry", "/no_entry.so: not a plugin of Hayfork: it has no hay_plugin_entry()");
    expect_refused("null_entry", "its hay_plugin_entry() returned NULL");
    expect_refused("wrong_abi", "built for plugin ABI 2, this is 1");
    expect_refused("short_struct", "its descriptor has 32 bytes, ABI 1 needs 72");
    expect_refused("short_function", "its function_size is 8, ABI 1 needs 32");
    expect_refused("no_name", "its descriptor has no name");
    expect_refused("bad_name", "its name \"Bad name\" is not [a-z]");
    expect_refused("wrong_name", "it calls itself \"other\", so its file has to be other.so");
    expect_refused("no_functions", "it has no functions");
    expect_refused("too_many", "it claims 4294967295 functions, 4096 is the limit");
    expect_refused("too_wordy", "too large: at most 4096 functions in all, and 65536 bytes of text in a plugin");
    expect_refused("unnamed_function", "its function 0 has no name");
    expect_refused("bad_function", "the name of its function 0, \"no-op\", is not [a-z]");
    expect_refused("no_run", "its function noop has no code");
    expect_refused("duplicate_function", "it has two functions named noop");
    expect_refused("unresolved", "/unresolved.so: undefined symbol: symbol_that_nobody_has");
    expect_refused("no_such_plugin", "there is no no_such_plugin.so in ");
}

static void expect_file_refused(const char *name, const void *bytes, size_t size, const char *text)
{
    CU_ASSERT_FATAL(scratch_write(name, bytes, size, 0644));
    expect_refused(scratch_path(name), text);
}

static void each_foreign_file_has_its_own_line(void)
{
    static unsigned char bytes[sizeof good];
    Elf64_Ehdr header;
    expect_file_refused("good.so", "", 0, "/good.so: the file is empty");
    expect_file_refused("good.so", "#!/bin/sh\n", 10, "/good.so: not an ELF file");
    expect_file_refused("good.so", "#", 1, "not an ELF file");
    expect_file_refused("good.so", good, 3, "the ELF file is truncated");
    expect_file_refused("good.so", good, sizeof header - 1, "the ELF file is truncated");
    expect_file_refused("good.so", good, sizeof header, "the ELF file is truncated");
    expect_file_refused("good.so", good, good_size / 2, "the ELF file is truncated");
    expect_file_refused("good.so", good, good_size - 1, "the ELF file is truncated");
    expect_file_refused("Good.so", good, good_size, "not called NAME.so");
    expect_file_refused("good", good, good_size, "not called NAME.so");
    expect_file_refused("best.so", good, good_size, "it calls itself \"good\", so its file has to be good.so");
    expect_refused(scratch_path("none.so"), "there is no such file");

    memcpy(bytes, good, good_size);
    memcpy(&header, good, sizeof header);
    header.e_machine = header.e_machine == EM_S390 ? EM_X86_64 : EM_S390;
    memcpy(bytes, &header, sizeof header);
    expect_file_refused("good.so", bytes, good_size, "built for another machine (64-bit, ELF machine ");
    memcpy(&header, good, sizeof header);
    header.e_ident[EI_CLASS] = header.e_ident[EI_CLASS] == ELFCLASS32 ? ELFCLASS64 : ELFCLASS32;
    memcpy(bytes, &header, sizeof header);
    expect_file_refused("good.so", bytes, good_size, "built for another machine (");
    memcpy(&header, good, sizeof header);
    header.e_type = ET_REL;
    memcpy(bytes, &header, sizeof header);
    expect_file_refused("good.so", bytes, good_size, "an ELF file, but not a shared object");
    memcpy(&header, good, sizeof header);
    header.e_phnum = 0;
    memcpy(bytes, &header, sizeof header);
    expect_file_refused("good.so", bytes, good_size, "its ELF header is damaged");
    memcpy(&header, good, sizeof header);
    header.e_phoff = UINT64_MAX - 8;
    memcpy(bytes, &header, sizeof header);
    expect_file_refused("good.so", bytes, good_size, "the ELF file is truncated");
}

/* Only the header check is run: the dynamic loader itself may die of what passes. */
static void no_cut_of_a_file_harms_the_check(void)
{
    for (size_t size = 0; size < good_size; size += size < 1024 ? 1 : 509) {
        CU_ASSERT_FATAL(scratch_write("cut.so", good, size, 0644));
        CU_ASSERT(plugin_elf_check(scratch_path("cut.so"), &error) < 0);
    }
    CU_ASSERT_FATAL(scratch_write("cut.so", good, good_size, 0644));
    CU_ASSERT_EQUAL(plugin_elf_check(scratch_path("cut.so"), &error), 0);
}

static void a_file_that_everybody_may_write_is_not_loaded(void)
{
    CU_ASSERT_FATAL(scratch_write("good.so", good, good_size, 0666));
    expect_refused(scratch_path("good.so"), "everybody may write");
}

static void run_one(const char *plugin, const char *name, const char *result)
{
    struct registry registry;
    struct task task;
    struct task_options options = {.max_result_bytes = 1024, .worker = 1};
    registry_init(&registry);
    memset(&error, 0, sizeof error);
    CU_ASSERT_EQUAL(plugin_load(plugin, &registry, &error), 0);
    CU_ASSERT_STRING_EQUAL(error.text, "");
    int index = registry_find(&registry, name, strlen(name));
    CU_ASSERT_FATAL(index >= 0);
    task_init(&task, &options);
    task_begin(&task, 7, 2, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, registry_call(&registry, (uint32_t)index), "null", 4), HAY_OUTCOME_OK);
    CU_ASSERT_EQUAL(buffer_size(&task.result), strlen(result));
    CU_ASSERT_NSTRING_EQUAL(buffer_at(&task.result), result, strlen(result));
    task_release(&task);
    registry_release(&registry);
}

static void a_plugin_from_the_future_runs(void)
{
    run_one("long_struct", "long_struct.one", "1");
    run_one("long_struct", "long_struct.three", "3");
}

static void a_plugin_of_the_first_abi_runs(void)
{
    run_one("frozen_v1", "frozen_v1.all", "\"v1\"");
}

static void a_plugin_that_refuses_to_start_says_so(void)
{
    struct registry registry;
    registry_init(&registry);
    CU_ASSERT_EQUAL(plugin_load("good", &registry, &error), 0);
    CU_ASSERT_EQUAL(plugin_load("start_fails", &registry, &error), 0);
    CU_ASSERT_EQUAL(registry_start_all(&registry, &error), -ECANCELED);
    CU_ASSERT_EQUAL(error.status, HAY_EPLUGIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/start_fails.so: its start() refused with 5"));
    CU_ASSERT(!registry.plugins[0]->is_started);
    registry_release(&registry);
}

/* Load it in a child, as the pool does; the child leaves with 0 when that went well. */
static pid_t load_in_child(const char *name)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct registry registry;
        registry_init(&registry);
        signal(SIGSEGV, SIG_DFL);
        CHILD_CHECK(plugin_load(name, &registry, NULL) == 0);
        _exit(0);
    }
    return pid;
}

static void a_constructor_that_crashes_costs_only_the_child(void)
{
    int status = 0;
    pid_t pid = load_in_child("ctor_crash");
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void a_constructor_that_exits_costs_only_the_child(void)
{
    int status = 0;
    pid_t pid = load_in_child("ctor_exit");
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void a_constructor_that_hangs_can_be_killed(void)
{
    int ends[2], status = 0;
    char number[16], byte = 0;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    snprintf(number, sizeof number, "%d", ends[1]);
    setenv("HAY_TEST_HANG_FD", number, 1);
    pid_t pid = load_in_child("ctor_hang");
    close(ends[1]);
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&wait, 1, 10000), 1);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 'h');
    CU_ASSERT_EQUAL(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ends[0]);
    unsetenv("HAY_TEST_HANG_FD");
}

/* As a pool does it: a child loads and packs, the master unpacks, a worker builds the same with code. */
static void a_worker_builds_the_table_of_the_master(void)
{
    struct registry child, master, worker;
    struct buffer bytes;
    registry_init(&child);
    registry_init(&master);
    registry_init(&worker);
    buffer_init(&bytes);
    CU_ASSERT_EQUAL(registry_register(&master, "own.first", "Mine", unused, NULL), 0);
    CU_ASSERT_EQUAL(plugin_load("good", &child, &error), 0);
    CU_ASSERT_EQUAL(registry_pack(&child, 0, &bytes), 0);
    CU_ASSERT_EQUAL(registry_unpack(&master, buffer_at(&bytes), buffer_size(&bytes)), 0);
    CU_ASSERT_EQUAL(registry_register(&master, "own.last", NULL, unused, NULL), 3);
    CU_ASSERT_PTR_NULL(registry_call(&master, 1));
    CU_ASSERT_PTR_NOT_NULL(registry_call(&master, 0));

    CU_ASSERT_EQUAL(plugin_load_all(&master, &worker, &error), 0);
    CU_ASSERT(registry_equal(&master, &worker));
    for (uint32_t i = 0; i < 4; i++)
        CU_ASSERT_PTR_NOT_NULL(registry_call(&worker, i));
    CU_ASSERT_STRING_EQUAL(registry_plugin(&worker, 0)->path, registry_plugin(&master, 0)->path);
    registry_release(&worker);
    registry_release(&master);
    registry_release(&child);
    buffer_release(&bytes);
}

static void a_plugin_that_changed_since_the_check_is_refused(void)
{
    struct registry table, worker;
    char path[PATH_MAX];
    registry_init(&table);
    registry_init(&worker);
    snprintf(path, sizeof path, "%s/good.so", fixtures);
    CU_ASSERT(registry_open_plugin(&table, (struct hay_span){"good", 4}, (struct hay_span){0}, (struct hay_span){0},
                                   (struct hay_span){path, strlen(path)}, NULL) >= 0);
    CU_ASSERT(registry_append(&table, (struct hay_span){"echo", 4}, (struct hay_span){0}, NULL) >= 0);
    CU_ASSERT_EQUAL(plugin_load_all(&table, &worker, &error), -ESTALE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "it has other functions now"));
    registry_release(&worker);
    CU_ASSERT(registry_append(&table, (struct hay_span){"other", 5}, (struct hay_span){0}, NULL) >= 0);
    CU_ASSERT_EQUAL(plugin_load_all(&table, &worker, &error), -ESTALE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "a plugin has other functions now"));
    registry_release(&worker);
    registry_release(&table);
}

static void every_failed_allocation_is_survived(void)
{
    int status = -ENOMEM;
    for (long n = 0; status == -ENOMEM && n < 100; n++) {
        struct registry registry;
        registry_init(&registry);
        memset(&error, 0, sizeof error);
        allocations_left = n;
        status = plugin_load("good", &registry, &error);
        allocations_left = -1;
        CU_ASSERT(status == 0 || status == -ENOMEM);
        CU_ASSERT_EQUAL(error.status, status ? HAY_ENOMEM : HAY_OK);
        CU_ASSERT_EQUAL(registry.plugin_count, status ? 0 : 1);
        CU_ASSERT_EQUAL(registry.function_count, status ? 0 : 2);
        registry_release(&registry);
    }
    CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a_good_plugin_loads_with_all_its_details", a_good_plugin_loads_with_all_its_details},
        {"a_path_loads_too", a_path_loads_too},
        {"a_plugin_loads_once", a_plugin_loads_once},
        {"a_function_of_the_program_is_in_the_way", a_function_of_the_program_is_in_the_way},
        {"each_broken_descriptor_has_its_own_line", each_broken_descriptor_has_its_own_line},
        {"each_foreign_file_has_its_own_line", each_foreign_file_has_its_own_line},
        {"no_cut_of_a_file_harms_the_check", no_cut_of_a_file_harms_the_check},
        {"a_file_that_everybody_may_write_is_not_loaded", a_file_that_everybody_may_write_is_not_loaded},
        {"a_plugin_from_the_future_runs", a_plugin_from_the_future_runs},
        {"a_plugin_of_the_first_abi_runs", a_plugin_of_the_first_abi_runs},
        {"a_plugin_that_refuses_to_start_says_so", a_plugin_that_refuses_to_start_says_so},
        {"a_constructor_that_crashes_costs_only_the_child", a_constructor_that_crashes_costs_only_the_child},
        {"a_constructor_that_exits_costs_only_the_child", a_constructor_that_exits_costs_only_the_child},
        {"a_constructor_that_hangs_can_be_killed", a_constructor_that_hangs_can_be_killed},
        {"a_worker_builds_the_table_of_the_master", a_worker_builds_the_table_of_the_master},
        {"a_plugin_that_changed_since_the_check_is_refused", a_plugin_that_changed_since_the_check_is_refused},
        {"every_failed_allocation_is_survived", every_failed_allocation_is_survived},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"plugin_load", setup, teardown, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
