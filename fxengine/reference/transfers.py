"""Money in: from the custody account to a client's, once per external reference.

An operator says so, or for its own currency the issuer.

The custody account stands for the world outside. Its balance is minus what all others hold, so
that in each currency the sum over every account is zero, always. ``withdrawals`` is the way out.
"""

from dataclasses import dataclass

from fxengine.codes import CUSTODY_ACCOUNT, EventKind, OrdStatus, RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account, Outcome
from fxengine.reference.state import NO_EXTERNAL_ID, State, bar_or


@dataclass(slots=True)
class Deposit:
    """The body of a DEPOSIT command."""

    client_order_id: int
    currency: int
    beneficiary: int
    amount_units: int
    external_id: bytes


def deposit(state: State, sender: Account, command: Deposit, outcome: Outcome) -> RejectReason:
    """Credit a client's available balance; return why it was refused, or NONE."""
    reason = _refusal(state, sender, command)
    if reason:
        return reason
    beneficiary = state.accounts[command.beneficiary]
    beneficiary.balances[command.currency].available += command.amount_units
    state.accounts[CUSTODY_ACCOUNT].balances[command.currency].available -= command.amount_units
    if command.external_id != NO_EXTERNAL_ID:
        state.external_ids.add(command.external_id)
    outcome.status, outcome.done = OrdStatus.FILLED, command.amount_units
    state.emit_money(
        EventKind.DEPOSITED, beneficiary.number, command.currency, command.amount_units,
        counterparty=CUSTODY_ACCOUNT, external_id=command.external_id,
    )  # fmt: skip
    state.emit_money(
        EventKind.DONE, sender.number, command.currency, command.amount_units,
        counterparty=beneficiary.number, client_order_id=command.client_order_id,
    )  # fmt: skip
    return RejectReason.NONE


def _refusal(state: State, sender: Account, command: Deposit) -> RejectReason:
    """Return the first reason to refuse, in this order."""
    if command.currency >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    if not state.moves(sender, command.currency):
        return bar_or(sender, RejectReason.NOT_AUTHORIZED)
    beneficiary = state.client(command.beneficiary)
    if beneficiary is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return RejectReason.AMOUNT_OUT_OF_RANGE
    if command.external_id in state.external_ids:
        return RejectReason.DEPOSIT_KNOWN
    if command.currency in state.redeem_only:
        return RejectReason.CURRENCY_REDEEM_ONLY
    if not beneficiary.permits(command.currency):
        return RejectReason.CURRENCY_NOT_PERMITTED
    if command.amount_units - state.accounts[CUSTODY_ACCOUNT].balances[command.currency].available > INT64_MAX:
        return RejectReason.CURRENCY_TOTAL_EXCEEDED
    return RejectReason.NONE
