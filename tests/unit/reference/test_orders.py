"""New orders by hand: what is held, what comes back, who trades first, and what becomes of the rest."""

from fxengine.codes import EventFlag, EventKind, ExecInst, OrdStatus, RejectReason, Side, TimeInForce
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, OTHER, PAYER, USD, Desk, pair

IOC, FOK, POST_ONLY = TimeInForce.IOC, TimeInForce.FOK, ExecInst.POST_ONLY
ACCEPTED, FILL, RESTED, CANCELED = EventKind.ACCEPTED, EventKind.FILL, EventKind.RESTED, EventKind.CANCELED


def desk_with_offers(*offers: tuple[int, int, int], max_fills: int = 256) -> Desk:
    """A venue where (account, lots, price) are offered, and PAYER has 1000 USD."""
    desk = Desk(max_fills=max_fills)
    for account, lots, price in offers:
        desk.fund(account, eur=lots)
        desk.sell(account, lots, price)
    desk.fund(PAYER, usd=1000)
    return desk


def test_a_resting_buyer_holds_limit_times_quantity_of_quote() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=100)
    (accepted,) = desk.buy(PAYER, 3, 10)
    assert (accepted.kind, accepted.flags, accepted.instrument_stream) == (ACCEPTED, EventFlag.BOOK, 1)
    assert desk.has(PAYER, USD) == (70, 30)
    assert desk.core.depth(0, Side.BUY, 5) == [(10, 3)]


def test_a_resting_seller_holds_the_quantity_of_base() -> None:
    desk = Desk(pair(lot=100))
    desk.fund(MAKER, eur=1000)
    desk.sell(MAKER, 3, 10)
    assert desk.has(MAKER, EUR) == (700, 300)


def test_improvement_comes_back_at_once_and_the_rest_stays_held() -> None:
    desk = desk_with_offers((MAKER, 1, 8), (OTHER, 5, 9))
    events = desk.buy(PAYER, 8, 10)
    # 1 at 8 and 5 at 9 cost 53; 2 more rest at 10 and hold 20; the other 7 of the hold came back.
    assert [event.kind for event in events] == [ACCEPTED, FILL, FILL, FILL, FILL, RESTED]
    assert [(e.account, e.price_ticks, e.quantity_lots) for e in events[1:5]] == [
        (MAKER, 8, 1), (PAYER, 8, 1), (OTHER, 9, 5), (PAYER, 9, 5)
    ]  # fmt: skip
    assert desk.has(PAYER, USD) == (1000 - 53 - 20, 20)
    assert desk.has(PAYER, EUR) == (6, 0)
    assert desk.has(MAKER, USD) == (8, 0)
    assert desk.has(OTHER, USD) == (45, 0)
    rested = events[-1]
    assert (rested.quantity_lots, rested.leaves_lots, rested.cum_lots) == (2, 2, 6)
    assert (rested.flags, rested.status) == (EventFlag.BOOK, OrdStatus.PARTIALLY_FILLED)


def test_a_filled_buyer_gets_back_all_that_it_did_not_pay() -> None:
    desk = desk_with_offers((MAKER, 3, 8))
    events = desk.buy(PAYER, 3, 10)
    assert events[-1].status == OrdStatus.FILLED
    assert desk.has(PAYER, USD) == (1000 - 24, 0)


def test_fills_name_their_trade_and_their_sides() -> None:
    desk = desk_with_offers((MAKER, 3, 8))
    _, maker, taker = desk.buy(PAYER, 2, 8)
    assert maker.flags == EventFlag.MAKER | EventFlag.BOOK
    assert taker.flags == EventFlag.TAKER
    assert maker.instrument_stream == taker.instrument_stream == 2  # the offer's entry was 1
    assert (maker.counterparty, taker.counterparty) == (PAYER, MAKER)
    assert (maker.leaves_lots, maker.cum_lots, maker.status) == (1, 2, OrdStatus.PARTIALLY_FILLED)
    assert (taker.leaves_lots, taker.cum_lots, taker.status) == (0, 2, OrdStatus.FILLED)


