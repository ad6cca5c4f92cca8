"""Books as a router sees them: one book in one direction, and how much of it a plan takes.

An arc leads from the currency that it spends to the one that it brings. What it offers are entries, one
for each fill that an incoming order would make, in priority; a lot of an entry costs a fixed number of
units and brings a fixed number, of which the venue keeps its fee::

    sell EUR/USD (lot 10 EUR)     bids  1.2 x 5, 1.1 x 9      a lot costs 10 EUR and brings 12, then 11 USD
    buy  EUR/USD                  offers 1.3 x 4              a lot costs 13 USD and brings 10 EUR

A leg is what a plan takes of an arc, best entries first. Its fee is reckoned on all that it receives,
rounded up once, as an order's is: so a plan made lot by lot costs what one order costs.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fxengine.codes import Side
from fxengine.money import RATE_ONE, fee_owed_units, gross_for_net_units
from fxengine.reference.book import Order, opposite
from fxengine.reference.state import State


class Rate(NamedTuple):
    """Units brought per unit spent, as a fraction of positive integers; compared exactly, never divided."""

    brought: int
    spent: int

    def exceeds(self, other: "Rate") -> bool:
        """Say whether this rate is truly the better one."""
        return self.brought * other.spent > other.brought * self.spent

    def times(self, other: "Rate") -> "Rate":
        """Return the rate of one after the other."""
        return Rate(self.brought * other.brought, self.spent * other.spent)


class Entry(NamedTuple):
    """One fill that is there to be made."""

    cost_units: int
    """What a lot costs."""
    gross_units: int
    """What a lot brings, before the fee."""
    lots: int


class Arc:
    """One book in one direction, for a swap that is to ``end`` in a currency.

    Its entries are read as they are asked for, and at most ``max_fills`` of them.
    """

    def __init__(self, state: State, index: int, side: Side, end: int) -> None:
        pair = state.instruments[index]
        self.instrument, self.side = index, side
        self.spends, self.brings = (pair.quote, pair.base) if side is Side.BUY else (pair.base, pair.quote)
        self.taker_rate = pair.taker_rate
        if state.swap_rate is not None:
            self.taker_rate = state.swap_rate if self.brings == end else 0
        self._pair, self._max_fills = pair, state.max_fills
        self._ahead: Iterator[tuple[Order, int]] = state.books[index].ahead(opposite(side))
        self._entries: list[Entry] = []

    def entry(self, at: int) -> Entry | None:
        """Return the entry at a place, or None behind the last."""
        if at == len(self._entries) < self._max_fills:
            for resting, lots in self._ahead:
                notional, principal = self._pair.notional_units(resting.price_ticks, 1), self._pair.lot_units
                amounts = (notional, principal) if self.side is Side.BUY else (principal, notional)
                self._entries.append(Entry(*amounts, lots))
                break
        return self._entries[at] if at < len(self._entries) else None

    def rate(self, entry: Entry) -> Rate:
        """Return what an entry's lots bring after the fee per unit that they cost."""
        return Rate((RATE_ONE - self.taker_rate) * entry.gross_units, RATE_ONE * entry.cost_units)


class Leg:
    """What a plan takes of an arc: all entries before ``at``, and ``taken`` lots of that one."""

    def __init__(self, arc: Arc) -> None:
        self.arc = arc
        self.at = self.taken = self.lots = self.spent_units = self.gross_units = 0

    @property
    def fills(self) -> int:
        """How many fills it will make."""
        return self.at + bool(self.taken)

    @property
    def net_units(self) -> int:
        """What it brings after its fee."""
        return self.net_of(self.gross_units)

    def net_of(self, gross_units: int) -> int:
        """Return what its fee leaves of a receipt."""
        return gross_units - fee_owed_units(self.arc.taker_rate, gross_units)

    @property
    def next(self) -> Entry | None:
        """The entry that it would take from next."""
        return self.arc.entry(self.at)

    @property
    def last(self) -> Entry | None:
        """The entry that it took from last."""
        at = self.at if self.taken else self.at - 1
        return self.arc.entry(at) if at >= 0 else None

    @property
    def room(self) -> int:
        """How many lots its next entry still has."""
        entry = self.next
        return entry.lots - self.taken if entry else 0

    @property
    def taken_last(self) -> int:
        """How many lots it took from its last entry."""
        entry = self.last
        return self.taken or (entry.lots if entry else 0)

    def take(self, lots: int) -> None:
        """Take lots of the next entry, at most its room."""
        entry = self.next
        assert entry is not None and 0 <= lots <= self.room
        self.lots += lots
        self.spent_units += lots * entry.cost_units
        self.gross_units += lots * entry.gross_units
        self.taken += lots
        if self.taken == entry.lots:
            self.at, self.taken = self.at + 1, 0

    def give_back(self, lots: int) -> None:
        """Give back lots of the last entry, at most what it took of it."""
        entry = self.last
        assert entry is not None and 0 <= lots <= self.taken_last
        if not self.taken and lots:
            self.at, self.taken = self.at - 1, entry.lots
        self.lots -= lots
        self.spent_units -= lots * entry.cost_units
        self.gross_units -= lots * entry.gross_units
        self.taken -= lots

    def lots_for(self, net_units: int, entry: Entry) -> int:
        """Return the fewest lots of an entry that bring ``net_units`` (from 1) more."""
        gross = gross_for_net_units(self.arc.taker_rate, self.net_units + net_units)
        return -(-(gross - self.gross_units) // entry.gross_units)

    def spend(self, amount_units: int) -> bool:
        """Take all that an amount pays for; say whether the entries suffice for all of it but part of a lot."""
        cost = amount_units
        while entry := self.next:
            cost = entry.cost_units
            lots = min((amount_units - self.spent_units) // cost, entry.lots)
            if not lots:
                break
            self.take(lots)
        return amount_units - self.spent_units < cost

    def bring(self, net_units: int) -> bool:
        """Take the fewest lots that bring an amount after the fee; say whether the entries suffice.

        Resting offers are backed by what they sell, so what they cost at far prices is not bounded by the money
        there is; a sum beyond int64 is more than any budget, and than any book before brings.
        """
        while self.net_units < net_units and (entry := self.next):
            self.take(min(self.lots_for(net_units - self.net_units, entry), entry.lots))
        return self.net_units >= net_units
