"""Which paths a swap may take: chains of one to three books that visit no currency twice.

Paths are numbered: fewer books first, then by the indices of the currencies between. Of those whose
currencies the payer may hold and whose books all offer something, the :data:`PATHS_MAX` with the best
rates at the top of their books, after fees, are the candidates; the lower number wins a tie. Where the
venue names routes for a pair, these are its paths, numbered as they stand in the file, and there is
no ranking among them to drop any.

A split is made of candidates whose middle books lead in no circle: in their order of rank, one whose middle
book leads back to where those of better ones come from is left out. So each book is used in one direction, and
the legs can be executed in an order in which each finds its money there. Where any is left out there is a second
such set, in which those come first.
"""

from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from itertools import pairwise
from typing import NamedTuple

from fxengine.codes import RejectReason, Side
from fxengine.records import PATH_BOOKS_MAX, PATHS_MAX
from fxengine.reference.account import Account
from fxengine.reference.arcs import Arc, Rate
from fxengine.reference.state import State

Hop = tuple[int, Side]
"""An instrument, and the side that pays the first currency for the second."""


class Path(NamedTuple):
    """A candidate: its place among the paths of its pair, and its books."""

    number: int
    arcs: tuple[Arc, ...]


class Hops:
    """Which instrument joins two currencies."""

    def __init__(self, state: State) -> None:
        self._side_of: dict[tuple[int, int], Hop] = {}
        for index, instrument in enumerate(state.instruments):
            self._side_of[instrument.base, instrument.quote] = index, Side.SELL
            self._side_of[instrument.quote, instrument.base] = index, Side.BUY
        self._n_currencies, self._redeem_only = state.n_currencies, state.redeem_only
        self._named = {(route[0], route[-1]): list[tuple[int, ...]]() for route in state.routes}
        for route in state.routes:
            self._named[route[0], route[-1]].append(route)

    def is_named(self, start: int, end: int) -> bool:
        """Say whether the venue names the routes of a pair."""
        return (start, end) in self._named

    def paths(self, start: int, end: int, account: Account) -> Iterator[tuple[int, list[Hop]]]:
        """Yield each path that the account may use with its number, in their order."""
        for number, stops in enumerate(self._stops(start, end)):
            if all(self._may_pass(currency, account) for currency in stops[1:-1]):
                hops = [self._side_of.get(pair) for pair in pairwise(stops)]
                found = [hop for hop in hops if hop is not None]
                if len(found) == len(hops):
                    yield number, found

    def _stops(self, start: int, end: int) -> Iterator[tuple[int, ...]]:
        if self.is_named(start, end):
            yield from sorted(self._named[start, end], key=len)
            return
        between = [c for c in range(self._n_currencies) if c not in (start, end)]
        yield start, end
        after = [c for c in between if (start, c) in self._side_of]
        for first in after:
            yield start, first, end
        for first in after:
            for second in between:
                if second != first:
                    yield start, first, second, end

    def _may_pass(self, currency: int, account: Account) -> bool:
        """Say whether a path may lead over a currency."""
        return account.permits(currency) and currency not in self._redeem_only


class Candidates:
    """The candidate paths of one swap, and the sets of them that a split is made of, all in order of their numbers.

    ``together`` are those without circles, better ones first, ``by_rank`` the same, best first; ``left_out`` the
    others, best first, and ``turned`` the set in which these come first, if there are any. ``arcs`` are the books of
    all candidates: first ones, middle ones, last ones. ``reason`` says why there is no candidate.
    """

    def __init__(self, state: State, hops: Hops, start: int, end: int, account: Account) -> None:
        self._arcs: dict[Hop, Arc] = {}
        self._end = end
        self.reason = RejectReason.NO_PATH
        ranked: list[tuple[Rate, Path]] = []
        for number, found in hops.paths(start, end, account):
            self.reason = RejectReason.INSUFFICIENT_LIQUIDITY
            path = Path(number, tuple(self._arc(state, hop) for hop in found))
            rate = top_rate(path.arcs)
            if rate is not None:
                ranked.append((rate, path))
        ranked.sort(key=cmp_to_key(_better_rate_first))
        candidates = [path for _, path in ranked[:PATHS_MAX]]
        self.by_rank = _without_circles(candidates)
        self.left_out = [path for path in candidates if path not in self.by_rank]
        self.paths, self.together = by_number(candidates), by_number(self.by_rank)
        self.turned = by_number(_without_circles(self.left_out + self.by_rank)) if self.left_out else []
        self.arcs = _first_middle_last(self.paths)

    def _arc(self, state: State, hop: Hop) -> Arc:
        if hop not in self._arcs:
            self._arcs[hop] = Arc(state, *hop, self._end)
        return self._arcs[hop]


def top_rate(arcs: Sequence[Arc]) -> Rate | None:
    """Return what the first entries of a path bring after fees; None where one of its books is empty."""
    rate = Rate(1, 1)
    for arc in arcs:
        entry = arc.entry(0)
        if entry is None:
            return None
        rate = rate.times(arc.rate(entry))
    return rate


def _better_rate_first(one: tuple[Rate, Path], other: tuple[Rate, Path]) -> int:
    if one[0].exceeds(other[0]):
        return -1
    if other[0].exceeds(one[0]):
        return 1
    return one[1].number - other[1].number


def _middle(path: Path) -> tuple[int, int] | None:
    """Return the currencies that a path's middle book joins, of a path that has one."""
    return (path.arcs[1].spends, path.arcs[1].brings) if len(path.arcs) == PATH_BOOKS_MAX else None


def by_number(paths: Sequence[Path]) -> list[Path]:
    """Return paths in the order of their numbers."""
    return sorted(paths, key=lambda path: path.number)


def _without_circles(paths: list[Path]) -> list[Path]:
    """Leave out each path whose middle book leads to where those of the ones before come from."""
    kept: list[Path] = []
    middles: set[tuple[int, int]] = set()
    for path in paths:
        middle = _middle(path)
        if middle is None or not _leads(middles, middle[1], middle[0]):
            kept.append(path)
            middles |= {middle} if middle else set()
    return kept


def _leads(middles: set[tuple[int, int]], start: int, end: int) -> bool:
    """Say whether middle books lead from one currency to another. They run in no circle."""
    return start == end or any(_leads(middles, brings, end) for spends, brings in middles if spends == start)


def _first_middle_last(paths: list[Path]) -> list[Arc]:
    """Return the books of paths, each once: those paid in the currency paid, middle ones, last ones."""
    first = [path.arcs[0] for path in paths]
    middle = [path.arcs[1] for path in paths if len(path.arcs) == PATH_BOOKS_MAX]
    last = [path.arcs[-1] for path in paths]
    return list(dict.fromkeys(first + middle + last))
