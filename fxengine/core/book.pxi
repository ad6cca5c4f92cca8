# The book of one instrument: two ladders, each level a queue of orders linked through their lines.
#
#     bids  1.1171: 7          level {head 7, tail 7}
#           1.1170: 4 <-> 9    level {head 4, tail 9}, orders[4].next = 9, orders[9].prev = 4
#     offers 1.1173: 2
#
# Which side an order is on cannot be predicted, so what follows from it is computed, not branched on.
# Most orders that leave a book stand in the middle of a queue: then two neighbours are relinked and
# the level is not touched at all.


cdef inline u32 rank_of(u8 side, i64 price_ticks) noexcept nogil:
    """Return the rank of a price on the side where an order rests: lower is better.

    For a bid it is PRICE_TICKS_MAX - price, which is price ^ PRICE_TICKS_MAX.
    """
    return <u32>price_ticks ^ (PRICE_TICKS_MAX & <u32>all_bits(side == BUY))


cdef inline Ladder* resting_side(Book* book, u8 side) noexcept nogil:
    """Return the ladder that orders of ``side`` rest on."""
    return &book.sides[side - BUY]


cdef inline Ladder* other_side(Book* book, u8 side) noexcept nogil:
    """Return the ladder that orders of ``side`` trade with."""
    return &book.sides[SELL - side]


cdef inline u32 reach_of(u8 side, i64 limit_ticks) noexcept nogil:
    """Return the worst rank on the other side that an incoming order with this limit trades with."""
    return rank_of(BUY + SELL - side, limit_ticks)


cdef inline u32 currency_given(const Book* book, u8 side) noexcept nogil:
    return book.given[side - BUY]


cdef inline u32 currency_received(const Book* book, u8 side) noexcept nogil:
    return book.given[SELL - side]


cdef inline i64 notional_of(const Book* book, i64 price_ticks, i64 lots) noexcept nogil:
    """Return price times quantity in quote units; exact where the order's own value fits in int64."""
    return price_ticks * lots * book.tick_lot_units


cdef inline int link_order(State* s, Ladder* ladder, u32 rank, Order* order) noexcept nogil:
    """Put an order at the back of a level. O(1) where prices are dense."""
    cdef u32 slot = slot_of(s, order)
    cdef Level* level = level_for(&s.memory, ladder, rank)
    if unlikely(level == NULL):
        return OUT_OF_MEMORY
    order.next = 0
    order.prev = level.tail
    if level.tail:
        s.orders[level.tail].next = slot
    else:
        level.head = slot
    level.tail = slot
    return NONE


cdef inline int rest_order(State* s, Book* book, Order* order) noexcept nogil:
    """Put an order at the back of its price in the book."""
    order.place = IN_BOOK
    return link_order(s, resting_side(book, order.side), rank_of(order.side, order.price_ticks), order)


cdef inline void unlink_edge(State* s, Ladder* ladder, u32 rank, const Order* order) noexcept nogil:
    """Take the first or the last order off a level, and the level off the ladder with its last order."""
    cdef Level* level = level_at(ladder, rank)
    if order.prev:
        s.orders[order.prev].next = 0
        level.tail = order.prev
    elif order.next:
        s.orders[order.next].prev = 0
        level.head = order.next
    else:
        level.head = level.tail = 0
        vacate(&s.memory, ladder, rank)


cdef inline bint unlink_middle(State* s, const Order* order) noexcept nogil:
    """Take an order out of its queue if it has a neighbour on both sides; say whether."""
    if not (order.prev and order.next):
        return False
    s.orders[order.prev].next = order.next
    s.orders[order.next].prev = order.prev
    return True


cdef inline void unlink_order(State* s, Book* book, const Order* order) noexcept nogil:
    """Take an order out of the book. O(1)."""
    if not unlink_middle(s, order):
        unlink_edge(s, resting_side(book, order.side), rank_of(order.side, order.price_ticks), order)


cdef inline Order* first_order(State* s, Ladder* ladder) noexcept nogil:
    """Return the order that trades next, or NULL."""
    if ladder.best_rank == NO_RANK:
        return NULL
    return s.orders + level_at(ladder, ladder.best_rank).head


cdef inline Order* order_behind(State* s, Ladder* ladder, const Order* order) noexcept nogil:
    """Return the order that trades after this one, or NULL."""
    cdef u32 rank
    if order.next:
        return s.orders + order.next
    rank = next_rank(ladder, rank_of(order.side, order.price_ticks))
    if rank == NO_RANK:
        return NULL
    return s.orders + level_at(ladder, rank).head
