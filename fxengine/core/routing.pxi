# The router: the best of several plans for a swap. docs/routing.md is its specification in words.
#
# What executes is the best of several splits and of every path by itself: so it is never worse than the best single
# path, whatever the books look like. All of it happens in one Router that the core keeps, made with it and never
# enlarged; what books tell is read once for all plans.


cdef bint serves(const Plan* plan, const Wish* wish) noexcept nogil:
    """Say whether a plan may be executed."""
    return plan.delivered_units > 0 and (plan.reason == NONE or wish.allows_partial)


cdef bint beats(const Plan* plan, const Plan* other) noexcept nogil:
    """Say whether a plan delivers more, or as much for less, or over fewer books."""
    if plan.delivered_units != other.delivered_units:
        return plan.delivered_units > other.delivered_units
    if plan.paid_units != other.paid_units:
        return plan.paid_units < other.paid_units
    return plan.n_legs < other.n_legs


cdef void keep_leg(const Split* split, u32 arc, Plan* plan) noexcept nogil:
    if split.legs[arc].lots:
        plan.arcs[plan.n_legs] = arc
        plan.legs[plan.n_legs] = split.legs[arc]
        plan.n_legs += 1


cdef void read_split(
    const Router* r, const Split* split, const Candidate* path, const Wish* wish, int reason, Plan* plan
) noexcept nogil:
    """Write down what a split came to."""
    cdef u32 i
    plan.n_legs = 0
    plan.reason = reason
    plan.paid_units = wish.budget_units - split.pots[NODE_PAID]
    plan.delivered_units = split.pots[NODE_RECEIVED]
    if not wish.is_exact_in:
        plan.delivered_units = least(plan.delivered_units, wish.amount_units)
    plan.fills = split.fills
    for i in range(path.n if path != NULL else r.n_arcs):
        keep_leg(split, path.arcs[i] if path != NULL else i, plan)


cdef void plan_split(
    State* s, Router* r, Split* split, const Wish* wish, u32 paths, bint is_residual, Plan* plan
) noexcept nogil:
    """Pour over the paths whose bits are set."""
    cdef int reason
    begin_split(r, split, wish, paths, is_residual)
    reason = pour(s, r, split, wish)
    take_back_what_waits(s, r, split)
    read_split(r, split, NULL, wish, reason, plan)


cdef bint shares_books(const Router* r, const Split* split) noexcept nogil:
    """Say whether two paths of a split went over one book."""
    cdef u32 i
    for i in range(r.n_arcs):
        if split.carried[i] & (split.carried[i] - 1):
            return True
    return False


cdef bint single_is_below_worst(Router* r, const Plan* plan, const Wish* wish) noexcept nogil:
    """Say whether the last fills of a single path are at less than the worst rate."""
    cdef const Entry* entry
    cdef Factors factors
    cdef Rate rate = rate_of_one()
    cdef u32 i
    begin_factors(&factors)
    for i in range(plan.n_legs):
        entry = last_entry(r.arcs + plan.arcs[i], plan.legs + i)
        rate = rate_product(rate, rate_of(r.arcs + plan.arcs[i], entry - r.arcs[plan.arcs[i]].entries))
        add_factors(&factors, kept_of(r.arcs + plan.arcs[i]), entry.gross_units, entry.cost_units, False)
    return is_below_worst(wish, key_of(rate), &factors)


cdef void plan_single_whole(State* s, Router* r, const Candidate* path, const Wish* wish, Plan* plan) noexcept nogil:
    """Plan all of the amount over one path: forwards to what comes out, backwards to the least that goes in."""
    cdef i64 amount = wish.amount_units
    cdef i64 net_units
    cdef i32 n = path.n
    cdef i32 first = n - 1
    cdef i32 i
    cdef Leg* leg
    plan.n_legs = n
    plan.reason = INSUFFICIENT_LIQUIDITY
    plan.paid_units = plan.delivered_units = plan.fills = 0
    for i in range(n):
        plan.arcs[i] = path.arcs[i]
    if wish.is_exact_in:
        first = n - 2
        for i in range(n):
            leg = plan.legs + i
            if not spend_all(s, r.arcs + path.arcs[i], leg, amount):
                return
            amount = net_of(r.arcs + path.arcs[i], leg.gross_units)
    for i in range(first, -1, -1):
        amount = plan.legs[i + 1].spent_units if i + 1 < n else wish.amount_units
        if not bring_at_least(s, r.arcs + path.arcs[i], plan.legs + i, amount):
            return
    net_units = net_of(r.arcs + path.arcs[n - 1], plan.legs[n - 1].gross_units)
    if net_units == 0:
        return
    plan.paid_units = plan.legs[0].spent_units
    plan.delivered_units = net_units if wish.is_exact_in else least(net_units, wish.amount_units)
    for i in range(n):
        plan.fills += fills_of(plan.legs + i)
    if plan.fills > s.max_fills:
        plan.reason = TOO_MANY_FILLS
    elif plan.paid_units > wish.budget_units:
        plan.reason = INSUFFICIENT_LIQUIDITY
    elif wish.worst.n and single_is_below_worst(r, plan, wish):
        plan.reason = WORST_PRICE_EXCEEDED
    else:
        plan.reason = NONE


cdef void tell_single(Router* r, u32 path, const Plan* plan) noexcept nogil:
    """Keep a single path among those that the payer is told of, if it is one of the best."""
    cdef u32 place = r.n_singles
    if place == SINGLES_TOLD:
        if not is_single_better(plan, r.singles + place - 1):
            return
        place -= 1
    else:
        r.n_singles += 1
    while place and is_single_better(plan, r.singles + place - 1):
        r.singles[place] = r.singles[place - 1]
        place -= 1
    r.singles[place].path = path
    r.singles[place].delivered_units = plan.delivered_units
    r.singles[place].paid_units = plan.paid_units
    r.singles[place].fills = plan.fills
    r.singles[place].reason = plan.reason


