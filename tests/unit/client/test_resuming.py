"""A lost line leaves nothing in doubt: what was missed is heard, what was not answered is sent again, once."""

import random
from typing import Any

import numpy as np
import pytest

from fxengine.client import Call, CommandDone, Order, Refusal, SessionOptions, SwapReceipt
from fxengine.client.call import Pending
from fxengine.client.session import Standing
from fxengine.codes import EventKind, OrdStatus, RejectReason
from fxengine.errors import FxEngineError, RequestRejected, VenueUnreachable
from fxengine.messages import Logon, MassQuote, MessageType, NewOrder, Reject, ReplayRequest, ReportFormat, Swap
from fxengine.records import EVENT
from fxengine.wire import decode_requests, encode
from tests.unit.client.line import NUMBERS, Counter, Line


@pytest.fixture(params=list(ReportFormat), ids=lambda how: how.name)
def maker(counter: Counter, request: pytest.FixtureRequest) -> Line:
    return counter.connect("maker", SessionOptions(report_format=request.param)).log_on()


def order_call(line: Line, quantity: str = "10", price: str = "1.1172", side: str = "SELL") -> Call[Order]:
    return line.protocol.new_order("EUR/USD", side, price, quantity)


def resting_lots(counter: Counter) -> int:
    return sum(lots for side in (1, 2) for _, lots in counter.flow.core.depth(0, side, 100))


def test_a_command_that_never_arrived_is_sent_again_and_done_once(maker: Line, counter: Counter) -> None:
    call = order_call(maker)
    maker.carry_out(0)
    maker.cut()
    maker.run()
    assert call.result().is_open
    assert resting_lots(counter) == 10


def test_a_command_whose_answer_was_lost_is_answered_by_the_report_of_then(maker: Line, counter: Counter) -> None:
    call = order_call(maker)
    maker.carry_out()
    maker.cut()
    maker.run()
    assert call.result().is_open
    assert resting_lots(counter) == 10
    assert sum(isinstance(m, NewOrder) for m in maker.sent) == 1, "the report came again, so nothing was sent again"


def test_reports_that_were_missed_come_first_and_each_once(maker: Line, counter: Counter) -> None:
    other = counter.connect("maker").log_on()
    order = order_call(maker)
    maker.run()
    maker.cut(notice=False)
    payer = counter.connect("payer").log_on()
    payer.protocol.new_order("EUR/USD", "BUY", "1.1172", "4")
    payer.run()
    maker.protocol.note_connections(maker.n_connections)
    maker.run()
    other.run()
    assert order.result().filled == "4"
    kinds = [r.exec_type for r in maker.protocol.take_reports() if hasattr(r, "exec_type")]
    assert kinds == [EventKind.ACCEPTED, EventKind.FILL]
    assert maker.protocol.account.n_missed == 0


def test_without_a_notice_the_venues_first_refusal_makes_the_session_resume(maker: Line, counter: Counter) -> None:
    maker.cut(notice=False)
    call, question = order_call(maker), maker.protocol.balances()
    maker.run()
    assert call.result().is_open
    assert "EUR" in question.result()
    assert (resting_lots(counter), maker.protocol.n_resumed) == (10, 1)


@pytest.mark.parametrize("reason", [RejectReason.SESSION_SILENT, RejectReason.SLOW_READER])
def test_a_session_that_the_venue_closed_resumes(maker: Line, reason: RejectReason) -> None:
    maker.cut(notice=False)
    maker.protocol.receive(encode([Reject(int(reason), reason.text, 0, 0)]))
    call = order_call(maker)
    maker.run()
    assert call.result().is_open


def test_what_is_said_while_the_session_resumes_is_sent_when_it_is_up_to_date(maker: Line, counter: Counter) -> None:
    maker.cut()
    calls = [order_call(maker, price=f"1.118{n}") for n in range(3)]
    beat = maker.protocol.dead_man(60_000)
    quote = maker.protocol.mass_quote({"EUR/USD": ([("1.1000", "5")], [])})
    assert maker.protocol.standing is Standing.RESUMING
    maker.carry_out()
    assert [type(m) for m in maker.sent][-1] is Logon, "nothing goes ahead of the LOGON's answer"
    maker.run()
    assert all(call.result().is_open for call in calls)
    assert beat.done
    assert quote.result().n_quoted == 1
    assert resting_lots(counter) == 35


