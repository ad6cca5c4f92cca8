"""Icebergs by hand: what is shown, how a level is consumed in rounds, and whose turn it is."""

from fxengine.codes import EventFlag, EventKind, RejectReason, Side, TimeInForce
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk

ACCEPTED, FILL, RESTED = EventKind.ACCEPTED, EventKind.FILL, EventKind.RESTED


def stocked() -> Desk:
    desk = Desk()
    for account in (MAKER, OTHER):
        desk.fund(account, eur=100)
    desk.fund(PAYER, usd=10_000)
    return desk


def test_only_the_displayed_part_is_in_the_book_and_all_is_held() -> None:
    desk = stocked()
    accepted, rested = desk.sell(MAKER, 10, 5, display_lots=3)
    assert (accepted.kind, accepted.flags, accepted.quantity_lots) == (ACCEPTED, EventFlag.NONE, 10)
    assert (rested.kind, rested.flags, rested.quantity_lots, rested.leaves_lots) == (RESTED, EventFlag.BOOK, 3, 10)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 3)]
    assert desk.has(MAKER, EUR) == (90, 10)


def test_a_part_that_is_taken_is_followed_by_the_next_at_the_back_of_the_level() -> None:
    desk = stocked()
    iceberg = desk.sell(MAKER, 10, 5, display_lots=3)[0].order_id
    plain = desk.sell(OTHER, 4, 5)[0].order_id
    *fills, rested = desk.buy(PAYER, 3, 5)[1:]
    assert [fill.quantity_lots for fill in fills] == [3, 3]
    assert (rested.kind, rested.order_id, rested.quantity_lots, rested.leaves_lots) == (RESTED, iceberg, 3, 7)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 7)]
    makers = desk.buy(PAYER, 5, 5)[1::2]
    assert [(m.order_id, m.quantity_lots) for m in makers[:2]] == [(plain, 4), (iceberg, 1)]


def test_a_part_that_is_begun_keeps_its_place() -> None:
    desk = stocked()
    iceberg = desk.sell(MAKER, 10, 5, display_lots=3)[0].order_id
    desk.sell(OTHER, 4, 5)
    assert RESTED not in [event.kind for event in desk.buy(PAYER, 2, 5)]
    _, maker, *_ = desk.buy(PAYER, 1, 5)
    assert maker.order_id == iceberg


def test_two_icebergs_are_consumed_in_rounds() -> None:
    desk = stocked()
    one = desk.sell(MAKER, 5, 5, display_lots=2)[0].order_id
    two = desk.sell(OTHER, 7, 5, display_lots=3)[0].order_id
    events = desk.buy(PAYER, 12, 5)
    makers = [(e.order_id, e.quantity_lots) for e in events if e.flags & EventFlag.MAKER]
    assert makers == [(one, 2), (two, 3), (one, 2), (two, 3), (one, 1), (two, 1)]
    assert desk.core.n_orders == 0
    assert desk.has(PAYER, EUR) == (12, 0)


def test_fok_and_swaps_count_on_the_hidden_parts() -> None:
    desk = stocked()
    desk.sell(MAKER, 10, 5, display_lots=1)
    assert desk.buy(PAYER, 5, 5, time_in_force=TimeInForce.FOK)[-1].leaves_lots == 5  # the next part, shown
    receipt = desk.swap_out(PAYER, USD, EUR, 5)[-1]
    assert (receipt.kind, receipt.amount_in_units) == (EventKind.SWAPPED, 25)
    assert desk.core.n_orders == 0


def test_each_part_is_a_fill_of_the_commands_bound() -> None:
    desk = Desk(max_fills=3)
    desk.fund(MAKER, eur=10)
    desk.fund(PAYER, usd=100)
    desk.sell(MAKER, 4, 5, display_lots=1)
    assert desk.buy(PAYER, 4, 5, time_in_force=TimeInForce.FOK)[0].reason == RejectReason.TOO_MANY_FILLS
    *_, canceled = desk.buy(PAYER, 4, 5)
    assert (canceled.reason, canceled.quantity_lots) == (RejectReason.TOO_MANY_FILLS, 1)


def test_less_of_an_iceberg_is_taken_from_what_is_hidden_first() -> None:
    desk = stocked()
    order_id = desk.sell(MAKER, 10, 5, display_lots=3)[0].order_id
    (replaced,) = desk.amend(MAKER, order_id, 4, 5)
    assert (replaced.displayed_lots, replaced.flags, replaced.leaves_lots) == (0, EventFlag.NONE, 4)
    (replaced,) = desk.amend(MAKER, order_id, 2, 5)
    assert (replaced.displayed_lots, replaced.flags) == (1, EventFlag.BOOK)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 2)]


def test_a_cancel_takes_all_off_the_order_and_the_shown_part_off_the_book() -> None:
    desk = stocked()
    order_id = desk.sell(MAKER, 10, 5, display_lots=3)[0].order_id
    (canceled,) = desk.cancel(MAKER, order_id=order_id)
    assert (canceled.quantity_lots, canceled.displayed_lots) == (10, 3)
    assert desk.has(MAKER, EUR) == (100, 0)


def test_a_displayed_quantity_goes_with_limit_orders_that_rest_and_is_at_most_the_whole() -> None:
    desk = stocked()
    for more in ({"display_lots": 11}, {"display_lots": -1}, {"display_lots": 1, "time_in_force": TimeInForce.IOC}):
        assert desk.sell(MAKER, 10, 5, **more)[0].reason == RejectReason.BAD_DISPLAY_QTY
    (accepted,) = desk.sell(MAKER, 10, 5, display_lots=10)  # all of it: no iceberg
    assert accepted.flags == EventFlag.BOOK
