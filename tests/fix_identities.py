"""Every report stream in the tests is held against FIX: quantities that add up, states that only go forward.

From the reports alone, as a client's own books would be kept: after each report of an order

    CumQty [14] + LeavesQty [151] + what was cancelled = OrderQty [38]
    NEW ----> PARTIALLY_FILLED (again and again) ----> FILLED
      \\-----------------\\---------------------------> CANCELED, EXPIRED

The fixture listens to every engine in the test's process, as the reports that its events become, and
to every client session, which may speak to a venue in another process. What was amended counts with
its new OrderQty, from which what had been cancelled before is gone.
Source: FIX 5.0 SP2, order state change matrices A to D; tags 14, 38, 39, 151.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from fxengine.codes import EventKind, OrdStatus
from fxengine.engine import ANYWHERE, MatchingCore, Place, Released
from fxengine.messages import (
    ExecutionReport,
    MoneyReport,
    OrderStatus,
    Reply,
    SwapLegReport,
    SwapPathReport,
    SwapReport,
)
from fxengine.wire import read_events, report_of

Report = ExecutionReport | OrderStatus | SwapLegReport | SwapPathReport | SwapReport | MoneyReport
REPORTS: Final = (ExecutionReport, OrderStatus, SwapLegReport, SwapPathReport, SwapReport, MoneyReport)
_ENDED: Final = frozenset({OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED})
_OF_AN_ORDER: Final = frozenset({
    EventKind.ACCEPTED, EventKind.FILL, EventKind.CANCELED, EventKind.RESTED, EventKind.REPLACED, EventKind.REDUCED,
    EventKind.TRIGGERED,
})  # fmt: skip


class Violation(AssertionError):
    """A report that does not fit those before it."""


@dataclass
class Order:
    """An order as its reports have told it so far."""

    order_lots: int
    leaves_lots: int
    cum_lots: int = 0
    canceled_lots: int = 0
    status: OrdStatus = OrdStatus.NEW


@dataclass
class ReportStream:
    """One account's private stream, in order. ``is_whole``: it is heard from its first report."""

    is_whole: bool
    last_stream: int = 0
    orders: dict[int, Order] = field(default_factory=dict)
    heard: dict[int, Report] = field(default_factory=dict)

    def hear(self, report: Report) -> None:
        """Take in the next report; :class:`Violation` where it does not fit."""
        number = report.account_stream
        if number == 0:
            return  # an account that does not exist yet has no stream
        if number in self.heard:
            self._require(self.heard[number] == report, report, f"not what was told before: {self.heard[number]}")
            return
        if number != self.last_stream + 1:
            self._require(not self.is_whole, report, f"after number {self.last_stream}")
            self.orders.clear()  # there was a gap: what is heard of from here on is new
        self.last_stream = max(number, self.last_stream)
        self.heard[number] = report
        if isinstance(report, ExecutionReport) and report.order_id and report.exec_type in _OF_AN_ORDER:
            self._hear_of_order(report)
        elif isinstance(report, OrderStatus) and report.order_id in self.orders:
            order = self.orders[report.order_id]
            told = (report.status, report.leaves_lots, report.cum_lots)
            self._require(told == (order.status, order.leaves_lots, order.cum_lots), report, f"the order is {order}")

    def _hear_of_order(self, report: ExecutionReport) -> None:
        order = self.orders.get(report.order_id)
        if report.exec_type == EventKind.ACCEPTED:
            self._require(order is None, report, "an OrderID came twice")
            self._require(report.leaves_lots == report.quantity_lots > 0 == report.cum_lots, report, "not a new order")
            self.orders[report.order_id] = order = Order(report.quantity_lots, report.quantity_lots)
        elif order is None:
            self._require(not self.is_whole, report, "of an order that was never accepted")
            self._adopt(report)
            return
        else:
            self._apply(order, report)
        self._check(order, report)

    def _adopt(self, report: ExecutionReport) -> None:
        """Take up an order in the middle of its life."""
        whole = report.cum_lots + report.leaves_lots
        status = OrdStatus(report.status)
        self.orders[report.order_id] = Order(whole, report.leaves_lots, report.cum_lots, 0, status)

    @staticmethod
    def _apply(order: Order, report: ExecutionReport) -> None:
        kind, lots = report.exec_type, report.quantity_lots
        if kind == EventKind.FILL:
            order.cum_lots += lots
            order.leaves_lots -= lots
        elif kind in (EventKind.CANCELED, EventKind.REDUCED):
            order.canceled_lots += lots
            order.leaves_lots -= lots
        elif kind == EventKind.REPLACED:
            order.order_lots, order.leaves_lots, order.canceled_lots = lots, lots - order.cum_lots, 0

    def _check(self, order: Order, report: ExecutionReport) -> None:
        status = OrdStatus(report.status)
        told = (report.cum_lots, report.leaves_lots)
        self._require(told == (order.cum_lots, order.leaves_lots), report, f"CumQty and LeavesQty are not of {order}")
        whole = order.cum_lots + order.leaves_lots + order.canceled_lots
        self._require(whole == order.order_lots, report, f"{whole} lots and not OrderQty, {order}")
        self._require(order.leaves_lots >= 0, report, "less than nothing is left")
        self._require(order.status not in _ENDED, report, f"after its end: {order}")
        self._require(status is self._status_of(order, report), report, f"OrdStatus of {order}")
        order.status = status

    @staticmethod
    def _status_of(order: Order, report: ExecutionReport) -> OrdStatus:
        """Return what the report must say; CANCELED and EXPIRED are told apart by its reason, which is the core's."""
        if report.exec_type == EventKind.CANCELED:
            return OrdStatus.EXPIRED if report.status == OrdStatus.EXPIRED else OrdStatus.CANCELED
        if not order.leaves_lots:
            return OrdStatus.FILLED
        return OrdStatus.PARTIALLY_FILLED if order.cum_lots else OrdStatus.NEW

    @staticmethod
    def _require(holds: bool, report: Report, problem: str) -> None:
        if not holds:
            raise Violation(f"{problem}: {report}")


