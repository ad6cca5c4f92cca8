# The compiled core's data dictionary: every struct it keeps, every field with its unit.
#
# Three families, in this order:
#
#   codes      the same numbers as fxengine/codes.py                     (a test compares them)
#   records    the same bytes as the dtypes of fxengine/records.py       (a test compares them)
#   state      what the core keeps between commands; free to change, since the canonical bytes
#              (core/canonical.pxi) and not these structs are what two cores must agree on
#
# Widths were chosen for the cache: what one command touches should be few 64-byte lines. An order
# is one line; an account's entry checks are one line; a side of a book is one line.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

ctypedef uint8_t u8
ctypedef uint16_t u16
ctypedef uint32_t u32
ctypedef uint64_t u64
ctypedef int32_t i32
ctypedef int64_t i64

# -- codes ---------------------------------------------------------------------------------------

cdef enum Side:
    BUY = 1
    SELL = 2

cdef enum OrdType:
    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4

cdef enum TimeInForce:
    GTC = 1
    IOC = 3
    FOK = 4
    GTD = 6

cdef enum ExecInst:
    POST_ONLY = 1

cdef enum SelfTradePrevention:
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4

cdef enum OrdStatus:
    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELED = 4
    REJECTED = 8
    EXPIRED = 12

cdef enum SwapMode:
    EXACT_IN = 1
    EXACT_OUT = 2

cdef enum SwapFlag:
    ALLOW_PARTIAL = 1

cdef enum CommandKind:
    COMMAND_TIME = 1
    COMMAND_CREDENTIAL = 2
    COMMAND_NEW_ORDER = 3
    COMMAND_CANCEL = 4
    COMMAND_SWAP = 5
    COMMAND_DEPOSIT = 6
    COMMAND_WITHDRAW = 7
    COMMAND_AMEND = 8
    COMMAND_MASS_CANCEL = 9
    COMMAND_MASS_QUOTE = 10
    COMMAND_GUARD = 11
    COMMAND_REVOKE = 12
    COMMAND_SETTLED = 13
    COMMAND_WITHDRAWAL = 14
    COMMAND_BUST = 15
    COMMAND_CONTROL = 16
    COMMAND_FEE_PAYOUT = 17

cdef enum GuardAction:
    GUARD_DEAD_MAN = 1
    GUARD_WATCH = 2
    GUARD_DISCONNECTED = 3

cdef enum RevokeAction:
    REVOKE_FREEZE = 1
    REVOKE_UNFREEZE = 2
    REVOKE_TOKEN = 3

cdef enum WithdrawalAction:
    WITHDRAWAL_PAID = 1
    WITHDRAWAL_RETURNED = 2

cdef enum ControlScope:
    SCOPE_VENUE = 1
    SCOPE_CURRENCY = 2

cdef enum ControlMode:
    MODE_OPEN = 1
    MODE_CANCEL_ONLY = 2
    MODE_REDEEM_ONLY = 3

cdef enum EventKind:
    EVENT_ACCEPTED = 1
    EVENT_REJECTED = 2
    EVENT_FILL = 3
    EVENT_CANCELED = 4
    EVENT_RESTED = 5
    EVENT_ORDER_STATUS = 6
    EVENT_SWAPPED = 7
    EVENT_RECEIVED = 8
    EVENT_DEPOSITED = 9
    EVENT_WITHDRAWN = 10
    EVENT_CREDENTIALED = 11
    EVENT_DONE = 12
    EVENT_REPLACED = 13
    EVENT_REDUCED = 14
    EVENT_TRIGGERED = 15
    EVENT_QUOTED = 16
    EVENT_GUARDED = 17
    EVENT_REVOKED = 18
    EVENT_WITHDRAWAL_HELD = 19
    EVENT_WITHDRAWAL_RETURNED = 20
    EVENT_CONTROLLED = 21
    EVENT_BUSTED = 22
    EVENT_SWAP_LEG = 23
    EVENT_SWAP_PATH = 24

cdef enum EventFlag:
    FLAG_MAKER = 1
    FLAG_TAKER = 2
    FLAG_BOOK = 4
    FLAG_SWAP = 8

cdef enum AccountFlag:
    OPERATOR = 1
    ISSUER = 2

cdef enum RejectReason:
    NONE = 0
    MALFORMED_FRAME = 101
    UNSUPPORTED_VERSION = 102
    TOO_MANY_MESSAGES = 109
    UNKNOWN_COMMAND = 112
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