def test_price_goes_before_time_and_time_before_size() -> None:
    desk = desk_with_offers((MAKER, 1, 9), (OTHER, 7, 9), (MAKER, 2, 8))
    events = desk.buy(PAYER, 4, 9)
    assert [(e.account, e.price_ticks, e.quantity_lots) for e in events[1::2]] == [
        (MAKER, 8, 2),
        (MAKER, 9, 1),
        (OTHER, 9, 1),
    ]


def test_what_an_ioc_order_cannot_fill_is_cancelled_with_its_reason() -> None:
    desk = desk_with_offers((MAKER, 2, 8))
    *_, canceled = desk.buy(PAYER, 5, 9, time_in_force=IOC)
    assert (canceled.kind, canceled.reason) == (CANCELED, RejectReason.UNFILLED_REMAINDER)
    assert (canceled.quantity_lots, canceled.cum_lots, canceled.flags) == (3, 2, EventFlag.NONE)
    assert desk.has(PAYER, USD) == (1000 - 16, 0)
    assert desk.core.n_orders == 0


def test_an_ioc_order_that_meets_nothing_never_enters_the_book() -> None:
    desk = desk_with_offers()
    accepted, canceled = desk.buy(PAYER, 5, 9, time_in_force=IOC)
    assert (accepted.flags, accepted.instrument_stream) == (EventFlag.NONE, 0)
    assert canceled.quantity_lots == 5
    assert desk.has(PAYER, USD) == (1000, 0)


def test_fok_fills_whole_or_is_refused_and_nothing_moves() -> None:
    desk = desk_with_offers((MAKER, 2, 8), (OTHER, 2, 9))
    (refused,) = desk.buy(PAYER, 5, 9, time_in_force=FOK)
    assert (refused.kind, refused.reason) == (EventKind.REJECTED, RejectReason.FOK_NOT_FILLABLE)
    assert desk.has(PAYER, USD) == (1000, 0)
    assert desk.buy(PAYER, 3, 8, time_in_force=FOK)[0].reason == RejectReason.FOK_NOT_FILLABLE  # 9 is out of reach
    events = desk.buy(PAYER, 4, 9, time_in_force=FOK)
    assert events[-1].status == OrdStatus.FILLED
    assert desk.has(PAYER, USD) == (1000 - 16 - 18, 0)


def test_fok_may_need_as_many_fills_as_a_command_may_make_and_not_one_more() -> None:
    desk = desk_with_offers((MAKER, 1, 8), (MAKER, 1, 8), (MAKER, 1, 8), max_fills=2)
    assert desk.buy(PAYER, 3, 8, time_in_force=FOK)[0].reason == RejectReason.TOO_MANY_FILLS
    assert desk.buy(PAYER, 2, 8, time_in_force=FOK)[-1].status == OrdStatus.FILLED


def test_what_would_need_too_many_fills_is_cancelled_and_never_crosses_the_book() -> None:
    desk = desk_with_offers((MAKER, 1, 8), (MAKER, 1, 8), (MAKER, 1, 8), max_fills=2)
    *_, canceled = desk.buy(PAYER, 9, 8)
    assert (canceled.kind, canceled.reason, canceled.quantity_lots) == (CANCELED, RejectReason.TOO_MANY_FILLS, 7)
    assert desk.core.depth(0, Side.SELL, 5) == [(8, 1)]
    assert desk.core.depth(0, Side.BUY, 5) == []


