# The state as bytes: the same for the same history, whichever core holds it.
#
# The form is the specification's (fxengine/reference/canonical.py); the images in _core.pxd are its
# records. Little-endian sections, one after the other:
#
#     head      "FXSTATE1" | sequence | now_ns | currencies, instruments, accounts, slots
#     accounts  in order of number: fixed part, balances by currency, outcomes in the window ascending
#     slots     generation of each slot ever used; count and the free ones, next to be used last
#     books     in order of instrument: stream, last price, number of bids, of asks and of waiting stops,
#               then the orders: bids and asks in priority, stops as they were entered
#     triggered count and the orders that wait to run, in turn
#     marks     and money: core/canonical_standing.pxi
#
# A snapshot is these bytes behind a header (core/snapshot.pxi), so writing them must be quick. What
# costs is waiting for memory, and each wait is begun before it is needed: accounts, rings and segments
# some accounts ahead, and orders some places ahead in their queue. A queue can only be followed from
# order to order, so the slots behind each order are first copied to an array that fits in the cache, and
# the queues of several levels are followed there side by side before any order is looked at.

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the core's records and its canonical bytes are little-endian; so must the machine be"
    #endif
    """

cdef enum:
    ACCOUNTS_AHEAD = 8  # their lines are asked for so many accounts ahead, then rings, then segments
    RINGS_AHEAD = 5
    SEGMENTS_AHEAD = 3
    ORDERS_AHEAD = 16
    QUEUES = 8  # levels whose queues are followed at once

cdef struct Chase:  # following several queues at once; see put_side
    u32* behind  # the slot behind each slot in its queue; 0: none
    u32* found[QUEUES]  # slots of a queue, in turn
    u32 n[QUEUES]


cdef inline u8* put(u8* at, const void* image, size_t n_bytes) noexcept nogil:
    memcpy(at, image, n_bytes)
    return at + n_bytes


cdef inline bint is_remembered(const Account* account, const Place* place, u32 i) noexcept nogil:
    """Say whether the i-th id of a segment was used and lies in the window."""
    cdef u64 client_order_id = (place.number - 1) * SEGMENT_IDS + i
    return place.segment.ids[i].kind and in_window(account, account.client_id_highest, client_order_id)


cdef u64 first_number(const Account* account) noexcept nogil:
    """Return the lowest number of a segment that has an id in the window."""
    cdef u64 first = (account.client_id_highest >> SEGMENT_BITS) + 1
    cdef u64 number
    cdef u32 i
    for i in range(account.ring_mask + 1):
        number = account.ring[i].number
        if number and number < first and reaches_window(account, account.client_id_highest, number):
            first = number
    return first


cdef inline void ask_for_segment(const Segment* segment) noexcept nogil:
    cdef const u8* line = <const u8*>segment
    while line < <const u8*>(segment + 1):
        prefetch(line)
        line += LINE_BYTES


cdef inline void ask_for_accounts(const State* s, u32 number) noexcept nogil:
    """Have the memory of the accounts behind one on its way."""
    cdef const Account* account
    cdef u32 i
    if number + ACCOUNTS_AHEAD < s.n_accounts:
        account = account_at(s, number + ACCOUNTS_AHEAD)
        prefetch(account)
        prefetch(account.permitted + 1)
        prefetch(account + 1)
    if number + RINGS_AHEAD < s.n_accounts:
        prefetch(account_at(s, number + RINGS_AHEAD).ring)
    if number + SEGMENTS_AHEAD < s.n_accounts:
        account = account_at(s, number + SEGMENTS_AHEAD)
        for i in range(RING_PLACES_MIN):
            if account.ring[i].number:
                ask_for_segment(account.ring[i].segment)


cdef u8* put_segment(u8* at, const Account* account, const Place* place, u32* n) noexcept nogil:
    cdef OutcomeImage image
    cdef Remembered* entry
    cdef u32 i
    for i in range(SEGMENT_IDS):
        if is_remembered(account, place, i):
            entry = &place.segment.ids[i]
            memset(&image, 0, sizeof(image))
            image.client_order_id = (place.number - 1) * SEGMENT_IDS + i
            image.body_hash = entry.body_hash
            image.sequence = entry.sequence
            image.order_id = entry.order_id
            image.kind = entry.kind
            image.status = entry.status
            image.reason = entry.reason
            if entry.has_totals:
                image.done = place.segment.totals[i].done
                image.notional_units = place.segment.totals[i].notional_units
            at = put(at, &image, sizeof(image))
            n[0] += 1
    return at


cdef u8* put_outcomes(u8* at, const Account* account, u32* n) noexcept nogil:
    """Write the outcomes in the window, ascending by id, and count them."""
    cdef u64 number = first_number(account)
    cdef Place* place
    n[0] = 0
    while number <= (account.client_id_highest >> SEGMENT_BITS) + 1:
        place = account.ring + (number + 1 & account.ring_mask)
        if place.number == number + 2:
            ask_for_segment(place.segment)
        place = account.ring + ((number - 1) & account.ring_mask)
        if place.number == number:
            at = put_segment(at, account, place, n)
        number += 1
    return at


cdef u8* put_account(u8* at, const State* s, const Account* account) noexcept nogil:
    cdef AccountImage image
    cdef u8* head = at
    memset(&image, 0, sizeof(image))
    memcpy(image.identity, account.identity, sizeof(image.identity))
    image.flags = account.flags
    image.level = account.level
    memcpy(image.jurisdiction, account.jurisdiction, sizeof(image.jurisdiction))
    image.window = account.window
    image.issued_at_ns = account.issued_at_ns
    image.expires_ns = account.credential_expires_ns
    memcpy(image.permitted, account.permitted, sizeof(image.permitted))
    memcpy(image.token_id, account.token_id, sizeof(image.token_id))
    image.trade_group = account.trade_group
    image.client_id_highest = account.client_id_highest
    image.stream = account.stream
    at = put(at + sizeof(image), account.balances, s.n_currencies * sizeof(Balance))
    at = put_outcomes(at, account, &image.n_outcomes)
    put(head, &image, sizeof(image))
    return at


cdef u8* put_slots(u8* at, const State* s, u32* behind) noexcept nogil:
    """Write the generations, then the free list from its end to its head; copy each slot's ``next``."""
    cdef u32 n_free = s.orders_used - s.n_orders
    cdef u32 slot
    cdef u8* end
    for slot in range(1, s.orders_used + 1):
        at = put(at, &s.orders[slot].generation, sizeof(u32))
        behind[slot] = s.orders[slot].next
    at = put(at, &n_free, sizeof(u32))
    end = at + n_free * sizeof(u32)
    at = end
    slot = s.orders_free
    while slot:
        at -= sizeof(u32)
        memcpy(at, &slot, sizeof(u32))
        slot = behind[slot]
    return end


