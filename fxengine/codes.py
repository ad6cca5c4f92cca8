"""The venue's vocabulary: enumerations in FIX's words, and every reject reason with its advice.

Values are those of FIX where FIX has a number (Side [54], OrdType [40], TimeInForce [59],
OrdStatus [39]); they stand in records, on the wire and in the journal, so they never change.
Source: FIX 5.0 SP2 tag dictionary.
"""

from enum import IntEnum, IntFlag


class Side(IntEnum):
    """Which way an order trades the base currency. Source: FIX tag 54."""

    BUY = 1
    SELL = 2


class OrdType(IntEnum):
    """How an order is priced. A MARKET or STOP order carries a protection price. Source: FIX tag 40."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4


class TimeInForce(IntEnum):
    """How long an order lives. Source: FIX tag 59."""

    GTC = 1
    IOC = 3
    FOK = 4
    GTD = 6


class ExecInst(IntFlag):
    """Execution instructions as bits. POST_ONLY is FIX tag 18, value 6."""

    NONE = 0
    POST_ONLY = 1


class SelfTradePrevention(IntEnum):
    """What happens before an order would trade with one of its own trade group. The taker's mode counts."""

    NONE = 0
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4


class OrdStatus(IntEnum):
    """The state of an order. Source: FIX tag 39 (letters counted on from 10: C is 12)."""

    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELED = 4
    REJECTED = 8
    EXPIRED = 12


class SwapMode(IntEnum):
    """Which end of an instant swap is exact."""

    EXACT_IN = 1
    EXACT_OUT = 2


class SwapFlag(IntFlag):
    """What an instant swap allows."""

    NONE = 0
    ALLOW_PARTIAL = 1  # as much of the amount as can be had, if not all of it


class CommandKind(IntEnum):
    """What a COMMAND record asks of the core."""

    TIME = 1
    CREDENTIAL = 2
    NEW_ORDER = 3
    CANCEL = 4
    SWAP = 5
    DEPOSIT = 6
    WITHDRAW = 7
    AMEND = 8
    MASS_CANCEL = 9
    MASS_QUOTE = 10
    GUARD = 11
    REVOKE = 12
    SETTLED = 13
    WITHDRAWAL = 14
    BUST = 15
    CONTROL = 16
    FEE_PAYOUT = 17


class GuardAction(IntEnum):
    """What watches over an account's open orders when its own systems cannot. Set by a GUARD command."""

    DEAD_MAN = 1  # all are cancelled unless the timer is set again in time; a timeout of 0 stops it
    WATCH = 2  # cancel on disconnect: the account wants DISCONNECTED to act, or no longer
    DISCONNECTED = 3  # the venue's own word: a watching session's connection is gone


class RevokeAction(IntEnum):
    """What a REVOKE command takes from an account, or gives back."""

    FREEZE = 1  # the account (sanctions): nothing but settlement of what was matched
    UNFREEZE = 2
    TOKEN = 3  # one KYC token, by the hash of its jti, wherever it is presented from now on


class WithdrawalAction(IntEnum):
    """How an open withdrawal ends. Said by an operator in a WITHDRAWAL command."""

    PAID = 1  # the money has left: what was held goes to custody
    RETURNED = 2  # it will not leave: what was held is free to use again


class ControlScope(IntEnum):
    """What a CONTROL command opens or closes. 3 is kept for one instrument."""

    VENUE = 1
    CURRENCY = 2


class ControlMode(IntEnum):
    """What may be done in it. Source: FIX 5.0 SP2 TradSesStatus [340] and SecurityTradingStatus [326], in spirit."""

    OPEN = 1
    CANCEL_ONLY = 2  # the venue: nothing that adds risk; cancels, withdrawals and deposits go on
    REDEEM_ONLY = 3  # a currency: no deposits and no trade in it; cancels and withdrawals go on