cdef enum Status:
    # What the hot path returns where it is not a RejectReason (those are not negative).
    OUT_OF_MEMORY = -1
    REPEATED = -2  # the client id was used before, with the same body
    EVENTS_FULL = -3  # stopped at a safe point: enlarge the event buffer and go on
    BAD_RECORD_COUNT = -4  # a command's n_records does not fit in what is to be applied

cdef enum:
    FEES_ACCOUNT = 0
    CUSTODY_ACCOUNT = 1
    FIRST_CLIENT_ACCOUNT = 2
    CURRENCIES_MAX = 256
    PRICE_TICKS_MAX = 0x7FFFFFFF
    RATE_ONE = 1000000
    WINDOW_MIN = 16
    WINDOW_MAX = 1 << 20

    SEGMENT_BITS = 4  # a segment remembers 2 ** SEGMENT_BITS successive client ids
    SEGMENT_IDS = 16
    RING_PLACES_MIN = 4  # segments a new account has room for before its ring grows
    RING_SIZES = 16  # ring sizes are RING_PLACES_MIN << 0 .. 15; the last spans twice WINDOW_MAX ids
    ACCOUNTS_MAX = 1 << 24  # address space is reserved for so many at most
    LEAF_BITS = 8  # a leaf holds 2 ** LEAF_BITS neighbouring price levels
    LEAF_LEVELS = 256
    LEAF_WORDS = 4  # LEAF_LEVELS / 64
    LEAVES_CACHED = 4  # leaves of one side that are found without a descent
    NODE_BITS = 6
    NODE_CHILDREN = 64
    NODE_DEPTH = 4  # LEAF_BITS + NODE_DEPTH * NODE_BITS covers the 31 bits of a price
    LEGS_MAX = 3  # books of a path
    PATHS_MAX = 8  # candidates of a swap
    ARCS_MAX = 24  # PATHS_MAX * LEGS_MAX
    NODES_MAX = 18  # currencies that candidates lead over: two ends, and two between of each
    NODE_PAID = 0
    NODE_RECEIVED = 1
    HOPS_MAX = 4  # of a route: a path has LEGS_MAX, a residual step one more
    RESIDUALS_MAX = 24
    ROUTES_MAX = 32  # PATHS_MAX + RESIDUALS_MAX
    NO_ARC = 0x7FFFFFFF
    FACTORS_MAX = 8  # of a route's rate: two a hop
    SINGLES_TOLD = 3
    STEPS_PER_FILL = 4
    STEPS_MORE = 16
    ALL_INSTRUMENTS = 0xFFFF
    QUOTE_LEVELS_MAX = 32  # of one side of a quote set
    RECORDS_MAX = 255  # of one command
    RECORD_WORDS = 8
    UNITS_PER_RECORD = 4  # of a mass quote: 16 bytes each
    TRIGGERS_MAX = 256  # stops that one command runs

cdef enum:  # apart, since they make their enum unsigned
    NO_RANK = 0xFFFFFFFF  # worse than every price: this side is empty
    NO_HOP = 0xFFFFFFFF  # no instrument joins the two currencies

# -- records: commands, 64 bytes -----------------------------------------------------------------

cdef struct NewOrder:
    u8 kind  # CommandKind
    u8 n_records  # 64-byte records of this command, itself included
    u16 instrument  # index; a currency's index for money commands
    u32 account  # number
    u64 client_order_id
    i64 time_ns  # since 1970 UTC
    u8 side  # Side
    u8 ord_type  # OrdType
    u8 time_in_force  # TimeInForce
    u8 exec_inst  # ExecInst
    u8 self_trade_prevention  # SelfTradePrevention
    u8 reserved_0[3]
    i64 price_ticks  # of MARKET and STOP: the protection price
    i64 quantity_lots
    i64 expire_ns  # GTD is valid strictly before; else 0
    i64 display_lots  # 0: all

ctypedef NewOrder Command  # the first 24 bytes are the same for every kind

cdef struct OrderDetail:  # second record of a NEW_ORDER that needs it
    i64 stop_price_ticks  # 0: no stop
    i64 min_lots  # 0: any
    u8 reserved_0[48]

cdef struct Cancel:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account
    u64 client_order_id  # 0: the request has no id of its own
    i64 time_ns
    u8 reserved_0[8]
    u64 order_id  # 0: use orig_client_order_id
    u64 orig_client_order_id
    u8 reserved_1[16]

cdef struct Amend:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account
    u64 client_order_id
    i64 time_ns
    u64 order_id  # 0: use orig_client_order_id
    u64 orig_client_order_id
    i64 price_ticks
    i64 quantity_lots  # the total, not the remainder
    i64 expected_cum_lots  # -1: any

