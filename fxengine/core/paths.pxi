# Which paths a swap may take: chains of one to three books that visit no currency twice.
#
# Paths come in the order of their numbers (fewer books first, then by the currencies between; named ones as they
# are named), each is ranked by the rate at the top of its books, and the best PATHS_MAX stay, in a table that is
# sorted as it fills. Only then are their books opened as arcs:
#
#     JPY -> USD        0.0067    direct              by_rank   2 0 1       paths   0 1 2
#     JPY -> EUR -> USD 0.0066    over 1              arcs      JPY-USD, JPY-EUR, JPY-GBP | GBP-EUR | EUR-USD
#     JPY -> GBP -> EUR -> USD 0.0068
#
# What a first or a last hop brings is asked for once, however many paths go over it.


cdef void look_at_top(State* s, u32 hop, Top* top) noexcept nogil:
    """Write what the best order of a hop's book would bring; ``there`` is False for no book, or an empty one."""
    cdef Book* book
    cdef Ladder* ladder
    cdef u8 side
    top.hop = hop
    top.is_there = False
    if hop == NO_HOP:
        return
    side = hop & 3
    book = s.books + (hop >> 2)
    ladder = other_side(book, side)
    if ladder.best_rank == NO_RANK:
        return
    top.is_there = True
    top.kept = <u64>RATE_ONE - leg_rate(s, book, side)
    price_lot(book, side, rank_of(BUY + SELL - side, ladder.best_rank), &top.cost_units, &top.gross_units)
    top.rate = quotient(<u128>top.kept * <u64>top.gross_units, <u128><u64>top.cost_units * <u64>RATE_ONE)


cdef void gather_tops(const Ranked* path, Factors* factors) noexcept nogil:
    """Write down all that the rate at the top of a path's books is made of."""
    cdef u32 i
    begin_factors(factors)
    for i in range(path.n):
        add_factors(factors, path.tops[i].kept, path.tops[i].gross_units, path.tops[i].cost_units, False)


cdef bint ranks_before(const Ranked* one, const Ranked* other) noexcept nogil:
    """Say whether one path's rate is truly better than another's."""
    cdef i64 apart = one.key - other.key
    cdef Factors ours
    cdef Factors theirs
    if apart > KEYS_APART:
        return True
    if apart < -KEYS_APART:
        return False
    gather_tops(one, &ours)
    gather_tops(other, &theirs)
    return exceeds_exactly(&ours, &theirs)


cdef void rank_path(Router* r, const Top* first, const Top* second, const Top* third) noexcept nogil:
    """Give a path its number, and a place in the table if it is among the best. NULL: it has no such hop."""
    cdef Ranked* ranked = r.ranked
    cdef Ranked path
    cdef Rate rate
    cdef u32 place
    path.number = r.n_numbered
    r.n_numbered += 1
    if not first.is_there or (second != NULL and not second.is_there) or (third != NULL and not third.is_there):
        return
    rate = first.rate
    path.n = 1
    path.tops[0] = first[0]
    if second != NULL:
        rate = rate_product(rate, second.rate)
        path.tops[1] = second[0]
        path.n = 2
    if third != NULL:
        rate = rate_product(rate, third.rate)
        path.tops[2] = third[0]
        path.n = 3
    path.key = key_of(rate)
    place = r.n_ranked
    if place == PATHS_MAX:
        if not ranks_before(&path, ranked + place - 1):
            return
        place -= 1
    else:
        r.n_ranked += 1
    while place and ranks_before(&path, ranked + place - 1):
        ranked[place] = ranked[place - 1]
        place -= 1
    ranked[place] = path


cdef inline bint may_pass(const State* s, const Account* account, u32 currency) noexcept nogil:
    """Say whether a path may lead over a currency."""
    return permits(account, currency) and not is_redeem_only(s, currency)


cdef bint rank_named(State* s, Router* r, const Account* account, u32 start, u32 end) noexcept nogil:
    """Rank the paths that the venue names for a pair, shorter ones first; False where it names none."""
    cdef const RouteRecord* named
    cdef Top tops[LEGS_MAX]
    cdef bint found = False
    cdef bint passes
    cdef u32 n
    cdef u32 i
    cdef u32 j
    for n in range(1, LEGS_MAX + 1):
        for i in range(s.n_routes):
            named = s.routes + i
            if named.n_stops != n + 1 or named.stops[0] != start or named.stops[n] != end:
                continue
            found = passes = True
            for j in range(1, n):
                passes = passes and may_pass(s, account, named.stops[j])
            for j in range(n):
                look_at_top(s, s.hops[named.stops[j] * s.n_currencies + named.stops[j + 1]], tops + j)
                passes = passes and tops[j].hop != NO_HOP
            if passes:
                rank_path(r, tops, tops + 1 if n > 1 else NULL, tops + 2 if n > 2 else NULL)
    return found


cdef void rank_all(State* s, Router* r, const Account* account, u32 start, u32 end) noexcept nogil:
    """Rank every path that the account may use."""
    cdef u32 n = s.n_currencies
    cdef Top middle
    cdef u32 n_entries = 0
    cdef u32 a
    cdef u32 b
    cdef u32 i
    for a in range(n):
        r.leaving[a].hop = NO_HOP
        if a != start and a != end and may_pass(s, account, a):
            look_at_top(s, s.hops[a * n + end], r.leaving + a)
    look_at_top(s, s.hops[start * n + end], &middle)
    if middle.hop != NO_HOP:
        rank_path(r, &middle, NULL, NULL)
    for a in range(n):
        if a == start or a == end or s.hops[start * n + a] == NO_HOP or not may_pass(s, account, a):
            continue
        r.entered[n_entries] = a
        look_at_top(s, s.hops[start * n + a], r.entering + n_entries)
        if r.leaving[a].hop != NO_HOP:
            rank_path(r, r.entering + n_entries, r.leaving + a, NULL)
        n_entries += 1
    for i in range(n_entries):
        a = r.entered[i]
        for b in range(n):
            if r.leaving[b].hop != NO_HOP and b != a and s.hops[a * n + b] != NO_HOP:
                look_at_top(s, s.hops[a * n + b], &middle)
                rank_path(r, r.entering + i, &middle, r.leaving + b)


