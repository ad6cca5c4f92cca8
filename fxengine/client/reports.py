"""What the client hands out: reports with their meaning, amounts as exact decimal text.

The wire's integers stay underneath (``execution.message``, ``order.price_ticks``); text is made when
it is asked for, so that who counts in ticks and lots never pays for it.
"""

from dataclasses import dataclass, field

from fxengine.client.executions import Execution
from fxengine.client.notices import BustNotice, ControlNotice, GuardNotice, RevocationNotice
from fxengine.client.swaps import SwapReceipt
from fxengine.codes import (
    CommandKind,
    EventKind,
    OrdStatus,
    OrdType,
    RejectReason,
    SettlementStatus,
    Side,
)
from fxengine.messages import OrderState
from fxengine.venue import Currency, Instrument


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
