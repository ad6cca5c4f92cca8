"""Icebergs are taken in turns; whoever foresees a trade counts the same turns as matching makes."""

from random import Random

from bench.flows.commands import amend, new_order
from fxengine.codes import EventKind, RejectReason, SelfTradePrevention, Side, TimeInForce
from tests.unit.core.trading_floor import FIRST_TRADER
from tests.unit.core.twin_floor import Twins

A, B, C = FIRST_TRADER, FIRST_TRADER + 1, FIRST_TRADER + 2


def offer(account: int, number: int, quantity_lots: int, display_lots: int = 0, price_ticks: int = 10) -> bytes:
    return new_order(
        account, number, instrument=0, side=Side.SELL, price_ticks=price_ticks, quantity_lots=quantity_lots,
        display_lots=display_lots,
    )  # fmt: skip


def bid(
    number: int,
    quantity_lots: int,
    time_in_force: TimeInForce = TimeInForce.IOC,
    *,
    price_ticks: int = 10,
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE,
) -> bytes:
    return new_order(
        C, number, instrument=0, side=Side.BUY, price_ticks=price_ticks, quantity_lots=quantity_lots,
        time_in_force=time_in_force, self_trade_prevention=self_trade_prevention,
    )  # fmt: skip


def test_a_level_is_taken_in_turns() -> None:
    floor = Twins(3)
    floor.apply(offer(A, 1, 12, 5) + offer(B, 1, 3) + offer(B, 2, 6, 4))
    assert floor.core.depth(0, Side.SELL, 1) == [(10, 12)], "only what is shown"
    events = floor.apply(bid(1, 20))
    fills = events[(events["kind"] == EventKind.FILL) & (events["account"] == C)]
    assert fills["quantity_lots"].tolist() == [5, 3, 4, 5, 2, 1]
    assert floor.core.depth(0, Side.SELL, 1) == [(10, 1)]


def test_fill_or_kill_counts_every_turn_as_a_fill() -> None:
    for wanted, reason in ((9, None), (10, RejectReason.TOO_MANY_FILLS)):
        floor = Twins(3, max_fills=3)
        floor.apply(offer(A, 1, 100, 3))
        found = set(floor.apply(bid(1, wanted, TimeInForce.FOK))["reason"])
        assert found == {reason or RejectReason.NONE}


def test_foreseeing_does_not_overflow_with_the_largest_displays(seed: int) -> None:
    rng = Random(seed)
    for _ in range(20):
        floor = Twins(3, max_fills=rng.choice([4, 40]))
        floor.apply(offer(A, 1, 60, 1, price_ticks=1) + offer(B, 1, 2**56, 2**56 - 1, price_ticks=1))
        for number in range(1, 5):
            lots = rng.choice([2, 30, 2**55, 2**56 + 10, 2**56 + 60])
            floor.apply(bid(number, lots, rng.choice([TimeInForce.FOK, TimeInForce.IOC]), price_ticks=1))


def test_prevention_takes_an_iceberg_away_at_its_first_turn() -> None:
    floor = Twins(3)
    floor.apply(offer(C, 1, 12, 5) + offer(B, 1, 3) + offer(B, 2, 6, 4))
    expire_maker = SelfTradePrevention.EXPIRE_MAKER
    refused = floor.apply(bid(2, 10, TimeInForce.FOK, self_trade_prevention=expire_maker))
    assert refused["reason"].tolist() == [RejectReason.FOK_NOT_FILLABLE]
    filled = floor.apply(bid(3, 9, TimeInForce.FOK, self_trade_prevention=expire_maker))
    assert filled["kind"].tolist()[:2] == [EventKind.ACCEPTED, EventKind.CANCELED]


def test_an_own_iceberg_of_endless_turns_is_foreseen_once() -> None:
    floor = Twins(3)
    floor.apply(offer(C, 1, 2**50, 1))
    refused = floor.apply(bid(2, 9, TimeInForce.FOK, self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER))
    assert refused["reason"].tolist() == [RejectReason.FOK_NOT_FILLABLE]


def test_decrement_takes_from_what_is_hidden_first() -> None:
    floor = Twins(3)
    floor.apply(offer(C, 1, 12, 5))
    reduced = floor.apply(bid(2, 6, self_trade_prevention=SelfTradePrevention.DECREMENT))
    assert reduced["kind"].tolist() == [EventKind.ACCEPTED, EventKind.REDUCED, EventKind.CANCELED]
    assert floor.core.depth(0, Side.SELL, 1) == [(10, 5)]
    floor.apply(bid(3, 3, self_trade_prevention=SelfTradePrevention.DECREMENT))
    assert floor.core.depth(0, Side.SELL, 1) == [(10, 3)]


def test_an_amended_iceberg_keeps_its_display() -> None:
    floor = Twins(3)
    floor.apply(offer(A, 1, 12, 5) + offer(B, 1, 3))
    for quantity, shown in ((8, 8), (4, 7), (20, 8)):
        number = floor.core.client_id_highest(A) + 1
        floor.apply(amend(A, number, orig_client_order_id=1, price_ticks=10, quantity_lots=quantity))
        assert floor.core.depth(0, Side.SELL, 1) == [(10, shown)]
