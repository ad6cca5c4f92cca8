"""Several sessions of one account, drop copies, sessions in records, and who comes back and wants what it missed."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from fxengine.codes import CommandKind, EventKind, RejectReason
from fxengine.gateway.replays import AHEAD_BYTES
from fxengine.messages import (
    BalancesRequest,
    Cancel,
    DeadMan,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    Logon,
    MassCancel,
    MessageType,
    MoneyReport,
    OpenOrders,
    OpenOrdersRequest,
    OrderState,
    OrderStatusRequest,
    Reject,
    Replayed,
    ReplayRequest,
    ReportFormat,
    SessionMode,
)
from fxengine.records import CANCEL, CREDENTIAL, NEW_ORDER, Records
from fxengine.wire import command_frame
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand
from tests.integration.trading_desk import Desk, Line

DROP_COPY: Callable[[str], Logon] = partial(logon, mode=SessionMode.DROP_COPY)
IN_RECORDS: Callable[[str], Logon] = partial(logon, report_format=ReportFormat.RECORDS)


@pytest.fixture
def desk(by_hand: ByHand) -> Desk:
    return Desk(by_hand)


def trade(line: Line, numbers: range) -> None:
    """Enter orders that rest, one command each in a cycle of its own."""
    for number in numbers:
        line.say(limit_order(number, price_ticks=9_000 - number % 50, quantity_lots=1))
        line.hear(ExecutionReport)


def streams(reports: list[ExecutionReport]) -> list[int]:
    return [report.account_stream for report in reports]


def test_every_session_of_an_account_hears_all_its_reports_whoever_caused_them(desk: Desk) -> None:
    trader, copy, records = (
        desk.funded("maker-1"),
        desk.line("maker-1", ask=DROP_COPY),
        desk.line("maker-1", ask=IN_RECORDS),
    )
    stranger = desk.funded("maker-2")
    for line in (trader, copy):
        line.reports()
    before = len(records.hear_events(0))
    trader.say(limit_order(1), limit_order(2, price_ticks=9_999), Cancel(3, 0, 1))
    told = trader.hear(ExecutionReport, 3)
    assert copy.hear(ExecutionReport, 3) == told
    events = records.hear_events(before + 3)[before:]
    assert events["account_stream"].tolist() == streams(told)
    assert events["kind"].tolist() == [EventKind.ACCEPTED, EventKind.ACCEPTED, EventKind.CANCELED]
    assert stranger.reports() == []
    assert (events["account"] == trader.account).all()


def test_a_drop_copy_asks_what_it_likes_and_commands_nothing(desk: Desk) -> None:
    desk.funded("maker-1")
    copy = desk.line("maker-1", ask=DROP_COPY)
    sequence = desk.core.sequence
    commands = (limit_order(1), Cancel(2, 0, 1), MassCancel(3, 0, 0, 0), DeadMan(5))
    copy.say(*commands)
    assert [reject.reason for reject in copy.hear(Reject, len(commands))] == [RejectReason.NOT_IN_SCOPE] * len(commands)
    copy.socket.send(command_frame(order_record(4).tobytes()))
    assert copy.refusal() is RejectReason.NOT_IN_SCOPE
    copy.say(BalancesRequest(1), OpenOrdersRequest(2, 0))
    assert copy.hear(OpenOrders) == [OpenOrders(2, (), 0)]
    assert desk.core.sequence == sequence


def order_record(number: int, **changes: int) -> Records:
    """One NEW_ORDER as a client writes it: its account and time are the venue's to say."""
    record = np.zeros(1, NEW_ORDER)
    fields = {"side": 1, "ord_type": 2, "time_in_force": 1, "price_ticks": 9_000, "quantity_lots": 1}
    for name, value in (
        {"kind": CommandKind.NEW_ORDER, "n_records": 1, "client_order_id": number} | fields | changes
    ).items():
        record[name] = value
    return record


