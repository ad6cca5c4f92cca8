"""What the client hands out: reports with their meaning, amounts as exact decimal text.

The wire's integers stay underneath (``execution.message``, ``order.price_ticks``); text is made when
it is asked for, so that who counts in ticks and lots never pays for it.
"""

from dataclasses import dataclass, field

from fxengine.codes import (
    CommandKind,
    ControlMode,
    ControlScope,
    EventFlag,
    EventKind,
    GuardAction,
    OrdStatus,
    OrdType,
    RejectReason,
    RevokeAction,
    SettlementStatus,
    Side,
)
from fxengine.messages import ExecutionReport, OrderState
from fxengine.venue import Currency, Instrument


@dataclass(frozen=True, slots=True)
class Execution:
    """One EXECUTION_REPORT about an order, or about a leg of a swap. Source: FIX 35=8."""

    message: ExecutionReport
    instrument: Instrument = field(repr=False)

    @property
    def exec_type(self) -> EventKind:
        """What happened: ACCEPTED, FILL, CANCELED, RESTED, REPLACED, REDUCED, TRIGGERED or QUOTED."""
        return EventKind(self.message.exec_type)

    @property
    def status(self) -> OrdStatus:
        """The order's state after it."""
        return OrdStatus(self.message.status)

    @property
    def reason(self) -> RejectReason:
        """Why it was cancelled or reduced, if the venue did it."""
        return RejectReason(self.message.reason)

    @property
    def side(self) -> Side:
        """This side's direction; ValueError for QUOTED, which is about both."""
        return Side(self.message.side)

    @property
    def price(self) -> str:
        """The fill's price, else the order's."""
        return self.instrument.price_text(self.message.price_ticks)

    @property
    def quantity(self) -> str:
        """Quantity of this event, in the base currency."""
        return self.instrument.quantity_text(self.message.quantity_lots)

    @property
    def notional(self) -> str:
        """Price times quantity, in the quote currency."""
        units = self.instrument.notional_units(self.message.price_ticks, self.message.quantity_lots)
        return self.instrument.quote.text(units)

    @property
    def is_maker(self) -> bool:
        """Say whether this side rested in the book."""
        return bool(self.message.flags & EventFlag.MAKER)

    @property
    def fee(self) -> str:
        """Fee paid in :attr:`fee_currency`; negative: a rebate received."""
        return self.fee_currency.text(self.message.fee_units)

    @property
    def fee_currency(self) -> Currency:
        """The currency received; for a rebate the currency given."""
        receives_base = self.side is Side.BUY
        in_base = receives_base if self.message.fee_units >= 0 else not receives_base
        return self.instrument.base if in_base else self.instrument.quote


