"""The message sections of docs/protocol.md, made from the field tables.

``python -m tests.unit.wire.protocol_tables`` rewrites them between the two marks in the document;
``test_protocol_document`` fails when they are not what this would write.
"""

from inspect import getdoc
from pathlib import Path
from typing import Any

from fxengine.codes import RejectReason as R
from fxengine.messages import (
    REPLIES,
    REQUESTS,
    LevelUpdate,
    MessageType,
    Rows,
    Text,
    TradeUpdate,
    Whole,
    fields_of,
)
from fxengine.wire import encode, encode_update
from tests.unit.wire.examples import EXAMPLES
from tests.unit.wire.record_tables import record_section

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"
BEGIN, END = "<!-- messages: made from the field tables -->", "<!-- end of messages -->"

_CLIENT_IDS = {R.CLIENT_ID_MISSING, R.CLIENT_ID_TOO_OLD, R.CLIENT_ID_TOO_HIGH, R.CLIENT_ID_REUSED}
_OPERATORS = {R.NOT_AUTHORIZED, R.UNKNOWN_CURRENCY, R.UNKNOWN_ACCOUNT, R.AMOUNT_OUT_OF_RANGE}

WIRE_REASONS = {
    R.MALFORMED_FRAME,
    R.UNSUPPORTED_VERSION,
    R.UNKNOWN_MESSAGE,
    R.MISSING_FIELD,
    R.WRONG_FIELD_TYPE,
    R.FLOAT_FORBIDDEN,
    R.FIELD_OUT_OF_RANGE,
    R.FRAME_TOO_LARGE,
    R.TOO_MANY_MESSAGES,
    R.SHUTTING_DOWN,
}
"""What any message, or the frame around it, can be refused with."""

SESSION_REASONS = {
    R.RATE_LIMITED,
    R.NOT_IN_SCOPE,
    R.ACCOUNT_FROZEN,
    R.TOKEN_REVOKED,
}
"""What any command or question can be refused with, whatever it is."""

_NOT_ON = {R.NOT_LOGGED_ON}
_CLOSED = {R.VENUE_CANCEL_ONLY, R.CURRENCY_REDEEM_ONLY}
_LIVE = {R.NOT_LOGGED_ON, R.CREDENTIAL_EXPIRED}
_SIZES = _CLOSED | {
    R.CURRENCY_NOT_PERMITTED,
    R.PRICE_OUT_OF_RANGE,
    R.QUANTITY_OUT_OF_RANGE,
    R.NOTIONAL_TOO_LARGE,
    R.INSUFFICIENT_FUNDS,
    R.WOULD_CROSS,
}
_SWAPS = {
    R.UNKNOWN_CURRENCY,
    R.SAME_CURRENCY,
    R.BAD_SWAP_MODE,
    R.BAD_SWAP_FLAGS,
    R.AMOUNT_OUT_OF_RANGE,
    R.CURRENCY_NOT_PERMITTED,
    R.UNKNOWN_ACCOUNT,
    R.PAYEE_NOT_PERMITTED,
    R.NO_PATH,
    R.INSUFFICIENT_LIQUIDITY,
    R.WORST_PRICE_EXCEEDED,
    R.TOO_MANY_FILLS,
    R.BOUND_EXCEEDED,
}

