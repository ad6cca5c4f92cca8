# The matching loop: price, then time, at the resting order's price; and what ends an order.
#
# An order holds its principal in full before it trades. Each fill takes its part out of the hold
# at the resting order's price and gives the improvement back at once. Example: buy 3 at 10, resting
# offers 1 at 8 and 5 at 9 (one unit per tick and lot):
#
#     hold 30                  available -30   held +30
#     fill 1 at 8              held -10, available +2, base +1
#     fill 2 at 9              held -20, available +2, base +2
#
# No product here can leave int64: an order's whole value was checked at its entry, and what trades
# is money that somebody holds.


cdef inline i64 principal_units(const Book* book, const Order* order, i64 lots) noexcept nogil:
    """Return what ``lots`` of an open order hold, in the currency that it gives."""
    return lots * choose(order.side == BUY, order.price_ticks * book.tick_lot_units, book.lot_units)


cdef inline u64 next_number(Book* book) noexcept nogil:
    """Return the next number of the instrument's market data."""
    book.stream += 1
    return book.stream


cdef inline void close_order(State* s, Account* owner, Order* order, u8 status, u16 reason) noexcept nogil:
    """Write the order's final outcome where a retry will look for it, and free its slot."""
    cdef Segment* segment
    cdef Remembered* entry
    if unlikely(order.traits & QUOTE):
        forget_quote(s, order)
    else:
        segment = segment_of(owner, order.client_order_id)
        if likely(segment != NULL):
            entry = &segment.ids[order.client_order_id % SEGMENT_IDS]
            entry.status = status
            entry.reason = reason
            if unlikely(order.cum_lots):
                write_totals(owner, order.client_order_id, order.cum_lots, order.notional_units)
    owner.n_orders -= 1
    free_order(s, order)


cdef inline void end_resting(
    State* s, Book* book, Account* owner, Order* order, u8 status, u16 reason, u64 request_id
) noexcept nogil:
    """End an order that stands in the book, release its hold, and report it."""
    cdef i64 lots = order.leaves_lots
    cdef i64 displayed = shown_of(s, order)
    hold(owner.balances + currency_given(book, order.side), -principal_units(book, order, lots))
    unlink_order(s, book, order)
    order.leaves_lots = 0
    emit_reduction(
        s, owner, order, EVENT_CANCELED, FLAG_BOOK, status, reason, lots, displayed, request_id, next_number(book)
    )
    close_order(s, owner, order, status, reason)


cdef void end_order(State* s, Book* book, Account* owner, Order* order, u16 reason, u64 request_id) noexcept nogil:
    """End an open order wherever it stands, release its hold, and report it."""
    cdef i64 lots = order.leaves_lots
    cdef u8 status = EXPIRED if reason == CREDENTIAL_EXPIRED or reason == ORDER_EXPIRED else CANCELED
    if order.place == IN_BOOK:
        end_resting(s, book, owner, order, status, reason, request_id)
        return
    if order.place != NOWHERE:
        stop_waiting(s, book, order)
    hold(owner.balances + currency_given(book, order.side), -principal_units(book, order, lots))
    order.leaves_lots = 0
    emit_reduction(s, owner, order, EVENT_CANCELED, 0, status, reason, lots, 0, request_id, 0)
    close_order(s, owner, order, status, reason)


cdef inline void receive(
    State* s, const Book* book, Account* owner, Order* order, i64 lots, i64 notional_units, i64 fee_units
) noexcept nogil:
    """Credit one side of a trade with its receipt, less its fee or plus its rebate.

    The fee is taken off before the receipt is credited: a balance may be all there is of a currency,
    and would not hold both for a moment.
    """
    cdef u32 received = currency_received(book, order.side)
    cdef u32 given = currency_given(book, order.side)
    cdef i64 receipt_units = choose(order.side == BUY, lots * book.lot_units, notional_units)
    if fee_units >= 0:
        owner.balances[received].available_units += receipt_units - fee_units
        s.fees[received].available_units += fee_units
    else:
        owner.balances[received].available_units += receipt_units
        owner.balances[given].available_units -= fee_units
        s.fees[given].available_units += fee_units
    order.cum_lots += lots
    order.notional_units += notional_units


cdef inline i64 fee_of_fill(const Book* book, Order* order, i64 lots, i64 notional_units, u64 rate) noexcept nogil:
    """Return the fee due for this fill, and keep the order's credit."""
    cdef i64 receipt_units = choose(order.side == BUY, lots * book.lot_units, notional_units)
    return fee_now_units(rate, <u64>receipt_units, &order.fee_credit)


