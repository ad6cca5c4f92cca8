"""Steps of a split: going along a book, or taking back what was taken of it.

A route is up to three hops. Each says how many lots it can do, what they cost and what they bring in units of
the currencies that it leads from and to, so that a step need not know which way a hop goes.
"""

from fxengine.money import RATE_ONE, gross_for_net_units
from fxengine.reference.arcs import Leg, Rate


class Forwards:
    """A hop of a route that takes more of a book."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.spends, self.brings = leg.arc.spends, leg.arc.brings

    @property
    def room(self) -> int:
        """The most lots of one step."""
        return self.leg.room

    @property
    def rate(self) -> Rate:
        """What the next lots bring per unit."""
        entry = self.leg.next
        assert entry is not None
        return self.leg.arc.rate(entry)

    @property
    def new_fills(self) -> int:
        """How many more fills a step makes."""
        return int(not self.leg.taken)

    def affordable(self, units: int) -> int:
        """Return how many lots an amount pays for."""
        entry = self.leg.next
        assert entry is not None
        return units // entry.cost_units

    def spent(self, lots: int) -> int:
        """Return what lots cost."""
        entry = self.leg.next
        assert entry is not None
        return lots * entry.cost_units

    def brought(self, lots: int) -> int:
        """Return what lots bring, after the fee."""
        entry = self.leg.next
        assert entry is not None
        return self.leg.net_of(self.leg.gross_units + lots * entry.gross_units) - self.leg.net_units

    def lots_for(self, units: int) -> int:
        """Return the fewest lots that bring an amount."""
        entry = self.leg.next
        assert entry is not None
        return self.leg.lots_for(units, entry)

    def go(self, lots: int) -> None:
        """Do it."""
        self.leg.take(lots)


class Backwards:
    """A hop of a route that takes back of a book what was taken of it last."""

    new_fills = 0

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.spends, self.brings = leg.arc.brings, leg.arc.spends

    @property
    def room(self) -> int:
        """The most lots of one step."""
        return self.leg.taken_last

    @property
    def rate(self) -> Rate:
        """What the last lots give back per unit."""
        entry = self.leg.last
        assert entry is not None
        return Rate(RATE_ONE * entry.cost_units, (RATE_ONE - self.leg.arc.taker_rate) * entry.gross_units)

    def affordable(self, units: int) -> int:
        """Return how many lots can be given back for an amount of what they had brought."""
        entry = self.leg.last
        assert entry is not None
        left = max(self.leg.net_units - units, 0)
        return (self.leg.gross_units - gross_for_net_units(self.leg.arc.taker_rate, left)) // entry.gross_units

    def spent(self, lots: int) -> int:
        """Return what the leg brings less without lots."""
        entry = self.leg.last
        assert entry is not None
        return self.leg.net_units - self.leg.net_of(self.leg.gross_units - lots * entry.gross_units)

    def brought(self, lots: int) -> int:
        """Return what lots had cost."""
        entry = self.leg.last
        assert entry is not None
        return lots * entry.cost_units

    def lots_for(self, units: int) -> int:
        """Return the fewest lots that give an amount back."""
        entry = self.leg.last
        assert entry is not None
        return -(-units // entry.cost_units)

    def go(self, lots: int) -> None:
        """Do it."""
        self.leg.give_back(lots)


Route = tuple[Forwards | Backwards, ...]


def rate_of(route: Route) -> Rate:
    """Return what a step along a route brings at its end per unit."""
    rate = Rate(1, 1)
    for hop in route:
        rate = rate.times(hop.rate)
    return rate
