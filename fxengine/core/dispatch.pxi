# Time, then dispatch of each command in turn; and looking ahead.
#
# What happens to a command, in this order:
#
#   1. its number is the next; time moves on to its stamp, never back;
#   2. credentials that have ended by now are ended (their orders leave the books);
#   3. an unknown kind or a wrong number of records is refused, then an unknown account;
#   4. its client id is looked up: too old, too high, reused for another body: refused and not
#      remembered; used before with the same body: answered with the outcome so far;
#   5. else the id is remembered and the command carried out or refused, and that is its outcome.
#
# Looking ahead: the whole batch is there, so while one command is applied, the memory of later ones
# is fetched, each step from what the step before it brought into the cache:
#
#     command i+12: account  ->  i+8: place in the ring, balances  ->  i+4: order, or level  ->  i+2: neighbours
#
# It only reads, and only where indices are in range, so what it sees may be out of date but never
# out of bounds.

cdef enum:
    AHEAD_ACCOUNT = 12
    AHEAD_RING = 8
    AHEAD_ORDER = 4
    AHEAD_NEIGHBOURS = 2


cdef inline Remembered* entry_wanted(State* s, const Command* command) noexcept nogil:
    """Guess where a command's client id, or that of the order it cancels, is remembered; or NULL."""
    cdef u64 client_order_id = command.client_order_id
    cdef Segment* segment
    if command.account >= s.n_accounts:
        return NULL
    if command.kind == COMMAND_CANCEL:
        client_order_id = (<const Cancel*>command).orig_client_order_id
    segment = place_of(account_at(s, command.account), client_order_id).segment
    return &segment.ids[client_order_id % SEGMENT_IDS] if segment != NULL else NULL


cdef inline Order* order_wanted(State* s, const Command* command) noexcept nogil:
    """Guess which order a cancel will find; slot 0 where it will find none."""
    cdef u32 slot = <u32>(<const Cancel*>command).order_id
    cdef Remembered* entry
    if slot == 0:
        entry = entry_wanted(s, command)
        if entry != NULL:
            slot = <u32>entry.order_id
    return s.orders + (slot if slot <= s.orders_used else 0)


cdef inline void look_ahead(State* s, const Command* command, Py_ssize_t n_behind) noexcept nogil:
    """Fetch what the commands after this one will need; ``n_behind`` of them are there."""
    cdef const Command* later
    cdef Order* order
    if n_behind > AHEAD_ACCOUNT:
        later = command + AHEAD_ACCOUNT
        if later.account < s.n_accounts:
            prefetch(account_at(s, later.account))
    if n_behind > AHEAD_RING:
        later = command + AHEAD_RING
        prefetch(entry_wanted(s, later))
    if n_behind > AHEAD_ORDER:
        later = command + AHEAD_ORDER
        if later.kind == COMMAND_CANCEL:
            prefetch(order_wanted(s, later))
    if n_behind > AHEAD_NEIGHBOURS:
        later = command + AHEAD_NEIGHBOURS
        if later.kind == COMMAND_CANCEL:
            order = order_wanted(s, later)
            prefetch(s.orders + order.prev)
            prefetch(s.orders + order.next)


cdef void answer(State* s, Account* account, const Command* command, const Remembered* entry) noexcept nogil:
    """Tell the outcome so far of a repeated command; an open order tells its own."""
    cdef bint is_order = entry.kind == COMMAND_NEW_ORDER
    cdef Order* order = find_order(s, entry.order_id) if is_order else NULL
    cdef i64 quantity_lots = command.quantity_lots if is_order else 0
    cdef Totals totals
    if order != NULL:
        emit_status(
            s, account, command, entry, open_status(order), order.notional_units, quantity_lots,
            order.leaves_lots, order.cum_lots,
        )
        return
    totals.done = totals.notional_units = 0
    if entry.has_totals:
        totals = segment_of(account, command.client_order_id).totals[command.client_order_id % SEGMENT_IDS]
    emit_status(s, account, command, entry, entry.status, totals.notional_units, quantity_lots, 0, totals.done)


