# Time, then dispatch of each command in turn.
#
# What happens to a command, in this order:
#
#   1. its number is the next; time moves on to its stamp, never back;
#   2. stops that were triggered earlier and still wait run, then all timers that are due fire:
#      credentials end (their orders leave the books), GTD orders expire, dead-man timers run out;
#   3. an unknown kind or a wrong number of records is refused, then an unknown account; a credential,
#      a guard, what has settled, the venue's own control and the time have no client id and are carried
#      out at once;
#   4. its client id is looked up: too old, too high, reused for another body: refused and not
#      remembered; used before with the same body: answered with the outcome so far;
#   5. else the id is remembered and the command carried out or refused, and that is its outcome;
#   6. the stops that its trades triggered run, first in first out, up to the bound of a command.
#
# Where the events array may be too small, the command stops at a safe point and is called again with
# a larger one; its stage tells how far it has come.


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
    if command.kind == COMMAND_AMEND:
        return amend(s, account, <const Amend*>command, entry)
    if command.kind == COMMAND_MASS_QUOTE:
        return mass_quote(s, account, <const MassQuote*>command, entry)
    if command.kind == COMMAND_MASS_CANCEL:
        return mass_cancel(s, account, <const MassCancel*>command, entry)
    if command.kind == COMMAND_SWAP:
        return swap(s, account, <const Swap*>command, entry)
    if command.kind == COMMAND_REVOKE:
        return revoke(s, account, <const Revoke*>command, entry)
    if command.kind == COMMAND_WITHDRAWAL:
        return end_withdrawal(s, account, <const WithdrawalEnding*>command, entry)
    if command.kind == COMMAND_BUST:
        return bust(s, account, <const Bust*>command, entry)
    if command.kind == COMMAND_CONTROL:
        return control(s, account, <const Control*>command, entry)
    if command.kind == COMMAND_WITHDRAW:
        return withdraw(s, account, <const Money*>command, entry)
    if command.kind == COMMAND_FEE_PAYOUT:
        return pay_out_fees(s, account, <const Money*>command, entry)
    return deposit(s, account, <const Money*>command, entry)


cdef void refuse(State* s, const Command* command, int reason) noexcept nogil:
    """Report a refusal; one of a cancel or an amend names the order that it was about."""
    cdef bint names_order = command.kind == COMMAND_CANCEL or command.kind == COMMAND_AMEND
    emit_rejected(
        s, command, command.kind, command.instrument, reason, id_wanted(command), order_wanted(command),
        command.client_order_id if names_order else 0,
    )


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


cdef size_t events_of(const State* s, const Command* command) noexcept nogil:
    """Return the most events that a command makes which may make many; 0: fewer than one order may."""
    cdef const MassCancel* cancels = <const MassCancel*>command
    cdef Account* target
    cdef size_t n_sets
    if command.kind == COMMAND_MASS_QUOTE:
        # Per set all that stood goes, and QUOTED; per level REPLACED and RESTED.
        n_sets = (<const MassQuote*>command).n_sets
        return n_sets * (2 * QUOTE_LEVELS_MAX + 1) + 2 * UNITS_PER_RECORD * <size_t>command.n_records
    if command.kind == COMMAND_REVOKE:
        return events_of_revoke(s, <const Revoke*>command)
    if command.kind != COMMAND_MASS_CANCEL:
        return 0
    target = client_at(s, cancels.target if cancels.target else cancels.account)
    return 1 + (target.n_orders if target != NULL else 0)


cdef inline bint is_numbered(u8 kind) noexcept nogil:
    """Say whether a command of this kind has a client id and leaves an outcome."""
    if kind < COMMAND_NEW_ORDER or kind > COMMAND_FEE_PAYOUT:
        return False
    return kind != COMMAND_GUARD and kind != COMMAND_SETTLED


