"""What the venue says: answers and reports to a session, and market data to every subscriber.

Reports carry the number of the command that caused them (``sequence``), which is what settlement
speaks of, and their own number in the account's private stream, so that a lost one is noticed.
"""

from typing import Annotated, NamedTuple

from fxengine.messages.fields import I64, NAME, U8, U16, U32, U64, Rows

_REQUEST_ID = "the client's number for this request; its answer repeats it"
_INDEX = "index in VENUE's instruments"
_CURRENCY = "index in VENUE's currencies"
_STREAM = "number in the account's private stream: 1, 2, 3 ..., gapless"
_SEQUENCE = "number of the command that caused it; SETTLEMENT speaks of ranges of it"
_TIME = "when it was sequenced, ns since 1970 UTC"


class LogonAck(NamedTuple):
    """The session is open, or renewed."""

    account: Annotated[int, U32, "the account's number"]
    client_id_highest: Annotated[int, U64, "highest client order id the account has used"]
    window: Annotated[int, U32, "how far below and above the highest an id may lie"]
    expires_ns: Annotated[int, I64, "the credential holds strictly before this time, ns since 1970 UTC"]
    venue_id: Annotated[str, NAME, "the venue's id, as in tokens' aud"]
    account_stream: Annotated[int, U64, _STREAM]
    first_held: Annotated[int, U64, "lowest account_stream that a replay can still give"]


class LogoutAck(NamedTuple):
    """The session is closed and everything sent in it has been answered."""


class HeartbeatAck(NamedTuple):
    """The venue is there."""

    number: Annotated[int, U64, "the HEARTBEAT's"]


class Reject(NamedTuple):
    """A message was refused at the gateway; nothing was done and nothing journaled."""

    reason: Annotated[int, U16, "RejectReason"]
    text: Annotated[str, NAME, "what to do about it"]
    ref_type: Annotated[int, U8, "type of the refused message; 0: not known"]
    ref_id: Annotated[int, U64, "its client_order_id, request_id or number; 0: not known"]
    retry_ns: Annotated[int, I64, "RATE_LIMITED: nanoseconds to wait before sending it again; else 0"] = 0


class Taken(NamedTuple):
    """This session's payment, or an operator's command, was sequenced; told to it alone.

    These are SWAP, DEPOSIT, WITHDRAW, END_WITHDRAWAL, REVOKE, CONTROL, BUST and FEE_PAYOUT.

    Sessions of one account hear each other's reports. Where two use the same client order id at the
    same time, the report with this sequence is this session's answer, and no other.
    """

    client_order_id: Annotated[int, U64, "ClOrdID [11] of the command"]
    sequence: Annotated[int, U64, "number that its answer carries"]


class ExecutionReport(NamedTuple):
    """What became of an order, or of a refused command. Source: FIX 35=8.

    CREDENTIALED tells an open session that its account logged on once more: client_order_id is the
    highest id used, quantity_lots the window. GUARDED: a guard was set, quantity_lots is the dead-man
    timeout in ns, or whether the account watches; with reason DEAD_MAN_FIRED the timer has run out.
    REVOKED: an operator froze or released the account, or took back its token; the reason says why.
    CONTROLLED tells the operator who said it that the venue or a currency was opened or closed: side is the
    ControlMode, quantity_lots the ControlScope, instrument the currency. BUSTED: an operator undid the
    trade; its legs and fees were reversed, and no order changes. Source: FIX ExecType H.
    """

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, _SEQUENCE]
    exec_type: Annotated[
        int,
        U8,
        "EventKind: 1 ACCEPTED, 2 REJECTED, 3 FILL, 4 CANCELED, 5 RESTED, 11 CREDENTIALED, 13 REPLACED, 14 REDUCED,"
        " 15 TRIGGERED, 16 QUOTED, 17 GUARDED, 18 REVOKED, 21 CONTROLLED,"
        " 22 BUSTED",
    ]
    status: Annotated[int, U8, "OrdStatus [39] after it"]
    reason: Annotated[int, U16, "RejectReason of a REJECTED, CANCELED or REDUCED; 0: none"]
    order_id: Annotated[int, U64, "OrderID [37]; 0: a leg of a swap, or none"]
    client_order_id: Annotated[int, U64, "ClOrdID [11] of the order or command"]
    instrument: Annotated[int, U16, _INDEX]
    side: Annotated[
        int,
        U8,
        "Side [54]; REJECTED: the CommandKind; GUARDED: GuardAction; REVOKED: RevokeAction; CONTROLLED: ControlMode",
    ]
    price_ticks: Annotated[int, I64, "of the fill, or of the order"]
    quantity_lots: Annotated[
        int, I64, "of this event: entered, filled, cancelled, rested; REPLACED: the new OrderQty; QUOTED: levels"
    ]
    leaves_lots: Annotated[int, I64, "LeavesQty [151] after it"]
    cum_lots: Annotated[int, I64, "CumQty [14] after it"]
    fee_units: Annotated[int, I64, "FILL, BUSTED: fee in the currency received; negative: rebate in the currency given"]
    flags: Annotated[int, U8, "EventFlag bits: 1 MAKER, 2 TAKER (as LastLiquidityInd [851]), 4 BOOK, 8 SWAP"]
    trade_number: Annotated[int, U64, "FILL, BUSTED: with the instrument it names the trade, TrdMatchID [880]; else 0"]
    request_id: Annotated[
        int, U64, "client_order_id of the CANCEL, AMEND, MASS_CANCEL or MASS_QUOTE that caused a CANCELED; 0: none"
    ]
    time_ns: Annotated[int, I64, _TIME]


