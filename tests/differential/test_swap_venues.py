"""Swaps over venues bent so that little comes out even: the cores agree, a quote is the swap, and no unit is lost.

Each venue has a few currencies, and books of a few orders whose lots, fees and prices fit badly: lots of 50 units
against lots of one, fees up to nine tenths, offers a thousand times off the market, icebergs, stops, own orders, named
routes, a swap fee, and so few fills a command that bounds are met. What comes of a swap is held against its receipt
by ``tests.property.audit_swaps``; here is added what needs the question before it.
"""

from itertools import combinations, count, islice, pairwise
from random import Random
from typing import Any

import pytest

from bench.flows import Event, Feed, Pair, Scenario, commands, decode
from bench.swap_venues import venues
from fxengine._core import Core
from fxengine.codes import AccountFlag, EventFlag, EventKind, OrdType, RejectReason, Side, SwapFlag, SwapMode
from fxengine.money import INT64_MAX
from fxengine.records import PATHS_MAX, PRICE_TICKS_MAX
from fxengine.reference import Core as ReferenceCore
from tests.property.audit_swaps import SwapAudit

OPERATOR, MAKER, OTHER, PAYER, PAYEE = 2, 3, 4, 5, 6
FUNDS_UNITS = 10**9
VENUES, SWAPS, MARKETS = 100, 8, 100


class Market:
    """One such venue in both cores, its books full."""

    def __init__(self, rng: Random, venue: Scenario) -> None:
        self.venue, self._rng = venue, rng
        self._feeds = [Feed(venue.core(core_type)) for core_type in (ReferenceCore, Core)]
        self._ids = {account: count(1) for account in range(PAYEE + 1)}
        self._audit = SwapAudit(venue)

    def next_id(self, account: int) -> int:
        return next(self._ids[account])

    def send(self, command: bytes) -> list[Event]:
        expected, found = (feed.apply(command) for feed in self._feeds)
        assert decode(found) == decode(expected)
        self._audit.observe(decode(found))
        return decode(found)

    def quoted(self, command: bytes) -> tuple[Any, ...]:
        expected, found = (tuple(feed.core.swap_quote(command)) for feed in self._feeds)
        assert found == expected
        return found

    def compare(self) -> None:
        expected, found = (feed.core.state_bytes() for feed in self._feeds)
        assert found == expected
        self._feeds[1].core.check()

    def open(self, funds_units: int, *, narrow: float = 0.1) -> None:
        """Let everybody in; so often the payer may not hold every currency."""
        everything = range(self.venue.n_currencies)
        self.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
        for account in (MAKER, OTHER, PAYER, PAYEE):
            is_narrow = account == PAYER and self._rng.random() < narrow
            permitted = [c for c in everything if not is_narrow or self._rng.random() < 0.8]
            self.send(commands.credential(account, f"client-{account}", permitted=permitted, window=1024))
            for currency in permitted if account != PAYEE else ():
                self.send(
                    commands.deposit(
                        OPERATOR, self.next_id(OPERATOR), currency=currency, beneficiary=account,
                        amount_units=funds_units,
                    )
                )  # fmt: skip

    def order(self, instrument: int, side: Side, price_ticks: int, lots: int, **more: int) -> None:
        account = self._rng.choice((MAKER, MAKER, OTHER, OTHER, PAYER))
        self.send(
            commands.new_order(
                account, self.next_id(account), instrument=instrument, side=side, price_ticks=price_ticks,
                quantity_lots=lots, **more,
            )
        )  # fmt: skip

    def swap(self, **terms: int) -> None:
        """Ask, swap, and hold one against the other."""
        command = commands.swap(PAYER, self.next_id(PAYER), **terms)
        reason, *quoted = self.quoted(command)
        events = self.send(command)
        if events[0].kind is EventKind.REJECTED:
            assert events[0].reason in (reason, RejectReason.INSUFFICIENT_FUNDS)
            return
        (told,) = (event for event in events if event.kind is EventKind.SWAPPED)
        legs = [event for event in events if event.kind is EventKind.SWAP_LEG]
        assert (reason, quoted[:4]) == (
            0, [told.amount_in_units, told.amount_out_units, told.unfilled_units, told.fills]
        )  # fmt: skip
        assert quoted[4] == tuple(
            (leg.instrument, leg.side, leg.quantity_lots, leg.spent_units, leg.received_units, leg.fee_units,
             leg.change_units, leg.fills)
            for leg in legs
        )  # fmt: skip
        self._no_lot_is_change(terms["currency_out"], legs, events)

    def _no_lot_is_change(self, currency_out: int, legs: list[Event], events: list[Event]) -> None:
        """What is left of a currency on the way is less than the last lot of any book brought of it."""
        change: dict[int, int] = {}
        last_lot: dict[int, int] = {}
        fills = [event for event in events if event.kind is EventKind.FILL and event.flags & EventFlag.SWAP]
        for leg in legs:
            pair = self.venue.pairs[leg.instrument]
            price = [fill.price_ticks for fill in fills if fill.instrument == leg.instrument][-1]
            lot_brings = pair.lot_units if leg.side == Side.BUY else price * pair.tick_lot_units
            received = pair.base if leg.side == Side.BUY else pair.quote
            change[received] = leg.change_units
            last_lot[received] = min(lot_brings, last_lot.get(received, lot_brings))
        change.pop(currency_out)
        assert all(units < last_lot[currency] for currency, units in change.items()), (change, last_lot)


