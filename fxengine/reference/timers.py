"""What the core does by itself when its time comes.

Credentials end, GTD orders expire, dead-man timers run out, and triggered stops run.

Before each command, all that is due by its time happens, in the order (due, kind, sequence). Stops
that were triggered but exceeded the bound of their command come first: they are overdue.
"""

import heapq
from enum import IntEnum

from sortedcontainers import SortedSet

from fxengine.codes import EventKind, GuardAction, RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account
from fxengine.reference.book import Order, Place
from fxengine.reference.matching import cancel, cancel_all
from fxengine.reference.orders import trigger
from fxengine.reference.state import State

TRIGGERS_MAX = 256
"""Stops that one command may run."""


class TimerKind(IntEnum):
    """What a timer ends; the order of those due at the same time."""

    CREDENTIAL = 1
    ORDER = 2
    DEAD_MAN = 3


Timer = tuple[int, TimerKind, int, int]


class Timers:
    """Due times in a heap: (due, kind, sequence, subject). Stale entries are skipped when they come up.

    Dead-man timers are set anew many times a second, so each stands once, by (due, account).
    """

    def __init__(self) -> None:
        self.due: list[Timer] = []
        self.dead_men: SortedSet[tuple[int, int]] = SortedSet()

    def add_credential(self, account: Account) -> None:
        """Note when an account's credential ends. O(log n)."""
        heapq.heappush(self.due, (account.expires_ns, TimerKind.CREDENTIAL, account.number, account.number))

    def add_order(self, order: Order) -> None:
        """Note when a GTD order expires. O(log n)."""
        heapq.heappush(self.due, (order.expire_ns, TimerKind.ORDER, order.entry_sequence, order.id))

    def set_dead_man(self, account: Account, due_ns: int) -> None:
        """Set when an account's open orders end unless this is set again; 0 stops the timer. O(log n)."""
        self.dead_men.discard((account.dead_man_ns, account.number))
        account.dead_man_ns = due_ns
        if due_ns:
            self.dead_men.add((due_ns, account.number))

    def next_ns(self, state: State) -> int:
        """Return when something is next due; INT64_MAX for never."""
        if _next_to_run(state) is not None:
            return state.now_ns
        soonest = self._soonest(state)
        return INT64_MAX if soonest is None else soonest[0]

    def _soonest(self, state: State) -> Timer | None:
        """Return what is due first, in the order (due, kind, sequence)."""
        while self.due and not self._is_live(state, self.due[0]):
            heapq.heappop(self.due)
        first = [(due, TimerKind.DEAD_MAN, number, number) for due, number in self.dead_men[:1]]
        return min(self.due[:1] + first, default=None)

    @staticmethod
    def _is_live(state: State, timer: Timer) -> bool:
        due, kind, _, subject = timer
        if kind is TimerKind.CREDENTIAL:
            return state.accounts[subject].expires_ns == due
        return subject in state.pool

    def fire(self, state: State) -> None:
        """Do all that is due by now."""
        while (timer := self._soonest(state)) is not None and timer[0] <= state.now_ns:
            _, kind, _, subject = timer
            if kind is TimerKind.DEAD_MAN:
                self._fire_dead_man(state, state.accounts[subject])
                continue
            heapq.heappop(self.due)
            if kind is TimerKind.ORDER:
                order = state.pool.find(subject)
                assert order is not None
                cancel(state, order, RejectReason.ORDER_EXPIRED)
            else:
                cancel_all(state, state.accounts[subject], RejectReason.CREDENTIAL_EXPIRED)

    def _fire_dead_man(self, state: State, account: Account) -> None:
        self.set_dead_man(account, 0)
        reason = RejectReason.DEAD_MAN_FIRED
        cancel_all(state, account, reason)
        state.emit_told(EventKind.GUARDED, account.number, action=GuardAction.DEAD_MAN, reason=reason)


def run_triggered(state: State, already_run: int) -> int:
    """Run triggered stops, first in first out, those they trigger included; return how many ran by now."""
    while already_run < TRIGGERS_MAX and (order := _next_to_run(state)) is not None:
        state.triggered.remove(order.id)
        already_run += 1
        order.place = Place.NOWHERE
        trigger(state, order)
    return already_run


def _next_to_run(state: State) -> Order | None:
    """Return the triggered stop whose turn it is: the first of an instrument that is open. O(those before it)."""
    while state.triggered and state.triggered[0] not in state.pool:
        state.triggered.popleft()
    for wanted in state.triggered:
        order = state.pool.find(wanted)
        if order is not None and not state.closed(order.instrument):
            return order
    return None