def test_what_was_not_sent_yet_does_not_go_ahead_of_the_logon(maker: Line) -> None:
    order_call(maker)
    maker.protocol.note_connections(2)
    [frame] = maker.protocol.take_frames()
    assert [type(message) for message in decode_requests(frame)] == [Logon]


def test_a_line_cut_again_while_the_session_resumes_is_resumed_again(maker: Line, counter: Counter) -> None:
    call = order_call(maker)
    maker.carry_out()
    for _ in range(3):
        maker.cut()
        maker.carry_out()
    maker.run()
    assert call.result().is_open
    assert resting_lots(counter) == 10


def test_a_line_cut_before_the_logon_was_answered_is_logged_on(counter: Counter) -> None:
    line = counter.connect("payer")
    logon, listing = line.protocol.logon("token"), line.protocol.reference_data()
    line.carry_out(1)
    line.cut()
    line.protocol.receive(encode([Reject(110, "left over", int(MessageType.VENUE_REQUEST), 1)]))
    line.run()
    assert logon.result() == NUMBERS["payer"]
    assert "EUR" in listing.result().by_code


def test_a_session_that_may_not_log_on_again_leaves_its_calls_in_doubt_and_says_so(
    maker: Line, counter: Counter
) -> None:
    call, question = order_call(maker), maker.protocol.balances()
    maker.carry_out()
    counter.refuses_logons = True
    maker.cut()
    maker.run()
    for waiting in (call, question):
        with pytest.raises(VenueUnreachable, match="could not be resumed"):
            waiting.result()
    counter.refuses_logons = False
    again = maker.protocol.logon("fresh token")
    maker.run()
    assert again.result() == NUMBERS["maker"]
    repeated = maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "10", client_order_id=1)
    maker.run()
    assert repeated.result().client_order_id == 1
    assert resting_lots(counter) == 10


def test_a_session_that_logged_out_does_not_come_back(maker: Line) -> None:
    done = maker.protocol.logout()
    maker.run()
    assert done.done
    n_sent = len(maker.sent)
    maker.cut()
    maker.run()
    assert len(maker.sent) == n_sent


def test_where_reports_are_not_held_any_more_the_orders_are_asked_for(maker: Line, counter: Counter) -> None:
    stays, ends = order_call(maker, price="1.1172"), order_call(maker, price="1.1171", quantity="4")
    maker.run()
    new = order_call(maker, price="1.1190")
    cancel = maker.protocol.cancel(ends.result())
    told: list[OrdStatus] = []
    cancel.on_done = lambda: told.append(ends.result().status)
    maker.carry_out()
    maker.cut(notice=False)
    counter.first_held = len(counter.told[NUMBERS["maker"]]) + 1
    maker.protocol.note_connections(maker.n_connections)
    maker.run()
    assert maker.protocol.account.n_missed > 0
    assert stays.result().is_open
    assert ends.result().status is OrdStatus.CANCELED
    assert new.result().is_open, "ORDER_STATUS told what the lost report had"
    assert set(maker.protocol.account.orders) == {1, 3}
    assert (cancel.result() is ends.result(), told) == (True, [OrdStatus.CANCELED])
    assert resting_lots(counter) == 20
    assert not any(isinstance(message, ReplayRequest) for message in maker.sent), "LOGON_ACK said what is not held"


def test_an_order_whose_end_was_missed_is_told_how_it_ended(maker: Line, counter: Counter) -> None:
    call = order_call(maker)
    maker.run()
    maker.cut(notice=False)
    payer = counter.connect("payer").log_on()
    order_call(payer, side="BUY")
    payer.run()
    counter.first_held = len(counter.told[NUMBERS["maker"]]) + 1
    maker.protocol.note_connections(maker.n_connections)
    maker.run()
    order = call.result()
    assert (order.status, order.filled, order.leaves) == (OrdStatus.FILLED, "10", "0")
    assert maker.protocol.account.orders == {}


def test_a_cancel_that_was_done_and_whose_order_was_never_heard_of_says_so(maker: Line, counter: Counter) -> None:
    order_call(maker)
    maker.run()
    stranger = counter.connect("maker").log_on()
    cancel = stranger.protocol.cancel(1)
    stranger.carry_out()
    counter.first_held = len(counter.told[NUMBERS["maker"]]) + 1
    stranger.cut()
    stranger.run()
    with pytest.raises(RequestRejected, match="it was done") as told:
        cancel.result()
    assert told.value.reason == RejectReason.HISTORY_GONE


