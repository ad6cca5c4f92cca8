# Money in and out: an operator moves it between the custody account and a client's.
#
# The custody account stands for the world outside. Its balance is minus what all others hold, so
# that in each currency the sum over every account is zero, always. It also bounds a currency's
# total: a deposit that would take it past int64 is refused, and with that no balance and no sum of
# balances can ever overflow.


cdef int transfer_refusal(State* s, const Account* operator_account, const Money* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    cdef Account* beneficiary
    if not (operator_account.flags & OPERATOR and is_valid(s, operator_account)):
        return bar_or(operator_account, NOT_AUTHORIZED)
    if command.instrument >= s.n_currencies:
        return UNKNOWN_CURRENCY
    beneficiary = client_at(s, command.beneficiary)
    if beneficiary == NULL:
        return UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return AMOUNT_OUT_OF_RANGE
    if command.kind == COMMAND_DEPOSIT:
        if not permits(beneficiary, command.instrument):
            return CURRENCY_NOT_PERMITTED
        if command.amount_units > INT64_LARGEST + s.custody[command.instrument].available_units:
            return CURRENCY_TOTAL_EXCEEDED
    elif beneficiary.marks & FROZEN:
        return ACCOUNT_FROZEN
    elif beneficiary.balances[command.instrument].available_units < command.amount_units:
        return INSUFFICIENT_FUNDS
    return NONE


cdef int transfer(State* s, Account* operator_account, const Money* command, Remembered* entry) noexcept nogil:
    """Credit or debit a client's available balance; return why it was refused, or NONE."""
    cdef int reason = transfer_refusal(s, operator_account, command)
    cdef bint deposit = command.kind == COMMAND_DEPOSIT
    cdef i64 signed_units = command.amount_units if deposit else -command.amount_units
    cdef Account* beneficiary
    if reason != NONE:
        return reason
    beneficiary = account_at(s, command.beneficiary)
    beneficiary.balances[command.instrument].available_units += signed_units
    s.custody[command.instrument].available_units -= signed_units
    entry.status = FILLED
    write_totals(operator_account, command.client_order_id, command.amount_units, 0)
    emit_money(
        s, beneficiary, command.beneficiary, EVENT_DEPOSITED if deposit else EVENT_WITHDRAWN, command.instrument,
        command.amount_units, CUSTODY_ACCOUNT, 0,
    )
    emit_money(
        s, operator_account, command.account, EVENT_DONE, command.instrument, command.amount_units,
        command.beneficiary, command.client_order_id,
    )
    return NONE
