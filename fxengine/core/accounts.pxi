# Accounts and their balances.
#
# Accounts stand in one region, their balances in another, both reserved whole like the orders: a page
# arrives when it is first touched, nothing ever moves, and where an account's lines are follows from
# its number alone, without a look at memory. What a new order asks of its account (is the credential
# valid, which id comes next, where is its ring, may it hold these currencies) stands in the first line:
#
#     accounts[n]               [ expires | highest | stream | ring | balances | ... | permitted ]
#     balances[n * currencies]  available, held | available, held | ...


cdef inline Account* account_at(const State* s, u32 number) noexcept nogil:
    return s.accounts + number


cdef inline Balance* balances_at(const State* s, u32 number) noexcept nogil:
    """Return where an account's balances stand; any number below max_accounts."""
    return s.balances + <size_t>number * s.n_currencies


cdef inline Account* client_at(const State* s, u32 number) noexcept nogil:
    """Return a client's account; NULL for the venue's own and for numbers not yet given."""
    if number < FIRST_CLIENT_ACCOUNT or number >= s.n_accounts:
        return NULL
    return account_at(s, number)


cdef inline bint is_valid(const State* s, const Account* account) noexcept nogil:
    """Say whether the account's credential holds now."""
    return account.expires_ns > s.now_ns


cdef inline bint is_operator(const State* s, const Account* account) noexcept nogil:
    """Say whether the account may act on others' orders and money now."""
    return account.flags & OPERATOR and is_valid(s, account)


cdef inline bint permits(const Account* account, u32 currency) noexcept nogil:
    """Say whether the credential allows holding a currency."""
    return account.permitted[currency >> 6] >> (currency & 63) & 1


cdef inline bint moves(const State* s, const Account* account, u32 currency) noexcept nogil:
    """Say whether the account may bring money of a listed currency in now, and take it out."""
    return is_operator(s, account) or (account.flags & ISSUER and is_valid(s, account) and permits(account, currency))


cdef Account* open_account(State* s) noexcept nogil:
    """Return the next account, empty but for the room for its first client ids; NULL when memory is out.

    The caller has seen that there are fewer than max_accounts.
    """
    cdef Account* account = account_at(s, s.n_accounts)
    account.balances = balances_at(s, s.n_accounts)
    if open_ring(&s.memory, account) != NONE:
        return NULL
    s.n_accounts += 1
    return account


cdef inline void hold(Balance* balance, i64 units) noexcept nogil:
    """Move units from available to held; release with a negative number."""
    balance.available_units -= units
    balance.held_units += units
