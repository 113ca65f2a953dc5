/* SPDX-License-Identifier: MIT
 *
 * Anonymous private mappings that grow by mremap(), which moves page tables and not bytes.
 * Children forked later get copies that they never touch.
 */
#include "cli/pages.h"

#include <sys/mman.h>

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

void pages_release(struct pages *pages)
{
    if (pages->at)
        munmap(pages->at, pages->size);
    pages->at = NULL;
    pages->size = 0;
}
