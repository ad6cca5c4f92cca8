# New orders: the checks, in the specification's order, and what follows them.
#
#     checks -> ACCEPTED -> stop? wait for the price -> TRIGGERED
#                        -> match -> rest in the book, or cancel what is left
#
# An order that meets nothing goes to the book whole and is told so in one event (ACCEPTED with
# BOOK); that is nine of ten orders, so its way through here is straight: checks, hold, slot, event,
# queue. A plain order (a limit, GTC or IOC, in one record, all on show) is told apart once, and what
# only others need is asked of others only.


cdef inline u64 form_of(const NewOrder* command) noexcept nogil:
    """Return type, time in force, instruction and self-trade prevention as one number."""
    return (<const u64*>&command.side)[0] >> 8


cdef inline bint is_plain(const NewOrder* command) noexcept nogil:
    """Say whether an order is a limit, GTC or IOC, in one record, all on show, without instructions."""
    cdef u64 form = form_of(command) & ~(<u64>(GTC ^ IOC) << 8)
    return (form ^ (LIMIT | (GTC & IOC) << 8) | <u64>(command.n_records ^ 1) | command.expire_ns | command.display_lots) == 0


cdef inline bint is_stop(const NewOrder* command) noexcept nogil:
    return command.ord_type == STOP or command.ord_type == STOP_LIMIT


cdef inline bint may_rest(const NewOrder* command) noexcept nogil:
    return command.time_in_force == GTC or command.time_in_force == GTD


cdef int form_refusal(const NewOrder* command) noexcept nogil:
    """Return why an unusual order's type, time in force and instruction do not go together."""
    cdef bint rests = may_rest(command)
    if command.ord_type < MARKET or command.ord_type > STOP_LIMIT:
        return UNSUPPORTED_ORD_TYPE
    if not rests and command.time_in_force != IOC and command.time_in_force != FOK:
        return UNSUPPORTED_TIME_IN_FORCE
    if (command.ord_type == MARKET and rests) or (is_stop(command) and not rests):
        return UNSUPPORTED_TIME_IN_FORCE
    if command.exec_inst and not (command.exec_inst == POST_ONLY and command.ord_type == LIMIT and rests):
        return BAD_EXEC_INST
    return NONE


cdef inline i64 min_lots_of(const NewOrder* command) noexcept nogil:
    return (<const OrderDetail*>(command + 1)).min_lots if command.n_records > 1 else 0


cdef inline i64 stop_price_of(const NewOrder* command) noexcept nogil:
    return (<const OrderDetail*>(command + 1)).stop_price_ticks if command.n_records > 1 else 0


cdef int detail_refusal(const State* s, const NewOrder* command) noexcept nogil:
    """Return why an unusual order's stop price, end, display or minimum cannot be; its quantity can."""
    cdef i64 stop_price_ticks = stop_price_of(command)
    cdef i64 min_lots = min_lots_of(command)
    if is_stop(command):
        if stop_price_ticks < 1 or stop_price_ticks > PRICE_TICKS_MAX:
            return BAD_STOP_PRICE
    elif stop_price_ticks:
        return BAD_STOP_PRICE
    if command.time_in_force == GTD:
        if command.expire_ns <= s.now_ns:
            return EXPIRE_TIME_PASSED
    elif command.expire_ns:
        return EXPIRE_TIME_PASSED
    if command.display_lots:
        if command.ord_type != LIMIT or not may_rest(command):
            return BAD_DISPLAY_QTY
        if command.display_lots < 1 or command.display_lots > command.quantity_lots:
            return BAD_DISPLAY_QTY
    if min_lots and (command.time_in_force != IOC or min_lots < 1 or min_lots > command.quantity_lots):
        return BAD_MIN_QTY
    return NONE


cdef inline int size_refusal(
    const Book* book, i64 price_ticks, i64 quantity_lots, i64* notional_units, i64* lots_units
) noexcept nogil:
    """Return why a price and a quantity cannot stand in an order, and what they are worth if they can."""
    if unlikely(price_ticks < 1 or price_ticks > PRICE_TICKS_MAX):
        return PRICE_OUT_OF_RANGE
    if unlikely(quantity_lots < 1 or quantity_lots > QUANTITY_LOTS_MAX):
        return QUANTITY_OUT_OF_RANGE
    if unlikely(
        multiply_overflows(price_ticks * book.tick_lot_units, quantity_lots, notional_units)
        or multiply_overflows(quantity_lots, book.lot_units, lots_units)
    ):
        return NOTIONAL_TOO_LARGE
    return NONE


cdef int fillable(State* s, Book* book, const NewOrder* command, i64 wanted_lots) noexcept nogil:
    """Foresee whether so many lots of an incoming order would trade at once; NONE if so. O(max_fills).

    Counts as matching will: each fill, and each own order that prevention takes away, is a step.
    """
    cdef u8 mode = command.self_trade_prevention
    cdef i64 steps = 0
    cdef bint own
    cdef Walk walk
    begin_walk(
        s, &walk, other_side(book, command.side), reach_of(command.side, command.price_ticks),
        command.account if mode else 0,
    )
    while step(s, &walk):
        own = mode != 0 and same_group(s, command.account, walk.order.account)
        if steps == s.max_fills:
            return TOO_MANY_FILLS
        steps += 1
        if own:
            if mode != EXPIRE_MAKER:
                return SELF_TRADE_PREVENTED
            continue
        wanted_lots -= walk.lots
        if wanted_lots <= 0:
            return NONE
    return UNFILLED_REMAINDER


