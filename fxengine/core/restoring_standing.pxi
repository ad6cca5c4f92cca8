# Restoring: what stands beside accounts and orders (canonical_standing.pxi), read back.
#
# As in restoring.pxi, a function returns 0, or -1 with the reason in ``Restoring``.


cdef int get_mark(Restoring* r, u32* before) noexcept nogil:
    """Read what bars an account, above ``before``, and what watches over it."""
    cdef MarkImage image
    cdef Account* account
    if not read(r, &image, sizeof(image)):
        return -1
    if image.account <= before[0] or image.account >= r.s.n_accounts:
        return deny(r, b"marked accounts are not in order, or not there")
    if image.marks > (FROZEN | REVOKED | WATCHING) or (image.marks == 0 and image.dead_man_ns == 0):
        return deny(r, b"an account has no mark or an unknown one")
    if image.dead_man_ns and image.dead_man_ns <= r.s.now_ns:
        return deny(r, b"a dead-man timer is due already")
    account = account_at(r.s, image.account)
    account.marks = image.marks
    note_expiry(account)
    before[0] = image.account
    if image.dead_man_ns and set_dead_man(r.s, image.account, image.dead_man_ns) != NONE:
        return give_up(r)
    return 0


cdef int get_known(Restoring* r, KnownIds* known) noexcept nogil:
    """Read a set of ids, ascending."""
    cdef KnownId wanted
    cdef u32 n
    cdef u32 i
    if not read(r, &n, sizeof(n)):
        return -1
    for i in range(n):
        if not read(r, &wanted, sizeof(wanted)):
            return -1
        if i and memcmp(known.ids[i - 1].hash, wanted.hash, sizeof(wanted)) >= 0:
            return deny(r, b"ids that are never forgotten are not in order")
        if add_known(known, wanted.hash) != NONE:
            return give_up(r)
    return 0


cdef int get_marks(Restoring* r) noexcept nogil:
    """Read who is barred, watching or under a dead-man timer, and the revoked tokens."""
    cdef u32 before = FIRST_CLIENT_ACCOUNT - 1
    cdef u32 n_marked
    cdef u32 i
    if not read(r, &n_marked, sizeof(n_marked)):
        return -1
    for i in range(n_marked):
        if get_mark(r, &before) != 0:
            return -1
    if get_known(r, &r.s.revoked) != 0:
        return -1
    if n_marked == 0 and r.s.revoked.n == 0 and r.at == r.end:
        return deny(r, b"it marks nobody, at length")
    return 0


cdef int get_withdrawal(Restoring* r) noexcept nogil:
    """Read an open withdrawal, asked for after those before it."""
    cdef State* s = r.s
    cdef Withdrawal found
    if not read(r, &found, sizeof(found)):
        return -1
    if s.n_withdrawals and found.number <= s.withdrawals[s.n_withdrawals - 1].number:
        return deny(r, b"open withdrawals are not in order")
    if found.number == 0 or found.number > s.sequence or found.amount_units < 1 or found.reserved:
        return deny(r, b"an open withdrawal has a number that is still to come, or is of nothing")
    if client_at(s, found.account) == NULL or found.currency >= s.n_currencies:
        return deny(r, b"an open withdrawal is nobody's, or in a currency that is not listed")
    return 0 if add_withdrawal(s, &found) == NONE else give_up(r)


cdef int get_money(Restoring* r) noexcept nogil:
    """Read what is FINAL, the open withdrawals and the external ids of deposits."""
    cdef u32 n_open
    cdef u32 i
    if not read(r, &r.s.final_sequence, sizeof(u64)) or not read(r, &n_open, sizeof(n_open)):
        return -1
    if r.s.final_sequence > r.s.sequence:
        return deny(r, b"what is FINAL is still to come")
    for i in range(n_open):
        if get_withdrawal(r) != 0:
            return -1
    if get_known(r, &r.s.deposits) != 0:
        return -1
    return 0 if has_money(r.s) or r.at != r.end else deny(r, b"it tells of no money, at length")


cdef int get_controls(Restoring* r) noexcept nogil:
    """Read what is closed."""
    cdef u32 before = 0
    cdef u32 mode
    cdef u32 n_closed
    cdef u32 currency
    cdef u32 i
    if not read(r, &mode, sizeof(mode)) or not read(r, &n_closed, sizeof(n_closed)):
        return -1
    if mode != MODE_OPEN and mode != MODE_CANCEL_ONLY:
        return deny(r, b"the venue has an unknown mode")
    r.s.cancel_only = mode == MODE_CANCEL_ONLY
    for i in range(n_closed):
        if not read(r, &currency, sizeof(currency)):
            return -1
        if currency >= r.s.n_currencies or (i and currency <= before):
            return deny(r, b"closed currencies are not in order, or not listed")
        r.s.redeem_only[currency >> 6] |= <u64>1 << (currency & 63)
        before = currency
    note_closed(r.s)
    return 0 if has_controls(r.s) or r.at != r.end else deny(r, b"it closes nothing, at length")


cdef int get_busts(Restoring* r) noexcept nogil:
    """Read which trades were undone: of instruments that there are, and no trade that is still to come."""
    cdef u64 instrument
    cdef u64 number
    cdef size_t i
    cdef u32 j
    if get_known(r, &r.s.busted) != 0:
        return -1
    for i in range(r.s.busted.n):
        instrument = number = 0
        for j in range(8):
            instrument = instrument << 8 | r.s.busted.ids[i].hash[j]
            number = number << 8 | r.s.busted.ids[i].hash[8 + j]
        if instrument >= r.s.n_instruments or number < 1 or number > r.s.books[instrument].stream:
            return deny(r, b"a trade that was undone is still to come")
    return 0 if r.s.busted.n else deny(r, b"it undoes nothing, at length")


cdef int get_standing(Restoring* r) noexcept nogil:
    """Read these sections, where they are there."""
    if r.at == r.end:
        return 0
    if get_marks(r) != 0:
        return -1
    if r.at != r.end and get_money(r) != 0:
        return -1
    if r.at != r.end and get_controls(r) != 0:
        return -1
    return get_busts(r) if r.at != r.end else 0
