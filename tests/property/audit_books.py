"""The displayed books rebuilt from BOOK events alone, order by order, and price-time priority with them.

A maker that is filled must be the oldest order at the best price of its side::

    asks   11: [7] [9]        only order 7 may trade next; when it is gone, 9; when that is gone, 12
           12: [4]

An iceberg is here only what it shows: when that is filled it leaves its level, and the RESTED that
follows puts its next part at the back. What loses its place is taken off whole before it rests anew.
"""

from collections import deque

from bench.flows import Core, Event
from fxengine.codes import EventFlag, EventKind, OrdStatus, Side

_TAKES = {EventKind.CANCELED, EventKind.REDUCED, EventKind.REPLACED}
_NOT_ORDERS = {
    EventKind.SWAPPED, EventKind.SWAP_PATH, EventKind.SWAP_LEG, EventKind.RECEIVED, EventKind.DEPOSITED,
    EventKind.WITHDRAWN, EventKind.DONE,
}  # fmt: skip


class BookAudit:
    """Follows the BOOK events of every instrument; AssertionError when one breaks priority or numbering."""

    def __init__(self, n_instruments: int) -> None:
        self.levels: dict[tuple[int, int], dict[int, deque[tuple[int, int]]]] = {
            (i, side): {} for i in range(n_instruments) for side in Side
        }
        self.stream = [0] * n_instruments
        self.open: set[int] = set()
        """Every open order: on show, waiting for its price, or triggered."""

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        maker: Event | None = None
        for event in events:
            if event.kind in _NOT_ORDERS:
                continue
            self._count(event)
            if not event.flags & EventFlag.BOOK:
                is_taker = event.kind is EventKind.FILL
                assert event.instrument_stream == (maker.instrument_stream if is_taker and maker else 0), event
                continue
            self.stream[event.instrument] += 1
            assert event.instrument_stream == self.stream[event.instrument], f"gap in the market data: {event}"
            self._follow(event)
            maker = event

    def _count(self, event: Event) -> None:
        if event.kind is EventKind.ACCEPTED:
            self.open.add(event.order_id)
        elif event.kind is EventKind.CANCELED or (event.kind is EventKind.FILL and event.status == OrdStatus.FILLED):
            self.open.discard(event.order_id)

    def _follow(self, event: Event) -> None:
        levels = self.levels[event.instrument, event.side]
        if event.kind in (EventKind.ACCEPTED, EventKind.RESTED):
            queue = levels.setdefault(event.price_ticks, deque())
            assert event.order_id not in dict(queue), f"it stands there already: {event}"
            queue.append((event.order_id, event.quantity_lots))
        elif event.kind is EventKind.FILL:
            best = max(levels) if event.side == Side.BUY else min(levels)
            assert event.price_ticks == best, f"traded at {event.price_ticks} while {best} stood: {event}"
            first = levels[best][0][0]
            assert event.order_id == first, f"order {first} was before: {event}"
            self._take(levels, event.price_ticks, event, event.quantity_lots)
        else:
            assert event.kind in _TAKES, f"{event} does not change a book"
            price = event.old_price_ticks if event.kind is EventKind.REPLACED else event.price_ticks
            assert event.displayed_lots > 0, event
            self._take(levels, price, event, event.displayed_lots)

    @staticmethod
    def _take(levels: dict[int, deque[tuple[int, int]]], price_ticks: int, event: Event, lots: int) -> None:
        """Take lots off what an order shows; what shows nothing is gone."""
        queue = levels[price_ticks]
        at = [order_id for order_id, _ in queue].index(event.order_id)
        left = queue[at][1] - lots
        assert left >= 0, f"it showed only {queue[at][1]} lots: {event}"
        if left:
            queue[at] = event.order_id, left
            return
        del queue[at]
        if not queue:
            del levels[price_ticks]

    def depth(self, instrument: int, side: Side) -> list[tuple[int, int]]:
        """Return the summed levels, best first."""
        levels = self.levels[instrument, side]
        ordered = sorted(levels, reverse=side is Side.BUY)
        return [(price, sum(lots for _, lots in levels[price])) for price in ordered]

    def orders(self, instrument: int, side: Side) -> list[tuple[int, int]]:
        """Return (price, lots) of what each order shows, in priority."""
        levels = self.levels[instrument, side]
        return [(p, lots) for p in sorted(levels, reverse=side is Side.BUY) for _, lots in levels[p]]

    def compare(self, core: Core) -> None:
        """Hold the rebuilt books against the core's."""
        for instrument, side in self.levels:
            rebuilt = self.depth(instrument, Side(side))
            assert core.depth(instrument, side, len(rebuilt) + 1) == rebuilt, f"book {instrument}, {Side(side).name}"
        shown = {order_id for levels in self.levels.values() for queue in levels.values() for order_id, _ in queue}
        assert shown <= self.open, "the books show what has ended"
        assert core.n_orders == len(self.open)
