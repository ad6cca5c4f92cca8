# Ending all of an account's orders at once: when its credential ends or is taken back, when a guard acts,
# or by a mass cancel.
#
# No list of an account's orders burdens the matching loop for that. They are found through the ring of
# client ids and through its quote sets, and only when some are older than the window (n_orders says
# so) by walking the pool. They end in order of client id, then of slot.

from libc.stdlib cimport calloc, free, malloc, qsort, realloc

cdef struct Ending:
    u64 client_order_id
    u32 slot

cdef struct Endings:
    Ending* orders
    u32 n


cdef int in_order_of_ending(const void* one, const void* other) noexcept nogil:
    cdef const Ending* left = <const Ending*>one
    cdef const Ending* right = <const Ending*>other
    if left.client_order_id != right.client_order_id:
        return 1 if left.client_order_id > right.client_order_id else -1
    return (left.slot > right.slot) - (left.slot < right.slot)


cdef inline void note_ending(State* s, Endings* endings, const Order* order) noexcept nogil:
    endings.orders[endings.n].client_order_id = order.client_order_id
    endings.orders[endings.n].slot = slot_of(s, order)
    endings.n += 1


cdef void find_remembered(State* s, const Account* account, Endings* endings) noexcept nogil:
    """Note the open orders whose client ids the ring remembers."""
    cdef Remembered* entry
    cdef Order* order
    cdef u32 i
    cdef u32 j
    for i in range(account.ring_mask + 1):
        for j in range(SEGMENT_IDS if account.ring[i].number else 0):
            entry = &account.ring[i].segment.ids[j]
            order = find_order(s, entry.order_id) if entry.kind == COMMAND_NEW_ORDER else NULL
            if order != NULL:
                note_ending(s, endings, order)


cdef void find_quotes(State* s, const Account* account, Endings* endings) noexcept nogil:
    """Note the open quotes."""
    cdef const QuoteSet* quotes = account.quotes
    cdef u32 side
    cdef u32 i
    while quotes != NULL:
        for side in range(2):
            for i in range(quotes.n[side]):
                note_ending(s, endings, s.orders + quotes.levels[side][i].slot)
        quotes = quotes.next


cdef void find_all(State* s, u32 number, Endings* endings) noexcept nogil:
    """Note an account's open orders and quotes, in no order; there is room for n_orders.

    O(ring), and O(pool) where it has orders older than its window.
    """
    cdef Account* account = account_at(s, number)
    cdef u32 i
    endings.n = 0
    find_remembered(s, account, endings)
    find_quotes(s, account, endings)
    if endings.n < account.n_orders:
        endings.n = 0
        for i in range(1, s.orders_used + 1):
            if s.orders[i].account == number:
                note_ending(s, endings, s.orders + i)


cdef int end_all(
    State* s, u32 number, u32 instrument, u8 side, u16 reason, u64 request_id, i64* n_ended
) noexcept nogil:
    """End an account's orders of one instrument or ALL_INSTRUMENTS, of one side or both (0); count them.

    As long as finding them takes. The caller has seen to room for events.
    """
    cdef Account* account = account_at(s, number)
    cdef Endings endings
    cdef Order* order
    cdef u32 i
    n_ended[0] = 0
    if account.n_orders == 0:
        return NONE
    endings.orders = <Ending*>malloc(account.n_orders * sizeof(Ending))
    if endings.orders == NULL:
        return OUT_OF_MEMORY
    find_all(s, number, &endings)
    qsort(endings.orders, endings.n, sizeof(Ending), in_order_of_ending)
    for i in range(endings.n):
        order = s.orders + endings.orders[i].slot
        if (instrument == ALL_INSTRUMENTS or instrument == order.instrument) and (side == 0 or side == order.side):
            end_order(s, s.books + order.instrument, account, order, reason, request_id)
            n_ended[0] += 1
    free(endings.orders)
    return NONE
