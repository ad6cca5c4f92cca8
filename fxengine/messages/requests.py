"""What a client says: each message with its field table.

Ranges here are those of the records' storage. What a value may be beyond that (a side of 9, a
price of 0) is the core's to refuse, so that the refusal is journaled with the client's id and a
retry gets the same answer.
"""

from typing import Annotated, NamedTuple

from fxengine.messages.fields import (
    DEAD_MAN_MS,
    DEPTH,
    HEARTBEAT_MS,
    I64,
    NAME,
    QUOTE_SETS_MAX,
    QUOTE_VALUES_MAX,
    REPORT_FORMAT,
    SESSION_MODE,
    TOKEN,
    U8,
    U16,
    U32,
    U64,
    YES_NO,
    Rows,
)

_CLIENT_ID = "ClOrdID [11]: from 1, increasing; the same id and body again is answered, never done twice"
_REQUEST_ID = "the client's number for this request; its answer repeats it"
_INDEX = "index in VENUE's instruments"
_CURRENCY = "index in VENUE's currencies"
_SWAP_FLAGS = "SwapFlag bits: 1 ALLOW_PARTIAL, as much of the amount as can be had if not all of it"
_WORST = (
    "worst price: no fill at a rate, after fees and over its whole path, at which all of the amount would bring less"
    " (EXACT_IN) or cost more (EXACT_OUT) than this; 0: any"
)
_LADDER = Rows((I64,), QUOTE_VALUES_MAX, 2)


class Logon(NamedTuple):
    """Open the session as the account that a KYC token names, or renew it with a fresh token.

    What follows a LOGON waits in the session until the LOGON is answered.
    """

    token: Annotated[str, TOKEN, "JWT, signed with EdDSA by an issuer that the venue lists"]
    mode: Annotated[
        int, SESSION_MODE, "SessionMode: 1 ORDER_ENTRY, 2 DROP_COPY (hears every report, commands nothing)"
    ] = 1
    report_format: Annotated[
        int, REPORT_FORMAT, "ReportFormat: 1 MESSAGES, 2 RECORDS (reports as frames of EVENT records)"
    ] = 1
    cancel_on_disconnect: Annotated[
        int, YES_NO, "1: cancel the account's open orders when this session is lost; 0: no"
    ] = 0
    heartbeat_ms: Annotated[int, HEARTBEAT_MS, "closed when nothing is heard for twice this time; 0: never"] = 0
    next_stream: Annotated[int, U64, "account_stream from which reports are sent again first; 0: none"] = 0


class Logout(NamedTuple):
    """Close the session. What was sent before is answered first; resting orders stay, whatever the LOGON said."""


class Heartbeat(NamedTuple):
    """Ask whether the venue is there; allowed before LOGON."""

    number: Annotated[int, U64, "repeated in the answer"]


class NewOrder(NamedTuple):
    """Enter an order. Answered by EXECUTION_REPORTs, or ORDER_STATUS for a repeated id."""

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    instrument: Annotated[int, U16, _INDEX]
    side: Annotated[int, U8, "Side [54]: 1 BUY, 2 SELL"]
    ord_type: Annotated[int, U8, "OrdType [40]: 1 MARKET, 2 LIMIT, 3 STOP, 4 STOP_LIMIT"]
    time_in_force: Annotated[int, U8, "TimeInForce [59]: 1 GTC, 3 IOC, 4 FOK, 6 GTD"]
    exec_inst: Annotated[int, U8, "0, or 1 POST_ONLY: refused if it would trade at once"]
    self_trade_prevention: Annotated[int, U8, "0 NONE, 1 EXPIRE_TAKER, 2 EXPIRE_MAKER, 3 EXPIRE_BOTH, 4 DECREMENT"]
    price_ticks: Annotated[int, I64, "limit, in ticks of the instrument; of MARKET and STOP the protection price"]
    quantity_lots: Annotated[int, I64, "OrderQty [38], in lots of the instrument"]
    expire_ns: Annotated[int, I64, "ExpireTime [126] of a GTD, valid strictly before; else 0"] = 0
    display_lots: Annotated[int, I64, "DisplayQty [1138] of an iceberg; 0: all"] = 0
    stop_price_ticks: Annotated[int, I64, "StopPx [99] of a STOP or STOP_LIMIT; else 0"] = 0
    min_lots: Annotated[int, I64, "MinQty [110], with IOC; 0: any"] = 0


class Cancel(NamedTuple):
    """Cancel one open order. Answered by an EXECUTION_REPORT: CANCELED, or REJECTED."""

    client_order_id: Annotated[int, U64, "the cancel's own ClOrdID [11]; 0: none, and then a retry is a new request"]
    order_id: Annotated[int, U64, "OrderID [37]; 0: by orig_client_order_id"]
    orig_client_order_id: Annotated[int, U64, "OrigClOrdID [41]; 0 where order_id is given"]


