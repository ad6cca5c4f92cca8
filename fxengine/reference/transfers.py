"""Money in and out: an operator moves it between the custody account and a client's.

The custody account stands for the world outside. Its balance is minus what all others hold, so
that in each currency the sum over every account is zero, always.
"""

from dataclasses import dataclass

from fxengine.codes import CUSTODY_ACCOUNT, CommandKind, EventKind, OrdStatus, RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account, Outcome
from fxengine.reference.state import State, bar_or


@dataclass(slots=True)
class Transfer:
    """The body of a DEPOSIT or WITHDRAW command."""

    kind: CommandKind
    client_order_id: int
    currency: int
    beneficiary: int
    amount_units: int


def transfer(state: State, operator: Account, command: Transfer, outcome: Outcome) -> RejectReason:
    """Credit or debit a client's available balance; return why it was refused, or NONE."""
    deposit = command.kind is CommandKind.DEPOSIT
    if not state.is_operator(operator):
        return bar_or(operator, RejectReason.NOT_AUTHORIZED)
    if command.currency >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    beneficiary = state.client(command.beneficiary)
    if beneficiary is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return RejectReason.AMOUNT_OUT_OF_RANGE
    custody = state.accounts[CUSTODY_ACCOUNT].balances[command.currency]
    balance = beneficiary.balances[command.currency]
    if deposit:
        if not beneficiary.permits(command.currency):
            return RejectReason.CURRENCY_NOT_PERMITTED
        if command.amount_units - custody.available > INT64_MAX:
            return RejectReason.CURRENCY_TOTAL_EXCEEDED
    elif beneficiary.frozen:
        return RejectReason.ACCOUNT_FROZEN
    elif balance.available < command.amount_units:
        return RejectReason.INSUFFICIENT_FUNDS
    signed = command.amount_units if deposit else -command.amount_units
    balance.available += signed
    custody.available -= signed
    outcome.status, outcome.done = OrdStatus.FILLED, command.amount_units
    kind = EventKind.DEPOSITED if deposit else EventKind.WITHDRAWN
    state.emit_money(kind, beneficiary.number, command.currency, command.amount_units, counterparty=CUSTODY_ACCOUNT)
    state.emit_money(
        EventKind.DONE, operator.number, command.currency, command.amount_units,
        counterparty=beneficiary.number, client_order_id=command.client_order_id,
    )  # fmt: skip
    return RejectReason.NONE
