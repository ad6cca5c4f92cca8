"""Self-trade prevention by hand, with the worked example of the trading rules; one lot is a tenth there."""

import pytest

from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, SelfTradePrevention, Side, TimeInForce
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk

STP = SelfTradePrevention
ACCEPTED, FILL, CANCELED = EventKind.ACCEPTED, EventKind.FILL, EventKind.CANCELED
REDUCED, RESTED = EventKind.REDUCED, EventKind.RESTED
BIDS = [(12, 12), (11, 13), (10, 81)]
"""1.2 at 1.2, 1.3 at 1.1 and 8.1 at 1."""


def example() -> Desk:
    """Makers of the taker's group buy 1.2 at 1.2, 1.3 at 1.1 and 8.1 at 1."""
    desk = Desk()
    desk.join(7, MAKER, OTHER, PAYER)
    desk.fund(MAKER, usd=5_000)
    desk.fund(OTHER, usd=5_000)
    desk.fund(PAYER, eur=30)
    for account, (price, lots) in zip((MAKER, OTHER, MAKER), BIDS, strict=True):
        desk.buy(account, lots, price)
    return desk


def test_expire_maker_all_three_makers_expire_and_the_taker_rests_its_3() -> None:
    desk = example()
    accepted, *expired, rested = desk.sell(PAYER, 30, 10, self_trade_prevention=STP.EXPIRE_MAKER)
    assert accepted.kind is ACCEPTED
    assert [(e.kind, e.account, e.price_ticks, e.quantity_lots, e.reason) for e in expired] == [
        (CANCELED, MAKER, 12, 12, RejectReason.SELF_TRADE_PREVENTED),
        (CANCELED, OTHER, 11, 13, RejectReason.SELF_TRADE_PREVENTED),
        (CANCELED, MAKER, 10, 81, RejectReason.SELF_TRADE_PREVENTED),
    ]
    assert (rested.kind, rested.quantity_lots, rested.status) == (RESTED, 30, OrdStatus.NEW)
    assert desk.core.depth(0, Side.BUY, 9) == []
    assert desk.core.depth(0, Side.SELL, 9) == [(10, 30)]
    assert (desk.has(MAKER, USD), desk.has(OTHER, USD)) == ((5_000, 0), (5_000, 0))


def test_expire_taker_the_taker_expires_and_the_makers_are_untouched() -> None:
    desk = example()
    accepted, canceled = desk.sell(PAYER, 30, 10, self_trade_prevention=STP.EXPIRE_TAKER)
    assert (canceled.kind, canceled.order_id, canceled.quantity_lots) == (CANCELED, accepted.order_id, 30)
    assert (canceled.reason, canceled.flags) == (RejectReason.SELF_TRADE_PREVENTED, EventFlag.NONE)
    assert desk.core.depth(0, Side.BUY, 9) == BIDS
    assert desk.has(PAYER, EUR) == (30, 0)


def test_expire_both_takes_the_first_maker_and_the_taker() -> None:
    desk = example()
    _, maker, taker = desk.sell(PAYER, 30, 10, self_trade_prevention=STP.EXPIRE_BOTH)
    assert [(e.kind, e.account, e.quantity_lots) for e in (maker, taker)] == [
        (CANCELED, MAKER, 12), (CANCELED, PAYER, 30)
    ]  # fmt: skip
    assert desk.core.depth(0, Side.BUY, 9) == BIDS[1:]


def test_decrement_maker_6_and_taker_2_both_lose_2_and_the_maker_keeps_4() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10, usd=100)
    desk.buy(MAKER, 6, 10)
    _, maker, taker = desk.sell(MAKER, 2, 10, self_trade_prevention=STP.DECREMENT)
    assert (maker.kind, maker.quantity_lots, maker.displayed_lots, maker.flags) == (REDUCED, 2, 2, EventFlag.BOOK)
    assert (maker.status, maker.reason) == (OrdStatus.NEW, RejectReason.SELF_TRADE_PREVENTED)
    assert (taker.kind, taker.quantity_lots, taker.status) == (CANCELED, 2, OrdStatus.CANCELED)
    assert desk.core.depth(0, Side.BUY, 9) == [(10, 4)]
    assert (desk.has(MAKER, EUR), desk.has(MAKER, USD)) == ((10, 0), (60, 40))