class Amend(NamedTuple):
    """Change an open order's price or quantity (35=G). Answered by an EXECUTION_REPORT: REPLACED, or REJECTED.

    The same price and a smaller quantity keep the order's place in the queue; anything else does not.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    order_id: Annotated[int, U64, "OrderID [37]; 0: by orig_client_order_id"]
    orig_client_order_id: Annotated[int, U64, "OrigClOrdID [41]; 0 where order_id is given"]
    price_ticks: Annotated[int, I64, "the new limit"]
    quantity_lots: Annotated[int, I64, "the new OrderQty [38]: the total, what has traded included"]
    expected_cum_lots: Annotated[int, I64, "refused unless CumQty [14] is this; -1: whatever it is"]


class MassCancel(NamedTuple):
    """Cancel all open orders and quotes of the account, or of an instrument or side (35=q).

    Answered by an EXECUTION_REPORT CANCELED for each, and a MONEY_REPORT DONE.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    instrument: Annotated[int, U16, "index in VENUE's instruments; 65535: all"]
    side: Annotated[int, U8, "Side [54]: 1 BUY, 2 SELL; 0: both"]
    target: Annotated[int, U32, "whose; 0: the account's own; another's only from an operator"]


class MassQuote(NamedTuple):
    """Replace the account's quotes in one or many instruments, set by set (35=i).

    Prices in ticks and quantities in lots alternate, best first: [price, leaves, price, leaves ...]. A set applies
    whole, or is refused and the old one stays. Answered by reports of what changed, and per set QUOTED or REJECTED.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    sets: Annotated[
        tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...],
        Rows((U16, _LADDER, _LADDER), QUOTE_SETS_MAX),
        "at most 15, each [instrument, bids, offers]; a side at most 32 levels, each a price and a quantity",
    ]


class DeadMan(NamedTuple):
    """Set the account's dead-man timer: when it runs out, all its open orders are cancelled.

    Send it again and again, well before it runs out. Answered by an EXECUTION_REPORT: GUARDED.
    """

    timeout_ms: Annotated[int, DEAD_MAN_MS, "from when it is sequenced; 0: stop the timer"]


class Swap(NamedTuple):
    """Pay one currency and receive another at once, over all the books that lead there. All or nothing, or a part.

    Answered by an EXECUTION_REPORT per fill, a SWAP_LEG_REPORT per book, at most three SWAP_PATH_REPORTs and a
    SWAP_REPORT, or by one REJECTED. How it is routed stands in docs/routing.md.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    currency_in: Annotated[int, U16, "currency paid: " + _CURRENCY]
    currency_out: Annotated[int, U16, "currency received: " + _CURRENCY]
    mode: Annotated[int, U8, "1 EXACT_IN: amount is paid; 2 EXACT_OUT: amount is received"]
    amount_units: Annotated[int, I64, "the exact amount, in that currency's smallest units"]
    bound_units: Annotated[int, I64, "EXACT_IN: least to receive; EXACT_OUT: most to pay; at least 1"]
    deadline_ns: Annotated[int, I64, "done strictly before this time, ns since 1970 UTC; 0: none"]
    payee: Annotated[int, U32, "account that receives; 0: the payer"]
    flags: Annotated[int, U8, _SWAP_FLAGS] = 0
    worst_units: Annotated[int, I64, _WORST] = 0


class BalancesRequest(NamedTuple):
    """Ask for an account's balances. Answered by BALANCES."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    account: Annotated[
        int, U32, "whose; 0: the account's own; another's for an operator, or an issuer, who sees its currencies"
    ] = 0


class VenueRequest(NamedTuple):
    """Ask for the venue's currencies and instruments. Answered by VENUE."""

    request_id: Annotated[int, U64, _REQUEST_ID]


class BookRequest(NamedTuple):
    """Ask for an instrument's book. Answered by BOOK."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    instrument: Annotated[int, U16, _INDEX]
    depth: Annotated[int, DEPTH, "levels a side, best first"]


class AccountRequest(NamedTuple):
    """Ask for an account's number by its identity (operators and issuers only). Answered by ACCOUNT."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    issuer: Annotated[str, NAME, "iss of the account's tokens"]
    subject: Annotated[str, NAME, "sub of the account's tokens"]


class OrderStatusRequest(NamedTuple):
    """Ask what became of one command or order (35=H). Answered by ORDER_STATE."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    client_order_id: Annotated[int, U64, "ClOrdID [11]; 0 where order_id is given"]
    order_id: Annotated[int, U64, "OrderID [37] of an open order; 0: by client_order_id"]


class OpenOrdersRequest(NamedTuple):
    """Ask for the account's open orders and quotes (35=AF). Answered by OPEN_ORDERS."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    after_order_id: Annotated[int, U64, "last OrderID [37] of the page before; 0: the first page"]


