/* SPDX-License-Identifier: MIT
 *
 * The hash plugin: digests of files and of texts, by libcrypto.
 *
 * Any digest of fixed length that libcrypto knows may be named; sha256 is the default. Files are read in blocks of 64 KiB
 * and only when regular, so no job blocks on a FIFO or a terminal, and a cancelled job ends within one block.
 */
#include <hayfork/plugin_json.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_BLOCK 65536

/* A context ready for bytes, or NULL after fail(). */
static EVP_MD_CTX *hash_open(hay_task *task, json_t *args, const char **algorithm)
{
    *algorithm = json_object_get(args, "algorithm") ? hay_arg_string(task, args, "algorithm") : "sha256";
    if (!*algorithm)
        return NULL;
    const EVP_MD *digest = EVP_get_digestbyname(*algorithm);
    if (!digest) {
        hay_fail(task, "unknown \"algorithm\": %.200s", *algorithm);
        return NULL;
    }
    if (EVP_MD_flags(digest) & EVP_MD_FLAG_XOF) {
        hay_fail(task, "\"algorithm\" %.200s has no fixed length", *algorithm);
        return NULL;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, digest, NULL))
        return context;
    if (context)
        hay_fail(task, "\"algorithm\" %.200s is not available in this libcrypto", *algorithm);
    else
        hay_fail(task, "out of memory");
    EVP_MD_CTX_free(context);
    return NULL;
}

/* The result; frees the context. */
static json_t *hash_close(hay_task *task, EVP_MD_CTX *context, const char *algorithm, uint64_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    if (!done)
        return hay_fail(task, "libcrypto cannot finish %.200s", algorithm);
    for (unsigned i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return json_pack("{s:s,s:s%,s:I}", "algorithm", algorithm, "digest", hex, (size_t)size * 2, "bytes", (json_int_t)bytes);
}

/* Open a regular file; the descriptor, or -1 after fail(). */
static int hash_file_open(hay_task *task, const char *path)
{
    struct stat info;
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR && !task->host->cancelled(task));
    int error = fd < 0 || fstat(fd, &info) ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (!error && S_ISREG(info.st_mode))
        return fd;
    hay_fail(task, "cannot read %.800s: %s", path, error ? strerror(error) : "not a regular file");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Digest all of the file; 0, or -1 after fail(). */
static int hash_file_read(hay_task *task, const char *path, int fd, EVP_MD_CTX *context, uint64_t *bytes)
{
    char block[HASH_BLOCK];
    ssize_t got;
    do {
        if (task->host->cancelled(task))
            return hay_fail(task, "cancelled"), -1;
        got = read(fd, block, sizeof block);
        if (got > 0 && !EVP_DigestUpdate(context, block, (size_t)got))
            return hay_fail(task, "libcrypto cannot digest %.800s", path), -1;
        *bytes += got > 0 ? (uint64_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0)
        return hay_fail(task, "cannot read %.800s: %s", path, strerror(errno)), -1;
    return 0;
}

static json_t *file(hay_task *task, json_t *args)
{
    const char *algorithm, *path = hay_arg_string(task, args, "path");
    uint64_t bytes = 0;
    EVP_MD_CTX *context = path ? hash_open(task, args, &algorithm) : NULL;
    if (!context)
        return NULL;
    int fd = hash_file_open(task, path);
    int status = fd < 0 ? -1 : hash_file_read(task, path, fd, context, &bytes);
    if (fd >= 0)
        close(fd);
    if (!status)
        return hash_close(task, context, algorithm, bytes);
    EVP_MD_CTX_free(context);
    return NULL;
}

static json_t *text(hay_task *task, json_t *args)
{
    const char *algorithm, *bytes = hay_arg_string(task, args, "text");
    EVP_MD_CTX *context = bytes ? hash_open(task, args, &algorithm) : NULL;
    if (!context)
        return NULL;
    size_t size = json_string_length(json_object_get(args, "text"));
    if (EVP_DigestUpdate(context, bytes, size))
        return hash_close(task, context, algorithm, size);
    EVP_MD_CTX_free(context);
    return hay_fail(task, "libcrypto cannot digest the text");
}

HAY_PLUGIN(hash, "1.0", "Digests by libcrypto",
    HAY_JSON(file, "Digest of a file, in hexadecimal: {\"path\",\"algorithm\"}, sha256 by default; else as openssl names it"),
    HAY_JSON(text, "Digest of a text: {\"text\",\"algorithm\"}"))
