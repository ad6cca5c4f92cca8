"""COMMAND and EVENT: the fixed-size records that the journal holds and the core speaks.

A command is one or more 64-byte records (``n_records``), journaled and checksummed as one.
The first 24 bytes are the same for every kind; the other 40 are the body of its kind, given
here as one dtype per kind over the same bytes (``commands.view(SWAP)``). Reserved bytes are zero.
An event is one 96-byte record; kinds with a different body have a view of their own too.

All integers are little-endian. ``fxengine/_core.pxd`` declares the same bytes for the compiled
core, and a test compares field by field.

Command body by kind (offset from the record's start)::

     0 kind u8 | 1 n_records u8 | 2 instrument or currency u16 | 4 account u32
     8 client_order_id u64 | 16 time_ns i64, stamped by the sequencer
    24 ........................................................ body .......... 63
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import EventKind

Records = npt.NDArray[np.void]

RECORD_BYTES: Final = 64
EVENT_BYTES: Final = 96
CURRENCIES_MAX: Final = 256
"""Currencies a venue may list: the width of a credential's permission mask."""
PRICE_TICKS_MAX: Final = 2**31 - 1
QUANTITY_LOTS_MAX: Final = 2**62

PATH_BOOKS_MAX: Final = 3
"""Books of a path that an instant swap may take."""
PATHS_MAX: Final = 8
"""Paths that a swap considers, and that a venue may name for a pair."""

_HEADER: list[tuple[str, str]] = [
    ("kind", "u1"),  # CommandKind
    ("n_records", "u1"),  # how many records this command takes, itself included, 1..255
    ("instrument", "<u2"),  # index in the venue's instruments; a currency's index for money commands
    ("account", "<u4"),  # who commands
    ("client_order_id", "<u8"),  # ClOrdID, FIX 11; 0 where the kind takes none
    ("time_ns", "<i8"),  # nanoseconds since 1970 UTC
]


def _command(*body: tuple[Any, ...]) -> np.dtype[np.void]:
    dtype = np.dtype(_HEADER + list(body))
    assert dtype.itemsize == RECORD_BYTES, dtype.itemsize
    return dtype


NEW_ORDER: Final = _command(
    ("side", "u1"),
    ("ord_type", "u1"),
    ("time_in_force", "u1"),
    ("exec_inst", "u1"),
    ("self_trade_prevention", "u1"),
    ("reserved_0", "V3"),
    ("price_ticks", "<i8"),  # 1..PRICE_TICKS_MAX; the protection price of MARKET and STOP
    ("quantity_lots", "<i8"),  # 1..QUANTITY_LOTS_MAX
    ("expire_ns", "<i8"),  # ExpireTime, FIX 126: GTD is valid strictly before; else 0
    ("display_lots", "<i8"),  # DisplayQty, FIX 1138; 0: all
)
ORDER_DETAIL: Final = np.dtype([
    ("stop_price_ticks", "<i8"),  # StopPx, FIX 99; 0 where the order is no stop
    ("min_lots", "<i8"),  # MinQty, FIX 110; 0: any
    ("reserved_0", "V48"),
])  # fmt: skip
"""Second record of a NEW_ORDER that needs it."""
assert ORDER_DETAIL.itemsize == RECORD_BYTES
COMMAND: Final = NEW_ORDER
"""The dtype of a plain command array; use a kind's own view for its body."""

