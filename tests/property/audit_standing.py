"""Who may trade and whose orders are watched, rebuilt from events alone: what is barred does nothing more.

::

    REVOKED FREEZE    nothing of the account stands any more, and nothing of it happens until REVOKED UNFREEZE
    REVOKED TOKEN     the same, until CREDENTIALED
    GUARDED, acted    nothing of the account stands at that moment

What the queries say of open orders is held against the orders' own events.
"""

from collections import defaultdict

from bench.flows import Core, Event
from fxengine.codes import CommandKind, EventKind, GuardAction, OrdStatus, RejectReason, RevokeAction

_DEEDS = {
    EventKind.ACCEPTED, EventKind.FILL, EventKind.RESTED, EventKind.REPLACED, EventKind.REDUCED, EventKind.TRIGGERED,
    EventKind.QUOTED, EventKind.SWAPPED, EventKind.RECEIVED,
}  # fmt: skip
"""What only those may do, or have done to them, who may trade."""
_ACTED = {RejectReason.DEAD_MAN_FIRED, RejectReason.DISCONNECTED}


class StandingAudit:
    """Follows freezes, revoked tokens, guards and open orders; AssertionError when a barred account acts."""

    def __init__(self) -> None:
        self.frozen: set[int] = set()
        self.token_revoked: set[int] = set()
        self.watching: set[int] = set()
        self.open: defaultdict[int, dict[int, Event]] = defaultdict(dict)
        """By account and OrderID, the latest event of each open order."""

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        for event in events:
            barred = event.account in self.frozen or event.account in self.token_revoked
            assert not (barred and event.kind in _DEEDS), f"a barred account acts: {event}"
            if event.kind is EventKind.WITHDRAWN:
                assert event.account not in self.frozen, f"taken from a frozen account: {event}"
            elif event.kind is EventKind.CREDENTIALED:
                assert event.account not in self.frozen, event
                self.token_revoked.discard(event.account)
            elif event.kind is EventKind.REVOKED:
                self._revoked(event)
            elif event.kind is EventKind.GUARDED:
                self._guarded(event)
            else:
                self._order(event)

    def _revoked(self, event: Event) -> None:
        if event.side == RevokeAction.UNFREEZE:
            assert not event.reason, event
            self.frozen.discard(event.account)
            return
        assert not self.open[event.account], f"orders outlive it: {event}"
        barred, reason = {
            RevokeAction.FREEZE: (self.frozen, RejectReason.ACCOUNT_FROZEN),
            RevokeAction.TOKEN: (self.token_revoked, RejectReason.TOKEN_REVOKED),
        }[RevokeAction(event.side)]
        assert event.reason == reason, event
        barred.add(event.account)

    def _guarded(self, event: Event) -> None:
        assert (event.client_order_id, event.order_id, event.leaves_lots, event.cum_lots) == (0, 0, 0, 0), event
        if event.reason:
            assert event.reason in _ACTED, event
            assert not self.open[event.account], f"orders outlive it: {event}"
        if event.side == GuardAction.WATCH:
            (self.watching.add if event.quantity_lots else self.watching.discard)(event.account)
        elif event.side == GuardAction.DISCONNECTED:
            assert bool(event.reason) == (event.account in self.watching), event
            self.watching.discard(event.account)

    def _order(self, event: Event) -> None:
        ended = event.kind is EventKind.CANCELED or (
            event.kind is EventKind.FILL and event.status == OrdStatus.FILLED and event.order_id
        )
        if ended:
            del self.open[event.account][event.order_id]
        elif event.kind is EventKind.ACCEPTED or (
            event.kind in _DEEDS and event.kind not in (EventKind.SWAPPED, EventKind.RECEIVED) and event.order_id
        ):
            self.open[event.account][event.order_id] = event

    def compare(self, core: Core) -> None:
        """Hold what was rebuilt against what the core answers."""
        assert core.watching() == sorted(self.watching)
        for account in range(core.n_accounts):
            assert core.is_frozen(account) == (account in self.frozen)
            told = {
                order_id: (event.client_order_id, event.instrument, event.side, event.leaves_lots, event.cum_lots)
                for order_id, event in self.open[account].items()
            }
            rows = core.open_orders(account, 0, 10**6)
            assert [row[0] & 0xFFFFFFFF for row in rows] == sorted(order_id & 0xFFFFFFFF for order_id in told)
            assert {row[0]: (row[1], row[2], row[3], row[6], row[7]) for row in rows} == told
            for row in rows:
                state = core.order_state(account, 0, row[0])
                assert state is not None
                ord_type = 0 if state[2] == CommandKind.MASS_QUOTE else state[7]
                assert (*state[:2], *state[5:7], ord_type, *state[8:11]) == row