cdef u8* put_order(u8* at, State* s, const Order* order) noexcept nogil:
    cdef OrderImage image
    cdef Detail* detail
    memset(&image, 0, sizeof(image))
    image.slot = slot_of(s, order)
    image.account = order.account
    image.client_order_id = order.client_order_id
    image.price_ticks = order.price_ticks
    image.side = order.side
    image.ord_type = order.ord_type
    image.exec_inst = order.exec_inst
    image.self_trade_prevention = order.self_trade_prevention
    image.instrument = order.instrument
    image.is_quote = order.traits & QUOTE
    image.fee_credit = order.fee_credit
    image.leaves_lots = order.leaves_lots
    image.shown_lots = shown_of(s, order) if order.place == IN_BOOK else 0
    image.cum_lots = order.cum_lots
    image.notional_units = order.notional_units
    if order.traits & DETAILED:
        detail = detail_of(s, order)
        image.display_lots = detail.display_lots
        image.stop_price_ticks = detail.stop_price_ticks
        image.expire_ns = detail.expire_ns
        if detail.stop_price_ticks or detail.expire_ns:
            image.entry_sequence = detail.entry_sequence
    return put(at, &image, sizeof(image))


cdef void follow_queues(Chase* chase, const u32* heads, u32 n_queues) noexcept nogil:
    """Note the slots of each queue, from the one at its head."""
    cdef u32 slots[QUEUES]
    cdef u32 left = n_queues
    cdef u32 i
    for i in range(n_queues):
        slots[i] = heads[i]
        chase.n[i] = 0
    while left:
        left = 0
        for i in range(n_queues):
            if slots[i]:
                chase.found[i][chase.n[i]] = slots[i]
                chase.n[i] += 1
                slots[i] = chase.behind[slots[i]]
                left += 1


