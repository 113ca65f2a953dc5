/* SPDX-License-Identifier: MIT
 *
 * `hayfork new NAME`: makes the folder NAME with a plugin that works, a Makefile that builds, tries and installs it by pkg-config
 * alone, and jobs with the results they should have. Nothing is written over; what cannot be made whole is taken away again.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/say.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_NAME_MAX 64 /* bytes of a plugin's name */

static const struct option_spec new_specs[] = {
    { 'h', "help", false },
    { 0, NULL, false },
};

/* In names and texts ~ stands for the name. */
static const char new_source[] =
    "/* The plugin ~: `make check` builds and tries it. */\n"
    "#include <hayfork/plugin_json.h>\n"
    "\n"
    "/* Runs once for each job, in a worker process. `args` are borrowed and can be any JSON value: check what you use. "
    "The result\n"
    " * is a new reference. A crash in here costs this job only. */\n"
    "static json_t *greet(hay_task *task, json_t *args)\n"
    "{\n"
    "    json_t *name = json_object_get(args, \"name\");\n"
    "    if (!json_is_string(name))\n"
    "        return hay_fail(task, \"args need a string \\\"name\\\"\");\n"
    "    return json_pack(\"{s:O}\", \"hello\", name);\n"
    "}\n"
    "\n"
    "HAY_PLUGIN(~, \"0.1\", \"What it is for, in a line\",\n"
    "    HAY_JSON(greet, \"Greets: {\\\"name\\\"}\"))\n";

static const char new_makefile[] =
    "# Needs GNU make, a C compiler, pkg-config, and the headers of Hayfork and jansson. "
    "Where Hayfork is not under a system prefix:\n"
    "# make PKG_CONFIG_PATH=PREFIX/lib/pkgconfig HAYFORK=PREFIX/bin/hayfork\n"
    "export PKG_CONFIG_PATH\n"
    "PKG_CONFIG ?= pkg-config\n"
    "HAYFORK ?= hayfork\n"
    "CFLAGS ?= -O2 -g -Wall -Wextra\n"
    "\n"
    "# Hayfork itself is not linked: a plugin needs its headers only.\n"
    "~.so: ~.c\n"
    "\t$(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) -fPIC -shared -fvisibility=hidden $$($(PKG_CONFIG) --cflags hayfork jansson) \\\n"
    "\t    $(LDFLAGS) -o $@ ~.c $$($(PKG_CONFIG) --libs jansson) $(LDLIBS)\n"
    "\n"
    "# The results of jobs.jsonl have to be those in expected.jsonl.\n"
    "check: ~.so\n"
    "\t$(HAYFORK) check -p ./~.so jobs.jsonl\n"
    "\t$(HAYFORK) run -j 1 -k -p ./~.so jobs.jsonl | diff expected.jsonl -\n"
    "\n"
    "# From then on the name is enough: hayfork run -p ~\n"
    "install: ~.so\n"
    "\tdir=$$($(PKG_CONFIG) --variable=plugindir hayfork) && test -n \"$$dir\" && "
    "install -D -m 755 ~.so \"$(DESTDIR)$$dir/~.so\"\n"
    "\n"
    "clean:\n"
    "\trm -f ~.so\n"
    "\n"
    ".PHONY: check install clean\n";

static const char new_jobs[] =
    "{\"id\":1,\"fn\":\"~.greet\",\"args\":{\"name\":\"Ada\"}}\n"
    "{\"id\":2,\"fn\":\"~.greet\",\"args\":{}}\n";

static const char new_expected[] =
    "{\"id\":1,\"status\":\"ok\",\"result\":{\"hello\":\"Ada\"}}\n"
    "{\"id\":2,\"status\":\"error\",\"error\":{\"message\":\"args need a string \\\"name\\\"\"}}\n";

static const struct new_file {
    const char *name, *text;
} new_files[] = {
    { "~.c", new_source }, { "Makefile", new_makefile }, { "jobs.jsonl", new_jobs }, { "expected.jsonl", new_expected },
};
#define NEW_FILES (sizeof new_files / sizeof new_files[0])

static bool new_is_name(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return size && size <= NEW_NAME_MAX && !name[size] && name[0] >= 'a' && name[0] <= 'z';
}

static void new_write_text(FILE *file, const char *text, const char *name)
{
    for (size_t part; *text; text += part) {
        part = strcspn(text, "~");
        fwrite(text, 1, part, file);
        for (; text[part] == '~'; part++)
            fputs(name, file);
    }
}

static void new_path(char *path, size_t size, const struct new_file *file, const char *name)
{
    bool is_source = file->name[0] == '~';
    snprintf(path, size, "%s/%s%s", name, is_source ? name : "", file->name + is_source);
}

/* 0 or errno. */
static int new_write(const struct new_file *file, const char *name)
{
    char path[2 * NEW_NAME_MAX + 32];
    new_path(path, sizeof path, file, name);
    FILE *stream = fopen(path, "wxe");
    if (!stream)
        return errno;
    errno = 0;
    new_write_text(stream, file->text, name);
    int error = ferror(stream) ? errno : 0;
    if (fclose(stream) && !error)
        error = errno;
    if (error)
        unlink(path);
    return error;
}

static void new_take_away(const char *name, size_t count)
{
    char path[2 * NEW_NAME_MAX + 32];
    for (size_t i = 0; i < count; i++) {
        new_path(path, sizeof path, &new_files[i], name);
        unlink(path);
    }
    rmdir(name);
}

static int new_make(const char *name)
{
    if (mkdir(name, 0777)) {
        say("cannot make the folder %s: %s", name, strerror(errno));
        return CLI_OUTPUT;
    }
    for (size_t i = 0; i < NEW_FILES; i++) {
        int error = new_write(&new_files[i], name);
        if (error) {
            say("cannot write into the folder %s: %s", name, strerror(error));
            new_take_away(name, i);
            return CLI_OUTPUT;
        }
    }
    say("made %s: %s.c, Makefile, jobs.jsonl, expected.jsonl", name, name);
    say("try it: make -C %s check", name);
    return CLI_OK;
}

int new_main(int argc, char **argv)
{
    struct options reader;
    const char *name = NULL;
    int key;
    options_init(&reader, new_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("new");
        if (key == OPTIONS_FAULT)
            return CLI_USAGE;
        if (name)
            return say_usage("one name at a time: '%s' is too much", reader.value);
        name = reader.value;
    }
    if (!name)
        return say_usage("a name for the plugin is needed");
    if (!new_is_name(name))
        return say_usage("'%s' is no name for a plugin: [a-z][a-z0-9_]*, at most %d bytes", name, NEW_NAME_MAX);
    return new_make(name);
}