class EventKind(IntEnum):
    """What an EVENT record tells. The comment names FIX's ExecType [150] where there is one."""

    ACCEPTED = 1  # 0 New
    REJECTED = 2  # 8 Rejected, or an OrderCancelReject (35=9)
    FILL = 3  # F Trade: one side's
    CANCELED = 4  # 4 Canceled
    RESTED = 5  # none: what was left of an incoming order joined the book
    ORDER_STATUS = 6  # I OrderStatus: a repeated command's outcome so far, nothing done
    SWAPPED = 7  # none: an instant swap's receipt
    RECEIVED = 8  # none: a swap's payee was paid, or who is given fees
    DEPOSITED = 9
    WITHDRAWN = 10
    CREDENTIALED = 11
    DONE = 12  # none: a command on others' orders or money was carried out
    REPLACED = 13  # 5 Replaced
    REDUCED = 14  # D Restated: self-trade prevention took a part of it
    TRIGGERED = 15  # L Triggered: a stop order came alive
    QUOTED = 16  # none: a set of a mass quote was applied (MassQuoteAck, 35=b)
    GUARDED = 17  # none: a guard over the account's orders was set or acted
    REVOKED = 18  # none: the account was frozen or released, or its token taken back
    WITHDRAWAL_HELD = 19  # none: a withdrawal was asked for, and its amount is held
    WITHDRAWAL_RETURNED = 20  # none: a withdrawal will not be paid, and its amount is free again
    CONTROLLED = 21  # none: the venue or a currency was opened or closed
    BUSTED = 22  # H Trade Cancel: a trade was undone; one side's
    SWAP_LEG = 23  # none: what an instant swap did in one book
    SWAP_PATH = 24  # none: what a single path would have given instead


class EventFlag(IntFlag):
    """Bits that say how an event relates to the book."""

    NONE = 0
    MAKER = 1  # this side rested (FIX LastLiquidityInd 851 = 1)
    TAKER = 2  # this side came in (851 = 2)
    BOOK = 4  # the event changes the displayed book by its quantity
    SWAP = 8  # the taker is a leg of an instant swap


class AccountFlag(IntFlag):
    """What an account's credential makes of it."""

    NONE = 0
    OPERATOR = 1
    ISSUER = 2  # of the currencies that its credential permits


class SettlementStatus(IntEnum):
    """Where a trade stands between matching and finality; apart from OrdStatus."""

    PENDING = 1
    POSTED = 2
    FINAL = 3
    FAILED = 4  # busted: undone by a later command, which settles in its own turn


FEES_ACCOUNT = 0
"""The venue's own account: every fee is received here."""

CUSTODY_ACCOUNT = 1
"""The other side of every deposit and withdrawal: its balance is minus what clients hold."""

FIRST_CLIENT_ACCOUNT = 2
"""Clients' accounts are numbered from here, in the order in which they first logged on."""


