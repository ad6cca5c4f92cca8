"""Money out: asked for and held, then paid or returned.

::

    WITHDRAW   by the account, or for it          available -> held      WITHDRAWAL_HELD
    PAID       once it has left                   held -> custody        WITHDRAWN
    RETURNED   by who will not pay                held -> available      WITHDRAWAL_RETURNED

Paying and returning is for operators, and for the issuer of the currency; so is asking for another account.

A withdrawal is known by the number of the command that asked for it. Only FINAL money leaves: PAID
is refused until the ledger has all up to that command, which the venue itself says (SETTLED).
"""

from dataclasses import dataclass

from fxengine.codes import (
    CUSTODY_ACCOUNT,
    AccountFlag,
    CommandKind,
    EventKind,
    OrdStatus,
    RejectReason,
    WithdrawalAction,
)
from fxengine.reference.account import Account, Outcome
from fxengine.reference.state import State, Withdrawal, bar_or


@dataclass(slots=True)
class Withdraw:
    """The body of a WITHDRAW command. ``beneficiary`` 0: the sender."""

    client_order_id: int
    currency: int
    beneficiary: int
    amount_units: int


@dataclass(slots=True)
class Ending:
    """The body of a WITHDRAWAL command."""

    client_order_id: int
    action: int
    withdrawal: int


@dataclass(slots=True)
class Settled:
    """The body of a SETTLED command, and what every command has."""

    account: int
    instrument: int
    client_order_id: int
    final_sequence: int


def withdraw(state: State, sender: Account, command: Withdraw, outcome: Outcome) -> RejectReason:
    """Hold what is to be paid out; return why it was refused, or NONE."""
    number = command.beneficiary or sender.number
    reason = _withdraw_refusal(state, sender, number, command)
    if reason:
        return reason
    withdrawal = Withdrawal(state.sequence, number, command.currency, command.amount_units)
    balance = state.accounts[number].balances[command.currency]
    balance.available -= command.amount_units
    balance.held += command.amount_units
    state.withdrawals[withdrawal.number] = withdrawal
    outcome.status, outcome.done = OrdStatus.FILLED, command.amount_units
    own = number == sender.number
    _tell(state, EventKind.WITHDRAWAL_HELD, withdrawal, client_order_id=command.client_order_id if own else 0)
    if not own:
        _tell_sender(state, sender, withdrawal, command.client_order_id)
    return RejectReason.NONE


def end_withdrawal(state: State, sender: Account, command: Ending, outcome: Outcome) -> RejectReason:
    """Take what is held out of the venue, or give it back; return why it was refused, or NONE."""
    reason = _ending_refusal(state, sender, command)
    if reason:
        return reason
    withdrawal = state.withdrawals.pop(command.withdrawal)
    balance = state.accounts[withdrawal.account].balances[withdrawal.currency]
    balance.held -= withdrawal.amount_units
    if command.action == WithdrawalAction.PAID:
        state.accounts[CUSTODY_ACCOUNT].balances[withdrawal.currency].available += withdrawal.amount_units
        _tell(state, EventKind.WITHDRAWN, withdrawal)
    else:
        balance.available += withdrawal.amount_units
        _tell(state, EventKind.WITHDRAWAL_RETURNED, withdrawal)
    outcome.status, outcome.done = OrdStatus.FILLED, withdrawal.amount_units
    _tell_sender(state, sender, withdrawal, command.client_order_id)
    return RejectReason.NONE


def settled(state: State, command: Settled) -> None:
    """Note up to which command all is FINAL. Never goes back; only a word that is none is answered, by a refusal."""
    sound = command.account == 0 and command.client_order_id == 0 and command.final_sequence < state.sequence
    if sound:
        state.final_sequence = max(state.final_sequence, command.final_sequence)
        return
    state.emit_cancel(
        EventKind.REJECTED, command.account, side=CommandKind.SETTLED, instrument=command.instrument,
        status=OrdStatus.REJECTED, reason=RejectReason.UNKNOWN_COMMAND, order_id=0,
        client_order_id=command.client_order_id,
    )  # fmt: skip


def _withdraw_refusal(state: State, sender: Account, number: int, command: Withdraw) -> RejectReason:
    """Return the first reason to refuse, in this order. Another's word counts for who may not trade any more."""
    if not state.is_valid(sender):
        return bar_or(sender, RejectReason.CREDENTIAL_EXPIRED)
    if command.currency >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    if number != sender.number and not state.moves(sender, command.currency):
        return RejectReason.NOT_AUTHORIZED
    beneficiary = state.client(number)
    if beneficiary is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if command.amount_units < 1:
        return RejectReason.AMOUNT_OUT_OF_RANGE
    if beneficiary.frozen:
        return RejectReason.ACCOUNT_FROZEN
    if beneficiary.balances[command.currency].available < command.amount_units:
        return RejectReason.INSUFFICIENT_FUNDS
    if sum(w.account == number for w in state.withdrawals.values()) >= state.max_withdrawals:
        return RejectReason.TOO_MANY_WITHDRAWALS
    return RejectReason.NONE


def _ending_refusal(state: State, sender: Account, command: Ending) -> RejectReason:
    """Return the first reason to refuse, in this order. A frozen account's money stays, but may be given back to it."""
    if not state.is_operator(sender) and not (sender.flags & AccountFlag.ISSUER and state.is_valid(sender)):
        return bar_or(sender, RejectReason.NOT_AUTHORIZED)
    if command.action not in tuple(WithdrawalAction):
        return RejectReason.UNKNOWN_COMMAND
    withdrawal = state.withdrawals.get(command.withdrawal)
    if withdrawal is None or not state.moves(sender, withdrawal.currency):
        return RejectReason.UNKNOWN_WITHDRAWAL  # one of another currency is none of its business
    if command.action == WithdrawalAction.RETURNED:
        return RejectReason.NONE
    if state.accounts[withdrawal.account].frozen:
        return RejectReason.ACCOUNT_FROZEN
    return RejectReason.NOT_FINAL if state.final_sequence < withdrawal.number else RejectReason.NONE


def _tell(state: State, kind: EventKind, withdrawal: Withdrawal, *, client_order_id: int = 0) -> None:
    state.emit_money(
        kind, withdrawal.account, withdrawal.currency, withdrawal.amount_units, counterparty=CUSTODY_ACCOUNT,
        client_order_id=client_order_id, withdrawal=withdrawal.number,
    )  # fmt: skip


def _tell_sender(state: State, sender: Account, withdrawal: Withdrawal, client_order_id: int) -> None:
    state.emit_money(
        EventKind.DONE, sender.number, withdrawal.currency, withdrawal.amount_units,
        counterparty=withdrawal.account, client_order_id=client_order_id, withdrawal=withdrawal.number,
    )  # fmt: skip
