/* SPDX-License-Identifier: MIT
 *
 * The intrusive list: order, both ends, removal from anywhere and as often as one likes.
 */
#include "base/list.h"
#include "support/tap.h"

struct item {
    int value;
    struct list node;
};

static void fill(struct list *head, struct item *items, int count)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].value = i;
        list_push_tail(head, &items[i].node);
    }
}

/* Forwards and backwards, as digits of one number: 1 2 3 is 123. */
static void expect(const struct list *head, int forwards, int backwards)
{
    int number = 0;
    for (struct list *at = head->next; at != head; at = at->next)
        number = number * 10 + LIST_ITEM(at, struct item, node)->value;
    CU_ASSERT_EQUAL(number, forwards);
    number = 0;
    for (struct list *at = head->prev; at != head; at = at->prev)
        number = number * 10 + LIST_ITEM(at, struct item, node)->value;
    CU_ASSERT_EQUAL(number, backwards);
}

static void a_new_head_is_empty(void)
{
    struct list head;
    list_init(&head);
    CU_ASSERT(list_empty(&head));
    CU_ASSERT_PTR_NULL(list_pop_head(&head));
}

static void the_tail_is_first_in_first_out(void)
{
    struct list head;
    struct item items[4];
    fill(&head, items, 4);
    expect(&head, 123, 3210);
    for (int i = 0; i < 4; i++) {
        struct list *node = list_pop_head(&head);
        CU_ASSERT_PTR_EQUAL(node, &items[i].node);
        CU_ASSERT(node && list_empty(node));
    }
    CU_ASSERT(list_empty(&head));
}

static void insertion_before_a_node_keeps_the_order(void)
{
    struct list head;
    struct item items[3], extra = {.value = 9};
    fill(&head, items, 3);
    list_insert_before(&items[2].node, &extra.node);
    expect(&head, 192, 2910);
    CU_ASSERT_PTR_EQUAL(LIST_ITEM(items[2].node.prev, struct item, node), &extra);
}

static void a_node_leaves_from_anywhere(void)
{
    struct list head;
    struct item items[5];
    fill(&head, items, 5);
    list_remove(&items[2].node);
    expect(&head, 134, 4310);
    list_remove(&items[0].node);
    list_remove(&items[4].node);
    expect(&head, 13, 31);
    list_remove(&items[1].node);
    list_remove(&items[3].node);
    CU_ASSERT(list_empty(&head));
}

static void removal_is_safe_to_repeat(void)
{
    struct list head;
    struct item items[3];
    fill(&head, items, 3);
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    expect(&head, 2, 20);
    list_push_tail(&head, &items[1].node);
    expect(&head, 21, 120);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a_new_head_is_empty", a_new_head_is_empty},
        {"the_tail_is_first_in_first_out", the_tail_is_first_in_first_out},
        {"insertion_before_a_node_keeps_the_order", insertion_before_a_node_keeps_the_order},
        {"a_node_leaves_from_anywhere", a_node_leaves_from_anywhere},
        {"removal_is_safe_to_repeat", removal_is_safe_to_repeat},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"list", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