cdef struct MassCancel:
    u8 kind
    u8 n_records
    u16 instrument  # index, or ALL_INSTRUMENTS
    u32 account
    u64 client_order_id
    i64 time_ns
    u8 side  # Side; 0: both
    u8 reserved_0[3]
    u32 target  # account number; 0: the sender
    u8 reserved_1[32]

cdef struct MassQuote:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account
    u64 client_order_id
    i64 time_ns
    u8 n_sets
    u8 reserved_0[39]

cdef struct QuoteSetRecord:
    u16 instrument  # index
    u8 n_bids
    u8 n_offers
    u8 reserved_0[12]

cdef struct QuoteLevel:
    i64 price_ticks
    i64 leaves_lots

cdef struct Swap:
    u8 kind
    u8 n_records
    u16 instrument  # index of the currency paid
    u32 account
    u64 client_order_id
    i64 time_ns
    u16 currency_out  # index
    u8 mode  # SwapMode
    u8 flags  # SwapFlag
    u32 payee  # account number; 0: the payer
    i64 amount_units  # of the currency that the mode makes exact
    i64 bound_units  # of the other
    i64 deadline_ns  # 0: none
    i64 worst_units  # as bound_units, but of each step for itself; 0: any

cdef struct Money:
    u8 kind
    u8 n_records
    u16 instrument  # index of the currency
    u32 account  # number
    u64 client_order_id
    i64 time_ns
    u8 reserved_0[4]
    u32 beneficiary  # account number; WITHDRAW: 0 is the sender
    i64 amount_units
    u8 external_id[16]  # DEPOSIT: blake2b-128; zeros: none
    u8 reserved_1[8]

cdef struct Settled:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account  # 0
    u64 client_order_id  # 0
    i64 time_ns
    u64 final_sequence  # of a command
    u8 reserved_0[32]

cdef struct WithdrawalEnding:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account  # the operator's number
    u64 client_order_id
    i64 time_ns
    u8 action  # WithdrawalAction
    u8 reserved_0[7]
    u64 withdrawal  # number
    u8 reserved_1[24]

cdef struct Control:
    u8 kind
    u8 n_records
    u16 instrument  # CURRENCY: its index
    u32 account  # the operator's number; 0: the venue itself
    u64 client_order_id  # of the venue itself: 0
    i64 time_ns
    u8 scope  # ControlScope
    u8 mode  # ControlMode
    u8 reserved_0[38]

cdef struct Bust:
    u8 kind
    u8 n_records
    u16 instrument  # index
    u32 account  # the operator's number
    u64 client_order_id
    i64 time_ns
    u64 number  # of the trade, with the instrument
    i64 price_ticks
    i64 quantity_lots
    u32 maker  # account number
    u32 taker  # account number
    u8 maker_side  # Side
    u8 reserved_0[7]

cdef struct BustDetail:  # second record of a BUST
    i64 maker_fee_units  # of the currency that the maker received; negative: of the one it gave
    i64 taker_fee_units  # of the currency that the taker received
    u8 reserved_0[48]

cdef struct Guard:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account
    u64 client_order_id  # 0
    i64 time_ns
    u8 action  # GuardAction
    u8 watching  # WATCH: 1 on, 0 off
    u8 reserved_0[6]
    i64 timeout_ns  # DEAD_MAN: from the command's time; 0 stops the timer
    u8 reserved_1[24]

cdef struct Revoke:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account  # the operator's number
    u64 client_order_id
    i64 time_ns
    u8 action  # RevokeAction
    u8 reserved_0[3]
    u32 target  # account number; TOKEN: 0
    u8 token_id[16]  # TOKEN: blake2b-128
    u8 reserved_1[16]

cdef struct Credential:
    u8 kind
    u8 n_records
    u16 instrument
    u32 account
    u64 client_order_id
    i64 time_ns
    u8 flags  # AccountFlag
    u8 level  # code
    u8 jurisdiction[2]  # ISO 3166-1 alpha-2
    u32 window  # client ids
    i64 issued_at_ns
    i64 expires_ns
    u8 identity[16]  # blake2b-128

cdef struct CredentialDetail:
    u64 permitted[4]  # bit per currency
    u8 token_id[16]  # blake2b-128
    u32 trade_group  # 0: none
    u8 reserved_0[12]

