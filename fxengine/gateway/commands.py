"""Requests as COMMAND records: what a session may say, in the bytes that the journal keeps.

A command is one or more 64-byte records, each packed by one call; the sequencer stamps its time.
The account is the session's, never the client's word::

    NEW_ORDER   1 record; 2 with a stop price or a minimum quantity
    BUST        2 records
    DEPOSIT     1 record, and records of its external reference's text behind it
    MASS_QUOTE  1 record, and 16-byte units behind it: per set a head, its bids, its offers
    all else    1 record
"""

import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from fxengine.codes import CommandKind, GuardAction
from fxengine.messages import (
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    MassQuote,
    NewOrder,
    Revoke,
    Swap,
    SwapQuoteRequest,
    Withdraw,
)
from fxengine.records import (
    AMEND,
    BUST,
    BUST_DETAIL,
    CANCEL,
    CONTROL,
    GUARD,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY,
    NEW_ORDER,
    ORDER_DETAIL,
    RECORD_BYTES,
    REVOKE,
    SETTLED,
    SWAP,
    WITHDRAWAL,
    struct_of,
)

_pack_new_order = struct_of(NEW_ORDER).pack
_pack_detail = struct_of(ORDER_DETAIL).pack
_pack_cancel = struct_of(CANCEL).pack
_pack_amend = struct_of(AMEND).pack
_pack_mass_cancel = struct_of(MASS_CANCEL).pack
_pack_mass_quote = struct_of(MASS_QUOTE).pack
_pack_guard = struct_of(GUARD).pack
_pack_swap = struct_of(SWAP).pack
_pack_money = struct_of(MONEY).pack
_pack_revoke = struct_of(REVOKE).pack
_pack_bust = struct_of(BUST).pack
_pack_bust_detail = struct_of(BUST_DETAIL).pack
_pack_control = struct_of(CONTROL).pack
_pack_settled = struct_of(SETTLED).pack
_pack_withdrawal = struct_of(WITHDRAWAL).pack

_NEW_ORDER: Final = int(CommandKind.NEW_ORDER)
_CANCEL: Final = int(CommandKind.CANCEL)
_AMEND: Final = int(CommandKind.AMEND)
_MASS_CANCEL: Final = int(CommandKind.MASS_CANCEL)
_MASS_QUOTE: Final = int(CommandKind.MASS_QUOTE)
_GUARD: Final = int(CommandKind.GUARD)
_SWAP: Final = int(CommandKind.SWAP)
_DEPOSIT: Final = int(CommandKind.DEPOSIT)
_WITHDRAW: Final = int(CommandKind.WITHDRAW)
_FEE_PAYOUT: Final = int(CommandKind.FEE_PAYOUT)
_REVOKE: Final = int(CommandKind.REVOKE)
_BUST: Final = int(CommandKind.BUST)
_CONTROL: Final = int(CommandKind.CONTROL)
_SETTLED: Final = int(CommandKind.SETTLED)
_WITHDRAWAL: Final = int(CommandKind.WITHDRAWAL)
_NS_PER_MS: Final = 1_000_000
_NO_ID: Final = bytes(16)
_SETS_ARE: Final = 2
"""Records of a MASS_QUOTE at least: its head, and one of units."""


def _new_order(account: int, order: NewOrder) -> bytes:
    (
        client_id, instrument, side, ord_type, time_in_force, exec_inst, prevention,
        price, quantity, expire_ns, display_lots, stop_price, min_lots,
    ) = order  # fmt: skip
    n_records = 2 if stop_price or min_lots else 1
    first = _pack_new_order(
        _NEW_ORDER, n_records, instrument, account, client_id, 0,
        side, ord_type, time_in_force, exec_inst, prevention, price, quantity, expire_ns, display_lots,
    )  # fmt: skip
    return first if n_records == 1 else first + _pack_detail(stop_price, min_lots)


def _cancel(account: int, cancel: Cancel) -> bytes:
    client_id, order_id, original = cancel
    return _pack_cancel(_CANCEL, 1, 0, account, client_id, 0, order_id, original)


def _amend(account: int, amend: Amend) -> bytes:
    client_id, order_id, original, price, quantity, expected_cum = amend
    return _pack_amend(_AMEND, 1, 0, account, client_id, 0, order_id, original, price, quantity, expected_cum)


def _mass_cancel(account: int, mass_cancel: MassCancel) -> bytes:
    client_id, instrument, side, target = mass_cancel
    return _pack_mass_cancel(_MASS_CANCEL, 1, instrument, account, client_id, 0, side, target)


