# Cancel and amend one order, and cancel many.
#
# An amend names the new price and the new total quantity. Less at the same price keeps the order's
# place in its level; a new price or a larger quantity goes to the back, and may trade on the way:
#
#     order: 10 @ 1.20, 4 done                     amend to  8 @ 1.20: leaves 4, keeps its place
#                                                  amend to 12 @ 1.20: leaves 8, to the back
#                                                  amend to 10 @ 1.21: leaves 6, matched like a new order


cdef inline Order* find_named(
    State* s, const Account* account, u32 number, u64 order_id, u64 client_order_id, int* reason
) noexcept nogil:
    """Find an open order by OrderID, or by its client id when that is 0; another's order reads as unknown.

    Returns NULL with the reason where there is none.
    """
    cdef Remembered* known = NULL
    cdef Order* order
    if order_id == 0:
        known = recall(account, client_order_id)
        if known == NULL or known.kind != COMMAND_NEW_ORDER:
            reason[0] = UNKNOWN_ORDER
            return NULL
        order_id = known.order_id
    order = find_order(s, order_id)
    if unlikely(order == NULL or order.account != number):
        reason[0] = ORDER_CLOSED if known != NULL else UNKNOWN_ORDER
        return NULL
    return order


cdef inline int cancel_request(State* s, Account* account, const Cancel* command, Remembered* entry) noexcept nogil:
    """Cancel one order. ``entry`` is the request's own, NULL where it has no id.

    Allowed with an expired credential: it only takes risk away.
    """
    cdef int reason = NONE
    cdef Order* order = find_named(
        s, account, command.account, command.order_id, command.orig_client_order_id, &reason
    )
    if unlikely(order == NULL):
        return bar_or(account, reason)
    if entry != NULL:
        entry.order_id = order_id_of(s, order)
        entry.status = CANCELED
        write_totals(account, command.client_order_id, order.leaves_lots, 0)
    if likely(order.place == IN_BOOK):
        end_resting(s, s.books + order.instrument, account, order, CANCELED, NONE, command.client_order_id)
    else:
        end_order(s, s.books + order.instrument, account, order, NONE, command.client_order_id)
    return NONE


cdef inline i64 best_possible_units(
    const Book* book, const Order* order, const Amend* command, i64 leaves
) noexcept nogil:
    """Return what ``leaves`` are worth at the highest price at which the amended order may trade.

    A seller that was paid before may cross again, and be paid more than its limit.
    """
    cdef i64 price_ticks = command.price_ticks
    cdef i64 best_ticks
    cdef i64 units
    if order.side == SELL and order.notional_units and other_side(book, SELL).best_rank != NO_RANK:
        best_ticks = PRICE_TICKS_MAX - other_side(book, SELL).best_rank
        if best_ticks > price_ticks:
            price_ticks = best_ticks
    if multiply_overflows(price_ticks, leaves, &units) or multiply_overflows(units, book.tick_lot_units, &units):
        return INT64_LARGEST  # no order is worth so much
    return units


cdef inline int amend_refusal(
    const State* s, const Account* account, const Order* order, const Amend* command, i64* more_units
) noexcept nogil:
    """Return the first reason to refuse an amend, in this order; and what more it holds, if there is none."""
    cdef Book* book = s.books + order.instrument
    cdef i64 leaves = command.quantity_lots - order.cum_lots
    cdef i64 notional_units
    cdef i64 lots_units
    cdef i64 units
    cdef int reason
    if unlikely(order.traits & QUOTE or order.place == TRIGGERED):
        return NOT_AMENDABLE
    if unlikely(book.closed):
        if command.price_ticks != order.price_ticks or command.quantity_lots > order.cum_lots + order.leaves_lots:
            return why_closed(book)
    if unlikely(not (permits(account, book.given[0]) and permits(account, book.given[1]))):
        return CURRENCY_NOT_PERMITTED
    if command.expected_cum_lots >= 0 and command.expected_cum_lots != order.cum_lots:
        return CUM_QTY_MISMATCH
    reason = size_refusal(book, command.price_ticks, command.quantity_lots, &notional_units, &lots_units)
    if unlikely(reason != NONE):
        return reason
    if unlikely(leaves <= 0):
        return QUANTITY_OUT_OF_RANGE
    notional_units = notional_of(book, command.price_ticks, leaves)
    if unlikely(order.notional_units > INT64_LARGEST - best_possible_units(book, order, command, leaves)):
        return NOTIONAL_TOO_LARGE
    units = choose(order.side == BUY, notional_units, leaves * book.lot_units)
    more_units[0] = units - principal_units(book, order, order.leaves_lots)
    if unlikely(account.balances[currency_given(book, order.side)].available_units < more_units[0]):
        return INSUFFICIENT_FUNDS
    if order.place == IN_BOOK and order.exec_inst & POST_ONLY:
        if other_side(book, order.side).best_rank <= reach_of(order.side, command.price_ticks):
            return WOULD_CROSS
    return NONE