def test_post_only_rests_below_the_best_offer_and_is_refused_at_it() -> None:
    desk = desk_with_offers((MAKER, 1, 8))
    assert desk.buy(PAYER, 1, 8, exec_inst=POST_ONLY)[0].reason == RejectReason.WOULD_CROSS
    assert desk.buy(PAYER, 1, 7, exec_inst=POST_ONLY)[0].flags == EventFlag.BOOK
    assert desk.buy(PAYER, 1, 7, exec_inst=POST_ONLY, time_in_force=IOC)[0].reason == RejectReason.BAD_EXEC_INST


def test_an_unfunded_order_is_refused_for_one_unit() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=29)
    assert desk.buy(PAYER, 3, 10)[0].reason == RejectReason.INSUFFICIENT_FUNDS
    desk.fund(PAYER, usd=1)
    assert desk.buy(PAYER, 3, 10)[0].kind is ACCEPTED


def test_what_is_held_is_not_there_to_trade_and_proceeds_are_at_once() -> None:
    desk = desk_with_offers((MAKER, 2, 8))
    assert desk.sell(MAKER, 1, 9)[0].reason == RejectReason.INSUFFICIENT_FUNDS  # its 2 EUR are held
    desk.buy(PAYER, 2, 8)
    assert desk.buy(MAKER, 2, 8)[0].kind is ACCEPTED  # with the 16 USD it was paid


def test_one_may_trade_with_oneself_and_only_the_fees_are_gone() -> None:
    desk = Desk(pair(taker=100_000))
    desk.fund(MAKER, eur=10, usd=100)
    desk.sell(MAKER, 10, 5)
    desk.buy(MAKER, 10, 5)
    assert desk.has(MAKER, USD) == (100, 0)
    assert desk.has(MAKER, EUR) == (9, 0)  # ten per cent of the 10 EUR received


def test_a_sellers_rest_is_cancelled_when_its_total_could_exceed_int64() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=2**31)
    desk.fund(MAKER, eur=2**61)
    desk.buy(PAYER, 1, 1000)
    # 4 x (2^61 - 1) is 3 below the largest int64; one lot sold at 1000 instead of 4 goes beyond it.
    *_, canceled = desk.sell(MAKER, 2**61 - 1, 4)
    assert (canceled.kind, canceled.reason) == (CANCELED, RejectReason.NOTIONAL_TOO_LARGE)
    assert (canceled.cum_lots, canceled.quantity_lots) == (1, 2**61 - 2)
    assert desk.has(MAKER, EUR) == (2**61 - 1, 0)
    desk.buy(PAYER, 1, 7)
    *_, rested = desk.sell(MAKER, 2**61 - 1, 4)  # 7 instead of 4: just within
    assert rested.kind is RESTED


def test_a_full_store_refuses_and_takes_again_when_a_slot_is_free() -> None:
    desk = Desk(max_orders=2)
    desk.fund(MAKER, eur=10)
    first = desk.sell(MAKER, 1, 9)[0]
    desk.sell(MAKER, 1, 9)
    assert desk.sell(MAKER, 1, 9)[0].reason == RejectReason.CAPACITY
    desk.cancel(MAKER, order_id=first.order_id)
    again = desk.sell(MAKER, 1, 9)[0]
    assert again.order_id == first.order_id + (1 << 32)  # the same slot, its next generation


def test_bounds_of_price_quantity_and_notional_are_inclusive() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=INT64_MAX)
    for price, lots, reason in (
        (0, 1, RejectReason.PRICE_OUT_OF_RANGE),
        (2**31, 1, RejectReason.PRICE_OUT_OF_RANGE),
        (1, 0, RejectReason.QUANTITY_OUT_OF_RANGE),
        (1, 2**62 + 1, RejectReason.QUANTITY_OUT_OF_RANGE),
        (2, 2**62, RejectReason.NOTIONAL_TOO_LARGE),
    ):
        assert desk.buy(PAYER, lots, price)[0].reason == reason
    assert desk.buy(PAYER, 1, 2**31 - 1)[0].kind is ACCEPTED
    assert desk.buy(PAYER, 2**62, 1)[0].kind is ACCEPTED
