"""What happened to one order, or in one fill of a swap, with amounts as exact decimal text."""

from dataclasses import dataclass, field

from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, Side
from fxengine.messages import ExecutionReport
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
