# What is closed: the venue (CANCEL_ONLY) or a currency (REDEEM_ONLY), as each book knows it.
#
# What an order asks is one number in a line that it has loaded anyway: its book's ``closed``, made of
# both when a control comes (controls.pxi), which is rare. Only a refusal asks which of them it was.


cdef inline bint is_redeem_only(const State* s, u32 currency) noexcept nogil:
    return s.redeem_only[currency >> 6] >> (currency & 63) & 1


cdef int why_closed(const Book* book) noexcept nogil:
    """Return why a book takes nothing that adds risk, or NONE."""
    if book.closed & CLOSED_VENUE:
        return VENUE_CANCEL_ONLY
    return CURRENCY_REDEEM_ONLY if book.closed else NONE


cdef u16 closing_of(const State* s, const Book* book) noexcept nogil:
    """Return what a book's ``closed`` must be."""
    cdef u16 closed = CLOSED_VENUE if s.cancel_only else 0
    if is_redeem_only(s, book.given[0]) or is_redeem_only(s, book.given[1]):
        closed |= CLOSED_CURRENCY
    return closed


cdef void note_closed(State* s) noexcept nogil:
    """Bring every book up to date with what is closed. O(instruments)."""
    cdef u32 i
    for i in range(s.n_instruments):
        s.books[i].closed = closing_of(s, s.books + i)
