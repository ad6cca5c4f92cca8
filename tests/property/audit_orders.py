"""Each order's life from its events: quantities that add up, states that follow FIX's matrices.

CumQty + LeavesQty + what was cancelled = OrderQty after every event, and OrdStatus moves only along::

    NEW ----> PARTIALLY_FILLED (again and again) ----> FILLED
      \\------------------\\--------------------------> CANCELED, EXPIRED

REPLACED restates OrderQty, and what had been cancelled before is no part of the new one; what
self-trade prevention takes (REDUCED) counts as cancelled.
Source: FIX 5.0 SP2, order state change matrices A to D.
"""

from dataclasses import dataclass

from bench.flows import Event
from fxengine.codes import CommandKind, EventFlag, EventKind, OrdStatus, RejectReason, Side

_ENDED = {OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED}
_EXPIRIES = {RejectReason.CREDENTIAL_EXPIRED, RejectReason.ORDER_EXPIRED}
ALLOWED: dict[OrdStatus, set[OrdStatus]] = {
    OrdStatus.NEW: {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED} | _ENDED,
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
    entered_lots: int
    quantity_lots: int
    leaves_lots: int
    sequence: int
    cum_lots: int = 0
    canceled_lots: int = 0
    triggered: bool = False
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
            elif event.kind is EventKind.CANCELED or event.kind is EventKind.REDUCED:
                self._taken(self.orders[event.order_id], event)
            elif event.kind is EventKind.REPLACED:
                self._replaced(self.orders[event.order_id], event)
            elif event.kind is EventKind.RESTED:
                seen = self.orders[event.order_id]
                assert 0 < event.quantity_lots <= event.leaves_lots, event
                assert event.price_ticks == seen.limit_ticks, event
                self._check(seen, event, event.leaves_lots)
            elif event.kind is EventKind.TRIGGERED:
                seen = self.orders[event.order_id]
                assert not seen.triggered, f"triggered twice: {event}"
                seen.triggered = True
                self._check(seen, event, event.leaves_lots)
            elif event.kind is EventKind.ORDER_STATUS:
                self._asked(event)

    def _accepted(self, event: Event) -> None:
        assert event.order_id not in self.orders, f"an OrderID came twice: {event}"
        assert event.status == OrdStatus.NEW, event
        assert event.leaves_lots == event.quantity_lots > 0, event
        assert event.cum_lots == 0, event
        self.orders[event.order_id] = Seen(
            event.account, event.client_order_id, event.instrument, event.side, event.price_ticks,
            event.quantity_lots, event.quantity_lots, event.quantity_lots, event.sequence,
        )  # fmt: skip

    def _filled(self, seen: Seen, event: Event) -> None:
        assert event.quantity_lots > 0, event
        seen.cum_lots += event.quantity_lots
        seen.leaves_lots -= event.quantity_lots
        improves = (
            event.price_ticks <= seen.limit_ticks if seen.side == Side.BUY else event.price_ticks >= seen.limit_ticks
        )
        assert improves, f"filled beyond the limit {seen.limit_ticks}: {event}"
        if event.flags & EventFlag.MAKER:
            assert event.price_ticks == seen.limit_ticks, f"a resting order trades at its price: {event}"
        self._check(seen, event, event.leaves_lots)
        assert event.status == (OrdStatus.PARTIALLY_FILLED if event.leaves_lots else OrdStatus.FILLED), event

    def _taken(self, seen: Seen, event: Event) -> None:
        """A cancel takes all that is left, self-trade prevention perhaps a part."""
        assert 0 < event.quantity_lots <= seen.leaves_lots, event
        assert 0 <= event.displayed_lots <= event.quantity_lots, event
        assert event.price_ticks == seen.limit_ticks, event
        seen.leaves_lots -= event.quantity_lots
        seen.canceled_lots += event.quantity_lots
        self._check(seen, event, seen.leaves_lots)
        if event.kind is EventKind.REDUCED:
            assert seen.leaves_lots, f"nothing is left of it: {event}"
            assert event.leaves_lots == seen.leaves_lots, event
            assert event.reason == RejectReason.SELF_TRADE_PREVENTED, event
        else:
            assert not seen.leaves_lots, event
            assert event.status == (OrdStatus.EXPIRED if event.reason in _EXPIRIES else OrdStatus.CANCELED), event

    def _replaced(self, seen: Seen, event: Event) -> None:
        assert event.old_price_ticks == seen.limit_ticks, event
        assert event.leaves_lots > 0, event
        seen.limit_ticks = event.price_ticks
        seen.quantity_lots, seen.leaves_lots, seen.canceled_lots = event.quantity_lots, event.leaves_lots, 0
        self._check(seen, event, event.leaves_lots)

    @staticmethod
    def _check(seen: Seen, event: Event, leaves_lots: int) -> None:
        told = (event.account, event.client_order_id, event.instrument, event.side)
        assert told == (seen.account, seen.client_order_id, seen.instrument, seen.side), event
        assert (event.cum_lots, leaves_lots) == (seen.cum_lots, seen.leaves_lots), event
        assert seen.cum_lots + seen.leaves_lots + seen.canceled_lots == seen.quantity_lots, event
        status = OrdStatus(event.status)
        assert status in ALLOWED[seen.status], f"{seen.status.name} may not become {status.name}: {event}"
        if status not in _ENDED:
            assert status == (OrdStatus.PARTIALLY_FILLED if seen.cum_lots else OrdStatus.NEW), event
        seen.status = status

    def _asked(self, event: Event) -> None:
        """Hold the answer to a retry against what the order's own events said."""
        if event.side != CommandKind.NEW_ORDER or event.order_id == 0:
            return
        seen = self.orders[event.order_id]
        told = (event.status, event.leaves_lots, event.cum_lots, event.quantity_lots)
        assert told == (seen.status, seen.leaves_lots, seen.cum_lots, seen.entered_lots), event
        first = (event.account, event.client_order_id, event.original_sequence)
        assert first == (seen.account, seen.client_order_id, seen.sequence), event
