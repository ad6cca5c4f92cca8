"""Stop orders by hand: what triggers them, in which order they run, and how many in one command."""

import pytest

from bench.flows import Event
from fxengine.codes import EventKind, OrdStatus, OrdType, RejectReason, Side, TimeInForce
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk

ACCEPTED, TRIGGERED, FILL = EventKind.ACCEPTED, EventKind.TRIGGERED, EventKind.FILL
CANCELED, RESTED = EventKind.CANCELED, EventKind.RESTED
TRIGGERS_MAX = 256


def stop(price: int, *, limit: bool = False) -> dict[str, int]:
    """Describe a stop order, or with ``limit`` a stop-limit order."""
    return {"ord_type": OrdType.STOP_LIMIT if limit else OrdType.STOP, "stop_price_ticks": price}


def rich() -> Desk:
    """A venue where all have plenty."""
    desk = Desk(max_orders=2_000)
    for account in (MAKER, PAYER, OTHER):
        desk.fund(account, eur=10_000, usd=1_000_000)
    return desk


def trade_at(desk: Desk, price: int) -> list[Event]:
    """Let MAKER and OTHER trade one lot at a price; return what followed their two fills."""
    desk.sell(MAKER, 1, price)
    return desk.buy(OTHER, 1, price)[3:]


def test_a_stop_waits_unseen_and_holds_its_protection_price() -> None:
    desk = rich()
    (accepted,) = desk.buy(PAYER, 3, 15, **stop(12))
    assert (accepted.kind, accepted.flags, accepted.instrument_stream) == (ACCEPTED, 0, 0)
    assert desk.core.depth(0, Side.BUY, 9) == []
    assert desk.core.n_orders == 1
    assert desk.has(PAYER, USD) == (1_000_000 - 45, 45)


@pytest.mark.parametrize(("side", "stop_price", "price", "runs"), [
    (Side.BUY, 12, 11, False), (Side.BUY, 12, 12, True), (Side.BUY, 12, 13, True),
    (Side.SELL, 12, 13, False), (Side.SELL, 12, 12, True), (Side.SELL, 12, 11, True),
])  # fmt: skip
def test_a_trade_at_or_through_the_stop_price_triggers(side: Side, stop_price: int, price: int, runs: bool) -> None:
    desk = rich()
    if side is Side.BUY:
        desk.buy(PAYER, 1, 20, **stop(stop_price))
    else:
        desk.sell(PAYER, 1, 5, **stop(stop_price))
    events = trade_at(desk, price)
    assert [event.kind for event in events] == ([TRIGGERED, CANCELED] if runs else [])


def test_no_trade_yet_is_no_trigger_and_the_last_trade_counts_at_entry() -> None:
    desk = rich()
    desk.sell(MAKER, 5, 14)  # an offer through the stop price is no trade
    assert [event.kind for event in desk.buy(PAYER, 1, 15, **stop(12))] == [ACCEPTED]
    desk.buy(OTHER, 1, 14)
    events = desk.buy(PAYER, 1, 15, **stop(12))
    assert [event.kind for event in events] == [ACCEPTED, TRIGGERED, FILL, FILL]


def test_a_stop_becomes_a_market_order_and_its_rest_is_cancelled() -> None:
    desk = rich()
    desk.sell(MAKER, 2, 13)
    desk.sell(MAKER, 2, 16)
    desk.buy(PAYER, 5, 15, **stop(12))
    triggered, _, fill, canceled = trade_at(desk, 12)
    assert (triggered.kind, triggered.leaves_lots, triggered.status) == (TRIGGERED, 5, OrdStatus.NEW)
    assert (fill.account, fill.price_ticks, fill.quantity_lots) == (PAYER, 13, 2)
    assert (canceled.kind, canceled.reason, canceled.quantity_lots) == (CANCELED, RejectReason.UNFILLED_REMAINDER, 3)
    assert desk.has(PAYER, USD) == (1_000_000 - 26, 0)


def test_a_stop_limit_becomes_a_limit_order_and_its_rest_rests() -> None:
    desk = rich()
    desk.sell(MAKER, 2, 13)
    desk.buy(PAYER, 5, 15, **stop(12, limit=True))
    *_, rested = trade_at(desk, 12)
    assert (rested.kind, rested.quantity_lots, rested.cum_lots) == (RESTED, 3, 2)
    assert desk.core.depth(0, Side.BUY, 1) == [(15, 3)]
    assert desk.has(PAYER, USD) == (1_000_000 - 26 - 45, 45)


def test_one_trade_triggers_in_the_order_of_entry_whatever_side_and_price() -> None:
    desk = rich()
    entered = [
        desk.buy(PAYER, 1, 20, **stop(12))[0],
        desk.sell(PAYER, 1, 1, **stop(12))[0],
        desk.buy(OTHER, 1, 20, **stop(10))[0],
        desk.buy(PAYER, 1, 20, **stop(11))[0],
    ]
    events = trade_at(desk, 12)
    assert [e.order_id for e in events if e.kind is TRIGGERED] == [order.order_id for order in entered]


