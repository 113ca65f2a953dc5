/* SPDX-License-Identifier: MIT
 *
 * Looks for a plugin's file and decides whether it may be used at all. A file that is found but not acceptable ends the search:
 * falling through to the next directory would load another plugin than the operator sees. What is in the file is left to
 * plugin_elf.c and plugin_load.c.
 */
#include "plugin/plugin_find.h"

#include "plugin/plugin_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make `path` absolute in place. 0 or -errno. */
static int make_absolute(char *path, size_t size)
{
    if (path[0] == '/')
        return 0;
    const char *rest = path;
    while (rest[0] == '.' && rest[1] == '/')
        for (rest += 2; *rest == '/';)
            rest++;
    char *directory = getcwd(NULL, 0);
    if (!directory)
        return -errno;
    size_t front = strlen(directory), back = strlen(rest);
    const char *slash = front && directory[front - 1] == '/' ? "" : "/";
    int status = 0;
    if (front + strlen(slash) + back >= size) {
        status = -ENAMETOOLONG;
    } else {
        memmove(path + front + strlen(slash), rest, back + 1);
        memcpy(path, directory, front);
        memcpy(path + front, slash, strlen(slash));
    }
    free(directory);
    return status;
}

/* `path` is there: may it be used? */
static int accept_file(char *path, size_t size, const struct stat *status, struct hay_error *error)
{
    if (S_ISDIR(status->st_mode))
        return plugin_text_refuse(error, EISDIR, path, "is a directory, not a file");
    if (!S_ISREG(status->st_mode))
        return plugin_text_refuse(error, EINVAL, path, "not a regular file");
    if (status->st_mode & S_IWOTH)
        return plugin_text_refuse(error, EPERM, path, "refused: everybody may write to this file (chmod o-w)");
    int failure = make_absolute(path, size);
    if (failure)
        return plugin_text_refuse(error, -failure, path, "its absolute path cannot be had: %s", strerrordesc_np(-failure));
    return 0;
}

static int find_path(const char *name, char *path, size_t size, struct hay_error *error)
{
    struct stat status;
    if (strlen(name) >= size)
        return plugin_text_refuse(error, ENAMETOOLONG, name, "the path is too long");
    memcpy(path, name, strlen(name) + 1);
    if (stat(path, &status) == 0)
        return accept_file(path, size, &status, error);
    int failure = errno;
    if (failure == ENOENT)
        return plugin_text_refuse(error, failure, path, "there is no such file");
    return plugin_text_refuse(error, failure, path, "cannot be looked at: %s", strerrordesc_np(failure));
}

/* One search: what was tried, for the message, and the first failure that is not just "not there". */
struct search {
    const char *name;
    char tried[128];
    int failure;
    char failed_path[256];
};

static void search_note(struct search *search, const char *path, const char *directory, int size, int failure)
{
    size_t used = strlen(search->tried), room = sizeof search->tried - used;
    const char *between = used ? ", " : "";
    if (strlen(between) + (size_t)size + sizeof ", ..." < room)
        snprintf(search->tried + used, room, "%s%.*s", between, size, directory);
    else if (used < 3 || strcmp(search->tried + used - 3, "..."))
        snprintf(search->tried + used, room, "%s...", between);
    if (!search->failure && failure != ENOENT && failure != ENOTDIR) {
        search->failure = failure;
        snprintf(search->failed_path, sizeof search->failed_path, "%s", path);
    }
}

/* Is NAME.so in this directory? 0 with `path` filled, 1 when it is not there, or -errno. */
static int search_directory(struct search *search, const char *directory, int length, char *path, size_t size,
                            struct hay_error *error)
{
    struct stat status;
    int needed = snprintf(path, size, "%.*s/%s.so", length, directory, search->name);
    if (needed < 0 || (size_t)needed >= size) {
        search_note(search, path, directory, length, ENAMETOOLONG);
        return 1;
    }
    if (stat(path, &status)) {
        search_note(search, path, directory, length, errno);
        return 1;
    }
    return accept_file(path, size, &status, error);
}

static int find_name(const char *name, char *path, size_t size, struct hay_error *error)
{
    struct search search = {.name = name};
    const char *list = getauxval(AT_SECURE) ? NULL : getenv("HAYFORK_PLUGIN_PATH");
    while (list && *list) {
        size_t length = strcspn(list, ":");
        if (length) {
            int found = search_directory(&search, list, length > 4096 ? 4096 : (int)length, path, size, error);
            if (found <= 0)
                return found;
        }
        list += length + (list[length] == ':');
    }
    int found = search_directory(&search, HAY_PLUGIN_DIR, (int)strlen(HAY_PLUGIN_DIR), path, size, error);
    if (found <= 0)
        return found;
    if (search.failure)
        return plugin_text_refuse(error, search.failure, name, "not found, and one place cannot be looked at (%s): %s",
                                  strerrordesc_np(search.failure), search.failed_path);
    return plugin_text_refuse(error, ENOENT, name, "there is no %s.so in %s", name, search.tried);
}

int plugin_find(const char *name, char *path, size_t size, struct hay_error *error)
{
    if (!name || !*name)
        return plugin_text_refuse(error, EINVAL, "\"\"", "a plugin's name is needed, or the path of its file");
    if (strchr(name, '/'))
        return find_path(name, path, size, error);
    size_t length = strlen(name);
    if (plugin_text_is_name(name, length))
        return find_name(name, path, size, error);
    if (length > 3 && !strcmp(name + length - 3, ".so"))
        return plugin_text_refuse(error, EINVAL, name, "not a plugin's name; for a file in this directory write ./%.64s", name);
    return plugin_text_refuse(error, EINVAL, name, "not a plugin's name ([a-z][a-z0-9_]*, at most %d bytes)", PLUGIN_NAME_MAX);
}
