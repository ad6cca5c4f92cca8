# New orders and cancels: the checks, in the specification's order, and what follows them.
#
# An order that meets nothing goes to the book whole and is told so in one event (ACCEPTED with
# BOOK); that is nine of ten orders, so its way through here is straight: checks, hold, slot, event,
# queue.


cdef inline int order_refusal(State* s, const Account* account, const NewOrder* command) noexcept nogil:
    """Return the first reason to refuse an order, in this order; NONE for none."""
    cdef Book* book
    cdef i64 notional_units
    cdef i64 lots_units
    cdef i64 need_units
    if unlikely(not is_valid(s, account)):
        return CREDENTIAL_EXPIRED
    if unlikely(command.instrument >= s.n_instruments):
        return UNKNOWN_INSTRUMENT
    book = s.books + command.instrument
    if unlikely(not (permits(account, book.given[0]) and permits(account, book.given[1]))):
        return CURRENCY_NOT_PERMITTED
    if unlikely(command.side != BUY and command.side != SELL):
        return BAD_SIDE
    if unlikely(command.ord_type != LIMIT):
        return UNSUPPORTED_ORD_TYPE
    if command.time_in_force != GTC:
        if unlikely(command.time_in_force != IOC and command.time_in_force != FOK):
            return UNSUPPORTED_TIME_IN_FORCE
        if unlikely(command.exec_inst):
            return BAD_EXEC_INST
    elif unlikely(command.exec_inst > POST_ONLY):
        return BAD_EXEC_INST
    if unlikely(command.price_ticks < 1 or command.price_ticks > PRICE_TICKS_MAX):
        return PRICE_OUT_OF_RANGE
    if unlikely(command.quantity_lots < 1 or command.quantity_lots > QUANTITY_LOTS_MAX):
        return QUANTITY_OUT_OF_RANGE
    if unlikely(
        multiply_overflows(command.price_ticks * book.tick_lot_units, command.quantity_lots, &notional_units)
        or multiply_overflows(command.quantity_lots, book.lot_units, &lots_units)
    ):
        return NOTIONAL_TOO_LARGE
    need_units = choose(command.side == BUY, notional_units, lots_units)
    if unlikely(account.balances[currency_given(book, command.side)].available_units < need_units):
        return INSUFFICIENT_FUNDS
    if command.exec_inst and other_side(book, command.side).best_rank <= reach_of(command.side, command.price_ticks):
        return WOULD_CROSS
    if command.time_in_force == FOK:
        return fok_refusal(s, book, command)
    return CAPACITY if unlikely(pool_full(s)) else NONE


cdef int fok_refusal(State* s, Book* book, const NewOrder* command) noexcept nogil:
    """Walk what a FOK order would trade with, at most max_fills orders of it. O(max_fills)."""
    cdef Ladder* offers = other_side(book, command.side)
    cdef u32 reach = reach_of(command.side, command.price_ticks)
    cdef i64 wanted = command.quantity_lots
    cdef i64 fills = 0
    cdef Order* resting = first_order(s, offers)
    while resting != NULL and rank_of(resting.side, resting.price_ticks) <= reach:
        if fills == s.max_fills:
            return TOO_MANY_FILLS
        wanted -= resting.leaves_lots
        if wanted <= 0:
            return CAPACITY if pool_full(s) else NONE
        fills += 1
        resting = order_behind(s, offers, resting)
    return FOK_NOT_FILLABLE


cdef inline int new_order(State* s, Account* account, const NewOrder* command, Remembered* entry) noexcept nogil:
    """Check, accept, match and perhaps rest an order; return why it was refused, or NONE."""
    cdef int reason = order_refusal(s, account, command)
    cdef Book* book
    cdef Order* order
    cdef bint crosses
    cdef bint resting
    if unlikely(reason != NONE):
        return reason
    book = s.books + command.instrument
    order = take_order(s)
    order.account = command.account
    order.client_order_id = command.client_order_id
    order.leaves_lots = command.quantity_lots
    order.cum_lots = 0
    order.notional_units = 0
    order.fee_credit = 0
    order.price_ticks = <u32>command.price_ticks
    order.instrument = command.instrument
    order.side = command.side
    account.n_orders += 1
    entry.order_id = order_id_of(s, order)
    hold(
        account.balances + currency_given(book, command.side), principal_units(book, order, command.quantity_lots)
    )
    crosses = other_side(book, command.side).best_rank <= reach_of(command.side, command.price_ticks)
    resting = command.time_in_force == GTC and not crosses
    emit_order(
        s, account, order, EVENT_ACCEPTED, NEW, FLAG_BOOK if resting else 0, 0, entry.order_id,
        command.price_ticks, command.quantity_lots, command.quantity_lots, 0, 0,
        next_number(book) if resting else 0,
    )
    if likely(resting):
        return rest_order(s, book, order)
    if crosses:
        match_order(s, book, account, order)
    return settle_remainder(s, book, account, order, command.time_in_force)


cdef inline int cancel_request(State* s, Account* account, const Cancel* command, Remembered* entry) noexcept nogil:
    """Cancel one order by OrderID, or by its client id when that is 0; another's order reads as unknown.

    ``entry`` is the request's own, NULL where it has no id. Allowed with an expired credential: it only
    takes risk away.
    """
    cdef Remembered* known = NULL
    cdef Order* order = NULL
    if command.order_id:
        order = find_order(s, command.order_id)
    else:
        known = recall(account, command.orig_client_order_id)
        if known == NULL or known.kind != COMMAND_NEW_ORDER:
            return UNKNOWN_ORDER
        order = find_order(s, known.order_id)
    if unlikely(order == NULL or order.account != command.account):
        return ORDER_CLOSED if known != NULL else UNKNOWN_ORDER
    if entry != NULL:
        entry.order_id = order_id_of(s, order)
        entry.status = CANCELED
        write_totals(account, command.client_order_id, order.leaves_lots, 0)
    end_order(s, s.books + order.instrument, account, order, NONE, True, command.client_order_id)
    return NONE