class Listener:
    """Keeps the streams of one engine or one client session; what does not fit is kept for the test's end."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.n_reports = 0
        self._streams: dict[int, ReportStream] = {}
        self._is_whole = True

    def begin(self, core: MatchingCore, place: Place) -> None:
        """Begin in the middle: an engine started from a snapshot, and its orders are not known by their reports."""
        self._is_whole = False
        for account in range(core.n_accounts):
            self._streams[account] = ReportStream(False, core.account_stream(account))

    def hear(self, account: int, report: Report, *, is_whole: bool) -> None:
        """Hear one report of an account."""
        self.n_reports += 1
        try:
            self._streams.setdefault(account, ReportStream(is_whole)).hear(report)
        except Violation as violation:
            self.violations.append(violation)

    def observe(self, released: Released) -> None:
        """Hear what an engine released, as the reports that clients get."""
        for place, row in enumerate(read_events(released.events)):
            report = report_of(row, place, released.events, released.time_ns)
            assert isinstance(report, REPORTS)
            self.hear(row[6], report, is_whole=self._is_whole)


@pytest.fixture(autouse=True)
def fix_identities(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold every report stream of the test against FIX; a ``conftest.py`` imports this where there are streams."""
    from fxengine.client.session import ClientSession
    from fxengine.engine import Engine

    listeners: list[Listener] = []
    of_session: dict[ClientSession, Listener] = {}
    start, hear = Engine.start, ClientSession._hear

    def start_and_listen(engine: Engine) -> None:
        listeners.append(Listener())
        engine.attach(listeners[-1].observe, may_begin_after=ANYWHERE, begin=listeners[-1].begin)
        start(engine)

    def hear_and_listen(session: ClientSession, message: Reply) -> None:
        if isinstance(message, REPORTS):
            if session not in of_session:
                of_session[session] = Listener()
                listeners.append(of_session[session])
            of_session[session].hear(0, message, is_whole=False)
        hear(session, message)

    monkeypatch.setattr(Engine, "start", start_and_listen)
    monkeypatch.setattr(ClientSession, "_hear", hear_and_listen)
    yield
    violations = [violation for listener in listeners for violation in listener.violations]
    assert not violations, violations
