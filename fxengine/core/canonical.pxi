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
#     marks     only where there are any: count and the accounts with a mark or a dead-man timer, in order
#               of number; count and the revoked tokens, ascending

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the core's records and its canonical bytes are little-endian; so must the machine be"
    #endif
    """


cdef inline u8* put(u8* at, const void* image, size_t n_bytes) noexcept nogil:
    memcpy(at, image, n_bytes)
    return at + n_bytes


cdef inline bint is_remembered(const Account* account, const Place* place, u32 i) noexcept nogil:
    """Say whether the i-th id of a segment was used and lies in the window."""
    cdef u64 client_order_id = (place.number - 1) * SEGMENT_IDS + i
    return place.segment.ids[i].kind and in_window(account, account.client_id_highest, client_order_id)


cdef u32 count_outcomes(const Account* account) noexcept nogil:
    """Count the ids in the window."""
    cdef Place* place
    cdef u32 n = 0
    cdef u32 i
    cdef u32 j
    for i in range(account.ring_mask + 1):
        place = account.ring + i
        for j in range(SEGMENT_IDS if place.number else 0):
            n += is_remembered(account, place, j)
    return n


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


cdef u8* put_segment(u8* at, const Account* account, const Place* place) noexcept nogil:
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
    return at


cdef u8* put_outcomes(u8* at, const Account* account) noexcept nogil:
    """Write the outcomes in the window, ascending by id."""
    cdef u64 number = first_number(account)
    cdef Place* place
    while number <= (account.client_id_highest >> SEGMENT_BITS) + 1:
        place = account.ring + ((number - 1) & account.ring_mask)
        if place.number == number:
            at = put_segment(at, account, place)
        number += 1
    return at


cdef u8* put_account(u8* at, const State* s, const Account* account) noexcept nogil:
    cdef AccountImage image
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
    image.n_outcomes = count_outcomes(account)
    at = put(at, &image, sizeof(image))
    at = put(at, account.balances, s.n_currencies * sizeof(Balance))
    return put_outcomes(at, account)


cdef u8* put_slots(u8* at, const State* s) noexcept nogil:
    """Write the generations, then the free list from its end to its head."""
    cdef u32 n_free = s.orders_used - s.n_orders
    cdef u32 slot
    cdef u8* end
    for slot in range(1, s.orders_used + 1):
        at = put(at, &s.orders[slot].generation, sizeof(u32))
    at = put(at, &n_free, sizeof(u32))
    end = at + n_free * sizeof(u32)
    at = end
    slot = s.orders_free
    while slot:
        at -= sizeof(u32)
        memcpy(at, &slot, sizeof(u32))
        slot = s.orders[slot].next
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


cdef u8* put_side(u8* at, State* s, Ladder* ladder, u32* n) noexcept nogil:
    """Write the orders of a ladder in priority and count them."""
    cdef Order* order = first_order(s, ladder)
    n[0] = 0
    while order != NULL:
        at = put_order(at, s, order)
        n[0] += 1
        order = order_behind(s, ladder, order)
        if order != NULL:
            prefetch(s.orders + order.next)
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


cdef u8* put_book(u8* at, State* s, Book* book) noexcept nogil:
    cdef BookImage image
    cdef u8* head = at
    image.stream = book.stream
    image.last_price_ticks = book.last_price_ticks
    image.n_stops = book.n_stops
    at = put_side(at + sizeof(image), s, resting_side(book, BUY), &image.n_bids)
    at = put_side(at, s, resting_side(book, SELL), &image.n_asks)
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


cdef inline bint is_marked(const Account* account) noexcept nogil:
    return account.marks != 0 or account.dead_man_ns != 0


cdef u32 count_marked(const State* s) noexcept nogil:
    """Count the accounts that the marks section names."""
    cdef u32 n = 0
    cdef u32 i
    for i in range(s.n_accounts):
        n += is_marked(account_at(s, i))
    return n


cdef size_t marks_size(const State* s) noexcept nogil:
    """Return the size of the marks section: none where there is nothing to say."""
    cdef size_t n_marked = count_marked(s)
    if n_marked == 0 and s.n_revoked == 0:
        return 0
    return 2 * sizeof(u32) + n_marked * sizeof(MarkImage) + s.n_revoked * sizeof(TokenId)


cdef u8* put_marks(u8* at, const State* s) noexcept nogil:
    """Write who is barred, watching or under a dead-man timer, and the revoked tokens; nothing for nobody."""
    cdef const Account* account
    cdef MarkImage image
    cdef u32 n_marked = count_marked(s)
    cdef u32 n_revoked = <u32>s.n_revoked
    cdef u32 i
    if marks_size(s) == 0:
        return at
    at = put(at, &n_marked, sizeof(u32))
    for i in range(s.n_accounts):
        account = account_at(s, i)
        if is_marked(account):
            image.account = i
            image.marks = account.marks
            image.dead_man_ns = account.dead_man_ns
            at = put(at, &image, sizeof(image))
    at = put(at, &n_revoked, sizeof(u32))
    return put(at, s.revoked, s.n_revoked * sizeof(TokenId)) if s.n_revoked else at


cdef size_t state_size(const State* s) noexcept nogil:
    """Return how many canonical bytes the state makes."""
    cdef size_t size = sizeof(HeadImage) + s.n_accounts * (sizeof(AccountImage) + s.n_currencies * sizeof(Balance))
    cdef u32 i
    for i in range(s.n_accounts):
        size += count_outcomes(account_at(s, i)) * sizeof(OutcomeImage)
    size += (2 * <size_t>s.orders_used - s.n_orders + 2) * sizeof(u32)
    return size + s.n_instruments * sizeof(BookImage) + s.n_orders * sizeof(OrderImage) + marks_size(s)


cdef bytes state_image(State* s):
    """Write the whole state. O(state)."""
    cdef bytes image = PyBytes_FromStringAndSize(NULL, state_size(s))
    cdef u8* at = <u8*>PyBytes_AS_STRING(image)
    cdef u8* end = at + len(image)
    cdef HeadImage head
    cdef u32 i
    memcpy(head.magic, <const char*>b"FXSTATE1", sizeof(head.magic))
    head.sequence = s.sequence
    head.now_ns = s.now_ns
    head.n_currencies = s.n_currencies
    head.n_instruments = s.n_instruments
    head.n_accounts = s.n_accounts
    head.n_slots = s.orders_used
    at = put(at, &head, sizeof(head))
    for i in range(s.n_accounts):
        at = put_account(at, s, account_at(s, i))
    at = put_slots(at, s)
    for i in range(s.n_instruments):
        at = put_book(at, s, s.books + i)
    at = put_triggered(at, s)
    at = put_marks(at, s)
    assert at == end, "the canonical state has another size than was reserved for it"
    return image