cdef inline bint is_single_better(const Plan* plan, const Single* other) noexcept nogil:
    if plan.delivered_units != other.delivered_units:
        return plan.delivered_units > other.delivered_units
    return plan.paid_units < other.paid_units


cdef u32 paths_sharing_no_book(const Router* r) noexcept nogil:
    """Return, as bits, the paths that share no book with a better one that was taken."""
    cdef const Candidate* path
    cdef u32 taken = 0
    cdef u32 kept = 0
    cdef u32 books
    cdef u32 rank
    cdef u32 i
    cdef u32 j
    for rank in range(r.n_ranked):
        for i in range(r.n_paths):
            path = r.paths + i
            if path.rank != rank or not r.together >> i & 1:
                continue
            books = 0
            for j in range(path.n):
                books |= <u32>1 << path.arcs[j]
            if not books & taken:
                taken |= books
                kept |= <u32>1 << i
    return kept


cdef void plan_singles(State* s, Router* r, const Wish* wish, Plan* best) noexcept nogil:
    """Plan each path by itself, note the best of them, and keep the first one's plan where it is better."""
    cdef Plan plan
    cdef bint any_serves = False
    cdef Plan leading
    cdef int reason
    cdef u32 i
    r.n_singles = 0
    for i in range(r.n_paths):
        plan_single_whole(s, r, r.paths + i, wish, &plan)
        if plan.reason != NONE and wish.allows_partial:
            begin_split(r, &r.split, wish, <u32>1 << i, False)
            reason = pour(s, r, &r.split, wish)
            take_back_what_waits(s, r, &r.split)
            read_split(r, &r.split, r.paths + i, wish, reason, &plan)
        if not serves(&plan, wish):
            continue
        tell_single(r, i, &plan)
        if r.singles[0].path == i:
            leading = plan
            any_serves = True
    if any_serves and (not r.has_plan or beats(&leading, best)):
        best[0] = leading
        r.has_plan = True


cdef void keep_better(Router* r, const Plan* plan, const Wish* wish, Plan* best) noexcept nogil:
    if serves(plan, wish) and (not r.has_plan or beats(plan, best)):
        best[0] = plan[0]
        r.has_plan = True


cdef bint misses_better(State* s, Router* r, const Split* split) noexcept nogil:
    """Say whether a path that was left out begins at a better rate than a split that has ended would go on at."""
    cdef const Ranked* path
    cdef Factors going_on
    cdef Factors left_out
    cdef i64 key = 0
    cdef u32 number = best_route(s, r, split, &key)
    cdef u32 i
    if number == ROUTES_MAX:
        return True
    gather_factors(r, split, number, &going_on)
    for i in range(r.n_paths):
        path = r.ranked + r.paths[i].rank
        if r.together >> i & 1 or path.key - key < -KEYS_APART:
            continue
        if path.key - key > KEYS_APART:
            return True
        gather_tops(path, &left_out)
        if exceeds_exactly(&left_out, &going_on):
            return True
    return False


cdef void order_legs(const Router* r, Plan* plan) noexcept nogil:
    """Bring legs into an order in which each finds its money: next the first whose money none still left brings."""
    cdef Leg leg
    cdef u32 arc
    cdef u32 place
    cdef u32 i
    cdef u32 j
    for place in range(plan.n_legs):
        for i in range(place, plan.n_legs):
            for j in range(place, plan.n_legs):
                if r.arcs[plan.arcs[j]].pays_into == r.arcs[plan.arcs[i]].pays_from:
                    break
            else:
                break
        arc = plan.arcs[i]
        leg = plan.legs[i]
        for j in range(i, place, -1):
            plan.arcs[j] = plan.arcs[j - 1]
            plan.legs[j] = plan.legs[j - 1]
        plan.arcs[place] = arc
        plan.legs[place] = leg


cdef int find_route(State* s, Router* r, const Wish* wish) noexcept nogil:
    """Write the best of all plans to ``r.best``; return why there is none, or NONE.

    Plans are made in this order, and a later one has to be better: the split with residual steps; if it took any,
    the split without; if two of its paths shared a book, the split over paths that share none; if it misses a better
    path that was left out of it, the split in which such come first; single paths.
    """
    cdef bint took_back
    cdef bint is_shared
    cdef bint is_turned
    cdef int reason
    r.has_plan = False
    plan_split(s, r, &r.split, wish, r.together, True, &r.plan)
    reason = r.plan.reason if r.plan.reason != NONE else INSUFFICIENT_LIQUIDITY
    took_back = r.split.took_back
    is_shared = shares_books(r, &r.split)
    is_turned = r.turned and misses_better(s, r, &r.split)
    keep_better(r, &r.plan, wish, &r.best)
    if took_back:
        plan_split(s, r, &r.split, wish, r.together, False, &r.plan)
        keep_better(r, &r.plan, wish, &r.best)
    if is_shared:
        plan_split(s, r, &r.split, wish, paths_sharing_no_book(r), False, &r.plan)
        keep_better(r, &r.plan, wish, &r.best)
    if is_turned:
        plan_split(s, r, &r.split, wish, r.turned, True, &r.plan)
        keep_better(r, &r.plan, wish, &r.best)
    plan_singles(s, r, wish, &r.best)
    if not r.has_plan:
        return reason
    order_legs(r, &r.best)
    return NONE