cdef inline void trade(
    State* s, Book* book, Order* maker, Order* taker, Account* taker_owner, i64 lots, u64 taker_rate, u8 flags
) noexcept nogil:
    """Exchange ``lots`` at the maker's price, for the taker at a fee rate, and report both sides.

    The taker's payment has been taken out of its balance already, and its leaves reduced.
    """
    cdef Account* maker_owner = account_at(s, maker.account)
    cdef i64 notional_units = notional_of(book, maker.price_ticks, lots)
    cdef i64 principal = lots * book.lot_units
    cdef i64 taker_fee = fee_of_fill(book, taker, lots, notional_units, taker_rate)
    cdef i64 maker_fee
    cdef i64 shown_anew = 0
    cdef u32 price_ticks = maker.price_ticks
    cdef u64 number
    if book.maker_rate >= 0:
        maker_fee = fee_of_fill(book, maker, lots, notional_units, book.maker_rate)
    else:
        maker_fee = -rebate_units(-book.maker_rate, principal if taker.side == BUY else notional_units)
    maker_owner.balances[currency_given(book, maker.side)].held_units -= principal_units(book, maker, lots)
    receive(s, book, maker_owner, maker, lots, notional_units, maker_fee)
    receive(s, book, taker_owner, taker, lots, notional_units, taker_fee)
    maker.leaves_lots -= lots
    if unlikely(maker.traits & ICEBERG):
        shown_anew = take_shown(s, book, maker, lots)
    elif maker.leaves_lots == 0:
        unlink_order(s, book, maker)
    number = next_number(book)
    emit_order(
        s, maker_owner, maker, EVENT_FILL, open_status(maker), FLAG_MAKER | FLAG_BOOK, taker.account,
        order_id_of(s, maker), maker.price_ticks, lots, maker.leaves_lots, maker.cum_lots, maker_fee, number,
    )
    emit_order(
        s, taker_owner, taker, EVENT_FILL, open_status(taker), flags, maker.account,
        0 if flags & FLAG_SWAP else order_id_of(s, taker), maker.price_ticks, lots, taker.leaves_lots,
        taker.cum_lots, taker_fee, number,
    )
    if unlikely(shown_anew):
        emit_rested(s, book, maker_owner, maker, shown_anew)
    if maker.leaves_lots == 0:
        close_order(s, maker_owner, maker, FILLED, NONE)
    book.last_price_ticks = price_ticks
    if unlikely(price_ticks >= book.buy_stop_ticks or price_ticks <= book.sell_stop_ticks):
        trigger_stops(s, book)


cdef inline void emit_rested(State* s, Book* book, Account* owner, const Order* order, i64 shown_lots) noexcept nogil:
    """Report what an order shows in the book from now on."""
    emit_order(
        s, owner, order, EVENT_RESTED, open_status(order), FLAG_BOOK, 0, order_id_of(s, order), order.price_ticks,
        shown_lots, order.leaves_lots, order.cum_lots, 0, next_number(book),
    )


cdef int match_order(State* s, Book* book, Account* owner, Order* order) noexcept nogil:
    """Trade with the best resting orders within the order's limit, at most max_fills of them.

    Returns why what is left may not rest: TOO_MANY_FILLS, SELF_TRADE_PREVENTED, or NONE. An order that
    lost its last lots to prevention has ended when this returns.
    """
    cdef Ladder* offers = other_side(book, order.side)
    cdef u32 reach = reach_of(order.side, order.price_ticks)
    cdef Balance* payer = owner.balances + currency_given(book, order.side)
    cdef i64 steps = 0
    cdef i64 lots
    cdef i64 held
    cdef Order* maker
    look_for_outcome(s, order)
    while order.leaves_lots and offers.best_rank <= reach:
        if unlikely(steps == s.max_fills):
            return TOO_MANY_FILLS
        steps += 1
        maker = first_order(s, offers)
        prefetch(s.orders + maker.next)
        look_for_outcome(s, maker)
        if unlikely(order.self_trade_prevention) and same_group(s, order.account, maker.account):
            if prevent(s, book, owner, order, maker):
                return SELF_TRADE_PREVENTED
            continue
        lots = least(order.leaves_lots, shown_of(s, maker))
        held = principal_units(book, order, lots)
        payer.held_units -= held
        if order.side == BUY:
            payer.available_units += held - notional_of(book, maker.price_ticks, lots)
        order.leaves_lots -= lots
        trade(s, book, maker, order, owner, lots, book.taker_rate, FLAG_TAKER)
    if offers.best_rank != NO_RANK:
        look_for_maker(s, first_order(s, offers))
    return NONE


cdef int settle_remainder(
    State* s, Book* book, Account* owner, Order* order, int reason, bint immediate
) noexcept nogil:
    """Rest what is left of an incoming order, or cancel it and say why."""
    if order.leaves_lots == 0:
        if order.account:
            close_order(s, owner, order, FILLED, NONE)
        return NONE
    if reason == NONE and immediate:
        reason = UNFILLED_REMAINDER
    if reason == NONE and order.cum_lots:
        # A seller was paid more than its limit: the running total might no longer fit.
        if order.notional_units > INT64_LARGEST - notional_of(book, order.price_ticks, order.leaves_lots):
            reason = NOTIONAL_TOO_LARGE
    if reason != NONE:
        end_order(s, book, owner, order, reason, 0)
        return NONE
    emit_rested(s, book, owner, order, show(s, order))
    return rest_order(s, book, order)


cdef int run_order(State* s, Book* book, Account* owner, Order* order, bint immediate) noexcept nogil:
    """Match an order that is not in the book, and rest or cancel what is left."""
    return settle_remainder(s, book, owner, order, match_order(s, book, owner, order), immediate)
