# Instant swap: pay one currency, receive another, over all the books that lead there, in one command.
#
# The router plans against the books as they stand (lots, fees and all); here what it found is held against the
# payer's bounds and funds, and its legs are executed as ordinary trades: all of them or none. A leg is one book in
# one direction, whichever paths go over it, and pays one order's fees. What the payer hears:
#
#     FILL ...      one a trade, as the maker does
#     SWAP_LEG ...  one a book: spent, received, fee, and what is left of the currency received, as change
#     SWAP_PATH ... the best single paths, at most three: what each would have given
#     SWAPPED       the whole: spent, delivered, how many of each came before it
#
# Plans are in int64 although offers at far prices may be worth more in sum: a sum is given up as soon as it passes
# INT64_LARGEST, since no balance could pay it.


cdef int swap_refusal(State* s, const Account* account, const Swap* command, u32 payee, bint is_quote) noexcept nogil:
    """Return the first reason to refuse before any book is looked at, in this order."""
    cdef Account* receiver
    if not is_valid(s, account):
        return bar_or(account, CREDENTIAL_EXPIRED)
    if command.instrument >= s.n_currencies or command.currency_out >= s.n_currencies:
        return UNKNOWN_CURRENCY
    if command.instrument == command.currency_out:
        return SAME_CURRENCY
    if s.cancel_only:
        return VENUE_CANCEL_ONLY
    if is_redeem_only(s, command.instrument) or is_redeem_only(s, command.currency_out):
        return CURRENCY_REDEEM_ONLY
    if command.mode != EXACT_IN and command.mode != EXACT_OUT:
        return BAD_SWAP_MODE
    if command.flags & ~ALLOW_PARTIAL:
        return BAD_SWAP_FLAGS
    if command.amount_units < 1 or command.bound_units < 1 or command.worst_units < 0:
        return AMOUNT_OUT_OF_RANGE
    if command.deadline_ns and s.now_ns >= command.deadline_ns:
        return DEADLINE_PASSED
    if not (permits(account, command.instrument) and permits(account, command.currency_out)):
        return CURRENCY_NOT_PERMITTED
    receiver = client_at(s, payee)
    if receiver == NULL:
        return UNKNOWN_ACCOUNT
    if not (is_valid(s, receiver) and permits(receiver, command.currency_out)):
        return PAYEE_NOT_PERMITTED
    if command.mode == EXACT_IN and not is_quote:
        if account.balances[command.instrument].available_units < command.amount_units:
            return INSUFFICIENT_FUNDS
    return NONE


cdef void make_wish(const Swap* command, Wish* wish) noexcept nogil:
    """Say what the router is asked for."""
    cdef i64 above = command.worst_units
    cdef i64 below = command.amount_units
    wish.is_exact_in = command.mode == EXACT_IN
    wish.allows_partial = command.flags & ALLOW_PARTIAL
    wish.amount_units = wish.budget_units = command.amount_units
    if not wish.is_exact_in:
        wish.budget_units = command.bound_units if wish.allows_partial else INT64_LARGEST
        above = command.amount_units
        below = command.worst_units
    begin_factors(&wish.worst)
    if command.worst_units:
        add_factors(&wish.worst, 1, above, below, False)
        wish.worst.down[0] = 1
        wish.worst_key = key_of(quotient(<u128><u64>above, <u128><u64>below))


cdef int plan_swap(State* s, const Account* account, const Swap* command, bint is_quote) noexcept nogil:
    """Check a swap, plan it and hold the plan against its bound; return why there is nothing to execute, or NONE."""
    cdef Router* r = s.router
    cdef Wish wish
    cdef int reason = swap_refusal(s, account, command, command.payee if command.payee else command.account, is_quote)
    if reason == NONE:
        reason = find_candidates(s, r, account, command.instrument, command.currency_out)
    if reason != NONE:
        return reason
    make_wish(command, &wish)
    reason = find_route(s, r, &wish)
    if reason != NONE:
        return reason
    if wish.is_exact_in:
        return BOUND_EXCEEDED if r.best.delivered_units < command.bound_units else NONE
    return BOUND_EXCEEDED if r.best.paid_units > command.bound_units else NONE


cdef inline i64 unfilled_units(const Swap* command, int reason, i64 paid_units, i64 delivered_units) noexcept nogil:
    """Return what a plan leaves of the exact amount because it could not be had; part of a lot is not that."""
    if reason == NONE:
        return 0
    return command.amount_units - (paid_units if command.mode == EXACT_IN else delivered_units)


cdef i64 change_of(const Router* r, u32 place) noexcept nogil:
    """Return what stays with the payer of the currency that a leg received; told by the last leg that received it."""
    cdef const Plan* plan = &r.best
    cdef u32 node = r.arcs[plan.arcs[place]].pays_into
    cdef i64 left = 0
    cdef u32 i
    for i in range(plan.n_legs):
        if r.arcs[plan.arcs[i]].pays_into == node:
            if i > place:
                return 0
            left += net_of(r.arcs + plan.arcs[i], plan.legs[i].gross_units)
        elif r.arcs[plan.arcs[i]].pays_from == node:
            left -= plan.legs[i].spent_units
    return left - plan.delivered_units if node == NODE_RECEIVED else left


