# The last sections of the canonical form: what stands beside accounts and orders.
#
#     marks     only where there are any: count and the accounts with a mark or a dead-man timer, in order
#               of number; count and the revoked tokens, ascending
#     money     only where there is any to tell of, and then the marks stand too, if with counts of 0:
#               final sequence; count and the open withdrawals, ascending; count and the deposits'
#               external ids, ascending
#     controls  only where something is closed, and then money stands too: the venue's mode; count and the
#               currencies that are REDEEM_ONLY, ascending
#     busts     only where there are any, and then controls stand too: count and the trades that were
#               undone, ascending
#
# What nobody has used is left out, so a journal of such a venue keeps the hashes it was sealed with.


cdef inline bint is_marked(const Account* account) noexcept nogil:
    return account.marks != 0 or account.dead_man_ns != 0


cdef u32 count_marked(const State* s) noexcept nogil:
    """Count the accounts that the marks section names."""
    cdef u32 n = 0
    cdef u32 i
    for i in range(s.n_accounts):
        n += is_marked(account_at(s, i))
    return n


cdef u32 count_redeem_only(const State* s) noexcept nogil:
    cdef u32 n = 0
    cdef u32 i
    for i in range(s.n_currencies):
        n += is_redeem_only(s, i)
    return n


cdef inline bint has_controls(const State* s) noexcept nogil:
    """Say whether anything is closed."""
    return s.cancel_only or (s.redeem_only[0] | s.redeem_only[1] | s.redeem_only[2] | s.redeem_only[3]) != 0


cdef inline bint has_money(const State* s) noexcept nogil:
    """Say whether there is anything to tell of money."""
    return s.final_sequence != 0 or s.n_withdrawals != 0 or s.deposits.n != 0


cdef size_t standing_size(const State* s) noexcept nogil:
    """Return the size of these sections: none where there is nothing to say."""
    cdef size_t n_marked = count_marked(s)
    cdef size_t size = 0
    cdef bint controls = has_controls(s) or s.busted.n != 0
    cdef bint money = has_money(s) or controls
    if n_marked or s.revoked.n or money:
        size += 2 * sizeof(u32) + n_marked * sizeof(MarkImage) + s.revoked.n * sizeof(KnownId)
    if s.busted.n:
        size += sizeof(u32) + s.busted.n * sizeof(KnownId)
    if controls:
        size += (2 + count_redeem_only(s)) * sizeof(u32)
    if money:
        size += sizeof(u64) + 2 * sizeof(u32) + s.n_withdrawals * sizeof(Withdrawal) + s.deposits.n * sizeof(KnownId)
    return size


cdef u8* put_known(u8* at, const KnownIds* known) noexcept nogil:
    """Write a set of ids: count, and the ids."""
    cdef u32 n = <u32>known.n
    at = put(at, &n, sizeof(u32))
    return put(at, known.ids, known.n * sizeof(KnownId)) if n else at


cdef u8* put_marks(u8* at, const State* s) noexcept nogil:
    """Write who is barred, watching or under a dead-man timer, and the revoked tokens."""
    cdef const Account* account
    cdef MarkImage image
    cdef u32 n_marked = count_marked(s)
    cdef u32 i
    at = put(at, &n_marked, sizeof(u32))
    for i in range(s.n_accounts):
        account = account_at(s, i)
        if is_marked(account):
            image.account = i
            image.marks = account.marks
            image.dead_man_ns = account.dead_man_ns
            at = put(at, &image, sizeof(image))
    return put_known(at, &s.revoked)


cdef u8* put_controls(u8* at, const State* s) noexcept nogil:
    """Write what is closed."""
    cdef u32 mode = MODE_CANCEL_ONLY if s.cancel_only else MODE_OPEN
    cdef u32 n_closed = count_redeem_only(s)
    cdef u32 i
    at = put(at, &mode, sizeof(u32))
    at = put(at, &n_closed, sizeof(u32))
    for i in range(s.n_currencies):
        if is_redeem_only(s, i):
            at = put(at, &i, sizeof(u32))
    return at


cdef u8* put_standing(u8* at, const State* s) noexcept nogil:
    """Write these sections; nothing where there is nothing to say."""
    cdef u32 n_open = <u32>s.n_withdrawals
    if standing_size(s) == 0:
        return at
    at = put_marks(at, s)
    if not (has_money(s) or has_controls(s) or s.busted.n):
        return at
    at = put(at, &s.final_sequence, sizeof(u64))
    at = put(at, &n_open, sizeof(u32))
    if n_open:
        at = put(at, s.withdrawals, s.n_withdrawals * sizeof(Withdrawal))
    at = put_known(at, &s.deposits)
    if not (has_controls(s) or s.busted.n):
        return at
    at = put_controls(at, s)
    return put_known(at, &s.busted) if s.busted.n else at
