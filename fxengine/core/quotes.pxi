# Mass quote: a maker's two-sided ladders for many instruments in one command, set by set.
#
# A set replaces the maker's whole ladder in its instrument, or nothing of it. What a level's new
# quantity leaves at the same price keeps its place when it does not grow:
#
#     standing   bids 99 x 5, 98 x 7          new set   bids 99 x 3, 97 x 7
#     result     99 x 3 in its old place, 98 gone, 97 x 7 new
#
# Removals come first, so only the net need is asked of the balance. Quotes never take: a set with a
# level that would cross somebody else's order is refused.
#
# A quote set is a small array per side of (price, slot), best first, as the new ladder is: both are
# walked once, side by side. A set is found by its account and instrument in a hash table, and by its
# account alone through a chain; it stays when it is empty, since who quotes once quotes again.

cdef enum:
    QUOTE_PLACES_MIN = 64  # places of the first hash table of quote sets

cdef struct SetWanted:  # one set of a command
    u32 instrument
    u32 n[2]  # bids, offers
    const QuoteLevel* levels[2]


cdef inline u32 quote_place(const State* s, u32 account, u32 instrument) noexcept nogil:
    """Return the place of a maker's set in the hash table, or the free place where it would stand."""
    cdef u32 place = <u32>((<u64>account << 16 | instrument) * <u64>0x9E3779B97F4A7C15 >> 32) & s.quotes_mask
    while s.quotes[place] != NULL:
        if s.quotes[place].account == account and s.quotes[place].instrument == instrument:
            break
        place = (place + 1) & s.quotes_mask
    return place


cdef int grow_quote_table(State* s) noexcept nogil:
    """Make the hash table of quote sets, or double it."""
    cdef QuoteSet** old = s.quotes
    cdef u32 n_old = s.quotes_mask + 1 if old != NULL else 0
    cdef u32 n_places = 2 * n_old if n_old else QUOTE_PLACES_MIN
    cdef u32 i
    s.quotes = <QuoteSet**>calloc(n_places, sizeof(QuoteSet*))
    if s.quotes == NULL:
        s.quotes = old
        return OUT_OF_MEMORY
    s.quotes_mask = n_places - 1
    for i in range(n_old):
        if old[i] != NULL:
            s.quotes[quote_place(s, old[i].account, old[i].instrument)] = old[i]
    free(old)
    return NONE


cdef QuoteSet* quote_set(State* s, Account* account, u32 number, u32 instrument) noexcept nogil:
    """Return a maker's set in an instrument, an empty one at first; NULL when memory is out."""
    cdef QuoteSet* found
    cdef u32 place
    if 2 * s.n_quotes >= s.quotes_mask and grow_quote_table(s) != NONE:
        return NULL
    place = quote_place(s, number, instrument)
    found = s.quotes[place]
    if likely(found != NULL):
        return found
    found = <QuoteSet*>cut(&s.memory, sizeof(QuoteSet))
    if found == NULL:
        return NULL
    found.account = number
    found.instrument = <u16>instrument
    found.next = account.quotes
    account.quotes = found
    s.quotes[place] = found
    s.n_quotes += 1
    return found


cdef void forget_quote(State* s, const Order* order) noexcept nogil:
    """Take a quote that ends out of its set."""
    cdef QuoteSet* standing = s.quotes[quote_place(s, order.account, order.instrument)]
    cdef u32 side = order.side - BUY
    cdef u32 slot = slot_of(s, order)
    cdef u32 i = 0
    while standing.levels[side][i].slot != slot:
        i += 1
    standing.n[side] -= 1
    memmove(
        &standing.levels[side][i], &standing.levels[side][i + 1], (standing.n[side] - i) * sizeof(QuotedLevel)
    )


cdef bint meets_others(State* s, const Book* book, u32 account, u8 side, i64 price_ticks) noexcept nogil:
    """Say whether an order of this price would trade with any but the maker's own standing quotes."""
    cdef Ladder* others = other_side(<Book*>book, side)
    cdef u32 reach = reach_of(side, price_ticks)
    cdef Order* resting
    if likely(others.best_rank > reach):
        return False
    resting = first_order(s, others)
    while resting != NULL and rank_of(resting.side, resting.price_ticks) <= reach:
        if not (resting.traits & QUOTE and resting.account == account):
            return True
        resting = order_behind(s, others, resting)
    return False


