r"""A split: how much of a swap goes over which books, found step by step.

It pours money over the candidate paths, the best marginal rate first, in steps. A step goes along one
route and is as large as the tightest entry on it, what is left to pay, or what is left to receive. Money that
paths bring into one currency is one pot there, and what is less than a lot stays in it for the next step::

    USD --sell--> EUR --buy--> JPY          pots: EUR 3 left of the step before, 97 come: 100 are spent
       \--sell--> GBP --sell--^

Where paths share books, the best step may be one that takes the middle book of a path back: money comes to
where that book leads to by a shorter way, and what the book had spent goes on elsewhere. Such a residual step
is a route with hops backwards, at the inverse of the rate at which the book was taken last. It has four hops at
most: then all that flows remains a sum of paths of three books.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fxengine.codes import RejectReason
from fxengine.reference.arcs import Arc, Leg, Rate
from fxengine.reference.paths import Path
from fxengine.reference.state import State
from fxengine.reference.steps import Backwards, Forwards, Route, rate_of

RESIDUALS_MAX = 24
STEPS_PER_FILL = 4
STEPS_MORE = 16
"""A split gives up after so many steps; each ends an entry but for rounding, so none comes near it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is to reach: an exact amount of one end, at no worse a marginal rate than the worst."""

    exact_in: bool
    amount_units: int
    worst: Rate | None
    allow_partial: bool
    budget_units: int
    """The most that may be paid."""


class Plan(NamedTuple):
    """Legs with what goes in and out; ``reason`` is why it does not reach all of the amount, or NONE."""

    legs: tuple[Leg, ...]
    paid_units: int
    delivered_units: int
    reason: RejectReason

    @property
    def fills(self) -> int:
        """How many fills it makes."""
        return sum(leg.fills for leg in self.legs)

    def serves(self, wish: Wish) -> bool:
        """Say whether it may be executed."""
        return self.delivered_units > 0 and (not self.reason or wish.allow_partial)

    def beats(self, other: "Plan | None") -> bool:
        """Say whether it delivers more, or as much for less, or over fewer books."""
        return other is None or self._merit > other._merit

    @property
    def _merit(self) -> tuple[int, int, int]:
        return self.delivered_units, -self.paid_units, -len(self.legs)


class Split:
    """Pours a swap over paths, step by step."""

    def __init__(
        self, state: State, arcs: Iterable[Arc], paths: Sequence[Path], wish: Wish, *, residual: bool = False
    ) -> None:
        self._max_fills, self._wish = state.max_fills, wish
        used = {id(arc) for path in paths for arc in path.arcs}
        self._legs = {id(arc): Leg(arc) for arc in arcs if id(arc) in used}
        self._start, self._end = paths[0].arcs[0].spends, paths[0].arcs[-1].brings
        self._pots: dict[int, int] = {leg.arc.brings: 0 for leg in self._legs.values()}
        self._pots[self._start] = wish.budget_units
        self._routes: list[Route] = [tuple(Forwards(self._legs[id(arc)]) for arc in path.arcs) for path in paths]
        self._n_forwards = len(self._routes)
        if residual:
            self._routes += self._residual_routes()
        self._blocked: set[int] = set()
        self._carried: dict[int, set[int]] = {key: set() for key in self._legs}
        self.took_back = False
        """Whether it took a residual step."""

    @property
    def shares_books(self) -> bool:
        """Whether two paths went over one book."""
        return any(len(routes) > 1 for routes in self._carried.values())

    @property
    def rate_ahead(self) -> Rate | None:
        """The marginal rate at which it would go on; None where nothing is left that it could take."""
        number = self._best()
        return None if number is None else rate_of(self._routes[number])

    def run(self) -> Plan:
        """Pour until the amount is reached or nothing more can be; return the plan."""
        reason = self._pour()
        self._take_back_what_waits()
        return self._plan(reason)

    def _pour(self) -> RejectReason:
        """Go step by step; return why the amount was not reached, or NONE."""
        for _ in range(STEPS_PER_FILL * self._max_fills + STEPS_MORE):
            if self._wanted() == 0:
                return RejectReason.NONE
            number = self._best()
            if number is None:
                return RejectReason.NONE if self._is_spent() else self._short()
            route = self._routes[number]
            if self._wish.worst is not None and self._wish.worst.exceeds(rate_of(route)):
                return RejectReason.NONE if self._is_spent() else RejectReason.WORST_PRICE_EXCEEDED
            if self._fills() + sum(hop.new_fills for hop in route) > self._max_fills:
                return RejectReason.TOO_MANY_FILLS
            if not self._step(number, route):
                self._blocked.add(number)
        return RejectReason.TOO_MANY_FILLS

    def _residual_routes(self) -> list[Route]:
        """Return the routes that take a middle book back, shorter ones first, at most :data:`RESIDUALS_MAX`.

        For a middle book from a to b: pay into b, go back to a, and on from there to the end, over c if need be;
        or pay into b over c; or go back once more, from a to c.
        """
        legs = list(self._legs.values())
        first = {leg.arc.brings: leg for leg in legs if leg.arc.spends == self._start}
        last = {leg.arc.spends: leg for leg in legs if leg.arc.brings == self._end}
        middle = [leg for leg in legs if leg.arc.spends != self._start and leg.arc.brings != self._end]
        routes: list[Route] = []

        def add(enter: int, hops: Route, leave: int) -> None:
            if enter in first and leave in last:
                routes.append((Forwards(first[enter]), *hops, Forwards(last[leave])))

        for leg in middle:
            add(leg.arc.brings, (Backwards(leg),), leg.arc.spends)
        for leg in middle:
            a, b = leg.arc.spends, leg.arc.brings
            for other in middle:
                if other is leg:
                    continue
                if other.arc.spends == a:
                    add(b, (Backwards(leg), Forwards(other)), other.arc.brings)
                if other.arc.brings == b:
                    add(other.arc.spends, (Forwards(other), Backwards(leg)), a)
                if other.arc.brings == a:
                    add(b, (Backwards(leg), Backwards(other)), other.arc.spends)
        return routes[:RESIDUALS_MAX]

    def _wanted(self) -> int:
        """Return what is still to be paid or received."""
        if self._wish.exact_in:
            return self._pots[self._start]
        return max(self._wish.amount_units - self._pots[self._end], 0)

    def _fills(self) -> int:
        return sum(leg.fills for leg in self._legs.values())

    def _best(self) -> int | None:
        """Return the route with the best marginal rate, the first of those that are equal."""
        best: tuple[int, Rate] | None = None
        for number, route in enumerate(self._routes):
            if number not in self._blocked and all(hop.room for hop in route):
                rate = rate_of(route)
                if best is None or rate.exceeds(best[1]):
                    best = number, rate
        return best[0] if best else None

    def _is_spent(self) -> bool:
        """Say whether what is left to pay is less than a lot, once nothing more can be done with it.

        A path is blocked when what is left makes no lot at its end; a residual step also when what it takes back
        is too little, which says nothing of what is left. A book that ran out counts as having had enough when what
        is left would not pay for one more lot at its last price.
        """
        if not self._wish.exact_in:
            return False
        left = self._pots[self._start]
        entries = [leg.next or leg.last for leg in self._legs.values() if leg.arc.spends == self._start and leg.lots]
        if any(number < self._n_forwards for number in self._blocked):
            return True
        return bool(entries) and all(entry is None or left < entry.cost_units for entry in entries)

    def _short(self) -> RejectReason:
        full = self._fills() >= self._max_fills
        return RejectReason.TOO_MANY_FILLS if full else RejectReason.INSUFFICIENT_LIQUIDITY

    def _step(self, number: int, route: Route) -> bool:
        """Go along a route as far as its tightest hop allows; False when not one lot comes out at its end."""
        lots, bound = list[int](), -1
        at_hand = self._pots[route[0].spends]
        for place, hop in enumerate(route):
            room = hop.room
            if place == len(route) - 1 and not self._wish.exact_in:
                room = min(room, hop.lots_for(self._wanted()))
            lots.append(min(hop.affordable(at_hand), room))
            if lots[-1] == room:
                bound = place
            at_hand = self._pots[hop.brings] + hop.brought(lots[-1])
        last = len(route) - 1
        if not lots[last]:
            # What an entry still has may make less than a lot of the next book: it waits in the pot.
            if bound < 0 or number >= self._n_forwards:
                return False
            last = bound
        for place in range(last - 1, -1, -1):
            short = route[place + 1].spent(lots[place + 1]) - self._pots[route[place].brings]
            lots[place] = route[place].lots_for(short) if short > 0 else 0
        for place, hop in enumerate(route[: last + 1]):
            self._pots[hop.spends] -= hop.spent(lots[place])
            self._pots[hop.brings] += hop.brought(lots[place])
            hop.go(lots[place])
            self._carried[id(hop.leg.arc)].add(number)
        self.took_back |= number >= self._n_forwards
        return True

    def _take_back_what_waits(self) -> None:
        """Take back, later books first, lots whose receipts only wait in a pot.

        Else the payer would pay for whole lots of change: orders that were taken for a lot that never came about.
        """
        hops = [Backwards(leg) for leg in reversed(self._legs.values()) if leg.arc.brings != self._end]
        found = [True]
        while any(found):
            found = [self._take_back(hop) for hop in hops]

    def _take_back(self, hop: Backwards) -> bool:
        """Take back what a book brought in vain, of its last order; say whether that was a lot."""
        lots = min(hop.room, hop.affordable(self._pots[hop.spends])) if hop.room else 0
        if lots:
            self._pots[hop.spends] -= hop.spent(lots)
            self._pots[hop.brings] += hop.brought(lots)
            hop.go(lots)
        return lots > 0

    def _plan(self, reason: RejectReason) -> Plan:
        delivered = self._pots[self._end]
        if not self._wish.exact_in:
            delivered = min(delivered, self._wish.amount_units)
        legs = tuple(leg for leg in self._legs.values() if leg.lots)
        return Plan(legs, self._wish.budget_units - self._pots[self._start], delivered, reason)