def test_a_gap_in_a_living_session_is_filled(maker: Line, counter: Counter) -> None:
    calls = [order_call(maker, price=f"1.118{n}") for n in range(3)]
    maker.carry_out()
    del maker._to_client[0]  # a frame is gone
    maker.run()
    assert all(call.result().is_open for call in calls)
    streams = [r.message.account_stream for r in maker.protocol.take_reports()]  # type: ignore[union-attr]
    assert streams == sorted(streams)
    assert (len(streams), maker.protocol.account.n_missed) == (3, 0)


def test_a_gap_that_cannot_be_filled_is_counted_and_the_orders_are_asked_for(counter: Counter) -> None:
    maker = counter.connect("maker").log_on()
    calls = [order_call(maker, price=f"1.118{n}") for n in range(3)]
    maker.carry_out()
    del maker._to_client[0]
    counter.first_held = len(counter.told[NUMBERS["maker"]])
    maker.run()
    assert maker.protocol.account.n_missed == 1
    assert [call.done for call in calls] == [False, True, True]
    assert set(maker.protocol.account.orders) == {1, 2, 3}


def swap_call(line: Line, client_order_id: int | None = None) -> Call[SwapReceipt]:
    return line.protocol.swap("USD", "EUR", exact_out="5", max_in="100", client_order_id=client_order_id)


@pytest.mark.parametrize("chosen", [None, 1], ids=["own id", "id of the caller"])
@pytest.mark.parametrize("n_heard", range(4))
@pytest.mark.parametrize("arrives", [0, 1])
def test_a_payment_cut_at_any_point_pays_once_and_is_answered(
    counter: Counter, arrives: int, n_heard: int, chosen: int | None
) -> None:
    maker, payer = counter.connect("maker").log_on(), counter.connect("payer").log_on()
    order_call(maker, quantity="100")
    maker.run()
    call = swap_call(payer, chosen)
    payer.carry_out(arrives)
    payer.carry_in(n_heard)
    payer.cut()
    payer.run()
    assert call.result().received == "5.000000"
    kinds = [np.frombuffer(event, EVENT)["kind"][0] for event, _ in counter.told[NUMBERS["payer"]]]
    assert kinds.count(EventKind.SWAPPED) == 1
    assert call.result().legs, "the receipt that came again has its legs"


def test_a_payment_of_another_session_with_the_same_id_is_not_taken_for_this_one(counter: Counter) -> None:
    maker = counter.connect("maker").log_on()
    order_call(maker, quantity="100")
    maker.run()
    first, second = counter.connect("payer").log_on(), counter.connect("payer").log_on()
    mine, theirs = swap_call(first), second.protocol.swap("USD", "EUR", exact_out="7", max_in="100")
    second.run()
    assert theirs.result().received == "7.000000"
    first.carry_out(0)
    first.cut()
    first.run()
    with pytest.raises(RequestRejected) as refusal:
        mine.result()
    assert refusal.value.reason == RejectReason.CLIENT_ID_REUSED


def test_a_repetitions_answer_is_ours_only_if_the_command_it_speaks_of_can_be() -> None:
    pending = Pending(Call("SWAP"), Swap(1, 0, 1, 1, 5, 5, 0, 0), automatic=True)
    assert not pending.may_be(5), "an id chosen here was never used before"
    pending.is_sent_again = True
    pending.taken = [9]
    assert pending.may_be(5), "the number of the first sending was not heard"
    pending.taken = [5, 9]
    assert pending.may_be(5)
    assert not pending.may_be(7), "a namesake of another session"
    pending.automatic = False
    assert pending.may_be(7), "the caller says it is a repetition"


def test_a_gateways_refusal_of_a_second_sending_leaves_the_first_in_doubt_and_says_so(counter: Counter) -> None:
    payer = counter.connect("payer").log_on()
    call = order_call(payer)
    payer.carry_out(0)
    payer.cut()
    while payer.protocol.standing is not Standing.ON:
        payer.carry_out()
        payer.carry_in()
    limited = RejectReason.RATE_LIMITED
    payer.protocol.receive(encode([Reject(int(limited), limited.text, int(MessageType.NEW_ORDER), 1, 5)]))
    with pytest.raises(VenueUnreachable, match="not known"):
        call.result()