def cancel_record(number: int, original: int) -> Records:
    record = np.zeros(1, CANCEL)
    record["kind"], record["n_records"] = CommandKind.CANCEL, 1
    record["client_order_id"], record["orig_client_order_id"] = number, original
    return record


def test_a_frame_of_records_does_what_the_same_messages_do(desk: Desk) -> None:
    sender, twin = desk.funded("maker-1", IN_RECORDS), desk.funded("maker-2")
    n_before = len(sender.hear_events(0))
    frame = b"".join(
        record.tobytes() for record in (order_record(1), order_record(2, price_ticks=0), cancel_record(3, 1))
    )
    sender.socket.send(command_frame(frame))
    twin.say(
        limit_order(1, price_ticks=9_000, quantity_lots=1),
        limit_order(2, price_ticks=0, quantity_lots=1),
        Cancel(3, 0, 1),
    )
    told = twin.hear(ExecutionReport, 3)
    events = sender.hear_events(n_before + 3)[n_before:]
    for name in ("kind", "reason", "client_order_id", "price_ticks", "quantity_lots"):
        report_name = {"kind": "exec_type"}.get(name, name)
        assert events[name].tolist() == [getattr(report, report_name) for report in told], name


def test_what_is_wrong_in_a_frame_is_named_and_the_rest_is_done(desk: Desk) -> None:
    line, victim = desk.funded("maker-1"), desk.line("maker-2")
    forged = order_record(11, account=victim.account)
    credential = np.zeros(1, CREDENTIAL)
    credential["kind"], credential["n_records"] = CommandKind.CREDENTIAL, 1
    records = (
        order_record(10),
        forged,
        credential,
        order_record(12, account=line.account),
        order_record(13, n_records=9),
    )
    line.socket.send(command_frame(b"".join(record.tobytes() for record in records)))
    refused = line.hear(Reject, 3)
    new_order = int(MessageType.NEW_ORDER)
    assert [(reject.reason, reject.ref_type, reject.ref_id) for reject in refused] == [
        (RejectReason.IDENTITY_MISMATCH, new_order, 11),
        (RejectReason.UNKNOWN_COMMAND, 0, 0),
        (RejectReason.UNKNOWN_COMMAND, new_order, 13),
    ]
    line.by_hand.turn_until(lambda: desk.core.n_orders == 2)
    assert [row[1] for row in desk.core.open_orders(line.account, 0, 10)] == [10, 12]
    assert desk.core.open_orders(victim.account, 0, 10) == []


@pytest.mark.parametrize(("frame", "reason"), [
    (b"\xc1", RejectReason.MALFORMED_FRAME),
    (b"\xc1FXR" + bytes(60), RejectReason.UNSUPPORTED_VERSION),
    (command_frame(bytes(64))[:-1], RejectReason.MALFORMED_FRAME),
    (command_frame(bytes(1_001 * 64)), RejectReason.TOO_MANY_MESSAGES),
    (command_frame(bytes(1_030 * 64)), RejectReason.FRAME_TOO_LARGE),
], ids=["mark", "version", "torn", "many", "large"])  # fmt: skip
def test_a_bad_frame_of_records_is_refused_whole(desk: Desk, frame: bytes, reason: RejectReason) -> None:
    line = desk.line("maker-1")
    sequence = desk.core.sequence
    line.socket.send(frame)
    assert line.refusal() is reason
    assert desk.core.sequence == sequence


def test_records_behind_a_logon_wait_for_it_and_before_one_are_refused(desk: Desk) -> None:
    desk.funded("maker-1").lose()
    socket = desk.by_hand.connect()
    frame = command_frame(order_record(1).tobytes())
    socket.send(frame)
    [reject] = desk.by_hand.hear(socket)
    assert isinstance(reject, Reject)
    assert reject.reason == RejectReason.NOT_LOGGED_ON
    line = Line(desk.by_hand, "maker-1")
    line.say(logon(desk.by_hand.token("maker-1")))
    line.socket.send(frame)
    desk.by_hand.turn_until(lambda: desk.core.n_orders == 1)


