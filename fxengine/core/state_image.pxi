# The canonical bytes as a Python object: room for as many as there can be, written once, cut to length.
#
# Counting the client ids in all windows beforehand would cost as much as writing them, so the room is that of
# full segments; pages that are not written are never there. What is written is touched once and whole, so
# huge pages spare most of the faults.

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef extern from *:
    """
    /* Bytes that are written once and whole: with huge pages, a fraction of the page faults. */
    static PyObject *fx_new_bytes(Py_ssize_t n_bytes) {
        PyObject *made = PyBytes_FromStringAndSize(NULL, n_bytes);
    #ifdef MADV_HUGEPAGE
        if (made != NULL) {
            uintptr_t first = ((uintptr_t)PyBytes_AS_STRING(made) + 4095) & ~(uintptr_t)4095;
            uintptr_t end = ((uintptr_t)PyBytes_AS_STRING(made) + n_bytes) & ~(uintptr_t)4095;
            if (end > first + (1 << 22))
                madvise((void *)first, end - first, MADV_HUGEPAGE);
        }
    #endif
        return made;
    }
    """
    PyObject* new_bytes "fx_new_bytes"(Py_ssize_t n_bytes) except NULL
    int _PyBytes_Resize(PyObject** made, Py_ssize_t n_bytes) except -1


cdef size_t state_room(const State* s) noexcept nogil:
    """Return how many canonical bytes the state makes at most: as if all ids of each segment were used."""
    cdef size_t size = sizeof(HeadImage) + s.n_accounts * (sizeof(AccountImage) + s.n_currencies * sizeof(Balance))
    cdef const Account* account
    cdef size_t n_segments = 0
    cdef u32 i
    cdef u32 j
    for i in range(s.n_accounts):
        account = account_at(s, i)
        if i + ACCOUNTS_AHEAD < s.n_accounts:
            prefetch(account_at(s, i + ACCOUNTS_AHEAD))
        if i + RINGS_AHEAD < s.n_accounts:
            prefetch(account_at(s, i + RINGS_AHEAD).ring)
        for j in range(account.ring_mask + 1):
            n_segments += account.ring[j].number != 0
    size += n_segments * SEGMENT_IDS * sizeof(OutcomeImage)
    size += (2 * <size_t>s.orders_used - s.n_orders + 2) * sizeof(u32)
    return size + s.n_instruments * sizeof(BookImage) + s.n_orders * sizeof(OrderImage) + standing_size(s)


cdef u8* put_state(u8* at, State* s, Chase* chase) noexcept nogil:
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
        ask_for_accounts(s, i)
        at = put_account(at, s, account_at(s, i))
    at = put_slots(at, s, chase.behind)
    for i in range(s.n_instruments):
        at = put_book(at, s, s.books + i, chase)
    return put_standing(put_triggered(at, s), s)


cdef bytes state_image(State* s, size_t front):
    """Write the whole state behind ``front`` bytes that are the caller's to write. O(state)."""
    cdef size_t room = front + state_room(s)
    cdef size_t slots_bytes = round_up((s.orders_used + <size_t>1) * sizeof(u32), HUGE_PAGE_BYTES)
    cdef u8* slots = <u8*>reserve((QUEUES + 1) * slots_bytes)
    cdef Chase chase
    cdef PyObject* image
    cdef u8* start
    cdef u8* end
    cdef u32 i
    if slots == NULL:
        raise MemoryError("no memory to write the state with")
    chase.behind = <u32*>slots
    for i in range(QUEUES):
        chase.found[i] = <u32*>(slots + (i + 1) * slots_bytes)
    try:
        image = new_bytes(room)
        start = <u8*>PyBytes_AS_STRING(<object>image)
        end = put_state(start + front, s, &chase)
    finally:
        munmap(slots, (QUEUES + 1) * slots_bytes)
    assert end <= start + room, "the canonical state is larger than the room that was made for it"
    _PyBytes_Resize(&image, end - start)
    written = <bytes>image  # a second reference: the first is let go of
    Py_DECREF(written)
    return written