cdef u8* put_queue(u8* at, State* s, const u32* slots, u32 n) noexcept nogil:
    """Write the orders of one level, in turn."""
    cdef u32 i
    for i in range(least(n, ORDERS_AHEAD)):
        prefetch(s.orders + slots[i])
    for i in range(n):
        if i + ORDERS_AHEAD < n:
            prefetch(s.orders + slots[i + ORDERS_AHEAD])
        at = put_order(at, s, s.orders + slots[i])
    return at


cdef u8* put_side(u8* at, State* s, Ladder* ladder, Chase* chase, u32* n) noexcept nogil:
    """Write the orders of a ladder in priority and count them."""
    cdef u32 heads[QUEUES]
    cdef u32 rank = ladder.best_rank
    cdef u32 n_queues
    cdef u32 i
    n[0] = 0
    while rank != NO_RANK:
        n_queues = 0
        while rank != NO_RANK and n_queues < QUEUES:
            heads[n_queues] = level_at(ladder, rank).head
            rank = next_rank(ladder, rank)
            n_queues += 1
        follow_queues(chase, heads, n_queues)
        for i in range(n_queues):
            at = put_queue(at, s, chase.found[i], chase.n[i])
            n[0] += chase.n[i]
    return at


cdef int by_entry(const void* one, const void* other) noexcept nogil:
    cdef u64 left = (<const OrderImage*>one).entry_sequence
    cdef u64 right = (<const OrderImage*>other).entry_sequence
    return (left > right) - (left < right)


cdef u8* put_stops(u8* at, State* s, Book* book) noexcept nogil:
    """Write the waiting stops as they were entered."""
    cdef u8* first = at
    cdef Ladder* ladder
    cdef u32 rank
    cdef u32 slot
    cdef u8 side
    for side in range(2 if book.n_stops else 0):
        ladder = &book.stops[side]
        rank = ladder.best_rank
        while rank != NO_RANK:
            slot = level_at(ladder, rank).head
            while slot:
                at = put_order(at, s, s.orders + slot)
                slot = s.orders[slot].next
            rank = next_rank(ladder, rank)
    qsort(first, book.n_stops, sizeof(OrderImage), by_entry)
    return at


cdef u8* put_book(u8* at, State* s, Book* book, Chase* chase) noexcept nogil:
    cdef BookImage image
    cdef u8* head = at
    image.stream = book.stream
    image.last_price_ticks = book.last_price_ticks
    image.n_stops = book.n_stops
    at = put_side(at + sizeof(image), s, resting_side(book, BUY), chase, &image.n_bids)
    at = put_side(at, s, resting_side(book, SELL), chase, &image.n_asks)
    put(head, &image, sizeof(image))
    return put_stops(at, s, book)


cdef u8* put_triggered(u8* at, State* s) noexcept nogil:
    """Write the triggered stops in turn."""
    cdef u8* head = at
    cdef u32 slot = s.triggered_first
    cdef u32 n = 0
    at += sizeof(n)
    while slot:
        at = put_order(at, s, s.orders + slot)
        slot = s.orders[slot].next
        n += 1
    put(head, &n, sizeof(n))
    return at
