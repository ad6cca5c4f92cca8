"""Requests as COMMAND records: what a session may say, in the bytes that the journal keeps.

One command is one 64-byte record, packed by one call; the sequencer stamps its time. The account
is the session's, never the client's word.
"""

from collections.abc import Callable
from typing import Any, Final

from fxengine.codes import CommandKind, SelfTradePrevention
from fxengine.messages import Cancel, Deposit, NewOrder, Swap, Withdraw
from fxengine.records import CANCEL, MONEY, NEW_ORDER, SWAP, struct_of

_pack_new_order = struct_of(NEW_ORDER).pack
_pack_cancel = struct_of(CANCEL).pack
_pack_swap = struct_of(SWAP).pack
_pack_money = struct_of(MONEY).pack

_NEW_ORDER: Final = int(CommandKind.NEW_ORDER)
_CANCEL: Final = int(CommandKind.CANCEL)
_SWAP: Final = int(CommandKind.SWAP)
_NO_PREVENTION: Final = int(SelfTradePrevention.NONE)
_NO_EXPIRY: Final = 0
_ALL_DISPLAYED: Final = 0
_DEPOSIT: Final = int(CommandKind.DEPOSIT)
_WITHDRAW: Final = int(CommandKind.WITHDRAW)


def _new_order(account: int, order: NewOrder) -> bytes:
    client_id, instrument, side, ord_type, time_in_force, exec_inst, price, quantity = order
    body = (side, ord_type, time_in_force, exec_inst, _NO_PREVENTION, price, quantity, _NO_EXPIRY, _ALL_DISPLAYED)
    return _pack_new_order(_NEW_ORDER, 1, instrument, account, client_id, 0, *body)


def _cancel(account: int, cancel: Cancel) -> bytes:
    client_id, order_id, original = cancel
    return _pack_cancel(_CANCEL, 1, 0, account, client_id, 0, order_id, original)


def _swap(account: int, swap: Swap) -> bytes:
    client_id, currency_in, currency_out, mode, amount, bound, deadline, payee = swap
    return _pack_swap(_SWAP, 1, currency_in, account, client_id, 0, currency_out, mode, payee, amount, bound, deadline)


def _deposit(account: int, deposit: Deposit) -> bytes:
    client_id, beneficiary, currency, amount = deposit
    return _pack_money(_DEPOSIT, 1, currency, account, client_id, 0, beneficiary, amount)


def _withdraw(account: int, withdraw: Withdraw) -> bytes:
    client_id, beneficiary, currency, amount = withdraw
    return _pack_money(_WITHDRAW, 1, currency, account, client_id, 0, beneficiary, amount)


RECORD_OF: Final[dict[type[Any], Callable[[int, Any], bytes]]] = {
    NewOrder: _new_order,
    Cancel: _cancel,
    Swap: _swap,
    Deposit: _deposit,
    Withdraw: _withdraw,
}
"""How each request that changes state becomes one record: ``(account, request) -> 64 bytes``."""
