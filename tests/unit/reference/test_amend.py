"""Amends by hand: who keeps the place, what is held, what may trade on the way, and what changes nothing."""

import pytest

from bench.flows import commands
from bench.flows.commands import Quotes
from fxengine.codes import CommandKind, EventFlag, EventKind, ExecInst, OrdStatus, RejectReason, Side
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk

REPLACED, RESTED, FILL = EventKind.REPLACED, EventKind.RESTED, EventKind.FILL


def two_offers() -> tuple[Desk, int, int]:
    """MAKER offers 10 at 5 and then OTHER 10 at 5; MAKER has 10 more."""
    desk = Desk()
    desk.fund(MAKER, eur=20, usd=1_000)
    desk.fund(OTHER, eur=10)
    desk.fund(PAYER, usd=1_000)
    return desk, desk.sell(MAKER, 10, 5)[0].order_id, desk.sell(OTHER, 10, 5)[0].order_id


def first_in_turn(desk: Desk) -> int:
    """Return the order that the next taker meets."""
    order_id: int = desk.buy(PAYER, 1, 9)[1].order_id
    return order_id


def test_less_at_the_same_price_keeps_its_place_and_releases_the_hold() -> None:
    desk, mine, _ = two_offers()
    (replaced,) = desk.amend(MAKER, mine, 4, 5)
    assert (replaced.kind, replaced.status, replaced.flags) == (REPLACED, OrdStatus.NEW, EventFlag.BOOK)
    assert (replaced.old_price_ticks, replaced.price_ticks, replaced.displayed_lots) == (5, 5, 6)
    assert (replaced.quantity_lots, replaced.leaves_lots) == (4, 4)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 14)]
    assert desk.has(MAKER, EUR) == (16, 4)
    assert first_in_turn(desk) == mine


@pytest.mark.parametrize(("lots", "price"), [(11, 5), (10, 6), (4, 6), (10, 4)])
def test_more_or_another_price_goes_to_the_back(lots: int, price: int) -> None:
    desk, mine, other = two_offers()
    replaced, rested = desk.amend(MAKER, mine, lots, price)
    assert (replaced.displayed_lots, replaced.old_price_ticks) == (10, 5)
    assert (rested.kind, rested.price_ticks, rested.quantity_lots) == (RESTED, price, lots)
    assert desk.has(MAKER, EUR) == (20 - lots, lots)
    assert first_in_turn(desk) == (mine if price < 5 else other)


def test_the_same_again_keeps_its_place_and_says_so() -> None:
    desk, mine, _ = two_offers()
    (replaced,) = desk.amend(MAKER, mine, 10, 5)
    assert (replaced.kind, replaced.displayed_lots, replaced.flags, replaced.instrument_stream) == (REPLACED, 0, 0, 0)
    assert first_in_turn(desk) == mine


def test_the_quantity_is_the_total_and_not_the_remainder() -> None:
    desk, mine, _ = two_offers()
    desk.buy(PAYER, 4, 5)
    (replaced,) = desk.amend(MAKER, mine, 8, 5)
    assert (replaced.quantity_lots, replaced.leaves_lots, replaced.cum_lots) == (8, 4, 4)
    assert replaced.status == OrdStatus.PARTIALLY_FILLED
    for nothing_left in (4, 3):
        assert desk.amend(MAKER, mine, nothing_left, 5)[0].reason == RejectReason.QUANTITY_OUT_OF_RANGE


def test_an_expected_cum_qty_that_is_not_so_changes_nothing() -> None:
    desk, mine, _ = two_offers()
    desk.buy(PAYER, 4, 5)
    (refused,) = desk.amend(MAKER, mine, 8, 5, expected_cum_lots=0)
    assert (refused.kind, refused.reason) == (EventKind.REJECTED, RejectReason.CUM_QTY_MISMATCH)
    assert (refused.side, refused.order_id) == (CommandKind.AMEND, mine)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 16)]
    assert desk.amend(MAKER, mine, 8, 5, expected_cum_lots=4)[0].kind is REPLACED


def test_a_price_that_crosses_trades_like_a_new_order() -> None:
    desk, mine, _ = two_offers()
    desk.buy(PAYER, 3, 3)
    replaced, maker, taker, rested = desk.amend(MAKER, mine, 10, 2)
    assert replaced.kind is REPLACED
    assert (maker.account, maker.price_ticks, taker.order_id, taker.quantity_lots) == (PAYER, 3, mine, 3)
    assert (rested.price_ticks, rested.quantity_lots, rested.cum_lots) == (2, 7, 3)
    assert desk.has(MAKER, EUR) == (10, 7)


def test_only_what_more_is_needed_must_be_there() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=100)
    order_id = desk.buy(PAYER, 9, 10)[0].order_id
    assert desk.amend(PAYER, order_id, 10, 11)[0].reason == RejectReason.INSUFFICIENT_FUNDS
    assert desk.amend(PAYER, order_id, 10, 10)[0].kind is REPLACED
    assert desk.has(PAYER, USD) == (0, 100)


def test_post_only_may_not_be_amended_across() -> None:
    desk, _, _ = two_offers()
    order_id = desk.buy(PAYER, 1, 4, exec_inst=ExecInst.POST_ONLY)[0].order_id
    assert desk.amend(PAYER, order_id, 1, 5)[0].reason == RejectReason.WOULD_CROSS
    assert desk.core.depth(0, Side.BUY, 9) == [(4, 1)]


def test_a_seller_that_was_paid_may_not_cross_again_for_more_than_int64_in_all() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=2**40)
    desk.fund(PAYER, usd=2**62)
    desk.buy(PAYER, 2**32, 2**30)
    mine = desk.sell(MAKER, 2**32 + 1, 2**29)[0].order_id  # paid 2^62; one lot rests
    desk.pay_out(MAKER, USD, 2**62)
    desk.fund(OTHER, usd=2**62)
    desk.buy(OTHER, 2**34, 2**28)  # 2^62 once more
    (refused,) = desk.amend(MAKER, mine, 2**32 + 2**34, 1)
    assert refused.reason == RejectReason.NOTIONAL_TOO_LARGE
    assert desk.amend(MAKER, mine, 2**32 + 2**34 - 1, 1)[-1].leaves_lots == 0  # 2^28 less than 2^63
    assert desk.core.state_hash()


def test_quotes_others_orders_and_ended_ones_are_refused() -> None:
    desk, mine, other = two_offers()
    quote = desk.quote(MAKER, Quotes(0, [(1, 1)]))[0].order_id
    assert desk.amend(MAKER, quote, 2, 1)[0].reason == RejectReason.NOT_AMENDABLE
    assert desk.amend(MAKER, other, 2, 5)[0].reason == RejectReason.UNKNOWN_ORDER
    desk.cancel(MAKER, order_id=mine)
    by_client_id = commands.amend(MAKER, desk.next_id(MAKER), orig_client_order_id=1, price_ticks=5, quantity_lots=2)
    assert desk.send(by_client_id)[0].reason == RejectReason.ORDER_CLOSED


def test_a_repeated_amend_is_answered_and_not_done_again() -> None:
    desk, mine, _ = two_offers()
    command = commands.amend(MAKER, 2, order_id=mine, price_ticks=5, quantity_lots=4)
    desk.send(command)
    desk.buy(PAYER, 1, 5)
    (status,) = desk.send(command)
    assert (status.kind, status.side, status.order_id) == (EventKind.ORDER_STATUS, CommandKind.AMEND, mine)
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 13)]
