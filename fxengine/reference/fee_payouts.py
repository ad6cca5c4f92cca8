"""Fees out: from the venue's own account to a client's, at an operator's word.

What trades pay in fees gathers in account 0. Nobody logs on as that account, so nobody could ask for its money. An
operator names the account that it goes to; from then on it is that account's like any other::

    fees of trades --> account 0 --FEE_PAYOUT--> the operator's choice --WITHDRAW, PAID--> outside
                                   RECEIVED                              held until FINAL

It moves money between two accounts of the venue and neither brings any in nor takes any out. So it is an operator's
alone, of whichever currency, and goes on while the venue or the currency is closed, as withdrawals do. Who receives
them must be allowed to, as the payee of a swap.
"""

from dataclasses import dataclass

from fxengine.codes import FEES_ACCOUNT, EventKind, OrdStatus, RejectReason
from fxengine.reference.account import Account, Outcome
from fxengine.reference.state import State, bar_or


@dataclass(slots=True)
class FeePayout:
    """The body of a FEE_PAYOUT command."""

    client_order_id: int
    currency: int
    beneficiary: int
    amount_units: int


def pay_out_fees(state: State, sender: Account, command: FeePayout, outcome: Outcome) -> RejectReason:
    """Move fees to a client's available balance; return why it was refused, or NONE."""
    reason = _refusal(state, sender, command)
    if reason:
        return reason
    state.accounts[FEES_ACCOUNT].balances[command.currency].available -= command.amount_units
    state.accounts[command.beneficiary].balances[command.currency].available += command.amount_units
    outcome.status, outcome.done = OrdStatus.FILLED, command.amount_units
    state.emit_money(
        EventKind.RECEIVED, command.beneficiary, command.currency, command.amount_units, counterparty=FEES_ACCOUNT
    )
    state.emit_money(
        EventKind.DONE, sender.number, command.currency, command.amount_units,
        counterparty=command.beneficiary, client_order_id=command.client_order_id,
    )  # fmt: skip
    return RejectReason.NONE


def _refusal(state: State, sender: Account, command: FeePayout) -> RejectReason:
    """Return the first reason to refuse, in this order."""
    if command.currency >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    if not state.is_operator(sender):
        return bar_or(sender, RejectReason.NOT_AUTHORIZED)
    beneficiary = state.client(command.beneficiary)
    if beneficiary is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return RejectReason.AMOUNT_OUT_OF_RANGE
    if not (state.is_valid(beneficiary) and beneficiary.permits(command.currency)):
        return RejectReason.PAYEE_NOT_PERMITTED
    if state.accounts[FEES_ACCOUNT].balances[command.currency].available < command.amount_units:
        return RejectReason.INSUFFICIENT_FUNDS
    return RejectReason.NONE
