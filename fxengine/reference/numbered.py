"""Commands that a client numbers: from a kind's bytes to what the room for it does.

The id was looked up before and is remembered already (``core``); here the body is taken apart and carried
out, once. What is returned is why it was refused, or NONE.
"""

from fxengine.codes import CommandKind, RejectReason
from fxengine.records import (
    AMEND,
    BUST,
    BUST_DETAIL,
    CANCEL,
    CONTROL,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY,
    NEW_ORDER,
    ORDER_DETAIL,
    RECORD_BYTES,
    REVOKE,
    SWAP,
    WITHDRAWAL,
    struct_of,
)
from fxengine.reference.account import Account, Outcome
from fxengine.reference.amend import Amend, MassCancel, amend, cancel_request, mass_cancel
from fxengine.reference.busts import Bust, bust
from fxengine.reference.controls import Control, control
from fxengine.reference.fee_payouts import FeePayout, pay_out_fees
from fxengine.reference.orders import NewOrder, new_order
from fxengine.reference.paths import Hops
from fxengine.reference.quotes import mass_quote, read_sets
from fxengine.reference.revocations import Revoke, revoke
from fxengine.reference.state import State
from fxengine.reference.swaps import Swap, swap
from fxengine.reference.transfers import Deposit, deposit
from fxengine.reference.withdrawals import Ending, Withdraw, end_withdrawal, withdraw

_NEW_ORDER, _CANCEL, _SWAP = struct_of(NEW_ORDER), struct_of(CANCEL), struct_of(SWAP)
_AMEND, _MASS_CANCEL, _MASS_QUOTE = struct_of(AMEND), struct_of(MASS_CANCEL), struct_of(MASS_QUOTE)
_DETAIL_OF_ORDER, _MONEY, _REVOKE = struct_of(ORDER_DETAIL), struct_of(MONEY), struct_of(REVOKE)
_WITHDRAWAL, _CONTROL = struct_of(WITHDRAWAL), struct_of(CONTROL)
_BUST, _DETAIL_OF_BUST = struct_of(BUST), struct_of(BUST_DETAIL)
_HEADER_FIELDS = 6


def carry_out(
    state: State,
    hops: Hops,
    kind: CommandKind,
    subject: int,
    account: Account,
    client_id: int,
    command: bytes,
    outcome: Outcome | None,
) -> RejectReason:
    """Carry out a whole command. ``outcome`` is None only for a cancel that has no id of its own."""
    if kind is CommandKind.CANCEL:
        order_id, original = _CANCEL.unpack_from(command)[_HEADER_FIELDS:]
        return cancel_request(state, account, order_id, original, client_id, outcome)
    assert outcome is not None
    if kind is CommandKind.NEW_ORDER:
        detail = _DETAIL_OF_ORDER.unpack_from(command, RECORD_BYTES) if len(command) > RECORD_BYTES else ()
        order = NewOrder(subject, client_id, *_NEW_ORDER.unpack_from(command)[_HEADER_FIELDS:], *detail)
        return new_order(state, account, order, outcome)
    if kind is CommandKind.AMEND:
        return amend(state, account, Amend(client_id, *_AMEND.unpack_from(command)[_HEADER_FIELDS:]), outcome)
    if kind is CommandKind.MASS_CANCEL:
        side, target = _MASS_CANCEL.unpack_from(command)[_HEADER_FIELDS:]
        return mass_cancel(state, account, MassCancel(client_id, subject, side, target), outcome)
    if kind is CommandKind.MASS_QUOTE:
        (n_sets,) = _MASS_QUOTE.unpack_from(command)[_HEADER_FIELDS:]
        return mass_quote(state, account, client_id, read_sets(command[RECORD_BYTES:], n_sets), outcome)
    if kind is CommandKind.SWAP:
        return swap(state, hops, account, read_swap(command), outcome)
    if kind is CommandKind.REVOKE:
        body = _REVOKE.unpack_from(command)[_HEADER_FIELDS:]
        return revoke(state, account, Revoke(client_id, subject, *body), outcome)
    if kind is CommandKind.WITHDRAWAL:
        body = _WITHDRAWAL.unpack_from(command)[_HEADER_FIELDS:]
        return end_withdrawal(state, account, Ending(client_id, *body), outcome)
    if kind is CommandKind.BUST:
        trade = _BUST.unpack_from(command)[_HEADER_FIELDS:]
        fees = _DETAIL_OF_BUST.unpack_from(command, RECORD_BYTES)
        return bust(state, account, Bust(client_id, subject, *trade, *fees), outcome)
    if kind is CommandKind.CONTROL:
        body = _CONTROL.unpack_from(command)[_HEADER_FIELDS:]
        return control(state, account, Control(account.number, client_id, subject, *body), outcome)
    beneficiary, amount_units, external_id = _MONEY.unpack_from(command)[_HEADER_FIELDS:]
    if kind is CommandKind.WITHDRAW:
        return withdraw(state, account, Withdraw(client_id, subject, beneficiary, amount_units), outcome)
    if kind is CommandKind.FEE_PAYOUT:
        return pay_out_fees(state, account, FeePayout(client_id, subject, beneficiary, amount_units), outcome)
    return deposit(state, account, Deposit(client_id, subject, beneficiary, amount_units, external_id), outcome)


def read_swap(command: bytes) -> Swap:
    """Take the body of a SWAP apart."""
    _kind, _n_records, subject, _account, client_id, _time_ns, *body = _SWAP.unpack_from(command)
    return Swap(client_id, subject, *body)
