"""What an instant swap did, or would do: its legs by book, its change, and the best single paths beside it.

::

    SWAP_LEG_REPORT ...    one a book         -> SwapLeg
    SWAP_PATH_REPORT ...   at most three      -> SwapPath       } SwapReceipt
    SWAP_REPORT            the whole          -> SwapReceipt
    SWAP_QUOTE             all of it in one                       SwapQuote
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from fxengine.client.executions import Execution
from fxengine.client.listing import Listing
from fxengine.codes import Side, SwapMode
from fxengine.messages import SwapLegReport, SwapPathReport, SwapQuoteRequest, SwapReport
from fxengine.messages import SwapQuote as SwapQuoteMessage
from fxengine.venue import Currency, Instrument

_RATE = Context(prec=10, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class SwapLeg:
    """One book that a swap traded in, whichever paths went over it."""

    instrument: Instrument
    side: Side
    quantity_lots: int
    spent_units: int
    received_units: int
    """Before the fee."""
    fee_units: int
    change_units: int
    """Of the currency received, what stays with the payer; told by the last leg that received it."""
    n_fills: int

    @property
    def pays(self) -> Currency:
        """The currency it spent."""
        return self.instrument.quote if self.side is Side.BUY else self.instrument.base

    @property
    def receives(self) -> Currency:
        """The currency it received, and of which it paid its fee."""
        return self.instrument.base if self.side is Side.BUY else self.instrument.quote

    @property
    def spent(self) -> str:
        """What it spent."""
        return self.pays.text(self.spent_units)

    @property
    def received(self) -> str:
        """What it received, before the fee."""
        return self.receives.text(self.received_units)

    @property
    def fee(self) -> str:
        """Its fee, in the currency received."""
        return self.receives.text(self.fee_units)

    @property
    def price(self) -> str:
        """Its average price, before the fee, to ten figures."""
        base, quote = (self.received, self.spent) if self.side is Side.BUY else (self.spent, self.received)
        return _ratio(quote, base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """An amount of one currency for an amount of another, all fees taken off."""

    pay: Currency
    receive: Currency
    paid_units: int
    """Spent, gross."""
    received_units: int
    """Delivered, net of fees."""
    unfilled_units: int = 0
    """Of the exact amount, what could not be had; 0 unless a part was allowed."""

    @property
    def paid(self) -> str:
        """What was spent, gross."""
        return self.pay.text(self.paid_units)

    @property
    def received(self) -> str:
        """What was delivered, net of fees."""
        return self.receive.text(self.received_units)

    @property
    def rate(self) -> str:
        """How much was received per unit paid, after all fees, to ten figures rounded down."""
        return _ratio(self.received, self.paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapPath(Exchanged):
    """What one path by itself would have given."""

    route: tuple[Instrument, ...]
    n_fills: int

    @property
    def stops(self) -> tuple[Currency, ...]:
        """The currencies that it leads over, both ends included."""
        found = [self.pay]
        for instrument in self.route:
            found.append(instrument.quote if found[-1] == instrument.base else instrument.base)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapResult(Exchanged):
    """What a swap did, or would do."""

    payee: int
    mode: SwapMode
    """Which end is exact."""
    legs: tuple[SwapLeg, ...] = ()
    """One per book, in the order of execution; not known when a repeated id was answered."""
    paths: tuple[SwapPath, ...] = ()
    """The best single paths, best first, at most three."""

    @property
    def unfilled(self) -> str:
        """Of the exact amount, what could not be had, and its currency."""
        currency = self.pay if self.mode is SwapMode.EXACT_IN else self.receive
        return f"{currency.text(self.unfilled_units)} {currency.code}"

    @property
    def route(self) -> tuple[Instrument, ...]:
        """The books it went through."""
        return tuple(leg.instrument for leg in self.legs)

    @property
    def change(self) -> tuple[tuple[Currency, int], ...]:
        """What stayed with the payer on the way, in units, where it is not zero."""
        return tuple((leg.receives, leg.change_units) for leg in self.legs if leg.change_units)

    @property
    def fees(self) -> tuple[tuple[Currency, int], ...]:
        """What was paid in fees, in units, by currency, where it is not zero."""
        found: dict[str, tuple[Currency, int]] = {}
        for leg in self.legs:
            if leg.fee_units:
                found[leg.receives.code] = leg.receives, found.get(leg.receives.code, (None, 0))[1] + leg.fee_units
        return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapReceipt(SwapResult):
    """An instant swap that was done."""

    client_order_id: int
    sequence: int
    fills: tuple[Execution, ...] = ()
    time_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapQuote(SwapResult):
    """What a swap would do now, were it sent: an indication; the next command of anybody may change it."""


def read_leg(message: SwapLegReport, listing: Listing) -> SwapLeg:
    """Read a leg's report."""
    return SwapLeg(
        listing.instruments[message.instrument], Side(message.side), message.quantity_lots, message.spent_units,
        message.received_units, message.fee_units, message.change_units, message.n_fills,
    )  # fmt: skip


def read_receipt(
    message: SwapReport,
    legs: tuple[SwapLeg, ...],
    paths: list[SwapPathReport],
    fills: tuple[Execution, ...],
    listing: Listing,
) -> SwapReceipt:
    """Put a receipt together from the reports of one swap."""
    pay, receive = listing.currencies[message.currency_in], listing.currencies[message.currency_out]
    return SwapReceipt(
        client_order_id=message.client_order_id,
        sequence=message.sequence,
        pay=pay,
        receive=receive,
        paid_units=message.amount_in_units,
        received_units=message.amount_out_units,
        payee=message.payee,
        mode=SwapMode(message.mode),
        unfilled_units=message.unfilled_units,
        legs=legs,
        paths=tuple(
            _path(pay, receive, listing, p.path, p.amount_in_units, p.amount_out_units, p.unfilled_units, p.n_fills)
            for p in paths
        ),
        fills=fills,
        time_ns=message.time_ns,
    )


def read_quote(asked: SwapQuoteRequest, message: SwapQuoteMessage, account: int, listing: Listing) -> SwapQuote:
    """Read the answer to a question what a swap would do."""
    pay, receive = listing.currencies[asked.currency_in], listing.currencies[asked.currency_out]
    return SwapQuote(
        pay=pay,
        receive=receive,
        paid_units=message.amount_in_units,
        received_units=message.amount_out_units,
        payee=asked.payee or account,
        mode=SwapMode(asked.mode),
        unfilled_units=message.unfilled_units,
        legs=tuple(SwapLeg(listing.instruments[i], Side(side), *rest) for i, side, *rest in message.legs),
        paths=tuple(_path(pay, receive, listing, *row) for row in message.paths),
    )


def _path(
    pay: Currency,
    receive: Currency,
    listing: Listing,
    books: tuple[int, ...],
    paid_units: int,
    received_units: int,
    unfilled_units: int,
    n_fills: int,
) -> SwapPath:
    return SwapPath(
        pay=pay,
        receive=receive,
        paid_units=paid_units,
        received_units=received_units,
        unfilled_units=unfilled_units,
        route=tuple(listing.instruments[i] for i in books),
        n_fills=n_fills,
    )


def _ratio(one: str, other: str) -> str:
    """Divide two decimal texts to ten figures, for showing; nothing is reckoned with it."""
    return f"{_RATE.divide(Decimal(one), Decimal(other)):f}" if Decimal(other) else ""