def odd_venue(rng: Random) -> Scenario:
    """Draw currencies, instruments, fees and routes."""
    n = rng.choice((2, 3, 4, 4, 5, 5, 6))
    swap_rate = rng.choice((None, None, 0, 777, 300_000))
    takers = rng.choice(((0,), (0, 1, 500, 7_777), (0, 10_000, 100_000), (900_000, 0, 500_000)))
    pairs: list[Pair] = []
    for joined in combinations(range(n), 2):
        if pairs and rng.random() < 0.1:
            continue
        base, quote = rng.sample(joined, 2)
        taker = rng.choice(takers)
        maker = rng.choice((0, taker // 2) if swap_rate is not None else (0, taker // 2, -taker))
        lot, tick_lot = rng.choice((1, 1, 2, 3, 7, 10, 50)), rng.choice((1, 1, 2, 3, 5, 20))
        pairs.append(Pair(base, quote, maker, taker, lot, tick_lot, rng.choice((3, 6, 10, 40))))
    routes = odd_routes(rng, n, pairs) if rng.random() < 0.25 else ()
    max_fills = rng.choice((1, 2, 3, 4, 5, 8, 20, 256))
    return Scenario("odd", tuple(pairs), n, max_fills=max_fills, routes=routes, swap_rate=swap_rate)


def odd_routes(rng: Random, n: int, pairs: list[Pair]) -> tuple[tuple[int, ...], ...]:
    """Draw some routes that exist, no more of a pair than a venue may name."""
    joined = {frozenset((pair.base, pair.quote)) for pair in pairs}
    routes: list[tuple[int, ...]] = []
    for _ in range(10):
        route = tuple(rng.sample(range(n), rng.randint(2, min(4, n))))
        same = [other for other in routes if (other[0], other[-1]) == (route[0], route[-1])]
        if route not in same and len(same) < PATHS_MAX and all(frozenset(hop) in joined for hop in pairwise(route)):
            routes.append(route)
    return tuple(routes)


def fill_books(rng: Random, market: Market) -> None:
    """Rest a few orders on most sides."""
    for instrument, pair in enumerate(market.venue.pairs):
        wide = rng.choice((1, 1, 2, 5))
        for side in Side:
            for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8))):
                away, lots = rng.randint(0, wide * 2), rng.choice((1, 1, 2, 3, 5, 10, rng.randint(1, 60)))
                price = max(1, pair.mid_ticks - 1 - away) if side is Side.BUY else pair.mid_ticks + away
                price += rng.choice((0, 0, 0, 1_000)) if side is Side.SELL else 0
                more = {"display_lots": rng.randint(1, lots)} if lots > 2 and rng.random() < 0.2 else {}
                if rng.random() < 0.05:
                    more = {"stop_price_ticks": price, "ord_type": OrdType.STOP_LIMIT}
                market.order(instrument, side, price, lots, **more)


def odd_wish(rng: Random, n: int) -> dict[str, int]:
    """Draw a swap: either end exact, often with a bound that is met, a worst price, or a part allowed."""
    pay, receive = rng.sample(range(n), 2)
    mode, amount = rng.choice(list(SwapMode)), rng.randint(1, rng.choice((30, 300, 3_000)))
    bound = 1 if mode is SwapMode.EXACT_IN else INT64_MAX
    return {
        "currency_in": pay,
        "currency_out": receive,
        "mode": mode,
        "amount_units": amount,
        "bound_units": rng.randint(1, 1_000) if rng.random() < 0.3 else bound,
        "flags": SwapFlag.ALLOW_PARTIAL if rng.random() < 0.4 else SwapFlag.NONE,
        "payee": rng.choice((0, PAYEE)),
        "worst_units": rng.randint(1, amount * 3) if rng.random() < 0.3 else 0,
    }


@pytest.mark.parametrize("part", range(3))
def test_swaps_where_little_comes_out_even(seed: int, part: int) -> None:
    rng = Random(f"{seed} odd {part}")
    for _ in range(VENUES):
        market = Market(rng, odd_venue(rng))
        market.open(FUNDS_UNITS)
        fill_books(rng, market)
        for _ in range(SWAPS):
            market.swap(**odd_wish(rng, market.venue.n_currencies))
        market.compare()


