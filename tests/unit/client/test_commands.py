"""Every command of the protocol through the client's own methods, against the core: what each call returns."""

from typing import Any, TypedDict, TypeVar, Unpack

import pytest

from fxengine.client import (
    Call,
    CommandDone,
    Execution,
    GuardNotice,
    Order,
    QuoteResult,
    RevocationNotice,
    SessionOptions,
    Terms,
)
from fxengine.codes import (
    CommandKind,
    EventKind,
    OrdStatus,
    OrdType,
    RejectReason,
    RevokeAction,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fxengine.errors import AmountError, RequestRejected
from fxengine.messages import NewOrder, ReportFormat
from tests.unit.client.line import Counter, Line

R = TypeVar("R")


class TermsText(TypedDict, total=False):
    """What an order may say beside its side, price and quantity."""

    ord_type: OrdType
    stop_price: str
    self_trade_prevention: SelfTradePrevention


@pytest.fixture(params=list(ReportFormat), ids=lambda how: how.name)
def maker(counter: Counter, request: pytest.FixtureRequest) -> Line:
    """A maker that hears messages, and one that hears records: the reports are the same."""
    return counter.connect("maker", SessionOptions(report_format=request.param)).log_on()


@pytest.fixture
def payer(counter: Counter) -> Line:
    return counter.connect("payer").log_on()


def done(line: Line, call: Call[R]) -> R:
    """Let a call finish and return its result."""
    line.run()
    return call.result()


def refused(line: Line, call: Call[Any]) -> RejectReason:
    with pytest.raises(RequestRejected) as refusal:
        done(line, call)
    return RejectReason(refusal.value.reason)


def enter(line: Line, side: str, price: str, quantity: str, **terms: Unpack[TermsText]) -> Order:
    return done(line, line.protocol.new_order("EUR/USD", side, price, quantity, **terms))


def test_each_kind_of_order_says_what_it_is_in_its_own_field(maker: Line) -> None:
    protocol = maker.protocol
    protocol.new_order("EUR/USD", "BUY", "1.1172", "10", post_only=True, display_quantity="3", expire_ns=2**62)
    protocol.new_order("EUR/USD", "SELL", "1.1172", "10", ord_type=OrdType.MARKET)
    protocol.new_order("EUR/USD", "BUY", "1.1172", "10", ord_type=OrdType.STOP_LIMIT, stop_price="1.1170")
    prevention = SelfTradePrevention.DECREMENT
    protocol.new_order(
        "EUR/USD",
        "BUY",
        "1.1172",
        "10",
        time_in_force=TimeInForce.IOC,
        min_quantity="4",
        self_trade_prevention=prevention,
    )
    maker.carry_out()
    assert maker.sent[-4:] == [
        NewOrder(1, 0, 1, 2, 6, 1, 0, 11_172, 10, 2**62, 3, 0, 0),
        NewOrder(2, 0, 2, 1, 3, 0, 0, 11_172, 10, 0, 0, 0, 0),
        NewOrder(3, 0, 1, 4, 1, 0, 0, 11_172, 10, 0, 0, 11_170, 0),
        NewOrder(4, 0, 1, 2, 3, 0, 4, 11_172, 10, 0, 0, 0, 4),
    ]


def test_a_stop_order_is_answered_when_it_waits_and_lives_when_its_price_trades(maker: Line, payer: Line) -> None:
    enter(maker, "SELL", "1.1172", "10")
    enter(maker, "SELL", "1.1175", "10")
    stop = enter(payer, "BUY", "1.1180", "5", ord_type=OrdType.STOP, stop_price="1.1172")
    assert (stop.is_open, stop.status, stop.ord_type) == (True, OrdStatus.NEW, OrdType.STOP)
    enter(payer, "BUY", "1.1172", "10")
    assert (stop.is_open, stop.status, stop.filled) == (False, OrdStatus.FILLED, "5")
    kinds = [
        r.exec_type
        for r in payer.protocol.take_reports()
        if isinstance(r, Execution) and r.message.order_id == stop.order_id
    ]
    assert kinds == [EventKind.ACCEPTED, EventKind.TRIGGERED, EventKind.FILL]


def test_an_amend_returns_the_order_as_it_has_become(maker: Line) -> None:
    order = enter(maker, "SELL", "1.1172", "10")
    assert done(maker, maker.protocol.amend(order, "1.1173", "12")) is order
    assert (order.price, order.quantity, order.leaves) == ("1.1173", "12", "12")
    by_id = done(maker, maker.protocol.amend(order.client_order_id, "1.1173", "7"))
    assert (by_id is order, order.leaves) == (True, "7")
    assert (
        refused(maker, maker.protocol.amend(order, "1.1173", "7", expected_filled="3")) is RejectReason.CUM_QTY_MISMATCH
    )
    assert done(maker, maker.protocol.amend(order, "1.1174", "7", expected_filled="0")).price == "1.1174"


def test_a_payment_to_nobody_is_not_sent_for_a_swap_would_keep_it(payer: Line) -> None:
    with pytest.raises(AmountError, match="account that is paid"):
        payer.protocol.pay(0, "EUR", "5", pay_with="USD", max_in="100")


def test_two_amends_of_an_order_are_each_answered_by_its_own_replacement(maker: Line) -> None:
    order = enter(maker, "SELL", "1.1172", "10")
    first, second = maker.protocol.amend(order, "1.1173", "10"), maker.protocol.amend(order, "1.1174", "9")
    maker.carry_out()
    while not second.done:
        assert maker.carry_in(1)
        assert first.done >= second.done
    assert (order.price, order.leaves) == ("1.1174", "9")


def test_what_another_session_does_to_the_account_does_not_answer_this_ones_calls(
    maker: Line, counter: Counter
) -> None:
    order = enter(maker, "SELL", "1.1172", "10")
    sibling = counter.connect("maker").log_on()
    mine, guard, stop = (
        maker.protocol.amend(order, "1.1173", "8"),
        maker.protocol.dead_man(5_000),
        maker.protocol.dead_man(0),
    )
    done(sibling, sibling.protocol.open_orders())
    done(sibling, sibling.protocol.amend(order.client_order_id, "1.1174", "9"))
    done(sibling, sibling.protocol.dead_man(7_000))
    counter.flow.time_ns += 8 * 10**9
    done(sibling, sibling.protocol.mass_cancel("USD/JPY"))
    maker.carry_in()
    assert (order.price, order.reason) == ("1.1174", RejectReason.DEAD_MAN_FIRED)
    assert (mine.done, guard.done, stop.done) == (False, False, False)
    maker.run()
    assert guard.done
    assert stop.done
    with pytest.raises(RequestRejected):
        mine.result()


def test_an_amend_that_trades_through_returns_a_filled_order(maker: Line, payer: Line) -> None:
    enter(maker, "SELL", "1.1175", "10")
    order = enter(payer, "BUY", "1.1170", "10")
    assert done(payer, payer.protocol.amend(order, "1.1175", "10")).status is OrdStatus.FILLED
    assert payer.protocol.account.orders == {}


def test_an_amend_of_what_the_session_does_not_know_says_what_to_do(maker: Line) -> None:
    with pytest.raises(RequestRejected, match="open_orders"):
        maker.protocol.amend(99, "1.1172", "1")


def test_a_mass_cancel_counts_what_it_cancelled_and_takes_only_what_it_names(maker: Line) -> None:
    for side, price in (("SELL", "1.1172"), ("SELL", "1.1173"), ("BUY", "1.1160")):
        enter(maker, side, price, "10")
    assert done(maker, maker.protocol.mass_cancel("USD/JPY")).count == 0
    result = done(maker, maker.protocol.mass_cancel("EUR/USD", "SELL"))
    assert isinstance(result, CommandDone)
    assert (result.count, len(maker.protocol.account.orders)) == (2, 1)
    assert done(maker, maker.protocol.mass_cancel()).count == 1


def ladder(first: str, second: str) -> list[tuple[str, str]]:
    return [(first, "10"), (second, "20")]


def test_a_mass_quote_tells_set_by_set_what_became_of_it(maker: Line) -> None:
    sets = {
        "EUR/USD": (ladder("1.1171", "1.1170"), ladder("1.1173", "1.1174")),
        "USD/JPY": (ladder("149.00", "149.50"), []),  # not best first
        "USD/HKD": ([], [("7.8000", "5")]),
    }
    result = done(maker, maker.protocol.mass_quote(sets))
    assert isinstance(result, QuoteResult)
    assert (result.n_quoted, result.n_refused) == (2, 1)
    assert result.refused == {"USD/JPY": RejectReason.BAD_QUOTE_SET}
    quotes = maker.protocol.account.quotes
    assert sorted((q.instrument.symbol, q.price) for q in quotes.values()) == [
        ("EUR/USD", "1.1170"), ("EUR/USD", "1.1171"), ("EUR/USD", "1.1173"), ("EUR/USD", "1.1174"),
        ("USD/HKD", "7.8000"),
    ]  # fmt: skip
    assert maker.protocol.account.orders == {}, "quotes are no orders"


def test_a_quote_that_is_replaced_keeps_the_levels_that_stay_and_loses_the_others(maker: Line) -> None:
    done(maker, maker.protocol.mass_quote({"EUR/USD": (ladder("1.1171", "1.1170"), [])}))
    kept = next(q for q in maker.protocol.account.quotes.values() if q.price == "1.1171")
    done(maker, maker.protocol.mass_quote({"EUR/USD": ([("1.1171", "4")], [("1.1175", "1")])}))
    quotes = maker.protocol.account.quotes
    assert sorted((q.price, q.leaves) for q in quotes.values()) == [("1.1171", "4"), ("1.1175", "1")]
    assert quotes[kept.order_id] is kept
    done(maker, maker.protocol.mass_quote({"EUR/USD": ([], [])}))
    assert maker.protocol.account.quotes == {}


def test_a_mass_quote_that_is_refused_whole_raises(maker: Line, counter: Counter) -> None:
    done(maker, maker.protocol.mass_quote({"EUR/USD": (ladder("1.1171", "1.1170"), [])}))
    counter.flow.time_ns += 10**16  # the credential has ended
    sets = {symbol: ([], []) for symbol in ("EUR/USD", "USD/JPY")}
    assert refused(maker, maker.protocol.mass_quote(sets)) is RejectReason.CREDENTIAL_EXPIRED


@pytest.mark.parametrize("sets", [{}, {"EUR/USD": ([("1.1", "1")] * 33, [])}], ids=["no set", "a side too long"])
def test_a_quote_that_does_not_fit_in_a_command_is_not_sent(maker: Line, sets: dict[str, Any]) -> None:
    with pytest.raises(AmountError):
        maker.protocol.mass_quote(sets)
    assert not maker.carry_out()


def test_a_dead_man_timer_is_set_and_tells_when_it_has_fired(maker: Line, counter: Counter) -> None:
    order = enter(maker, "SELL", "1.1172", "10")
    assert done(maker, maker.protocol.dead_man(5_000)) is None
    assert done(maker, maker.protocol.dead_man(6_000)) is None
    counter.flow.time_ns += 7 * 10**9
    done(maker, maker.protocol.mass_cancel())  # any command lets time pass
    assert (order.status, order.reason) == (OrdStatus.CANCELED, RejectReason.DEAD_MAN_FIRED)
    notices = [r for r in maker.protocol.take_reports() if isinstance(r, GuardNotice)]
    assert [(n.reason, n.setting) for n in notices] == [
        (RejectReason.NONE, 5 * 10**9), (RejectReason.NONE, 6 * 10**9), (RejectReason.DEAD_MAN_FIRED, 0),
    ]  # fmt: skip


def test_an_operator_freezes_releases_and_revokes(counter: Counter, maker: Line) -> None:
    operator = counter.connect("operator").log_on()
    order = enter(maker, "SELL", "1.1172", "10")
    result = done(operator, operator.protocol.freeze(2))
    assert (result.count, result.sequence) == (1, counter.flow.core.sequence)
    maker.run()
    assert (order.status, order.reason) == (OrdStatus.CANCELED, RejectReason.ACCOUNT_FROZEN)
    assert refused(maker, maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "1")) is RejectReason.ACCOUNT_FROZEN
    done(operator, operator.protocol.unfreeze(2))
    assert enter(maker, "SELL", "1.1172", "1").is_open
    done(operator, operator.protocol.revoke_token("t"))
    maker.run()
    actions = [r.action for r in maker.protocol.take_reports() if isinstance(r, RevocationNotice)]
    assert actions == [RevokeAction.FREEZE, RevokeAction.UNFREEZE, RevokeAction.TOKEN]
    assert refused(maker, maker.protocol.freeze(2)) in (RejectReason.NOT_AUTHORIZED, RejectReason.TOKEN_REVOKED)


