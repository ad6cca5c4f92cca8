# A split: how much of a swap goes over which books, found step by step.
#
# A step goes along the route with the best marginal rate and is as large as its tightest hop, what is left to pay,
# or what is left to receive. Money that paths bring into one currency is one pot there; what is less than a lot
# stays in it for the next step. A route may take a middle book back (a residual step): its hop then runs from what
# the book had brought to what it had cost. fxengine/reference/splits.py and steps.py are the same in words.
#
#     route   0 forwards   EUR-USD backwards   3 forwards        legs, pots and routes stand in the Split


cdef inline Rate hop_rate(const Router* r, const Split* split, const RouteHop* hop) noexcept nogil:
    """Return what a hop's next lots bring per unit; it has room."""
    cdef const Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    if hop.is_backwards:
        return inverse(rate_of(arc, leg.at if leg.taken else leg.at - 1))
    return rate_of(arc, leg.at)


cdef inline i64 hop_room(State* s, Router* r, const Split* split, const RouteHop* hop) noexcept nogil:
    """Return the most lots of one step; 0 where there is nothing to take or to take back."""
    cdef Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    cdef const Entry* entry
    if hop.is_backwards:
        entry = last_entry(arc, leg)
        if entry == NULL:
            return 0
        return leg.taken if leg.taken else entry.lots
    entry = entry_at(s, arc, leg.at)
    return entry.lots - leg.taken if entry != NULL else 0


cdef inline i64 hop_affordable(const Router* r, const Split* split, const RouteHop* hop, i64 units) noexcept nogil:
    """Return how many lots an amount pays for."""
    cdef const Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    cdef i64 left
    if not hop.is_backwards:
        return units // arc.entries[leg.at].cost_units
    left = net_of(arc, leg.gross_units) - units
    if left > 0:
        left = gross_for_net_units(arc.taker_rate, left)
    else:
        left = 0
    return (leg.gross_units - left) // last_entry(arc, leg).gross_units


cdef inline i64 hop_spent(const Router* r, const Split* split, const RouteHop* hop, i64 lots) noexcept nogil:
    """Return what lots cost."""
    cdef const Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    if not hop.is_backwards:
        return lots * arc.entries[leg.at].cost_units
    return net_of(arc, leg.gross_units) - net_of(arc, leg.gross_units - lots * last_entry(arc, leg).gross_units)


cdef inline i64 hop_brought(const Router* r, const Split* split, const RouteHop* hop, i64 lots) noexcept nogil:
    """Return what lots bring, after the fee."""
    cdef const Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    if hop.is_backwards:
        return lots * last_entry(arc, leg).cost_units
    return net_of(arc, leg.gross_units + lots * arc.entries[leg.at].gross_units) - net_of(arc, leg.gross_units)


cdef inline i64 hop_lots_for(const Router* r, const Split* split, const RouteHop* hop, i64 units) noexcept nogil:
    """Return the fewest lots that bring an amount (from 1)."""
    cdef const Arc* arc = r.arcs + hop.arc
    cdef const Leg* leg = split.legs + hop.arc
    if hop.is_backwards:
        return divide_up(units, last_entry(arc, leg).cost_units)
    return lots_bringing(arc, leg, units, arc.entries + leg.at)


cdef inline u32 hop_from(const Router* r, const RouteHop* hop) noexcept nogil:
    """Return the pot that a hop is paid from."""
    return r.arcs[hop.arc].pays_into if hop.is_backwards else r.arcs[hop.arc].pays_from


cdef inline u32 hop_into(const Router* r, const RouteHop* hop) noexcept nogil:
    """Return the pot that a hop pays into."""
    return r.arcs[hop.arc].pays_from if hop.is_backwards else r.arcs[hop.arc].pays_into


cdef void begin_split(Router* r, Split* split, const Wish* wish, u32 paths, bint is_residual) noexcept nogil:
    """Begin to pour over the paths whose bits are set, with residual steps between them or without."""
    cdef const Candidate* path
    cdef Route* route
    cdef u32 i
    cdef u32 j
    memset(split, 0, sizeof(Split))
    split.pots[NODE_PAID] = wish.budget_units
    for i in range(r.n_paths):
        if not paths >> i & 1:
            continue
        path = r.paths + i
        route = split.routes + split.n_routes
        for j in range(path.n):
            add_hop(route, path.arcs[j], False)
            split.used |= <u32>1 << path.arcs[j]
        split.n_routes += 1
    split.n_forwards = split.n_routes
    if is_residual:
        add_residuals(r, split)


