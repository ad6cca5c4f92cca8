"""GTD, MARKET and MinQty by hand, and the order in which timers fire."""

from bench.flows import commands
from fxengine.codes import EventKind, OrdStatus, OrdType, RejectReason, Side, TimeInForce
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, NEVER_NS, OTHER, PAYER, USD, Desk

CANCELED, FILL = EventKind.CANCELED, EventKind.FILL
GUEST = 6
MARKET = {"ord_type": OrdType.MARKET, "time_in_force": TimeInForce.IOC}


def gtd(expire_ns: int) -> dict[str, int]:
    return {"time_in_force": TimeInForce.GTD, "expire_ns": expire_ns}


def rich() -> Desk:
    desk = Desk()
    for account in (MAKER, PAYER, OTHER):
        desk.fund(account, eur=100, usd=1_000)
    return desk


def test_an_order_is_valid_strictly_before_its_expire_time() -> None:
    desk = rich()
    desk.sell(MAKER, 2, 5, **gtd(100))
    desk.now_ns = 99
    assert desk.buy(PAYER, 1, 5)[-1].kind is FILL
    desk.now_ns = 100
    expired, accepted = desk.buy(PAYER, 1, 5)
    assert (expired.kind, expired.reason, expired.status) == (
        CANCELED, RejectReason.ORDER_EXPIRED, OrdStatus.EXPIRED
    )  # fmt: skip
    assert (expired.quantity_lots, expired.cum_lots) == (1, 1)
    assert accepted.kind is EventKind.ACCEPTED
    assert desk.has(MAKER, EUR) == (99, 0)


def test_an_expire_time_lies_ahead_and_goes_with_gtd_alone() -> None:
    desk = rich()
    desk.now_ns = 100
    for more in (gtd(100), gtd(0), gtd(-1), {"expire_ns": 200}):
        assert desk.sell(MAKER, 1, 5, **more)[0].reason == RejectReason.EXPIRE_TIME_PASSED
    assert desk.sell(MAKER, 1, 5, **gtd(101))[0].kind is EventKind.ACCEPTED


def test_timers_fire_by_due_time_then_credentials_before_orders_then_by_entry() -> None:
    desk = rich()
    desk.send(commands.credential(GUEST, "guest-1", permitted=range(4), expires_ns=100))
    desk.fund(GUEST, usd=100)
    third = desk.sell(MAKER, 1, 20, **gtd(100))[0].order_id
    second = desk.buy(GUEST, 1, 1)[0].order_id
    fourth = desk.sell(OTHER, 1, 20, **gtd(100))[0].order_id
    first = desk.sell(PAYER, 1, 20, **gtd(90))[0].order_id
    assert desk.core.next_deadline_ns == 90
    events = desk.wait_until(150)
    assert [event.order_id for event in events] == [first, second, third, fourth]
    assert {event.sequence for event in events} == {desk.core.sequence}
    assert desk.core.next_deadline_ns == NEVER_NS


def test_an_order_that_is_gone_fires_no_timer() -> None:
    desk = rich()
    order_id = desk.sell(MAKER, 1, 20, **gtd(100))[0].order_id
    desk.cancel(MAKER, order_id=order_id)
    desk.sell(MAKER, 1, 20)  # in the same slot
    assert desk.core.next_deadline_ns == NEVER_NS
    assert desk.wait_until(100) == []
    assert desk.core.n_orders == 1


def test_an_amended_order_still_expires() -> None:
    desk = rich()
    order_id = desk.sell(MAKER, 1, 20, **gtd(100))[0].order_id
    desk.amend(MAKER, order_id, 3, 19)
    (expired,) = desk.wait_until(100)
    assert (expired.order_id, expired.quantity_lots, expired.price_ticks) == (order_id, 3, 19)


def test_a_market_order_is_funded_and_stops_at_its_protection_price_and_never_rests() -> None:
    desk = rich()
    desk.sell(MAKER, 2, 5)
    desk.sell(MAKER, 2, 8)
    *_, canceled = desk.buy(PAYER, 4, 7, **MARKET)
    assert (canceled.reason, canceled.quantity_lots, canceled.cum_lots) == (RejectReason.UNFILLED_REMAINDER, 2, 2)
    assert desk.has(PAYER, USD) == (990, 0)
    assert desk.buy(PAYER, 143, 7, **MARKET)[0].reason == RejectReason.INSUFFICIENT_FUNDS  # 1,001
    fok = MARKET | {"time_in_force": TimeInForce.FOK}
    assert desk.buy(PAYER, 3, 9, **fok)[0].reason == RejectReason.FOK_NOT_FILLABLE
    for rests in (TimeInForce.GTC, TimeInForce.GTD):
        (refused,) = desk.buy(PAYER, 1, 9, ord_type=OrdType.MARKET, time_in_force=rests)
        assert refused.reason == RejectReason.UNSUPPORTED_TIME_IN_FORCE


def test_min_qty_gets_at_least_this_much_or_nothing() -> None:
    desk = rich()
    desk.sell(MAKER, 2, 5)
    desk.sell(MAKER, 2, 6)
    least = {"time_in_force": TimeInForce.IOC, "min_lots": 3}
    assert desk.buy(PAYER, 9, 5, **least)[0].reason == RejectReason.MIN_QTY_NOT_FILLABLE
    assert desk.core.depth(0, Side.SELL, 9) == [(5, 2), (6, 2)]
    *_, canceled = desk.buy(PAYER, 9, 6, **least)
    assert (canceled.reason, canceled.cum_lots, canceled.quantity_lots) == (RejectReason.UNFILLED_REMAINDER, 4, 5)


def test_min_qty_goes_with_ioc_and_is_at_most_the_whole() -> None:
    desk = rich()
    ioc = {"time_in_force": TimeInForce.IOC}
    for more in ({"min_lots": 1}, {"min_lots": 1, "time_in_force": TimeInForce.FOK}, ioc | {"min_lots": 4}):
        assert desk.buy(PAYER, 3, 5, **more)[0].reason == RejectReason.BAD_MIN_QTY
    assert desk.buy(PAYER, 3, 5, min_lots=-1, **ioc)[0].reason == RejectReason.BAD_MIN_QTY


def test_the_last_moment_there_is_comes_too() -> None:
    desk = rich()
    desk.sell(MAKER, 1, 20, **gtd(INT64_MAX))
    assert len(desk.wait_until(INT64_MAX)) == 1
    assert desk.core.n_orders == 0