def test_the_outcome_of_any_command_can_be_asked_for(maker: Line, payer: Line) -> None:
    order = enter(maker, "SELL", "1.1172", "10")
    enter(payer, "BUY", "1.1172", "4")
    state = done(maker, maker.protocol.order_status(order.client_order_id))
    assert (state.is_open, state.status, state.message.leaves_lots, state.message.cum_lots) == (
        True, OrdStatus.PARTIALLY_FILLED, 6, 4,
    )  # fmt: skip
    cancel_id = order.client_order_id + 1
    done(maker, maker.protocol.cancel(order))
    ended = done(maker, maker.protocol.order_status(order))
    assert (ended.is_open, ended.status, ended.message.cum_lots) == (False, OrdStatus.CANCELED, 4)
    assert done(maker, maker.protocol.order_status(cancel_id)).command is CommandKind.CANCEL
    assert refused(maker, maker.protocol.order_status(999)) is RejectReason.UNKNOWN_ORDER


def test_what_has_ended_is_kept_no_longer_than_its_command(maker: Line) -> None:
    for n in range(5):
        done(maker, maker.protocol.cancel(enter(maker, "SELL", f"1.118{n}", "10")))
    assert maker.protocol.account.open_orders.known() == []
    assert len(maker.protocol.account.open_orders._entered) <= 1


