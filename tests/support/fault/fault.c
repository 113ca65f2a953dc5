/* SPDX-License-Identifier: MIT
 *
 * A plugin that does on command whatever a bad plugin may do to its host. Built for `make check` only.
 *
 * fault.ok returns null. fault.act takes one string of acts, run in order, such as "first; beacon; raise SEGV": see the tables
 * of acts. A job whose acts all go on returns null. The environment breaks the hooks: HAY_FAULT_START and HAY_FAULT_STOP.
 */
#include "fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACTS_SIZE 512

long word_number(const char *word, long otherwise)
{
    return *word ? strtol(word, NULL, 0) : otherwise;
}

void wait_for_ever(void)
{
    for (;;)
        pause();
}

void each_socket(void (*use)(int fd, void *context), void *context)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat status;
        int fd = atoi(entry->d_name);
        if (fd >= 3 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
            use(fd, context);
    }
    closedir(dir);
}

/* Only the first attempt goes on. */
static enum act_end act_first(hay_task *task, const char *const words[])
{
    (void)words;
    if (task->attempt == 1)
        return ACT_GO_ON;
    task->host->result(task, "null", 4);
    return ACT_DONE;
}

/* One byte more in the file HAY_FAULT_BEACON tells the test that this point was reached. */
static enum act_end act_beacon(hay_task *task, const char *const words[])
{
    const char *path = getenv("HAY_FAULT_BEACON");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    (void)words;
    if (fd < 0 || write(fd, "b", 1) != 1) {
        task->host->fail(task, "the beacon cannot be written");
        return ACT_FAILED;
    }
    close(fd);
    return ACT_GO_ON;
}

static const struct act acts_of_order[] = {
    {"first", act_first},
    {"beacon", act_beacon},
    {NULL, NULL},
};

static act_fn *find(const char *name)
{
    const struct act *const tables[] = {acts_of_order, acts_of_life, acts_of_output, acts_of_family, acts_of_war};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct act *act = tables[i]; act->name; act++)
            if (strcmp(act->name, name) == 0)
                return act->run;
    return NULL;
}

static enum act_end run_one(hay_task *task, char *text)
{
    const char *words[1 + ACT_WORDS] = {"", "", "", "", ""};
    char *rest, *word = strtok_r(text, " ", &rest);
    for (size_t i = 0; word && i < 1 + ACT_WORDS; i++, word = strtok_r(NULL, " ", &rest))
        words[i] = word;
    act_fn *run = find(words[0]);
    if (!run) {
        task->host->fail(task, "no such act");
        return ACT_FAILED;
    }
    return run(task, words + 1);
}

static int act(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[ACTS_SIZE];
    const char *bytes = args;
    war_begin();
    (void)function;
    if (size < 2 || size > sizeof text || bytes[0] != '"')
        return task->host->fail(task, "args are one short string of acts");
    memcpy(text, bytes + 1, size - 2);
    text[size - 2] = '\0';
    char *rest;
    for (char *one = strtok_r(text, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
        enum act_end end = run_one(task, one);
        if (end != ACT_GO_ON)
            return end == ACT_DONE ? 0 : -1;
    }
    return task->host->result(task, "null", 4);
}

static int ok(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    return task->host->result(task, "null", 4);
}

static int obey(const char *order)
{
    if (!order || !*order)
        return 0;
    if (strcmp(order, "crash") == 0)
        abort();
    if (strcmp(order, "hang") == 0)
        wait_for_ever();
    if (strcmp(order, "slow") == 0)
        sleep(2);
    if (strcmp(order, "exit") == 0)
        _exit(0);
    if (strcmp(order, "exit_121") == 0)
        _exit(121);
    if (strcmp(order, "close") == 0) /* as what makes a daemon of itself does */
        for (int fd = 3; fd < 65536; fd++)
            close(fd);
    if (strcmp(order, "lie") == 0) {
        war_lie();
        abort();
    }
    if (strncmp(order, "once:", 5) == 0 && unlink(order + 5) == 0) /* the one who unlinks the file is the only one */
        abort();
    return strcmp(order, "fail") == 0;
}

static int configure(const char *json)
{
    (void)json;
    return obey(getenv("HAY_FAULT_CONFIGURE"));
}

static int start(void)
{
    war_prepare();
    return obey(getenv("HAY_FAULT_START"));
}

static void stop(void)
{
    obey(getenv("HAY_FAULT_STOP"));
}

HAY_PLUGIN_HOOKS(fault, "1.0", "Faults on command, for tests", start, stop, configure,
    HAY_FUNCTION(ok, "Null"),
    HAY_FUNCTION(act, "Do what the string says"))
