"""What clients and the venue say to each other: every message, each with its field table.

A message is a NamedTuple whose annotations are its table: the Python type, the type and range on
the wire, and what the field means. From these tables come the validation in ``fxengine.wire`` and
the document ``docs/protocol.md``; nothing else says it again::

    on the wire    [10, 7, 0, 1, 2, 1, 0, 111720, 1000]
    in Python      NewOrder(client_order_id=7, instrument=0, side=1, ord_type=2, ...)
"""

from enum import IntEnum
from typing import Any, Final

from fxengine.messages.fields import BOOK_DEPTH_MAX, Field, Rows, Text, Whole, fields_of
from fxengine.messages.replies import (
    AccountNumber,
    Balances,
    Book,
    ExecutionReport,
    HeartbeatAck,
    LevelUpdate,
    LogonAck,
    LogoutAck,
    MoneyReport,
    OrderStatus,
    Reject,
    Settlement,
    SwapReport,
    Taken,
    TradeUpdate,
    VenueDescription,
)
from fxengine.messages.requests import (
    AccountRequest,
    BalancesRequest,
    BookRequest,
    Cancel,
    Deposit,
    Heartbeat,
    Logon,
    Logout,
    NewOrder,
    Swap,
    VenueRequest,
    Withdraw,
)

PROTOCOL_VERSION: Final = 1
"""First element of every frame."""


class MessageType(IntEnum):
    """The first element of each message: below 100 from the client, from 100 on from the venue."""

    LOGON = 1
    LOGOUT = 2
    HEARTBEAT = 3
    NEW_ORDER = 10
    CANCEL = 11
    SWAP = 12
    BALANCES_REQUEST = 20
    VENUE_REQUEST = 21
    BOOK_REQUEST = 22
    ACCOUNT_REQUEST = 23
    DEPOSIT = 30
    WITHDRAW = 31

    LOGON_ACK = 101
    LOGOUT_ACK = 102
    HEARTBEAT_ACK = 103
    REJECT = 104
    TAKEN = 105
    EXECUTION_REPORT = 110
    ORDER_STATUS = 111
    SWAP_REPORT = 112
    MONEY_REPORT = 113
    BALANCES = 120
    VENUE = 121
    BOOK = 122
    ACCOUNT = 123
    SETTLEMENT = 130


Request = (
    Logon
    | Logout
    | Heartbeat
    | NewOrder
    | Cancel
    | Swap
    | BalancesRequest
    | VenueRequest
    | BookRequest
    | AccountRequest
    | Deposit
    | Withdraw
)
Reply = (
    LogonAck
    | LogoutAck
    | HeartbeatAck
    | Reject
    | Taken
    | ExecutionReport
    | OrderStatus
    | SwapReport
    | MoneyReport
    | Balances
    | VenueDescription
    | Book
    | AccountNumber
    | Settlement
)

REQUESTS: Final[dict[MessageType, type[Any]]] = {
    MessageType.LOGON: Logon,
    MessageType.LOGOUT: Logout,
    MessageType.HEARTBEAT: Heartbeat,
    MessageType.NEW_ORDER: NewOrder,
    MessageType.CANCEL: Cancel,
    MessageType.SWAP: Swap,
    MessageType.BALANCES_REQUEST: BalancesRequest,
    MessageType.VENUE_REQUEST: VenueRequest,
    MessageType.BOOK_REQUEST: BookRequest,
    MessageType.ACCOUNT_REQUEST: AccountRequest,
    MessageType.DEPOSIT: Deposit,
    MessageType.WITHDRAW: Withdraw,
}
"""What a client may send."""

PAYMENTS: Final = (Swap, Deposit, Withdraw)
"""Commands of which the session that sent one is told the number it was taken under, with TAKEN."""

REPLIES: Final[dict[MessageType, type[Any]]] = {
    MessageType.LOGON_ACK: LogonAck,
    MessageType.LOGOUT_ACK: LogoutAck,
    MessageType.HEARTBEAT_ACK: HeartbeatAck,
    MessageType.REJECT: Reject,
    MessageType.TAKEN: Taken,
    MessageType.EXECUTION_REPORT: ExecutionReport,
    MessageType.ORDER_STATUS: OrderStatus,
    MessageType.SWAP_REPORT: SwapReport,
    MessageType.MONEY_REPORT: MoneyReport,
    MessageType.BALANCES: Balances,
    MessageType.VENUE: VenueDescription,
    MessageType.BOOK: Book,
    MessageType.ACCOUNT: AccountNumber,
    MessageType.SETTLEMENT: Settlement,
}
"""What the venue may send."""

TYPE_OF: Final[dict[type[Any], MessageType]] = {cls: number for number, cls in (REQUESTS | REPLIES).items()}
"""A message class's number on the wire."""

__all__ = [
    "BOOK_DEPTH_MAX",
    "PAYMENTS",
    "PROTOCOL_VERSION",
    "REPLIES",
    "REQUESTS",
    "TYPE_OF",
    "AccountNumber",
    "AccountRequest",
    "Balances",
    "BalancesRequest",
    "Book",
    "BookRequest",
    "Cancel",
    "Deposit",
    "ExecutionReport",
    "Field",
    "Heartbeat",
    "HeartbeatAck",
    "LevelUpdate",
    "Logon",
    "LogonAck",
    "Logout",
    "LogoutAck",
    "MessageType",
    "MoneyReport",
    "NewOrder",
    "OrderStatus",
    "Reject",
    "Reply",
    "Request",
    "Rows",
    "Settlement",
    "Swap",
    "SwapReport",
    "Taken",
    "Text",
    "TradeUpdate",
    "VenueDescription",
    "VenueRequest",
    "Whole",
    "Withdraw",
    "fields_of",
]