cdef bint is_ladder(const SetWanted* wanted) noexcept nogil:
    """Say whether prices get worse from level to level, and bids are below offers."""
    cdef u32 i
    for i in range(1, wanted.n[0]):
        if wanted.levels[0][i - 1].price_ticks <= wanted.levels[0][i].price_ticks:
            return False
    for i in range(1, wanted.n[1]):
        if wanted.levels[1][i - 1].price_ticks >= wanted.levels[1][i].price_ticks:
            return False
    return not (wanted.n[0] and wanted.n[1]) or wanted.levels[0][0].price_ticks < wanted.levels[1][0].price_ticks


cdef int side_refusal(
    State* s, const Book* book, const Account* account, const QuoteSet* standing, const SetWanted* wanted, u8 side,
    i64* n_fresh, i64* n_kept,
) noexcept nogil:
    """Return the first reason to refuse one side of a set, and count its new and its standing levels."""
    cdef const QuoteLevel* levels = wanted.levels[side - BUY]
    cdef const QuotedLevel* have = standing.levels[side - BUY]
    cdef u32 n_have = standing.n[side - BUY]
    cdef u32 n = wanted.n[side - BUY]
    cdef u128 need_units = 0
    cdef u128 held_units = 0
    cdef const Order* order
    cdef i64 notional_units
    cdef u32 i
    cdef u32 j = 0
    for i in range(n):
        while j < n_have and rank_of(side, have[j].price_ticks) < rank_of(side, levels[i].price_ticks):
            order = s.orders + have[j].slot
            held_units += <u128>principal_units(book, order, order.leaves_lots)
            j += 1
        order = NULL
        if j < n_have and have[j].price_ticks == levels[i].price_ticks:
            order = s.orders + have[j].slot
            j += 1
            n_kept[0] += 1
            if order.leaves_lots == levels[i].leaves_lots:
                continue  # needs what it holds
            held_units += <u128>principal_units(book, order, order.leaves_lots)
        else:
            n_fresh[0] += 1
        notional_units = notional_of(book, levels[i].price_ticks, levels[i].leaves_lots)
        need_units += <u128>(notional_units if side == BUY else levels[i].leaves_lots * book.lot_units)
        if order != NULL and order.notional_units > INT64_LARGEST - notional_units:
            return NOTIONAL_TOO_LARGE
    for j in range(j, n_have):
        order = s.orders + have[j].slot
        held_units += <u128>principal_units(book, order, order.leaves_lots)
    if held_units + <u128>account.balances[currency_given(book, side)].available_units < need_units:
        return INSUFFICIENT_FUNDS
    if n and meets_others(s, book, standing.account, side, levels[0].price_ticks):
        return WOULD_CROSS
    return NONE


cdef bint adds(const State* s, const QuoteSet* standing, const SetWanted* wanted) noexcept nogil:
    """Say whether a set has a level that does not stand yet, or that grows. Levels may come in any order yet."""
    cdef const QuoteLevel* level
    cdef i64 leaves
    cdef u32 i
    cdef u32 j
    cdef u8 side
    for side in range(2):
        for i in range(wanted.n[side]):
            level = &wanted.levels[side][i]
            leaves = -1
            for j in range(standing.n[side]):
                if standing.levels[side][j].price_ticks == level.price_ticks:
                    leaves = s.orders[standing.levels[side][j].slot].leaves_lots
            if leaves < 0 or level.leaves_lots > leaves:
                return True
    return False