def test_a_quotes_level_is_named_by_its_order_id(maker: Line) -> None:
    done(maker, maker.protocol.mass_quote({"EUR/USD": (ladder("1.1171", "1.1170"), [])}))
    quote, other = maker.protocol.account.quotes.values()
    assert done(maker, maker.protocol.cancel(other)) is other
    assert list(maker.protocol.account.quotes.values()) == [quote]
    state = done(maker, maker.protocol.order_status(quote))
    assert (state.command, state.message.order_id) == (CommandKind.MASS_QUOTE, quote.order_id)


def test_open_orders_come_in_pages_and_make_a_new_session_know_them(maker: Line, counter: Counter) -> None:
    for n in range(8):
        enter(maker, "SELL", f"1.118{n}", "10")
    done(maker, maker.protocol.mass_quote({"EUR/USD": (ladder("1.1171", "1.1170"), [])}))
    stop = enter(maker, "SELL", "1.1000", "1", ord_type=OrdType.STOP_LIMIT, stop_price="1.1010")
    other = counter.connect("maker").log_on()
    found = done(other, other.protocol.open_orders())
    assert len(found) == 11
    assert set(other.protocol.account.orders) == set(maker.protocol.account.orders)
    assert set(other.protocol.account.quotes) == set(maker.protocol.account.quotes)
    assert other.protocol.account.orders[stop.client_order_id].ord_type is OrdType.STOP_LIMIT
    known = other.protocol.account.orders[1]
    done(other, other.protocol.cancel(1))
    assert known.status is OrdStatus.CANCELED