cdef int minimum_refusal(State* s, Book* book, const NewOrder* command) noexcept nogil:
    """Return why a FOK order, or one with a minimum, would not trade enough at once."""
    cdef i64 min_lots = min_lots_of(command)
    cdef i64 wanted_lots = command.quantity_lots if command.time_in_force == FOK else min_lots
    cdef int reason = fillable(s, book, command, wanted_lots) if wanted_lots else NONE
    if reason == NONE or reason == TOO_MANY_FILLS:
        return reason
    return MIN_QTY_NOT_FILLABLE if min_lots else FOK_NOT_FILLABLE


cdef inline int order_refusal(
    State* s, const Account* account, const NewOrder* command, bint plain, i64* held_units
) noexcept nogil:
    """Return the first reason to refuse an order, in this order; NONE for none, and what it is to hold."""
    cdef Book* book
    cdef i64 notional_units
    cdef i64 lots_units
    cdef int reason
    if unlikely(not is_valid(s, account)):
        return bar_or(account, CREDENTIAL_EXPIRED)
    if unlikely(command.instrument >= s.n_instruments):
        return UNKNOWN_INSTRUMENT
    book = s.books + command.instrument
    if unlikely(book.closed):
        return why_closed(book)
    if unlikely(not (permits(account, book.given[0]) and permits(account, book.given[1]))):
        return CURRENCY_NOT_PERMITTED
    if unlikely(command.side != BUY and command.side != SELL):
        return BAD_SIDE
    if not plain:
        reason = form_refusal(command)
        if reason != NONE:
            return reason
        if command.self_trade_prevention > DECREMENT:
            return BAD_SELF_TRADE_PREVENTION
    reason = size_refusal(book, command.price_ticks, command.quantity_lots, &notional_units, &lots_units)
    if unlikely(reason != NONE):
        return reason
    if not plain:
        reason = detail_refusal(s, command)
        if reason != NONE:
            return reason
    held_units[0] = choose(command.side == BUY, notional_units, lots_units)
    if unlikely(account.balances[currency_given(book, command.side)].available_units < held_units[0]):
        return INSUFFICIENT_FUNDS
    if plain:
        return CAPACITY if unlikely(pool_full(s)) else NONE
    if command.exec_inst and other_side(book, command.side).best_rank <= reach_of(command.side, command.price_ticks):
        return WOULD_CROSS
    reason = minimum_refusal(s, book, command)
    if reason != NONE:
        return reason
    return CAPACITY if unlikely(pool_full(s)) else NONE


cdef void add_detail(State* s, Order* order, const NewOrder* command) noexcept nogil:
    """Write an unusual order's second line, if it needs one."""
    cdef Detail* detail = detail_of(s, order)
    cdef bint iceberg = command.display_lots != 0 and command.display_lots < command.quantity_lots
    cdef i64 stop_price_ticks = stop_price_of(command)
    if not (iceberg or command.expire_ns or stop_price_ticks):
        return
    order.traits = DETAILED | ICEBERG if iceberg else DETAILED
    detail.shown_lots = 0
    detail.display_lots = command.display_lots if iceberg else 0
    detail.expire_ns = command.expire_ns
    detail.entry_sequence = s.sequence
    detail.stop_price_ticks = <u32>stop_price_ticks


cdef inline int enter(
    State* s, Account* account, const NewOrder* command, Remembered* entry, bint plain
) noexcept nogil:
    """Check, accept, match and perhaps rest an order; return why it was refused, or NONE.

    Compiled twice: where ``plain`` is True, nothing is asked that only other orders need.
    """
    cdef i64 held_units
    cdef int reason = order_refusal(s, account, command, plain, &held_units)
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
    order.price_ticks = <u32>command.price_ticks
    order.fee_credit = 0
    order.instrument = command.instrument
    order.side = command.side
    order.ord_type = LIMIT if plain else command.ord_type
    order.exec_inst = 0 if plain else command.exec_inst
    order.self_trade_prevention = 0 if plain else command.self_trade_prevention
    order.place = NOWHERE
    order.traits = 0
    if not plain:
        add_detail(s, order, command)
    account.n_orders += 1
    entry.order_id = order_id_of(s, order)
    hold(account.balances + currency_given(book, command.side), held_units)
    crosses = other_side(book, command.side).best_rank <= reach_of(command.side, command.price_ticks)
    if plain:
        resting = command.time_in_force == GTC and not crosses
    else:
        resting = may_rest(command) and not crosses and command.ord_type == LIMIT and not order.traits & ICEBERG
    emit_order(
        s, account, order, EVENT_ACCEPTED, NEW, FLAG_BOOK if resting else 0, 0, entry.order_id,
        command.price_ticks, command.quantity_lots, command.quantity_lots, 0, 0,
        next_number(book) if resting else 0,
    )
    if not plain and command.time_in_force == GTD:
        if add_timer(s, command.expire_ns, TIMER_ORDER, s.sequence, entry.order_id) != NONE:
            return OUT_OF_MEMORY
    if likely(resting):
        return rest_order(s, book, order)
    if not plain and is_stop(command):
        return wait_for_price(s, book, order)
    return run_order(s, book, account, order, not may_rest(command))


cdef int enter_unusual(State* s, Account* account, const NewOrder* command, Remembered* entry) noexcept nogil:
    return enter(s, account, command, entry, False)


cdef inline int new_order(State* s, Account* account, const NewOrder* command, Remembered* entry) noexcept nogil:
    """Enter an order of any kind; return why it was refused, or NONE."""
    if likely(is_plain(command)):
        return enter(s, account, command, entry, True)
    return enter_unusual(s, account, command, entry)