cdef struct FrameHeader:  # of a frame of records, on the wire
    u8 magic[4]
    u8 version
    u8 direction  # 1: commands
    u8 reserved_0[2]
    u32 n_records  # behind it
    u8 reserved_1[52]

cdef struct InstrumentRecord:
    u16 base  # currency index
    u16 quote  # currency index
    i32 maker_rate  # hundredths of a basis point; negative: a rebate
    i32 taker_rate  # hundredths of a basis point
    i32 reserved
    i64 lot_units  # base units in a lot
    i64 tick_lot_units  # quote units that one tick times one lot is worth

# -- records: events, 96 bytes -------------------------------------------------------------------

cdef struct Event:
    u8 kind  # EventKind
    u8 side  # Side; in REJECTED and ORDER_STATUS the CommandKind they answer
    u16 reason  # RejectReason
    u16 instrument  # index; a currency's index in money events
    u8 status  # OrdStatus
    u8 flags  # EventFlag
    u32 account  # number
    u32 counterparty  # account number
    u64 sequence  # of the command
    u64 order_id
    u64 client_order_id
    i64 price_ticks
    i64 quantity_lots
    i64 leaves_lots
    i64 cum_lots
    i64 fee_units
    u64 account_stream  # 1, 2, ... per account
    u64 instrument_stream  # 1, 2, ... per instrument; 0: not market data

cdef struct CancelEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 counterparty
    u64 sequence
    u64 order_id
    u64 client_order_id
    i64 price_ticks
    i64 quantity_lots
    i64 displayed_lots  # of the quantity, taken off the displayed book
    i64 cum_lots
    u64 request_id  # client id of the cancel request; 0: none
    u64 account_stream
    u64 instrument_stream

cdef struct ReduceEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 counterparty
    u64 sequence
    u64 order_id
    u64 client_order_id
    i64 price_ticks
    i64 quantity_lots
    i64 displayed_lots  # of the quantity, taken off the displayed book
    i64 cum_lots
    i64 leaves_lots
    u64 account_stream
    u64 instrument_stream

cdef struct ReplaceEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 old_price_ticks
    u64 sequence
    u64 order_id
    u64 client_order_id
    i64 price_ticks
    i64 quantity_lots  # the new total
    i64 leaves_lots
    i64 cum_lots
    i64 displayed_lots  # taken off the displayed book at the old price
    u64 account_stream
    u64 instrument_stream

cdef struct StatusEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 counterparty
    u64 sequence
    u64 order_id
    u64 client_order_id
    i64 notional_units
    i64 quantity_lots
    i64 leaves_lots
    i64 cum_lots  # order: lots; swap and money: units
    u64 original_sequence  # of the command that used the client id first
    u64 account_stream
    u64 instrument_stream

cdef struct MoneyEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument  # index of the currency
    u8 status
    u8 flags
    u32 account
    u32 counterparty
    u64 sequence
    u64 withdrawal  # number; 0: none
    u64 client_order_id
    i64 reserved_0
    i64 amount_units
    u8 external_id[16]  # DEPOSITED: the command's
    u8 reserved_1[8]
    u64 account_stream
    u64 instrument_stream

cdef struct BustEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 counterparty
    u64 sequence
    u64 trade_number
    u64 client_order_id
    i64 price_ticks
    i64 quantity_lots
    i64 reserved_0
    i64 reserved_1
    i64 fee_units
    u64 account_stream
    u64 instrument_stream

cdef struct SwapEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument  # index of the currency paid
    u8 status
    u8 flags
    u32 account
    u32 counterparty  # the payee's number
    u64 sequence
    u16 path[3]  # SWAP_PATH: instrument indices in order
    u16 n_legs  # of the path; SWAPPED: how many SWAP_LEGs came before it
    u64 client_order_id
    i64 amount_in_units  # spent, gross
    i64 amount_out_units  # delivered, net of fees
    i64 unfilled_units  # of the exact amount, what could not be had
    i64 fills
    i64 singles  # SWAPPED: how many SWAP_PATHs came before it
    u64 account_stream
    u16 currency_out  # index
    u8 mode  # SwapMode
    u8 reserved[5]

cdef struct SwapLegEvent:
    u8 kind
    u8 side
    u16 reason
    u16 instrument
    u8 status
    u8 flags
    u32 account
    u32 counterparty  # 0
    u64 sequence
    u64 fills
    u64 client_order_id
    i64 spent_units
    i64 received_units  # before the fee
    i64 change_units  # of the currency received, what stays with the payer; told by the last leg into it
    i64 quantity_lots
    i64 fee_units
    u64 account_stream
    u64 instrument_stream