class RejectReason(IntEnum):
    """Why something was refused or cancelled.

    Banded: 1xx wire, 2xx KYC, 3xx instrument, 4xx funds, 5xx book, 6xx settlement.
    """

    NONE = 0

    MALFORMED_FRAME = 101
    UNSUPPORTED_VERSION = 102
    UNKNOWN_MESSAGE = 103
    MISSING_FIELD = 104
    WRONG_FIELD_TYPE = 105
    FLOAT_FORBIDDEN = 106
    FIELD_OUT_OF_RANGE = 107
    FRAME_TOO_LARGE = 108
    TOO_MANY_MESSAGES = 109
    NOT_LOGGED_ON = 110
    ALREADY_LOGGED_ON = 111
    UNKNOWN_COMMAND = 112
    SHUTTING_DOWN = 113
    RATE_LIMITED = 114
    SESSION_SILENT = 115
    SLOW_READER = 116
    HISTORY_GONE = 117

    TOKEN_MALFORMED = 201
    TOKEN_ALGORITHM = 202
    TOKEN_SIGNATURE = 203
    TOKEN_EXPIRED = 204
    TOKEN_NOT_YET_VALID = 205
    TOKEN_CLAIM = 206
    UNKNOWN_ISSUER = 207
    WRONG_AUDIENCE = 208
    LEVEL_NOT_ALLOWED = 209
    JURISDICTION_NOT_ALLOWED = 210
    CURRENCY_NOT_PERMITTED = 211
    CREDENTIAL_EXPIRED = 212
    CREDENTIAL_SUPERSEDED = 213
    NOT_AUTHORIZED = 214
    UNKNOWN_ACCOUNT = 215
    IDENTITY_MISMATCH = 216
    PAYEE_NOT_PERMITTED = 217
    TOKEN_REVOKED = 218
    ACCOUNT_FROZEN = 219
    NOT_IN_SCOPE = 220
    CLIENT_KEY_MISMATCH = 221
    NOT_ITS_ISSUER = 222

    UNKNOWN_INSTRUMENT = 301
    UNKNOWN_CURRENCY = 302
    SAME_CURRENCY = 303
    PRICE_OUT_OF_RANGE = 304
    QUANTITY_OUT_OF_RANGE = 305
    NOTIONAL_TOO_LARGE = 306
    VENUE_CANCEL_ONLY = 307
    CURRENCY_REDEEM_ONLY = 308

    INSUFFICIENT_FUNDS = 401
    AMOUNT_OUT_OF_RANGE = 402
    CURRENCY_TOTAL_EXCEEDED = 403
    TOO_MANY_WITHDRAWALS = 404
    RESERVES_EXCEEDED = 405

    BAD_SIDE = 501
    UNSUPPORTED_ORD_TYPE = 502
    UNSUPPORTED_TIME_IN_FORCE = 503
    BAD_EXEC_INST = 504
    WOULD_CROSS = 505
    FOK_NOT_FILLABLE = 506
    TOO_MANY_FILLS = 507
    UNFILLED_REMAINDER = 508
    UNKNOWN_ORDER = 509
    ORDER_CLOSED = 510
    CLIENT_ID_MISSING = 511
    CLIENT_ID_TOO_OLD = 512
    CLIENT_ID_TOO_HIGH = 513
    CLIENT_ID_REUSED = 514
    BAD_SWAP_MODE = 515
    NO_PATH = 516
    INSUFFICIENT_LIQUIDITY = 517
    BOUND_EXCEEDED = 518
    DEADLINE_PASSED = 519
    CAPACITY = 520
    EXPIRE_TIME_PASSED = 521
    BAD_DISPLAY_QTY = 522
    BAD_MIN_QTY = 523
    MIN_QTY_NOT_FILLABLE = 524
    BAD_SELF_TRADE_PREVENTION = 525
    SELF_TRADE_PREVENTED = 526
    BAD_STOP_PRICE = 527
    CUM_QTY_MISMATCH = 528
    ORDER_EXPIRED = 529
    MASS_CANCELED = 530
    QUOTE_REPLACED = 531
    BAD_QUOTE_SET = 532
    NOT_AMENDABLE = 533
    DEAD_MAN_FIRED = 534
    DISCONNECTED = 535
    WORST_PRICE_EXCEEDED = 536
    BAD_SWAP_FLAGS = 537

    DEPOSIT_KNOWN = 601
    NOT_FINAL = 602
    UNKNOWN_WITHDRAWAL = 603
    TRADE_BUSTED = 604
    UNKNOWN_TRADE = 605

    @property
    def text(self) -> str:
        """The sentence that tells the client what to do."""
        return _ADVICE[self]


