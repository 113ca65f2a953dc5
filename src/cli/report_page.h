/* SPDX-License-Identifier: MIT
 *
 * The page as a whole: one HTML document that needs no other file, no network and no script.
 */
#ifndef CLI_REPORT_PAGE_H
#define CLI_REPORT_PAGE_H

#include "cli/report_html.h"
#include "cli/report_read.h"

/* The style sheet, and all else of the head that is the same in each page: pieces, and a NULL at the end. */
extern const char *const report_head[];

void page_write(struct html *html, const struct report_source *source, struct data *data);
/* What failed, by kind, with examples. */
void page_failures(struct html *html, const struct report_source *source, struct data *data);

#endif