# -- state ---------------------------------------------------------------------------------------

cdef enum PlaceOfOrder:  # where an open order stands, and what its links link
    NOWHERE = 0  # it has just come, or is being matched
    IN_BOOK = 1  # a level of its side
    WAITING = 2  # a level of its instrument's stops
    TRIGGERED = 3  # the queue of those that wait to run

cdef enum Trait:
    QUOTE = 1  # a level of a maker's quote set
    DETAILED = 2  # has a Detail
    ICEBERG = 4  # shows a part of itself; has a Detail

cdef struct Order:  # one line; orders[slot], slot from 1
    u32 next  # slot behind in the queue, or next free slot; 0: none
    u32 prev  # slot in front in the queue; 0: none
    u32 generation  # times this slot was used; survives the order
    u32 account  # number; 0: the slot is free
    u64 client_order_id
    i64 leaves_lots
    i64 cum_lots
    i64 notional_units  # traded so far, quote
    u32 price_ticks
    u32 fee_credit  # paid beyond what was owed exactly, millionths of a unit
    u16 instrument  # index
    u8 side  # Side
    u8 ord_type  # OrdType
    u8 exec_inst  # ExecInst
    u8 self_trade_prevention  # SelfTradePrevention
    u8 place  # PlaceOfOrder
    u8 traits  # Trait

cdef struct Detail:  # one line, of the unusual order in the same slot; details[slot]
    i64 shown_lots  # of an iceberg in the book: what it shows now
    i64 display_lots  # what an iceberg shows at a time; 0: it is none
    i64 expire_ns  # valid strictly before; 0: no end
    u64 entry_sequence  # of the command that entered it
    u32 stop_price_ticks  # 0: it was never a stop
    u32 reserved[7]

cdef struct Balance:
    i64 available_units
    i64 held_units

cdef struct Remembered:  # what became of a client id
    u64 body_hash
    u64 sequence  # of the command that used the id first
    u64 order_id  # 0: none
    u8 kind  # CommandKind; 0: the id was not used
    u8 status  # OrdStatus
    u16 reason  # RejectReason
    u32 has_totals  # 0: both totals are nothing and their place holds anything

cdef struct Totals:  # the rarely needed part of a Remembered
    i64 done  # lots for orders and cancels, units for swaps and money
    i64 notional_units

cdef struct Segment:  # twelve lines
    Remembered ids[SEGMENT_IDS]
    Totals totals[SEGMENT_IDS]

cdef struct Place:  # of a segment in a ring
    u64 number  # (client id >> SEGMENT_BITS) + 1; 0: nothing stands here
    Segment* segment

cdef struct QuotedLevel:
    u32 price_ticks
    u32 slot

cdef struct QuoteSet:  # a maker's open quotes in one instrument
    QuoteSet* next  # the same maker's, in another instrument
    u32 account  # number
    u16 instrument  # index
    u8 n[2]  # bids, offers
    QuotedLevel levels[2][QUOTE_LEVELS_MAX]  # best first

cdef enum Mark:  # bits: what bars an account, and what it asked for
    FROZEN = 1
    REVOKED = 2  # the token of its credential
    WATCHING = 4  # wants its orders cancelled when its connection is lost

cdef struct Account:  # three lines; entry checks need the first
    i64 expires_ns  # may trade strictly before: the credential's end; 0 while a mark bars it
    u64 client_id_highest
    u64 stream  # last number of the account's private stream
    Place* ring  # ring_mask + 1 places
    Balance* balances  # by currency index
    u32 ring_mask  # places, less one
    u32 window  # client ids remembered
    u32 n_orders  # open
    u8 flags  # AccountFlag
    u8 level  # code
    u8 jurisdiction[2]
    u64 permitted[4]  # bit per currency; the first word ends the first line
    i64 issued_at_ns
    u8 identity[16]
    u8 token_id[16]
    QuoteSet* quotes  # first of its quote sets; NULL: never quoted
    u32 trade_group  # 0: none
    u32 dead_man_place  # in dead_men
    i64 dead_man_ns  # its open orders end then; 0: no timer
    i64 credential_expires_ns  # the credential is valid strictly before, marks apart
    u32 n_withdrawals  # open
    u8 marks  # Mark
    u8 reserved[27]

cdef struct Level:
    u32 head  # slot of the oldest order; 0: the level is empty
    u32 tail  # slot of the newest order

