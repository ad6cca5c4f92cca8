"""Orders, and the book of one instrument: price levels, each first in, first out.

::

    bids (best last)                asks (best first)
    1.1170: [order 4, order 9]      1.1173: [order 2]
    1.1171: [order 7]               1.1175: [order 5, order 8]
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from fxengine.codes import OrdStatus, Side
from fxengine.records import order_id

SLOT_MASK = 2**32 - 1


@dataclass(slots=True)
class Order:
    """One order from acceptance to its end. Slot and generation make its OrderID.

    ``fee_credit``: see ``fxengine.money.fee_and_credit``.
    """

    slot: int
    generation: int
    account: int
    client_order_id: int
    instrument: int
    side: Side
    price_ticks: int
    leaves_lots: int
    cum_lots: int = 0
    notional_units: int = 0
    fee_credit: int = 0

    @property
    def id(self) -> int:
        """OrderID, FIX 37."""
        return order_id(self.slot, self.generation)

    @property
    def status(self) -> OrdStatus:
        """OrdStatus, FIX 39, of an order that is not cancelled."""
        if not self.leaves_lots:
            return OrdStatus.FILLED
        return OrdStatus.PARTIALLY_FILLED if self.cum_lots else OrdStatus.NEW


class OrderPool:
    """Slots for orders, reused last in, first out; a slot's generation counts its uses.

    An id of an earlier use is therefore never mistaken for the present one.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.generations: list[int] = []
        self.free: list[int] = []
        self.live: dict[int, Order] = {}

    @property
    def full(self) -> bool:
        """Say whether no slot is left."""
        return not self.free and len(self.generations) == self.capacity

    def take(self) -> tuple[int, int]:
        """Return a slot (from 1) and its new generation (from 1)."""
        if self.free:
            slot = self.free.pop()
        else:
            self.generations.append(0)
            slot = len(self.generations)
        self.generations[slot - 1] = (self.generations[slot - 1] + 1) & SLOT_MASK or 1
        return slot, self.generations[slot - 1]

    def give_back(self, slot: int) -> None:
        """Free a slot for the next order."""
        self.free.append(slot)

    def find(self, wanted: int) -> Order | None:
        """Return the open order with this OrderID."""
        order = self.live.get(wanted & SLOT_MASK)
        return order if order is not None and order.id == wanted else None


@dataclass(slots=True)
class Level:
    """The orders at one price, oldest first, and their sum."""

    orders: dict[int, Order] = field(default_factory=dict)
    lots: int = 0


class Book:
    """Both sides of one instrument. ``stream`` numbers its market data."""

    def __init__(self) -> None:
        self.sides: dict[Side, SortedDict[int, Level]] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self.stream = 0

    def levels(self, side: Side) -> Iterator[tuple[int, Level]]:
        """Walk one side's levels, best price first."""
        levels = self.sides[side]
        prices = reversed(levels) if side is Side.BUY else iter(levels)
        return ((price, levels[price]) for price in prices)

    def orders(self, side: Side) -> Iterator[Order]:
        """Walk one side's orders in priority: price, then time of entry."""
        return (order for _, level in self.levels(side) for order in level.orders.values())

    def reach(self, side: Side, limit_ticks: int) -> Iterator[Order]:
        """Walk the resting orders of ``side`` that an incoming order with this limit may trade with."""
        for order in self.orders(side):
            if not crosses(side, order.price_ticks, limit_ticks):
                return
            yield order

    def add(self, order: Order) -> None:
        """Put an order at the back of its level. O(log levels)."""
        level = self.sides[order.side].setdefault(order.price_ticks, Level())
        level.orders[order.slot] = order
        level.lots += order.leaves_lots

    def reduce(self, order: Order, lots: int) -> None:
        """Take lots off a resting order, and the order off the book when none are left."""
        levels = self.sides[order.side]
        level = levels[order.price_ticks]
        level.lots -= lots
        order.leaves_lots -= lots
        if not order.leaves_lots:
            del level.orders[order.slot]
            if not level.orders:
                del levels[order.price_ticks]


def opposite(side: Side) -> Side:
    """Return the side that this one trades against."""
    return Side.SELL if side is Side.BUY else Side.BUY


def crosses(resting: Side, resting_ticks: int, limit_ticks: int) -> bool:
    """Say whether a resting order's price lies within an incoming order's limit."""
    return resting_ticks <= limit_ticks if resting is Side.SELL else resting_ticks >= limit_ticks
