# Snapshots: the canonical bytes behind a header, and back into a core.
#
#     header       magic | checksum | version | currencies, instruments | length | max_fills      64 bytes
#     instruments  the INSTRUMENT records that it was taken under
#     state        core/canonical.pxi
#
# What the canonical bytes leave out follows from them: links, levels and their leaves, rings, holds'
# owners, quote sets, timers. They are made anew by the functions that made them the first time.
#
# Nothing is restored in place. A second core is filled and changes places with the first once all of it
# has been found sound, so a snapshot that is refused, or a lack of memory, leaves the first as it was.
# The checksum finds accidents. It is no seal, so what is read is believed in nothing that memory's safety
# or an endless loop could depend on: counts, slots, accounts, sides, prices, order, windows are checked.
#
# As in canonical.pxi, what costs is waiting for memory: lines of later orders are asked for ahead.

import xxhash as _xxhash

from cpython.bytes cimport PyBytes_GET_SIZE

cdef enum:
    SNAPSHOT_VERSION = 1
    ORDER_ID_AT = 24  # in an OutcomeImage
    CHECKED_FROM = 24  # behind magic and checksum
    IMAGES_AHEAD = 16

cdef struct Restoring:
    State* s  # being filled
    const u8* at  # next byte to read
    const u8* end
    u64* seen  # bit per slot: an order or the free list has it
    u32 n_orders  # restored
    bint out_of_memory
    const char* problem  # why it is refused; NULL: nothing is wrong so far


cdef struct Outcomes:  # a walk through the images of all accounts' outcomes
    const u8* at
    size_t balances_bytes  # of an account
    u32 n_accounts
    u32 number  # of the account that ``at`` is in
    u32 n_left  # of its outcomes


cdef int deny(Restoring* r, const char* problem) noexcept nogil:
    r.problem = problem
    return -1


cdef int give_up(Restoring* r) noexcept nogil:
    r.out_of_memory = True
    return deny(r, b"memory ran out")


cdef inline const u8* piece(Restoring* r, size_t n_bytes) noexcept nogil:
    """Return the next bytes and go on behind them; NULL where there are not so many."""
    cdef const u8* at = r.at
    if unlikely(n_bytes > <size_t>(r.end - at)):
        deny(r, b"it ends too early")
        return NULL
    r.at = at + n_bytes
    return at


cdef inline bint read(Restoring* r, void* image, size_t n_bytes) noexcept nogil:
    """Copy the next bytes to an image; False where there are not so many."""
    cdef const u8* at = piece(r, n_bytes)
    if unlikely(at == NULL):
        return False
    memcpy(image, at, n_bytes)
    return True


cdef inline bint claim(Restoring* r, u32 slot) noexcept nogil:
    """Mark a slot as taken by an order or by the free list; False where there is none, or it was taken before."""
    cdef u64 bit = <u64>1 << (slot & 63)
    if unlikely(slot == 0 or slot > r.s.orders_used or r.seen[slot >> 6] & bit):
        return False
    r.seen[slot >> 6] |= bit
    return True


cdef int get_outcome(Restoring* r, Account* account, u64 before) noexcept nogil:
    """Read what became of one client id, above ``before``."""
    cdef OutcomeImage image
    cdef Segment* segment
    cdef Remembered* entry
    cdef u64 highest = account.client_id_highest
    if not read(r, &image, sizeof(image)):
        return -1
    if unlikely(image.client_order_id <= before or image.client_order_id > highest):
        return deny(r, b"client ids of an account are not in order")
    if unlikely(not in_window(account, highest, image.client_order_id)):
        return deny(r, b"a client id is not in its account's window")
    if unlikely(image.kind < COMMAND_NEW_ORDER or image.kind > COMMAND_MASS_QUOTE or image.reserved):
        return deny(r, b"the outcome of a client id is of no known command")
    segment = segment_of(account, image.client_order_id)
    if unlikely(segment == NULL):
        segment = new_segment(&r.s.memory, account, highest, image.client_order_id)
        if segment == NULL:
            return give_up(r)
    entry = &segment.ids[image.client_order_id % SEGMENT_IDS]
    entry.body_hash = image.body_hash
    entry.sequence = image.sequence
    entry.order_id = image.order_id
    entry.kind = image.kind
    entry.status = image.status
    entry.reason = image.reason
    if image.done or image.notional_units:
        write_totals(account, image.client_order_id, image.done, image.notional_units)
    return 0


