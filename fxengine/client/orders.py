"""The account's open orders and quotes, followed report by report.

A report names an order by OrderID; a level of a mass quote has the quote's client order id, as all its
levels do. That they are levels is known when the set is complete::

    ACCEPTED 81 id 7   ACCEPTED 82 id 7   QUOTED id 7      -> 81 and 82 are quotes
    ACCEPTED 83 id 8                                       -> 83 is an order
"""

from collections.abc import Callable, Iterable

from fxengine.client.executions import Execution
from fxengine.client.listing import Listing
from fxengine.client.reports import Order, Outcome
from fxengine.codes import EventKind, OrdStatus, OrdType, Side

Row = tuple[int, int, int, int, int, int, int, int]
"""One row of OPEN_ORDERS."""


class OpenOrders:
    """What is open, as far as it was heard of. ``listing`` returns the venue's reference data."""

    def __init__(self, listing: Callable[[], Listing]) -> None:
        self._listing = listing
        self.orders: dict[int, Order] = {}
        """Open orders, by client order id."""
        self.quotes: dict[int, Order] = {}
        """Open levels of mass quotes, by OrderID."""
        self._by_order_id: dict[int, Order] = {}
        self._entered: list[Order] = []
        self._sequence = 0

    def find(self, order_id: int, client_order_id: int) -> Order | None:
        """Return an open order by OrderID, or by its client order id where that is 0."""
        return self._by_order_id.get(order_id) if order_id else self.orders.get(client_order_id)

    def follow(self, execution: Execution) -> Order:
        """Bring the order up to date and return it. O(1)."""
        message, kind = execution.message, execution.exec_type
        if message.sequence != self._sequence:
            self._sequence = message.sequence
            self._entered.clear()
        order = self._by_order_id.get(message.order_id)
        if order is None:
            canceled = message.quantity_lots if kind in (EventKind.CANCELED, EventKind.REDUCED) else 0
            order = Order(
                message.client_order_id,
                message.order_id,
                execution.instrument,
                execution.side,
                message.price_ticks,
                message.cum_lots + message.leaves_lots + canceled,
                message.leaves_lots,
            )
            self._add(order)
            self._entered.append(order)
        order.status, order.reason = execution.status, execution.reason
        order.leaves_lots, order.cum_lots = message.leaves_lots, message.cum_lots
        order.sequence = message.sequence
        if kind is EventKind.FILL:
            order.fills.append(execution)
        elif kind is EventKind.REPLACED:
            order.price_ticks, order.quantity_lots = message.price_ticks, message.quantity_lots
        if not order.is_open:
            self._remove(order)
        return order

    def quoted(self, client_order_id: int) -> None:
        """Take the levels that this mass quote has entered for what they are. O(levels)."""
        for order in self._entered:
            if order.client_order_id == client_order_id and not order.is_quote:
                self.orders.pop(client_order_id, None)
                order.is_quote = True
                if order.is_open:
                    self.quotes[order.order_id] = order

    def known(self) -> list[Order]:
        """Return all that is open as far as was heard."""
        return list(self._by_order_id.values())

    def load(self, rows: Iterable[Row], known_before: Iterable[Order]) -> tuple[list[Order], list[Order]]:
        """Take in a whole answer of OPEN_ORDERS; return what is open, and what was thought to be and is not.

        ``known_before`` is :meth:`known` of when it was asked: what was entered since is not missing.
        """
        open_orders = [self._read(row) for row in rows]
        there = {order.order_id for order in open_orders}
        gone = [order for order in known_before if order.is_open and order.order_id not in there]
        for order in gone:
            self._remove(order)
        return open_orders, gone

    def close(self, order: Order, outcome: Outcome) -> None:
        """Tell an order that is not open any more how it ended."""
        order.status, order.reason = outcome.status, outcome.reason
        order.leaves_lots, order.cum_lots = 0, outcome.message.cum_lots

    def was_canceled(self, order: Order) -> None:
        """Take an order for cancelled whose report is not held any more."""
        order.status, order.leaves_lots = OrdStatus.CANCELED, 0
        self._remove(order)

    def _read(self, row: Row) -> Order:
        order_id, client_order_id, index, side, ord_type, price_ticks, leaves_lots, cum_lots = row
        order = self._by_order_id.get(order_id)
        if order is None:
            quantity, instrument = leaves_lots + cum_lots, self._listing().instruments[index]
            order = Order(client_order_id, order_id, instrument, Side(side), price_ticks, quantity, leaves_lots)
            order.is_quote = ord_type == 0
            self._add(order)
        order.price_ticks, order.leaves_lots, order.cum_lots = price_ticks, leaves_lots, cum_lots
        order.status = OrdStatus.PARTIALLY_FILLED if cum_lots else OrdStatus.NEW
        order.ord_type = OrdType(ord_type or OrdType.LIMIT)
        return order

    def _add(self, order: Order) -> None:
        self._by_order_id[order.order_id] = order
        if order.is_quote:
            self.quotes[order.order_id] = order
        else:
            self.orders[order.client_order_id] = order

    def _remove(self, order: Order) -> None:
        self._by_order_id.pop(order.order_id, None)
        self.quotes.pop(order.order_id, None)
        if self.orders.get(order.client_order_id) is order:
            del self.orders[order.client_order_id]