def test_a_session_can_begin_with_what_was_reported_before_it(counter: Counter) -> None:
    maker = counter.connect("maker").log_on()
    order_call(maker)
    maker.run()
    heard = maker.protocol.take_reports()
    again = counter.connect("maker", SessionOptions(next_stream=1)).log_on()
    reports = again.protocol.take_reports()
    assert reports[-1:] == heard
    assert again.protocol.account.orders[1].is_open


def test_heartbeats_are_sent_as_often_as_was_promised(counter: Counter) -> None:
    line = counter.connect("maker", SessionOptions(heartbeat_ms=500)).log_on()
    assert line.protocol.keep_alive(10.0) == 0.5
    assert len(list(line.protocol.take_frames())) == 1
    assert line.protocol.keep_alive(10.2) == pytest.approx(0.3)
    assert list(line.protocol.take_frames()) == []
    assert line.protocol.keep_alive(10.6) == 0.5
    assert len(list(line.protocol.take_frames())) == 1
    assert counter.connect("maker").protocol.keep_alive(10.0) == float("inf")


def act(line: Line, rng: random.Random) -> Call[Any]:
    """Say something at random."""
    protocol = line.protocol
    side, price = rng.choice([("BUY", "1.1171"), ("SELL", "1.1172"), ("BUY", "1.1172"), ("SELL", "1.1171")])
    open_orders = list(protocol.account.orders.values())
    kind = rng.random()
    if kind < 0.5 or not open_orders:
        return order_call(line, str(rng.randint(1, 9)), price, side)
    order = rng.choice(open_orders)
    if kind < 0.65:
        return protocol.cancel(order)
    if kind < 0.75:
        return protocol.amend_ticks(order, order.price_ticks, max(1, order.quantity_lots - 1))
    if kind < 0.85:
        return protocol.mass_quote({"USD/JPY": ([("149.00", str(rng.randint(1, 5)))], [("150.00", "2")])})
    if kind < 0.9:
        return protocol.mass_cancel("EUR/USD")
    return swap_call(line)


@pytest.mark.parametrize("run", range(8))
def test_whatever_is_cut_and_when_every_call_ends_and_the_view_is_the_venues(
    counter: Counter, seed: int, run: int
) -> None:
    rng = random.Random(seed * 100 + run)
    lines = [counter.connect(name, SessionOptions(report_format=rng.choice(list(ReportFormat)))).log_on()
             for name in ("maker", "payer")]  # fmt: skip
    calls: list[Call[Any]] = []
    for _ in range(120):
        line = rng.choice(lines)
        calls.append(act(line, rng))
        step = rng.random()
        if step < 0.15:
            line.carry_out(rng.randint(0, 3))
            line.carry_in(rng.randint(0, 4))
            line.cut(notice=rng.random() < 0.5)
        elif step < 0.6:
            line.carry_out()
            line.carry_in(rng.randint(0, 5))
        else:
            line.run()
    for line in (*lines, *lines):
        line.protocol.note_connections(line.n_connections)  # every cut is noticed in the end
        line.run()
    assert [call.what for call in calls if not call.done] == []
    for call in calls:
        try:
            result = call.result()
        except RequestRejected:
            continue
        except FxEngineError as error:
            raise AssertionError(f"left in doubt: {error}") from error
        assert isinstance(result, Order | SwapReceipt | CommandDone) or result.n_quoted == 1
    for line in lines:
        account = line.protocol.account
        assert account.n_missed == 0
        rows = {row[0]: row for row in counter.flow.core.open_orders(line.account, 0, 1_000)}
        known = {order.order_id: order for order in (*account.orders.values(), *account.quotes.values())}
        assert set(known) == set(rows)
        for order_id, order in known.items():
            assert (order.price_ticks, order.leaves_lots, order.cum_lots) == tuple(rows[order_id][5:8])
            assert order.cum_lots + order.leaves_lots + order.canceled_lots == order.quantity_lots
        numbers = [m.client_order_id for m in line.sent if isinstance(m, NewOrder | Swap | MassQuote)]
        assert len(set(numbers)) <= len(calls)
    assert not [
        r for line in lines for r in line.protocol.take_reports() if isinstance(r, Refusal) and not r.client_order_id
    ]
