"""How the demo's market makers price: a fair value that drifts a little, and a ladder around it.

Each currency has a drift against its reference rate, in parts per million, that wanders and is
pulled back to zero. A pair's fair price is the reference cross rate moved by the difference of its
two drifts, so prices of all pairs agree with one another and no loop of trades is free money::

    fair HKD/JPY = 20.0429 x (1 + (drift HKD - drift JPY) / 1,000,000)

A ladder stands around it, rounded away from the fair price, deeper where it is worse::

    offers   fair + 3.0 bp   400,000 EUR worth
             fair + 1.7 bp   150,000
             fair + 0.8 bp    60,000
    bids     fair - 0.8 bp    60,000      and so on down
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fxengine.codes import Side
from fxengine.demo.rates import ReferenceRates
from fxengine.venue import Instrument

PPM = 1_000_000
DRIFT_STEP_PPM = 6
DRIFT_PULL = 20
"""Each step takes a twentieth of the drift back."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of a ladder: distance from fair in parts per million, size in whole euros' worth."""

    distance_ppm: int
    size_eur: int


LADDER: Sequence[Rung] = (Rung(80, 60_000), Rung(170, 150_000), Rung(300, 400_000))


@dataclass(frozen=True, slots=True)
class Quote:
    """An order that a maker wants in the book."""

    instrument: Instrument
    side: Side
    rung: int
    price_ticks: int
    quantity_lots: int


class Drift:
    """Where each currency stands against its reference rate, the same for all makers of one seed."""

    def __init__(self, currencies: Sequence[str], seed: int) -> None:
        self._random = random.Random(seed)
        self.ppm = dict.fromkeys(currencies, 0)

    def step(self) -> None:
        """Wander a little."""
        for code, ppm in self.ppm.items():
            self.ppm[code] = ppm - ppm // DRIFT_PULL + self._random.randint(-DRIFT_STEP_PPM, DRIFT_STEP_PPM)


def ladder(instrument: Instrument, rates: ReferenceRates, drift: Drift, *, skew_ppm: int) -> Iterator[Quote]:
    """Yield what a maker wants in one book: bids rounded down to a tick, offers up.

    ``skew_ppm`` moves a maker's whole ladder, so that no two makers quote the same.
    """
    base, quote = instrument.base.code, instrument.quote.code
    shift_ppm = drift.ppm[base] - drift.ppm[quote] + skew_ppm
    fair = rates.rate(base, quote) * (PPM + shift_ppm) / PPM
    tick = Fraction(instrument.tick)
    lots_per_eur = rates.rate("EUR", base) / Fraction(instrument.lot)
    for number, rung in enumerate(LADDER):
        lots = max(1, int(rung.size_eur * lots_per_eur))
        bid = fair * (PPM - rung.distance_ppm) / PPM // tick
        offer = -(-fair * (PPM + rung.distance_ppm) / PPM // tick)
        yield Quote(instrument, Side.BUY, number, max(1, int(bid)), lots)
        yield Quote(instrument, Side.SELL, number, int(offer), lots)