def test_a_replay_gives_the_reports_again_exactly_as_they_were(desk: Desk) -> None:
    line = desk.funded("maker-1")
    heard: list[ExecutionReport] = []
    for number in range(1, 30):
        line.say(limit_order(number))
        heard += line.hear(ExecutionReport)
        desk.by_hand.clock.advance(0.1)
    first, last = heard[4].account_stream, heard[20].account_stream
    line.say(ReplayRequest(5, first, last))
    messages = desk_until_replayed(line)
    assert [message for message in messages if isinstance(message, ExecutionReport)] == heard[4:21]
    assert messages[-1] == Replayed(5, first, last, 1)
    line.say(ReplayRequest(6, first, 0))
    assert [m for m in desk_until_replayed(line) if isinstance(m, ExecutionReport)] == heard[4:]
    line.say(ReplayRequest(7, 10_000, 0))
    assert desk_until_replayed(line) == [Replayed(7, 10_000, 9_999, 1)]


def desk_until_replayed(line: Line) -> list[object]:
    """Turn until a replay has ended, and return all that was heard."""

    def replayed() -> bool:
        line.read()
        return any(isinstance(message, Replayed) for message in line.heard)

    line.by_hand.turn_until(replayed)
    heard: list[object] = list(line.heard)
    line.heard = []
    return heard


@pytest.mark.parametrize("report_format", ReportFormat)
def test_who_comes_back_hears_first_what_it_missed_and_then_goes_on_without_a_gap_or_a_repeat(
    desk: Desk, report_format: ReportFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxengine.gateway.replays.PAGE_REPORTS", 7)
    monkeypatch.setattr("fxengine.gateway.replays.PAGE_RECORDS", 7)
    monkeypatch.setattr("fxengine.gateway.replays.LAST_REPORTS", 10)
    monkeypatch.setattr("fxengine.gateway.replays.CYCLE_REPORTS", 5)
    trader = desk.funded("maker-1")
    trade(trader, range(1, 60))
    missed_from = 20
    back = desk.line("maker-1", ask=partial(logon, next_stream=missed_from, report_format=report_format))
    for number in range(60, 80):  # while it catches up, and after
        trader.say(limit_order(number, quantity_lots=1))
        trader.hear(ExecutionReport)
        back.read()

    def up_to_date() -> bool:
        back.read()
        return any(isinstance(message, Replayed) for message in back.heard) and highest() >= last

    def numbers() -> list[int]:
        if report_format is ReportFormat.RECORDS:
            return back.events["account_stream"].tolist()
        return [message.account_stream for message in back.heard if isinstance(message, ExecutionReport | MoneyReport)]

    def highest() -> int:
        return max(numbers(), default=0)

    trader.say(limit_order(80))
    last = trader.hear(ExecutionReport)[0].account_stream
    desk.by_hand.turn_until(up_to_date)
    assert numbers() == list(range(missed_from, last + 1))
    [end] = [message for message in back.heard if isinstance(message, Replayed)]
    assert (end.request_id, end.first_stream, end.first_held) == (0, missed_from, 1)


def test_what_is_no_longer_held_is_said_to_be_gone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line = desk.funded("maker-1")
    trade(line, range(1, 5))
    history = desk.by_hand.gateway.dispatcher._history
    history._first_held[line.account] = 5
    line.say(ReplayRequest(9, 4, 0))
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_type, reject.ref_id) == (RejectReason.HISTORY_GONE, MessageType.REPLAY_REQUEST, 9)
    line.say(ReplayRequest(10, 5, 0))
    assert isinstance(desk_until_replayed(line)[-1], Replayed)
    again = desk.line("maker-1", ask=partial(logon, next_stream=1))
    messages = desk_until_replayed(again)
    assert min(m.account_stream for m in messages if isinstance(m, ExecutionReport | MoneyReport)) == 5
    assert messages[-1].first_stream == 5  # type: ignore[attr-defined]


