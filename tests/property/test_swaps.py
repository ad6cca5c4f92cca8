"""Swaps against an oracle that tries every path and every number of lots, one by one: never worse than the best.

The oracle shares no code with the cores: it lists each book's offers lot by lot, walks every chain
of one to three instruments, and takes the best of all combinations. A path bears an exact amount in
when all of it can be spent but what is less than one more lot at the last price. The venues are small enough for
every path to be a candidate. What a split adds is held against a linear program, in tests/unit/bench.
"""

from collections.abc import Iterator
from itertools import permutations
from math import ceil
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.flows import CoreType, Event, Pair, Scenario
from fxengine.codes import EventKind, RejectReason, Side, SwapMode
from tests.property.actions import Order, Swap
from tests.property.audit import Audit
from tests.property.audit_books import BookAudit
from tests.property.histories import Life, Step, both_cores, standing

ODD = Scenario(
    "odd",
    (
        Pair(0, 1, 20_000, 30_000, 3, 2, 6),
        Pair(1, 2, -10_000, 30_000, 5, 1, 6),
        Pair(2, 0, 0, 7_777, 1, 4, 6),
        Pair(2, 3, 30_000, 1, 7, 3, 6),
        Pair(3, 1, 0, 500, 2, 2, 6),
    ),
    n_currencies=4,
)
"""Lots and fees that never come out even."""
EVEN = Scenario(
    "even",
    tuple(Pair(base, quote, 0, 0, 1, 1, 6) for base, quote in ((0, 1), (0, 2), (2, 1), (0, 3), (3, 1))),
    n_currencies=4,
)
"""No fees and equal lots, so that paths are often worth the same and the order among them decides."""
TOLL = Scenario(
    "toll",
    tuple(pair._replace(maker_rate=abs(pair.maker_rate)) for pair in ODD.pairs),
    n_currencies=4,
    swap_rate=11_111,
)
"""One fee for a whole swap, on its last leg."""
PAYER, PAYEE = 3, 4
RATE_ONE = 1_000_000

_makers, _lots = st.sampled_from((3, 4, 5)), st.integers(1, 7)
_prices = {Side.BUY: st.integers(2, 5), Side.SELL: st.integers(6, 9)}
_sides = [
    st.lists(
        st.tuples(_makers, st.just(i), st.just(side), _prices[side], _lots).map(lambda terms: Order(*terms)),
        min_size=1,
        max_size=3,
    )
    for i in range(len(ODD.pairs))
    for side in Side
]
_books = st.tuples(*_sides).map(lambda sides: [order for side in sides for order in side])
_venues = st.sampled_from((ODD, EVEN, TOLL))
_ends = st.permutations(range(4)).map(lambda order: (order[0], order[1]))


class Lots(NamedTuple):
    """What trading the first n lots of a book spends and brings after its fee."""

    spent: int
    net: int


class Hop(NamedTuple):
    """One book used in one direction: from n - 1 to what n lots do, and the currency that it leads to."""

    instrument: int
    leads_to: int
    by_lots: list[Lots]


def hop(venue: Scenario, books: BookAudit, instrument: int, pays: int, end: int) -> Hop | None:
    """List a book lot by lot for someone who pays ``pays`` to end with ``end``; None when it does not trade it."""
    pair = venue.pairs[instrument]
    if pays not in (pair.base, pair.quote):
        return None
    sells = pays == pair.base
    prices = [p for p, lots in books.orders(instrument, Side.BUY if sells else Side.SELL) for _ in range(lots)]
    leads_to = pair.quote if sells else pair.base
    rate = pair.taker_rate
    if venue.swap_rate is not None:
        rate = venue.swap_rate if leads_to == end else 0
    by_lots = []
    for n in range(1, len(prices) + 1):
        principal, notional = n * pair.lot_units, sum(prices[:n]) * pair.tick_lot_units
        spent, received = (principal, notional) if sells else (notional, principal)
        by_lots.append(Lots(spent, received - ceil(rate * received / RATE_ONE)))
    return Hop(instrument, leads_to, by_lots)


def paths(venue: Scenario, books: BookAudit, start: int, end: int) -> Iterator[list[Hop]]:
    """Walk every chain of different instruments that visits no currency twice."""
    for n in (1, 2, 3):
        for chain in permutations(range(len(venue.pairs)), n):
            visited, hops = [start], []
            for instrument in chain:
                found = hop(venue, books, instrument, visited[-1], end)
                if found is None or found.leads_to in visited or visited[-1] == end:
                    break
                visited.append(found.leads_to)
                hops.append(found)
            if len(hops) == n and visited[-1] == end:
                yield hops


def most_received(hops: list[Hop], amount: int) -> int | None:
    """Return the most that spending up to ``amount`` brings; None when the path does not bear it."""
    if not hops:
        return amount
    by_lots = hops[0].by_lots
    affordable = [n for n, lots in enumerate(by_lots) if lots.spent <= amount and lots.net > 0]
    if not affordable:
        return None
    most = affordable[-1]
    last_lot = by_lots[most].spent - (by_lots[most - 1].spent if most else 0)
    if most == len(by_lots) - 1 and amount - by_lots[most].spent >= last_lot:
        return None
    if most_received(hops[1:], by_lots[most].net) is None:
        return None
    tried = [most_received(hops[1:], by_lots[n].net) for n in affordable]
    return max(received for received in tried if received is not None)


def least_spent(hops: list[Hop], amount: int) -> int | None:
    """Return the least that must go in for at least ``amount`` to come out; None when it cannot."""
    if not hops:
        return amount
    tried = [least_spent(hops[:-1], lots.spent) for lots in hops[-1].by_lots if lots.net >= amount]
    return min((spent for spent in tried if spent is not None), default=None)