cdef int get_account(Restoring* r, u32 number) noexcept nogil:
    cdef State* s = r.s
    cdef AccountImage image
    cdef AccountImage nobody
    cdef Account* account
    cdef u64 before = 0
    cdef u32 i
    if not read(r, &image, sizeof(image)):
        return -1
    if number < FIRST_CLIENT_ACCOUNT:
        memset(&nobody, 0, sizeof(nobody))
        if memcmp(&image, &nobody, sizeof(image)) != 0:
            return deny(r, b"an account of the venue's own has a credential")
        account = account_at(s, number)
    else:
        if image.window < WINDOW_MIN or image.window > WINDOW_MAX or image.window & (image.window - 1):
            return deny(r, b"an account remembers an impossible number of client ids")
        account = open_account(s)
        if account == NULL:
            return give_up(r)
    memcpy(account.identity, image.identity, sizeof(account.identity))
    account.flags = image.flags
    account.level = image.level
    memcpy(account.jurisdiction, image.jurisdiction, sizeof(account.jurisdiction))
    account.window = image.window
    account.issued_at_ns = image.issued_at_ns
    account.expires_ns = image.expires_ns
    memcpy(account.permitted, image.permitted, sizeof(account.permitted))
    memcpy(account.token_id, image.token_id, sizeof(account.token_id))
    account.trade_group = image.trade_group
    account.client_id_highest = image.client_id_highest
    account.stream = image.stream
    if not read(r, account.balances, s.n_currencies * sizeof(Balance)):
        return -1
    for i in range(image.n_outcomes):
        if get_outcome(r, account, before) != 0:
            return -1
        memcpy(&before, r.at - sizeof(OutcomeImage), sizeof(before))
    if account.expires_ns > s.now_ns:  # one that is not has fired
        if add_timer(s, account.expires_ns, TIMER_CREDENTIAL, number, number) != NONE:
            return give_up(r)
    return 0


cdef const u8* get_slots(Restoring* r, u32* n_free) noexcept nogil:
    """Read the generations; return where the free slots stand, which are linked once the others are known."""
    cdef State* s = r.s
    cdef const u8* generations = piece(r, s.orders_used * sizeof(u32))
    cdef u32 slot
    if generations == NULL or not read(r, n_free, sizeof(u32)):
        return NULL
    for slot in range(1, s.orders_used + 1):
        memcpy(&s.orders[slot].generation, generations, sizeof(u32))
        generations += sizeof(u32)
        if unlikely(s.orders[slot].generation == 0):
            deny(r, b"a slot was never used, and yet is counted")
            return NULL
    return piece(r, n_free[0] * sizeof(u32))


cdef const char* order_problem(const State* s, const OrderImage* image, u32 instrument, u8 place) noexcept nogil:
    """Return why this cannot be an open order of an instrument that stands in such a place; NULL if it can."""
    cdef Book* book = s.books + instrument
    cdef bint in_book = place == IN_BOOK
    cdef i64 units
    if image.account < FIRST_CLIENT_ACCOUNT or image.account >= s.n_accounts or image.instrument != instrument:
        return b"an order is of another instrument, or of an account that is not there"
    if (image.side != BUY and image.side != SELL) or image.self_trade_prevention > DECREMENT:
        return b"an order has no such side, or no such self-trade prevention"
    if image.price_ticks < 1 or image.price_ticks > PRICE_TICKS_MAX or image.stop_price_ticks > PRICE_TICKS_MAX:
        return b"an order's price is out of range"
    if image.leaves_lots < 1 or image.leaves_lots > QUANTITY_LOTS_MAX or image.cum_lots < 0:
        return b"an order's quantity is out of range"
    if (
        multiply_overflows(image.price_ticks * book.tick_lot_units, image.leaves_lots, &units)
        or multiply_overflows(image.leaves_lots, book.lot_units, &units)
        or image.notional_units < 0
    ):
        return b"an order is worth more than can be counted"
    if image.fee_credit >= RATE_ONE or image.exec_inst > POST_ONLY or image.is_quote > QUOTE or image.reserved:
        return b"an order has a trait that there is not"
    if image.expire_ns and image.expire_ns <= s.now_ns:
        return b"an order should have ended before"
    if (image.entry_sequence != 0) != (image.expire_ns != 0 or image.stop_price_ticks != 0):
        return b"an order's time of entry is missing, or is there for nothing"
    if image.entry_sequence > s.sequence:
        return b"an order was entered by a command that has not come"
    if in_book != (image.ord_type == LIMIT):
        return b"an order's type does not fit where it stands"
    if not in_book and (image.shown_lots or image.display_lots or image.is_quote or image.stop_price_ticks == 0):
        return b"an order that waits shows something, or waits for nothing"
    if not in_book and image.ord_type != STOP and image.ord_type != STOP_LIMIT:
        return b"an order waits that is no stop"
    if in_book and image.display_lots == 0 and image.shown_lots != image.leaves_lots:
        return b"an order hides something and is no iceberg"
    if in_book and (image.shown_lots < 1 or image.shown_lots > image.leaves_lots or image.display_lots < 0):
        return b"an order shows what it has not"
    if image.is_quote and (image.display_lots or image.entry_sequence):
        return b"a quote has what only orders have"
    return NULL


