"""What a venue is: currencies, instruments, KYC levels and issuers, checked and frozen.

Build one with :mod:`fxengine.venue_file`. Amounts, prices and quantities become integers here and
nowhere else: a currency counts in units of 10^-decimals, an instrument's price in ticks and its
quantity in lots, and one tick times one lot is a whole number of the quote currency's units.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np

from fxengine.errors import AmountError
from fxengine.money import format_scaled, parse_scaled
from fxengine.records import INSTRUMENT, Records, route_records

C = TypeVar("C")

BURST_MIN = 1_000
"""Of a level: a whole frame, or a swap, must fit into a burst, or it could never pass."""


@dataclass(frozen=True, slots=True)
class Currency:
    """A local-currency stablecoin. ``index`` is its number in records."""

    index: int
    code: str
    name: str
    decimals: int

    def units(self, text: str) -> int:
        """Turn decimal text into units, exactly; :class:`AmountError` otherwise."""
        return parse_scaled(text, self.decimals)

    def text(self, units: int) -> str:
        """Write units as decimal text."""
        return format_scaled(units, self.decimals)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A pair such as EUR/USD: price is USD per EUR. ``index`` is its number in records."""

    index: int
    symbol: str
    base: Currency
    quote: Currency
    tick: str
    lot: str
    maker_rate: int
    taker_rate: int
    lot_units: int
    tick_lot_units: int

    def ticks(self, price: str) -> int:
        """Turn a decimal price into ticks, exactly."""
        return _whole_multiple(price, self.tick, "price")

    def lots(self, quantity: str) -> int:
        """Turn a decimal quantity of the base currency into lots, exactly."""
        return _whole_multiple(quantity, self.lot, "quantity")

    def price_text(self, ticks: int) -> str:
        """Write ticks as a decimal price."""
        decimals = _decimals_of(self.tick)
        return format_scaled(ticks * parse_scaled(self.tick, decimals), decimals)

    def quantity_text(self, lots: int) -> str:
        """Write lots as a decimal quantity of the base currency."""
        decimals = _decimals_of(self.lot)
        return format_scaled(lots * parse_scaled(self.lot, decimals), decimals)

    def notional_units(self, price_ticks: int, quantity_lots: int) -> int:
        """Return price times quantity in quote units; exact by the venue's construction."""
        return price_ticks * quantity_lots * self.tick_lot_units


@dataclass(frozen=True, slots=True)
class Level:
    """A KYC level: its code in credentials, and what such an account may have and ask of the venue."""

    name: str
    code: int
    window: int
    """Client order ids remembered."""
    commands_per_s: int
    """Commands and questions it may send, for ever; what has several records or is routed counts as many."""
    burst: int
    """How many of them at once, after a pause."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may vouch for accounts, with which keys (kid to raw Ed25519 public key) and how far.

    An issuer with ``operator`` set vouches for the venue's own operators instead of clients; one with ``issues``
    is the issuer of currencies, and its accounts bring these in and take them out.
    """

    name: str
    keys: dict[str, bytes] = field(repr=False)
    levels: frozenset[str]
    jurisdictions: frozenset[str]
    operator: bool
    issues: frozenset[str] = frozenset()
    """Codes of the currencies that it issues, alone."""


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who holds the money behind currencies, and signs how much of it there is, with which keys."""

    name: str
    keys: dict[str, bytes] = field(repr=False)
    currencies: frozenset[str]
    """Codes of the currencies it may attest reserves of."""


@dataclass(frozen=True)
class Venue:
    """A checked venue description. Build it with ``fxengine.venue_file``."""

    id: str
    name: str
    max_fills: int
    max_orders: int
    settlement_cycle_ms: int
    pending_trades_max: int
    """Trades that may wait for the ledger before no more are made."""
    history_bytes: int
    """Memory for the reports that a client may ask for again."""
    currencies: tuple[Currency, ...]
    instruments: tuple[Instrument, ...]
    levels: dict[str, Level]
    issuers: dict[str, Issuer]
    custodians: dict[str, Custodian]
    attestation_max_age_s: int
    """How old a custodian's word about its holdings may be."""
    routes: tuple[tuple[Currency, ...], ...] = ()
    """Paths for instant swaps that the venue names: a swap between the ends of any takes these and no others."""
    swap_rate: int | None = None
    """The fee of a swap's last leg, where it takes the place of every leg's taker fee; hundredths of a basis point."""
    settlement_stale_s: int | None = None
    """How long what was matched may wait to be FINAL before no more is taken; None: as long as is usual and sound."""

    @cached_property
    def currency(self) -> dict[str, Currency]:
        """Currencies by code."""
        return {c.code: c for c in self.currencies}

    @cached_property
    def instrument(self) -> dict[str, Instrument]:
        """Instruments by symbol."""
        return {i.symbol: i for i in self.instruments}

    @cached_property
    def instrument_records(self) -> Records:
        """The instruments as the core wants them: ``(n,) INSTRUMENT`` records."""
        rows = np.zeros(len(self.instruments), INSTRUMENT)
        for row, i in zip(rows, self.instruments, strict=True):
            row["base"], row["quote"] = i.base.index, i.quote.index
            row["maker_rate"], row["taker_rate"] = i.maker_rate, i.taker_rate
            row["lot_units"], row["tick_lot_units"] = i.lot_units, i.tick_lot_units
        return rows

    @cached_property
    def route_records(self) -> Records:
        """The named paths as the core wants them: ``(n,) ROUTE`` records."""
        return route_records([[currency.index for currency in route] for route in self.routes])

    def core(self, core_type: Callable[..., C]) -> C:
        """Make an empty core with all of this venue's terms. Raises what the core's constructor raises."""
        return core_type(
            self.instrument_records,
            n_currencies=len(self.currencies),
            max_fills=self.max_fills,
            max_orders=self.max_orders,
            routes=self.route_records,
            swap_rate=self.swap_rate,
        )

    @cached_property
    def fingerprint(self) -> bytes:
        """Hash all that decides what a journal means: a journal replays only under the same rules.

        Names, issuers, custodians, levels' rates, settlement's, the gateway's and the reserves' settings may change;
        these may not.
        """
        h = hashlib.sha256(f"{self.id}|{self.max_fills}|{self.max_orders}".encode())
        for c in self.currencies:
            h.update(f"|{c.code}:{c.decimals}".encode())
        h.update(self.instrument_records.tobytes())
        h.update(self.route_records.tobytes())
        if self.swap_rate is not None:
            h.update(f"|swap:{self.swap_rate}".encode())
        return h.digest()


def _decimals_of(text: str) -> int:
    return len(text.partition(".")[2])


def _whole_multiple(text: str, step: str, what: str) -> int:
    """Divide decimal text by a decimal step; refuse any remainder rather than round."""
    decimals = max(_decimals_of(str(text)), _decimals_of(step))
    whole, rest = divmod(parse_scaled(text, decimals), parse_scaled(step, decimals))
    if rest:
        raise AmountError(f"{what} {text} is not a multiple of {step}")
    return whole
