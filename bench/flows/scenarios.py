"""Which venues are generated: small ones, each bent so that one kind of mistake cannot hide.

A scenario is a venue (pairs, fees, bounds of the core) and how its people behave (how far from the
middle they quote, how much, how long credentials last). The last currency of each has no pair, so
that there is always a swap without a path. Pairs of ``paths``::

    0 -- 1 -- 2 -- 3 -- 4      and  0 -- 2, 1 -- 3, 0 -- 4      5 stands alone

``web`` joins every pair, so that swaps are split and share books, ``twins`` has several paths that are worth the
same, ``toll`` names some of its paths and has one fee for a whole swap, ``wide`` lists as many currencies as a venue
can.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np

from bench.flows.feed import Core, CoreType
from fxengine.records import INSTRUMENT, Records, route_records


class Pair(NamedTuple):
    """An instrument as the core sees it, and the price in ticks around which it starts to trade."""

    base: int
    quote: int
    maker_rate: int
    taker_rate: int
    lot_units: int
    tick_lot_units: int
    mid_ticks: int


@dataclass(frozen=True)
class Scenario:
    """A venue and the habits of those who trade there."""

    name: str
    pairs: tuple[Pair, ...]
    n_currencies: int
    max_fills: int = 256
    max_orders: int = 4_000_000
    max_withdrawals: int = 1024
    routes: tuple[tuple[int, ...], ...] = ()
    """Paths that the venue names, by their currencies."""
    swap_rate: int | None = None
    window: int = 64
    n_makers: int = 4
    n_payers: int = 3
    n_guests: int = 3
    spread_ticks: int = 6
    """How far from the middle an order typically stands."""
    lots: int = 10
    """How much an order typically is for."""
    deposit_units: int = 2_000_000
    """What each member starts with in each currency, and is given again when it has run dry."""
    crossing: int = 110
    """Weight of orders that cross the spread, where quotes have 330: the less, the deeper the books."""
    reach: int = 4
    """How many price levels those who cross and swap take at most."""
    state_every: int = 10
    """Commands between comparisons of the whole state; 1 where it is small."""
    life_ns: int = 400_000
    """How long a guest's credential lasts; a command takes about a thousand."""

    @cached_property
    def traded(self) -> list[int]:
        """The currencies that have a pair, and the last, which has none."""
        joined = {currency for pair in self.pairs for currency in (pair.base, pair.quote)}
        return [*sorted(joined), self.n_currencies - 1]

    @cached_property
    def instruments(self) -> Records:
        """The pairs as ``(n,) INSTRUMENT`` records."""
        rows = np.zeros(len(self.pairs), INSTRUMENT)
        for row, pair in zip(rows, self.pairs, strict=True):
            for name, value in pair._asdict().items():
                if name != "mid_ticks":
                    row[name] = value
        return rows

    def core(self, core_type: CoreType) -> Core:
        """Make an empty core for this venue."""
        return core_type(
            self.instruments, n_currencies=self.n_currencies, max_fills=self.max_fills, max_orders=self.max_orders,
            max_withdrawals=self.max_withdrawals, routes=route_records(self.routes), swap_rate=self.swap_rate,
        )  # fmt: skip


_WORTH = (7, 5, 11, 4, 9, 6)
"""Of the currencies of ``web``, where every pair is a book and prices hang together."""
_ONE_BOOK = (Pair(0, 1, 50, 200, 100, 10, 100),)

_SCENARIOS = (
    Scenario("tight", _ONE_BOOK, 3, window=16, spread_ticks=3, lots=6, crossing=140, state_every=1),
    Scenario(
        "paths",
        (
            Pair(0, 1, 0, 137, 100, 3, 110),
            Pair(1, 2, 20, 200, 70, 1, 90),
            Pair(2, 3, 0, 0, 10, 7, 60),
            Pair(3, 4, 150, 150, 1000, 50, 40),
            Pair(0, 2, 10, 999, 300, 2, 150),
            Pair(3, 1, 33, 77, 25, 11, 70),
            Pair(4, 0, 0, 10_000, 500, 20, 35),
        ),
        6,
        n_makers=6,
        n_payers=5,
        lots=15,
        deposit_units=5_000_000,
    ),
    Scenario(
        "rebates",
        (
            Pair(0, 1, -150, 300, 100, 10, 100),
            Pair(1, 2, -100_000, 100_000, 7, 1, 50),
            Pair(2, 0, -1, 1, 3, 5, 20),
        ),
        4,
        lots=8,
    ),
    Scenario(
        "huge",
        (
            Pair(0, 1, -100_000, 100_000, 1, 1, 2**30),
            Pair(1, 2, 100_000, 100_000, 2**40, 2**32, 2**9),
            Pair(2, 0, 0, 99_999, 1, 2**20, 2**24),
        ),
        4,
        max_fills=64,
        spread_ticks=2**7,
        lots=2**29,
        deposit_units=2**63 // 12,
    ),
    Scenario(
        "sweeps",
        (*_ONE_BOOK, Pair(1, 2, 10, 20, 10, 1, 60), Pair(2, 0, 0, 30, 20, 7, 25)),
        4,
        max_fills=4,
        spread_ticks=4,
        lots=4,
        n_makers=6,
    ),
    Scenario(
        "twins",
        tuple(Pair(base, quote, 0, 0, 1, 1, 3) for base, quote in ((0, 1), (0, 2), (2, 1), (0, 3), (3, 1), (2, 3))),
        5,
        window=16,
        spread_ticks=1,
        lots=4,
        deposit_units=2_000,
        state_every=1,
    ),
    Scenario(
        "web",
        tuple(
            Pair(a, b, 0, 30 * (a + b), 100, 1, 1_000 * _WORTH[a] // _WORTH[b]) for a, b in combinations(range(6), 2)
        ),
        7,
        n_makers=8,
        n_payers=6,
        spread_ticks=12,
        lots=60,
        deposit_units=40_000_000,
        crossing=60,
    ),
    Scenario(
        "toll",
        tuple(Pair(a, b, 25, 300, 100, 1, 1_000 * _WORTH[a] // _WORTH[b]) for a, b in combinations(range(4), 2)),
        5,
        routes=((0, 2, 3), (0, 3), (0, 1, 2, 3), (2, 1)),
        swap_rate=777,
        spread_ticks=12,
        lots=60,
        deposit_units=40_000_000,
        crossing=60,
    ),
    Scenario(
        "wide",
        tuple(Pair(base, quote, 40, 70, 10, 3, 50) for base, quote in ((0, 63), (64, 63), (64, 150), (150, 254))),
        256,
        window=16,
    ),
    Scenario(
        "crowded",
        _ONE_BOOK,
        3,
        max_orders=24,
        max_withdrawals=2,
        window=16,
        lots=5,
        spread_ticks=8,
        n_makers=6,
        state_every=1,
    ),
    Scenario("shortlived", (*_ONE_BOOK, Pair(1, 2, -5, 5, 1, 1, 30)), 4, n_guests=10, life_ns=60_000, lots=12),
    Scenario(
        "deep",
        (
            Pair(0, 1, 100, 200, 100, 10, 50_000),
            Pair(2, 1, -50, 250, 1000, 10, 20_000),
            Pair(0, 2, 0, 300, 100, 10, 9_000),
        ),
        4,
        window=1024,
        n_makers=16,
        n_payers=12,
        spread_ticks=400,
        lots=40,
        crossing=60,
        reach=1,
        deposit_units=2**48,
        state_every=1_000,
        life_ns=3_000_000,
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _SCENARIOS}
"""All scenarios by name. ``deep`` is the one for benchmarks: its books grow to thousands of orders."""