CANCEL: Final = _command(
    ("reserved_0", "V8"),
    ("order_id", "<u8"),  # OrderID, FIX 37; 0: use the client's id
    ("orig_client_order_id", "<u8"),  # FIX 41; 0 where order_id is given
    ("reserved_1", "V16"),
)
AMEND: Final = _command(
    ("order_id", "<u8"),  # as in CANCEL
    ("orig_client_order_id", "<u8"),
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),  # OrderQty, the total, not the remainder
    ("expected_cum_lots", "<i8"),  # CumQty the client reckons with; -1: any
)
MASS_CANCEL: Final = _command(  # instrument: ALL_INSTRUMENTS, or one
    ("side", "u1"),  # 0: both
    ("reserved_0", "V3"),
    ("target", "<u4"),  # whose orders; 0: the sender's; another's only by an operator
    ("reserved_1", "V32"),
)
MASS_QUOTE: Final = _command(("n_sets", "u1"), ("reserved_0", "V39"))
QUOTE_SET: Final = np.dtype([
    ("instrument", "<u2"),
    ("n_bids", "u1"),  # 0..QUOTE_LEVELS_MAX; best first
    ("n_offers", "u1"),
    ("reserved_0", "V12"),
])  # fmt: skip
QUOTE_LEVEL: Final = np.dtype([("price_ticks", "<i8"), ("leaves_lots", "<i8")])
"""The records after a MASS_QUOTE are 16-byte units: per set a QUOTE_SET, its bids, its offers; then zeros."""
ALL_INSTRUMENTS: Final = 0xFFFF
QUOTE_LEVELS_MAX: Final = 32
SWAP: Final = _command(  # instrument: the currency paid
    ("currency_out", "<u2"),
    ("mode", "u1"),  # SwapMode
    ("flags", "u1"),  # SwapFlag
    ("payee", "<u4"),  # account that receives; 0: the payer
    ("amount_units", "<i8"),  # exact amount, in the currency that the mode makes exact
    ("bound_units", "<i8"),  # EXACT_IN: least to receive; EXACT_OUT: most to pay; at least 1
    ("deadline_ns", "<i8"),  # executes strictly before; 0: none
    ("worst_units", "<i8"),  # worst price: as bound_units, but of each step for itself; 0: any
)
MONEY: Final = _command(  # DEPOSIT, WITHDRAW and FEE_PAYOUT; instrument: the currency
    ("reserved_0", "V4"),
    ("beneficiary", "<u4"),  # whose balance; WITHDRAW: 0 is the sender, and another only for an operator
    ("amount_units", "<i8"),
    ("external_id", "V16"),  # DEPOSIT: blake2b-128 of the text in the records behind it; else zeros
    ("reserved_1", "V8"),
)
"""A DEPOSIT with an external reference is followed by records of its UTF-8 text."""
SETTLED: Final = _command(  # the venue's own word: account and client id are 0
    ("final_sequence", "<u8"),  # all up to this command is FINAL in the ledger
    ("reserved_0", "V32"),
)
WITHDRAWAL: Final = _command(  # account: the operator
    ("action", "u1"),  # WithdrawalAction
    ("reserved_0", "V7"),
    ("withdrawal", "<u8"),  # its number: the sequence of the WITHDRAW that asked for it
    ("reserved_1", "V24"),
)
CONTROL: Final = _command(  # account: the operator, or 0 for the venue itself, then without a client id
    ("scope", "u1"),  # ControlScope; CURRENCY: instrument is the currency
    ("mode", "u1"),  # ControlMode
    ("reserved_0", "V38"),
)
BUST: Final = _command(  # account: the operator; instrument: the trade's. What the trade was is said again in full
    ("number", "<u8"),  # with the instrument: the trade, TrdMatchID, FIX 880
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),
    ("maker", "<u4"),
    ("taker", "<u4"),
    ("maker_side", "u1"),  # Side
    ("reserved_0", "V7"),
)
BUST_DETAIL: Final = np.dtype([
    ("maker_fee_units", "<i8"),  # as in the trade's FILL events
    ("taker_fee_units", "<i8"),
    ("reserved_0", "V48"),
])  # fmt: skip
"""Second record of a BUST."""
assert BUST_DETAIL.itemsize == RECORD_BYTES
GUARD: Final = _command(  # no client id: the latest counts, and saying it twice changes nothing
    ("action", "u1"),  # GuardAction
    ("watching", "u1"),  # WATCH: 1 on, 0 off
    ("reserved_0", "V6"),
    ("timeout_ns", "<i8"),  # DEAD_MAN: from the command's time; 0 stops the timer
    ("reserved_1", "V24"),
)
REVOKE: Final = _command(  # account: the operator
    ("action", "u1"),  # RevokeAction
    ("reserved_0", "V3"),
    ("target", "<u4"),  # FREEZE and UNFREEZE: whose; TOKEN: 0
    ("token_id", "V16"),  # TOKEN: blake2b-128 of its jti; else zeros
    ("reserved_1", "V16"),
)
CREDENTIAL: Final = _command(  # followed by CREDENTIAL_DETAIL and records of text, "issuer\0subject"
    ("flags", "u1"),  # AccountFlag
    ("level", "u1"),  # code of the KYC level in the venue file
    ("jurisdiction", "S2"),  # ISO 3166-1 alpha-2
    ("window", "<u4"),  # client ids remembered, a power of two; fixed when the account opens
    ("issued_at_ns", "<i8"),
    ("expires_ns", "<i8"),  # valid strictly before
    ("identity", "V16"),  # blake2b-128 of the text records' "issuer\0subject"
)
CREDENTIAL_DETAIL: Final = np.dtype([
    ("permitted", "<u8", (4,)),  # bit c of word c // 64: may hold currency c
    ("token_id", "V16"),  # blake2b-128 of the token's jti
    ("trade_group", "<u4"),  # self-trade prevention takes accounts of one group as one; 0: none
    ("reserved_0", "V12"),
])  # fmt: skip
assert CREDENTIAL_DETAIL.itemsize == RECORD_BYTES

