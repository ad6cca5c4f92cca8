"""One day's real exchange rates, exact: where the demo's makers quote and its costs are measured.

The European Central Bank fixes what one euro is worth in each currency; every other pair is the
quotient of two such figures, kept as a fraction so that nothing is rounded before somebody
chooses a tick::

    1 EUR = 8.7652 HKD              HKD/JPY = 175.68 / 8.7652  JPY per HKD
    1 EUR = 175.68 JPY                      = 20.0429... , a fraction; 20.043 on a tick of 0.0005

A reference rate is a yardstick, not a price at which anybody promised to trade.
"""

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

from fxengine.venue import Currency, Instrument

RATES_DATE = datetime.date(2026, 10, 30)


@dataclass(frozen=True, slots=True)
class ReferenceRates:
    """The euro reference rates of one day.

    Attributes:
        date: the day they were fixed.
        per_eur: units of each currency that one euro is worth, by currency code.
        notes: the data file's own words on its source and on CNH, one line each.
    """

    date: datetime.date
    per_eur: Mapping[str, Decimal]
    notes: tuple[str, ...]

    def rate(self, base: str, quote: str) -> Fraction:
        """Return how much of ``quote`` one ``base`` is worth; exact, O(1).

        Raises:
            KeyError: one of the two is not among the day's rates.

        >>> rates = load_rates()
        >>> rates.rate("EUR", "USD")
        Fraction(2793, 2500)
        >>> rates.rate("HKD", "JPY") * rates.rate("JPY", "HKD")
        Fraction(1, 1)
        """
        return Fraction(self.per_eur[quote]) / Fraction(self.per_eur[base])

    def price_ticks(self, instrument: Instrument) -> int:
        """Return the instrument's reference price in ticks: the nearest, off by at most half a tick."""
        return round(self.rate(instrument.base.code, instrument.quote.code) / Fraction(instrument.tick))

    def worth_units(self, amount_units: int, held: Currency, wanted: Currency) -> Fraction:
        """Return what an amount of ``held`` is worth in units of ``wanted`` at the reference rate; exact."""
        scale = Fraction(10**wanted.decimals, 10**held.decimals)
        return amount_units * self.rate(held.code, wanted.code) * scale


def load_rates() -> ReferenceRates:
    """Read the rates that come with the package.

    >>> load_rates().per_eur["HKD"]
    Decimal('8.7652')

    Source: European Central Bank, euro foreign exchange reference rates of 2026-10-30.
    """
    lines = (files("fxengine.demo") / "rates.csv").read_text(encoding="utf-8").splitlines()
    notes = tuple(line.removeprefix("# ") for line in lines if line.startswith("#"))
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return ReferenceRates(RATES_DATE, {row["currency"]: Decimal(row["per_eur"]) for row in rows}, notes)
