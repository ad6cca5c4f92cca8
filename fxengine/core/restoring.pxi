# Restoring: a snapshot's accounts and slots, read back into an empty state.
#
# What is read is believed in nothing that memory's safety or an endless loop could depend on (snapshot.pxi
# says why). A function returns 0, or -1 with the reason in ``Restoring``; the state is then thrown away.
#
# Accounts come before the orders that their client ids name, so those names are checked last, in a second
# walk through the images (check_outcomes).

cdef enum:
    IMAGES_AHEAD = 16  # what stands behind an image is asked for so many images ahead
    ORDER_ID_AT = 24  # in an OutcomeImage

cdef struct Restoring:
    State* s  # being filled
    const u8* at  # next byte to read
    const u8* end
    u64* seen  # bit per slot: an order or the free list has it
    u32 n_orders  # restored
    bint out_of_memory
    const char* problem  # why it is refused; NULL: nothing is wrong so far


cdef int deny(Restoring* r, const char* problem) noexcept nogil:
    r.problem = problem
    return -1


cdef int give_up(Restoring* r) noexcept nogil:
    r.out_of_memory = True
    return deny(r, b"memory ran out")


cdef inline const u8* piece(Restoring* r, size_t n_bytes) noexcept nogil:
    """Return the next bytes and go on behind them; NULL where there are not so many."""
    cdef const u8* at = r.at
    if unlikely(n_bytes > <size_t>(r.end - at)):
        deny(r, b"it ends too early")
        return NULL
    r.at = at + n_bytes
    return at


cdef inline bint read(Restoring* r, void* image, size_t n_bytes) noexcept nogil:
    """Copy the next bytes to an image; False where there are not so many."""
    cdef const u8* at = piece(r, n_bytes)
    if unlikely(at == NULL):
        return False
    memcpy(image, at, n_bytes)
    return True


cdef inline bint claim(Restoring* r, u32 slot) noexcept nogil:
    """Mark a slot as taken by an order or by the free list; False where there is none, or it was taken before."""
    cdef u64 bit = <u64>1 << (slot & 63)
    if unlikely(slot == 0 or slot > r.s.orders_used or r.seen[slot >> 6] & bit):
        return False
    r.seen[slot >> 6] |= bit
    return True


cdef int get_outcome(Restoring* r, Account* account, u64 before) noexcept nogil:
    """Read what became of one client id, above ``before``."""
    cdef OutcomeImage image
    cdef Segment* segment
    cdef Remembered* entry
    cdef u64 highest = account.client_id_highest
    if not read(r, &image, sizeof(image)):
        return -1
    if unlikely(image.client_order_id <= before or image.client_order_id > highest):
        return deny(r, b"client ids of an account are not in order")
    if unlikely(not in_window(account, highest, image.client_order_id)):
        return deny(r, b"a client id is not in its account's window")
    if unlikely(not is_numbered(image.kind) or image.reserved):
        return deny(r, b"the outcome of a client id is of no known command")
    if unlikely(<u32>image.order_id > r.s.orders_used):  # look_ahead.pxi follows it without another look
        return deny(r, b"the outcome of a client id names a slot that is not there")
    segment = segment_of(account, image.client_order_id)
    if unlikely(segment == NULL):
        segment = new_segment(&r.s.memory, account, highest, image.client_order_id)
        if segment == NULL:
            return give_up(r)
    entry = &segment.ids[image.client_order_id % SEGMENT_IDS]
    entry.body_hash = image.body_hash
    entry.sequence = image.sequence
    entry.order_id = image.order_id
    entry.kind = image.kind
    entry.status = image.status
    entry.reason = image.reason
    if image.done or image.notional_units:
        write_totals(account, image.client_order_id, image.done, image.notional_units)
    return 0