def test_triggers_run_after_the_commands_own_fills_in_the_order_of_trades() -> None:
    desk = rich()
    desk.sell(MAKER, 1, 10)
    desk.sell(MAKER, 1, 12)
    late = desk.buy(PAYER, 1, 5, **stop(12))[0]
    early = desk.buy(PAYER, 1, 5, **stop(10))[0]
    events = desk.buy(OTHER, 2, 12)
    assert [event.kind for event in events[:5]] == [ACCEPTED, FILL, FILL, FILL, FILL]
    assert [e.order_id for e in events if e.kind is TRIGGERED] == [early.order_id, late.order_id]


def test_what_a_triggered_stop_triggers_runs_after_those_that_wait_already() -> None:
    desk = rich()
    desk.sell(MAKER, 1, 14)
    first = desk.buy(PAYER, 1, 14, **stop(12))[0]  # trades at 14
    third = desk.buy(PAYER, 1, 5, **stop(14))[0]  # so this one runs last, though it was entered before the next
    second = desk.buy(PAYER, 1, 5, **stop(12))[0]
    events = trade_at(desk, 12)
    triggered = [event.order_id for event in events if event.kind is TRIGGERED]
    assert triggered == [first.order_id, second.order_id, third.order_id]


def test_256_stops_run_in_a_command_and_the_rest_before_the_next_is_looked_at() -> None:
    desk = rich()
    for account in (PAYER, OTHER):
        for number in range(150):
            desk.buy(account, 1, 5, client_order_id=number + 1, **stop(12))
    desk.wait_until(50)
    events = trade_at(desk, 12)
    assert sum(event.kind is TRIGGERED for event in events) == TRIGGERS_MAX
    assert desk.core.n_orders == 300 - TRIGGERS_MAX
    assert desk.core.next_deadline_ns == 50  # overdue: the sequencer sends a TIME command at once
    desk.core.check()
    last = desk.wait_until(50)
    assert [event.kind for event in last] == [TRIGGERED, CANCELED] * (300 - TRIGGERS_MAX)
    assert (desk.core.n_orders, desk.core.next_deadline_ns) == (0, 2**62)


def test_a_triggered_stop_that_waits_may_be_cancelled_and_not_amended() -> None:
    desk = rich()
    for number in range(TRIGGERS_MAX):
        desk.buy(OTHER, 1, 5, client_order_id=number + 1, **stop(12))
    last = desk.buy(PAYER, 1, 5, **stop(12))[0]
    trade_at(desk, 12)
    assert desk.core.n_orders == 1
    # The next command finds it run already: a stop that waits is overdue, and runs before anything else.
    events = desk.amend(PAYER, last.order_id, 1, 4)
    assert [event.kind for event in events] == [TRIGGERED, CANCELED, EventKind.REJECTED]
    assert events[-1].reason == RejectReason.UNKNOWN_ORDER


def test_a_waiting_stop_is_cancelled_and_amended_like_any_order() -> None:
    desk = rich()
    waiting = desk.buy(PAYER, 3, 15, **stop(12))[0]
    (replaced,) = desk.amend(PAYER, waiting.order_id, 2, 20)
    assert (replaced.kind, replaced.flags, replaced.displayed_lots) == (EventKind.REPLACED, 0, 0)
    assert desk.has(PAYER, USD) == (1_000_000 - 40, 40)
    (canceled,) = desk.cancel(PAYER, order_id=waiting.order_id)
    assert (canceled.flags, canceled.displayed_lots, canceled.quantity_lots) == (0, 0, 2)
    assert trade_at(desk, 12) == []
    assert desk.has(PAYER, USD) == (1_000_000, 0)


def test_stops_take_a_stop_price_and_may_wait_and_others_take_none() -> None:
    desk = rich()
    for price in (0, -1, 2**31):
        assert desk.buy(PAYER, 1, 5, n_records=2, **stop(price))[0].reason == RejectReason.BAD_STOP_PRICE
    assert desk.buy(PAYER, 1, 5, stop_price_ticks=5)[0].reason == RejectReason.BAD_STOP_PRICE
    for time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        (refused,) = desk.buy(PAYER, 1, 5, time_in_force=time_in_force, **stop(5))
        assert refused.reason == RejectReason.UNSUPPORTED_TIME_IN_FORCE
    assert desk.buy(PAYER, 1, 5, n_records=2)[0].kind is ACCEPTED  # a detail record that says nothing


def test_a_stop_may_expire_before_its_price_comes() -> None:
    desk = rich()
    desk.sell(PAYER, 3, 5, time_in_force=TimeInForce.GTD, expire_ns=100, **stop(8))
    assert desk.core.next_deadline_ns == 100
    (expired,) = desk.wait_until(100)
    assert (expired.reason, expired.flags, expired.status) == (RejectReason.ORDER_EXPIRED, 0, OrdStatus.EXPIRED)
    assert desk.has(PAYER, EUR) == (10_000, 0)
    assert desk.core.next_deadline_ns <= INT64_MAX
