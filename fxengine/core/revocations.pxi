# Revocations: an operator freezes an account, releases it, or takes a KYC token back.
#
# What is hit loses its open orders and quotes in the same command, so matching never meets an owner
# that may not trade. What bars an account is a mark, and while it has one its effective end of
# credential (expires_ns, which every order asks about anyway) is 0; the credential's own end is kept
# beside it. So a mark costs nothing to those who have none, and only a refusal asks which it was:
#
#     marks -                expires_ns = credential_expires_ns
#     marks FROZEN           expires_ns = 0         -> ACCOUNT_FROZEN
#     marks REVOKED          expires_ns = 0         -> TOKEN_REVOKED, until a credential with another token
#
# Revoked tokens are kept for ever (known_ids.pxi). One is looked up per credential, none per order.


cdef int bar_or(const Account* account, int otherwise) noexcept nogil:
    """Return why an account is barred, or another reason where it is not."""
    if account.marks & FROZEN:
        return ACCOUNT_FROZEN
    return TOKEN_REVOKED if account.marks & REVOKED else otherwise


cdef inline void note_expiry(Account* account) noexcept nogil:
    """Bring the effective end of the credential up to date with the marks."""
    account.expires_ns = 0 if account.marks & (FROZEN | REVOKED) else account.credential_expires_ns


cdef inline bint has_token(const State* s, u32 number, const u8* token_id) noexcept nogil:
    """Say whether an account's credential came with this token."""
    return memcmp(account_at(s, number).token_id, token_id, sizeof(KnownId)) == 0


cdef int revoke_refusal(const State* s, const Account* operator_account, const Revoke* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    if not is_operator(s, operator_account):
        return bar_or(operator_account, NOT_AUTHORIZED)
    if command.action < REVOKE_FREEZE or command.action > REVOKE_TOKEN:
        return UNKNOWN_COMMAND
    if command.action == REVOKE_TOKEN:
        return UNKNOWN_COMMAND if is_no_id(command.token_id) else NONE
    return UNKNOWN_ACCOUNT if client_at(s, command.target) == NULL else NONE


cdef size_t events_of_revoke(const State* s, const Revoke* command) noexcept nogil:
    """Return the most events that a revocation makes. O(accounts) for a token."""
    cdef const Account* operator_account = client_at(s, command.account)
    cdef size_t n = 2
    cdef u32 number
    if operator_account == NULL or revoke_refusal(s, operator_account, command) != NONE:
        return n
    if command.action != REVOKE_TOKEN:
        return n + account_at(s, command.target).n_orders
    for number in range(FIRST_CLIENT_ACCOUNT, s.n_accounts):
        if has_token(s, number, command.token_id):
            n += 1 + account_at(s, number).n_orders
    return n


cdef int bar(State* s, u32 number, u8 mark, u8 action, u16 reason, i64* n_ended) noexcept nogil:
    """Mark an account, end its orders, and tell it."""
    cdef Account* account = account_at(s, number)
    cdef int status
    cdef i64 n
    account.marks |= mark
    note_expiry(account)
    status = end_all(s, number, ALL_INSTRUMENTS, 0, reason, 0, &n)
    n_ended[0] += n
    emit_revoked(s, account, number, action, reason)
    return status


cdef void unfreeze(State* s, u32 number) noexcept nogil:
    """Give an account back what its credential still holds, and tell it."""
    cdef Account* account = account_at(s, number)
    account.marks &= ~FROZEN
    note_expiry(account)
    emit_revoked(s, account, number, REVOKE_UNFREEZE, NONE)


cdef int revoke_token(State* s, const u8* token_id, i64* n_ended) noexcept nogil:
    """Keep a token as revoked and bar whoever holds its credential by it. O(accounts)."""
    cdef u32 number
    if add_known(&s.revoked, token_id) != NONE:
        return OUT_OF_MEMORY
    for number in range(FIRST_CLIENT_ACCOUNT, s.n_accounts):
        if has_token(s, number, token_id):
            if bar(s, number, REVOKED, REVOKE_TOKEN, TOKEN_REVOKED, n_ended) != NONE:
                return OUT_OF_MEMORY
    return NONE


cdef int revoke(State* s, Account* operator_account, const Revoke* command, Remembered* entry) noexcept nogil:
    """Freeze or release an account, or revoke a token; return why it was refused, or NONE."""
    cdef int reason = revoke_refusal(s, operator_account, command)
    cdef bint names_account = command.action != REVOKE_TOKEN
    cdef int status = NONE
    cdef i64 n = 0
    if reason != NONE:
        return reason
    if command.action == REVOKE_FREEZE:
        status = bar(s, command.target, FROZEN, REVOKE_FREEZE, ACCOUNT_FROZEN, &n)
    elif command.action == REVOKE_UNFREEZE:
        unfreeze(s, command.target)
    else:
        status = revoke_token(s, command.token_id, &n)
    if status != NONE:
        return status
    entry.status = FILLED
    write_totals(operator_account, command.client_order_id, n, 0)
    emit_money(
        s, operator_account, command.account, EVENT_DONE, command.instrument, n,
        command.target if names_account else 0, command.client_order_id,
    )
    return NONE
