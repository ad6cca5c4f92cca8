# The order pool: one line per slot, reused last in, first out.
#
# OrderID is generation << 32 | slot. The generation counts a slot's uses and survives the order in
# the slot's own line, so an id of an earlier use is never mistaken for the present one. A free
# slot's `next` links the free list; account 0 (which never trades) marks it free.
#
#     orders_free -> slot 7 -> slot 2 -> 0        orders_used = 9: slot 10 is the next fresh one
#
# What only unusual orders need (a displayed part, an end, a stop price) stands in a second line at the
# same slot of a region of its own, whose pages arrive with the first order that has such a line.
#
# Last in, first out is the specification's order, and the fastest: the slot just freed is cached.


cdef inline bint pool_full(const State* s) noexcept nogil:
    return s.orders_free == 0 and s.orders_used == s.max_orders


cdef inline u32 slot_of(const State* s, const Order* order) noexcept nogil:
    return <u32>(order - s.orders)


cdef inline Detail* detail_of(const State* s, const Order* order) noexcept nogil:
    """Return the second line of an order that has one (DETAILED)."""
    return s.details + slot_of(s, order)


cdef inline u64 order_id_of(const State* s, const Order* order) noexcept nogil:
    return <u64>order.generation << 32 | slot_of(s, order)


cdef inline Order* take_order(State* s) noexcept nogil:
    """Return a slot with its next generation; the caller has seen that the pool is not full. O(1)."""
    cdef Order* order
    if s.orders_free:
        order = s.orders + s.orders_free
        s.orders_free = order.next
        prefetch(s.orders + order.next)
    else:
        s.orders_used += 1
        order = s.orders + s.orders_used
        prefetch(order + 1)
    order.generation += 1
    if unlikely(order.generation == 0):
        order.generation = 1
    s.n_orders += 1
    return order


cdef inline void free_order(State* s, Order* order) noexcept nogil:
    """Free a slot for the next order. O(1)."""
    order.account = 0
    order.next = s.orders_free
    s.orders_free = slot_of(s, order)
    s.n_orders -= 1


cdef inline Order* find_order(const State* s, u64 order_id) noexcept nogil:
    """Return the open order with this OrderID, or NULL. O(1)."""
    cdef u32 slot = <u32>order_id
    cdef Order* order
    if slot == 0 or slot > s.orders_used:
        return NULL
    order = s.orders + slot
    if order.account == 0 or order.generation != <u32>(order_id >> 32):
        return NULL
    return order


cdef inline i64 shown_of(const State* s, const Order* order) noexcept nogil:
    """Return how many lots an order in the book shows."""
    return order.leaves_lots if likely(not order.traits & ICEBERG) else detail_of(s, order).shown_lots


cdef inline u8 open_status(const Order* order) noexcept nogil:
    """Return OrdStatus of an order that is not cancelled."""
    if order.leaves_lots == 0:
        return FILLED
    return PARTIALLY_FILLED if order.cum_lots else NEW
