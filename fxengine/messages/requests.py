"""What a client says: each message with its field table.

Ranges here are those of the records' storage. What a value may be beyond that (a side of 9, a
price of 0) is the core's to refuse, so that the refusal is journaled with the client's id and a
retry gets the same answer.
"""

from typing import Annotated, NamedTuple

from fxengine.messages.fields import DEPTH, I64, NAME, TOKEN, U8, U16, U32, U64

_CLIENT_ID = "ClOrdID [11]: from 1, increasing; the same id and body again is answered, never done twice"
_REQUEST_ID = "the client's number for this request; its answer repeats it"
_INDEX = "index in VENUE's instruments"
_CURRENCY = "index in VENUE's currencies"


class Logon(NamedTuple):
    """Open the session as the account that a KYC token names, or renew it with a fresh token.

    What follows a LOGON waits in the session until the LOGON is answered.
    """

    token: Annotated[str, TOKEN, "JWT, signed with EdDSA by an issuer that the venue lists"]


class Logout(NamedTuple):
    """Close the session. Resting orders stay. What was sent before is answered first."""


class Heartbeat(NamedTuple):
    """Ask whether the venue is there; allowed before LOGON."""

    number: Annotated[int, U64, "repeated in the answer"]


class NewOrder(NamedTuple):
    """Enter an order. Answered by EXECUTION_REPORTs, or ORDER_STATUS for a repeated id."""

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    instrument: Annotated[int, U16, _INDEX]
    side: Annotated[int, U8, "Side [54]: 1 BUY, 2 SELL"]
    ord_type: Annotated[int, U8, "OrdType [40]: 2 LIMIT"]
    time_in_force: Annotated[int, U8, "TimeInForce [59]: 1 GTC, 3 IOC, 4 FOK"]
    exec_inst: Annotated[int, U8, "0, or 1 POST_ONLY: refused if it would trade at once"]
    price_ticks: Annotated[int, I64, "limit, in ticks of the instrument"]
    quantity_lots: Annotated[int, I64, "OrderQty [38], in lots of the instrument"]


class Cancel(NamedTuple):
    """Cancel one open order. Answered by an EXECUTION_REPORT: CANCELED, or REJECTED."""

    client_order_id: Annotated[int, U64, "the cancel's own ClOrdID [11]; 0: none, and then a retry is a new request"]
    order_id: Annotated[int, U64, "OrderID [37]; 0: by orig_client_order_id"]
    orig_client_order_id: Annotated[int, U64, "OrigClOrdID [41]; 0 where order_id is given"]


class Swap(NamedTuple):
    """Pay one currency and receive another at once, all or nothing, over up to three books.

    Answered by an EXECUTION_REPORT per fill and a SWAP_REPORT, or by one REJECTED.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    currency_in: Annotated[int, U16, "currency paid: " + _CURRENCY]
    currency_out: Annotated[int, U16, "currency received: " + _CURRENCY]
    mode: Annotated[int, U8, "1 EXACT_IN: amount is paid; 2 EXACT_OUT: amount is received"]
    amount_units: Annotated[int, I64, "the exact amount, in that currency's smallest units"]
    bound_units: Annotated[int, I64, "EXACT_IN: least to receive; EXACT_OUT: most to pay; at least 1"]
    deadline_ns: Annotated[int, I64, "done strictly before this time, ns since 1970 UTC; 0: none"]
    payee: Annotated[int, U32, "account that receives; 0: the payer"]


class BalancesRequest(NamedTuple):
    """Ask for the account's balances. Answered by BALANCES."""

    request_id: Annotated[int, U64, _REQUEST_ID]


class VenueRequest(NamedTuple):
    """Ask for the venue's currencies and instruments. Answered by VENUE."""

    request_id: Annotated[int, U64, _REQUEST_ID]


class BookRequest(NamedTuple):
    """Ask for an instrument's book. Answered by BOOK."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    instrument: Annotated[int, U16, _INDEX]
    depth: Annotated[int, DEPTH, "levels a side, best first"]


class AccountRequest(NamedTuple):
    """Ask for an account's number by its identity (operators only). Answered by ACCOUNT."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    issuer: Annotated[str, NAME, "iss of the account's tokens"]
    subject: Annotated[str, NAME, "sub of the account's tokens"]


class Deposit(NamedTuple):
    """Credit an account against custody (operators only). Answered by a MONEY_REPORT: DONE."""

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    account: Annotated[int, U32, "account to credit"]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]


class Withdraw(NamedTuple):
    """Debit an account to custody (operators only). Answered by a MONEY_REPORT: DONE."""

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    account: Annotated[int, U32, "account to debit"]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]
