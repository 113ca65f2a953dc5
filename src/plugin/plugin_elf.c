/* SPDX-License-Identifier: MIT
 *
 * Reads the ELF header and the program headers, nothing else, each with its bounds checked against the file's size.
 * "This machine" is what the header of our own object says: the linker offers it as __ehdr_start. It guarantees no more than
 * that the loader finds what the headers promise; the rest is the loader's to judge.
 */
#include "plugin/plugin_elf.h"

#include "base/fd.h"
#include "plugin/plugin_text.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX 512

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool is_within(uint64_t offset, uint64_t size, uint64_t file_size)
{
    return offset <= file_size && size <= file_size - offset;
}

/* Fill `bytes` from `offset`: false at the end of the file or on an error. */
static bool read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = pread(fd, (char *)bytes + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static int check_header(const char *path, const ElfW(Ehdr) *header, uint64_t file_size, struct hay_error *error)
{
    const ElfW(Ehdr) *own = &__ehdr_start;
    if (header->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] || header->e_ident[EI_DATA] != own->e_ident[EI_DATA] ||
        header->e_machine != own->e_machine)
        return plugin_text_refuse(error, ENOEXEC, path, "built for another machine (%d-bit, ELF machine %u; this is %d-bit, %u)",
                                  header->e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64, (unsigned)header->e_machine,
                                  own->e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64, (unsigned)own->e_machine);
    if (header->e_type != ET_DYN)
        return plugin_text_refuse(error, ENOEXEC, path, "an ELF file, but not a shared object (gcc -shared -fPIC makes one)");
    if (header->e_phentsize != sizeof(ElfW(Phdr)) || !header->e_phnum || header->e_phnum > SEGMENTS_MAX)
        return plugin_text_refuse(error, ENOEXEC, path, "its ELF header is damaged");
    if (!is_within(header->e_phoff, (uint64_t)header->e_phnum * header->e_phentsize, file_size) ||
        (header->e_shoff && !is_within(header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize, file_size)))
        return plugin_text_refuse(error, ENOEXEC, path, "the ELF file is truncated");
    return 0;
}

static int check_file(int fd, const char *path, struct hay_error *error)
{
    struct stat status;
    ElfW(Ehdr) header = {.e_ident = {0}};
    if (fstat(fd, &status))
        return plugin_text_refuse(error, errno, path, "cannot be looked at: %s", strerrordesc_np(errno));
    if (!S_ISREG(status.st_mode))
        return plugin_text_refuse(error, EINVAL, path, "not a regular file");
    uint64_t file_size = (uint64_t)status.st_size;
    if (!file_size)
        return plugin_text_refuse(error, ENOEXEC, path, "the file is empty");
    if (!read_at(fd, &header, file_size < sizeof header ? (size_t)file_size : sizeof header, 0))
        return plugin_text_refuse(error, EIO, path, "cannot be read");
    if (memcmp(header.e_ident, ELFMAG, file_size < SELFMAG ? (size_t)file_size : SELFMAG))
        return plugin_text_refuse(error, ENOEXEC, path, "not an ELF file");
    if (file_size < sizeof header)
        return plugin_text_refuse(error, ENOEXEC, path, "the ELF file is truncated");
    int failure = check_header(path, &header, file_size, error);
    for (unsigned i = 0; !failure && i < header.e_phnum; i++) {
        ElfW(Phdr) segment;
        if (!read_at(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
            failure = plugin_text_refuse(error, EIO, path, "cannot be read");
        else if (segment.p_type == PT_LOAD && !is_within(segment.p_offset, segment.p_filesz, file_size))
            failure = plugin_text_refuse(error, ENOEXEC, path, "the ELF file is truncated");
    }
    return failure;
}

int plugin_elf_check(const char *path, struct hay_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return plugin_text_refuse(error, errno, path, "cannot be opened: %s", strerrordesc_np(errno));
    int status = check_file(fd, path, error);
    fd_close(&fd);
    return status;
}
