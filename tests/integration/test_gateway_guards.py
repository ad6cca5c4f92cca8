"""A client that falls silent or is lost leaves no order it did not want left, and one that says goodbye does."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fxengine.codes import EventKind, GuardAction, RejectReason
from fxengine.messages import DeadMan, ExecutionReport, Heartbeat, HeartbeatAck, Logon, Logout, LogoutAck, Reject
from fxengine.wire import encode
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand
from tests.integration.trading_desk import Desk, Line
from tests.integration.venue_thread import running_venue

WATCHED: Callable[[str], Logon] = partial(logon, cancel_on_disconnect=True)
BEATING: Callable[[str], Logon] = partial(logon, heartbeat_ms=1_000)


@pytest.fixture
def desk(by_hand: ByHand) -> Desk:
    return Desk(by_hand)


def rest(line: Line, *numbers: int) -> None:
    """Let orders rest."""
    line.say(*(limit_order(number, price_ticks=9_000 - number) for number in numbers))
    line.hear(ExecutionReport, len(numbers))


def ends(reports: list[ExecutionReport]) -> list[tuple[EventKind, RejectReason]]:
    return [(EventKind(report.exec_type), RejectReason(report.reason)) for report in reports]


def test_orders_end_with_the_last_session_of_the_account_that_wished_it(desk: Desk) -> None:
    one, two = desk.funded("maker-1", WATCHED), desk.line("maker-1", ask=WATCHED)
    plain = desk.line("maker-1")
    bystander = desk.funded("maker-2")
    rest(one, 1, 2)
    rest(bystander, 1)
    one.lose()
    plain.reports()
    assert desk.core.n_orders == 3
    two.lose()
    canceled, disconnected = (
        (EventKind.CANCELED, RejectReason.DISCONNECTED),
        (EventKind.GUARDED, RejectReason.DISCONNECTED),
    )
    assert ends(plain.hear(ExecutionReport, 3)) == [canceled, canceled, disconnected]
    assert desk.core.n_orders == 1
    assert desk.core.watching() == []
    rest(plain, 3)
    plain.lose()
    bystander.reports()
    assert desk.core.n_orders == 2, "who never wished it keeps his orders"


def test_a_logout_takes_the_wish_back(desk: Desk) -> None:
    line, other = desk.funded("maker-1", WATCHED), desk.line("maker-1")
    rest(line, 1)
    line.say(Logout())
    line.hear(LogoutAck)
    line.lose()
    other.reports()
    assert desk.core.n_orders == 1
    assert desk.core.watching() == []


def test_a_renewed_logon_says_anew_whether_it_wishes_it(desk: Desk) -> None:
    line, other = desk.funded("maker-1"), desk.line("maker-1")
    rest(line, 1)
    line.say(WATCHED(desk.by_hand.token("maker-1")))
    other.by_hand.turn_until(lambda: desk.core.watching() == [line.account])
    line.say(logon(desk.by_hand.token("maker-1")))
    other.by_hand.turn_until(lambda: desk.core.watching() == [])
    line.lose()
    other.reports()
    assert desk.core.n_orders == 1


def test_orders_sent_with_the_logon_are_watched_too(desk: Desk) -> None:
    desk.funded("maker-1").lose()
    socket = desk.by_hand.connect()
    socket.send(encode([WATCHED(desk.by_hand.token("maker-1")), limit_order(1)]))
    desk.by_hand.turn_until(lambda: desk.core.n_orders == 1)
    socket.close(linger=0)
    desk.by_hand.turn_until(lambda: desk.core.n_orders == 0)


def test_a_session_that_falls_silent_is_told_and_closed_and_its_orders_end(desk: Desk) -> None:
    silent = desk.funded("maker-1", partial(logon, heartbeat_ms=1_000, cancel_on_disconnect=True))
    witness = desk.line("maker-1")
    rest(silent, 1)
    witness.reports()
    for number in range(8):
        desk.wait(1.5)
        silent.say(Heartbeat(number))
        assert silent.hear(HeartbeatAck) == [HeartbeatAck(number)]
    desk.wait(1.5)
    assert silent.session in desk.by_hand.gateway.dispatcher.sessions
    desk.wait(0.5)
    [reject] = silent.hear(Reject)
    assert (reject.reason, reject.text) == (RejectReason.SESSION_SILENT, RejectReason.SESSION_SILENT.text)
    assert ends(witness.hear(ExecutionReport, 2))[0] == (EventKind.CANCELED, RejectReason.DISCONNECTED)
    assert silent.session not in desk.by_hand.gateway.dispatcher.sessions
    silent.say(Heartbeat(9), limit_order(2))
    assert silent.refusal() is RejectReason.NOT_LOGGED_ON, "the connection is a stranger's again"


def test_a_session_that_promised_no_heartbeat_may_be_silent_for_ever(desk: Desk) -> None:
    line = desk.line("maker-1")
    desk.wait(60)
    line.say(Heartbeat(1))
    assert line.hear(HeartbeatAck) == [HeartbeatAck(1)]


@pytest.mark.parametrize("seconds", [30, -30])
def test_a_venue_that_stood_still_or_a_clock_that_jumped_closes_nobody(desk: Desk, seconds: float) -> None:
    line = desk.line("maker-1", ask=BEATING)
    desk.by_hand.clock.advance(seconds)
    desk.wait(2)
    assert line.session in desk.by_hand.gateway.dispatcher.sessions
    desk.wait(0.5)
    assert line.refusal() is RejectReason.SESSION_SILENT, "and from then on its silence counts again"


def test_the_gateway_sleeps_no_longer_than_the_next_session_is_due(desk: Desk) -> None:
    dispatcher, clock = desk.by_hand.gateway.dispatcher, desk.by_hand.clock
    desk.line("maker-1", ask=BEATING)
    assert dispatcher.next_due_ns == clock() + 2 * 10**9
    assert not dispatcher.has_work


def test_the_dead_man_timer_takes_all_orders_unless_it_is_set_again(desk: Desk) -> None:
    line = desk.funded("maker-1")
    rest(line, 1, 2)
    for _ in range(3):
        line.say(DeadMan(3_000))
        [set_again] = line.hear(ExecutionReport)
        assert (set_again.exec_type, set_again.side, set_again.quantity_lots) == (
            EventKind.GUARDED,
            GuardAction.DEAD_MAN,
            3 * 10**9,
        )
        desk.wait(2.5)
    assert desk.core.n_orders == 2
    desk.wait(0.5)
    fired = (EventKind.CANCELED, RejectReason.DEAD_MAN_FIRED)
    assert ends(line.hear(ExecutionReport, 3)) == [fired, fired, (EventKind.GUARDED, RejectReason.DEAD_MAN_FIRED)]


def test_who_was_connected_when_the_venue_ended_is_disconnected_before_it_opens_again(short_folder: Path) -> None:
    with running_venue(short_folder) as first:
        for subject, ask in (("maker-1", WATCHED), ("maker-2", logon)):
            with first.funded(subject):
                pass
            connection = first.connection()
            connection.say(ask(first.token(subject)), limit_order(101), limit_order(102))
            connection.hear_until(ExecutionReport)
        first.end()
        with running_venue(short_folder) as second:
            assert second.ready is not None
            assert second.ready.n_orders == 2, "those of who did not wish it"
            with second.client("maker-1") as maker:
                assert maker.balances()["USD"].held == "0.000000"
        with running_venue(short_folder) as third:
            assert third.ready is not None
            assert second.ready.sequence < third.ready.sequence < second.ready.sequence + 5, "and that is said once"