_R = RejectReason
_ADVICE: dict[RejectReason, str] = {
    _R.NONE: "Nothing was refused.",
    _R.MALFORMED_FRAME: "The frame is not one msgpack array; encode [version, message, ...] and send it as one frame.",
    _R.UNSUPPORTED_VERSION: "The protocol version is not spoken here; send version 1.",
    _R.UNKNOWN_MESSAGE: "The message type is not known; see docs/protocol.md for the types a client may send.",
    _R.MISSING_FIELD: "The message has the wrong number of fields; send every field of its table in order.",
    _R.WRONG_FIELD_TYPE: "A field has the wrong type; send the type its table names.",
    _R.FLOAT_FORBIDDEN: "Floating point is never accepted; send prices, quantities and amounts as scaled integers.",
    _R.FIELD_OUT_OF_RANGE: "A field lies outside its range; see its table for the bounds.",
    _R.FRAME_TOO_LARGE: "The frame is longer than the venue accepts; split it into smaller frames.",
    _R.TOO_MANY_MESSAGES: "The frame holds more messages than the venue accepts; split it into several frames.",
    _R.NOT_LOGGED_ON: "This session is not logged on; send LOGON with a KYC token first.",
    _R.ALREADY_LOGGED_ON: "This session is logged on as another account; open a new connection for this one.",
    _R.UNKNOWN_COMMAND: "The command record is not known or badly formed; build it as fxengine.records describes.",
    _R.SHUTTING_DOWN: "The venue is closing; reconnect later and ask for the order's status by its client id.",
    _R.RATE_LIMITED: "More than this account's rate; nothing was done. Send it again after the time that is given.",
    _R.SESSION_SILENT: "Nothing was heard for two heartbeat intervals and the session was closed; connect and log on.",
    _R.SLOW_READER: "The venue's answers were not read and the session was closed; log on and ask for a replay.",
    _R.HISTORY_GONE: "Reports from that number are no longer held; ask from the first that is, and for open orders.",
    _R.TOKEN_MALFORMED: "The KYC token is not a JWT; send the issuer's token unchanged.",
    _R.TOKEN_ALGORITHM: "Only EdDSA (Ed25519) tokens are accepted; ask the issuer for one.",
    _R.TOKEN_SIGNATURE: "The KYC token's signature does not verify; ask the issuer for a new token.",
    _R.TOKEN_EXPIRED: "The KYC token has expired; ask the issuer for a new one.",
    _R.TOKEN_NOT_YET_VALID: "The KYC token is not valid yet; log on after its start time.",
    _R.TOKEN_CLAIM: "A claim of the KYC token is missing or has the wrong form; ask the issuer for a complete token.",
    _R.UNKNOWN_ISSUER: "The token's issuer or key is not listed by this venue; use a listed issuer.",
    _R.WRONG_AUDIENCE: "The token was issued for another venue; ask the issuer for one that names this venue.",
    _R.LEVEL_NOT_ALLOWED: "The issuer may not assert this KYC level; ask the venue which levels it lists.",
    _R.JURISDICTION_NOT_ALLOWED: "The issuer may not assert this jurisdiction; ask the venue which it lists.",
    _R.CURRENCY_NOT_PERMITTED: "The account may not hold this currency; ask the issuer to add it to the token.",
    _R.CREDENTIAL_EXPIRED: "The account's credential has expired; log on with a fresh token.",
    _R.CREDENTIAL_SUPERSEDED: "A newer token of this account was already used; log on with the newest one.",
    _R.NOT_AUTHORIZED: "This is for operators, or the issuer of the currency; log on with such a token.",
    _R.UNKNOWN_ACCOUNT: "The account does not exist; it opens at its first logon.",
    _R.IDENTITY_MISMATCH: "The account number belongs to another identity; log on again.",
    _R.PAYEE_NOT_PERMITTED: "The payee's credential does not allow it to receive this currency; ask it to log on.",
    _R.TOKEN_REVOKED: "The KYC token was revoked; ask the issuer for a new one.",
    _R.ACCOUNT_FROZEN: "The account is frozen; ask the venue's operator why.",
    _R.NOT_IN_SCOPE: "This session may not do this; log on with a token whose scope allows it, or to trade.",
    _R.CLIENT_KEY_MISMATCH: "The connection's CURVE key is not the one that the token names; connect with that key.",
    _R.NOT_ITS_ISSUER: "Only its own issuer brings this currency in and takes it out; log on with that issuer's token.",
    _R.UNKNOWN_INSTRUMENT: "The instrument is not listed; ask for the venue's instruments.",
    _R.UNKNOWN_CURRENCY: "The currency is not listed; ask for the venue's currencies.",
    _R.SAME_CURRENCY: "A swap needs two different currencies.",
    _R.PRICE_OUT_OF_RANGE: "The price is not between 1 and the venue's largest number of ticks.",
    _R.QUANTITY_OUT_OF_RANGE: "The quantity is not a positive number of lots within the venue's bound.",
    _R.NOTIONAL_TOO_LARGE: "Price times quantity exceeds what the venue can represent; send smaller orders.",
    _R.VENUE_CANCEL_ONLY: "The venue takes nothing that adds risk now; orders can be cancelled. Try again later.",
    _R.CURRENCY_REDEEM_ONLY: "This currency is not traded or deposited now; cancel and withdraw, or try again later.",
    _R.INSUFFICIENT_FUNDS: "The available balance does not cover this; deposit, cancel orders, or lower the amount.",
    _R.AMOUNT_OUT_OF_RANGE: "The amount must be a positive number of the currency's smallest units.",
    _R.CURRENCY_TOTAL_EXCEEDED: "The deposit would exceed the largest total the venue can represent; deposit less.",
    _R.TOO_MANY_WITHDRAWALS: "The account may have no more open withdrawals; wait until some are paid or returned.",
    _R.RESERVES_EXCEEDED: "Less is attested than would be owed with this deposit; have the custodian attest it first.",
    _R.BAD_SIDE: "Side must be 1 (BUY) or 2 (SELL).",
    _R.UNSUPPORTED_ORD_TYPE: "Order type must be 1 (MARKET), 2 (LIMIT), 3 (STOP) or 4 (STOP_LIMIT).",
    _R.UNSUPPORTED_TIME_IN_FORCE: "The time in force does not fit: MARKET takes IOC or FOK, a stop GTC or GTD.",
    _R.BAD_EXEC_INST: "Post-only goes with LIMIT orders that may rest (GTC, GTD), and no other instruction is offered.",
    _R.WOULD_CROSS: "A post-only order would have traded at once; send a less aggressive price.",
    _R.FOK_NOT_FILLABLE: "The whole quantity is not there at this price; send less, a better price, or IOC.",
    _R.TOO_MANY_FILLS: "It needs more fills than one command may make; send smaller pieces.",
    _R.UNFILLED_REMAINDER: "The rest of an immediate order found nothing to trade with and was cancelled.",
    _R.UNKNOWN_ORDER: "No such order of this account is known; check the id.",
    _R.ORDER_CLOSED: "The order is already filled, cancelled or rejected; ask for its status.",
    _R.CLIENT_ID_MISSING: "Send a client order id: a whole number from 1, increasing.",
    _R.CLIENT_ID_TOO_OLD: "The client order id is below the account's window; nothing was done. Use the next id.",
    _R.CLIENT_ID_TOO_HIGH: "The client order id skips more than a window of ids; use the next higher id.",
    _R.CLIENT_ID_REUSED: "This client order id was used for another command; nothing was done. Use a new id.",
    _R.BAD_SWAP_MODE: "Swap mode must be 1 (EXACT_IN) or 2 (EXACT_OUT).",
    _R.BAD_SWAP_FLAGS: "Swap flags must be 0, or 1 (ALLOW_PARTIAL).",
    _R.WORST_PRICE_EXCEEDED: "Within the worst price not all of the amount is there; loosen it or allow a part.",
    _R.NO_PATH: "No path of books that the account may use joins these currencies.",
    _R.INSUFFICIENT_LIQUIDITY: "The books do not hold enough for this amount; try a smaller one.",
    _R.BOUND_EXCEEDED: "The best way is outside the stated bound; ask for a quote and loosen the bound.",
    _R.DEADLINE_PASSED: "The deadline had passed when the swap was sequenced; nothing was done.",
    _R.EXPIRE_TIME_PASSED: "GTD needs an expire time in the future, and nothing else takes one.",
    _R.BAD_DISPLAY_QTY: "A displayed quantity goes with LIMIT orders that may rest, and is at most the whole quantity.",
    _R.BAD_MIN_QTY: "A minimum quantity goes with IOC, and is at most the whole quantity.",
    _R.MIN_QTY_NOT_FILLABLE: "Less than the minimum quantity is there at this price; lower the minimum or the price.",
    _R.BAD_SELF_TRADE_PREVENTION: "Self-trade prevention must be 0 to 4.",
    _R.SELF_TRADE_PREVENTED: "It would have traded with an order of its own trade group.",
    _R.BAD_STOP_PRICE: "A stop order needs a stop price in the detail record, and nothing else takes one.",
    _R.CUM_QTY_MISMATCH: "The order has traded since; nothing was changed. Look at its CumQty and amend again.",
    _R.ORDER_EXPIRED: "The order's expire time has come.",
    _R.MASS_CANCELED: "A mass cancel took it.",
    _R.QUOTE_REPLACED: "A later mass quote left this level out.",
    _R.BAD_QUOTE_SET: "A quote set needs prices in order, best first, bids below offers, and whole levels.",
    _R.NOT_AMENDABLE: "A quote is changed by a mass quote, and a triggered order is no longer a stop.",
    _R.DEAD_MAN_FIRED: "The account's dead-man timer ran out before it was set again.",
    _R.DISCONNECTED: "The connection that watched over the account's orders is gone.",
    _R.DEPOSIT_KNOWN: "A deposit with this external reference was credited before; nothing was credited again.",
    _R.NOT_FINAL: "What came before the withdrawal is not FINAL in the ledger yet; wait for settlement and try again.",
    _R.UNKNOWN_WITHDRAWAL: "No open withdrawal has this number; ask for the open withdrawals.",
    _R.TRADE_BUSTED: "This trade was busted before; nothing was done again.",
    _R.UNKNOWN_TRADE: "No trade of this instrument has this number yet; look it up in the ledger.",
    _R.CAPACITY: "The venue has no room for more orders, accounts or connections; cancel orders or try again later.",
}
