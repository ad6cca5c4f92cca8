# Instant swap: pay one currency, receive another, over the best single path of up to three books.
#
# Every simple path between the two currencies is planned in full against the books as they stand
# (lots, fees and all), the best plan is chosen, and its legs are executed as ordinary trades in one
# command: all of them or none. A path visits a currency once, so no book is used twice and a plan
# made leg by leg stays true while it is executed.
#
#     exact in    100 JPY -> [sell JPY/USD] -> USD -> [buy EUR/USD] -> EUR       plan forwards
#     exact out   250 HKD <- [buy HKD/USD]  <- USD <- [sell JPY/USD] <- JPY      plan backwards
#
# Paths come with fewer books first, then by the indices of the currencies between, and only a
# strictly better one replaces the best so far; that order settles ties.
#
# Plans are in int64 although offers at far prices may be worth more in sum: a sum is given up as
# soon as it passes INT64_LARGEST, since no balance could pay it.


cdef inline bint complete_leg(const Book* book, Leg* leg, u8 side, i64 lots, i64 notional_units) noexcept nogil:
    """Write down what a leg spends and brings after the taker fee; False for one that brings nothing."""
    cdef i64 principal = lots * book.lot_units
    cdef i64 received = principal if side == BUY else notional_units
    leg.instrument = book.index
    leg.side = side
    leg.lots = lots
    leg.spent_units = notional_units if side == BUY else principal
    leg.net_units = received - fee_owed_units(book.taker_rate, received)
    return leg.net_units > 0


cdef bint sweep_lots(State* s, Book* book, u8 side, i64 wanted, Leg* leg) noexcept nogil:
    """Walk the other side for exactly ``wanted`` lots."""
    cdef Walk walk
    cdef i64 left = wanted
    cdef i64 lots
    cdef i64 notional_units = 0
    leg.fills = 0
    begin_walk(s, &walk, other_side(book, side), PRICE_TICKS_MAX, 0)
    while left and step(s, &walk):
        lots = least(left, walk.lots)
        if notional_units > INT64_LARGEST - notional_of(book, walk.order.price_ticks, lots):
            return False
        notional_units += notional_of(book, walk.order.price_ticks, lots)
        left -= lots
        leg.fills += 1
        if leg.fills > s.max_fills:
            return False
    return left == 0 and complete_leg(book, leg, side, wanted, notional_units)