REASONS: dict[MessageType, set[R]] = {
    MessageType.LOGON: {
        R.TOKEN_MALFORMED,
        R.TOKEN_ALGORITHM,
        R.TOKEN_SIGNATURE,
        R.TOKEN_EXPIRED,
        R.TOKEN_NOT_YET_VALID,
        R.TOKEN_CLAIM,
        R.UNKNOWN_ISSUER,
        R.WRONG_AUDIENCE,
        R.LEVEL_NOT_ALLOWED,
        R.JURISDICTION_NOT_ALLOWED,
        R.CREDENTIAL_SUPERSEDED,
        R.ALREADY_LOGGED_ON,
        R.NOT_LOGGED_ON,
    },
    MessageType.LOGOUT: _NOT_ON,
    MessageType.HEARTBEAT: _NOT_ON,
    MessageType.NEW_ORDER: _CLIENT_IDS
    | _LIVE
    | _SIZES
    | {
        R.UNKNOWN_INSTRUMENT,
        R.BAD_SIDE,
        R.UNSUPPORTED_ORD_TYPE,
        R.UNSUPPORTED_TIME_IN_FORCE,
        R.BAD_EXEC_INST,
        R.BAD_STOP_PRICE,
        R.EXPIRE_TIME_PASSED,
        R.BAD_DISPLAY_QTY,
        R.BAD_MIN_QTY,
        R.MIN_QTY_NOT_FILLABLE,
        R.BAD_SELF_TRADE_PREVENTION,
        R.FOK_NOT_FILLABLE,
        R.TOO_MANY_FILLS,
        R.CAPACITY,
    },
    MessageType.CANCEL: (_CLIENT_IDS - {R.CLIENT_ID_MISSING}) | _NOT_ON | {R.UNKNOWN_ORDER, R.ORDER_CLOSED},
    MessageType.AMEND: _CLIENT_IDS
    | _LIVE
    | _SIZES
    | {R.UNKNOWN_ORDER, R.ORDER_CLOSED, R.NOT_AMENDABLE, R.CUM_QTY_MISMATCH},
    MessageType.MASS_CANCEL: _CLIENT_IDS
    | _NOT_ON
    | {R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT, R.UNKNOWN_INSTRUMENT, R.BAD_SIDE},
    MessageType.MASS_QUOTE: _CLIENT_IDS | _LIVE | _SIZES | {R.UNKNOWN_INSTRUMENT, R.BAD_QUOTE_SET, R.CAPACITY},
    MessageType.DEAD_MAN: _NOT_ON,
    MessageType.SWAP: _CLIENT_IDS | _LIVE | _CLOSED | _SWAPS | {R.DEADLINE_PASSED, R.INSUFFICIENT_FUNDS},
    MessageType.BALANCES_REQUEST: _LIVE | {R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT},
    MessageType.VENUE_REQUEST: _LIVE,
    MessageType.BOOK_REQUEST: _LIVE | {R.UNKNOWN_INSTRUMENT},
    MessageType.ACCOUNT_REQUEST: _LIVE | {R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT},
    MessageType.ORDER_STATUS_REQUEST: _LIVE | {R.UNKNOWN_ORDER},
    MessageType.OPEN_ORDERS_REQUEST: _LIVE,
    MessageType.REPLAY_REQUEST: _LIVE,
    MessageType.OPEN_WITHDRAWALS_REQUEST: _LIVE | {R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT},
    MessageType.SWAP_QUOTE_REQUEST: _LIVE,
    MessageType.DEPOSIT: _CLIENT_IDS
    | _OPERATORS
    | _NOT_ON
    | {R.CURRENCY_NOT_PERMITTED, R.CURRENCY_TOTAL_EXCEEDED, R.DEPOSIT_KNOWN, R.CURRENCY_REDEEM_ONLY}
    | {R.NOT_ITS_ISSUER, R.RESERVES_EXCEEDED},
    MessageType.WITHDRAW: _CLIENT_IDS | _OPERATORS | _LIVE | {R.INSUFFICIENT_FUNDS, R.TOO_MANY_WITHDRAWALS},
    MessageType.REVOKE: _CLIENT_IDS | _NOT_ON | {R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT, R.UNKNOWN_COMMAND},
    MessageType.BUST: _CLIENT_IDS
    | _NOT_ON
    | {R.NOT_AUTHORIZED, R.UNKNOWN_INSTRUMENT, R.BAD_SIDE, R.PRICE_OUT_OF_RANGE, R.QUANTITY_OUT_OF_RANGE}
    | {R.NOTIONAL_TOO_LARGE, R.UNKNOWN_ACCOUNT, R.AMOUNT_OUT_OF_RANGE, R.UNKNOWN_TRADE, R.TRADE_BUSTED}
    | {R.INSUFFICIENT_FUNDS},
    MessageType.CONTROL: _CLIENT_IDS | _NOT_ON | {R.NOT_AUTHORIZED, R.UNKNOWN_COMMAND, R.UNKNOWN_CURRENCY},
    MessageType.FEE_PAYOUT: _CLIENT_IDS | _OPERATORS | _NOT_ON | {R.PAYEE_NOT_PERMITTED, R.INSUFFICIENT_FUNDS},
    MessageType.END_WITHDRAWAL: _CLIENT_IDS
    | {R.NOT_ITS_ISSUER}
    | _NOT_ON
    | {R.NOT_AUTHORIZED, R.UNKNOWN_COMMAND, R.UNKNOWN_WITHDRAWAL, R.NOT_FINAL},
}
"""Beyond those, what each request can be refused with: by a REJECT, or by the core's REJECTED report.
``test_gateway_reject_codes`` provokes every one of them over a socket."""