def test_a_replay_waits_for_who_does_not_read_and_stops_nobody(desk: Desk) -> None:
    line = desk.funded("maker-1")
    trade(line, range(1, 20))
    line.session.outbox.n_bytes = AHEAD_BYTES
    line.say(ReplayRequest(1, 1, 0))
    other = desk.line("maker-2")
    other.say(Heartbeat(1))
    other.hear(HeartbeatAck)
    dispatcher = desk.by_hand.gateway.dispatcher
    assert not dispatcher.has_work, "it would spin"
    assert not any(isinstance(message, Replayed) for message in line.heard)
    line.session.outbox.n_bytes = 0
    assert dispatcher.has_work
    assert isinstance(desk_until_replayed(line)[-1], Replayed)


def test_replays_under_way_are_bounded_per_session(desk: Desk) -> None:
    line = desk.line("maker-1")
    line.say(*(ReplayRequest(number, 1, 0) for number in range(1, 8)))
    refused = line.hear(Reject, 3)
    assert {(reject.reason, reject.retry_ns > 0) for reject in refused} == {(RejectReason.RATE_LIMITED, True)}
    line.say(ReplayRequest(8, 1, 0))
    assert desk_until_replayed(line)[-1] == Replayed(8, 1, 1, 1), "once they are done it may ask again"


def test_a_second_logon_in_the_middle_of_catching_up_starts_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxengine.gateway.replays.PAGE_REPORTS", 3)
    monkeypatch.setattr("fxengine.gateway.replays.LAST_REPORTS", 0)
    monkeypatch.setattr("fxengine.gateway.replays.CYCLE_REPORTS", 1)
    trader = desk.funded("maker-1")
    trade(trader, range(1, 40))
    back = desk.line("maker-1", ask=partial(logon, next_stream=1))
    back.say(logon(desk.by_hand.token("maker-1")))
    back.by_hand.turn_until(lambda: back.session.n_replays == 0)
    back.reports()
    trader.reports()
    trader.say(limit_order(40))
    told = trader.hear(ExecutionReport)
    assert [report.account_stream for report in back.hear(ExecutionReport)] == streams(told), "once, not twice"


def test_an_order_in_doubt_is_told_by_its_client_id(desk: Desk) -> None:
    line = desk.funded("maker-1")
    trade(line, range(1, 3))
    line.say(Cancel(3, 0, 1), OrderStatusRequest(1, 1, 0), OrderStatusRequest(2, 2, 0), OrderStatusRequest(3, 99, 0))
    states = line.hear(OrderState, 2)
    assert [(state.client_order_id, state.status, state.leaves_lots) for state in states] == [(1, 4, 0), (2, 0, 1)]
    line.say(OrderStatusRequest(3, 99, 0))
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_id) == (RejectReason.UNKNOWN_ORDER, 3)
    stranger = desk.line("maker-2")
    stranger.say(OrderStatusRequest(4, 0, states[1].order_id))
    assert stranger.refusal() is RejectReason.UNKNOWN_ORDER, "another's order is unknown"


def test_open_orders_come_in_pages_that_leave_none_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxengine.gateway.questions.OPEN_ORDERS_PAGE", 4)
    line = desk.funded("maker-1")
    trade(line, range(1, 11))
    pages, after = [], 0
    for request_id in range(1, 10):
        line.say(OpenOrdersRequest(request_id, after))
        [page] = line.hear(OpenOrders)
        pages.append(page)
        if not page.more:
            break
        after = page.orders[-1][0]
    assert [len(page.orders) for page in pages] == [4, 4, 2]
    assert sorted(order[1] for page in pages for order in page.orders) == list(range(1, 11))
