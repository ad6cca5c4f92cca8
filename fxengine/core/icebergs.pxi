# Icebergs: orders that show a part of themselves, and what they make of a level.
#
# When the part is taken, the next part joins the back of the level, so a level with icebergs is
# consumed in turns: first what everybody shows, in order, then the next parts of those that have one,
# in the same order, and so on:
#
#     queue   A 5 (of 12, shows 5) | B 3 | C 4 (of 6, shows 4)
#     turns   A 5, B 3, C 4        | A 5, C 2       | A 2
#
# Matching needs no plan for that, it moves orders to the back as they are taken. Whoever foresees
# (FOK, MinQty, swaps) walks the turns instead, and changes nothing.


cdef void requeue(State* s, Book* book, Order* order) noexcept nogil:
    """Move an order to the back of its level. O(1)."""
    cdef Level* level
    if order.next == 0:
        return
    level = level_at(resting_side(book, order.side), rank_of(order.side, order.price_ticks))
    s.orders[order.next].prev = order.prev
    if order.prev:
        s.orders[order.prev].next = order.next
    else:
        level.head = order.next
    order.prev = level.tail
    order.next = 0
    s.orders[level.tail].next = slot_of(s, order)
    level.tail = slot_of(s, order)


cdef inline i64 show(State* s, const Order* order) noexcept nogil:
    """Show the next part of an iceberg, or all of another order; return how much."""
    cdef Detail* detail
    if likely(not order.traits & ICEBERG):
        return order.leaves_lots
    detail = detail_of(s, order)
    detail.shown_lots = least(detail.display_lots, order.leaves_lots)
    return detail.shown_lots


cdef i64 take_shown(State* s, Book* book, Order* order, i64 lots) noexcept nogil:
    """Take traded lots off what an iceberg shows; return what it shows anew at the back, or 0.

    Its leaves have been reduced already.
    """
    cdef Detail* detail = detail_of(s, order)
    detail.shown_lots -= lots
    if detail.shown_lots:
        return 0
    if order.leaves_lots == 0:
        unlink_order(s, book, order)
        return 0
    requeue(s, book, order)
    return show(s, order)


cdef i64 shrink(State* s, Order* order, i64 leaves_lots) noexcept nogil:
    """Lower what is left of an order in the book, keeping its place; return how much less it shows."""
    cdef i64 before = shown_of(s, order)
    cdef i64 shown = least(before, leaves_lots)
    if order.traits & ICEBERG:
        detail_of(s, order).shown_lots = shown
    order.leaves_lots = leaves_lots
    return before - shown


cdef inline i64 part_of(const State* s, const Order* order, i64 turn) noexcept nogil:
    """Return what an order offers in a turn, 0 for nothing any more."""
    cdef Detail* detail
    cdef i64 hidden
    if likely(not order.traits & ICEBERG):
        return order.leaves_lots if turn == 0 else 0
    detail = detail_of(s, order)
    if turn == 0:
        return detail.shown_lots
    hidden = order.leaves_lots - detail.shown_lots
    if hidden == 0 or turn - 1 > (hidden - 1) // detail.display_lots:
        return 0
    return least(detail.display_lots, hidden - (turn - 1) * detail.display_lots)


cdef inline void begin_walk(State* s, Walk* walk, Ladder* ladder, u32 reach, u32 prevented) noexcept nogil:
    """Stand before the first order that an incoming one with this reach would meet.

    Orders of the group of account ``prevented`` (0: none) are met once at most: prevention takes them away.
    """
    walk.ladder = ladder
    walk.order = NULL
    walk.rank = ladder.best_rank
    walk.reach = reach
    walk.prevented = prevented


cdef inline bint step(State* s, Walk* walk) noexcept nogil:
    """Go to the next fill that an incoming order without end would make; False behind the last."""
    cdef Order* order = walk.order
    cdef bint has_turns
    while True:
        if order != NULL and order.next:
            order = s.orders + order.next
        else:
            if order != NULL and walk.hidden:
                walk.turn += 1
            else:
                if order != NULL:
                    walk.rank = next_rank(walk.ladder, walk.rank)
                walk.turn = 0
            walk.hidden = False
            if walk.rank > walk.reach:
                return False
            order = s.orders + level_at(walk.ladder, walk.rank).head
        walk.lots = part_of(s, order, walk.turn)
        has_turns = order.traits & ICEBERG and not (walk.prevented and same_group(s, walk.prevented, order.account))
        if likely(walk.lots and (has_turns or walk.turn == 0)):
            walk.order = order
            if unlikely(has_turns) and part_of(s, order, walk.turn + 1):
                walk.hidden = True
            return True
