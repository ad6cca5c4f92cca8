# Ids that are never forgotten: revoked tokens, and the external references of deposits.
#
# Each set is an ascending array of 16-byte hashes, found by halving, and so in the canonical order
# already. Adding one moves what stands behind it. Both are cold: no order asks for one.


cdef inline bint is_no_id(const u8* wanted) noexcept nogil:
    """Say whether an id is all zeros, which stands for none."""
    cdef const u64* words = <const u64*>wanted
    return (words[0] | words[1]) == 0


cdef size_t known_place(const KnownIds* known, const u8* wanted) noexcept nogil:
    """Return where an id stands, or would stand. O(log n)."""
    cdef size_t low = 0
    cdef size_t high = known.n
    cdef size_t middle
    while low < high:
        middle = (low + high) // 2
        if memcmp(known.ids[middle].hash, wanted, sizeof(KnownId)) < 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint is_known(const KnownIds* known, const u8* wanted) noexcept nogil:
    """Say whether an id is in the set. O(log n)."""
    cdef size_t place = known_place(known, wanted)
    return place < known.n and memcmp(known.ids[place].hash, wanted, sizeof(KnownId)) == 0


cdef int add_known(KnownIds* known, const u8* wanted) noexcept nogil:
    """Add an id, once. O(n) to make room."""
    cdef size_t place = known_place(known, wanted)
    cdef size_t room = known.capacity * 2 if known.capacity else 64
    cdef KnownId* larger
    if is_known(known, wanted):
        return NONE
    if known.n == known.capacity:
        larger = <KnownId*>realloc(known.ids, room * sizeof(KnownId))
        if larger == NULL:
            return OUT_OF_MEMORY
        known.ids = larger
        known.capacity = room
    memmove(known.ids + place + 1, known.ids + place, (known.n - place) * sizeof(KnownId))
    memcpy(known.ids[place].hash, wanted, sizeof(KnownId))
    known.n += 1
    return NONE