cdef int set_refusal(
    State* s, const Account* account, const QuoteSet* standing, const SetWanted* wanted
) noexcept nogil:
    """Return the first reason to refuse a set in a known instrument, in this order."""
    cdef const Book* book = s.books + wanted.instrument
    cdef const QuoteLevel* level
    cdef i64 notional_units
    cdef i64 lots_units
    cdef i64 n_fresh = 0
    cdef i64 n_kept = 0
    cdef i64 n_gone
    cdef int reason
    cdef u32 i
    cdef u8 side
    if unlikely(book.closed) and adds(s, standing, wanted):
        return why_closed(book)
    if not (permits(account, book.given[0]) and permits(account, book.given[1])):
        return CURRENCY_NOT_PERMITTED
    for side in range(2):
        for i in range(wanted.n[side]):
            level = &wanted.levels[side][i]
            if i < standing.n[side] and standing.levels[side][i].price_ticks == level.price_ticks:
                if s.orders[standing.levels[side][i].slot].leaves_lots == level.leaves_lots:
                    continue  # as it stands: it was looked at before
            reason = size_refusal(book, level.price_ticks, level.leaves_lots, &notional_units, &lots_units)
            if reason != NONE:
                return reason
    if not is_ladder(wanted):
        return BAD_QUOTE_SET
    for side in range(BUY, SELL + 1):
        reason = side_refusal(s, book, account, standing, wanted, side, &n_fresh, &n_kept)
        if reason != NONE:
            return reason
    n_gone = standing.n[0] + standing.n[1] - n_kept
    return CAPACITY if n_fresh > n_gone + s.max_orders - s.n_orders else NONE


cdef void remove_levels(
    State* s, Book* book, Account* account, QuoteSet* standing, const SetWanted* wanted, u32 side, u64 request_id
) noexcept nogil:
    """End the quotes of one side whose price is not wanted any more, best first."""
    cdef QuotedLevel* have = standing.levels[side]
    cdef u32 i = 0
    cdef u32 j = 0
    while i < standing.n[side]:
        while j < wanted.n[side] and rank_of(side + BUY, wanted.levels[side][j].price_ticks) < rank_of(
            side + BUY, have[i].price_ticks
        ):
            j += 1
        if j < wanted.n[side] and wanted.levels[side][j].price_ticks == have[i].price_ticks:
            i += 1
        else:
            end_order(s, book, account, s.orders + have[i].slot, QUOTE_REPLACED, request_id)


cdef Order* enter_quote(
    State* s, Book* book, Account* account, u32 number, u8 side, const QuoteLevel* level, u64 request_id
) noexcept nogil:
    """Put a new level in the book; NULL when memory is out."""
    cdef Order* order = take_order(s)
    memset(&order.account, 0, sizeof(Order) - 3 * sizeof(u32))
    order.account = number
    order.client_order_id = request_id
    order.leaves_lots = level.leaves_lots
    order.price_ticks = <u32>level.price_ticks
    order.instrument = <u16>book.index
    order.side = side
    order.ord_type = LIMIT
    order.traits = QUOTE
    account.n_orders += 1
    hold(account.balances + currency_given(book, side), principal_units(book, order, level.leaves_lots))
    if rest_order(s, book, order) != NONE:
        return NULL
    emit_order(
        s, account, order, EVENT_ACCEPTED, NEW, FLAG_BOOK, 0, order_id_of(s, order), level.price_ticks,
        level.leaves_lots, level.leaves_lots, 0, 0, next_number(book),
    )
    return order


cdef void resize_quote(State* s, Book* book, Account* account, Order* order, i64 lots) noexcept nogil:
    """Give a standing level its new quantity; one that grows goes to the back."""
    cdef bint grows = lots > order.leaves_lots
    cdef i64 displayed = order.leaves_lots if grows else order.leaves_lots - lots
    hold(account.balances + currency_given(book, order.side), principal_units(book, order, lots - order.leaves_lots))
    order.leaves_lots = lots
    emit_replaced(s, account, order, order.price_ticks, displayed, next_number(book))
    if grows:
        requeue(s, book, order)
        emit_rested(s, book, account, order, lots)