cdef inline void ask_for_orders(const Restoring* r) noexcept nogil:
    """Have the memory of the orders that stand behind the next ones on its way."""
    cdef const u8* later = r.at + IMAGES_AHEAD * sizeof(OrderImage)
    cdef u32 slot
    cdef u32 number
    if <size_t>(r.end - r.at) > (IMAGES_AHEAD + 1) * sizeof(OrderImage):
        memcpy(&slot, later, sizeof(slot))
        memcpy(&number, later + sizeof(slot), sizeof(number))
        if slot <= r.s.orders_used:
            prefetch(r.s.orders + slot)
        if number < r.s.n_accounts:
            prefetch(account_at(r.s, number))


cdef Order* get_order(Restoring* r, u32 instrument, u8 place) noexcept nogil:
    """Read an order into its slot, standing nowhere yet; NULL where it is refused or memory is out."""
    cdef State* s = r.s
    cdef OrderImage image
    cdef Order* order
    cdef Detail* detail
    ask_for_orders(r)
    if not read(r, &image, sizeof(image)):
        return NULL
    r.problem = order_problem(s, &image, instrument, place)
    if unlikely(r.problem == NULL and not claim(r, image.slot)):
        r.problem = b"an order's slot is not there, or another has it"
    if unlikely(r.problem != NULL):
        return NULL
    r.n_orders += 1
    order = s.orders + image.slot
    order.account = image.account
    order.client_order_id = image.client_order_id
    order.leaves_lots = image.leaves_lots
    order.cum_lots = image.cum_lots
    order.notional_units = image.notional_units
    order.price_ticks = image.price_ticks
    order.fee_credit = image.fee_credit
    order.instrument = image.instrument
    order.side = image.side
    order.ord_type = image.ord_type
    order.exec_inst = image.exec_inst
    order.self_trade_prevention = image.self_trade_prevention
    order.place = NOWHERE
    order.traits = image.is_quote
    account_at(s, image.account).n_orders += 1
    if unlikely(image.display_lots or image.entry_sequence):
        order.traits = DETAILED | ICEBERG if image.display_lots else DETAILED
        detail = detail_of(s, order)
        detail.shown_lots = image.shown_lots
        detail.display_lots = image.display_lots
        detail.expire_ns = image.expire_ns
        detail.entry_sequence = image.entry_sequence
        detail.stop_price_ticks = image.stop_price_ticks
    if unlikely(image.expire_ns):
        if add_timer(s, image.expire_ns, TIMER_ORDER, image.entry_sequence, order_id_of(s, order)) != NONE:
            give_up(r)
            return NULL
    return order


cdef int stand_in_set(Restoring* r, const Order* order) noexcept nogil:
    """Put a quote behind the better ones of its maker's set."""
    cdef Account* account = account_at(r.s, order.account)
    cdef QuoteSet* standing = quote_set(r.s, account, order.account, order.instrument)
    cdef u32 side = order.side - BUY
    cdef QuotedLevel* level
    if standing == NULL:
        return give_up(r)
    level = &standing.levels[side][standing.n[side]]
    if standing.n[side] == QUOTE_LEVELS_MAX:
        return deny(r, b"a maker's quotes are more than one set can hold")
    if standing.n[side] and (level - 1).price_ticks == order.price_ticks:
        return deny(r, b"a maker quotes one price twice")
    level.price_ticks = order.price_ticks
    level.slot = slot_of(r.s, order)
    standing.n[side] += 1
    return 0


