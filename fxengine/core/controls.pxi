# Controls: an operator, or the venue itself, opens and closes the venue or a currency.
#
#     venue     CANCEL_ONLY   no new orders, quotes, swaps; no amend but one that only reduces
#     currency  REDEEM_ONLY   the same in its instruments, no swap of it or through it, and no deposits of it
#
# Resting orders stay: nothing comes in that could meet them. Withdrawals go on, so everybody can leave.


cdef int control_refusal(const State* s, const Control* command) noexcept nogil:
    """Return why a control is none, in this order."""
    if command.scope == SCOPE_VENUE:
        return NONE if command.mode == MODE_OPEN or command.mode == MODE_CANCEL_ONLY else UNKNOWN_COMMAND
    if command.scope != SCOPE_CURRENCY or (command.mode != MODE_OPEN and command.mode != MODE_REDEEM_ONLY):
        return UNKNOWN_COMMAND
    return NONE if command.instrument < s.n_currencies else UNKNOWN_CURRENCY


cdef void apply_control(State* s, const Control* command) noexcept nogil:
    """Set the mode and tell the commander."""
    cdef u64 bit = <u64>1 << (command.instrument & 63)
    cdef u16 subject = command.instrument if command.scope == SCOPE_CURRENCY else 0
    if command.scope == SCOPE_VENUE:
        s.cancel_only = command.mode == MODE_CANCEL_ONLY
    elif command.mode == MODE_REDEEM_ONLY:
        s.redeem_only[subject >> 6] |= bit
    else:
        s.redeem_only[subject >> 6] &= ~bit
    note_closed(s)
    emit_controlled(s, client_at(s, command.account), command.account, command.mode, subject, command.scope)


cdef int control(State* s, Account* operator_account, const Control* command, Remembered* entry) noexcept nogil:
    """Carry out an operator's word; return why it was refused, or NONE."""
    cdef int reason
    if not is_operator(s, operator_account):
        return bar_or(operator_account, NOT_AUTHORIZED)
    reason = control_refusal(s, command)
    if reason != NONE:
        return reason
    apply_control(s, command)
    entry.status = FILLED
    emit_money(
        s, operator_account, command.account, EVENT_DONE,
        command.instrument if command.scope == SCOPE_CURRENCY else 0, 0, 0, command.client_order_id,
    )
    return NONE


cdef void venue_control(State* s, const Control* command) noexcept nogil:
    """Carry out the venue's own word, which has no client id; report it, or the refusal, to account 0."""
    cdef int reason = UNKNOWN_COMMAND if command.client_order_id else control_refusal(s, command)
    if reason != NONE:
        refuse(s, <const Command*>command, reason)
    else:
        apply_control(s, command)