class OrderStatus(NamedTuple):
    """A repeated command's outcome so far; nothing was done. Source: FIX ExecType I."""

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, "number of the repeated command"]
    command: Annotated[int, U8, "CommandKind of the original"]
    status: Annotated[int, U8, "OrdStatus [39] now"]
    reason: Annotated[int, U16, "RejectReason, if it was refused or cancelled for one"]
    order_id: Annotated[int, U64, "OrderID [37]; 0: none"]
    client_order_id: Annotated[int, U64, "ClOrdID [11] that was repeated"]
    instrument: Annotated[int, U16, "index of the instrument, or of the currency of a swap or money command"]
    notional_units: Annotated[int, I64, "order: traded so far in quote units; swap: delivered"]
    quantity_lots: Annotated[int, I64, "OrderQty [38] of an order"]
    leaves_lots: Annotated[int, I64, "LeavesQty [151]"]
    cum_lots: Annotated[int, I64, "order: CumQty [14]; swap: spent, in units; money: the amount in units"]
    original_sequence: Annotated[int, U64, "number of the command that was done; SETTLEMENT speaks of it"]
    time_ns: Annotated[int, I64, _TIME]


class MoneyReport(NamedTuple):
    """Money moved outside the books: a swap's payee was paid, fees were, a deposit, a step of a withdrawal.

    DONE tells who sent it that a DEPOSIT, WITHDRAW, END_WITHDRAWAL, MASS_CANCEL, REVOKE, CONTROL, BUST or FEE_PAYOUT
    was carried out. Of a MASS_CANCEL, currency is its instrument and amount_units how many orders it cancelled.
    """

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, _SEQUENCE]
    exec_type: Annotated[
        int, U8, "EventKind: 8 RECEIVED, 9 DEPOSITED, 10 WITHDRAWN, 12 DONE, 19 WITHDRAWAL_HELD, 20 WITHDRAWAL_RETURNED"
    ]
    client_order_id: Annotated[int, U64, "DONE, and WITHDRAWAL_HELD of an own WITHDRAW: ClOrdID [11]; else 0"]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]
    counterparty: Annotated[int, U32, "the other account"]
    time_ns: Annotated[int, I64, _TIME]
    withdrawal: Annotated[int, U64, "of a step of a withdrawal, and its DONE: the withdrawal's number; else 0"] = 0


class Balances(NamedTuple):
    """The account's balances that are not zero."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    balances: Annotated[
        tuple[tuple[int, int, int], ...], Rows((U16, I64, I64)), "each [currency, available_units, held_units]"
    ]


class VenueDescription(NamedTuple):
    """The venue's reference data: what indices, ticks, lots and units mean."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    venue_id: Annotated[str, NAME, "the venue's id"]
    name: Annotated[str, NAME, "the venue's name"]
    currencies: Annotated[
        tuple[tuple[str, str, int], ...], Rows((NAME, NAME, U8)), "by index, each [code, name, decimals]"
    ]
    instruments: Annotated[
        tuple[tuple[str, int, int, str, str, int, int, int, int], ...],
        Rows((NAME, U16, U16, NAME, NAME, I64, I64, I64, I64)),
        "by index, each [symbol, base, quote, tick, lot, maker_rate, taker_rate, lot_units, tick_lot_units];"
        " rates in hundredths of a basis point",
    ]
    swap_rate: Annotated[
        int,
        I64,
        "fee of a swap's last leg, where it takes the place of every leg's taker_rate; -1: each leg pays its own",
    ] = -1


class Book(NamedTuple):
    """A snapshot of one instrument's book, as durable at that stream number."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    instrument: Annotated[int, U16, _INDEX]
    instrument_stream: Annotated[int, U64, "number of the last market data it contains"]
    bids: Annotated[tuple[tuple[int, int], ...], Rows((I64, I64)), "best first, each [price_ticks, level_lots]"]
    asks: Annotated[tuple[tuple[int, int], ...], Rows((I64, I64)), "best first, each [price_ticks, level_lots]"]


class AccountNumber(NamedTuple):
    """The number of the account that was asked for."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    account: Annotated[int, U32, "the account's number"]