cdef int get_side(Restoring* r, Book* book, u8 side, u32 n) noexcept nogil:
    """Read the orders of one side, in priority."""
    cdef Order* order
    cdef u32 rank = 0
    cdef u32 i
    for i in range(n):
        order = get_order(r, book.index, IN_BOOK)
        if unlikely(order == NULL):
            return -1
        if unlikely(order.side != side or rank_of(side, order.price_ticks) < rank):
            return deny(r, b"orders of a book do not stand in priority")
        rank = rank_of(side, order.price_ticks)
        if unlikely(rest_order(r.s, book, order) != NONE):
            return give_up(r)
        if unlikely(order.traits & QUOTE) and stand_in_set(r, order) != 0:
            return -1
    return 0


cdef int get_stops(Restoring* r, Book* book, u32 n) noexcept nogil:
    """Read the waiting stops, as they were entered."""
    cdef Order* order
    cdef u64 before = 0
    cdef u32 i
    for i in range(n):
        order = get_order(r, book.index, WAITING)
        if order == NULL:
            return -1
        if detail_of(r.s, order).entry_sequence <= before:
            return deny(r, b"stops do not stand as they were entered")
        before = detail_of(r.s, order).entry_sequence
        if is_reached(book, order.side, detail_of(r.s, order).stop_price_ticks):
            return deny(r, b"a stop waits that the last trade reached")
        if wait_for_price(r.s, book, order) != NONE:
            return give_up(r)
    return 0


cdef int get_book(Restoring* r, Book* book) noexcept nogil:
    cdef BookImage image
    if not read(r, &image, sizeof(image)):
        return -1
    if image.last_price_ticks > PRICE_TICKS_MAX:
        return deny(r, b"an instrument's last price is out of range")
    book.stream = image.stream
    book.last_price_ticks = image.last_price_ticks
    if get_side(r, book, BUY, image.n_bids) != 0 or get_side(r, book, SELL, image.n_asks) != 0:
        return -1
    return get_stops(r, book, image.n_stops)


cdef int get_triggered(Restoring* r) noexcept nogil:
    """Read the triggered stops, in turn."""
    cdef OrderImage image
    cdef Order* order
    cdef u32 n
    cdef u32 i
    if not read(r, &n, sizeof(n)):
        return -1
    for i in range(n):
        if not read(r, &image, sizeof(image)):
            return -1
        if image.instrument >= r.s.n_instruments:
            return deny(r, b"an order is of another instrument, or of an account that is not there")
        r.at -= sizeof(image)
        order = get_order(r, image.instrument, TRIGGERED)
        if order == NULL:
            return -1
        queue_triggered(r.s, order)
    return 0


cdef inline const u8* next_outcome(Outcomes* outcomes) noexcept nogil:
    """Return the next image of an outcome, of whichever account; NULL behind the last."""
    cdef AccountImage image
    cdef const u8* at
    while outcomes.n_left == 0:
        if outcomes.number + 1 == outcomes.n_accounts:
            return NULL
        memcpy(&image, outcomes.at, sizeof(image))
        outcomes.at += sizeof(image) + outcomes.balances_bytes
        outcomes.number += 1
        outcomes.n_left = image.n_outcomes
    at = outcomes.at
    outcomes.at += sizeof(OutcomeImage)
    outcomes.n_left -= 1
    return at


cdef inline void ask_for_named(const State* s, Outcomes* outcomes) noexcept nogil:
    """Have the order that the next outcome names on its way."""
    cdef const u8* at = next_outcome(outcomes)
    cdef u32 slot
    if at != NULL:
        memcpy(&slot, at + ORDER_ID_AT, sizeof(slot))
        if slot <= s.orders_used:
            prefetch(s.orders + slot)


