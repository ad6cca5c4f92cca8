"""Each order's life from its events: quantities that add up, states that follow FIX's matrices.

CumQty + LeavesQty + what was cancelled = OrderQty after every event, and OrdStatus moves only along::

    NEW ----> PARTIALLY_FILLED (again and again) ----> FILLED
      \\------------------\\--------------------------> CANCELED, EXPIRED

Source: FIX 5.0 SP2, order state change matrices A and B.
"""

from dataclasses import dataclass

from bench.flows import Event
from fxengine.codes import CommandKind, EventKind, OrdStatus, RejectReason, Side

_OPEN = {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED}
_ENDED = {OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED}
ALLOWED: dict[OrdStatus, set[OrdStatus]] = {
    OrdStatus.NEW: {OrdStatus.PARTIALLY_FILLED} | _ENDED,
    OrdStatus.PARTIALLY_FILLED: {OrdStatus.PARTIALLY_FILLED} | _ENDED,
    OrdStatus.FILLED: set(),
    OrdStatus.CANCELED: set(),
    OrdStatus.EXPIRED: set(),
}


@dataclass
class Seen:
    """What an order's events have told so far."""

    account: int
    client_order_id: int
    instrument: int
    side: int
    limit_ticks: int
    quantity_lots: int
    leaves_lots: int
    sequence: int
    cum_lots: int = 0
    canceled_lots: int = 0
    status: OrdStatus = OrdStatus.NEW


class OrderAudit:
    """Follows every order; AssertionError when its quantities or states do not fit."""

    def __init__(self) -> None:
        self.orders: dict[int, Seen] = {}

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        for event in events:
            if event.kind is EventKind.ACCEPTED:
                self._accepted(event)
            elif event.kind is EventKind.FILL and event.order_id:
                self._filled(self.orders[event.order_id], event)
            elif event.kind is EventKind.CANCELED:
                self._canceled(self.orders[event.order_id], event)
            elif event.kind is EventKind.RESTED:
                seen = self.orders[event.order_id]
                assert event.quantity_lots == event.leaves_lots == seen.leaves_lots > 0, event
                assert event.cum_lots == seen.cum_lots > 0, event
                assert event.status == seen.status == OrdStatus.PARTIALLY_FILLED, event
            elif event.kind is EventKind.ORDER_STATUS:
                self._asked(event)

    def _accepted(self, event: Event) -> None:
        assert event.order_id not in self.orders, f"an OrderID came twice: {event}"
        assert event.status == OrdStatus.NEW, event
        assert event.leaves_lots == event.quantity_lots > 0, event
        assert event.cum_lots == 0, event
        self.orders[event.order_id] = Seen(
            event.account, event.client_order_id, event.instrument, event.side, event.price_ticks,
            event.quantity_lots, event.quantity_lots, event.sequence,
        )  # fmt: skip

    def _filled(self, seen: Seen, event: Event) -> None:
        assert event.quantity_lots > 0, event
        seen.cum_lots += event.quantity_lots
        seen.leaves_lots -= event.quantity_lots
        improves = (
            event.price_ticks <= seen.limit_ticks if seen.side == Side.BUY else event.price_ticks >= seen.limit_ticks
        )
        assert improves, f"filled beyond the limit {seen.limit_ticks}: {event}"
        self._check(seen, event)
        assert event.status == (OrdStatus.PARTIALLY_FILLED if event.leaves_lots else OrdStatus.FILLED), event

    def _canceled(self, seen: Seen, event: Event) -> None:
        assert event.quantity_lots == seen.leaves_lots, event
        seen.canceled_lots, seen.leaves_lots = seen.leaves_lots, 0
        self._check(seen, event)
        expired = event.reason == RejectReason.CREDENTIAL_EXPIRED
        assert event.status == (OrdStatus.EXPIRED if expired else OrdStatus.CANCELED), event

    @staticmethod
    def _check(seen: Seen, event: Event) -> None:
        told = (event.account, event.client_order_id, event.instrument, event.side)
        assert told == (seen.account, seen.client_order_id, seen.instrument, seen.side), event
        assert (event.cum_lots, event.leaves_lots) == (seen.cum_lots, seen.leaves_lots), event
        assert seen.cum_lots + seen.leaves_lots + seen.canceled_lots == seen.quantity_lots, event
        status = OrdStatus(event.status)
        assert status in ALLOWED[seen.status], f"{seen.status.name} may not become {status.name}: {event}"
        seen.status = status

    def _asked(self, event: Event) -> None:
        """Hold the answer to a retry against what the order's own events said."""
        if event.side != CommandKind.NEW_ORDER or event.order_id == 0:
            return
        seen = self.orders[event.order_id]
        told = (event.status, event.leaves_lots, event.cum_lots, event.quantity_lots)
        assert told == (seen.status, seen.leaves_lots, seen.cum_lots, seen.quantity_lots), event
        first = (event.account, event.client_order_id, event.original_sequence)
        assert first == (seen.account, seen.client_order_id, seen.sequence), event