class OrderState(NamedTuple):
    """What became of the command or order that was asked for; UNKNOWN_ORDER is a REJECT.

    A command that is not open any more is known by its outcome alone: side, ord_type and price are 0.
    """

    request_id: Annotated[int, U64, _REQUEST_ID]
    order_id: Annotated[int, U64, "OrderID [37]; 0: none"]
    client_order_id: Annotated[int, U64, "ClOrdID [11] of the order or command"]
    command: Annotated[int, U8, "CommandKind that used the id"]
    status: Annotated[int, U8, "OrdStatus [39] now"]
    reason: Annotated[int, U16, "RejectReason, if it was refused or cancelled for one"]
    instrument: Annotated[int, U16, _INDEX + "; of an open order"]
    side: Annotated[int, U8, "Side [54] of an open order; else 0"]
    ord_type: Annotated[int, U8, "OrdType [40] of an open order; else 0"]
    price_ticks: Annotated[int, I64, "of an open order; else 0"]
    leaves_lots: Annotated[int, I64, "LeavesQty [151]"]
    cum_lots: Annotated[int, I64, "order: CumQty [14]; swap: spent, in units; money: the amount in units"]
    notional_units: Annotated[int, I64, "order: traded so far in quote units; swap: delivered"]
    sequence: Annotated[int, U64, "number of the command that was done; 0: beyond the window"]


class OpenOrders(NamedTuple):
    """A page of the account's open orders and quotes, ascending by the slot in their OrderID (its lower 32 bits)."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    orders: Annotated[
        tuple[tuple[int, int, int, int, int, int, int, int], ...],
        Rows((U64, U64, U16, U8, U8, I64, I64, I64)),
        "each [order_id, client_order_id, instrument, side, ord_type, price_ticks, leaves_lots, cum_lots];"
        " ord_type 0: a level of a MASS_QUOTE, whose client_order_id it has",
    ]
    more: Annotated[int, U8, "1: ask for the next page after the last of these; 0: that is all"]


class OpenWithdrawals(NamedTuple):
    """A page of the withdrawals that wait to be paid, ascending by number."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    final_sequence: Annotated[int, U64, "those up to this number may be paid: all before them is FINAL in the ledger"]
    withdrawals: Annotated[
        tuple[tuple[int, int, int, int], ...],
        Rows((U64, U32, U16, I64)),
        "each [withdrawal, account, currency, amount_units]",
    ]
    more: Annotated[int, U8, "1: ask for the next page after the last of these; 0: that is all"]


class Replayed(NamedTuple):
    """The end of a replay: the reports from first to last stream were sent again before this."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    first_stream: Annotated[int, U64, "first report sent again"]
    last_stream: Annotated[int, U64, "last report sent again; below first: there was none"]
    first_held: Annotated[int, U64, "lowest account_stream that a replay can still give"]


class Settlement(NamedTuple):
    """All of the account's movements from first to last sequence have this settlement status."""

    batch_id: Annotated[int, U64, "settlement batch: 1, 2, 3 ..."]
    status: Annotated[int, U8, "SettlementStatus: 1 PENDING, 2 POSTED, 3 FINAL; a trade that was BUSTED is 4 FAILED"]
    finality: Annotated[str, NAME, "the ledger's policy for calling it FINAL"]
    first_sequence: Annotated[int, U64, "first command of the batch; 1 after a logon, for all batches so far"]
    last_sequence: Annotated[int, U64, "last command of the batch"]
    posted_ns: Annotated[int, I64, "when it was known to have come to this, ns since 1970 UTC; 0 after a logon"]


class LevelUpdate(NamedTuple):
    """Market data, topic ``l2.SYMBOL``: one price level's new total. The frame is [1, field, ...]."""

    instrument: Annotated[int, U16, _INDEX]
    instrument_stream: Annotated[int, U64, "1, 2, 3 ... per instrument, gapless but for marks"]
    side: Annotated[int, U8, "Side [54]; 0: a mark, nothing changed and the stream stands at this number"]
    price_ticks: Annotated[int, I64, "the level"]
    level_lots: Annotated[int, I64, "its new total; 0: gone"]
    time_ns: Annotated[int, I64, _TIME]


class TradeUpdate(NamedTuple):
    """Market data, topic ``trade.SYMBOL``: one trade. The frame is [1, field, ...]."""

    instrument: Annotated[int, U16, _INDEX]
    trade_number: Annotated[int, U64, "names the trade, TrdMatchID [880]: the instrument_stream of its level update"]
    taker_side: Annotated[int, U8, "Side [54] of the incoming order"]
    price_ticks: Annotated[int, I64, "the resting order's price"]
    quantity_lots: Annotated[int, I64, "traded"]
    time_ns: Annotated[int, I64, _TIME]
