"""The displayed books rebuilt from BOOK events alone, order by order, and price-time priority with them.

A maker that is filled must be the oldest order at the best price of its side::

    asks   11: [7] [9]        only order 7 may trade next; when it is gone, 9; when that is gone, 12
           12: [4]
"""

from collections import deque

from bench.flows import Core, Event
from fxengine.codes import EventFlag, EventKind, Side


class BookAudit:
    """Follows the BOOK events of every instrument; AssertionError when one breaks priority or numbering."""

    def __init__(self, n_instruments: int) -> None:
        self.levels: dict[tuple[int, int], dict[int, deque[tuple[int, int]]]] = {
            (i, side): {} for i in range(n_instruments) for side in Side
        }
        self.stream = [0] * n_instruments

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        maker: Event | None = None
        for event in events:
            if event.kind is EventKind.SWAPPED:
                continue
            if not event.flags & EventFlag.BOOK:
                is_taker = event.kind is EventKind.FILL
                assert event.instrument_stream == (maker.instrument_stream if is_taker and maker else 0), event
                continue
            self.stream[event.instrument] += 1
            assert event.instrument_stream == self.stream[event.instrument], f"gap in the market data: {event}"
            self._follow(event)
            maker = event

    def _follow(self, event: Event) -> None:
        levels = self.levels[event.instrument, event.side]
        if event.kind in (EventKind.ACCEPTED, EventKind.RESTED):
            levels.setdefault(event.price_ticks, deque()).append((event.order_id, event.quantity_lots))
            return
        queue = levels[event.price_ticks]
        at = 0
        if event.kind is EventKind.FILL:
            best = max(levels) if event.side == Side.BUY else min(levels)
            assert event.price_ticks == best, f"traded at {event.price_ticks} while {best} stood: {event}"
            assert event.order_id == queue[0][0], f"order {queue[0][0]} was before: {event}"
        else:
            assert event.kind is EventKind.CANCELED, f"{event} does not change a book"
            at = [order_id for order_id, _ in queue].index(event.order_id)
        left = queue[at][1] - event.quantity_lots
        assert left == event.leaves_lots, f"{left} lots were left: {event}"
        if left:
            queue[at] = event.order_id, left
        else:
            del queue[at]
            if not queue:
                del levels[event.price_ticks]

    def depth(self, instrument: int, side: Side) -> list[tuple[int, int]]:
        """Return the summed levels, best first."""
        levels = self.levels[instrument, side]
        ordered = sorted(levels, reverse=side is Side.BUY)
        return [(price, sum(lots for _, lots in levels[price])) for price in ordered]

    def orders(self, instrument: int, side: Side) -> list[tuple[int, int]]:
        """Return (price, lots) of each order in priority."""
        levels = self.levels[instrument, side]
        return [(p, lots) for p in sorted(levels, reverse=side is Side.BUY) for _, lots in levels[p]]

    def compare(self, core: Core) -> None:
        """Hold the rebuilt books against the core's."""
        for instrument, side in self.levels:
            rebuilt = self.depth(instrument, Side(side))
            assert core.depth(instrument, side, len(rebuilt) + 1) == rebuilt, f"book {instrument}, {Side(side).name}"
        n_orders = sum(len(queue) for levels in self.levels.values() for queue in levels.values())
        assert core.n_orders == n_orders
