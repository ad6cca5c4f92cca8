"""The router: the best of several plans for a swap. docs/routing.md is its specification in words.

What executes is the best of several splits and of every path by itself: so it is never worse than the best
single path, whatever the books look like.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fxengine.codes import RejectReason
from fxengine.reference.arcs import Leg, Rate
from fxengine.reference.paths import Candidates, Path, by_number, top_rate
from fxengine.reference.splits import Plan, Split, Wish
from fxengine.reference.state import State

SINGLES_TOLD = 3


class Single(NamedTuple):
    """What one path by itself would give."""

    path: Path
    plan: Plan


def single(state: State, path: Path, wish: Wish) -> Plan:
    """Plan one path by itself; where it does not suffice and a part will do, as much as there is."""
    plan = _single_whole(state, path, wish)
    if plan.reason and wish.allow_partial:
        return Split(state, path.arcs, [path], wish).run()
    return plan


def _single_whole(state: State, path: Path, wish: Wish) -> Plan:
    """Plan all of the amount over one path: forwards to what comes out, backwards to the least that goes in."""
    legs = [Leg(arc) for arc in path.arcs]
    enough = True
    if wish.exact_in:
        amount = wish.amount_units
        for leg in legs:
            enough = enough and leg.spend(amount)
            amount = leg.net_units
        first = len(legs) - 2
    else:
        amount, first = wish.amount_units, len(legs) - 1
    for place in range(first, -1, -1):
        legs[place] = Leg(path.arcs[place])
        needed = legs[place + 1].spent_units if place + 1 < len(legs) else wish.amount_units
        enough = enough and legs[place].bring(needed)
    delivered = legs[-1].net_units if wish.exact_in else min(legs[-1].net_units, wish.amount_units)
    plan = Plan(tuple(legs), legs[0].spent_units, delivered, RejectReason.NONE)
    return plan._replace(reason=_short_of(state, plan, enough, wish))


def _short_of(state: State, plan: Plan, enough: bool, wish: Wish) -> RejectReason:
    """Return why a single path does not do, or NONE."""
    if plan.fills > state.max_fills or (not enough and any(leg.fills == state.max_fills for leg in plan.legs)):
        return RejectReason.TOO_MANY_FILLS
    if not enough or not plan.delivered_units or plan.paid_units > wish.budget_units:
        return RejectReason.INSUFFICIENT_LIQUIDITY
    rate = Rate(1, 1)
    for leg in plan.legs:
        entry = leg.last
        assert entry is not None
        rate = rate.times(leg.arc.rate(entry))
    if wish.worst is not None and wish.worst.exceeds(rate):
        return RejectReason.WORST_PRICE_EXCEEDED
    return RejectReason.NONE


class Routed(NamedTuple):
    """What the router found: the plan to execute, if there is one, and the best single paths beside it."""

    plan: Plan | None
    singles: tuple[Single, ...]
    reason: RejectReason


def route(state: State, candidates: Candidates, wish: Wish) -> Routed:
    """Return the best of all plans, or why there is none.

    Plans are made in this order, and a later one has to be better: the split with residual steps; if it took
    any, the split without; if two of its paths shared a book, the split over paths that share none; if it misses a
    better path that was left out of it, the split in which such come first; single paths.
    """
    if not candidates.paths:
        return Routed(None, (), candidates.reason)
    arcs, paths = candidates.arcs, candidates.together
    main = Split(state, arcs, paths, wish, residual=True)
    plans = [main.run()]
    if main.took_back:
        plans.append(Split(state, arcs, paths, wish).run())
    if main.shares_books:
        plans.append(Split(state, arcs, _sharing_no_book(candidates.by_rank), wish).run())
    if candidates.turned and _misses_better(main, candidates.left_out):
        plans.append(Split(state, arcs, candidates.turned, wish, residual=True).run())
    singles = [Single(path, single(state, path, wish)) for path in candidates.paths]
    singles = [found for found in singles if found.plan.serves(wish)]
    singles.sort(key=lambda found: (-found.plan.delivered_units, found.plan.paid_units))
    plans += [found.plan for found in singles[:1]]
    best: Plan | None = None
    for plan in plans:
        if plan.serves(wish) and plan.beats(best):
            best = plan
    if best is not None:
        best = best._replace(legs=_in_order_of_execution(best.legs))
    return Routed(best, tuple(singles[:SINGLES_TOLD]), plans[0].reason or RejectReason.INSUFFICIENT_LIQUIDITY)


def _misses_better(split: Split, left_out: Sequence[Path]) -> bool:
    """Say whether a path that was left out begins at a better rate than a split that has ended would go on at."""
    going_on = split.rate_ahead
    rates = [top_rate(path.arcs) for path in left_out]
    return going_on is None or any(rate is not None and rate.exceeds(going_on) for rate in rates)


def _sharing_no_book(by_rank: Sequence[Path]) -> list[Path]:
    """Return the paths that share no book with a better one that was taken, in order of their numbers."""
    taken: set[int] = set()
    kept: list[Path] = []
    for path in by_rank:
        arcs = {id(arc) for arc in path.arcs}
        if taken.isdisjoint(arcs):
            taken |= arcs
            kept.append(path)
    return by_number(kept)


def _in_order_of_execution(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Return legs so that each finds its money: next always the first whose money none still left brings."""
    left, found = list(legs), list[Leg]()
    while left:
        ready = next(leg for leg in left if all(other.arc.brings != leg.arc.spends for other in left))
        left.remove(ready)
        found.append(ready)
    return tuple(found)