cdef bint buy_with(State* s, Book* book, i64 budget_units, Leg* leg) noexcept nogil:
    """Buy as many lots of base as the budget of quote pays for.

    The offers suffice when what is left would not pay for one more lot at the last price taken.
    """
    cdef Walk walk
    cdef i64 left = budget_units
    cdef i64 lot_cost = budget_units
    cdef i64 bought = 0
    cdef i64 lots
    leg.fills = 0
    begin_walk(s, &walk, other_side(book, BUY), PRICE_TICKS_MAX, 0)
    while step(s, &walk):
        lot_cost = notional_of(book, walk.order.price_ticks, 1)
        lots = least(left // lot_cost, walk.lots)
        if lots == 0:
            break
        left -= lots * lot_cost
        bought += lots
        leg.fills += 1
        if leg.fills > s.max_fills:
            return False
    return left < lot_cost and complete_leg(book, leg, BUY, bought, budget_units - left)


cdef bint sell_for(State* s, Book* book, i64 gross_units, Leg* leg) noexcept nogil:
    """Sell the fewest lots of base whose proceeds are at least ``gross_units``."""
    cdef Walk walk
    cdef i64 sold = 0
    cdef i64 notional_units = 0
    cdef i64 lot_price
    cdef i64 lots
    leg.fills = 0
    begin_walk(s, &walk, other_side(book, SELL), PRICE_TICKS_MAX, 0)
    while notional_units < gross_units and step(s, &walk):
        lot_price = notional_of(book, walk.order.price_ticks, 1)
        lots = least(divide_up(gross_units - notional_units, lot_price), walk.lots)
        sold += lots
        notional_units += lots * lot_price
        leg.fills += 1
        if leg.fills > s.max_fills:
            return False
    return notional_units >= gross_units and complete_leg(book, leg, SELL, sold, notional_units)


cdef bint plan_forwards(State* s, const u32* hops, i64 n_legs, i64 amount_units, Plan* plan) noexcept nogil:
    """Spend an amount along a path, less than one lot of it left at each leg."""
    cdef Book* book
    cdef i64 i
    plan.n_legs = n_legs
    for i in range(n_legs):
        book = s.books + (hops[i] >> 2)
        if hops[i] & 3 == SELL:
            if not sweep_lots(s, book, SELL, amount_units // book.lot_units, &plan.legs[i]):
                return False
        elif not buy_with(s, book, amount_units, &plan.legs[i]):
            return False
        amount_units = plan.legs[i].net_units
    return True


cdef bint plan_backwards(State* s, const u32* hops, i64 n_legs, i64 amount_units, Plan* plan) noexcept nogil:
    """Find what each leg must trade so that the last yields at least an amount net."""
    cdef Book* book
    cdef i64 gross_units
    cdef i64 i
    plan.n_legs = n_legs
    for i in range(n_legs - 1, -1, -1):
        book = s.books + (hops[i] >> 2)
        gross_units = gross_for_net_units(book.taker_rate, amount_units)
        if gross_units < 0:
            return False
        if hops[i] & 3 == SELL:
            if not sell_for(s, book, gross_units, &plan.legs[i]):
                return False
        elif not sweep_lots(s, book, BUY, divide_up(gross_units, book.lot_units), &plan.legs[i]):
            return False
        amount_units = plan.legs[i].spent_units
    return True


cdef int consider(State* s, const u32* hops, i64 n_legs, const Swap* command, Plan* best, int reason) noexcept nogil:
    """Plan one path and keep it if it is better; return why there is no plan, as far as is known."""
    cdef Plan plan
    cdef i64 fills = 0
    cdef i64 i
    cdef bint better
    if command.mode == EXACT_IN:
        if not plan_forwards(s, hops, n_legs, command.amount_units, &plan):
            return INSUFFICIENT_LIQUIDITY
        better = best.n_legs == 0 or plan.legs[n_legs - 1].net_units > best.legs[best.n_legs - 1].net_units
    else:
        if not plan_backwards(s, hops, n_legs, command.amount_units, &plan):
            return INSUFFICIENT_LIQUIDITY
        better = best.n_legs == 0 or plan.legs[0].spent_units < best.legs[0].spent_units
    for i in range(n_legs):
        fills += plan.legs[i].fills
    if fills > s.max_fills:
        return INSUFFICIENT_LIQUIDITY
    if better:
        best[0] = plan
    return reason


cdef inline bint may_pass(const State* s, const Account* account, u32 currency) noexcept nogil:
    """Say whether a path may lead over a currency."""
    return permits(account, currency) and not is_redeem_only(s, currency)


cdef int best_plan(State* s, const Account* account, const Swap* command, Plan* best) noexcept nogil:
    """Plan every path that the account may use and return the best, or why there is none."""
    cdef u32 n = s.n_currencies
    cdef u32 start = command.instrument
    cdef u32 end = command.currency_out
    cdef u32 hops[LEGS_MAX]
    cdef int reason = NO_PATH
    cdef u32 a
    cdef u32 b
    best.n_legs = 0
    hops[0] = s.hops[start * n + end]
    if hops[0] != NO_HOP:
        reason = consider(s, hops, 1, command, best, reason)
    for a in range(n):
        hops[0] = s.hops[start * n + a]
        hops[1] = s.hops[a * n + end]
        if a != end and hops[0] != NO_HOP and hops[1] != NO_HOP and may_pass(s, account, a):
            reason = consider(s, hops, 2, command, best, reason)
    for a in range(n):
        hops[0] = s.hops[start * n + a]
        if a == end or hops[0] == NO_HOP or not may_pass(s, account, a):
            continue
        for b in range(n):
            hops[1] = s.hops[a * n + b]
            hops[2] = s.hops[b * n + end]
            if b != start and b != end and hops[1] != NO_HOP and hops[2] != NO_HOP and may_pass(s, account, b):
                reason = consider(s, hops, 3, command, best, reason)
    return NONE if best.n_legs else reason


cdef int swap_refusal(State* s, const Account* account, const Swap* command, u32 payee) noexcept nogil:
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
    if command.amount_units < 1 or command.bound_units < 1:
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
    if command.mode == EXACT_IN and account.balances[command.instrument].available_units < command.amount_units:
        return INSUFFICIENT_FUNDS
    return NONE


cdef void execute_leg(State* s, Account* account, const Swap* command, const Leg* leg) noexcept nogil:
    """Trade one leg with the resting orders that its plan walked over.

    The leg is an order like any other but for its OrderID: it never rests and holds nothing.
    """
    cdef Book* book = s.books + leg.instrument
    cdef Ladder* offers = other_side(book, leg.side)
    cdef Balance* payer = account.balances + currency_given(book, leg.side)
    cdef Order order
    cdef Order* maker
    cdef i64 lots
    memset(&order, 0, sizeof(Order))
    order.account = command.account
    order.client_order_id = command.client_order_id
    order.instrument = <u16>leg.instrument
    order.side = <u8>leg.side
    order.leaves_lots = leg.lots
    while order.leaves_lots:
        maker = first_order(s, offers)
        lots = least(order.leaves_lots, shown_of(s, maker))
        order.leaves_lots -= lots
        if leg.side == BUY:
            payer.available_units -= notional_of(book, maker.price_ticks, lots)
        else:
            payer.available_units -= lots * book.lot_units
        trade(s, book, maker, &order, account, lots, FLAG_TAKER | FLAG_SWAP)


cdef int swap(State* s, Account* account, const Swap* command, Remembered* entry) noexcept nogil:
    """Check, plan and execute an instant swap; return why it was refused, or NONE."""
    cdef u32 payee = command.payee if command.payee else command.account
    cdef int reason = swap_refusal(s, account, command, payee)
    cdef Account* receiver
    cdef Plan plan
    cdef i64 spent_units
    cdef i64 delivered_units
    cdef i64 i
    if reason == NONE:
        reason = best_plan(s, account, command, &plan)
    if reason != NONE:
        return reason
    spent_units = plan.legs[0].spent_units
    delivered_units = plan.legs[plan.n_legs - 1].net_units
    if delivered_units < command.bound_units if command.mode == EXACT_IN else spent_units > command.bound_units:
        return BOUND_EXCEEDED
    if account.balances[command.instrument].available_units < spent_units:
        return INSUFFICIENT_FUNDS
    for i in range(plan.n_legs):
        execute_leg(s, account, command, &plan.legs[i])
    if command.mode == EXACT_OUT:
        delivered_units = command.amount_units
    entry.status = FILLED
    write_totals(account, command.client_order_id, spent_units, delivered_units)
    emit_swapped(s, account, command, payee, &plan, delivered_units)
    if payee != command.account:
        receiver = account_at(s, payee)
        account.balances[command.currency_out].available_units -= delivered_units
        receiver.balances[command.currency_out].available_units += delivered_units
        emit_money(
            s, receiver, payee, EVENT_RECEIVED, command.currency_out, delivered_units, command.account, 0
        )
    return NONE


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
