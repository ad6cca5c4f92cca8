"""One auditor of all that a core says: it sees events only, and then asks whether the core agrees."""

from collections import defaultdict

from bench.flows import Core, Event, Scenario
from fxengine.codes import FIRST_CLIENT_ACCOUNT, EventFlag, EventKind
from tests.property.audit_books import BookAudit
from tests.property.audit_money import MoneyAudit
from tests.property.audit_orders import OrderAudit
from tests.property.audit_standing import StandingAudit
from tests.property.audit_swaps import SwapAudit
from tests.property.audit_withdrawals import WithdrawalAudit

TRIGGERS_MAX = 256


class Audit:
    """Books, orders, money and stream numbers, rebuilt from the events of one core."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.books = BookAudit(len(scenario.pairs))
        self.orders = OrderAudit()
        self.money = MoneyAudit(scenario)
        self.standing = StandingAudit()
        self.withdrawals = WithdrawalAudit()
        self.swaps = SwapAudit(scenario)
        self.streams: defaultdict[int, int] = defaultdict(int)
        self.sequence = 0

    def observe(self, core: Core, events: list[Event]) -> None:
        """Follow one command's events; ``core`` has just applied it."""
        self.sequence += 1
        assert core.sequence == self.sequence
        for event in events:
            assert event.sequence == self.sequence, f"an event of another command: {event}"
            self._number(core, event)
        n_trades = sum(event.kind is EventKind.FILL and bool(event.flags & EventFlag.MAKER) for event in events)
        n_orders = 1 + sum(event.kind is EventKind.TRIGGERED for event in events)
        assert n_trades <= self.scenario.max_fills * n_orders, f"{n_trades} trades in one command"
        assert n_orders <= 1 + TRIGGERS_MAX, f"{n_orders - 1} stops ran in one command"
        self.books.observe(events)
        self.orders.observe(events)
        self.money.observe(events)
        self.standing.observe(events)
        self.withdrawals.observe(core, events)
        self.swaps.observe(events)

    def _number(self, core: Core, event: Event) -> None:
        """Each client's own stream is gapless; a number that is nobody's has none."""
        if FIRST_CLIENT_ACCOUNT <= event.account < core.n_accounts:
            self.streams[event.account] += 1
            assert event.account_stream == self.streams[event.account], f"gap in a private stream: {event}"
        else:
            assert event.account_stream == 0, event

    def compare(self, core: Core) -> None:
        """Hold all that was rebuilt against the core."""
        self.books.compare(core)
        self.money.compare(core, self.scenario.n_currencies)
        self.standing.compare(core)
        self.withdrawals.compare(core)