cdef void execute_leg(State* s, Account* account, const Swap* command, const Arc* arc, const Leg* leg) noexcept nogil:
    """Trade one leg with the resting orders that its plan walked over.

    The leg is an order like any other but for its OrderID: it never rests and holds nothing.
    """
    cdef Book* book = s.books + arc.instrument
    cdef Ladder* offers = other_side(book, <u8>arc.side)
    cdef Balance* payer = account.balances + currency_given(book, <u8>arc.side)
    cdef Order order
    cdef Order* maker
    cdef i64 lots
    memset(&order, 0, sizeof(Order))
    order.account = command.account
    order.client_order_id = command.client_order_id
    order.instrument = <u16>arc.instrument
    order.side = <u8>arc.side
    order.leaves_lots = leg.lots
    while order.leaves_lots:
        maker = first_order(s, offers)
        lots = least(order.leaves_lots, shown_of(s, maker))
        order.leaves_lots -= lots
        if arc.side == BUY:
            payer.available_units -= notional_of(book, maker.price_ticks, lots)
        else:
            payer.available_units -= lots * book.lot_units
        trade(s, book, maker, &order, account, lots, arc.taker_rate, FLAG_TAKER | FLAG_SWAP)


cdef void report_swap(State* s, Account* account, const Swap* command, u32 payee) noexcept nogil:
    """Give the payer the receipt: legs, single paths, the whole."""
    cdef Router* r = s.router
    cdef const Plan* plan = &r.best
    cdef const Single* single
    cdef const Candidate* path
    cdef const Arc* arc
    cdef SwapEvent* event
    cdef u32 i
    cdef u32 j
    for i in range(plan.n_legs):
        arc = r.arcs + plan.arcs[i]
        emit_swap_leg(s, account, command, arc, plan.legs + i, change_of(r, i))
    for i in range(r.n_singles):
        single = r.singles + i
        path = r.paths + single.path
        event = emit_swap(s, account, command, EVENT_SWAP_PATH, payee)
        event.n_legs = <u16>path.n
        for j in range(path.n):
            event.path[j] = <u16>r.arcs[path.arcs[j]].instrument
        event.amount_in_units = single.paid_units
        event.amount_out_units = single.delivered_units
        event.unfilled_units = unfilled_units(command, single.reason, single.paid_units, single.delivered_units)
        event.fills = single.fills
    event = emit_swap(s, account, command, EVENT_SWAPPED, payee)
    event.n_legs = <u16>plan.n_legs
    event.amount_in_units = plan.paid_units
    event.amount_out_units = plan.delivered_units
    event.unfilled_units = unfilled_units(command, plan.reason, plan.paid_units, plan.delivered_units)
    event.fills = plan.fills
    event.singles = r.n_singles


cdef int swap(State* s, Account* account, const Swap* command, Remembered* entry) noexcept nogil:
    """Check, plan and execute an instant swap; return why it was refused, or NONE."""
    cdef u32 payee = command.payee if command.payee else command.account
    cdef Router* r = s.router
    cdef const Plan* plan = &r.best
    cdef Account* receiver
    cdef u32 i
    cdef int reason = plan_swap(s, account, command, False)
    if reason != NONE:
        return reason
    if account.balances[command.instrument].available_units < plan.paid_units:
        return INSUFFICIENT_FUNDS
    for i in range(plan.n_legs):
        execute_leg(s, account, command, r.arcs + plan.arcs[i], plan.legs + i)
    entry.status = FILLED
    write_totals(account, command.client_order_id, plan.paid_units, plan.delivered_units)
    report_swap(s, account, command, payee)
    if payee != command.account:
        receiver = account_at(s, payee)
        account.balances[command.currency_out].available_units -= plan.delivered_units
        receiver.balances[command.currency_out].available_units += plan.delivered_units
        emit_money(
            s, receiver, payee, EVENT_RECEIVED, command.currency_out, plan.delivered_units, command.account, 0
        )
    return NONE


cdef tuple quote_row(State* s, const Swap* command):
    """Return what a swap would do now, as ``Core.swap_quote`` says; nothing changes."""
    cdef Account* account = client_at(s, command.account)
    cdef Router* r = s.router
    cdef const Plan* plan = &r.best
    cdef i64 received
    cdef i64 unfilled
    cdef u32 path
    cdef u32 i
    cdef u32 j
    cdef int reason = plan_swap(s, account, command, True)
    if reason != NONE:
        return reason, 0, 0, 0, 0, (), ()
    legs = []
    singles = []
    for i in range(plan.n_legs):
        received = plan.legs[i].gross_units
        legs.append((
            r.arcs[plan.arcs[i]].instrument, r.arcs[plan.arcs[i]].side, plan.legs[i].lots, plan.legs[i].spent_units,
            received, received - net_of(r.arcs + plan.arcs[i], received), change_of(r, i), fills_of(plan.legs + i),
        ))
    for i in range(r.n_singles):
        path = r.singles[i].path
        books = [r.arcs[r.paths[path].arcs[j]].instrument for j in range(r.paths[path].n)]
        unfilled = unfilled_units(
            command, r.singles[i].reason, r.singles[i].paid_units, r.singles[i].delivered_units
        )
        singles.append((
            tuple(books), r.singles[i].paid_units, r.singles[i].delivered_units, unfilled, r.singles[i].fills,
        ))
    unfilled = unfilled_units(command, plan.reason, plan.paid_units, plan.delivered_units)
    return (
        0, plan.paid_units, plan.delivered_units, unfilled, plan.fills, tuple(legs), tuple(singles),
    )


cdef void join_currencies(State* s) noexcept nogil:
    """Note which instrument joins two currencies, and which side pays the first for the second."""
    cdef u32 n = s.n_currencies
    cdef Book* book
    cdef u32 i
    for i in range(n * n):
        s.hops[i] = NO_HOP
    for i in range(s.n_instruments):
        book = s.books + i
        s.hops[currency_given(book, SELL) * n + currency_received(book, SELL)] = i << 2 | SELL
        s.hops[currency_given(book, BUY) * n + currency_received(book, BUY)] = i << 2 | BUY
