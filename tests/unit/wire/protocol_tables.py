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
    AccountNumber,
    AccountRequest,
    Balances,
    BalancesRequest,
    Book,
    BookRequest,
    Cancel,
    Deposit,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    LevelUpdate,
    Logon,
    LogonAck,
    Logout,
    LogoutAck,
    MessageType,
    MoneyReport,
    NewOrder,
    OrderStatus,
    Reject,
    Rows,
    Settlement,
    Swap,
    SwapReport,
    Taken,
    Text,
    TradeUpdate,
    VenueDescription,
    VenueRequest,
    Whole,
    Withdraw,
    fields_of,
)
from fxengine.wire import encode, encode_update

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"
BEGIN, END = "<!-- messages: made from the field tables -->", "<!-- end of messages -->"

_TIME_NS = 1_790_000_000_000_000_000
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
    MessageType.LOGOUT: {R.NOT_LOGGED_ON},
    MessageType.HEARTBEAT: {R.NOT_LOGGED_ON},
    MessageType.NEW_ORDER: _CLIENT_IDS
    | {
        R.NOT_LOGGED_ON,
        R.CREDENTIAL_EXPIRED,
        R.UNKNOWN_INSTRUMENT,
        R.CURRENCY_NOT_PERMITTED,
        R.BAD_SIDE,
        R.UNSUPPORTED_ORD_TYPE,
        R.UNSUPPORTED_TIME_IN_FORCE,
        R.BAD_EXEC_INST,
        R.BAD_STOP_PRICE,
        R.EXPIRE_TIME_PASSED,
        R.PRICE_OUT_OF_RANGE,
        R.QUANTITY_OUT_OF_RANGE,
        R.NOTIONAL_TOO_LARGE,
        R.INSUFFICIENT_FUNDS,
        R.WOULD_CROSS,
        R.FOK_NOT_FILLABLE,
        R.TOO_MANY_FILLS,
        R.CAPACITY,
    },
    MessageType.CANCEL: (_CLIENT_IDS - {R.CLIENT_ID_MISSING}) | {R.NOT_LOGGED_ON, R.UNKNOWN_ORDER, R.ORDER_CLOSED},
    MessageType.SWAP: _CLIENT_IDS
    | {
        R.NOT_LOGGED_ON,
        R.CREDENTIAL_EXPIRED,
        R.UNKNOWN_CURRENCY,
        R.SAME_CURRENCY,
        R.BAD_SWAP_MODE,
        R.AMOUNT_OUT_OF_RANGE,
        R.DEADLINE_PASSED,
        R.CURRENCY_NOT_PERMITTED,
        R.UNKNOWN_ACCOUNT,
        R.PAYEE_NOT_PERMITTED,
        R.INSUFFICIENT_FUNDS,
        R.NO_PATH,
        R.INSUFFICIENT_LIQUIDITY,
        R.BOUND_EXCEEDED,
    },
    MessageType.BALANCES_REQUEST: {R.NOT_LOGGED_ON, R.CREDENTIAL_EXPIRED},
    MessageType.VENUE_REQUEST: {R.NOT_LOGGED_ON, R.CREDENTIAL_EXPIRED},
    MessageType.BOOK_REQUEST: {R.NOT_LOGGED_ON, R.CREDENTIAL_EXPIRED, R.UNKNOWN_INSTRUMENT},
    MessageType.ACCOUNT_REQUEST: {R.NOT_LOGGED_ON, R.CREDENTIAL_EXPIRED, R.NOT_AUTHORIZED, R.UNKNOWN_ACCOUNT},
    MessageType.DEPOSIT: _CLIENT_IDS
    | _OPERATORS
    | {R.NOT_LOGGED_ON, R.CURRENCY_NOT_PERMITTED, R.CURRENCY_TOTAL_EXCEEDED},
    MessageType.WITHDRAW: _CLIENT_IDS | _OPERATORS | {R.NOT_LOGGED_ON, R.INSUFFICIENT_FUNDS},
}
"""Beyond those, what each request can be refused with: by a REJECT, or by the core's REJECTED report.
``test_gateway_reject_codes`` provokes every one of them over a socket."""

EXAMPLES: dict[type[Any], Any] = {
    Logon: Logon("eyJhbGciOiJFZERTQSJ9.e30.c2ln"),
    Logout: Logout(),
    Heartbeat: Heartbeat(7),
    NewOrder: NewOrder(12, 0, 1, 2, 1, 0, 11_172, 1_000),
    Cancel: Cancel(13, 0, 12),
    Swap: Swap(14, 2, 3, 2, 250_000_000_000, 5_100_000_000_000, 0, 0),
    BalancesRequest: BalancesRequest(1),
    VenueRequest: VenueRequest(2),
    BookRequest: BookRequest(3, 0, 10),
    AccountRequest: AccountRequest(4, "https://kyc.example", "payer-1"),
    Deposit: Deposit(1, 2, 0, 1_000_000_000),
    Withdraw: Withdraw(2, 2, 0, 1_000_000_000),
    LogonAck: LogonAck(2, 11, 1_024, _TIME_NS, "fx-example", 31),
    LogoutAck: LogoutAck(),
    HeartbeatAck: HeartbeatAck(7),
    Reject: Reject(int(R.NOT_LOGGED_ON), R.NOT_LOGGED_ON.text, int(MessageType.NEW_ORDER), 12),
    Taken: Taken(14, 92),
    ExecutionReport: ExecutionReport(
        32, 90, 3, 1, 0, 2**32 + 5, 12, 0, 1, 11_172, 400, 600, 400, 40_000, 2, 17, 0, _TIME_NS
    ),
    OrderStatus: OrderStatus(33, 91, 3, 1, 0, 2**32 + 5, 12, 0, 446_880_000, 1_000, 600, 400, 33, _TIME_NS),
    SwapReport: SwapReport(36, 92, 14, 2, 3, 2, 2, 4_999_000_000_000, 250_000_000_000, (1, 2), (0, 120), _TIME_NS),
    MoneyReport: MoneyReport(37, 93, 9, 0, 0, 1_000_000_000, 1, _TIME_NS),
    Balances: Balances(1, ((0, 5_000_000, 0), (1, 70_000_000, 11_172_000))),
    VenueDescription: VenueDescription(
        2,
        "fx-example",
        "Example venue",
        (("EUR", "Euro token", 6), ("USD", "Dollar token", 6)),
        (("EUR/USD", 0, 1, "0.0001", "1", 0, 100, 1_000_000, 100),),
    ),
    Book: Book(3, 0, 17, ((11_171, 600),), ((11_173, 500), (11_174, 900))),
    AccountNumber: AccountNumber(4, 2),
    Settlement: Settlement(5, 3, "fsync", 80, 93, _TIME_NS),
    LevelUpdate: LevelUpdate(0, 18, 1, 11_171, 250, _TIME_NS),
    TradeUpdate: TradeUpdate(0, 17, 1, 11_172, 400, _TIME_NS),
}


def _range(kind: Whole | Text | Rows) -> str:
    if isinstance(kind, Whole):
        full = kind.low in (0, -(2**63)) and (kind.high + 1 - kind.low).bit_length() % 8 == 1
        return "all" if full else f"{kind.low} to {kind.high}"
    return f"up to {kind.bytes_max} bytes" if isinstance(kind, Text) else ""


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
    parts += ["## Reject reasons", f"Any message: {_reasons(WIRE_REASONS)}.", reason_table()]
    return "\n\n".join(part.strip("\n") for part in parts)


def main() -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{generated()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
