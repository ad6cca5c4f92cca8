"""Every balance rebuilt from events alone, by the rules that settlement uses, and every fee recomputed.

A trade moves base one way and quote the other; a fee goes to the fees account in the currency that
its payer received, and a rebate comes from there in the currency that the maker gave. What an order
has paid in fees must be the ceiling of what it owes, exactly; where it was first taker and then
maker, of both parts together::

    received   0 ..... taker ..... T ..... maker ..... R      ceil(t T + m (R - T))
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from bench.flows import Core, Event, Scenario
from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, Side

RATE_ONE = 1_000_000


@dataclass
class Paid:
    """Receipts and fees of one order, or of one leg of a swap."""

    owed: Fraction = Fraction(0)
    fees: int = 0


class MoneyAudit:
    """Follows all movements; AssertionError when a fee or rebate is not what its rate says."""

    def __init__(self, scenario: Scenario) -> None:
        self.pairs, self.swap_rate = scenario.pairs, scenario.swap_rate
        self.totals: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.orders: dict[int, Paid] = {}

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        legs: dict[int, Paid] = {}
        fills = [event for event in events if event.kind is EventKind.FILL]
        end = next((event.currency_out for event in events if event.kind is EventKind.SWAPPED), None)
        for maker, taker in zip(fills[::2], fills[1::2], strict=True):
            self._trade(maker, taker)
            for event in (maker, taker):
                is_leg = event.order_id == 0
                paid = legs.setdefault(event.instrument, Paid()) if is_leg else self._of(event.order_id)
                self._fee(paid, event, self._leg_rate(event, end) if is_leg else None)
        for event in events:
            if event.kind is EventKind.BUSTED:
                self._undo(event)
            if event.kind in (EventKind.RECEIVED, EventKind.DEPOSITED):
                self._move(event.counterparty, event.account, event.instrument, event.amount_units)
            elif event.kind is EventKind.WITHDRAWN:
                self._move(event.account, event.counterparty, event.instrument, event.amount_units)

    def _undo(self, event: Event) -> None:
        """Take back what one side of a trade moved, its fee too."""
        received, given = self._amounts(event)
        currency = received[0] if event.fee_units >= 0 else given[0]
        self.totals[event.account, received[0]] -= received[1]
        self.totals[event.account, given[0]] += given[1]
        self.totals[event.account, currency] += event.fee_units
        self.totals[FEES_ACCOUNT, currency] -= event.fee_units

    def _of(self, order_id: int) -> Paid:
        return self.orders.setdefault(order_id, Paid())

    def _move(self, giver: int, taker: int, currency: int, units: int) -> None:
        assert units > 0
        self.totals[giver, currency] -= units
        self.totals[taker, currency] += units

    def _amounts(self, event: Event) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return (currency, units) received and given by one side of a fill."""
        pair = self.pairs[event.instrument]
        base = pair.base, event.quantity_lots * pair.lot_units
        quote = pair.quote, event.quantity_lots * event.price_ticks * pair.tick_lot_units
        return (base, quote) if event.side == Side.BUY else (quote, base)

    def _trade(self, maker: Event, taker: Event) -> None:
        assert maker.flags & EventFlag.MAKER, maker
        assert taker.flags & EventFlag.TAKER, taker
        for name in ("instrument", "instrument_stream", "price_ticks", "quantity_lots", "sequence"):
            assert getattr(maker, name) == getattr(taker, name), f"{name}: {maker} and {taker}"
        assert {maker.side, taker.side} == {Side.BUY, Side.SELL}
        assert (maker.counterparty, taker.counterparty) == (taker.account, maker.account)
        for event in (maker, taker):
            received, given = self._amounts(event)
            self.totals[event.account, received[0]] += received[1]
            self.totals[event.account, given[0]] -= given[1]
            currency = received[0] if event.fee_units >= 0 else given[0]
            self.totals[event.account, currency] -= event.fee_units
            self.totals[FEES_ACCOUNT, currency] += event.fee_units
        assert taker.fee_units >= 0, f"a taker was paid: {taker}"
        assert maker.fee_units + taker.fee_units >= 0 or maker.fee_units >= 0, f"a rebate exceeds its fee: {maker}"

    def _leg_rate(self, event: Event, end: int | None) -> int | None:
        """Return what a swap pays in one of its books: where the venue has a swap fee, that on the last leg alone."""
        if self.swap_rate is None:
            return None
        (currency, _), _ = self._amounts(event)
        return self.swap_rate if currency == end else 0

    def _fee(self, paid: Paid, event: Event, leg_rate: int | None) -> None:
        pair = self.pairs[event.instrument]
        taker_rate = pair.taker_rate if leg_rate is None else leg_rate
        (_, received), (_, given) = self._amounts(event)
        is_maker = bool(event.flags & EventFlag.MAKER)
        if is_maker and pair.maker_rate < 0:
            assert event.fee_units == -int(Fraction(-pair.maker_rate * given, RATE_ONE)), event
            return
        paid.owed += Fraction((pair.maker_rate if is_maker else taker_rate) * received, RATE_ONE)
        paid.fees += event.fee_units
        assert paid.fees == ceil(paid.owed), f"fees so far {paid.fees}, owed {paid.owed}: {event}"

    def compare(self, core: Core, n_currencies: int) -> None:
        """Hold the rebuilt totals against the core's balances, the venue's own accounts included."""
        for account in range(core.n_accounts):
            for currency in range(n_currencies):
                total, known = sum(core.balance(account, currency)), self.totals[account, currency]
                assert total == known, f"account {account}, currency {currency}: {total}, events say {known}"