cdef int check_outcomes(Restoring* r, const u8* accounts, u32 n_accounts) noexcept nogil:
    """Refuse a client id that names an open order which is not its own, or has an outcome while it is open.

    What ends all of an account's orders relies on it. Walks the images of the accounts once more, since orders
    stand behind them.
    """
    cdef State* s = r.s
    cdef Outcomes outcomes
    cdef Outcomes ahead
    cdef OutcomeImage image
    cdef const Order* order
    cdef const u8* at
    cdef u32 i
    outcomes.at = accounts
    outcomes.balances_bytes = s.n_currencies * sizeof(Balance)
    outcomes.n_accounts = n_accounts
    outcomes.number = <u32>-1
    outcomes.n_left = 0
    ahead = outcomes
    for i in range(IMAGES_AHEAD):
        ask_for_named(s, &ahead)
    at = next_outcome(&outcomes)
    while at != NULL:
        ask_for_named(s, &ahead)
        memcpy(&image, at, sizeof(image))
        order = find_order(s, image.order_id) if image.kind == COMMAND_NEW_ORDER else NULL
        if order != NULL:
            if (
                order.account != outcomes.number
                or order.client_order_id != image.client_order_id
                or order.traits & QUOTE
            ):
                return deny(r, b"a client id names an order that is not its own")
            if image.status != NEW or image.reason != NONE or image.done or image.notional_units:
                return deny(r, b"an open order has an outcome")
        at = next_outcome(&outcomes)
    return 0


cdef int link_free(Restoring* r, const u8* at, u32 n_free) noexcept nogil:
    """Link the free slots, next to be used last; every slot must now have an order or be free."""
    cdef State* s = r.s
    cdef u32 slot
    cdef u32 i
    s.n_orders = s.orders_used  # until the others are freed
    for i in range(n_free):
        memcpy(&slot, at + i * sizeof(slot), sizeof(slot))
        if not claim(r, slot):
            return deny(r, b"a free slot is not there, or is not free")
        free_order(s, s.orders + slot)
    if s.n_orders != r.n_orders:
        return deny(r, b"a slot is lost")
    return 0