def _mass_quote(account: int, quote: MassQuote) -> bytes:
    client_id, sets = quote
    units = b"".join(
        [
            struct.pack(
                f"<HBB12x{len(bids) + len(offers)}q", instrument, len(bids) // 2, len(offers) // 2, *bids, *offers
            )
            for instrument, bids, offers in sets
        ]
    )
    n_records = max(_SETS_ARE, 1 - -len(units) // RECORD_BYTES)
    head = _pack_mass_quote(_MASS_QUOTE, n_records, 0, account, client_id, 0, len(sets))
    return (head + units).ljust(n_records * RECORD_BYTES, b"\0")


def _dead_man(account: int, dead_man: DeadMan) -> bytes:
    return guard_record(account, GuardAction.DEAD_MAN, timeout_ns=dead_man.timeout_ms * _NS_PER_MS)


def _swap(account: int, swap: Swap) -> bytes:
    client_id, currency_in, currency_out, mode, amount, bound, deadline, payee, flags, worst = swap
    head = (_SWAP, 1, currency_in, account, client_id, 0)
    return _pack_swap(*head, currency_out, mode, flags, payee, amount, bound, deadline, worst)


def swap_quote_record(account: int, asked: SwapQuoteRequest) -> bytes:
    """Build the SWAP that a SWAP_QUOTE_REQUEST asks about; it is never sequenced."""
    _, currency_in, currency_out, mode, amount, bound, payee, flags, worst = asked
    return _swap(account, Swap(0, currency_in, currency_out, mode, amount, bound, 0, payee, flags, worst))


def _deposit(account: int, deposit: Deposit) -> bytes:
    client_id, beneficiary, currency, amount, reference = deposit
    text = reference.encode()
    n_records = 1 - -len(text) // RECORD_BYTES
    head = _pack_money(_DEPOSIT, n_records, currency, account, client_id, 0, beneficiary, amount, _hash(reference))
    return (head + text).ljust(n_records * RECORD_BYTES, b"\0")


def _withdraw(account: int, withdraw: Withdraw) -> bytes:
    client_id, beneficiary, currency, amount = withdraw
    return _pack_money(_WITHDRAW, 1, currency, account, client_id, 0, beneficiary, amount, _NO_ID)


def _fee_payout(account: int, payout: FeePayout) -> bytes:
    client_id, beneficiary, currency, amount = payout
    return _pack_money(_FEE_PAYOUT, 1, currency, account, client_id, 0, beneficiary, amount, _NO_ID)


def _end_withdrawal(account: int, ending: EndWithdrawal) -> bytes:
    client_id, action, withdrawal = ending
    return _pack_withdrawal(_WITHDRAWAL, 1, 0, account, client_id, 0, action, withdrawal)


def _revoke(account: int, revoke: Revoke) -> bytes:
    client_id, action, target, jti = revoke
    return _pack_revoke(_REVOKE, 1, 0, account, client_id, 0, action, target, _hash(jti))


def _control(account: int, control: Control) -> bytes:
    client_id, scope, mode, currency = control
    return control_record(account, client_id, scope, mode, currency)


def control_record(account: int, client_id: int, scope: int, mode: int, currency: int = 0) -> bytes:
    """Build a CONTROL: an operator's, or with account and client id 0 the venue's own word."""
    return _pack_control(_CONTROL, 1, currency, account, client_id, 0, scope, mode)


def _bust(account: int, bust: Bust) -> bytes:
    client_id, instrument, number, maker, taker, maker_side, price, quantity, *fees = bust
    head = _pack_bust(
        _BUST, 2, instrument, account, client_id, 0, number, price, quantity, maker, taker, maker_side
    )  # fmt: skip
    return head + _pack_bust_detail(*fees)


def _hash(text: str) -> bytes:
    """Return what the core knows a text by; zeros for none."""
    return blake2b(text.encode(), digest_size=16).digest() if text else _NO_ID


def guard_record(account: int, action: GuardAction, *, watching: bool = False, timeout_ns: int = 0) -> bytes:
    """Build a GUARD: the dead-man timer at a client's word, WATCH and DISCONNECTED at the gateway's own."""
    return _pack_guard(_GUARD, 1, 0, account, 0, 0, action, watching, timeout_ns)


def settled_record(final_sequence: int) -> bytes:
    """Build a SETTLED, the venue's own word that the ledger has all up to a command for good."""
    return _pack_settled(_SETTLED, 1, 0, 0, 0, 0, final_sequence)


RECORD_OF: Final[dict[type[Any], Callable[[int, Any], bytes]]] = {
    NewOrder: _new_order,
    Cancel: _cancel,
    Amend: _amend,
    MassCancel: _mass_cancel,
    MassQuote: _mass_quote,
    DeadMan: _dead_man,
    Swap: _swap,
    Deposit: _deposit,
    Withdraw: _withdraw,
    Revoke: _revoke,
    EndWithdrawal: _end_withdrawal,
    Control: _control,
    Bust: _bust,
    FeePayout: _fee_payout,
}
"""How each request that changes state becomes one command: ``(account, request) -> n x 64 bytes``."""
