# Stop orders: waiting for a price, and the queue of those whose price has come.
#
# Waiting stops stand in two ladders per instrument, like resting orders, by their stop price: nearest
# first, and first in, first out at one price. What a trade asks is whether its price reaches the
# nearest of either kind, and that is two comparisons with numbers in the book's first line:
#
#     last trade 100      buy stops   102: 7      103: 3, 9       buy_stop_ticks   102
#                         sell stops   97: 4                      sell_stop_ticks   97
#
# A trade that reaches further moves all levels it reaches into the queue, in order of entry. Each
# level is in that order already, so levels are merged, two of equal size at a time. The queue links
# the orders themselves; nothing is allocated.

cdef enum:
    MERGE_BINS = 32  # bin i holds a chain of 2 ** i levels


cdef inline u32 stop_rank(u8 side, u32 stop_price_ticks) noexcept nogil:
    """Return the rank of a stop price: buy stops are reached upwards, sell stops downwards."""
    return rank_of(BUY + SELL - side, stop_price_ticks)


cdef inline void note_nearest_stops(Book* book) noexcept nogil:
    """Bring the two prices that trades are compared with up to date."""
    cdef u32 sells = book.stops[SELL - BUY].best_rank
    book.buy_stop_ticks = book.stops[0].best_rank
    book.sell_stop_ticks = 0 if sells == NO_RANK else PRICE_TICKS_MAX - sells


cdef inline bint is_reached(const Book* book, u8 side, u32 stop_price_ticks) noexcept nogil:
    """Say whether the last trade reached a stop price; no trade yet, no trigger."""
    if book.last_price_ticks == 0:
        return False
    return stop_rank(side, stop_price_ticks) <= stop_rank(side, book.last_price_ticks)


cdef void queue_triggered(State* s, Order* order) noexcept nogil:
    """Let a triggered stop wait its turn."""
    cdef u32 slot = slot_of(s, order)
    order.place = TRIGGERED
    order.next = 0
    order.prev = s.triggered_last
    if s.triggered_last:
        s.orders[s.triggered_last].next = slot
    else:
        s.triggered_first = slot
    s.triggered_last = slot


cdef void unqueue_triggered(State* s, Order* order) noexcept nogil:
    """Take a triggered stop out of the queue. O(1)."""
    if order.prev:
        s.orders[order.prev].next = order.next
    else:
        s.triggered_first = order.next
    if order.next:
        s.orders[order.next].prev = order.prev
    else:
        s.triggered_last = order.prev
    order.place = NOWHERE


cdef int wait_for_price(State* s, Book* book, Order* order) noexcept nogil:
    """Let a new stop wait, unless the last trade has reached its price already."""
    cdef u32 stop_price_ticks = detail_of(s, order).stop_price_ticks
    cdef u8 side
    if is_reached(book, order.side, stop_price_ticks):
        queue_triggered(s, order)
        return NONE
    if book.stops == NULL:
        book.stops = <Ladder*>cut(&s.memory, 2 * sizeof(Ladder))
        if book.stops == NULL:
            return OUT_OF_MEMORY
        for side in range(2):
            open_ladder(&book.stops[side])
    if link_order(s, &book.stops[order.side - BUY], stop_rank(order.side, stop_price_ticks), order) != NONE:
        return OUT_OF_MEMORY
    order.place = WAITING
    book.n_stops += 1
    note_nearest_stops(book)
    return NONE


cdef void stop_waiting(State* s, Book* book, Order* order) noexcept nogil:
    """Take an open order that is not in the book from where it stands."""
    if order.place == TRIGGERED:
        unqueue_triggered(s, order)
        return
    if not unlink_middle(s, order):
        unlink_edge(
            s, &book.stops[order.side - BUY], stop_rank(order.side, detail_of(s, order).stop_price_ticks), order
        )
    book.n_stops -= 1
    note_nearest_stops(book)
    order.place = NOWHERE


cdef u32 merge_chains(State* s, u32 one, u32 other) noexcept nogil:
    """Merge two chains of slots, each in order of entry, into one."""
    cdef u32 head = 0
    cdef u32* end = &head
    while one and other:
        if s.details[one].entry_sequence < s.details[other].entry_sequence:
            end[0] = one
            one = s.orders[one].next
        else:
            end[0] = other
            other = s.orders[other].next
        end = &s.orders[end[0]].next
    end[0] = one if one else other
    return head


cdef void trigger_stops(State* s, Book* book) noexcept nogil:
    """Queue the stops that the last trade reached, oldest entry first. O(n log n) in their number."""
    cdef u32 bins[MERGE_BINS]
    cdef u32 chain
    cdef u32 next_slot
    cdef u32 rank
    cdef u32 reach
    cdef u32 i
    cdef u8 side
    cdef Ladder* ladder
    cdef Level* level
    memset(bins, 0, sizeof(bins))
    for side in range(BUY, SELL + 1):
        ladder = &book.stops[side - BUY]
        reach = stop_rank(side, book.last_price_ticks)
        while ladder.best_rank <= reach:
            rank = ladder.best_rank
            level = level_at(ladder, rank)
            chain = level.head
            level.head = level.tail = 0
            vacate(&s.memory, ladder, rank)
            i = 0
            while bins[i]:
                chain = merge_chains(s, bins[i], chain)
                bins[i] = 0
                i += 1
            bins[i] = chain
    chain = 0
    for i in range(MERGE_BINS):
        chain = merge_chains(s, bins[i], chain)
    while chain:
        next_slot = s.orders[chain].next
        queue_triggered(s, s.orders + chain)
        book.n_stops -= 1
        chain = next_slot
    note_nearest_stops(book)


cdef u32 next_to_run(const State* s) noexcept nogil:
    """Return the slot of the triggered stop whose turn it is, the first of an open instrument; 0 for none.

    O(those before it): while an instrument is closed, the few that were left over by its last command.
    """
    cdef u32 slot = s.triggered_first
    while slot and s.books[s.orders[slot].instrument].closed:
        slot = s.orders[slot].next
    return slot


cdef int run_triggered(State* s) noexcept nogil:
    """Run triggered stops, first in first out, those they trigger included, up to the bound of a command.

    EVENTS_FULL stops between two of them; call again to go on.
    """
    cdef Order* order
    cdef Account* owner
    cdef u32 slot = next_to_run(s)
    cdef int status
    while slot and s.triggers_run < TRIGGERS_MAX:
        if s.n_events + s.events_reserve > s.events_capacity:
            return EVENTS_FULL
        order = s.orders + slot
        owner = account_at(s, order.account)
        unqueue_triggered(s, order)
        s.triggers_run += 1
        emit_order(
            s, owner, order, EVENT_TRIGGERED, open_status(order), 0, 0, order_id_of(s, order), order.price_ticks,
            order.leaves_lots, order.leaves_lots, order.cum_lots, 0, 0,
        )
        order.ord_type = MARKET if order.ord_type == STOP else LIMIT
        status = run_order(s, s.books + order.instrument, owner, order, order.ord_type == MARKET)
        if status != NONE:
            return status
        slot = next_to_run(s)
    return NONE
