# The memory of client order ids: a ring of segments per account.
#
# A segment remembers sixteen successive ids; segment n (id >> 4) stands at place n modulo the ring's
# size. So an id is found by two look-ups without a hash table, and an account pays for the ids it
# uses and no others. A ring begins with four places. When a segment comes whose place is taken:
#
#   - by one that has left the window entirely: it is cleared and used again;
#   - by one that has not: the ring doubles. Only the places are copied, never what they remember.
#
#     window 128, highest 79         place    0        1        2        3
#     id 80 comes (segment 5)               64..79   16..31   32..47   48..63
#                                                      `- 31 is still in the window: double
#
# A ring of twice the window's segments never needs to grow, so that is the largest. What is asked at
# once (body hash, OrderID, status) stands together; quantities and amounts (Totals) are touched only
# by orders that traded and by commands other than orders.

cdef extern from *:
    """
    /* splitmix64 (Steele, Lea and Flood 2014), made odd; word 2 is the time and does not count */
    static const uint64_t fx_word_keys[8] = {
        0xE220A8397B1DCDAF, 0x6E789E6AA1B965F5, 0x0000000000000000, 0xF88BB8A8724C81ED,
        0x1B39896A51A8749B, 0x53CB9F0C747EA2EB, 0x2C829ABE1F4532E1, 0xC584133AC916AB3D,
    };
    """
    const u64 WORD_KEYS "fx_word_keys"[RECORD_WORDS]

cdef u64[RECORD_WORDS * RECORDS_MAX] _later_keys  # of the words of all records; the first eight are not used


cdef void make_later_keys() noexcept:
    """Continue WORD_KEYS by the same rule."""
    cdef u64 z
    cdef u64 i
    for i in range(RECORD_WORDS * RECORDS_MAX):
        z = (i + 1) * <u64>0x9E3779B97F4A7C15
        z = (z ^ z >> 30) * <u64>0xBF58476D1CE4E5B9
        z = (z ^ z >> 27) * <u64>0x94D049BB133111EB
        _later_keys[i] = z ^ z >> 31 | 1


make_later_keys()


cdef u64 add_later_words(u64 total, const u64* words, u64 n_records) noexcept nogil:
    """Add the words of a command's records behind the first."""
    cdef u64 i
    for i in range(RECORD_WORDS, RECORD_WORDS * n_records):
        total += words[i] * _later_keys[i]
    return total


cdef inline u64 hash_body(const Command* command) noexcept nogil:
    """Hash a whole command, its time left out: a sum of its words times fixed odd keys."""
    cdef const u64* words = <const u64*>command
    cdef u64 total = words[0] * WORD_KEYS[0] + words[1] * WORD_KEYS[1] + words[3] * WORD_KEYS[3]
    total += words[4] * WORD_KEYS[4] + words[5] * WORD_KEYS[5] + words[6] * WORD_KEYS[6]
    total += words[7] * WORD_KEYS[7]
    if unlikely(command.n_records > 1):
        total = add_later_words(total, words, command.n_records)
    return total ^ total >> 32


cdef inline bint in_window(const Account* account, u64 highest, u64 client_order_id) noexcept nogil:
    """Say whether an id that is not above ``highest`` is still remembered then."""
    return highest - client_order_id < account.window


cdef inline bint reaches_window(const Account* account, u64 highest, u64 number) noexcept nogil:
    """Say whether a segment's last id, and so perhaps others of it, is not below the window."""
    cdef u64 last = number * SEGMENT_IDS - 1
    return last >= highest or in_window(account, highest, last)


cdef inline Place* place_of(const Account* account, u64 client_order_id) noexcept nogil:
    return account.ring + ((client_order_id >> SEGMENT_BITS) & account.ring_mask)


cdef inline Segment* segment_of(const Account* account, u64 client_order_id) noexcept nogil:
    """Return the segment of an id, or NULL where there is none (any more)."""
    cdef Place* place = place_of(account, client_order_id)
    return place.segment if likely(place.number == (client_order_id >> SEGMENT_BITS) + 1) else NULL


cdef inline Remembered* recall(const Account* account, u64 client_order_id) noexcept nogil:
    """Return what became of a client id, if it lies in the window and was used; else NULL. O(1)."""
    cdef Segment* segment = segment_of(account, client_order_id)
    cdef Remembered* entry
    if segment == NULL or not in_window(account, account.client_id_highest, client_order_id):
        return NULL
    entry = &segment.ids[client_order_id % SEGMENT_IDS]
    return entry if entry.kind else NULL