_EVENT_HEADER: list[tuple[str, str]] = [
    ("kind", "u1"),  # EventKind
    ("side", "u1"),  # Side; REJECTED, ORDER_STATUS: CommandKind; GUARDED, REVOKED: action; CONTROLLED: mode
    ("reason", "<u2"),  # RejectReason; 0: none
    ("instrument", "<u2"),  # or a currency's index in money events
    ("status", "u1"),  # OrdStatus after the event
    ("flags", "u1"),  # EventFlag
    ("account", "<u4"),  # whom it concerns
    ("counterparty", "<u4"),  # the other side of a fill or of a movement of money
    ("sequence", "<u8"),  # number of the command that caused it
]


def _event(*body: tuple[Any, ...]) -> np.dtype[np.void]:
    dtype = np.dtype(
        _EVENT_HEADER
        + list(body)
        + [
            ("account_stream", "<u8"),  # 1, 2, 3 ... per account, gapless; 0: the account does not exist
            ("instrument_stream", "<u8"),  # 1, 2, 3 ... per instrument; 0: not market data
        ]
    )
    assert dtype.itemsize == EVENT_BYTES, dtype.itemsize
    return dtype


EVENT: Final = _event(
    ("order_id", "<u8"),  # OrderID; 0 for a leg of a swap
    ("client_order_id", "<u8"),
    ("price_ticks", "<i8"),
    (
        "quantity_lots",
        "<i8",
    ),  # of this event: entered, filled, cancelled; GUARDED: timeout in ns, or 1 for watching; CONTROLLED: scope
    ("leaves_lots", "<i8"),  # FIX 151, after the event
    ("cum_lots", "<i8"),  # FIX 14, after the event
    ("fee_units", "<i8"),  # FILL: fee in the currency received; negative: a rebate in the currency given
)
"""A trade is two FILL events, the maker's and then the taker's, with the same instrument_stream:
instrument and that number name the trade (TrdMatchID, FIX 880)."""

