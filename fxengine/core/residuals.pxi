# Residual routes: steps of a split that take back what an earlier one took, where paths share books.
#
#     S > b, back to a, > T             what had gone a > b goes a > T, and b is paid from S instead
#     S > b, back to a, > c > T         the same, on to T over c
#     S > c > b, back to a, > T         b is paid over c
#     S > b, back to a, back to c, > T  over two middle books
#
# They are made once for a split; those whose hops have nothing to take or to take back are passed by.


cdef void add_hop(Route* route, u32 arc, bint is_backwards) noexcept nogil:
    route.hops[route.n].arc = arc
    route.hops[route.n].is_backwards = is_backwards
    route.n += 1


cdef void add_residual(Router* r, Split* split, u32 enter, i64 one, i64 other, u32 leave) noexcept nogil:
    """Add a route from the currency paid into one node, over one hop or two, from another to the currency received.

    A hop is an arc's place, or minus one less than it for backwards; none is NO_ARC. Nothing is added where no
    candidate's first or last book leads there, or where there is no more room.
    """
    cdef Route* route = split.routes + split.n_routes
    cdef u32 first = ARCS_MAX
    cdef u32 last = ARCS_MAX
    cdef u32 i
    if split.n_routes == split.n_forwards + RESIDUALS_MAX:
        return
    for i in range(r.n_arcs):
        if split.used >> i & 1:
            if r.arcs[i].pays_from == NODE_PAID and r.arcs[i].pays_into == enter:
                first = i
            if r.arcs[i].pays_into == NODE_RECEIVED and r.arcs[i].pays_from == leave:
                last = i
    if first == ARCS_MAX or last == ARCS_MAX:
        return
    route.n = 0
    add_hop(route, first, False)
    add_hop(route, <u32>(one if one >= 0 else -1 - one), one < 0)
    if other != NO_ARC:
        add_hop(route, <u32>(other if other >= 0 else -1 - other), other < 0)
    add_hop(route, last, False)
    split.n_routes += 1


cdef inline bint is_middle(const Router* r, const Split* split, u32 arc) noexcept nogil:
    """Say whether an arc is the middle book of a path of this split."""
    if not split.used >> arc & 1:
        return False
    return r.arcs[arc].pays_from != NODE_PAID and r.arcs[arc].pays_into != NODE_RECEIVED


cdef void add_residuals(Router* r, Split* split) noexcept nogil:
    """Add the routes that take a middle book back, shorter ones first.

    For a middle book from a to b: pay into b, go back to a, and on from there to the end, over c if need be; or
    pay into b over c; or go back once more, from a to c.
    """
    cdef u32 i
    cdef u32 j
    cdef u32 a
    cdef u32 b
    for i in range(r.n_arcs):
        if is_middle(r, split, i):
            add_residual(r, split, r.arcs[i].pays_into, -1 - <i64>i, NO_ARC, r.arcs[i].pays_from)
    for i in range(r.n_arcs):
        if not is_middle(r, split, i):
            continue
        a = r.arcs[i].pays_from
        b = r.arcs[i].pays_into
        for j in range(r.n_arcs):
            if j == i or not is_middle(r, split, j):
                continue
            if r.arcs[j].pays_from == a:
                add_residual(r, split, b, -1 - <i64>i, j, r.arcs[j].pays_into)
            if r.arcs[j].pays_into == b:
                add_residual(r, split, r.arcs[j].pays_from, j, -1 - <i64>i, a)
            if r.arcs[j].pays_into == a:
                add_residual(r, split, b, -1 - <i64>i, -1 - <i64>j, r.arcs[j].pays_from)
