"""Fees and rebates by hand: rounded on the order's running receipts, so that a whole order never pays twice."""

from fxengine.codes import FEES_ACCOUNT
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk, pair


def test_a_taker_pays_the_ceiling_of_its_rate_on_what_it_receives() -> None:
    desk = Desk(pair(taker=30_000))  # 3 %
    desk.fund(MAKER, eur=100)
    desk.fund(PAYER, usd=1000)
    desk.sell(MAKER, 100, 2)
    *_, taker = desk.buy(PAYER, 10, 2)
    assert taker.fee_units == 1  # ceil(0.3)
    assert desk.has(PAYER, EUR) == (9, 0)
    assert desk.has(FEES_ACCOUNT, EUR) == (1, 0)


def test_an_order_filled_in_pieces_pays_as_if_filled_at_once() -> None:
    desk = Desk(pair(maker=30_000))
    desk.fund(MAKER, eur=40)
    desk.fund(PAYER, usd=1000)
    desk.sell(MAKER, 40, 1)
    fees = [desk.buy(PAYER, 10, 1)[1].fee_units for _ in range(4)]
    # Owed so far: ceil(0.3), ceil(0.6), ceil(0.9), ceil(1.2).
    assert fees == [1, 0, 0, 1]
    assert desk.has(MAKER, USD) == (38, 0)


def test_one_order_meeting_many_pays_on_the_sum() -> None:
    desk = Desk(pair(taker=30_000))
    for account in (MAKER, OTHER):
        desk.fund(account, eur=20)
        desk.sell(account, 20, 1)
    desk.fund(PAYER, usd=1000)
    events = desk.buy(PAYER, 40, 1)
    assert [event.fee_units for event in events[2::2]] == [1, 1]  # ceil(0.6), then ceil(1.2) - 1


def test_a_rebate_is_the_floor_and_comes_out_of_the_takers_fee() -> None:
    desk = Desk(pair(maker=-20_000, taker=30_000))
    desk.fund(MAKER, eur=120)
    desk.fund(PAYER, usd=1000)
    desk.sell(MAKER, 120, 1)
    _, maker, taker = desk.buy(PAYER, 120, 1)
    assert taker.fee_units == 4  # ceil(3.6) EUR
    assert maker.fee_units == -2  # floor(2.4) EUR, the currency that the maker gave
    assert desk.has(PAYER, EUR) == (116, 0)
    assert desk.has(MAKER, EUR) == (2, 0)
    assert desk.has(MAKER, USD) == (120, 0)
    assert desk.has(FEES_ACCOUNT, EUR) == (2, 0)


def test_a_rebate_of_a_buyer_comes_in_quote() -> None:
    desk = Desk(pair(maker=-20_000, taker=20_000))
    desk.fund(MAKER, usd=1000)
    desk.fund(PAYER, eur=10)
    desk.buy(MAKER, 10, 10)
    _, maker, taker = desk.sell(PAYER, 10, 10)
    assert (taker.fee_units, maker.fee_units) == (2, -2)
    assert desk.has(MAKER, USD) == (902, 0)
    assert desk.has(FEES_ACCOUNT, USD) == (0, 0)


def test_an_order_that_first_takes_and_then_makes_pays_the_ceiling_of_both_parts_together() -> None:
    desk = Desk(pair(maker=10_000, taker=30_000))
    desk.fund(MAKER, eur=67)
    desk.fund(OTHER, eur=34)
    desk.fund(PAYER, usd=1000)
    desk.sell(MAKER, 67, 1)
    *_, taken, _ = desk.buy(PAYER, 101, 1)
    assert taken.fee_units == 3  # ceil(2.01)
    _, made, _ = desk.sell(OTHER, 34, 1)
    assert made.fee_units == 0  # ceil(2.01 + 0.34) - 3
    assert desk.has(PAYER, EUR) == (98, 0)


def test_a_fee_may_take_all_of_a_receipt_and_never_more() -> None:
    desk = Desk(pair(taker=100_000))
    desk.fund(MAKER, eur=1)
    desk.fund(PAYER, usd=5)
    desk.sell(MAKER, 1, 5)
    *_, taker = desk.buy(PAYER, 1, 5)
    assert taker.fee_units == 1  # ceil(0.1) of 1
    assert desk.has(PAYER, EUR) == (0, 0)