def test_swaps_near_the_ends_of_64_bits(seed: int) -> None:
    rng = Random(f"{seed} ends")
    for _ in range(VENUES):
        n = rng.randint(2, 5)
        pairs: list[Pair] = []
        for joined in combinations(range(n), 2):
            taker = rng.choice((0, 1, 100, 500_000, 999_999))
            lot, tick_lot = rng.choice((1, 7, 10**6, 10**12, 10**15)), rng.choice((1, 3, 10**3, 2**31))
            middle = rng.choice((1, 5, 1_000, 2**20, 2**29))
            base, quote = rng.sample(joined, 2)
            pairs.append(Pair(base, quote, rng.choice((0, taker // 2)), taker, lot, tick_lot, middle))
        swap_rate = rng.choice((None, 0, 1, 999_999))
        market = Market(rng, Scenario("ends", tuple(pairs), n, max_fills=rng.choice((3, 64)), swap_rate=swap_rate))
        market.open(2**61)
        for instrument, pair in enumerate(pairs):
            for side in (*Side, *Side, *Side):
                away = rng.randint(0, pair.mid_ticks // 8)
                far = rng.choice((PRICE_TICKS_MAX, PRICE_TICKS_MAX // 2)) if side is Side.SELL else 1
                near = pair.mid_ticks + away if side is Side.SELL else max(1, pair.mid_ticks - 1 - away)
                price = far if rng.random() < 0.3 else near
                held = pair.lot_units if side is Side.SELL else price * pair.tick_lot_units
                market.order(instrument, side, price, max(1, rng.choice((1, 10, 2**58 // held, 2**60 // held))))
        for _ in range(SWAPS):
            amount = rng.randint(1, 2 ** rng.choice((20, 43, 44, 60, 63)) - 1)
            bounds = {"amount_units": rng.choice((amount, amount, INT64_MAX)), "bound_units": rng.randint(1, INT64_MAX)}
            worst = rng.choice((0, 0, 1, amount, INT64_MAX))
            market.swap(**odd_wish(rng, n) | bounds | {"worst_units": worst})
        market.compare()


WAYS_BACK = {
    "into b over c": ({"Sa": 10, "ab": 10, "bT": 10, "Sc": 10, "cb": 9, "aT": 9}, 2, 10_000 + 8_100),
    "on from a over c": ({"Sa": 10, "ab": 10, "bT": 10, "Sb": 9, "ac": 9, "cT": 10}, 2, 10_000 + 8_100),
    "over two books": (
        {"Sc": 10, "ca": 10, "aT": 10, "Sa": 10, "ab": 10, "bT": 11, "Sb": 9, "cT": 9}, 3, 11_000 + 10_000 + 8_100
    ),
}  # fmt: skip
"""Books that each hold 10,000 at a rate in tenths; how often as much is swapped from S to T, and what comes of it.

Greedy alone takes a > b and is stuck then; what is more comes by a residual step of one kind, and of no other.
"""


@pytest.mark.parametrize("way", WAYS_BACK)
def test_what_a_middle_book_took_is_taken_back(way: str) -> None:
    rates, times, received = WAYS_BACK[way]
    names = "SabcT"
    pairs = tuple(Pair(names.index(base), names.index(quote), 0, 0, 10, 1, 10) for base, quote in rates)
    market = Market(Random(way), Scenario("back", pairs, len(names)))
    market.open(FUNDS_UNITS, narrow=0)
    for instrument, tenths in enumerate(rates.values()):
        market.order(instrument, Side.BUY, tenths, 1_000)
    swap = commands.swap_in(PAYER, 1, names.index("S"), names.index("T"), times * 10_000)
    assert market.quoted(swap)[:3] == (0, times * 10_000, received)


def test_of_more_paths_that_are_worth_the_same_the_first_eight_are_taken() -> None:
    pay, receive, *between = range(PATHS_MAX + 3)
    pairs = tuple(Pair(*hop, 0, 0, 1, 1, 10) for middle in between for hop in ((pay, middle), (middle, receive)))
    market = Market(Random(1), Scenario("many", pairs, PATHS_MAX + 3))
    market.open(FUNDS_UNITS, narrow=0)
    for instrument in range(len(pairs)):
        market.order(instrument, Side.BUY, 10, 100 if instrument % 2 == 0 else 1_000)
    _, paid, _, _, _, legs, _ = market.quoted(commands.swap_in(PAYER, 1, pay, receive, PATHS_MAX * 100))
    assert (paid, sorted(leg[0] for leg in legs)) == (PATHS_MAX * 100, list(range(2 * PATHS_MAX)))
    reason, *_ = market.quoted(commands.swap_in(PAYER, 1, pay, receive, PATHS_MAX * 100 + 1))
    assert reason == RejectReason.INSUFFICIENT_LIQUIDITY


def test_swaps_in_markets_that_hang_together(seed: int) -> None:
    """Many currencies and fine lots: splits over eight paths, with residual steps of every kind."""
    for market in islice(venues(seed), MARKETS):
        expected, found = (market.core(core_type).swap_quote(market.command) for core_type in (ReferenceCore, Core))
        assert found == tuple(expected)