cdef inline int carry_out(State* s, Account* account, const Command* command, Remembered* entry) noexcept nogil:
    """Do what a command asks, once; return why it was refused, or NONE."""
    if command.kind == COMMAND_NEW_ORDER:
        return new_order(s, account, command, entry)
    if command.kind == COMMAND_CANCEL:
        return cancel_request(s, account, <const Cancel*>command, entry)
    if command.kind == COMMAND_SWAP:
        return swap(s, account, <const Swap*>command, entry)
    return transfer(s, account, <const Money*>command, entry)


cdef void refuse(State* s, const Command* command, int reason) noexcept nogil:
    """Report a refusal; one of a cancel names the order that it was about."""
    cdef const Cancel* cancel = <const Cancel*>command
    if command.kind == COMMAND_CANCEL:
        emit_rejected(
            s, command, command.kind, command.instrument, reason, cancel.orig_client_order_id, cancel.order_id,
            command.client_order_id,
        )
    else:
        emit_rejected(s, command, command.kind, command.instrument, reason, command.client_order_id, 0, 0)


cdef inline int apply_identified(State* s, const Command* command) noexcept nogil:
    """Carry out a command that a client numbers, once."""
    cdef Account* account = client_at(s, command.account)
    cdef Remembered* entry = NULL
    cdef int reason = NONE
    if unlikely(account == NULL):
        reason = UNKNOWN_ACCOUNT
    elif command.client_order_id or command.kind != COMMAND_CANCEL:
        reason = remember(s, account, command, &entry)
        if unlikely(reason == REPEATED):
            answer(s, account, command, entry)
            return NONE
        if unlikely(reason != NONE):
            entry = NULL
    if likely(reason == NONE):
        reason = carry_out(s, account, command, entry)
    if unlikely(reason != NONE):
        if reason == OUT_OF_MEMORY:
            return reason
        if entry != NULL:
            entry.status = REJECTED
            entry.reason = reason
        refuse(s, command, reason)
    return NONE


cdef inline int apply_command(State* s, const Command* command) noexcept nogil:
    """Apply one whole command. EVENTS_FULL leaves it begun; call again with more room to go on."""
    cdef int status
    if unlikely(s.n_events + s.events_reserve > s.events_capacity):
        return EVENTS_FULL
    if likely(not s.started):
        s.sequence += 1
        if command.time_ns > s.now_ns:
            s.now_ns = command.time_ns
    if unlikely(s.next_due_ns <= s.now_ns):
        s.started = True
        status = fire_timers(s)
        if status != NONE:
            return status
        s.started = False
    if likely(command.n_records == 1):
        if likely(command.kind >= COMMAND_NEW_ORDER and command.kind <= COMMAND_WITHDRAW):
            return apply_identified(s, command)
        if command.kind == COMMAND_TIME:
            return NONE
    elif command.kind == COMMAND_CREDENTIAL:
        return renew(s, <const Credential*>command)
    emit_rejected(
        s, command, command.kind, command.instrument, UNKNOWN_COMMAND, command.client_order_id, 0, 0
    )
    return NONE


cdef int apply_records(State* s, const Command* records, Py_ssize_t* at, Py_ssize_t last) noexcept nogil:
    """Apply the commands in records [at, last) and move ``at``; other than NONE stops before its command's end."""
    cdef Py_ssize_t i = at[0]
    cdef int status = NONE
    while i < last:
        if unlikely(records[i].n_records == 0 or i + records[i].n_records > last):
            status = BAD_RECORD_COUNT
            break
        look_ahead(s, records + i, last - i)
        status = apply_command(s, records + i)
        if unlikely(status != NONE):
            break
        i += records[i].n_records
    at[0] = i
    return status