CANCEL_EVENT: Final = _event(  # CANCELED, and REJECTED where it answers a CANCEL
    ("order_id", "<u8"),
    ("client_order_id", "<u8"),  # the order's, FIX 41; 0 where a refused request named only order_id
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),  # taken off the order
    ("displayed_lots", "<i8"),  # of it, taken off the displayed book
    ("cum_lots", "<i8"),
    ("request_id", "<u8"),  # client id of the request, 0 where it had none
)
REDUCE_EVENT: Final = _event(  # REDUCED: as CANCELED, but it never answers a request and tells what is left
    ("order_id", "<u8"),
    ("client_order_id", "<u8"),
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),  # taken off the order
    ("displayed_lots", "<i8"),  # of it, taken off the displayed book
    ("cum_lots", "<i8"),
    ("leaves_lots", "<i8"),
)
REPLACE_EVENT: Final = np.dtype(
    [(n if n != "counterparty" else "old_price_ticks", t) for n, t in _EVENT_HEADER]
    + [
        ("order_id", "<u8"),
        ("client_order_id", "<u8"),
        ("price_ticks", "<i8"),  # new
        ("quantity_lots", "<i8"),  # new OrderQty
        ("leaves_lots", "<i8"),  # new
        ("cum_lots", "<i8"),
        ("displayed_lots", "<i8"),  # taken off the displayed book at the old price
        ("account_stream", "<u8"),
        ("instrument_stream", "<u8"),
    ]
)
STATUS_EVENT: Final = _event(  # ORDER_STATUS: outcome so far of the command with this client id
    ("order_id", "<u8"),
    ("client_order_id", "<u8"),
    ("notional_units", "<i8"),  # order: traded so far in quote units; swap: delivered; money: 0
    ("quantity_lots", "<i8"),
    ("leaves_lots", "<i8"),
    ("cum_lots", "<i8"),  # order: CumQty; swap: spent, in units; money: the amount
    ("original_sequence", "<u8"),  # number of the command that used this client id first
)
MONEY_EVENT: Final = _event(  # RECEIVED, DEPOSITED, WITHDRAWN, DONE and of withdrawals; instrument: the currency
    ("withdrawal", "<u8"),  # WITHDRAWAL_HELD, WITHDRAWN, WITHDRAWAL_RETURNED, and DONE of these: its number; else 0
    ("client_order_id", "<u8"),
    ("reserved_0", "<i8"),
    ("amount_units", "<i8"),
    ("external_id", "V16"),  # DEPOSITED: the command's
    ("reserved_1", "V8"),
)
BUST_EVENT: Final = _event(  # BUSTED: the maker's and then the taker's; side, counterparty and flags as in its FILL
    ("trade_number", "<u8"),
    ("client_order_id", "<u8"),  # 0
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),
    ("reserved_0", "<i8"),
    ("reserved_1", "<i8"),
    ("fee_units", "<i8"),  # as it was: it is taken back
)
SWAP_EVENT: Final = np.dtype(
    [
        *_EVENT_HEADER,  # instrument: the currency paid; counterparty: the payee
        ("path", "<u2", (3,)),  # SWAP_PATH: instruments in order; SWAPPED: zeros
        ("n_legs", "<u2"),  # SWAP_PATH: books of the path; SWAPPED: how many SWAP_LEGs came before it
        ("client_order_id", "<u8"),
        ("amount_in_units", "<i8"),  # spent, gross
        ("amount_out_units", "<i8"),  # delivered to the payee, net of fees
        ("unfilled_units", "<i8"),  # of the exact amount, what could not be had; 0 unless a part was allowed
        ("fills", "<i8"),
        ("singles", "<i8"),  # SWAPPED: how many SWAP_PATHs came before it
        ("account_stream", "<u8"),
        ("currency_out", "<u2"),
        ("mode", "u1"),
        ("reserved", "V5"),
    ]
)
"""SWAPPED and SWAP_PATH: what a swap gave, and what the best single paths would have given."""
SWAP_LEG_EVENT: Final = _event(  # SWAP_LEG: what a swap did in one book; side and instrument as in its FILLs
    ("fills", "<u8"),
    ("client_order_id", "<u8"),
    ("spent_units", "<i8"),
    ("received_units", "<i8"),  # before the fee
    ("change_units", "<i8"),  # of the currency received, what stays with the payer; told by the last leg into it
    ("quantity_lots", "<i8"),
    ("fee_units", "<i8"),
)
assert SWAP_EVENT.itemsize == EVENT_BYTES

