# Restoring: a snapshot's books, stops and triggered queue, read back into an empty state.
#
# Orders come in the order in which they stand, so each is put behind the one before it by the function
# that put it there the first time: rest_order, wait_for_price, queue_triggered. Its slot is anywhere in
# memory, and is asked for some images ahead.


cdef const char* order_problem(const State* s, const OrderImage* image, u32 instrument, u8 place) noexcept nogil:
    """Return why this cannot be an open order of an instrument that stands in such a place; NULL if it can."""
    cdef Book* book = s.books + instrument
    cdef bint in_book = place == IN_BOOK
    cdef i64 units
    if image.account < FIRST_CLIENT_ACCOUNT or image.account >= s.n_accounts or image.instrument != instrument:
        return b"an order is of another instrument, or of an account that is not there"
    if (image.side != BUY and image.side != SELL) or image.self_trade_prevention > DECREMENT:
        return b"an order has no such side, or no such self-trade prevention"
    if image.price_ticks < 1 or image.price_ticks > PRICE_TICKS_MAX or image.stop_price_ticks > PRICE_TICKS_MAX:
        return b"an order's price is out of range"
    if image.leaves_lots < 1 or image.leaves_lots > QUANTITY_LOTS_MAX or image.cum_lots < 0:
        return b"an order's quantity is out of range"
    if (
        multiply_overflows(image.price_ticks * book.tick_lot_units, image.leaves_lots, &units)
        or multiply_overflows(image.leaves_lots, book.lot_units, &units)
        or image.notional_units < 0
    ):
        return b"an order is worth more than can be counted"
    if image.fee_credit >= RATE_ONE or image.exec_inst > POST_ONLY or image.is_quote > QUOTE or image.reserved:
        return b"an order has a trait that there is not"
    if image.expire_ns and image.expire_ns <= s.now_ns:
        return b"an order should have ended before"
    if (image.entry_sequence != 0) != (image.expire_ns != 0 or image.stop_price_ticks != 0):
        return b"an order's time of entry is missing, or is there for nothing"
    if image.entry_sequence > s.sequence:
        return b"an order was entered by a command that has not come"
    if in_book != (image.ord_type == LIMIT):
        return b"an order's type does not fit where it stands"
    if not in_book and (image.shown_lots or image.display_lots or image.is_quote or image.stop_price_ticks == 0):
        return b"an order that waits shows something, or waits for nothing"
    if not in_book and image.ord_type != STOP and image.ord_type != STOP_LIMIT:
        return b"an order waits that is no stop"
    if in_book and image.display_lots == 0 and image.shown_lots != image.leaves_lots:
        return b"an order hides something and is no iceberg"
    if in_book and (image.shown_lots < 1 or image.shown_lots > image.leaves_lots or image.display_lots < 0):
        return b"an order shows what it has not"
    if image.is_quote and (image.display_lots or image.entry_sequence):
        return b"a quote has what only orders have"
    return NULL


cdef inline void ask_for_orders(const Restoring* r) noexcept nogil:
    """Have the memory of the orders that stand behind the next ones on its way."""
    cdef const u8* later = r.at + IMAGES_AHEAD * sizeof(OrderImage)
    cdef u32 slot
    cdef u32 number
    if <size_t>(r.end - r.at) > (IMAGES_AHEAD + 1) * sizeof(OrderImage):
        memcpy(&slot, later, sizeof(slot))
        memcpy(&number, later + sizeof(slot), sizeof(number))
        if slot <= r.s.orders_used:
            prefetch(r.s.orders + slot)
        if number < r.s.n_accounts:
            prefetch(account_at(r.s, number))


