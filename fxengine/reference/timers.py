"""What the core does by itself when its time comes: credentials end, GTD orders expire, stops run.

Before each command, all that is due by its time happens, in the order (due, kind, sequence). Stops
that were triggered but exceeded the bound of their command come first: they are overdue.
"""

import heapq
from enum import IntEnum

from fxengine.codes import RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account
from fxengine.reference.book import Order, Place
from fxengine.reference.matching import cancel
from fxengine.reference.orders import trigger
from fxengine.reference.state import State

TRIGGERS_MAX = 256
"""Stops that one command may run."""


class TimerKind(IntEnum):
    """What a timer ends; the order of those due at the same time."""

    CREDENTIAL = 1
    ORDER = 2


class Timers:
    """Due times in a heap: (due, kind, sequence, subject). Stale entries are skipped when they come up."""

    def __init__(self) -> None:
        self.due: list[tuple[int, TimerKind, int, int]] = []

    def add_credential(self, account: Account) -> None:
        """Note when an account's credential ends. O(log n)."""
        heapq.heappush(self.due, (account.expires_ns, TimerKind.CREDENTIAL, account.number, account.number))

    def add_order(self, order: Order) -> None:
        """Note when a GTD order expires. O(log n)."""
        heapq.heappush(self.due, (order.expire_ns, TimerKind.ORDER, order.entry_sequence, order.id))

    def next_ns(self, state: State) -> int:
        """Return when something is next due; INT64_MAX for never."""
        if any(wanted in state.pool for wanted in state.triggered):
            return state.now_ns
        while self.due and not self._is_live(state, self.due[0]):
            heapq.heappop(self.due)
        return self.due[0][0] if self.due else INT64_MAX

    @staticmethod
    def _is_live(state: State, timer: tuple[int, TimerKind, int, int]) -> bool:
        due, kind, _, subject = timer
        if kind is TimerKind.CREDENTIAL:
            return state.accounts[subject].expires_ns == due
        return subject in state.pool

    def fire(self, state: State) -> None:
        """Do all that is due by now."""
        while self.due and self.due[0][0] <= state.now_ns:
            timer = heapq.heappop(self.due)
            if not self._is_live(state, timer):
                continue
            if timer[1] is TimerKind.ORDER:
                order = state.pool.find(timer[3])
                assert order is not None
                cancel(state, order, RejectReason.ORDER_EXPIRED)
                continue
            for order in state.orders_of(state.accounts[timer[3]]):
                cancel(state, order, RejectReason.CREDENTIAL_EXPIRED)


def run_triggered(state: State, already_run: int) -> int:
    """Run triggered stops, first in first out, those they trigger included; return how many ran by now."""
    while state.triggered and already_run < TRIGGERS_MAX:
        order = state.pool.find(state.triggered.popleft())
        if order is not None and order.place is Place.TRIGGERED:
            already_run += 1
            order.place = Place.NOWHERE
            trigger(state, order)
    return already_run