cdef inline int amend(State* s, Account* account, const Amend* command, Remembered* entry) noexcept nogil:
    """Change an open order's price and total quantity; return why it was refused, or NONE."""
    cdef int reason = NONE
    cdef Order* order
    cdef Book* book
    cdef u32 old_price_ticks
    cdef i64 more_units
    cdef i64 leaves
    cdef i64 displayed = 0
    cdef bint keeps_place
    if unlikely(not is_valid(s, account)):
        return bar_or(account, CREDENTIAL_EXPIRED)
    order = find_named(s, account, command.account, command.order_id, command.orig_client_order_id, &reason)
    if unlikely(order == NULL):
        return reason
    reason = amend_refusal(s, account, order, command, &more_units)
    if unlikely(reason != NONE):
        return reason
    book = s.books + order.instrument
    old_price_ticks = order.price_ticks
    leaves = command.quantity_lots - order.cum_lots
    entry.order_id = order_id_of(s, order)
    write_totals(account, command.client_order_id, command.quantity_lots, 0)
    hold(account.balances + currency_given(book, order.side), more_units)
    keeps_place = order.place != IN_BOOK
    if not keeps_place:
        keeps_place = command.price_ticks == old_price_ticks and leaves <= order.leaves_lots
        if keeps_place:
            displayed = shrink(s, order, leaves)
        else:
            displayed = shown_of(s, order)
            unlink_order(s, book, order)
            order.place = NOWHERE
    order.price_ticks = <u32>command.price_ticks
    order.leaves_lots = leaves
    emit_replaced(s, account, order, old_price_ticks, displayed, next_number(book) if displayed else 0)
    return NONE if keeps_place else run_order(s, book, account, order, False)


cdef int mass_cancel_refusal(State* s, const Account* account, const MassCancel* command) noexcept nogil:
    """Return the first reason to refuse a mass cancel, in this order."""
    if account.marks & (FROZEN | REVOKED):
        return bar_or(account, NONE)
    if command.target:
        if client_at(s, command.target) == NULL:
            return UNKNOWN_ACCOUNT
        if command.target != command.account and not is_operator(s, account):
            return NOT_AUTHORIZED
    if command.instrument != ALL_INSTRUMENTS and command.instrument >= s.n_instruments:
        return UNKNOWN_INSTRUMENT
    if command.side > SELL:
        return BAD_SIDE
    return NONE


cdef int mass_cancel(State* s, Account* account, const MassCancel* command, Remembered* entry) noexcept nogil:
    """Cancel an account's orders and quotes of one or all instruments and one or both sides."""
    cdef int reason = mass_cancel_refusal(s, account, command)
    cdef u32 target = command.target if command.target else command.account
    cdef i64 n = 0
    if reason != NONE:
        return reason
    reason = end_all(s, target, command.instrument, command.side, MASS_CANCELED, command.client_order_id, &n)
    if reason != NONE:
        return reason
    entry.status = CANCELED
    write_totals(account, command.client_order_id, n, 0)
    emit_money(
        s, account, command.account, EVENT_DONE, command.instrument, n, target, command.client_order_id
    )
    return NONE
