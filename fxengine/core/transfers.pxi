# Money in: from the custody account to a client's, once per external reference; said by an operator, or for
# its own currency by the issuer.
#
# The custody account stands for the world outside. Its balance is minus what all others hold, so
# that in each currency the sum over every account is zero, always. It also bounds a currency's
# total: a deposit that would take it past int64 is refused, and with that no balance and no sum of
# balances can ever overflow. The way out is withdrawals.pxi.


cdef int deposit_refusal(State* s, const Account* sender, const Money* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    cdef Account* beneficiary
    if command.instrument >= s.n_currencies:
        return UNKNOWN_CURRENCY
    if not moves(s, sender, command.instrument):
        return bar_or(sender, NOT_AUTHORIZED)
    beneficiary = client_at(s, command.beneficiary)
    if beneficiary == NULL:
        return UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return AMOUNT_OUT_OF_RANGE
    if is_known(&s.deposits, command.external_id):
        return DEPOSIT_KNOWN
    if is_redeem_only(s, command.instrument):
        return CURRENCY_REDEEM_ONLY
    if not permits(beneficiary, command.instrument):
        return CURRENCY_NOT_PERMITTED
    if command.amount_units > INT64_LARGEST + s.custody[command.instrument].available_units:
        return CURRENCY_TOTAL_EXCEEDED
    return NONE


cdef int deposit(State* s, Account* sender, const Money* command, Remembered* entry) noexcept nogil:
    """Credit a client's available balance; return why it was refused, or NONE."""
    cdef int reason = deposit_refusal(s, sender, command)
    cdef Account* beneficiary
    cdef MoneyEvent* event
    if reason != NONE:
        return reason
    if not is_no_id(command.external_id) and add_known(&s.deposits, command.external_id) != NONE:
        return OUT_OF_MEMORY
    beneficiary = account_at(s, command.beneficiary)
    beneficiary.balances[command.instrument].available_units += command.amount_units
    s.custody[command.instrument].available_units -= command.amount_units
    entry.status = FILLED
    write_totals(sender, command.client_order_id, command.amount_units, 0)
    event = emit_money(
        s, beneficiary, command.beneficiary, EVENT_DEPOSITED, command.instrument, command.amount_units,
        CUSTODY_ACCOUNT, 0,
    )
    memcpy(event.external_id, command.external_id, sizeof(event.external_id))
    emit_money(
        s, sender, command.account, EVENT_DONE, command.instrument, command.amount_units,
        command.beneficiary, command.client_order_id,
    )
    return NONE