cdef int get_account(Restoring* r, u32 number) noexcept nogil:
    cdef State* s = r.s
    cdef AccountImage image
    cdef AccountImage nobody
    cdef Account* account
    cdef u64 before = 0
    cdef u32 i
    if not read(r, &image, sizeof(image)):
        return -1
    if number < FIRST_CLIENT_ACCOUNT:
        memset(&nobody, 0, sizeof(nobody))
        if memcmp(&image, &nobody, sizeof(image)) != 0:
            return deny(r, b"an account of the venue's own has a credential")
        account = account_at(s, number)
    else:
        if image.window < WINDOW_MIN or image.window > WINDOW_MAX or image.window & (image.window - 1):
            return deny(r, b"an account remembers an impossible number of client ids")
        account = open_account(s)
        if account == NULL:
            return give_up(r)
    memcpy(account.identity, image.identity, sizeof(account.identity))
    account.flags = image.flags
    account.level = image.level
    memcpy(account.jurisdiction, image.jurisdiction, sizeof(account.jurisdiction))
    account.window = image.window
    account.issued_at_ns = image.issued_at_ns
    account.expires_ns = account.credential_expires_ns = image.expires_ns
    memcpy(account.permitted, image.permitted, sizeof(account.permitted))
    memcpy(account.token_id, image.token_id, sizeof(account.token_id))
    account.trade_group = image.trade_group
    account.client_id_highest = image.client_id_highest
    account.stream = image.stream
    if not read(r, account.balances, s.n_currencies * sizeof(Balance)):
        return -1
    for i in range(image.n_outcomes):
        if get_outcome(r, account, before) != 0:
            return -1
        memcpy(&before, r.at - sizeof(OutcomeImage), sizeof(before))
    if account.expires_ns > s.now_ns:  # one that is not has fired
        if add_timer(s, account.expires_ns, TIMER_CREDENTIAL, number, number) != NONE:
            return give_up(r)
    return 0


cdef const u8* get_slots(Restoring* r, u32* n_free) noexcept nogil:
    """Read the generations; return where the free slots stand, which are linked once the others are known."""
    cdef State* s = r.s
    cdef const u8* generations = piece(r, s.orders_used * sizeof(u32))
    cdef u32 slot
    if generations == NULL or not read(r, n_free, sizeof(u32)):
        return NULL
    for slot in range(1, s.orders_used + 1):
        memcpy(&s.orders[slot].generation, generations, sizeof(u32))
        generations += sizeof(u32)
        if unlikely(s.orders[slot].generation == 0):
            deny(r, b"a slot was never used, and yet is counted")
            return NULL
    return piece(r, n_free[0] * sizeof(u32))


cdef struct Outcomes:  # a walk through the images of all accounts' outcomes
    const u8* at
    size_t balances_bytes  # of an account
    u32 n_accounts
    u32 number  # of the account that ``at`` is in
    u32 n_left  # of its outcomes


cdef inline const u8* next_outcome(Outcomes* outcomes) noexcept nogil:
    """Return the next image of an outcome, of whichever account; NULL behind the last."""
    cdef AccountImage image
    cdef const u8* at
    while outcomes.n_left == 0:
        if outcomes.number + 1 == outcomes.n_accounts:
            return NULL
        memcpy(&image, outcomes.at, sizeof(image))
        outcomes.at += sizeof(image) + outcomes.balances_bytes
        outcomes.number += 1
        outcomes.n_left = image.n_outcomes
    at = outcomes.at
    outcomes.at += sizeof(OutcomeImage)
    outcomes.n_left -= 1
    return at


cdef inline void ask_for_named(const State* s, Outcomes* outcomes) noexcept nogil:
    """Have the order that the next outcome names on its way."""
    cdef const u8* at = next_outcome(outcomes)
    cdef u32 slot
    if at != NULL:
        memcpy(&slot, at + ORDER_ID_AT, sizeof(slot))
        if slot <= s.orders_used:
            prefetch(s.orders + slot)


cdef int check_outcomes(Restoring* r, const u8* accounts, u32 n_accounts) noexcept nogil:
    """Refuse a client id that names an open order which is not its own, or has an outcome while it is open.

    What ends all of an account's orders relies on it. Walks the images of the accounts once more, since orders
    stand behind them.
    """
    cdef State* s = r.s
    cdef Outcomes outcomes
    cdef Outcomes ahead
    cdef OutcomeImage image
    cdef const Order* order
    cdef const u8* at
    cdef u32 i
    outcomes.at = accounts
    outcomes.balances_bytes = s.n_currencies * sizeof(Balance)
    outcomes.n_accounts = n_accounts
    outcomes.number = <u32>-1
    outcomes.n_left = 0
    ahead = outcomes
    for i in range(IMAGES_AHEAD):
        ask_for_named(s, &ahead)
    at = next_outcome(&outcomes)
    while at != NULL:
        ask_for_named(s, &ahead)
        memcpy(&image, at, sizeof(image))
        order = find_order(s, image.order_id) if image.kind == COMMAND_NEW_ORDER else NULL
        if order != NULL:
            if (
                order.account != outcomes.number
                or order.client_order_id != image.client_order_id
                or order.traits & QUOTE
            ):
                return deny(r, b"a client id names an order that is not its own")
            if image.status != NEW or image.reason != NONE or image.done or image.notional_units:
                return deny(r, b"an open order has an outcome")
        at = next_outcome(&outcomes)
    return 0
