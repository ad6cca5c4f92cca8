# What must hold of all that stands beside accounts' balances and orders: marks, timers, withdrawals, ids that
# are never forgotten, and what is closed. As in invariants.pxi, each function names itself when it fails.


cdef int check_known(const KnownIds* known, str what) except -1:
    """Ids that are never forgotten stand in order, once each."""
    cdef size_t i
    for i in range(1, known.n):
        if memcmp(known.ids[i - 1].hash, known.ids[i].hash, sizeof(KnownId)) >= 0:
            raise AssertionError(f"{what} {i} is not in order")
    return 0


cdef int check_withdrawals(State* s) except -1:
    """Open withdrawals stand in order, and their accounts count them; nothing that is FINAL is still to come."""
    cdef u32[::1] counted = _numpy.zeros(s.n_accounts, _numpy.uint32)
    cdef size_t i
    cdef u32 number
    check_known(&s.deposits, "the external id")
    check_known(&s.busted, "the busted trade")
    if s.final_sequence > s.sequence:
        raise AssertionError("what is FINAL is still to come")
    for i in range(s.n_withdrawals):
        if i and s.withdrawals[i - 1].number >= s.withdrawals[i].number:
            raise AssertionError(f"the open withdrawal {s.withdrawals[i].number} is not in order")
        if s.withdrawals[i].number > s.sequence or s.withdrawals[i].amount_units < 1:
            raise AssertionError(f"the open withdrawal {s.withdrawals[i].number} is still to come, or of nothing")
        counted[s.withdrawals[i].account] += 1
    for number in range(s.n_accounts):
        if account_at(s, number).n_withdrawals != counted[number]:
            raise AssertionError(f"account {number} counts its open withdrawals wrongly")
    return 0


cdef int check_closed(State* s) except -1:
    """Every book knows whether it is closed."""
    cdef u32 i
    for i in range(s.n_instruments):
        if s.books[i].closed != closing_of(s, s.books + i):
            raise AssertionError(f"instrument {i} is closed otherwise than it knows")
    return 0


cdef int check_marks(State* s) except -1:
    """Who is barred may not trade and has no open orders; revoked tokens are in order, and bar who has one."""
    cdef Account* account
    cdef bint barred
    cdef u32 number
    check_known(&s.revoked, "the revoked token")
    for number in range(s.n_accounts):
        account = account_at(s, number)
        if number < FIRST_CLIENT_ACCOUNT and is_marked(account):
            raise AssertionError(f"account {number}, the venue's own, is marked")
        barred = account.marks & (FROZEN | REVOKED)
        if account.expires_ns != (0 if barred else account.credential_expires_ns):
            raise AssertionError(f"account {number}: what it may do does not follow from its marks")
        if barred and account.n_orders:
            raise AssertionError(f"account {number} is barred and has {account.n_orders} open orders")
        if number >= FIRST_CLIENT_ACCOUNT and is_known(&s.revoked, account.token_id) != (account.marks & REVOKED != 0):
            raise AssertionError(f"account {number}: its token and its mark differ")
    return 0


cdef int check_dead_men(State* s) except -1:
    """The accounts whose dead-man timer runs stand in the heap once each, sooner ones above."""
    cdef u32 n = 0
    cdef u32 i
    for i in range(s.n_accounts):
        if account_at(s, i).dead_man_ns:
            n += 1
            if account_at(s, i).dead_man_ns <= s.now_ns:
                raise AssertionError(f"account {i}: its dead-man timer is overdue")
    if n != s.n_dead_men:
        raise AssertionError(f"{n} dead-man timers run, but {s.n_dead_men} are in the heap")
    for i in range(n):
        if account_at(s, s.dead_men[i]).dead_man_ns == 0 or account_at(s, s.dead_men[i]).dead_man_place != i:
            raise AssertionError(f"account {s.dead_men[i]}: its dead-man timer is misplaced")
        if i and dies_sooner(s, s.dead_men[i], s.dead_men[(i - 1) // 2]):
            raise AssertionError(f"account {s.dead_men[i]}: its dead-man timer is below a later one")
    if s.next_due_ns != least(s.timers[0].due_ns if s.n_timers else INT64_LARGEST, next_death_ns(s)):
        raise AssertionError("something is due at another time than is noted")
    return 0