def _range(kind: Whole | Text | Rows) -> str:
    if isinstance(kind, Whole):
        full = kind.low in (0, -(2**63)) and (kind.high + 1 - kind.low).bit_length() % 8 == 1
        return "all" if full else f"{kind.low} to {kind.high}"
    if isinstance(kind, Text):
        return f"up to {kind.bytes_max} bytes"
    inner = [_range(column) for column in kind.columns if isinstance(column, Rows)]
    own = f"up to {kind.rows_max}" if kind.rows_max else ""
    steps = f"{own} values, a multiple of {kind.multiple}" if kind.multiple > 1 else own
    return f"{steps}; each list within {inner[0]}" if inner else steps


def _table(message: type[Any]) -> list[str]:
    fields = fields_of(message)
    if not fields:
        return ["No fields.", ""]
    lines = ["| Field | Type | Range | Meaning |", "|---|---|---|---|"]
    lines += [f"| `{field.name}` | {field.kind.name} | {_range(field.kind)} | {field.meaning} |" for field in fields]
    return [*lines, ""]


def _reasons(reasons: set[R]) -> str:
    return ", ".join(f"{reason.name} {int(reason)}" for reason in sorted(reasons))


def _example(message: object, frame: bytes) -> list[str]:
    fields = ", ".join(f"{name}={value!r}" for name, value in message._asdict().items())  # type: ignore[attr-defined]
    hexed = frame.hex(" ")
    rows = [hexed[at : at + 96].rstrip() for at in range(0, len(hexed), 96)]
    return ["```text", f"{type(message).__name__}({fields})", *rows, "```", ""]


def section(number: MessageType) -> str:
    """One message's section."""
    message = (REQUESTS | REPLIES)[number]
    lines = [f"### {number.name} {int(number)}", "", getdoc(message) or "", "", *_table(message)]
    if number in REQUESTS:
        lines += [f"Refused with: {_reasons(REASONS[number])}.", ""]
    return "\n".join([*lines, *_example(EXAMPLES[message], encode([EXAMPLES[message]]))])


def update_section(message: type[Any]) -> str:
    """One kind of market data's section."""
    lines = [f"### {message.__name__}", "", getdoc(message) or "", "", *_table(message)]
    return "\n".join([*lines, *_example(EXAMPLES[message], encode_update(EXAMPLES[message]))])


def reason_table() -> str:
    """Every reject reason, its code and its advice."""
    lines = ["| Code | Reason | What to do |", "|---|---|---|"]
    lines += [f"| {int(reason)} | {reason.name} | {reason.text} |" for reason in R if reason]
    return "\n".join([*lines, ""])


def generated() -> str:
    """All that stands between the two marks."""
    parts = ["## From the client", *map(section, REQUESTS), "## From the venue", *map(section, REPLIES)]
    parts += ["## Market data", update_section(LevelUpdate), update_section(TradeUpdate)]
    parts += ["## Records", record_section()]
    parts += ["## Reject reasons", f"Any message: {_reasons(WIRE_REASONS)}."]
    parts += [f"Any command or question: {_reasons(SESSION_REASONS)}.", reason_table()]
    return "\n\n".join(part.strip("\n") for part in parts)


def main() -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{generated()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