cdef int place_levels(
    State* s, Book* book, Account* account, QuoteSet* standing, const SetWanted* wanted, u32 side, u64 request_id
) noexcept nogil:
    """Enter or resize the wanted levels of one side; what stands there is wanted."""
    cdef const QuoteLevel* levels = wanted.levels[side]
    cdef QuotedLevel kept[QUOTE_LEVELS_MAX]
    cdef QuotedLevel* have = standing.levels[side]
    cdef u32 n_kept = standing.n[side]
    cdef Order* order
    cdef u32 i
    cdef u32 j = 0
    memcpy(kept, have, n_kept * sizeof(QuotedLevel))
    for i in range(wanted.n[side]):
        if j < n_kept and kept[j].price_ticks == levels[i].price_ticks:
            order = s.orders + kept[j].slot
            j += 1
            if order.leaves_lots != levels[i].leaves_lots:
                resize_quote(s, book, account, order, levels[i].leaves_lots)
        else:
            order = enter_quote(s, book, account, standing.account, <u8>(side + BUY), levels + i, request_id)
            if order == NULL:
                return OUT_OF_MEMORY
        have[i].price_ticks = order.price_ticks
        have[i].slot = slot_of(s, order)
    standing.n[side] = <u8>wanted.n[side]
    return NONE


cdef int apply_set(
    State* s, Account* account, const MassQuote* command, const SetWanted* wanted, int* reason
) noexcept nogil:
    """Apply a set whole or refuse it, and report which; OUT_OF_MEMORY or NONE."""
    cdef QuoteSet* standing
    cdef Book* book
    cdef u32 side
    cdef u32 i
    reason[0] = UNKNOWN_INSTRUMENT
    if wanted.instrument < s.n_instruments:
        standing = quote_set(s, account, command.account, wanted.instrument)
        if standing == NULL:
            return OUT_OF_MEMORY
        for side in range(2):
            for i in range(standing.n[side]):
                prefetch(s.orders + standing.levels[side][i].slot)
        reason[0] = set_refusal(s, account, standing, wanted)
    if reason[0] != NONE:
        emit_rejected(
            s, <const Command*>command, COMMAND_MASS_QUOTE, <u16>wanted.instrument, reason[0],
            command.client_order_id, 0, 0,
        )
        return NONE
    book = s.books + wanted.instrument
    for side in range(2):
        remove_levels(s, book, account, standing, wanted, side, command.client_order_id)
    for side in range(2):
        if place_levels(s, book, account, standing, wanted, side, command.client_order_id) != NONE:
            return OUT_OF_MEMORY
    emit_quoted(
        s, account, command.account, <u16>wanted.instrument, command.client_order_id, wanted.n[0] + wanted.n[1]
    )
    return NONE


cdef inline bint read_set(const u8** at, const u8* end, SetWanted* wanted) noexcept nogil:
    """Take the next set of a command apart; False when it does not fit or is too large."""
    cdef const QuoteSetRecord* head = <const QuoteSetRecord*>at[0]
    if at[0] + sizeof(QuoteSetRecord) > end:
        return False
    if head.n_bids > QUOTE_LEVELS_MAX or head.n_offers > QUOTE_LEVELS_MAX:
        return False
    wanted.instrument = head.instrument
    wanted.n[0] = head.n_bids
    wanted.n[1] = head.n_offers
    wanted.levels[0] = <const QuoteLevel*>(head + 1)
    wanted.levels[1] = wanted.levels[0] + head.n_bids
    at[0] = <const u8*>(wanted.levels[1] + head.n_offers)
    return at[0] <= end


cdef int mass_quote(State* s, Account* account, const MassQuote* command, Remembered* entry) noexcept nogil:
    """Apply each set whole or refuse it; return why all of it was refused, or NONE."""
    cdef const u8* first = <const u8*>(command + 1)
    cdef const u8* end = <const u8*>(command + command.n_records)
    cdef const u8* at = first
    cdef SetWanted wanted
    cdef i64 n_applied = 0
    cdef int reason
    cdef u32 i
    if not is_valid(s, account):
        return bar_or(account, CREDENTIAL_EXPIRED)
    for i in range(command.n_sets):
        if not read_set(&at, end, &wanted):
            return BAD_QUOTE_SET
    if command.n_sets == 0:
        return BAD_QUOTE_SET
    at = first
    for i in range(command.n_sets):
        read_set(&at, end, &wanted)
        if apply_set(s, account, command, &wanted, &reason) != NONE:
            return OUT_OF_MEMORY
        n_applied += reason == NONE
    write_totals(account, command.client_order_id, n_applied, command.n_sets - n_applied)
    return NONE
