#!/bin/sh
# SPDX-License-Identifier: MIT
#
# C++: an exception that leaves the function of a child, or of a worker, ends that process by SIGABRT. A handler around the start,
# whose frame the child has too, never sees it. CXX may come from the environment.
set -u
src=${top_srcdir:-.}
lib=${top_builddir:-.}/.libs
cxx=${CXX:-c++}
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT

cat >"$folder/throws.cc" <<'END'
#include <hayfork.h>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <sys/mman.h>

static int *caught;

static int child(void *)
{
    throw std::runtime_error("from a child");
}

static int job(hay_task *, const hay_function *, const void *, size_t)
{
    throw std::runtime_error("from a job");
}

static void on_result(void *context, const hay_result *result)
{
    *static_cast<bool *>(context) = result->outcome == HAY_OUTCOME_CRASH && result->signal == SIGABRT;
}

static bool a_child_is_aborted()
{
    hay_exit how = hay_exit();
    hay_process *process = hay_process_new(child, nullptr, nullptr, nullptr);
    return hay_process_start(process, nullptr) == HAY_OK && hay_process_join(process, 60000, &how, nullptr) == HAY_OK &&
           hay_process_free(process) == HAY_OK && how.kind == HAY_EXIT_SIGNAL && how.value == SIGABRT;
}

static bool a_job_is_a_crash()
{
    bool crashed = false;
    hay_pool_options options = hay_pool_options();
    options.workers = 1;
    options.on_result = on_result;
    options.context = &crashed;
    hay_pool *pool = hay_pool_new(&options, nullptr);
    hay_job work = hay_job();
    work.function = "my.job";
    bool ran = hay_pool_register(pool, "my.job", "throws", job, nullptr, nullptr) == HAY_OK &&
               hay_pool_start(pool, nullptr) == HAY_OK && hay_pool_submit(pool, &work, -1, nullptr, nullptr) == HAY_OK;
    hay_pool_close(pool);
    hay_pool_join(pool, 60000);
    hay_pool_free(pool);
    return ran && crashed;
}

static void say(int number, bool passed, const char *name)
{
    std::printf("%s %d - %s\n", passed ? "ok" : "not ok", number, name);
    std::fflush(stdout);
}

int main()
{
    caught = static_cast<int *>(mmap(nullptr, sizeof *caught, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    std::puts("1..3");
    try {
        say(1, a_child_is_aborted(), "an exception that leaves a child's function is SIGABRT");
        say(2, a_job_is_a_crash(), "one that leaves a job's function is a crash");
    } catch (const std::exception &) {
        ++*caught;
        return 1;
    }
    say(3, *caught == 0, "a handler around the start sees neither");
}
END

# shellcheck disable=SC2086 # a compiler may be several words
if [ -n "${HAY_SANITIZED:-}" ] || ! echo '#include <stdexcept>' | $cxx -x c++ -std=c++17 -fsyntax-only - 2>/dev/null; then
    echo "1..0 # SKIP no C++ compiler here, or sanitizers, which it would need too"
    exit 0
fi
# shellcheck disable=SC2086
$cxx -std=c++17 -I"$src/include" -o "$folder/throws" "$folder/throws.cc" -L"$lib" -Wl,-rpath,"$lib" -lhayfork || exit 99
"$folder/throws"