cdef bint leads(const Router* r, u32 start, u32 end) noexcept nogil:
    """Say whether the middle books of the paths so far lead from one currency to another. They run in no circle."""
    cdef u32 i
    if start == end:
        return True
    for i in range(r.n_middles):
        if r.middles[i][0] == start and leads(r, r.middles[i][1], end):
            return True
    return False


cdef bint joins(State* s, Router* r, const Ranked* path) noexcept nogil:
    """Say whether a path may be split with those so far: its middle book leads to nowhere that theirs come from."""
    cdef Book* book
    cdef u32 given
    cdef u32 received
    cdef u8 side
    if path.n < LEGS_MAX:
        return True
    book = s.books + (path.tops[1].hop >> 2)
    side = path.tops[1].hop & 3
    given = currency_given(book, side)
    received = currency_received(book, side)
    if leads(r, received, given):
        return False
    r.middles[r.n_middles][0] = given
    r.middles[r.n_middles][1] = received
    r.n_middles += 1
    return True


cdef u32 without_circles(State* s, Router* r, u32 first) noexcept nogil:
    """Return, as bits by rank, the paths that may be split together: those in ``first``, then the others, best first."""
    cdef u32 kept = 0
    cdef u32 i
    r.n_middles = 0
    for i in range(r.n_ranked):
        if first >> i & 1 and joins(s, r, r.ranked + i):
            kept |= <u32>1 << i
    for i in range(r.n_ranked):
        if not first >> i & 1 and joins(s, r, r.ranked + i):
            kept |= <u32>1 << i
    return kept


cdef u32 arc_of(State* s, Router* r, u32 hop) noexcept nogil:
    """Return the place of a hop's arc, opened if it is new."""
    cdef Book* book
    cdef Arc* arc
    cdef u32 i
    for i in range(r.n_arcs):
        if r.arcs[i].hop == hop:
            return i
    arc = r.arcs + r.n_arcs
    open_arc(s, arc, hop)
    book = s.books + arc.instrument
    arc.pays_from = node_of(r, currency_given(book, <u8>arc.side))
    arc.pays_into = node_of(r, currency_received(book, <u8>arc.side))
    r.n_arcs += 1
    return r.n_arcs - 1


cdef u32 node_of(Router* r, u32 currency) noexcept nogil:
    """Return the place of a currency among those of the candidates; 0 is the one paid, 1 the one received."""
    cdef u32 i
    for i in range(r.n_nodes):
        if r.nodes[i] == currency:
            return i
    r.nodes[r.n_nodes] = currency
    r.n_nodes += 1
    return r.n_nodes - 1


cdef u32 by_number(const Router* r, u32 ranks) noexcept nogil:
    """Turn ranks, as bits, into places among the candidates."""
    cdef u32 places = 0
    cdef u32 i
    for i in range(r.n_paths):
        places |= (ranks >> r.paths[i].rank & 1) << i
    return places


cdef void open_arcs(State* s, Router* r) noexcept nogil:
    """Open the books of all candidates: first ones, then middle ones, then last ones."""
    cdef Candidate* path
    cdef u32 i
    for i in range(r.n_paths):
        path = r.paths + i
        path.arcs[0] = arc_of(s, r, r.ranked[path.rank].tops[0].hop)
    for i in range(r.n_paths):
        path = r.paths + i
        if path.n == LEGS_MAX:
            path.arcs[1] = arc_of(s, r, r.ranked[path.rank].tops[1].hop)
    for i in range(r.n_paths):
        path = r.paths + i
        path.arcs[path.n - 1] = arc_of(s, r, r.ranked[path.rank].tops[path.n - 1].hop)


cdef int find_candidates(State* s, Router* r, const Account* account, u32 start, u32 end) noexcept nogil:
    """Choose the candidate paths of a swap and open their books; return why there is none, or NONE."""
    cdef Candidate path
    cdef u32 together
    cdef u32 all_ranks
    cdef u32 place
    cdef u32 i
    r.n_ranked = r.n_paths = r.n_arcs = 0
    r.n_numbered = 0
    r.nodes[NODE_PAID] = start
    r.nodes[NODE_RECEIVED] = end
    r.n_nodes = 2
    if not rank_named(s, r, account, start, end):
        rank_all(s, r, account, start, end)
    if r.n_numbered == 0:
        return NO_PATH
    if r.n_ranked == 0:
        return INSUFFICIENT_LIQUIDITY
    for i in range(r.n_ranked):
        path.rank = i
        path.n = r.ranked[i].n
        place = i
        while place and r.ranked[r.paths[place - 1].rank].number > r.ranked[i].number:
            r.paths[place] = r.paths[place - 1]
            place -= 1
        r.paths[place] = path
    r.n_paths = r.n_ranked
    all_ranks = (<u32>1 << r.n_ranked) - 1
    together = without_circles(s, r, 0)
    r.together = by_number(r, together)
    r.turned = 0
    if together != all_ranks:
        r.turned = by_number(r, without_circles(s, r, all_ranks & ~together))
    open_arcs(s, r)
    return NONE