INSTRUMENT: Final = np.dtype([
    ("base", "<u2"),
    ("quote", "<u2"),
    ("maker_rate", "<i4"),  # hundredths of a basis point; negative: a rebate
    ("taker_rate", "<i4"),
    ("reserved", "<i4"),
    ("lot_units", "<i8"),  # base units in a lot
    ("tick_lot_units", "<i8"),  # quote units that one tick times one lot is worth
])  # fmt: skip
"""What the core needs to know of an instrument."""

ROUTE: Final = np.dtype([
    ("n_stops", "<u2"),  # 2 to 4: one more than books
    ("stops", "<u2", (4,)),  # currencies in order: the one paid, those between, the one received; then zeros
])  # fmt: skip
"""A path that the venue names: a swap between the ends of named routes takes these and no others."""


def route_records(routes: Sequence[Sequence[int]]) -> Records:
    """Return named paths as ``(n,) ROUTE`` records; each is its currencies in order, by their indices."""
    rows = np.zeros(len(routes), ROUTE)
    for row, route in zip(rows, routes, strict=True):
        row["n_stops"] = len(route)
        row["stops"][: len(route)] = route
    return rows


EVENT_VIEWS: Final[dict[EventKind, np.dtype[np.void]]] = {
    EventKind.CANCELED: CANCEL_EVENT,
    EventKind.REDUCED: REDUCE_EVENT,
    EventKind.REPLACED: REPLACE_EVENT,
    EventKind.ORDER_STATUS: STATUS_EVENT,
    EventKind.SWAPPED: SWAP_EVENT,
    EventKind.SWAP_PATH: SWAP_EVENT,
    EventKind.SWAP_LEG: SWAP_LEG_EVENT,
    EventKind.RECEIVED: MONEY_EVENT,
    EventKind.DEPOSITED: MONEY_EVENT,
    EventKind.WITHDRAWN: MONEY_EVENT,
    EventKind.DONE: MONEY_EVENT,
    EventKind.WITHDRAWAL_HELD: MONEY_EVENT,
    EventKind.WITHDRAWAL_RETURNED: MONEY_EVENT,
    EventKind.BUSTED: BUST_EVENT,
}
"""The dtype that names an event's body, where it is not EVENT itself."""


def select(records: Records, which: npt.NDArray[Any]) -> Records:
    """Return ``records[which]``, for a mask or for places. O(n).

    numpy moves structured records field by field, and takes twenty times as long as it does for bytes.
    """
    selected: Records = records.view(f"V{records.itemsize}")[which].view(records.dtype)
    return selected


def join(parts: Sequence[Records]) -> Records:
    """Return the records of at least one array of one dtype as one array, as :func:`select` would. O(n)."""
    joined: Records = np.concatenate([part.view(f"V{part.itemsize}") for part in parts]).view(parts[0].dtype)
    return joined


_STRUCT_CODES = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "i4": "i", "i8": "q"}


def struct_of(dtype: np.dtype[np.void]) -> struct.Struct:
    """Return the ``struct`` for one record of a dtype: reserved fields are skipped, arrays spread out.

    Reading single fields of a numpy record costs a microsecond each; this is for code that goes
    record by record.
    """
    assert dtype.names is not None and dtype.fields is not None
    parts = ["<"]
    for name in dtype.names:
        field = dtype.fields[name][0]
        count = field.shape[0] if field.shape else 1
        code = field.base.str.lstrip("<|")
        if name.startswith("reserved"):
            parts.append(f"{field.itemsize}x")
        elif code[0] in "SV":
            parts.append(f"{field.itemsize}s")
        else:
            parts.append(f"{count}{_STRUCT_CODES[code]}")
    return struct.Struct("".join(parts))


def order_id(slot: int, generation: int) -> int:
    """Compose an OrderID: the pool slot and how often it has been used, so that none recurs."""
    return generation << 32 | slot