def test_decrement_goes_on_with_what_the_taker_has_left() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10, usd=100)
    desk.fund(OTHER, usd=100)
    desk.buy(MAKER, 2, 10)
    desk.buy(OTHER, 3, 9)
    _, maker, taker, _, fill = desk.sell(MAKER, 5, 9, self_trade_prevention=STP.DECREMENT)
    assert [(e.kind, e.quantity_lots) for e in (maker, taker)] == [(CANCELED, 2), (REDUCED, 2)]
    assert (fill.kind, fill.quantity_lots, fill.status) == (FILL, 3, OrdStatus.FILLED)


def test_only_a_maker_that_would_be_reached_is_acted_upon() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10, usd=100)
    desk.fund(OTHER, usd=100)
    desk.buy(OTHER, 3, 10)
    desk.buy(MAKER, 2, 9)
    events = desk.sell(MAKER, 3, 9, self_trade_prevention=STP.EXPIRE_BOTH)
    assert [event.kind for event in events] == [ACCEPTED, FILL, FILL]
    assert desk.core.depth(0, Side.BUY, 9) == [(9, 2)]


def test_the_takers_mode_counts_and_not_the_makers() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10, usd=100)
    desk.buy(MAKER, 2, 10, self_trade_prevention=STP.EXPIRE_BOTH)
    assert [event.kind for event in desk.sell(MAKER, 2, 10)] == [ACCEPTED, FILL, FILL]


@pytest.mark.parametrize(("groups", "met"), [((0, 0), False), ((7, 8), False), ((7, 7), True)])
def test_accounts_are_one_only_within_a_group(groups: tuple[int, int], met: bool) -> None:
    desk = Desk()
    desk.join(groups[0], MAKER)
    desk.join(groups[1], PAYER)
    desk.fund(MAKER, usd=100)
    desk.fund(PAYER, eur=10)
    desk.buy(MAKER, 2, 10)
    *_, last = desk.sell(PAYER, 2, 10, self_trade_prevention=STP.EXPIRE_TAKER)
    assert last.kind is (CANCELED if met else FILL)


def test_an_own_iceberg_is_one_step_of_the_commands_bound_and_not_one_for_each_part() -> None:
    desk = Desk(max_fills=2)
    desk.fund(MAKER, eur=10, usd=100)
    desk.fund(OTHER, usd=100)
    desk.buy(MAKER, 5, 10, display_lots=1)
    desk.buy(OTHER, 3, 9)
    more = {"time_in_force": TimeInForce.FOK, "self_trade_prevention": STP.EXPIRE_MAKER}
    assert [event.kind for event in desk.sell(MAKER, 3, 9, **more)] == [ACCEPTED, CANCELED, FILL, FILL]


def test_prevented_lots_fill_neither_fok_nor_min_qty() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10, usd=100)
    desk.fund(OTHER, usd=100)
    desk.buy(MAKER, 2, 10)
    desk.buy(OTHER, 3, 10)
    fok, least = {"time_in_force": TimeInForce.FOK}, {"time_in_force": TimeInForce.IOC, "min_lots": 3}
    for mode in (STP.EXPIRE_TAKER, STP.EXPIRE_BOTH, STP.DECREMENT):
        assert desk.sell(MAKER, 3, 10, self_trade_prevention=mode, **fok)[0].reason == RejectReason.FOK_NOT_FILLABLE
        (refused,) = desk.sell(MAKER, 3, 10, self_trade_prevention=mode, **least)
        assert refused.reason == RejectReason.MIN_QTY_NOT_FILLABLE
    assert desk.core.depth(0, Side.BUY, 9) == [(10, 5)]
    _, expired, _, filled = desk.sell(MAKER, 3, 10, self_trade_prevention=STP.EXPIRE_MAKER, **fok)
    assert (expired.kind, filled.status) == (CANCELED, OrdStatus.FILLED)  # the maker's 3 are behind its own 2