cdef inline bint is_well_formed(const Command* command) noexcept nogil:
    """Say whether a command that a client numbers has a known kind and as many records as it may have."""
    if likely(command.n_records == 1):
        if likely(<u8>(command.kind - COMMAND_NEW_ORDER) <= <u8>(COMMAND_MASS_CANCEL - COMMAND_NEW_ORDER)):
            return True
        if command.kind == COMMAND_CONTROL:
            return command.account != FEES_ACCOUNT
        return (
            command.kind == COMMAND_REVOKE or command.kind == COMMAND_WITHDRAWAL or command.kind == COMMAND_FEE_PAYOUT
        )
    if command.kind == COMMAND_MASS_QUOTE or command.kind == COMMAND_DEPOSIT:
        return True
    return command.n_records == 2 and (command.kind == COMMAND_NEW_ORDER or command.kind == COMMAND_BUST)


cdef inline int take_command(State* s, const Command* command) noexcept nogil:
    """Carry out a command whose time has come. EVENTS_FULL leaves it undone."""
    if likely(is_well_formed(command)):
        if unlikely(command.kind >= COMMAND_MASS_CANCEL):
            if s.n_events + events_of(s, command) + s.events_reserve > s.events_capacity:
                return EVENTS_FULL
        return apply_identified(s, command)
    if command.kind == COMMAND_CREDENTIAL and command.n_records > 1:
        return renew(s, <const Credential*>command)
    if command.kind == COMMAND_GUARD and command.n_records == 1:
        return guard(s, <const Guard*>command)
    if command.kind == COMMAND_SETTLED and command.n_records == 1:
        settled(s, <const Settled*>command)
        return NONE
    if command.kind == COMMAND_CONTROL and command.n_records == 1:
        venue_control(s, <const Control*>command)
        return NONE
    if command.kind != COMMAND_TIME or command.n_records != 1:
        emit_rejected(
            s, command, command.kind, command.instrument, UNKNOWN_COMMAND, command.client_order_id, 0, 0
        )
    return NONE


cdef int go_on(State* s, const Command* command) noexcept nogil:
    """Go on with a command that has more to do than what it says, from the stage that it has reached."""
    cdef int status
    if s.stage == RUNNING_OVERDUE:
        status = run_triggered(s)
        if status != NONE:
            return status
        s.stage = FIRING_TIMERS
    if s.stage == FIRING_TIMERS:
        status = fire_timers(s)
        if status != NONE:
            return status
        s.stage = CARRYING_OUT
    if s.stage == CARRYING_OUT:
        status = take_command(s, command)
        if status != NONE:
            return status
        s.stage = RUNNING_TRIGGERED
    status = run_triggered(s)
    if status != NONE:
        return status
    s.stage = NOT_BEGUN
    s.triggers_run = 0
    return NONE


cdef inline int apply_command(State* s, const Command* command) noexcept nogil:
    """Apply one whole command. EVENTS_FULL leaves it begun; call again with more room to go on."""
    cdef int status
    if unlikely(s.n_events > s.events_enough):
        return EVENTS_FULL
    if unlikely(s.stage != NOT_BEGUN):
        return go_on(s, command)
    s.sequence += 1
    if command.time_ns > s.now_ns:
        s.now_ns = command.time_ns
    if unlikely(s.next_due_ns <= s.now_ns or s.triggered_first):
        s.stage = RUNNING_OVERDUE
        return go_on(s, command)
    status = take_command(s, command)
    if unlikely(status != NONE):
        s.stage = CARRYING_OUT
        return status
    if unlikely(s.triggered_first):
        s.stage = RUNNING_TRIGGERED
        return go_on(s, command)
    return NONE


cdef int apply_records(State* s, const Command* records, Py_ssize_t* at, Py_ssize_t last) noexcept nogil:
    """Apply the commands in records [at, last) and move ``at``; other than NONE stops before its command's end."""
    cdef Py_ssize_t i = at[0]
    cdef bint is_batch = last - i > 1
    cdef bint many = s.n_accounts > ACCOUNTS_CACHED
    cdef int status = NONE
    cdef Py_ssize_t n
    cdef Ahead ahead
    if is_batch:
        begin_looking(s, &ahead, records, i, last, many)
    while i < last:
        n = records[i].n_records
        if unlikely(n != 1 and (n == 0 or i + n > last)):
            status = BAD_RECORD_COUNT
            break
        if is_batch:
            look_ahead(s, &ahead, records, i, last, many)
        if unlikely(s.met_next):
            look_behind_maker(s)
        status = apply_command(s, records + i)
        if unlikely(status != NONE):
            break
        i += n
    at[0] = i
    return status
