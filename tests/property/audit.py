"""One auditor of all that a core says: it sees events only, and then asks whether the core agrees."""

from collections import defaultdict

from bench.flows import Core, Event, Scenario
from fxengine.codes import FIRST_CLIENT_ACCOUNT, EventFlag, EventKind, Side
from tests.property.audit_books import BookAudit
from tests.property.audit_money import MoneyAudit
from tests.property.audit_orders import OrderAudit
from tests.property.audit_standing import StandingAudit
from tests.property.audit_withdrawals import WithdrawalAudit

TRIGGERS_MAX = 256


class Audit:
    """Books, orders, money and stream numbers, rebuilt from the events of one core."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.books = BookAudit(len(scenario.pairs))
        self.orders = OrderAudit()
        self.money = MoneyAudit(scenario.pairs)
        self.standing = StandingAudit()
        self.withdrawals = WithdrawalAudit()
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
        self._swap(events)

    def _number(self, core: Core, event: Event) -> None:
        """Each client's own stream is gapless; a number that is nobody's has none."""
        if FIRST_CLIENT_ACCOUNT <= event.account < core.n_accounts:
            self.streams[event.account] += 1
            assert event.account_stream == self.streams[event.account], f"gap in a private stream: {event}"
        else:
            assert event.account_stream == 0, event

    def _swap(self, events: list[Event]) -> None:
        """A receipt agrees with its legs: what went in, what came out, and the change between."""
        receipts = [event for event in events if event.kind is EventKind.SWAPPED]
        legs = [event for event in events if event.kind is EventKind.FILL and event.flags & EventFlag.SWAP]
        assert len(receipts) == (1 if legs else 0)
        for receipt in receipts:
            path = [receipt.path_0, receipt.path_1, receipt.path_2][: receipt.n_legs]
            assert path == list(dict.fromkeys(leg.instrument for leg in legs)), receipt
            left, currency = receipt.amount_in_units, receipt.instrument
            changes = [receipt.change_units_0, receipt.change_units_1, receipt.change_units_2]
            for place, instrument in enumerate(path):
                spent, received, currency = self._leg([leg for leg in legs if leg.instrument == instrument], currency)
                assert spent <= left, receipt
                if place:
                    assert changes[place - 1] == left - spent, receipt
                else:
                    assert spent == receipt.amount_in_units, receipt
                left = received
            assert currency == receipt.currency_out
            assert changes[len(path) - 1] == left - receipt.amount_out_units >= 0, receipt
            paid = [event for event in events if event.kind is EventKind.RECEIVED]
            assert [event.amount_units for event in paid] == [receipt.amount_out_units] * len(paid)
            assert len(paid) == (receipt.counterparty != receipt.account)

    def _leg(self, fills: list[Event], currency: int) -> tuple[int, int, int]:
        """Return what a leg spent, what it brought after fees, and in which currency."""
        pair = self.scenario.pairs[fills[0].instrument]
        principal = sum(fill.quantity_lots for fill in fills) * pair.lot_units
        notional = sum(fill.quantity_lots * fill.price_ticks for fill in fills) * pair.tick_lot_units
        fees = sum(fill.fee_units for fill in fills)
        sells = fills[0].side == Side.SELL
        assert currency == (pair.base if sells else pair.quote)
        return (principal, notional - fees, pair.quote) if sells else (notional, principal - fees, pair.base)

    def compare(self, core: Core) -> None:
        """Hold all that was rebuilt against the core."""
        self.books.compare(core)
        self.money.compare(core, self.scenario.n_currencies)
        self.standing.compare(core)
        self.withdrawals.compare(core)
