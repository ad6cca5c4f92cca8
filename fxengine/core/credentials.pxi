# Credentials: opening accounts and renewing what they may do.
#
# A CREDENTIAL command carries what a KYC token allowed. The account's number is the next one, or one
# that belongs to the same identity already. When a credential ends, every order of its account leaves
# the books before the next command is looked at (core/timers.pxi): matching never meets an invalid owner.


cdef int credential_refusal(State* s, const Credential* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    cdef const CredentialDetail* detail = <const CredentialDetail*>(command + 1)
    cdef Account* account
    if command.account < FIRST_CLIENT_ACCOUNT or command.account > s.n_accounts:
        return UNKNOWN_ACCOUNT
    if command.expires_ns <= s.now_ns:
        return CREDENTIAL_EXPIRED
    if is_known(&s.revoked, detail.token_id):
        return TOKEN_REVOKED
    if command.account == s.n_accounts:
        if command.window < WINDOW_MIN or command.window > WINDOW_MAX or command.window & (command.window - 1):
            return UNKNOWN_COMMAND
        return CAPACITY if s.n_accounts == s.max_accounts else NONE
    account = account_at(s, command.account)
    if memcmp(command.identity, account.identity, sizeof(account.identity)) != 0:
        return IDENTITY_MISMATCH
    if account.marks & FROZEN:
        return ACCOUNT_FROZEN
    if command.issued_at_ns < account.issued_at_ns:
        return CREDENTIAL_SUPERSEDED
    return NONE


cdef int renew(State* s, const Credential* command) noexcept nogil:
    """Open or renew an account, and report it, or the refusal, to that account."""
    cdef const CredentialDetail* detail = <const CredentialDetail*>(command + 1)
    cdef int reason = credential_refusal(s, command)
    cdef Account* account
    if reason != NONE:
        emit_rejected(s, <const Command*>command, COMMAND_CREDENTIAL, 0, reason, 0, 0, 0)
        return NONE
    if command.account == s.n_accounts:
        account = open_account(s)
        if account == NULL:
            return OUT_OF_MEMORY
        account.window = command.window
        memcpy(account.identity, command.identity, sizeof(account.identity))
    account = account_at(s, command.account)
    if account.credential_expires_ns != command.expires_ns:
        if add_timer(s, command.expires_ns, TIMER_CREDENTIAL, command.account, command.account) != NONE:
            return OUT_OF_MEMORY
    account.flags = command.flags
    account.level = command.level
    account.issued_at_ns = command.issued_at_ns
    account.credential_expires_ns = command.expires_ns
    account.marks &= ~REVOKED
    note_expiry(account)
    memcpy(account.jurisdiction, command.jurisdiction, sizeof(account.jurisdiction))
    memcpy(account.permitted, detail.permitted, sizeof(account.permitted))
    memcpy(account.token_id, detail.token_id, sizeof(account.token_id))
    account.trade_group = detail.trade_group
    emit_credentialed(s, account, command.account)
    return NONE
