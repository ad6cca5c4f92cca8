"""What the venue says of instant swaps: a receipt in parts, and what a swap would do."""

from typing import Annotated, NamedTuple

from fxengine.messages.fields import I64, U8, U16, U32, U64, Rows

_REQUEST_ID = "the client's number for this request; its answer repeats it"
_INDEX = "index in VENUE's instruments"
_CURRENCY = "index in VENUE's currencies"
_STREAM = "number in the account's private stream: 1, 2, 3 ..., gapless"
_SEQUENCE = "number of the command that caused it; SETTLEMENT speaks of ranges of it"
_UNFILLED = "of the exact amount, what could not be had; 0 unless a part was allowed"
_CHANGE = "what stays with the payer of the currency it received; told by the last leg that received it"
_TIME = "when it was sequenced, ns since 1970 UTC"


class SwapReport(NamedTuple):
    """An instant swap's receipt; its fills, legs and paths came before it."""

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, _SEQUENCE]
    client_order_id: Annotated[int, U64, "ClOrdID [11] of the SWAP"]
    currency_in: Annotated[int, U16, "currency paid: " + _CURRENCY]
    currency_out: Annotated[int, U16, "currency received: " + _CURRENCY]
    mode: Annotated[int, U8, "1 EXACT_IN, 2 EXACT_OUT"]
    payee: Annotated[int, U32, "account that received"]
    amount_in_units: Annotated[int, I64, "spent, gross"]
    amount_out_units: Annotated[int, I64, "delivered, net of fees"]
    unfilled_units: Annotated[int, I64, _UNFILLED]
    n_fills: Annotated[int, I64, "fills it made"]
    n_legs: Annotated[int, U16, "SWAP_LEG_REPORTs that came before it"]
    n_paths: Annotated[int, I64, "SWAP_PATH_REPORTs that came before it"]
    time_ns: Annotated[int, I64, _TIME]


class SwapLegReport(NamedTuple):
    """What an instant swap did in one book, whichever paths went over it; its SWAP_REPORT comes later."""

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, _SEQUENCE]
    client_order_id: Annotated[int, U64, "ClOrdID [11] of the SWAP"]
    instrument: Annotated[int, U16, _INDEX]
    side: Annotated[int, U8, "Side [54]: 1 BUY pays the quote currency, 2 SELL the base currency"]
    quantity_lots: Annotated[int, I64, "traded"]
    spent_units: Annotated[int, I64, "of the currency it paid"]
    received_units: Annotated[int, I64, "of the currency it received, before the fee"]
    fee_units: Annotated[int, I64, "of the currency it received"]
    change_units: Annotated[int, I64, _CHANGE]
    n_fills: Annotated[int, I64, "fills it made"]
    time_ns: Annotated[int, I64, _TIME]


class SwapPathReport(NamedTuple):
    """What one path by itself would have given an instant swap; the best of them, best first, at most three."""

    account_stream: Annotated[int, U64, _STREAM]
    sequence: Annotated[int, U64, _SEQUENCE]
    client_order_id: Annotated[int, U64, "ClOrdID [11] of the SWAP"]
    path: Annotated[tuple[int, ...], Rows((U16,)), "instruments in order"]
    amount_in_units: Annotated[int, I64, "it would have spent"]
    amount_out_units: Annotated[int, I64, "it would have delivered"]
    unfilled_units: Annotated[int, I64, _UNFILLED]
    n_fills: Annotated[int, I64, "fills it would have made"]
    time_ns: Annotated[int, I64, _TIME]


class SwapQuote(NamedTuple):
    """What a swap would do now, were it sent; nothing is held for it, and the next command may change it."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    reason: Annotated[int, U16, "RejectReason with which it would be refused, and all else is 0 or empty; 0: none"]
    amount_in_units: Annotated[int, I64, "it would spend, gross"]
    amount_out_units: Annotated[int, I64, "it would deliver, net of fees"]
    unfilled_units: Annotated[int, I64, _UNFILLED]
    n_fills: Annotated[int, I64, "fills it would make"]
    legs: Annotated[
        tuple[tuple[int, int, int, int, int, int, int, int], ...],
        Rows((U16, U8, I64, I64, I64, I64, I64, I64)),
        "each instrument, side, quantity_lots, spent, received, fee and change units, fills; as in SWAP_LEG_REPORT",
    ]
    paths: Annotated[
        tuple[tuple[tuple[int, ...], int, int, int, int], ...],
        Rows((Rows((U16,)), I64, I64, I64, I64)),
        "the best single paths, each [instruments], units in, units out, unfilled units, fills; as in SWAP_PATH_REPORT",
    ]
