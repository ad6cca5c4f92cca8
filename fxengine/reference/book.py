"""Orders, and the book of one instrument: price levels, each first in, first out.

::

    bids (best last)                asks (best first)
    1.1170: [order 4, order 9]      1.1173: [order 2]
    1.1171: [order 7]               1.1175: [order 5, order 8]

An iceberg shows a part of itself. When the part is taken, the next part joins the back of its
level, so a level with icebergs is consumed in rounds: first what everybody shows, in order, then
the next parts of those that have one, in the same order, and so on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from sortedcontainers import SortedDict

from fxengine.codes import ExecInst, OrdStatus, OrdType, SelfTradePrevention, Side, TimeInForce
from fxengine.records import order_id

SLOT_MASK = 2**32 - 1


class Place(IntEnum):
    """Where an open order stands."""

    NOWHERE = 0
    BOOK = 1
    STOPS = 2
    TRIGGERED = 3


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
    entry_sequence: int = 0
    cum_lots: int = 0
    notional_units: int = 0
    fee_credit: int = 0
    ord_type: OrdType = OrdType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    exec_inst: ExecInst = ExecInst.NONE
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    expire_ns: int = 0
    display_lots: int = 0
    stop_price_ticks: int = 0
    shown_lots: int = 0
    is_quote: bool = False
    place: Place = Place.NOWHERE

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

    def show(self) -> int:
        """Show the next part of the order, or all of it; return how much."""
        self.shown_lots = min(self.display_lots, self.leaves_lots) if self.display_lots else self.leaves_lots
        return self.shown_lots


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

    @property
    def room(self) -> int:
        """How many more orders fit."""
        return self.capacity - len(self.live)

    def enter(self, order: Order, sequence: int) -> None:
        """Give an order a slot (from 1), the slot's new generation (from 1), and its time of entry."""
        if self.free:
            slot = self.free.pop()
        else:
            self.generations.append(0)
            slot = len(self.generations)
        self.generations[slot - 1] = (self.generations[slot - 1] + 1) & SLOT_MASK or 1
        order.slot, order.generation, order.entry_sequence = slot, self.generations[slot - 1], sequence
        self.live[slot] = order

    def give_back(self, slot: int) -> None:
        """Free a slot for the next order."""
        self.free.append(slot)

    def __contains__(self, wanted: int) -> bool:
        return self.find(wanted) is not None

    def find(self, wanted: int) -> Order | None:
        """Return the open order with this OrderID."""
        order = self.live.get(wanted & SLOT_MASK)
        return order if order is not None and order.id == wanted else None


@dataclass(slots=True)
class Level:
    """The orders at one price, oldest first, and the sum of what they show."""

    orders: dict[int, Order] = field(default_factory=dict)
    lots: int = 0


class Book:
    """Both sides of one instrument. ``stream`` numbers its market data."""

    def __init__(self) -> None:
        self.sides: dict[Side, SortedDict[int, Level]] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self.stops: dict[Side, SortedDict[int, dict[int, Order]]] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self.last_price_ticks = 0
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
        return (order for _, level in self._until(side, limit_ticks) for order in level.orders.values())

    def ahead(
        self, side: Side, limit_ticks: int | None = None, once: Callable[[Order], bool] = lambda order: False
    ) -> Iterator[tuple[Order, int]]:
        """Foresee the fills of an incoming order without end: each resting order and its lots, in turn.

        Orders of which ``once`` holds would be taken away where they are met first, not traded with.
        """
        for _, level in self._until(side, limit_ticks):
            turn = [(order, order.shown_lots, order.leaves_lots - order.shown_lots) for order in level.orders.values()]
            while turn:
                yield from ((order, shown) for order, shown, _ in turn)
                turn = [
                    (order, min(order.display_lots, hidden), hidden - min(order.display_lots, hidden))
                    for order, _, hidden in turn
                    if hidden and not once(order)
                ]

    def _until(self, side: Side, limit_ticks: int | None) -> Iterator[tuple[int, Level]]:
        for price, level in self.levels(side):
            if limit_ticks is not None and not crosses(side, price, limit_ticks):
                return
            yield price, level

    def next_number(self) -> int:
        """Return the next number of the instrument's market data."""
        self.stream += 1
        return self.stream

    def best(self, side: Side) -> Order | None:
        """Return the order that an incoming one would meet first."""
        return next(self.orders(side), None)

    def add(self, order: Order) -> None:
        """Put what an order shows at the back of its level. O(log levels)."""
        level = self.sides[order.side].setdefault(order.price_ticks, Level())
        level.orders[order.slot] = order
        level.lots += order.show()
        order.place = Place.BOOK

    def take(self, order: Order, lots: int) -> int:
        """Take traded lots off a resting order; return what it shows anew at the back of its level, or 0."""
        level = self.sides[order.side][order.price_ticks]
        level.lots -= lots
        order.leaves_lots -= lots
        order.shown_lots -= lots
        if order.shown_lots:
            return 0
        if order.leaves_lots:
            del level.orders[order.slot]
            self.add(order)
            return order.shown_lots
        self._remove(order)
        return 0

    def shrink(self, order: Order, leaves_lots: int) -> int:
        """Lower what is left of a resting order, keeping its place; return how much less it shows."""
        shown = min(order.shown_lots, leaves_lots)
        less = order.shown_lots - shown
        self.sides[order.side][order.price_ticks].lots -= less
        order.shown_lots, order.leaves_lots = shown, leaves_lots
        if not leaves_lots:
            self._remove(order)
        return less

    def _remove(self, order: Order) -> None:
        levels = self.sides[order.side]
        level = levels[order.price_ticks]
        del level.orders[order.slot]
        order.place = Place.NOWHERE
        if not level.orders:
            del levels[order.price_ticks]

    def add_stop(self, order: Order) -> None:
        """Let a stop order wait for its price."""
        self.stops[order.side].setdefault(order.stop_price_ticks, {})[order.slot] = order
        order.place = Place.STOPS

    def remove_stop(self, order: Order) -> None:
        """Take a waiting stop order away."""
        waiting = self.stops[order.side]
        del waiting[order.stop_price_ticks][order.slot]
        if not waiting[order.stop_price_ticks]:
            del waiting[order.stop_price_ticks]

    def triggered(self, price_ticks: int) -> list[Order]:
        """Return the waiting stops that a trade at this price triggers, oldest entry first."""
        buys = self.stops[Side.BUY].irange(maximum=price_ticks)
        sells = self.stops[Side.SELL].irange(minimum=price_ticks)
        found = [o for stop in buys for o in self.stops[Side.BUY][stop].values()]
        found += [o for stop in sells for o in self.stops[Side.SELL][stop].values()]
        return sorted(found, key=lambda order: order.entry_sequence)


def opposite(side: Side) -> Side:
    """Return the side that this one trades against."""
    return Side.SELL if side is Side.BUY else Side.BUY


def crosses(resting: Side, resting_ticks: int, limit_ticks: int) -> bool:
    """Say whether a resting order's price lies within an incoming order's limit."""
    return resting_ticks <= limit_ticks if resting is Side.SELL else resting_ticks >= limit_ticks
