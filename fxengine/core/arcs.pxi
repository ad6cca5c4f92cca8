# Books as a router sees them: one book in one direction, and how much of it a plan takes.
#
# An arc's entries are the fills that an incoming order would make, in priority; they are read from the book as
# they are asked for, once for all plans of a swap, and at most max_fills of them. A leg is what a plan takes of an
# arc, best entries first; its fee is reckoned on all that it receives, rounded up once, as an order's is.
#
#     entries   1.2 x 5 | 1.1 x 9 | ...        read as far as any plan has looked
#     leg       at 1, taken 2, lots 7          all before entry 1, and two lots of it


cdef inline u64 leg_rate(const State* s, const Book* book, u8 side) noexcept nogil:
    """Return the fee rate of a leg: its book's, or where the venue has a swap fee that, on the last leg and on no other."""
    if likely(s.swap_rate < 0):
        return book.taker_rate
    return s.swap_rate if currency_received(book, side) == s.router.nodes[NODE_RECEIVED] else 0


cdef inline u64 kept_of(const Arc* arc) noexcept nogil:
    """Return how many millionths of a receipt the fee leaves."""
    return <u64>RATE_ONE - arc.taker_rate


cdef inline void price_lot(const Book* book, u8 side, i64 price_ticks, i64* cost_units, i64* gross_units) noexcept nogil:
    """Write what a lot costs and brings at a price, before the fee, for one who takes that side."""
    cdef i64 notional_units = price_ticks * book.tick_lot_units
    cost_units[0] = choose(side == BUY, notional_units, book.lot_units)
    gross_units[0] = choose(side == BUY, book.lot_units, notional_units)


cdef const Entry* read_entry(State* s, Arc* arc, i64 at) noexcept nogil:
    """Read the next fill from the book; NULL where there is none, or may be none."""
    cdef Book* book = s.books + arc.instrument
    cdef Entry* entry = arc.entries + at
    if arc.is_read or at >= s.max_fills:
        return NULL
    if not step(s, &arc.walk):
        arc.is_read = True
        return NULL
    price_lot(book, <u8>arc.side, arc.walk.order.price_ticks, &entry.cost_units, &entry.gross_units)
    entry.lots = arc.walk.lots
    entry.rate.bits = 0
    arc.n_entries = at + 1
    return entry


cdef inline const Entry* entry_at(State* s, Arc* arc, i64 at) noexcept nogil:
    """Return the entry at a place, or NULL behind the last. Places are asked for in turn."""
    if likely(at < arc.n_entries):
        return arc.entries + at
    return read_entry(s, arc, at)


cdef inline Rate rate_of(const Arc* arc, i64 at) noexcept nogil:
    """Return what an entry's lots bring per unit; worked out when it is asked for first."""
    cdef Entry* entry = arc.entries + at
    if entry.rate.bits == 0:
        entry.rate = quotient(<u128>kept_of(arc) * <u64>entry.gross_units, <u128><u64>entry.cost_units * <u64>RATE_ONE)
    return entry.rate


cdef void open_arc(State* s, Arc* arc, u32 hop) noexcept nogil:
    """Begin to look at a book in one direction."""
    cdef Book* book = s.books + (hop >> 2)
    arc.hop = hop
    arc.instrument = hop >> 2
    arc.side = hop & 3
    arc.taker_rate = leg_rate(s, book, <u8>arc.side)
    arc.n_entries = 0
    arc.is_read = False
    begin_walk(s, &arc.walk, other_side(book, <u8>arc.side), PRICE_TICKS_MAX, 0)


cdef inline i64 fills_of(const Leg* leg) noexcept nogil:
    return leg.at + (leg.taken != 0)


cdef inline i64 net_of(const Arc* arc, i64 gross_units) noexcept nogil:
    """Return what the fee leaves of a receipt."""
    return gross_units - fee_owed_units(arc.taker_rate, gross_units)


cdef inline const Entry* last_entry(const Arc* arc, const Leg* leg) noexcept nogil:
    """Return the entry that a leg took from last; NULL if it took nothing."""
    if leg.taken:
        return arc.entries + leg.at
    return arc.entries + leg.at - 1 if leg.at else NULL


cdef inline void take_lots(const Arc* arc, Leg* leg, i64 lots) noexcept nogil:
    """Take lots of the next entry, at most what it still has."""
    cdef const Entry* entry = arc.entries + leg.at
    leg.lots += lots
    leg.spent_units += lots * entry.cost_units
    leg.gross_units += lots * entry.gross_units
    leg.taken += lots
    if leg.taken == entry.lots:
        leg.at += 1
        leg.taken = 0


cdef inline void give_back_lots(const Arc* arc, Leg* leg, i64 lots) noexcept nogil:
    """Give back lots of the last entry, at most what was taken of it."""
    cdef const Entry* entry = last_entry(arc, leg)
    if lots and not leg.taken:
        leg.at -= 1
        leg.taken = entry.lots
    leg.lots -= lots
    leg.spent_units -= lots * entry.cost_units
    leg.gross_units -= lots * entry.gross_units
    leg.taken -= lots


cdef inline i64 lots_bringing(const Arc* arc, const Leg* leg, i64 net_units, const Entry* entry) noexcept nogil:
    """Return the fewest lots of an entry that bring an amount (from 1) more; INT64_LARGEST beyond all there is."""
    cdef i64 gross_units = gross_for_net_units(arc.taker_rate, net_of(arc, leg.gross_units) + net_units)
    if gross_units < 0:
        return INT64_LARGEST
    return divide_up(gross_units - leg.gross_units, entry.gross_units)


cdef bint spend_all(State* s, Arc* arc, Leg* leg, i64 amount_units) noexcept nogil:
    """Take all that an amount pays for; say whether the entries suffice for all of it but part of a lot."""
    cdef const Entry* entry
    cdef i64 cost_units = amount_units
    cdef i64 left = amount_units
    cdef i64 whole_units
    cdef i64 lots
    memset(leg, 0, sizeof(Leg))
    while True:
        entry = entry_at(s, arc, leg.at)
        if entry == NULL:
            break
        cost_units = entry.cost_units
        lots = entry.lots
        if multiply_overflows(lots, cost_units, &whole_units) or whole_units > left:
            lots = left // cost_units
            if lots == 0:
                break
        left -= lots * cost_units
        take_lots(arc, leg, lots)
    return left < cost_units


cdef bint bring_at_least(State* s, Arc* arc, Leg* leg, i64 net_units) noexcept nogil:
    """Take the fewest lots that bring an amount after the fee; say whether the entries suffice.

    Resting offers are backed by what they sell, so what they cost at far prices is not bounded by the money
    there is: a sum beyond int64 does not suffice.
    """
    cdef const Entry* entry
    cdef i64 gross_units = gross_for_net_units(arc.taker_rate, net_units)
    cdef i64 cost_units
    cdef i64 lots
    memset(leg, 0, sizeof(Leg))
    if net_units == 0:
        return True
    while gross_units < 0 or leg.gross_units < gross_units:
        entry = entry_at(s, arc, leg.at)
        if entry == NULL:
            return False
        lots = entry.lots
        if gross_units > 0 and lots * entry.gross_units > gross_units - leg.gross_units:
            lots = divide_up(gross_units - leg.gross_units, entry.gross_units)
        if multiply_overflows(lots, entry.cost_units, &cost_units) or leg.spent_units > INT64_LARGEST - cost_units:
            return False
        take_lots(arc, leg, lots)
    return True