cdef int get_head(Restoring* r) noexcept nogil:
    cdef State* s = r.s
    cdef HeadImage head
    cdef size_t least_bytes
    if not read(r, &head, sizeof(head)):
        return -1
    if memcmp(head.magic, <const char*>b"FXSTATE1", sizeof(head.magic)) != 0:
        return deny(r, b"its state is of another form")
    if head.n_currencies != s.n_currencies or head.n_instruments != s.n_instruments:
        return deny(r, b"its state has other currencies or instruments than its header")
    if head.n_accounts < FIRST_CLIENT_ACCOUNT:
        return deny(r, b"the venue's own accounts are missing")
    if head.n_slots > s.max_orders:
        return deny(r, b"it has room for more orders than this core may have (max_orders)")
    least_bytes = head.n_accounts * (sizeof(AccountImage) + s.n_currencies * sizeof(Balance))
    if least_bytes + head.n_slots * sizeof(u32) > <size_t>(r.end - r.at):
        return deny(r, b"it ends too early")
    s.sequence = head.sequence
    s.now_ns = head.now_ns
    s.orders_used = head.n_slots
    r.seen = <u64*>calloc(head.n_slots // 64 + 1, sizeof(u64))
    return 0 if r.seen != NULL else give_up(r)


cdef int get_state(Restoring* r) noexcept nogil:
    """Fill an empty state; -1 with the reason in ``r`` where it is refused. O(snapshot)."""
    cdef State* s = r.s
    cdef HeadImage head
    cdef const u8* accounts
    cdef const u8* free_slots
    cdef u32 n_free = 0
    cdef u32 i
    if get_head(r) != 0:
        return -1
    accounts = r.at
    memcpy(&head, accounts - sizeof(head), sizeof(head))
    for i in range(head.n_accounts):
        if get_account(r, i) != 0:
            return -1
    free_slots = get_slots(r, &n_free)
    if free_slots == NULL:
        return -1
    for i in range(s.n_instruments):
        if get_book(r, s.books + i) != 0:
            return -1
    if get_triggered(r) != 0:
        return -1
    if r.at != r.end:
        return deny(r, b"something stands behind its end")
    if link_free(r, free_slots, n_free) != 0:
        return -1
    return check_outcomes(r, accounts, head.n_accounts)


cdef void terms_of(const Book* book, InstrumentRecord* terms) noexcept nogil:
    """Write the record that an instrument was made of."""
    memset(terms, 0, sizeof(InstrumentRecord))
    terms.base = book.given[1]
    terms.quote = book.given[0]
    terms.maker_rate = book.maker_rate
    terms.taker_rate = book.taker_rate
    terms.lot_units = book.lot_units
    terms.tick_lot_units = book.tick_lot_units


cdef inline size_t snapshot_front(const State* s) noexcept nogil:
    return sizeof(SnapshotHead) + s.n_instruments * sizeof(InstrumentRecord)


cdef bytes checksum_of(bytes snapshot):
    """Return XXH3-128 of all that stands behind the checksum."""
    return _xxhash.xxh3_128_digest(memoryview(snapshot)[CHECKED_FROM:])


cdef bytes take_snapshot(State* s):
    """Write the header, the instruments and the state. O(state)."""
    cdef bytes image = state_image(s, snapshot_front(s))
    cdef u8* at = <u8*>PyBytes_AS_STRING(image)
    cdef SnapshotHead head
    cdef InstrumentRecord terms
    cdef bytes checksum
    cdef u32 i
    memset(&head, 0, sizeof(head))
    memcpy(head.magic, <const char*>b"FXCORSNP", sizeof(head.magic))
    head.version = SNAPSHOT_VERSION
    head.n_currencies = s.n_currencies
    head.n_instruments = s.n_instruments
    head.n_bytes = len(image)
    head.max_fills = s.max_fills
    put(at, &head, sizeof(head))
    for i in range(s.n_instruments):
        terms_of(s.books + i, &terms)
        put(at + sizeof(head) + i * sizeof(terms), &terms, sizeof(terms))
    checksum = checksum_of(image)
    memcpy(at + sizeof(head.magic), PyBytes_AS_STRING(checksum), sizeof(head.checksum))
    return image


cdef int _check_snapshot(const State* s, bytes snapshot) except -1:
    """Refuse what is not a whole snapshot of a core like this one."""
    cdef const u8* at = <const u8*>PyBytes_AS_STRING(snapshot)
    cdef SnapshotHead head
    cdef InstrumentRecord terms
    cdef bytes checksum
    cdef u32 i
    if PyBytes_GET_SIZE(snapshot) < <Py_ssize_t>sizeof(head):
        raise ValueError("the snapshot is damaged: it is shorter than its header; take another, or replay the journal")
    memcpy(&head, at, sizeof(head))
    if memcmp(head.magic, <const char*>b"FXCORSNP", sizeof(head.magic)) != 0:
        raise ValueError("this is no snapshot of a core, or its beginning is damaged; replay the journal")
    if head.version != SNAPSHOT_VERSION:
        raise ValueError(
            f"the snapshot is of version {head.version}, and this core reads {SNAPSHOT_VERSION}; replay the journal"
        )
    checksum = checksum_of(snapshot)
    if head.n_bytes != <u64>PyBytes_GET_SIZE(snapshot) or memcmp(
        head.checksum, PyBytes_AS_STRING(checksum), sizeof(head.checksum)
    ) != 0:
        raise ValueError("the snapshot is damaged: its checksum differs; take another, or replay the journal")
    if head.n_currencies != s.n_currencies or head.max_fills != s.max_fills:
        raise ValueError("the snapshot is of another venue: its currencies or max_fills differ; take the venue's own")
    if head.n_instruments != s.n_instruments or head.n_bytes < snapshot_front(s):
        raise ValueError("the snapshot is of another venue: it has other instruments; take the venue's own")
    for i in range(s.n_instruments):
        terms_of(s.books + i, &terms)
        if memcmp(&terms, at + sizeof(head) + i * sizeof(terms), sizeof(terms)) != 0:
            raise ValueError(f"the snapshot is of another venue: its instrument {i} differs; take the venue's own")
    return 0


cdef int fill_state(State* s, bytes snapshot) except -1:
    """Fill an empty state from a snapshot that was checked; ValueError where it cannot have been a core's."""
    cdef Restoring r
    cdef int status
    memset(&r, 0, sizeof(r))
    r.s = s
    r.at = <const u8*>PyBytes_AS_STRING(snapshot) + snapshot_front(s)
    r.end = <const u8*>PyBytes_AS_STRING(snapshot) + PyBytes_GET_SIZE(snapshot)
    with nogil:
        status = get_state(&r)
        free(r.seen)
    if r.out_of_memory:
        raise MemoryError("no memory for the snapshot's state")
    problem = r.problem.decode() if status != 0 else ""
    if not problem:
        try:
            check_conserved(s)
            check_held(s)
            check_never_crossed(s)
        except AssertionError as e:
            problem = str(e)
    if problem:
        raise ValueError(
            f"the snapshot is whole, but no core can be in its state: {problem}. Replay the journal, and keep the"
            " snapshot for examination"
        )
    return 0
