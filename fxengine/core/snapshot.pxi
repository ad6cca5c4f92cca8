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
    CHECKED_FROM = 24  # behind magic and checksum


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
    if head.n_accounts > s.max_accounts:
        return deny(r, b"it has more accounts than this core may have (max_accounts)")
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
    if get_triggered(r) != 0 or get_standing(r) != 0:
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
            check_marks(s)
            check_withdrawals(s)
        except AssertionError as e:
            problem = str(e)
    if problem:
        raise ValueError(
            f"the snapshot is whole, but no core can be in its state: {problem}. Replay the journal, and keep the"
            " snapshot for examination"
        )
    return 0
