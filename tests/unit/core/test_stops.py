"""Stops: the queue of those whose price has come, its bound per command, and ladders that empty at once."""

from random import Random

from bench.flows.commands import amend, cancel, new_order, time
from fxengine.codes import EventKind, OrdType, RejectReason, Side, TimeInForce
from tests.unit.core.trading_floor import FIRST_TRADER
from tests.unit.core.twin_floor import Twins

TRIGGERS_MAX = 256
MAKER, TAKER = FIRST_TRADER, FIRST_TRADER + 1


def stop(client_order_id: int, stop_price_ticks: int, *, side: Side = Side.BUY, price_ticks: int = 0) -> bytes:
    return new_order(
        MAKER, client_order_id, instrument=0, side=side, price_ticks=price_ticks or stop_price_ticks,
        quantity_lots=1, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=stop_price_ticks,
    )  # fmt: skip


def trade_at(price_ticks: int, first_id: int) -> bytes:
    """Two commands of the taker that trade one lot with each other."""
    sides = ((first_id, Side.SELL), (first_id + 1, Side.BUY))
    return b"".join(
        new_order(TAKER, number, instrument=0, side=side, price_ticks=price_ticks, quantity_lots=1)
        for number, side in sides
    )


def test_what_exceeds_the_bound_of_a_command_runs_at_the_start_of_the_next(seed: int) -> None:
    floor = Twins(max_fills=2)
    prices = [Random(seed).randint(1_000, 1_200) for _ in range(TRIGGERS_MAX + 40)]
    floor.apply(b"".join(stop(i, price, price_ticks=1) for i, price in enumerate(prices, 1)))
    events = floor.apply(trade_at(2_000, 1))
    ran = events[events["kind"] == EventKind.TRIGGERED]
    assert ran["client_order_id"].tolist() == list(range(1, TRIGGERS_MAX + 1)), "in order of entry, whatever the price"
    assert floor.core.next_deadline_ns == floor.core.now_ns
    refused = floor.apply(amend(MAKER, 500, orig_client_order_id=TRIGGERS_MAX + 40, price_ticks=1, quantity_lots=1))
    assert RejectReason.NOT_AMENDABLE not in refused["reason"], "it ran before the amend was looked at"
    assert (refused["kind"] == EventKind.TRIGGERED).sum() == 40
    assert floor.core.next_deadline_ns == 2**62, "the first credential's end"


def test_a_triggered_stop_can_be_cancelled_while_it_waits_its_turn() -> None:
    floor = Twins(max_fills=2)
    n = 3 * TRIGGERS_MAX
    floor.apply(b"".join(stop(i, 1_000, price_ticks=1) for i in range(1, n + 1)))
    floor.apply(trade_at(1_000, 1))
    for number, gone in ((n + 1, 2 * TRIGGERS_MAX + 1), (n + 2, n)):
        events = floor.apply(cancel(MAKER, number, orig_client_order_id=gone))
        assert events[events["kind"] == EventKind.CANCELED]["client_order_id"].tolist() == [gone]
    floor.apply(time(1))
    assert floor.core.n_orders == n - 2


def test_when_all_that_waited_their_turn_are_cancelled_nothing_is_due() -> None:
    floor = Twins(max_fills=2)
    floor.apply(b"".join(stop(i, 1_000, price_ticks=1) for i in range(1, 2 * TRIGGERS_MAX + 2)))
    floor.apply(trade_at(1_000, 1))
    assert floor.core.next_deadline_ns == floor.core.now_ns
    floor.apply(cancel(MAKER, 1_000, orig_client_order_id=2 * TRIGGERS_MAX + 1))
    assert floor.core.next_deadline_ns == 2**62


def test_stops_of_both_sides_and_many_prices_come_in_order_of_entry(seed: int) -> None:
    rng = Random(seed)
    floor = Twins(max_fills=2)
    floor.apply(trade_at(5_000, 1))
    for i in range(1, 200):
        side = rng.choice([*Side])
        far = rng.randint(1, 2_000) * (1 if side is Side.BUY else -1)
        floor.apply(stop(i, 5_000 + far, side=side, price_ticks=1 if side is Side.BUY else 9_000))
    assert floor.core.n_orders == 199, "none is reached yet"
    for step, price in enumerate((5_100, 4_700, 7_000, 3_000), 1):
        ran = floor.apply(trade_at(price, 2 * step + 1))
        ids = ran[ran["kind"] == EventKind.TRIGGERED]["client_order_id"].tolist()
        assert ids == sorted(ids)
    rested = floor.core.depth(0, Side.BUY, 1)[0][1] + floor.core.depth(0, Side.SELL, 1)[0][1]
    assert rested == floor.core.n_orders == 199, "all were reached, and rest where nobody trades"


def test_a_stop_whose_price_the_last_trade_reached_runs_at_once() -> None:
    floor = Twins()
    floor.apply(trade_at(1_000, 1))
    kinds = floor.apply(stop(1, 1_000, price_ticks=900))["kind"].tolist()
    assert kinds == [EventKind.ACCEPTED, EventKind.TRIGGERED, EventKind.RESTED]
    assert floor.apply(stop(2, 1_001))["kind"].tolist() == [EventKind.ACCEPTED]


def test_stops_that_trigger_each_other_run_in_a_chain_and_expire_while_they_wait() -> None:
    floor = Twins(max_fills=2)
    floor.apply(b"".join(stop(i, 1_000 + i, price_ticks=2_000) for i in range(1, 300)))
    offers = (
        new_order(TAKER, i, instrument=0, side=Side.SELL, price_ticks=1_000 + i, quantity_lots=1) for i in range(1, 301)
    )
    floor.apply(b"".join(offers))
    events = floor.apply(new_order(TAKER, 301, instrument=0, side=Side.BUY, price_ticks=1_001, quantity_lots=1))
    assert (events["kind"] == EventKind.TRIGGERED).sum() == TRIGGERS_MAX
    assert (floor.apply(time(1))["kind"] == EventKind.TRIGGERED).sum() == 299 - TRIGGERS_MAX
    gone = new_order(
        MAKER, 400, instrument=0, side=Side.BUY, price_ticks=1, quantity_lots=1, ord_type=OrdType.STOP,
        stop_price_ticks=9_000, time_in_force=TimeInForce.GTD, expire_ns=50,
    )  # fmt: skip
    floor.apply(gone)
    assert floor.core.next_deadline_ns == 50
    assert floor.apply(time(50))["reason"].tolist() == [RejectReason.ORDER_EXPIRED]
