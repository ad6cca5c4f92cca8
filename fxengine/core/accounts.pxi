# Accounts and their balances.
#
# Accounts stand in chunks that never move, so a pointer to one is good for ever and a new account
# never stops the venue; a chunk brings its accounts' balances along, contiguous per account, 16
# bytes a currency. What a new order asks of its account (is the credential valid, which id comes
# next, where is its ring, may it hold these currencies) stands in the account's first line:
#
#     accounts[n >> 8][n & 255]  [ expires | highest | stream | ring | balances | ... | permitted ]
#                                                         |        `-> available, held | available, held | ...
#                                                         `-> client ids


cdef inline Account* account_at(const State* s, u32 number) noexcept nogil:
    return &s.accounts[number // ACCOUNTS_PER_CHUNK][number % ACCOUNTS_PER_CHUNK]


cdef inline Account* client_at(const State* s, u32 number) noexcept nogil:
    """Return a client's account; NULL for the venue's own and for numbers not yet given."""
    if number < FIRST_CLIENT_ACCOUNT or number >= s.n_accounts:
        return NULL
    return account_at(s, number)


cdef inline bint is_valid(const State* s, const Account* account) noexcept nogil:
    """Say whether the account's credential holds now."""
    return account.expires_ns > s.now_ns


cdef inline bint permits(const Account* account, u32 currency) noexcept nogil:
    """Say whether the credential allows holding a currency."""
    return account.permitted[currency >> 6] >> (currency & 63) & 1


cdef int add_chunk(State* s) noexcept nogil:
    """Make room for ACCOUNTS_PER_CHUNK more accounts."""
    cdef u32 chunk = s.n_accounts // ACCOUNTS_PER_CHUNK
    cdef u32 room = s.n_chunks_max * 2 if s.n_chunks_max else 8
    cdef size_t balances_bytes = <size_t>s.n_currencies * sizeof(Balance)
    cdef Account** larger
    cdef Account* accounts
    cdef u8* balances
    cdef u32 place
    if chunk == s.n_chunks_max:
        larger = <Account**>cut(&s.memory, room * sizeof(Account*))
        if larger == NULL:
            return OUT_OF_MEMORY
        if chunk:
            memcpy(larger, s.accounts, chunk * sizeof(Account*))
        s.accounts = larger
        s.n_chunks_max = room
    accounts = <Account*>cut(&s.memory, ACCOUNTS_PER_CHUNK * (sizeof(Account) + balances_bytes))
    if accounts == NULL:
        return OUT_OF_MEMORY
    balances = <u8*>(accounts + ACCOUNTS_PER_CHUNK)
    for place in range(ACCOUNTS_PER_CHUNK):
        accounts[place].balances = <Balance*>(balances + place * balances_bytes)
    s.accounts[chunk] = accounts
    return NONE


cdef Account* open_account(State* s) noexcept nogil:
    """Return the next account, empty but for the room for its first client ids; NULL when memory is out."""
    cdef Account* account
    if s.n_accounts % ACCOUNTS_PER_CHUNK == 0 and add_chunk(s) != NONE:
        return NULL
    account = account_at(s, s.n_accounts)
    if open_ring(&s.memory, account) != NONE:
        return NULL
    s.n_accounts += 1
    return account


cdef inline void hold(Balance* balance, i64 units) noexcept nogil:
    """Move units from available to held; release with a negative number."""
    balance.available_units -= units
    balance.held_units += units
