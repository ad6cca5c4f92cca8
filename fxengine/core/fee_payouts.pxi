# Fees out: from the venue's own account to a client's, at an operator's word.
#
#     fees of trades --> account 0 --FEE_PAYOUT--> the operator's choice --WITHDRAW, PAID--> outside
#                                    RECEIVED                              held until FINAL
#
# It moves money between two accounts of the venue and neither brings any in nor takes any out. So it is an
# operator's alone, of whichever currency, and goes on while the venue or the currency is closed, as withdrawals do.
# Who receives them must be allowed to, as the payee of a swap.


cdef int fee_payout_refusal(const State* s, const Account* sender, const Money* command) noexcept nogil:
    """Return the first reason to refuse, in this order."""
    cdef const Account* beneficiary = client_at(s, command.beneficiary)
    if command.instrument >= s.n_currencies:
        return UNKNOWN_CURRENCY
    if not is_operator(s, sender):
        return bar_or(sender, NOT_AUTHORIZED)
    if beneficiary == NULL:
        return UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return AMOUNT_OUT_OF_RANGE
    if not (is_valid(s, beneficiary) and permits(beneficiary, command.instrument)):
        return PAYEE_NOT_PERMITTED
    if s.fees[command.instrument].available_units < command.amount_units:
        return INSUFFICIENT_FUNDS
    return NONE


cdef int pay_out_fees(State* s, Account* sender, const Money* command, Remembered* entry) noexcept nogil:
    """Move fees to a client's available balance; return why it was refused, or NONE."""
    cdef int reason = fee_payout_refusal(s, sender, command)
    cdef Account* beneficiary
    if reason != NONE:
        return reason
    beneficiary = account_at(s, command.beneficiary)
    s.fees[command.instrument].available_units -= command.amount_units
    beneficiary.balances[command.instrument].available_units += command.amount_units
    entry.status = FILLED
    write_totals(sender, command.client_order_id, command.amount_units, 0)
    emit_money(
        s, beneficiary, command.beneficiary, EVENT_RECEIVED, command.instrument, command.amount_units,
        FEES_ACCOUNT, 0,
    )
    emit_money(
        s, sender, command.account, EVENT_DONE, command.instrument, command.amount_units,
        command.beneficiary, command.client_order_id,
    )
    return NONE