class Played(NamedTuple):
    """A swap on generated books, and what the oracle knew before it."""

    life: Life
    events: list[Event]
    unchanged: bool
    """Whether balances and books are as they were."""
    paths: list[list[Hop]]

    @property
    def is_refused(self) -> bool:
        return self.events[0].kind is EventKind.REJECTED


def play(core_type: CoreType, venue: Scenario, resting: list[Order], swap: Swap) -> Played:
    """Rest the orders, ask the oracle, swap."""
    audit = Audit(venue)

    def watch(life: Life, step: Step) -> None:
        audit.observe(life.core, step.events)

    life = Life(core_type, venue, funds_units=20_000, opening=(), watch=watch)
    for order in resting:
        life.play(order)
    known = list(paths(venue, audit.books, swap.pay, swap.get))
    before = standing(life)
    step = life.play(swap)
    assert step is not None
    life.core.check()
    audit.compare(life.core)
    return Played(life, step.events, standing(life)[:2] == before[:2], known)


def refusal(played: Played) -> RejectReason:
    """Return why a swap was refused, having seen that nothing moved."""
    (event,) = played.events
    assert event.kind is EventKind.REJECTED
    assert played.unchanged, "a refused swap moved something"
    return RejectReason(event.reason)


def receipt_of(played: Played) -> Event:
    """Return the receipt of a swap that was carried out."""
    assert not played.unchanged
    (receipt,) = (event for event in played.events if event.kind is EventKind.SWAPPED)
    return receipt


@both_cores
@given(venue=_venues, resting=_books, ends=_ends, amount=st.integers(1, 150), bound=st.none() | st.integers(1, 120))
@settings(max_examples=200)
def test_exact_in_gets_the_most_of_all_paths_for_no_more_than_the_amount(
    core_type: CoreType, venue: Scenario, resting: list[Order], ends: tuple[int, int], amount: int, bound: int | None
) -> None:
    played = play(core_type, venue, resting, Swap(PAYER, *ends, SwapMode.EXACT_IN, amount, bound, PAYEE))
    found = [(most_received(hops, amount), hops) for hops in played.paths]
    borne = [(received, hops) for received, hops in found if received is not None]
    best = max((received for received, _ in borne), default=0)
    if played.is_refused:
        allowed = {RejectReason.BOUND_EXCEEDED} if bound else set()
        allowed |= {RejectReason.INSUFFICIENT_LIQUIDITY} if found and not borne else set()
        allowed |= {RejectReason.NO_PATH} if not found else set()
        assert refusal(played) in allowed
        assert best < (bound or 1)
    else:
        receipt = receipt_of(played)
        assert receipt.amount_out_units >= max(best, bound or 1)
        assert receipt.amount_in_units <= amount
        singles = [path for path in played.events if path.kind is EventKind.SWAP_PATH]
        assert max((path.amount_out_units for path in singles), default=0) == best


@both_cores
@given(venue=_venues, resting=_books, ends=_ends, amount=st.integers(1, 100), bound=st.none() | st.integers(1, 150))
@settings(max_examples=200)
def test_exact_out_delivers_exactly_that_for_the_least_of_all_paths(
    core_type: CoreType, venue: Scenario, resting: list[Order], ends: tuple[int, int], amount: int, bound: int | None
) -> None:
    played = play(core_type, venue, resting, Swap(PAYER, *ends, SwapMode.EXACT_OUT, amount, bound, PAYEE))
    found = [(least_spent(hops, amount), hops) for hops in played.paths]
    borne = [(spent, hops) for spent, hops in found if spent is not None]
    least = min((spent for spent, _ in borne), default=0)
    if played.is_refused:
        reason = refusal(played)
        if not found:
            assert reason == RejectReason.NO_PATH
        elif borne:
            assert reason == RejectReason.BOUND_EXCEEDED
            assert bound is not None
            assert least > bound
        else:
            assert reason == RejectReason.INSUFFICIENT_LIQUIDITY or (bound and reason == RejectReason.BOUND_EXCEEDED)
    else:
        receipt = receipt_of(played)
        assert receipt.amount_out_units == amount, "exact to the unit"
        assert receipt.amount_in_units <= min([bound or 10**9, *([least] if borne else [])])
        singles = [path.amount_in_units for path in played.events if path.kind is EventKind.SWAP_PATH]
        assert singles[:1] == ([least] if borne else [])
        (paid,) = (event for event in played.events if event.kind is EventKind.RECEIVED)
        assert (paid.account, paid.instrument, paid.amount_units) == (PAYEE, ends[1], amount)


@both_cores
@given(
    venue=_venues, resting=_books, ends=_ends, mode=st.sampled_from(SwapMode), amount=st.integers(1, 400),
    bound=st.integers(1, 200), worst=st.just(0) | st.integers(1, 400),
)  # fmt: skip
@settings(max_examples=200)
def test_a_part_keeps_the_bound_and_tells_what_is_left(
    core_type: CoreType,
    venue: Scenario,
    resting: list[Order],
    ends: tuple[int, int],
    mode: SwapMode,
    amount: int,
    bound: int,
    worst: int,
) -> None:
    """``worst`` only leaves less to be had; that no part is worse is shown by hand, in the reference's tests."""
    wish = Swap(PAYER, *ends, mode, amount, bound, PAYEE, allow_partial=True, worst_units=worst)
    played = play(core_type, venue, resting, wish)
    if played.is_refused:
        refusal(played)
        return
    receipt = receipt_of(played)
    paid, delivered, left = receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units
    if mode is SwapMode.EXACT_IN:
        assert paid <= amount
        assert delivered >= bound
        assert left in (0, amount - paid)
    else:
        assert paid <= bound
        assert delivered <= amount
        assert left == amount - delivered
