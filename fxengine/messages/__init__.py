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
    OpenOrders,
    OpenWithdrawals,
    OrderState,
    OrderStatus,
    Reject,
    Replayed,
    Settlement,
    Taken,
    TradeUpdate,
    VenueDescription,
)
from fxengine.messages.requests import (
    AccountRequest,
    Amend,
    BalancesRequest,
    BookRequest,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    Heartbeat,
    Logon,
    Logout,
    MassCancel,
    MassQuote,
    NewOrder,
    OpenOrdersRequest,
    OpenWithdrawalsRequest,
    OrderStatusRequest,
    ReplayRequest,
    Revoke,
    Swap,
    SwapQuoteRequest,
    VenueRequest,
    Withdraw,
)
from fxengine.messages.swap_replies import SwapLegReport, SwapPathReport, SwapQuote, SwapReport

PROTOCOL_VERSION: Final = 1
"""First element of every frame."""


class SessionMode(IntEnum):
    """What a session is for."""

    ORDER_ENTRY = 1
    DROP_COPY = 2


class ReportFormat(IntEnum):
    """How a session hears its reports."""

    MESSAGES = 1
    RECORDS = 2


class MessageType(IntEnum):
    """The first element of each message: below 100 from the client, from 100 on from the venue."""

    LOGON = 1
    LOGOUT = 2
    HEARTBEAT = 3
    NEW_ORDER = 10
    CANCEL = 11
    SWAP = 12
    AMEND = 13
    MASS_CANCEL = 14
    MASS_QUOTE = 15
    DEAD_MAN = 16
    BALANCES_REQUEST = 20
    VENUE_REQUEST = 21
    BOOK_REQUEST = 22
    ACCOUNT_REQUEST = 23
    ORDER_STATUS_REQUEST = 24
    OPEN_ORDERS_REQUEST = 25
    REPLAY_REQUEST = 26
    OPEN_WITHDRAWALS_REQUEST = 27
    SWAP_QUOTE_REQUEST = 28
    DEPOSIT = 30
    WITHDRAW = 31
    REVOKE = 32
    END_WITHDRAWAL = 33
    CONTROL = 34
    BUST = 35
    FEE_PAYOUT = 36

    LOGON_ACK = 101
    LOGOUT_ACK = 102
    HEARTBEAT_ACK = 103
    REJECT = 104
    TAKEN = 105
    EXECUTION_REPORT = 110
    ORDER_STATUS = 111
    SWAP_REPORT = 112
    MONEY_REPORT = 113
    SWAP_LEG_REPORT = 114
    SWAP_PATH_REPORT = 115
    BALANCES = 120
    VENUE = 121
    BOOK = 122
    ACCOUNT = 123
    ORDER_STATE = 124
    OPEN_ORDERS = 125
    REPLAYED = 126
    OPEN_WITHDRAWALS = 127
    SWAP_QUOTE = 128
    SETTLEMENT = 130


Request = (
    Logon
    | Logout
    | Heartbeat
    | NewOrder
    | Cancel
    | Swap
    | Amend
    | MassCancel
    | MassQuote
    | DeadMan
    | BalancesRequest
    | VenueRequest
    | BookRequest
    | AccountRequest
    | OrderStatusRequest
    | OpenOrdersRequest
    | ReplayRequest
    | OpenWithdrawalsRequest
    | SwapQuoteRequest
    | Deposit
    | Withdraw
    | Revoke
    | EndWithdrawal
    | Control
    | Bust
    | FeePayout
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
    | SwapLegReport
    | SwapPathReport
    | Balances
    | VenueDescription
    | Book
    | AccountNumber
    | OrderState
    | OpenOrders
    | Replayed
    | OpenWithdrawals
    | SwapQuote
    | Settlement
)

REQUESTS: Final[dict[MessageType, type[Any]]] = {
    MessageType.LOGON: Logon,
    MessageType.LOGOUT: Logout,
    MessageType.HEARTBEAT: Heartbeat,
    MessageType.NEW_ORDER: NewOrder,
    MessageType.CANCEL: Cancel,
    MessageType.SWAP: Swap,
    MessageType.AMEND: Amend,
    MessageType.MASS_CANCEL: MassCancel,
    MessageType.MASS_QUOTE: MassQuote,
    MessageType.DEAD_MAN: DeadMan,
    MessageType.BALANCES_REQUEST: BalancesRequest,
    MessageType.VENUE_REQUEST: VenueRequest,
    MessageType.BOOK_REQUEST: BookRequest,
    MessageType.ACCOUNT_REQUEST: AccountRequest,
    MessageType.ORDER_STATUS_REQUEST: OrderStatusRequest,
    MessageType.OPEN_ORDERS_REQUEST: OpenOrdersRequest,
    MessageType.REPLAY_REQUEST: ReplayRequest,
    MessageType.OPEN_WITHDRAWALS_REQUEST: OpenWithdrawalsRequest,
    MessageType.SWAP_QUOTE_REQUEST: SwapQuoteRequest,
    MessageType.DEPOSIT: Deposit,
    MessageType.WITHDRAW: Withdraw,
    MessageType.REVOKE: Revoke,
    MessageType.END_WITHDRAWAL: EndWithdrawal,
    MessageType.CONTROL: Control,
    MessageType.BUST: Bust,
    MessageType.FEE_PAYOUT: FeePayout,
}
"""What a client may send."""

PAYMENTS: Final = (Swap, Deposit, Withdraw, Revoke, EndWithdrawal, Control, Bust, FeePayout)
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
    MessageType.SWAP_LEG_REPORT: SwapLegReport,
    MessageType.SWAP_PATH_REPORT: SwapPathReport,
    MessageType.BALANCES: Balances,
    MessageType.VENUE: VenueDescription,
    MessageType.BOOK: Book,
    MessageType.ACCOUNT: AccountNumber,
    MessageType.ORDER_STATE: OrderState,
    MessageType.OPEN_ORDERS: OpenOrders,
    MessageType.REPLAYED: Replayed,
    MessageType.OPEN_WITHDRAWALS: OpenWithdrawals,
    MessageType.SWAP_QUOTE: SwapQuote,
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
    "Amend",
    "Balances",
    "BalancesRequest",
    "Book",
    "BookRequest",
    "Bust",
    "Cancel",
    "Control",
    "DeadMan",
    "Deposit",
    "EndWithdrawal",
    "ExecutionReport",
    "FeePayout",
    "Field",
    "Heartbeat",
    "HeartbeatAck",
    "LevelUpdate",
    "Logon",
    "LogonAck",
    "Logout",
    "LogoutAck",
    "MassCancel",
    "MassQuote",
    "MessageType",
    "MoneyReport",
    "NewOrder",
    "OpenOrders",
    "OpenOrdersRequest",
    "OpenWithdrawals",
    "OpenWithdrawalsRequest",
    "OrderState",
    "OrderStatus",
    "OrderStatusRequest",
    "Reject",
    "ReplayRequest",
    "Replayed",
    "Reply",
    "ReportFormat",
    "Request",
    "Revoke",
    "Rows",
    "SessionMode",
    "Settlement",
    "Swap",
    "SwapLegReport",
    "SwapPathReport",
    "SwapQuote",
    "SwapQuoteRequest",
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
