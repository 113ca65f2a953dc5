/* SPDX-License-Identifier: MIT
 *
 * Anonymous private mappings that grow by mremap(), which moves page tables and not bytes.
 * Children forked later get copies that they never touch.
 */
#include "cli/pages.h"

#include <sys/mman.h>

#define PAGES_STEP ((size_t)64 << 10)

bool pages_resize(struct pages *pages, size_t size)
{
    void *at = pages->at ? mremap(pages->at, pages->size, size, MREMAP_MAYMOVE)
                         : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    pages->at = at;
    pages->size = size;
    return true;
}

bool pages_reserve(struct pages *pages, size_t size)
{
    if (size <= pages->size)
        return true;
    size = size > pages->size * 2 ? size : pages->size * 2;
    return pages_resize(pages, (size + PAGES_STEP - 1) / PAGES_STEP * PAGES_STEP);
}

void pages_release(struct pages *pages)
{
    if (pages->at)
        munmap(pages->at, pages->size);
    pages->at = NULL;
    pages->size = 0;
}