cdef struct Leaf:  # 256 neighbouring prices of one side
    u64 reserved[3]  # the first word links free leaves
    u32 key  # rank >> LEAF_BITS
    u32 reserved_1
    u64 occupied[LEAF_WORDS]  # bit per level that has orders
    Level levels[LEAF_LEVELS]

cdef struct Node:  # 64 children: nodes, or leaves at the lowest depth
    u64 reserved[7]  # the first word links free nodes
    u64 occupied  # bit per child that exists
    void* children[NODE_CHILDREN]

cdef struct Ladder:  # one side of a book: one line
    u32 best_rank  # NO_RANK: empty
    u32 cached_keys[LEAVES_CACHED]  # key of the leaf in cached[i]; NO_RANK: none
    u32 reserved
    Node* root  # NULL: empty
    Leaf* cached[LEAVES_CACHED]

cdef enum Closing:  # bits
    CLOSED_VENUE = 1  # CANCEL_ONLY
    CLOSED_CURRENCY = 2  # REDEEM_ONLY, its base or its quote

cdef struct Book:  # an instrument: three lines
    u16 given[2]  # currency index that a buyer gives (the quote), and a seller (the base)
    i32 maker_rate  # hundredths of a basis point; negative: a rebate
    i32 taker_rate  # hundredths of a basis point
    u16 index  # of the instrument
    u16 closed  # Closing: what keeps it from taking more risk; 0: it is open
    i64 lot_units  # base units in a lot
    i64 tick_lot_units  # quote units that one tick times one lot is worth
    u64 stream  # last number of the instrument's market data
    u32 last_price_ticks  # of the last trade; 0: none yet
    u32 n_stops  # that wait
    u32 buy_stop_ticks  # a trade at or above triggers a stop; NO_RANK: none waits
    u32 sell_stop_ticks  # a trade at or below triggers a stop; 0: none waits
    Ladder* stops  # by stop price, those to buy and those to sell; NULL: there never was one
    Ladder sides[2]  # bids, asks

cdef enum TimerKind:  # in the order of those due at the same time
    TIMER_CREDENTIAL = 1
    TIMER_ORDER = 2

cdef struct Timer:
    i64 due_ns
    u64 sequence  # of the order's entry; the account's number
    u64 subject  # OrderID; the account's number
    u32 kind  # TimerKind
    u32 reserved

cdef struct Shelf:  # blocks of one size that were used and are free again
    void* free

cdef struct Memory:
    u8* at  # next free byte of the newest region
    u8* end  # first byte behind it
    void* regions  # newest region; each starts with a Region
    Shelf rings[RING_SIZES]
    Shelf segments
    Shelf leaves
    Shelf nodes

cdef struct Region:
    void* older
    size_t n_bytes

cdef struct Walk:  # through the orders that an incoming one would meet, in turn
    Ladder* ladder
    Order* order  # reached
    i64 lots  # that it would trade here
    i64 turn  # parts that icebergs of this level have shown before
    u32 rank  # of the level
    u32 reach  # worst rank to walk to
    u32 prevented  # account whose group's orders are met once at most; 0: none
    bint hidden  # an iceberg of this level has a further part

cdef enum Stage:  # how far a command has come that was stopped at a safe point
    NOT_BEGUN = 0
    RUNNING_OVERDUE = 1
    FIRING_TIMERS = 2
    CARRYING_OUT = 3
    RUNNING_TRIGGERED = 4

cdef struct Rate:  # units brought per unit spent, rounded: bits * 2 ** exponent
    u32 bits  # the highest is set
    i32 exponent

cdef struct Factors:  # the same exactly: the product of ``up`` over the product of ``down``
    u32 n
    u64 up[FACTORS_MAX]
    u64 down[FACTORS_MAX]

cdef struct Top:  # what the best order of a book brings
    u32 hop  # as in State.hops
    bint is_there
    u64 kept  # of a receipt after the fee, millionths
    i64 gross_units  # that a lot brings
    i64 cost_units  # of a lot
    Rate rate

cdef struct Ranked:  # a path among the best
    i64 number
    i64 key  # of its rate
    u32 n  # books
    Top tops[LEGS_MAX]

cdef struct Entry:  # one fill that is there to be made
    i64 cost_units  # of a lot
    i64 gross_units  # that a lot brings, before the fee
    i64 lots
    Rate rate  # after the fee; its bits are 0 until it is asked for

cdef struct Arc:  # one book in one direction
    u32 hop  # as in State.hops
    u32 instrument  # index
    u32 side  # Side
    u32 pays_from  # node of the currency that it spends
    u32 pays_into  # node of the currency that it brings
    bint is_read  # there are no entries behind n_entries
    u64 taker_rate  # hundredths of a basis point
    i64 n_entries  # read so far
    Entry* entries  # room for max_fills
    Walk walk