cdef Order* get_order(Restoring* r, u32 instrument, u8 place) noexcept nogil:
    """Read an order into its slot, standing nowhere yet; NULL where it is refused or memory is out."""
    cdef State* s = r.s
    cdef OrderImage image
    cdef Order* order
    cdef Detail* detail
    ask_for_orders(r)
    if not read(r, &image, sizeof(image)):
        return NULL
    r.problem = order_problem(s, &image, instrument, place)
    if unlikely(r.problem == NULL and not claim(r, image.slot)):
        r.problem = b"an order's slot is not there, or another has it"
    if unlikely(r.problem != NULL):
        return NULL
    r.n_orders += 1
    order = s.orders + image.slot
    order.account = image.account
    order.client_order_id = image.client_order_id
    order.leaves_lots = image.leaves_lots
    order.cum_lots = image.cum_lots
    order.notional_units = image.notional_units
    order.price_ticks = image.price_ticks
    order.fee_credit = image.fee_credit
    order.instrument = image.instrument
    order.side = image.side
    order.ord_type = image.ord_type
    order.exec_inst = image.exec_inst
    order.self_trade_prevention = image.self_trade_prevention
    order.place = NOWHERE
    order.traits = image.is_quote
    account_at(s, image.account).n_orders += 1
    if unlikely(image.display_lots or image.entry_sequence):
        order.traits = DETAILED | ICEBERG if image.display_lots else DETAILED
        detail = detail_of(s, order)
        detail.shown_lots = image.shown_lots
        detail.display_lots = image.display_lots
        detail.expire_ns = image.expire_ns
        detail.entry_sequence = image.entry_sequence
        detail.stop_price_ticks = image.stop_price_ticks
    if unlikely(image.expire_ns):
        if add_timer(s, image.expire_ns, TIMER_ORDER, image.entry_sequence, order_id_of(s, order)) != NONE:
            give_up(r)
            return NULL
    return order


cdef int stand_in_set(Restoring* r, const Order* order) noexcept nogil:
    """Put a quote behind the better ones of its maker's set."""
    cdef Account* account = account_at(r.s, order.account)
    cdef QuoteSet* standing = quote_set(r.s, account, order.account, order.instrument)
    cdef u32 side = order.side - BUY
    cdef QuotedLevel* level
    if standing == NULL:
        return give_up(r)
    level = &standing.levels[side][standing.n[side]]
    if standing.n[side] == QUOTE_LEVELS_MAX:
        return deny(r, b"a maker's quotes are more than one set can hold")
    if standing.n[side] and (level - 1).price_ticks == order.price_ticks:
        return deny(r, b"a maker quotes one price twice")
    level.price_ticks = order.price_ticks
    level.slot = slot_of(r.s, order)
    standing.n[side] += 1
    return 0


cdef int get_side(Restoring* r, Book* book, u8 side, u32 n) noexcept nogil:
    """Read the orders of one side, in priority."""
    cdef Order* order
    cdef u32 rank = 0
    cdef u32 i
    for i in range(n):
        order = get_order(r, book.index, IN_BOOK)
        if unlikely(order == NULL):
            return -1
        if unlikely(order.side != side or rank_of(side, order.price_ticks) < rank):
            return deny(r, b"orders of a book do not stand in priority")
        rank = rank_of(side, order.price_ticks)
        if unlikely(rest_order(r.s, book, order) != NONE):
            return give_up(r)
        if unlikely(order.traits & QUOTE) and stand_in_set(r, order) != 0:
            return -1
    return 0


cdef int get_stops(Restoring* r, Book* book, u32 n) noexcept nogil:
    """Read the waiting stops, as they were entered."""
    cdef Order* order
    cdef u64 before = 0
    cdef u32 i
    for i in range(n):
        order = get_order(r, book.index, WAITING)
        if order == NULL:
            return -1
        if detail_of(r.s, order).entry_sequence <= before:
            return deny(r, b"stops do not stand as they were entered")
        before = detail_of(r.s, order).entry_sequence
        if is_reached(book, order.side, detail_of(r.s, order).stop_price_ticks):
            return deny(r, b"a stop waits that the last trade reached")
        if wait_for_price(r.s, book, order) != NONE:
            return give_up(r)
    return 0


cdef int get_book(Restoring* r, Book* book) noexcept nogil:
    cdef BookImage image
    if not read(r, &image, sizeof(image)):
        return -1
    if image.last_price_ticks > PRICE_TICKS_MAX:
        return deny(r, b"an instrument's last price is out of range")
    book.stream = image.stream
    book.last_price_ticks = image.last_price_ticks
    if get_side(r, book, BUY, image.n_bids) != 0 or get_side(r, book, SELL, image.n_asks) != 0:
        return -1
    return get_stops(r, book, image.n_stops)


cdef int get_triggered(Restoring* r) noexcept nogil:
    """Read the triggered stops, in turn."""
    cdef OrderImage image
    cdef Order* order
    cdef u32 n
    cdef u32 i
    if not read(r, &n, sizeof(n)):
        return -1
    for i in range(n):
        if not read(r, &image, sizeof(image)):
            return -1
        if image.instrument >= r.s.n_instruments:
            return deny(r, b"an order is of another instrument, or of an account that is not there")
        r.at -= sizeof(image)
        order = get_order(r, image.instrument, TRIGGERED)
        if order == NULL:
            return -1
        queue_triggered(r.s, order)
    return 0