@dataclass(slots=True)
class Order:
    """An order of this account, or a level of its quotes. It is alive: reports that arrive later keep changing it."""

    client_order_id: int
    order_id: int
    instrument: Instrument = field(repr=False)
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    cum_lots: int = 0
    status: OrdStatus = OrdStatus.NEW
    reason: RejectReason = RejectReason.NONE
    sequence: int = 0
    """Number of the latest command that changed it; of its last fill, what ``wait_final`` wants."""
    fills: list[Execution] = field(default_factory=list, repr=False)
    ord_type: OrdType | None = None
    """None where this session heard of the order and did not enter it."""
    is_quote: bool = False
    """It is a level of a mass quote, and ``client_order_id`` is the quote's."""

    @property
    def price(self) -> str:
        """Its limit."""
        return self.instrument.price_text(self.price_ticks)

    @property
    def quantity(self) -> str:
        """OrderQty, in the base currency."""
        return self.instrument.quantity_text(self.quantity_lots)

    @property
    def leaves(self) -> str:
        """LeavesQty: what is open."""
        return self.instrument.quantity_text(self.leaves_lots)

    @property
    def filled(self) -> str:
        """CumQty: what has traded."""
        return self.instrument.quantity_text(self.cum_lots)

    @property
    def canceled_lots(self) -> int:
        """What was cancelled or expired of it: OrderQty less CumQty less LeavesQty."""
        return self.quantity_lots - self.cum_lots - self.leaves_lots

    @property
    def is_open(self) -> bool:
        """Say whether it rests in the book, or waits for its stop price."""
        return self.status in (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class SwapReceipt:
    """An instant swap that was done."""

    client_order_id: int
    sequence: int
    pay: Currency
    receive: Currency
    paid_units: int
    received_units: int
    payee: int
    route: tuple[Instrument, ...] = ()
    """The books it went through, in order; not known when a repeated id was answered."""
    change: tuple[tuple[Currency, int], ...] = ()
    """What stayed with the payer on the way, in units, where it is not zero."""
    legs: tuple[Execution, ...] = ()
    time_ns: int = 0

    @property
    def paid(self) -> str:
        """Spent, gross."""
        return self.pay.text(self.paid_units)

    @property
    def received(self) -> str:
        """Delivered to the payee, net of fees."""
        return self.receive.text(self.received_units)


@dataclass(frozen=True, slots=True)
class MoneyMovement:
    """Money that moved outside the books: RECEIVED, DEPOSITED, WITHDRAWN, or is held or free again for a withdrawal.

    DONE for the operator who moved it here.
    """

    kind: EventKind
    client_order_id: int
    sequence: int
    currency: Currency
    amount_units: int
    counterparty: int
    time_ns: int
    withdrawal: int = 0
    """Of a step of a withdrawal: its number."""

    @property
    def amount(self) -> str:
        """How much."""
        return self.currency.text(self.amount_units)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal that waits to be paid. ``number`` names it."""

    number: int
    account: int
    currency: Currency
    amount_units: int
    is_final: bool
    """All up to it is FINAL in the ledger: it may be paid."""

    @property
    def amount(self) -> str:
        """How much is held for it."""
        return self.currency.text(self.amount_units)


@dataclass(frozen=True, slots=True)
class SettlementNotice:
    """All of the account's movements from first to last sequence have this settlement status."""

    batch_id: int
    status: SettlementStatus
    finality: str
    first_sequence: int
    last_sequence: int
    posted_ns: int

    def covers(self, sequence: int) -> bool:
        """Say whether a command belongs to the batch."""
        return self.first_sequence <= sequence <= self.last_sequence


@dataclass(frozen=True, slots=True)
class Balance:
    """Money of one currency: free to use, and held for open orders and withdrawals."""

    currency: Currency
    available_units: int
    held_units: int

    @property
    def available(self) -> str:
        """Free to use."""
        return self.currency.text(self.available_units)

    @property
    def held(self) -> str:
        """Held for open orders and withdrawals."""
        return self.currency.text(self.held_units)


@dataclass(frozen=True, slots=True)
class CommandDone:
    """A command on many orders, or on others' orders or money, was carried out."""

    client_order_id: int
    sequence: int
    count: int
    """How many orders and quotes it cancelled; of another session's deposit or withdrawal, the units it moved."""
    time_ns: int


@dataclass(frozen=True, slots=True)
class QuoteResult:
    """What became of a mass quote, set by set. A refused set left the old one as it was."""

    client_order_id: int
    sequence: int
    n_quoted: int
    n_refused: int
    refused: dict[str, RejectReason] = field(default_factory=dict)
    """Why, by instrument; not known when a repeated id was answered."""


@dataclass(frozen=True, slots=True)
class GuardNotice:
    """A guard over the account's orders was set, or acted (``reason`` is then DEAD_MAN_FIRED or DISCONNECTED)."""

    action: GuardAction
    reason: RejectReason
    setting: int
    """DEAD_MAN: the timeout in nanoseconds, 0 when it is off; WATCH: 1 while cancel-on-disconnect is wanted."""
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class RevocationNotice:
    """An operator froze the account, released it, or took back its token."""

    action: RevokeAction
    reason: RejectReason
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class ControlNotice:
    """The venue or a currency was opened or closed, by this operator."""

    scope: ControlScope
    mode: ControlMode
    currency: Currency | None
    """None for the venue."""
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class BustNotice:
    """An operator undid a trade of this account: its legs and fees were reversed. Source: FIX ExecType H."""

    message: ExecutionReport
    instrument: Instrument = field(repr=False)

    @property
    def trade_number(self) -> int:
        """With the instrument it names the trade, as in its fill's report."""
        return self.message.trade_number

    @property
    def side(self) -> Side:
        """This account's side of the trade that was undone."""
        return Side(self.message.side)

    @property
    def price(self) -> str:
        """The trade's price."""
        return self.instrument.price_text(self.message.price_ticks)

    @property
    def quantity(self) -> str:
        """The trade's quantity, in the base currency."""
        return self.instrument.quantity_text(self.message.quantity_lots)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one true outcome of a command, or state of an order, as the venue knows it. Source: FIX 35=8, ExecType I."""

    message: OrderState
    instrument: Instrument | None
    """Of an open order; None for all else."""

    @property
    def command(self) -> CommandKind:
        """What the client order id was used for."""
        return CommandKind(self.message.command)

    @property
    def status(self) -> OrdStatus:
        """The order's state; of other commands FILLED where they were done."""
        return OrdStatus(self.message.status)

    @property
    def reason(self) -> RejectReason:
        """Why it was refused, or cancelled, if the venue did it."""
        return RejectReason(self.message.reason)

    @property
    def is_open(self) -> bool:
        """Say whether it is an order that is open now."""
        return self.instrument is not None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something was refused, and no call of this client waits for it."""

    reason: RejectReason
    text: str
    client_order_id: int = 0
    """Of the command that was refused, where it is known."""


Report = (
    Execution
    | SwapReceipt
    | MoneyMovement
    | CommandDone
    | SettlementNotice
    | GuardNotice
    | RevocationNotice
    | ControlNotice
    | BustNotice
    | Refusal
)
"""What ``take_reports`` returns."""