cdef struct Leg:  # what a plan takes of an arc
    i64 at  # all entries before this one,
    i64 taken  # and so many lots of it
    i64 lots
    i64 spent_units
    i64 gross_units  # received, before the fee

cdef struct Candidate:  # a path that a swap may take
    u32 rank  # among the candidates, 0 is best
    u32 n  # books
    u32 arcs[LEGS_MAX]

cdef struct RouteHop:
    u32 arc
    bint is_backwards  # takes back what was taken of it last

cdef struct Route:
    u32 n
    RouteHop hops[HOPS_MAX]

cdef struct Wish:  # what a plan is to reach
    i64 amount_units
    i64 budget_units  # the most that may be paid
    i64 worst_key
    Factors worst  # rate; n is 0 where any will do
    bint is_exact_in
    bint allows_partial

cdef struct Split:
    i64 pots[NODES_MAX]  # by node: what is left to pay, what was received, what waits between
    i64 fills
    u32 used  # arcs, as bits
    u32 blocked  # routes, as bits: what is left makes no lot at their end
    u32 n_routes
    u32 n_forwards  # routes that are paths; residual ones are behind them
    bint took_back
    u32 carried[ARCS_MAX]  # routes that went over an arc, as bits
    Leg legs[ARCS_MAX]
    Route routes[ROUTES_MAX]

cdef struct Plan:
    i64 paid_units
    i64 delivered_units
    i64 fills
    i32 reason  # RejectReason: why it does not reach all of the amount
    u32 n_legs
    u32 arcs[ARCS_MAX]  # of its legs, in order of execution
    Leg legs[ARCS_MAX]

cdef struct Single:  # what one path by itself would give
    u32 path
    i32 reason
    i64 paid_units
    i64 delivered_units
    i64 fills

cdef struct Router:  # all that planning a swap needs, made once
    u32 n_ranked
    u32 n_paths
    u32 n_arcs
    u32 n_nodes
    u32 n_middles
    u32 together  # paths that a split is made of, as bits
    u32 turned  # those of another, where some are left out of the first
    u32 n_singles
    i64 n_numbered  # paths that came so far
    bint has_plan
    Ranked ranked[PATHS_MAX]  # best first
    Candidate paths[PATHS_MAX]  # by number
    Arc arcs[ARCS_MAX]  # first books, middle ones, last ones
    u32 nodes[NODES_MAX]  # currency
    u32 middles[PATHS_MAX][2]  # currencies that the middle books of better paths join
    Single singles[SINGLES_TOLD]  # best first
    Split split
    Plan plan  # made last
    Plan best
    u32* entered  # currencies that first books lead to
    Top* entering  # what these bring
    Top* leaving  # by currency: what a last book brings from there

cdef struct RouteRecord:  # a path that the venue names
    u16 n_stops
    u16 stops[4]  # currencies

cdef struct KnownId:
    u8 hash[16]  # blake2b-128

cdef struct KnownIds:  # ids that are never forgotten
    KnownId* ids  # n of them, ascending
    size_t n
    size_t capacity

cdef struct Withdrawal:  # an open one; also its image in the canonical form
    u64 number  # sequence of the command that asked for it
    i64 amount_units
    u32 account  # number
    u16 currency  # index
    u16 reserved

cdef struct Scope:  # what a session may send as records
    u32 account
    u64 kinds  # bit per CommandKind
    const i64* sizes  # by instrument: largest lots; 0: none at all; SIZE_UNCAPPED and more: any
    Py_ssize_t n_instruments
    i64 smallest  # of the sizes

