/* SPDX-License-Identifier: MIT
 *
 * `hayfork check`: loads the plugins, scans every line and runs nothing. What it reports is what a run would reject. Without
 * any plugin the lines alone are checked, not the names of their functions.
 */
#include "cli/cli.h"
#include "cli/functions.h"
#include "cli/help.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/say.h"

#include <hayfork/jobline.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHECK_CONFIG 256

static const struct option_spec check_specs[] = {
    { 'p', "plugin", true },
    { CHECK_CONFIG, "config", true },
    { 'f', "function", true },
    { 'h', "help", false },
    { 0, NULL, false },
};

struct check {
    struct option_list plugins, configs, files;
    const char *function;
    struct hay_pool *pool;
    struct input input;
    uint64_t lines, bad;
};

static void check_report(struct check *check, const struct input_line *line, size_t column, const char *reason)
{
    char name[1024], text[1024];
    check->bad++;
    printf("%s:%" PRIu64 ":%zu: %s\n", say_escape(name, sizeof name, line->name, strlen(line->name)), line->file_number, column,
           say_escape(text, sizeof text, reason, strlen(reason)));
}

static void check_line(struct check *check, const struct input_line *line)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    char text[2 * HAY_FUNCTION_NAME_MAX + 64];
    check->lines++;
    if (line->too_long) {
        size_t column = input_explain_long(text, sizeof text);
        check_report(check, line, column, text);
    } else if (hay_jobline_scan(line->at, line->size, &job, &fault) != HAY_OK) {
        check_report(check, line, fault.column, fault.reason);
    } else if (!job.fn_column) {
        if (!check->function)
            check_report(check, line, 1, FUNCTIONS_NONE);
    } else if ((check->plugins.count || check->function) && hay_pool_find(check->pool, job.fn, job.fn_size) < 0) {
        functions_explain(check->pool, job.fn, job.fn_size, text, sizeof text);
        check_report(check, line, job.fn_column, text);
    }
}

static int check_scan(struct check *check)
{
    struct input_line line;
    enum input_event event = INPUT_END;
    while (!ferror(stdout) && ((event = input_next(&check->input, &line)) == INPUT_LINE || event == INPUT_AGAIN)) {
        if (event == INPUT_LINE)
            check_line(check, &line);
        else if (!fflush(stdout))
            input_wait(&check->input);
    }
    int failed = event == INPUT_FAILED ? input_say_failure(&check->input) : CLI_OK;
    int code = say_stream_done(stdout, failed ? failed : check->bad ? CLI_NOT_OK : CLI_OK);
    say("%" PRIu64 " line%s, %" PRIu64 " bad%s", check->lines, check->lines == 1 ? "" : "s", check->bad,
        check->plugins.count || check->function ? "" : "; functions not checked: no -p");
    return code;
}

static int check_run(struct check *check)
{
    struct hay_error error = { .status = HAY_OK };
    struct hay_pool_options options = { .workers = 1 };
    int code, index;
    check->pool = hay_pool_new(&options, &error);
    if (!check->pool) {
        say("%s", error.text);
        return CLI_STOPPED;
    }
    if (!input_open(&check->input, check->files.items, check->files.count, STDIN_FILENO)) {
        code = input_say_failure(&check->input);
    } else if (!(code = functions_load(check->pool, &check->plugins, &check->configs, check->function, &index))) {
        code = check_scan(check);
    }
    input_close(&check->input);
    hay_pool_free(check->pool);
    return code;
}

/* -1, or the exit code after a fault or --help. */
static int check_options(struct check *check, int argc, char **argv)
{
    struct options reader;
    int key;
    options_init(&reader, check_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("check");
        if (key == OPTIONS_FAULT)
            return CLI_USAGE;
        if (key == 'f')
            check->function = reader.value;
        else
            option_list_add(key == 'p' ? &check->plugins : key == CHECK_CONFIG ? &check->configs : &check->files, reader.value);
    }
    return -1;
}

int check_main(int argc, char **argv)
{
    struct check check = { .function = NULL };
    int code;
    if (!option_list_init(&check.plugins, argc) || !option_list_init(&check.configs, argc) ||
        !option_list_init(&check.files, argc))
        code = say_no_memory();
    else if ((code = check_options(&check, argc, argv)) < 0)
        code = check_run(&check);
    option_list_release(&check.plugins);
    option_list_release(&check.configs);
    option_list_release(&check.files);
    return code;
}