cdef void gather_factors(const Router* r, const Split* split, u32 number, Factors* factors) noexcept nogil:
    """Write down all that a route's rate is made of."""
    cdef const Route* route = split.routes + number
    cdef const RouteHop* hop
    cdef const Entry* entry
    cdef u32 i
    begin_factors(factors)
    for i in range(route.n):
        hop = route.hops + i
        if hop.is_backwards:
            entry = last_entry(r.arcs + hop.arc, split.legs + hop.arc)
        else:
            entry = r.arcs[hop.arc].entries + split.legs[hop.arc].at
        add_factors(factors, kept_of(r.arcs + hop.arc), entry.gross_units, entry.cost_units, hop.is_backwards)


cdef bint is_route_better(const Router* r, const Split* split, u32 number, i64 key, u32 other, i64 other_key) noexcept nogil:
    """Say whether one route's marginal rate is truly better than another's."""
    cdef Factors ours
    cdef Factors theirs
    if key - other_key > KEYS_APART:
        return True
    if key - other_key < -KEYS_APART:
        return False
    gather_factors(r, split, number, &ours)
    gather_factors(r, split, other, &theirs)
    return exceeds_exactly(&ours, &theirs)


cdef bint is_below_worst(const Wish* wish, i64 key, const Factors* factors) noexcept nogil:
    """Say whether a rate is truly worse than the worst that the payer takes."""
    if wish.worst.n == 0 or key - wish.worst_key > KEYS_APART:
        return False
    if key - wish.worst_key < -KEYS_APART:
        return True
    return exceeds_exactly(&wish.worst, factors)


cdef u32 best_route(State* s, Router* r, const Split* split, i64* best_key) noexcept nogil:
    """Return the route with the best marginal rate, the first of those that are equal; ROUTES_MAX for none."""
    cdef const Route* route
    cdef u32 best = ROUTES_MAX
    cdef u32 number
    cdef u32 i
    cdef i64 key
    cdef Rate rate
    cdef bint has_room
    for number in range(split.n_routes):
        if split.blocked >> number & 1:
            continue
        route = split.routes + number
        has_room = True
        for i in range(route.n):
            if hop_room(s, r, split, route.hops + i) == 0:
                has_room = False
                break
        if not has_room:
            continue
        rate = hop_rate(r, split, route.hops)
        for i in range(1, route.n):
            rate = rate_product(rate, hop_rate(r, split, route.hops + i))
        key = key_of(rate)
        if best == ROUTES_MAX or is_route_better(r, split, number, key, best, best_key[0]):
            best = number
            best_key[0] = key
    return best


cdef inline i64 wanted_units(const Split* split, const Wish* wish) noexcept nogil:
    """Return what is still to be paid or received."""
    if wish.is_exact_in:
        return split.pots[NODE_PAID]
    return wish.amount_units - least(split.pots[NODE_RECEIVED], wish.amount_units)


cdef bint is_spent(State* s, Router* r, const Split* split, const Wish* wish) noexcept nogil:
    """Say whether what is left to pay is less than a lot, once nothing more can be done with it.

    A path is blocked when what is left makes no lot at its end; a residual step also when what it takes back is too
    little, which says nothing of what is left. A book that ran out counts as having had enough when what is left
    would not pay for one more lot at its last price.
    """
    cdef const Entry* entry
    cdef bint any_used = False
    cdef u32 i
    if not wish.is_exact_in:
        return False
    if split.blocked & ((<u32>1 << split.n_forwards) - 1):
        return True
    for i in range(r.n_arcs):
        if r.arcs[i].pays_from == NODE_PAID and split.legs[i].lots:
            entry = entry_at(s, r.arcs + i, split.legs[i].at)
            if entry == NULL:
                entry = last_entry(r.arcs + i, split.legs + i)
            if split.pots[NODE_PAID] >= entry.cost_units:
                return False
            any_used = True
    return any_used