cdef struct State:
    u64 sequence  # number of the command being applied
    i64 now_ns
    i64 next_due_ns  # no timer and no dead-man timer is due before; INT64_MAX: none
    Event* events  # n_events of events_capacity are written
    size_t n_events
    size_t events_capacity
    size_t events_reserve  # most events that one order makes
    size_t events_enough  # with at most so many written, there is room for one order
    Order* orders  # by slot; slot 0 is never used
    Detail* details  # by slot
    u32 orders_free  # slot to use next; 0: a fresh one
    u32 orders_used  # slots ever used
    u32 n_orders  # open
    u32 max_orders
    u32 met_next  # slot of an order that a taker may meet next, and is still to be looked behind; 0: none
    Account* accounts  # by number
    Balance* balances  # [account * n_currencies + currency]
    u32 n_accounts
    u32 max_accounts
    Book* books  # by instrument
    Balance* fees  # of FEES_ACCOUNT, by currency
    Balance* custody  # of CUSTODY_ACCOUNT, by currency
    u32 n_instruments
    u32 n_currencies
    i64 max_fills
    u32* hops  # [from * n_currencies + to]: instrument << 2 | Side, or NO_HOP
    Router* router
    RouteRecord* routes  # n_routes that the venue names
    u32 n_routes
    i32 swap_rate  # fee on the last leg of a swap, instead of every leg's taker fee; -1: none, each leg pays its own
    Timer* timers  # binary heap, soonest first
    size_t n_timers
    size_t timers_capacity
    u32* dead_men  # binary heap of the accounts whose dead-man timer runs, soonest first
    u32 n_dead_men
    u32 dead_men_capacity
    KnownIds revoked  # tokens, by their jti
    u32 stage  # Stage
    u32 triggers_run  # by this command so far
    u32 triggered_first  # slot of the triggered stop to run next; 0: none
    u32 triggered_last  # slot of the one to run last
    QuoteSet** quotes  # hash table of quotes_mask + 1 places, probed linearly
    u32 quotes_mask
    u32 n_quotes
    u64 redeem_only[4]  # bit per currency that is not traded
    bint cancel_only  # the venue takes nothing that adds risk
    u64 final_sequence  # all up to this command is FINAL in the ledger
    Withdrawal* withdrawals  # n_withdrawals open ones, ascending by number
    size_t n_withdrawals
    size_t withdrawals_capacity
    u32 max_withdrawals  # open, of an account
    KnownIds busted  # trades that were undone, by instrument and number; see busts.pxi
    KnownIds deposits  # external ids of all that were credited and had one
    Memory memory

# -- the state's canonical form (core/canonical.pxi) ---------------------------------------------

cdef struct HeadImage:
    u8 magic[8]
    u64 sequence
    i64 now_ns
    u32 n_currencies
    u32 n_instruments
    u32 n_accounts
    u32 n_slots

cdef packed struct AccountImage:
    u8 identity[16]
    u8 flags
    u8 level
    u8 jurisdiction[2]
    u32 window
    i64 issued_at_ns
    i64 expires_ns
    u64 permitted[4]
    u8 token_id[16]
    u32 trade_group
    u64 client_id_highest
    u64 stream
    u32 n_outcomes

cdef struct OutcomeImage:
    u64 client_order_id
    u64 body_hash
    u64 sequence
    u64 order_id
    u8 kind
    u8 status
    u16 reason
    u32 reserved
    i64 done
    i64 notional_units

cdef struct BookImage:
    u64 stream
    u32 last_price_ticks
    u32 n_bids
    u32 n_asks
    u32 n_stops

cdef struct MarkImage:  # of an account that has any mark or a dead-man timer
    u32 account
    u32 marks  # Mark
    i64 dead_man_ns

cdef packed struct OrderImage:
    u32 slot
    u32 account
    u64 client_order_id
    u64 entry_sequence  # 0 where nothing is sorted by it
    u32 price_ticks
    u32 stop_price_ticks
    u8 side
    u8 ord_type
    u8 exec_inst
    u8 self_trade_prevention
    u16 instrument
    u8 is_quote
    u8 reserved
    u32 fee_credit
    i64 leaves_lots
    i64 shown_lots
    i64 display_lots
    i64 cum_lots
    i64 notional_units
    i64 expire_ns

# -- what stands before it in a snapshot (core/snapshot.pxi) --------------------------------------

cdef struct SnapshotHead:
    u8 magic[8]
    u8 checksum[16]  # XXH3-128 of all behind it
    u32 version
    u32 n_currencies
    u32 n_instruments
    u32 reserved_0
    u64 n_bytes  # of the whole snapshot
    i64 max_fills
    u64 reserved_1

# -- the class (core/interface.pxi) --------------------------------------------------------------

cdef class Core:
    cdef State state
    cdef object _routes  # as given, for a restored core to have them too
    cdef object _commands  # the bound array, kept alive
    cdef const Command* records
    cdef Py_ssize_t n_records
    cdef object _events  # the array that state.events points into
    cdef bint applying  # a batch runs without the GIL
    cdef bint broken  # memory ran out in the middle of a command

    cdef int _ready(self) except -1
    cdef int _recover(self, int status, Py_ssize_t at) except -1
    cdef int _enlarge_events(self, size_t capacity) except -1
