# Money out: asked for and held, then paid or returned.
#
#     WITHDRAW   by the account, or for it          available -> held      WITHDRAWAL_HELD
#     PAID       once it has left                   held -> custody        WITHDRAWN
#     RETURNED   by who will not pay                held -> available      WITHDRAWAL_RETURNED
#
# Paying and returning is for operators, and for the issuer of the currency; so is asking for another account.
#
# A withdrawal is known by the number of the command that asked for it, so open ones stand in an array
# that is in order by itself: a new one joins at the end, and one is found by halving. Only FINAL money
# leaves: PAID is refused until the ledger has all up to that command, which the venue says (SETTLED).


cdef size_t withdrawal_from(const State* s, u64 number) noexcept nogil:
    """Return where the first open withdrawal with this number or a higher one stands. O(log n)."""
    cdef size_t low = 0
    cdef size_t high = s.n_withdrawals
    cdef size_t middle
    while low < high:
        middle = (low + high) // 2
        if s.withdrawals[middle].number < number:
            low = middle + 1
        else:
            high = middle
    return low


cdef size_t withdrawal_place(const State* s, u64 number) noexcept nogil:
    """Return where an open withdrawal stands; n_withdrawals for none. O(log n)."""
    cdef size_t place = withdrawal_from(s, number)
    return place if place < s.n_withdrawals and s.withdrawals[place].number == number else s.n_withdrawals


cdef int add_withdrawal(State* s, const Withdrawal* asked) noexcept nogil:
    """Keep an open withdrawal, the newest there is."""
    cdef size_t room = s.withdrawals_capacity * 2 if s.withdrawals_capacity else 64
    cdef Withdrawal* larger
    if s.n_withdrawals == s.withdrawals_capacity:
        larger = <Withdrawal*>realloc(s.withdrawals, room * sizeof(Withdrawal))
        if larger == NULL:
            return OUT_OF_MEMORY
        s.withdrawals = larger
        s.withdrawals_capacity = room
    s.withdrawals[s.n_withdrawals] = asked[0]
    s.n_withdrawals += 1
    account_at(s, asked.account).n_withdrawals += 1
    return NONE


cdef void drop_withdrawal(State* s, size_t place) noexcept nogil:
    """Forget an open withdrawal. O(n) to close the gap."""
    account_at(s, s.withdrawals[place].account).n_withdrawals -= 1
    s.n_withdrawals -= 1
    memmove(
        s.withdrawals + place, s.withdrawals + place + 1, (s.n_withdrawals - place) * sizeof(Withdrawal)
    )


cdef int withdraw_refusal(
    const State* s, const Account* sender, u32 number, const Money* command
) noexcept nogil:
    """Return the first reason to refuse, in this order. Another's word counts for who may not trade any more."""
    cdef const Account* beneficiary = client_at(s, number)
    if not is_valid(s, sender):
        return bar_or(sender, CREDENTIAL_EXPIRED)
    if command.instrument >= s.n_currencies:
        return UNKNOWN_CURRENCY
    if number != command.account and not moves(s, sender, command.instrument):
        return NOT_AUTHORIZED
    if beneficiary == NULL:
        return UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return AMOUNT_OUT_OF_RANGE
    if beneficiary.marks & FROZEN:
        return ACCOUNT_FROZEN
    if beneficiary.balances[command.instrument].available_units < command.amount_units:
        return INSUFFICIENT_FUNDS
    return NONE if beneficiary.n_withdrawals < s.max_withdrawals else TOO_MANY_WITHDRAWALS


cdef void tell_of_withdrawal(State* s, const Withdrawal* told, u8 kind, u64 client_order_id) noexcept nogil:
    emit_money(
        s, account_at(s, told.account), told.account, kind, told.currency, told.amount_units, CUSTODY_ACCOUNT,
        client_order_id,
    ).withdrawal = told.number


cdef void tell_sender(State* s, const Command* command, const Withdrawal* told) noexcept nogil:
    emit_money(
        s, account_at(s, command.account), command.account, EVENT_DONE, told.currency, told.amount_units,
        told.account, command.client_order_id,
    ).withdrawal = told.number


cdef int withdraw(State* s, Account* sender, const Money* command, Remembered* entry) noexcept nogil:
    """Hold what is to be paid out; return why it was refused, or NONE."""
    cdef u32 number = command.beneficiary if command.beneficiary else command.account
    cdef bint own = number == command.account
    cdef int reason = withdraw_refusal(s, sender, number, command)
    cdef Withdrawal asked
    if reason != NONE:
        return reason
    asked.number = s.sequence
    asked.amount_units = command.amount_units
    asked.account = number
    asked.currency = command.instrument
    asked.reserved = 0
    if add_withdrawal(s, &asked) != NONE:
        return OUT_OF_MEMORY
    hold(account_at(s, number).balances + command.instrument, command.amount_units)
    entry.status = FILLED
    write_totals(sender, command.client_order_id, command.amount_units, 0)
    tell_of_withdrawal(s, &asked, EVENT_WITHDRAWAL_HELD, command.client_order_id if own else 0)
    if not own:
        tell_sender(s, <const Command*>command, &asked)
    return NONE


cdef int ending_refusal(
    const State* s, const Account* sender, const WithdrawalEnding* command, size_t place
) noexcept nogil:
    """Return the first reason to refuse, in this order. A frozen account's money stays, or is given back to it."""
    if not is_operator(s, sender) and not (sender.flags & ISSUER and is_valid(s, sender)):
        return bar_or(sender, NOT_AUTHORIZED)
    if command.action != WITHDRAWAL_PAID and command.action != WITHDRAWAL_RETURNED:
        return UNKNOWN_COMMAND
    if place == s.n_withdrawals or not moves(s, sender, s.withdrawals[place].currency):
        return UNKNOWN_WITHDRAWAL  # one of another currency is none of its business
    if command.action == WITHDRAWAL_RETURNED:
        return NONE
    if account_at(s, s.withdrawals[place].account).marks & FROZEN:
        return ACCOUNT_FROZEN
    return NOT_FINAL if s.final_sequence < command.withdrawal else NONE


cdef int end_withdrawal(
    State* s, Account* sender, const WithdrawalEnding* command, Remembered* entry
) noexcept nogil:
    """Take what is held out of the venue, or give it back; return why it was refused, or NONE."""
    cdef size_t place = withdrawal_place(s, command.withdrawal)
    cdef int reason = ending_refusal(s, sender, command, place)
    cdef Withdrawal ended
    cdef Balance* balance
    if reason != NONE:
        return reason
    ended = s.withdrawals[place]
    drop_withdrawal(s, place)
    balance = account_at(s, ended.account).balances + ended.currency
    if command.action == WITHDRAWAL_PAID:
        balance.held_units -= ended.amount_units
        s.custody[ended.currency].available_units += ended.amount_units
        tell_of_withdrawal(s, &ended, EVENT_WITHDRAWN, 0)
    else:
        hold(balance, -ended.amount_units)
        tell_of_withdrawal(s, &ended, EVENT_WITHDRAWAL_RETURNED, 0)
    entry.status = FILLED
    write_totals(sender, command.client_order_id, ended.amount_units, 0)
    tell_sender(s, <const Command*>command, &ended)
    return NONE


cdef void settled(State* s, const Settled* command) noexcept nogil:
    """Note up to which command all is FINAL. Never goes back; only a word that is none is answered, by a refusal."""
    if command.account or command.client_order_id or command.final_sequence >= s.sequence:
        refuse(s, <const Command*>command, UNKNOWN_COMMAND)
    elif command.final_sequence > s.final_sequence:
        s.final_sequence = command.final_sequence
