/* SPDX-License-Identifier: MIT
 *
 * The registry as bytes: what a checking child sends to the master, and a worker in its READY frame. Both ends are one machine
 * and one program, so numbers are 32-bit in its own byte order. A text is its size and its bytes.
 *
 *     table     = magic, function count, plugin count, group...
 *     group     = n (1 and up), flags, name, version, summary, path, n x (name, summary)      a plugin
 *               | 0, "group.name", summary                                                   a function of the program
 *     flags     = bit 0: it has a configure()
 *
 * Groups stand in the order of their functions. Reading believes nothing: every size is checked against what is left, every name
 * against the grammar, and the whole has to end exactly where the bytes do.
 */
#include "plugin/registry.h"

#include <errno.h>
#include <string.h>

#define TABLE_MAGIC UINT32_C(0x54594148) /* "HAYT" */
#define PLUGIN_IS_CONFIGURABLE 1u

static int put_number(struct buffer *out, uint32_t number)
{
    return buffer_append(out, &number, sizeof number);
}

static int put_text(struct buffer *out, const char *text)
{
    size_t size = strlen(text);
    int status = put_number(out, (uint32_t)size);
    return status ? status : buffer_append(out, text, size);
}

static int put_plugin(struct buffer *out, const struct registry *registry, const struct hay_pool_plugin *plugin)
{
    int status = put_number(out, (uint32_t)plugin->function_count);
    if (!status)
        status = put_number(out, plugin->is_configurable ? PLUGIN_IS_CONFIGURABLE : 0);
    const char *const texts[] = {plugin->name, plugin->version, plugin->summary, plugin->path};
    for (size_t i = 0; !status && i < sizeof texts / sizeof texts[0]; i++)
        status = put_text(out, texts[i]);
    for (int i = 0; !status && i < plugin->function_count; i++) {
        const struct registry_function *function = registry->functions[plugin->first_function + i];
        status = put_text(out, function->short_name);
        if (!status)
            status = put_text(out, function->shown.summary);
    }
    return status;
}

static int put_registered(struct buffer *out, const struct hay_pool_function *function)
{
    int status = put_number(out, 0);
    if (!status)
        status = put_text(out, function->name);
    return status ? status : put_text(out, function->summary);
}

int registry_pack(const struct registry *registry, int first, struct buffer *out)
{
    size_t before = buffer_size(out);
    uint32_t plugins = 0;
    for (int i = 0; i < registry->plugin_count; i++)
        plugins += registry->plugins[i]->shown.first_function >= first;
    int status = put_number(out, TABLE_MAGIC);
    if (!status)
        status = put_number(out, (uint32_t)(registry->function_count - first));
    if (!status)
        status = put_number(out, plugins);
    for (int i = first; !status && i < registry->function_count;) {
        const struct registry_function *function = registry->functions[i];
        if (function->plugin < 0) {
            status = put_registered(out, &function->shown);
            i++;
        } else {
            const struct hay_pool_plugin *plugin = &registry->plugins[function->plugin]->shown;
            status = put_plugin(out, registry, plugin);
            i += plugin->function_count;
        }
    }
    if (status)
        buffer_truncate(out, before);
    return status;
}

struct reader {
    const char *at;
    size_t left;
    bool is_bad; /* once set, everything read is 0 or empty */
};

static uint32_t take_number(struct reader *reader)
{
    uint32_t number = 0;
    if (reader->left < sizeof number) {
        reader->is_bad = true;
        reader->left = 0;
        return 0;
    }
    memcpy(&number, reader->at, sizeof number);
    reader->at += sizeof number;
    reader->left -= sizeof number;
    return number;
}

static struct hay_span take_text(struct reader *reader)
{
    size_t size = take_number(reader);
    if (size > reader->left || size > REGISTRY_TEXT_MAX || (size && memchr(reader->at, '\0', size))) {
        reader->is_bad = true;
        reader->left = 0;
    }
    if (reader->is_bad)
        return (struct hay_span){"", 0};
    struct hay_span span = {reader->at, size};
    reader->at += size;
    reader->left -= size;
    return span;
}

static int take_plugin(struct registry *registry, struct reader *reader, uint32_t count)
{
    uint32_t flags = take_number(reader);
    struct hay_span name = take_text(reader), version = take_text(reader), summary = take_text(reader), path = take_text(reader);
    if (reader->is_bad || flags > PLUGIN_IS_CONFIGURABLE)
        return -EPROTO;
    int status = registry_open_plugin(registry, name, version, summary, path, NULL);
    if (status >= 0)
        registry->plugins[status]->shown.is_configurable = flags & PLUGIN_IS_CONFIGURABLE;
    for (uint32_t i = 0; status >= 0 && i < count; i++) {
        name = take_text(reader);
        summary = take_text(reader);
        status = reader->is_bad ? -EPROTO : registry_append(registry, name, summary, NULL);
    }
    return status < 0 ? status : 0;
}

static int take_registered(struct registry *registry, struct reader *reader)
{
    struct hay_span name = take_text(reader), summary = take_text(reader);
    int status = reader->is_bad ? -EPROTO : registry_reserve(registry, name, summary);
    return status < 0 ? status : 0;
}

int registry_unpack(struct registry *registry, const void *bytes, size_t size)
{
    struct reader reader = {.at = bytes, .left = size};
    int functions = registry->function_count, plugins = registry->plugin_count, status = 0;
    uint32_t magic = take_number(&reader), function_count = take_number(&reader), plugin_count = take_number(&reader);
    if (reader.is_bad || magic != TABLE_MAGIC || function_count > REGISTRY_FUNCTIONS_MAX || plugin_count > function_count)
        return -EPROTO;
    while (!status && reader.left && !reader.is_bad) {
        uint32_t count = take_number(&reader);
        if (count > REGISTRY_FUNCTIONS_MAX)
            status = -EPROTO;
        else
            status = count ? take_plugin(registry, &reader, count) : take_registered(registry, &reader);
    }
    if (!status && (reader.is_bad || (uint32_t)(registry->function_count - functions) != function_count ||
                    (uint32_t)(registry->plugin_count - plugins) != plugin_count))
        status = -EPROTO;
    if (!status)
        return 0;
    registry_truncate(registry, functions, plugins);
    return status == -ENOMEM ? -ENOMEM : -EPROTO;
}