def test_reports_can_be_heard_again(maker: Line, payer: Line) -> None:
    enter(maker, "SELL", "1.1172", "10")
    enter(payer, "BUY", "1.1172", "4")
    maker.run()
    heard = maker.protocol.take_reports()
    first = heard[0].message.account_stream
    assert done(maker, maker.protocol.replay(first)) == heard
    assert done(maker, maker.protocol.replay(first, first)) == heard[:1]
    assert maker.protocol.take_reports() == [], "they were heard before"


def test_terms_say_what_fits_where_nothing_is_said() -> None:
    assert Terms().lives() is TimeInForce.GTC
    assert Terms(OrdType.MARKET).lives() is TimeInForce.IOC
    assert Terms(expire_ns=5).lives() is TimeInForce.GTD
    assert Terms(time_in_force=TimeInForce.FOK, expire_ns=5).lives() is TimeInForce.FOK


def test_what_self_trade_prevention_takes_is_taken_from_the_order(maker: Line) -> None:
    resting = enter(maker, "SELL", "1.1172", "10")
    prevention = SelfTradePrevention.DECREMENT
    taker = enter(maker, "BUY", "1.1172", "4", self_trade_prevention=prevention)
    if resting.leaves_lots != 10:  # accounts without a trade group may trade with themselves
        assert (resting.leaves, resting.canceled_lots, taker.status) == ("6", 4, OrdStatus.CANCELED)
    for order in (resting, taker):
        assert order.cum_lots + order.leaves_lots + order.canceled_lots == order.quantity_lots


def test_a_side_is_shown_for_what_has_one(maker: Line) -> None:
    order = enter(maker, "sell", "1.1172", "10")
    assert order.side is Side.SELL
