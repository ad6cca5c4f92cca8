# Credentials and timers: opening accounts, renewing what they may do, and ending it on time.
#
# Timers are a binary heap by (time, account). A renewal leaves the old timer in it; one whose time
# is no longer the account's is stale and skipped. When a credential ends, every order of its account
# leaves the books before the next command is looked at, oldest client id first. No list of an
# account's orders burdens the matching loop for that: they are found through the ring of client
# ids, and only when some are older than the window (n_orders says so) by walking the pool.

from libc.stdlib cimport free, malloc, qsort, realloc

cdef struct Leaving:
    u64 client_order_id
    u32 slot


cdef inline bint is_sooner(const Timer* one, const Timer* other) noexcept nogil:
    if one.expires_ns != other.expires_ns:
        return one.expires_ns < other.expires_ns
    return one.account < other.account


cdef int add_timer(State* s, i64 expires_ns, u32 account) noexcept nogil:
    """Note when an account's credential ends. O(log n)."""
    cdef size_t room = s.timers_capacity * 2 if s.timers_capacity else 64
    cdef size_t at = s.n_timers
    cdef Timer* larger
    cdef Timer timer
    if s.n_timers == s.timers_capacity:
        larger = <Timer*>realloc(s.timers, room * sizeof(Timer))
        if larger == NULL:
            return OUT_OF_MEMORY
        s.timers = larger
        s.timers_capacity = room
    timer.expires_ns = expires_ns
    timer.account = account
    s.n_timers += 1
    while at and is_sooner(&timer, &s.timers[(at - 1) // 2]):
        s.timers[at] = s.timers[(at - 1) // 2]
        at = (at - 1) // 2
    s.timers[at] = timer
    s.next_due_ns = s.timers[0].expires_ns
    return NONE


cdef void drop_first_timer(State* s) noexcept nogil:
    """Take the soonest timer out of the heap. O(log n)."""
    cdef size_t at = 0
    cdef size_t child = 1
    cdef Timer last
    s.n_timers -= 1
    last = s.timers[s.n_timers]
    while child < s.n_timers:
        if child + 1 < s.n_timers and is_sooner(&s.timers[child + 1], &s.timers[child]):
            child += 1
        if not is_sooner(&s.timers[child], &last):
            break
        s.timers[at] = s.timers[child]
        at = child
        child = 2 * at + 1
    s.timers[at] = last
    s.next_due_ns = s.timers[0].expires_ns if s.n_timers else INT64_LARGEST


cdef void drop_stale_timers(State* s) noexcept nogil:
    """Leave the soonest timer that still tells when a credential ends, or none."""
    while s.n_timers and account_at(s, s.timers[0].account).expires_ns != s.timers[0].expires_ns:
        drop_first_timer(s)


cdef int by_client_order_id(const void* one, const void* other) noexcept nogil:
    cdef u64 left = (<const Leaving*>one).client_order_id
    cdef u64 right = (<const Leaving*>other).client_order_id
    return (left > right) - (left < right)


cdef inline void collect(State* s, Leaving* leaving, u32* n, const Order* order) noexcept nogil:
    leaving[n[0]].client_order_id = order.client_order_id
    leaving[n[0]].slot = slot_of(s, order)
    n[0] += 1


cdef int evict(State* s, u32 number) noexcept nogil:
    """Cancel every order of an account whose credential has ended. O(ring), O(pool) with orders older than it."""
    cdef Account* account = account_at(s, number)
    cdef u32 wanted = account.n_orders
    cdef u32 n = 0
    cdef u32 i
    cdef u32 j
    cdef Remembered* entry
    cdef Order* order
    cdef Leaving* leaving
    if wanted == 0:
        return NONE
    leaving = <Leaving*>malloc(wanted * sizeof(Leaving))
    if leaving == NULL:
        return OUT_OF_MEMORY
    for i in range(account.ring_mask + 1):
        for j in range(SEGMENT_IDS if account.ring[i].number else 0):
            entry = &account.ring[i].segment.ids[j]
            order = find_order(s, entry.order_id) if entry.kind == COMMAND_NEW_ORDER else NULL
            if order != NULL:
                collect(s, leaving, &n, order)
    if n < wanted:
        n = 0
        for i in range(1, s.orders_used + 1):
            if s.orders[i].account == number:
                collect(s, leaving, &n, s.orders + i)
    qsort(leaving, n, sizeof(Leaving), by_client_order_id)
    for i in range(n):
        order = s.orders + leaving[i].slot
        end_order(s, s.books + order.instrument, account, order, CREDENTIAL_EXPIRED, True, 0)
    free(leaving)
    return NONE


cdef int fire_timers(State* s) noexcept nogil:
    """End every credential that is due. EVENTS_FULL stops between two accounts; call again to go on."""
    cdef u32 number
    cdef int status
    drop_stale_timers(s)
    while s.n_timers and s.timers[0].expires_ns <= s.now_ns:
        number = s.timers[0].account
        if s.n_events + account_at(s, number).n_orders + s.events_reserve > s.events_capacity:
            return EVENTS_FULL
        drop_first_timer(s)
        status = evict(s, number)
        if status != NONE:
            return status
        drop_stale_timers(s)
    return NONE


cdef int credential_refusal(State* s, const Credential* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    cdef Account* account
    if command.account < FIRST_CLIENT_ACCOUNT or command.account > s.n_accounts:
        return UNKNOWN_ACCOUNT
    if command.expires_ns <= s.now_ns:
        return CREDENTIAL_EXPIRED
    if command.account == s.n_accounts:
        if command.window < WINDOW_MIN or command.window > WINDOW_MAX or command.window & (command.window - 1):
            return UNKNOWN_COMMAND
        return NONE
    account = account_at(s, command.account)
    if memcmp(command.identity, account.identity, sizeof(account.identity)) != 0:
        return IDENTITY_MISMATCH
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
    if account.expires_ns != command.expires_ns and add_timer(s, command.expires_ns, command.account) != NONE:
        return OUT_OF_MEMORY
    account.flags = command.flags
    account.level = command.level
    account.issued_at_ns = command.issued_at_ns
    account.expires_ns = command.expires_ns
    memcpy(account.jurisdiction, command.jurisdiction, sizeof(account.jurisdiction))
    memcpy(account.permitted, detail.permitted, sizeof(account.permitted))
    memcpy(account.token_id, detail.token_id, sizeof(account.token_id))
    emit_credentialed(s, account, command.account)
    return NONE
