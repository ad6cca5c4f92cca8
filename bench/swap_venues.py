"""Venues for the router, generated: a few currencies, most of their pairs, books of several levels.

Prices hang together as they do in a market: each currency has a worth, a pair's middle is the quotient of two
worths but for a little noise, and the books stand around it with a spread of some basis points, deeper the
further away. Lots are fine against the amounts, so that what is measured is the router and not the rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import NamedTuple

from bench.flows import Core, CoreType, Feed, Pair, Scenario, commands
from bench.flows.commands import Quotes
from fxengine.codes import AccountFlag, Side, SwapMode
from fxengine.money import RATE_ONE

OPERATOR, MAKER, PAYER = 2, 3, 4
LOT_UNITS = 1_000_000
"""A tick of a lot is one unit of the quote currency: a price of LOT_UNITS ticks is a rate of one."""
FUNDS_UNITS = 10**17
LEVEL_LOTS = 10**7
MAKERS_WINDOW = 1024
SPREADS_BP = (1.0, 3.0, 8.0, 30.0, 300.0)
"""How far from the middle books begin, at most: from a market of majors to one that hardly trades."""


class Level(NamedTuple):
    """One level of a book: its price, and how many lots stand there."""

    price_ticks: int
    lots: int


@dataclass(frozen=True)
class SwapVenue:
    """A venue whose books are full, and one swap that somebody wants."""

    pairs: tuple[Pair, ...]
    books: tuple[dict[Side, list[Level]], ...]
    n_currencies: int
    pay: int
    receive: int
    mode: SwapMode
    amount_units: int
    wide_bp: float
    """How far from the middle its books begin, at most."""

    def core(self, core_type: CoreType, *, max_fills: int = 4_096) -> Core:
        """Return a core with these books, a maker who quotes them and a payer with money."""
        scenario = Scenario("swaps", self.pairs, self.n_currencies, max_fills=max_fills)
        core = scenario.core(core_type)
        feed = Feed(core)
        everything = range(self.n_currencies)
        feed.apply(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
        feed.apply(commands.credential(MAKER, "maker-1", permitted=everything, window=MAKERS_WINDOW))
        feed.apply(commands.credential(PAYER, "payer-1", permitted=everything))
        numbers = iter(range(1, 2**32))
        for account in (MAKER, PAYER):
            for currency in everything:
                terms = {"currency": currency, "beneficiary": account, "amount_units": FUNDS_UNITS}
                feed.apply(commands.deposit(OPERATOR, next(numbers), **terms))
        for index, book in enumerate(self.books):
            quotes = Quotes(index, book[Side.BUY], book[Side.SELL])
            feed.apply(commands.mass_quote(MAKER, index + 1, quotes))
        return core

    def play(self, core: Core) -> bytes:
        """Apply the swap to a core that :meth:`core` made; return its events."""
        return Feed(core).apply(self.command)

    @property
    def command(self) -> bytes:
        """The swap, without a bound that matters."""
        bound = 1 if self.mode is SwapMode.EXACT_IN else 2**63 - 1
        return commands.swap(
            PAYER, 1, currency_in=self.pay, currency_out=self.receive, mode=self.mode, amount_units=self.amount_units,
            bound_units=bound,
        )  # fmt: skip


def venues(seed: int) -> Iterator[SwapVenue]:
    """Draw venues without end; the same seed, the same venues."""
    rng = Random(seed)
    while True:
        venue = _venue(rng)
        if venue is not None:
            yield venue


def _venue(rng: Random) -> SwapVenue | None:
    n = rng.randint(3, 8)
    worth = [rng.uniform(0.5, 2.0) for _ in range(n)]
    wide_bp, noise_bp = rng.choice(SPREADS_BP), rng.uniform(0.0, 1.0)
    pairs, books = [], []
    for pair in combinations(range(n), 2):
        if rng.random() < 0.25:
            continue
        base, quote = rng.sample(pair, 2)
        fee = rng.choice((0, 50, 100, 200))
        middle = LOT_UNITS * worth[base] / worth[quote] * (1 + rng.uniform(-noise_bp, noise_bp) / 10_000)
        pairs.append(Pair(base, quote, 0, fee, LOT_UNITS, 1, round(middle)))
        books.append({side: _ladder(rng, side, middle, wide_bp) for side in Side})
    pay, receive = rng.sample(range(n), 2)
    if not any({pay, receive} & {pair.base, pair.quote} for pair in pairs):
        return None
    mode = rng.choice(list(SwapMode))
    amount = int(LEVEL_LOTS * LOT_UNITS * rng.choice((0.3, 1, 3, 10)) * rng.uniform(0.5, 1.5))
    return SwapVenue(tuple(pairs), tuple(books), n, pay, receive, mode, amount, wide_bp)


def _ladder(rng: Random, side: Side, middle: float, wide_bp: float) -> list[Level]:
    """Draw one side of a book: prices that get worse, quantities that grow."""
    away_bp, levels = wide_bp * rng.uniform(0.2, 1.0), list[Level]()
    for place in range(rng.randint(1, 12)):
        sign = -1 if side is Side.BUY else 1
        price = round(middle * (1 + sign * away_bp / 10_000))
        lots = int(LEVEL_LOTS * rng.lognormvariate(0, 0.7) * (1 + place / 4))
        if not levels or levels[-1].price_ticks != price:
            levels.append(Level(price, lots))
        away_bp += wide_bp * rng.uniform(0.1, 0.8)
    return levels


def kept(pair: Pair) -> float:
    """Return what a taker's fee leaves, as a part of one."""
    return 1 - pair.taker_rate / RATE_ONE