cdef bint go_step(State* s, Router* r, Split* split, const Wish* wish, u32 number) noexcept nogil:
    """Go along a route as far as its tightest hop allows; False when not one lot comes out at its end."""
    cdef const Route* route = split.routes + number
    cdef const RouteHop* hop
    cdef i64 lots[HOPS_MAX]  # of each hop
    cdef i64 room
    cdef i64 short_units
    cdef i64 brought_units
    cdef i64 at_hand = split.pots[NODE_PAID]
    cdef i32 n = route.n
    cdef i32 bound = -1
    cdef i32 last = n - 1
    cdef i32 i
    lots[last] = 0
    for i in range(n):
        hop = route.hops + i
        room = hop_room(s, r, split, hop)
        if i == n - 1 and not wish.is_exact_in:
            room = least(room, hop_lots_for(r, split, hop, wanted_units(split, wish)))
        lots[i] = least(hop_affordable(r, split, hop, at_hand), room)
        if lots[i] == room:
            bound = i
        at_hand = split.pots[hop_into(r, hop)] + hop_brought(r, split, hop, lots[i])
    if lots[last] == 0:
        # What an entry still has may make less than a lot of the next book: it waits in the pot.
        if bound < 0 or number >= split.n_forwards:
            return False
        last = bound
    for i in range(last - 1, -1, -1):
        hop = route.hops + i
        short_units = hop_spent(r, split, hop + 1, lots[i + 1]) - split.pots[hop_into(r, hop)]
        lots[i] = hop_lots_for(r, split, hop, short_units) if short_units > 0 else 0
    for i in range(last + 1):
        hop = route.hops + i
        brought_units = hop_brought(r, split, hop, lots[i])
        split.pots[hop_from(r, hop)] -= hop_spent(r, split, hop, lots[i])
        split.pots[hop_into(r, hop)] += brought_units
        split.fills -= fills_of(split.legs + hop.arc)
        if hop.is_backwards:
            give_back_lots(r.arcs + hop.arc, split.legs + hop.arc, lots[i])
        else:
            take_lots(r.arcs + hop.arc, split.legs + hop.arc, lots[i])
        split.fills += fills_of(split.legs + hop.arc)
        split.carried[hop.arc] |= <u32>1 << number
    if number >= split.n_forwards:
        split.took_back = True
    return True


cdef void take_back_what_waits(State* s, Router* r, Split* split) noexcept nogil:
    """Take back, later books first, lots whose receipts only wait in a pot.

    Else the payer would pay for whole lots of change: orders that were taken for a lot that never came about.
    """
    cdef bint any_taken = True
    cdef RouteHop hop
    cdef Leg* leg
    cdef u32 node
    cdef i64 spent_units
    cdef i64 lots
    cdef i32 i
    hop.is_backwards = True
    while any_taken:
        any_taken = False
        for i in range(<i32>r.n_arcs - 1, -1, -1):
            leg = split.legs + i
            node = r.arcs[i].pays_into
            if leg.lots == 0 or node == NODE_RECEIVED:
                continue
            hop.arc = i
            lots = least(hop_room(s, r, split, &hop), hop_affordable(r, split, &hop, split.pots[node]))
            if lots:
                spent_units = hop_spent(r, split, &hop, lots)
                split.pots[r.arcs[i].pays_from] += hop_brought(r, split, &hop, lots)
                split.pots[node] -= spent_units
                split.fills -= fills_of(leg)
                give_back_lots(r.arcs + i, leg, lots)
                split.fills += fills_of(leg)
                any_taken = True


cdef inline i64 new_fills_of(const Split* split, u32 number) noexcept nogil:
    """Return how many more fills a step along a route makes at most."""
    cdef const Route* route = split.routes + number
    cdef i64 n = 0
    cdef u32 i
    for i in range(route.n):
        if not route.hops[i].is_backwards and split.legs[route.hops[i].arc].taken == 0:
            n += 1
    return n


cdef int pour(State* s, Router* r, Split* split, const Wish* wish) noexcept nogil:
    """Pour until the amount is reached or nothing more can be; return why it was not reached, or NONE."""
    cdef Factors factors
    cdef i64 key = 0
    cdef i64 i
    cdef u32 number
    for i in range(STEPS_PER_FILL * s.max_fills + STEPS_MORE):
        if wanted_units(split, wish) == 0:
            return NONE
        number = best_route(s, r, split, &key)
        if number == ROUTES_MAX:
            if is_spent(s, r, split, wish):
                return NONE
            return TOO_MANY_FILLS if split.fills >= s.max_fills else INSUFFICIENT_LIQUIDITY
        if wish.worst.n:
            gather_factors(r, split, number, &factors)
            if is_below_worst(wish, key, &factors):
                return NONE if is_spent(s, r, split, wish) else WORST_PRICE_EXCEEDED
        if split.fills + new_fills_of(split, number) > s.max_fills:
            return TOO_MANY_FILLS
        if not go_step(s, r, split, wish, number):
            split.blocked |= <u32>1 << number
    return TOO_MANY_FILLS
