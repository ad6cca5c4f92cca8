# Queries: what a client may ask about its own orders. They change nothing, so they may be asked at any
# time between two commands, and are no part of the journal.
#
# After a lost connection they tell the one true outcome of every command in the window: an open order
# tells its own state, any other command its outcome (docs/core.md has what the numbers mean per kind).


cdef tuple open_order_row(State* s, const Account* account, const Order* order):
    """Return the state of an open order or quote."""
    cdef Remembered* known = recall(account, order.client_order_id)
    return (
        order_id_of(s, order), order.client_order_id,
        <int>(COMMAND_MASS_QUOTE if order.traits & QUOTE else COMMAND_NEW_ORDER), open_status(order), <int>NONE,
        order.instrument, order.side, order.ord_type, order.price_ticks, order.leaves_lots, order.cum_lots,
        order.notional_units, known.sequence if known != NULL else 0,
    )


cdef tuple order_row(State* s, u32 number, u64 client_order_id, u64 order_id):
    """Return the state of an order or command, by OrderID if that is not 0, or None."""
    cdef Account* account = account_at(s, number)
    cdef Remembered* known = NULL
    cdef Order* order
    cdef Totals totals
    if order_id == 0:
        known = recall(account, client_order_id)
        if known == NULL:
            return None
    order = find_order(s, order_id if order_id else known.order_id)
    if order != NULL and order.account == number and (known == NULL or known.kind == COMMAND_NEW_ORDER):
        return open_order_row(s, account, order)
    if known == NULL:
        return None
    totals.done = totals.notional_units = 0
    if known.has_totals:
        totals = segment_of(account, client_order_id).totals[client_order_id % SEGMENT_IDS]
    return (
        known.order_id, client_order_id, known.kind, known.status, known.reason, 0, 0, 0, 0, 0, totals.done,
        totals.notional_units, known.sequence,
    )


cdef int by_slot(const void* one, const void* other) noexcept nogil:
    cdef u32 left = (<const Ending*>one).slot
    cdef u32 right = (<const Ending*>other).slot
    return (left > right) - (left < right)


cdef list open_rows(State* s, u32 number, u32 after_slot, Py_ssize_t limit):
    """Return an account's open orders and quotes behind a slot, ascending by slot. O(ring).

    A quote has no OrdType of its own: 0 tells it from an order, and its client id is its MASS_QUOTE's.
    """
    cdef list rows = []
    cdef Endings found
    cdef Order* order
    cdef u32 i
    if account_at(s, number).n_orders == 0:
        return rows
    found.orders = <Ending*>malloc(account_at(s, number).n_orders * sizeof(Ending))
    if found.orders == NULL:
        raise MemoryError("no memory for a list of open orders")
    try:
        find_all(s, number, &found)
        qsort(found.orders, found.n, sizeof(Ending), by_slot)
        for i in range(found.n):
            if found.orders[i].slot > after_slot and len(rows) < limit:
                order = s.orders + found.orders[i].slot
                rows.append((
                    order_id_of(s, order), order.client_order_id, order.instrument, order.side,
                    <int>(0 if order.traits & QUOTE else order.ord_type),
                    order.price_ticks, order.leaves_lots, order.cum_lots,
                ))
    finally:
        free(found.orders)
    return rows


cdef list withdrawal_rows(const State* s, u32 account, u64 after, Py_ssize_t limit):
    """Return open withdrawals of an account, or of all (0), behind a number. O(those behind it, up to the last)."""
    cdef list rows = []
    cdef const Withdrawal* found
    cdef size_t i
    if after == <u64>-1:
        return rows
    for i in range(withdrawal_from(s, after + 1), s.n_withdrawals):
        found = s.withdrawals + i
        if len(rows) == limit:
            break
        if account == 0 or found.account == account:
            rows.append((found.number, found.account, found.currency, found.amount_units))
    return rows