class OpenWithdrawalsRequest(NamedTuple):
    """Ask for the withdrawals that wait to be paid. Answered by OPEN_WITHDRAWALS."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    account: Annotated[
        int, U32, "whose; 0: the account's own, of an operator everybody's, of an issuer all in its currencies"
    ]
    after_withdrawal: Annotated[int, U64, "last number of the page before; 0: the first page"]


class SwapQuoteRequest(NamedTuple):
    """Ask what a swap would do now. Answered by SWAP_QUOTE: an indication, nothing is held or done."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    currency_in: Annotated[int, U16, "currency paid: " + _CURRENCY]
    currency_out: Annotated[int, U16, "currency received: " + _CURRENCY]
    mode: Annotated[int, U8, "1 EXACT_IN: amount is paid; 2 EXACT_OUT: amount is received"]
    amount_units: Annotated[int, I64, "the exact amount, in that currency's smallest units"]
    bound_units: Annotated[int, I64, "as in SWAP; at least 1"]
    payee: Annotated[int, U32, "account that would receive; 0: the one that asks"]
    flags: Annotated[int, U8, _SWAP_FLAGS]
    worst_units: Annotated[int, I64, _WORST]


class ReplayRequest(NamedTuple):
    """Ask for reports of the account's private stream again. Answered by the reports and REPLAYED."""

    request_id: Annotated[int, U64, _REQUEST_ID]
    first_stream: Annotated[int, U64, "first account_stream"]
    last_stream: Annotated[int, U64, "last account_stream; 0: all so far"]


class Revoke(NamedTuple):
    """Freeze an account, release it, or revoke a KYC token (operators only). Answered by a MONEY_REPORT: DONE.

    What it hits loses its open orders at once; what was matched settles.
    """

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    action: Annotated[int, U8, "RevokeAction: 1 FREEZE, 2 UNFREEZE, 3 TOKEN"]
    account: Annotated[int, U32, "FREEZE and UNFREEZE: whose; TOKEN: 0"]
    token_id: Annotated[str, NAME, "TOKEN: the jti; else empty"]


class Deposit(NamedTuple):
    """Credit an account against custody (operators, and the currency's issuer). Answered by a MONEY_REPORT: DONE."""

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    account: Annotated[int, U32, "account to credit"]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]
    external_reference: Annotated[
        str, NAME, "the bank's or chain's name for it; the same name is credited once; empty: none"
    ] = ""


class Withdraw(NamedTuple):
    """Ask for money to be paid out: it is held until it has been paid, or is given back.

    Answered by a MONEY_REPORT: WITHDRAWAL_HELD to the account, and DONE to who asks for another's.
    """

    client_order_id: Annotated[int, U64, _CLIENT_ID]
    account: Annotated[
        int, U32, "whose money; 0: the account's own; another's from an operator, or the currency's issuer"
    ]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]


class EndWithdrawal(NamedTuple):
    """Say that an open withdrawal was paid, or give its money back (operators, and the currency's issuer).

    Answered by a MONEY_REPORT: DONE. PAID is refused until all up to the withdrawal is FINAL in the ledger: only
    settled money leaves.
    """

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    action: Annotated[int, U8, "WithdrawalAction: 1 PAID, 2 RETURNED"]
    withdrawal: Annotated[int, U64, "its number, as its reports and OPEN_WITHDRAWALS tell"]


class Control(NamedTuple):
    """Open or close the venue, or a currency (operators only). Answered by a MONEY_REPORT: DONE.

    What rests stays and can be cancelled; what would add risk is refused until it is open again.
    """

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    scope: Annotated[int, U8, "ControlScope: 1 VENUE, 2 CURRENCY"]
    mode: Annotated[int, U8, "ControlMode: 1 OPEN, 2 CANCEL_ONLY (the venue), 3 REDEEM_ONLY (a currency)"]
    currency: Annotated[int, U16, _CURRENCY + "; VENUE: 0"]


class Bust(NamedTuple):
    """Undo a trade, both legs and both fees (operators only). Answered by a MONEY_REPORT: DONE.

    It says what the trade was, as the ledger has it. Refused where that would overdraw anybody.
    """

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    instrument: Annotated[int, U16, _INDEX]
    number: Annotated[int, U64, "with the instrument it names the trade, TrdMatchID [880]"]
    maker: Annotated[int, U32, "account whose order rested"]
    taker: Annotated[int, U32, "account whose order came in"]
    maker_side: Annotated[int, U8, "Side [54] of the maker"]
    price_ticks: Annotated[int, I64, "of the trade"]
    quantity_lots: Annotated[int, I64, "of the trade"]
    maker_fee_units: Annotated[int, I64, "as in the maker's report; negative: a rebate"]
    taker_fee_units: Annotated[int, I64, "as in the taker's report"]


class FeePayout(NamedTuple):
    """Move what the venue has earned in fees to an account (operators only). Answered by a MONEY_REPORT: DONE.

    The account hears RECEIVED, from account 0, and may withdraw it as all that it has.
    """

    client_order_id: Annotated[int, U64, "the operator's " + _CLIENT_ID]
    account: Annotated[int, U32, "account that receives"]
    currency: Annotated[int, U16, _CURRENCY]
    amount_units: Annotated[int, I64, "in the currency's smallest units"]