cdef inline void write_totals(
    const Account* account, u64 client_order_id, i64 done, i64 notional_units
) noexcept nogil:
    """Complete the outcome of an id that has a segment."""
    cdef Segment* segment = segment_of(account, client_order_id)
    segment.totals[client_order_id % SEGMENT_IDS].done = done
    segment.totals[client_order_id % SEGMENT_IDS].notional_units = notional_units
    segment.ids[client_order_id % SEGMENT_IDS].has_totals = 1


cdef inline Shelf* ring_shelf(Memory* memory, u32 n_places) noexcept nogil:
    return &memory.rings[lowest_bit(n_places) - lowest_bit(RING_PLACES_MIN)]


cdef Place* new_ring(Memory* memory, u32 n_places) noexcept nogil:
    """Return a ring without segments; NULL when memory is out."""
    cdef Place* ring = <Place*>take(memory, ring_shelf(memory, n_places), n_places * sizeof(Place))
    if ring != NULL:
        memset(ring, 0, n_places * sizeof(Place))
    return ring


cdef int open_ring(Memory* memory, Account* account) noexcept nogil:
    """Give a new account its first, small ring."""
    account.ring = new_ring(memory, RING_PLACES_MIN)
    account.ring_mask = RING_PLACES_MIN - 1
    if account.ring == NULL:
        return OUT_OF_MEMORY
    return NONE


cdef int grow_ring(Memory* memory, Account* account) noexcept nogil:
    """Double an account's ring. O(window / 16)."""
    cdef u32 n_places = (account.ring_mask + 1) * 2
    cdef Place* larger = new_ring(memory, n_places)
    cdef Place* place
    cdef u32 i
    if larger == NULL:
        return OUT_OF_MEMORY
    for i in range(account.ring_mask + 1):
        place = account.ring + i
        if place.number:
            larger[(place.number - 1) & (n_places - 1)] = place[0]
    give_back(ring_shelf(memory, account.ring_mask + 1), account.ring)
    account.ring = larger
    account.ring_mask = n_places - 1
    return NONE


cdef Segment* new_segment(Memory* memory, Account* account, u64 highest, u64 client_order_id) noexcept nogil:
    """Put a segment for an id in its place, growing the ring as need be; NULL when memory is out."""
    cdef u64 number = (client_order_id >> SEGMENT_BITS) + 1
    cdef Place* place = place_of(account, client_order_id)
    while place.number and reaches_window(account, highest, place.number):
        if grow_ring(memory, account) != NONE:
            return NULL
        place = place_of(account, client_order_id)
    if place.number == 0:
        place.segment = <Segment*>take(memory, &memory.segments, sizeof(Segment))
        if place.segment == NULL:
            return NULL
        prefetch(memory.at)
        prefetch(memory.at + LINE_BYTES)
    else:
        memset(place.segment.ids, 0, sizeof(place.segment.ids))
    place.number = number
    return place.segment


cdef inline int remember(State* s, Account* account, const Command* command, Remembered** found) noexcept nogil:
    """Place a command's client id in the window and record it, or say why not.

    Returns NONE with a new entry in ``found``, REPEATED with the known one, or a RejectReason. O(1),
    and O(window / 16) when the ring doubles.
    """
    cdef u64 client_order_id = command.client_order_id
    cdef u64 highest = account.client_id_highest
    cdef u64 body_hash = hash_body(command)
    cdef Segment* segment
    cdef Remembered* entry
    if likely(client_order_id > highest):
        if client_order_id - highest > account.window:
            return CLIENT_ID_TOO_HIGH
        highest = client_order_id
    elif client_order_id == 0:
        return CLIENT_ID_MISSING
    elif not in_window(account, highest, client_order_id):
        return CLIENT_ID_TOO_OLD
    segment = segment_of(account, client_order_id)
    if unlikely(segment == NULL):
        segment = new_segment(&s.memory, account, highest, client_order_id)
        if segment == NULL:
            return OUT_OF_MEMORY
    entry = &segment.ids[client_order_id % SEGMENT_IDS]
    if unlikely(entry.kind):
        if entry.body_hash != body_hash:
            return CLIENT_ID_REUSED
        found[0] = entry
        return REPEATED
    account.client_id_highest = highest
    prefetch(entry + 2)  # where the account's next ids will be remembered
    entry.body_hash = body_hash
    entry.sequence = s.sequence
    entry.order_id = 0
    entry.kind = command.kind
    entry.status = NEW
    entry.reason = NONE
    entry.has_totals = 0
    found[0] = entry
    return NONE
