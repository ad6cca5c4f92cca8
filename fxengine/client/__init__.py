"""The client SDK: blocking and asyncio over one protocol without sockets in it.

::

    with Client.connect("tcp://127.0.0.1:5555", token) as client:
        order = client.new_order("EUR/USD", "BUY", price="1.1172", quantity="1000")
        receipt = client.swap("JPY", "HKD", exact_out="250000.00", max_in="5100000")
        client.wait_final(receipt.sequence)
"""

from fxengine.client.asynchronous import AsyncClient
from fxengine.client.blocking import Client
from fxengine.client.call import Call
from fxengine.client.executions import Execution
from fxengine.client.listing import Listing
from fxengine.client.notices import BustNotice, ControlNotice, GuardNotice, RevocationNotice
from fxengine.client.options import SessionOptions
from fxengine.client.protocol import Protocol
from fxengine.client.replica import BookReplica
from fxengine.client.reports import (
    Balance,
    CommandDone,
    MoneyMovement,
    Order,
    Outcome,
    QuoteResult,
    Refusal,
    Report,
    SettlementNotice,
    Withdrawal,
)
from fxengine.client.requests import Terms
from fxengine.client.swaps import SwapLeg, SwapPath, SwapQuote, SwapReceipt, SwapResult

__all__ = [
    "AsyncClient",
    "Balance",
    "BookReplica",
    "BustNotice",
    "Call",
    "Client",
    "CommandDone",
    "ControlNotice",
    "Execution",
    "GuardNotice",
    "Listing",
    "MoneyMovement",
    "Order",
    "Outcome",
    "Protocol",
    "QuoteResult",
    "Refusal",
    "Report",
    "RevocationNotice",
    "SessionOptions",
    "SettlementNotice",
    "SwapLeg",
    "SwapPath",
    "SwapQuote",
    "SwapReceipt",
    "SwapResult",
    "Terms",
    "Withdrawal",
]
