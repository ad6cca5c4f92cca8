"""The client's protocol, fed with frames by hand: which answer belongs to which call, and what is noticed."""

import pytest

from fxengine.client import Execution, MoneyMovement, Order, Protocol, Refusal
from fxengine.codes import CommandKind, EventFlag, EventKind, OrdStatus, RejectReason, Side
from fxengine.errors import ProtocolError, RequestRejected
from fxengine.messages import (
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    LogonAck,
    MessageType,
    MoneyReport,
    NewOrder,
    Reject,
    Replayed,
    ReplayRequest,
    Reply,
    Settlement,
    VenueDescription,
)
from fxengine.wire import REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX, decode_requests, encode
from tests.unit.wire.examples import EXAMPLES

VENUE = EXAMPLES[VenueDescription]


@pytest.fixture
def protocol() -> Protocol:
    """A protocol that is logged on as account 2, whose last used id is 9, and knows the venue."""
    protocol = Protocol()
    protocol.logon("token")
    protocol.reference_data()
    protocol.receive(encode([LogonAck(2, 9, 16, 100, "fx-example", 5, 1), VENUE._replace(request_id=1)]))
    list(protocol.take_frames())
    return protocol


def report(kind: EventKind, number: int, **changes: int) -> ExecutionReport:
    plain = ExecutionReport(6, 40, int(kind), 0, 0, 77, number, 0, 1, 11_172, 10, 10, 0, 0, 0, 0, 0, 1)
    return plain._replace(**changes)


def hear(protocol: Protocol, *messages: Reply) -> None:
    protocol.receive(encode(messages))


def enter(protocol: Protocol, **arguments: int) -> tuple[int, object]:
    call = protocol.new_order("EUR/USD", "BUY", "1.1172", "10", **arguments)  # type: ignore[arg-type]
    [frame] = protocol.take_frames()
    [request] = decode_requests(frame)
    assert isinstance(request, NewOrder)
    return request.client_order_id, call


def test_client_order_ids_go_on_from_the_highest_the_account_used(protocol: Protocol) -> None:
    assert [enter(protocol)[0] for _ in range(3)] == [10, 11, 12]
    assert enter(protocol, client_order_id=15)[0] == 15
    assert enter(protocol)[0] == 16


def test_ids_that_another_session_of_the_account_used_are_skipped(protocol: Protocol) -> None:
    hear(protocol, report(EventKind.ACCEPTED, 14, flags=int(EventFlag.BOOK)))
    assert enter(protocol)[0] == 15
    hear(protocol, report(EventKind.CREDENTIALED, 20, account_stream=7))
    assert enter(protocol)[0] == 21


def test_an_id_beyond_the_window_does_not_carry_the_next_ones_along(protocol: Protocol) -> None:
    assert enter(protocol, client_order_id=10**9)[0] == 10**9
    refused = report(
        EventKind.REJECTED, 10**9, side=int(CommandKind.NEW_ORDER), reason=int(RejectReason.CLIENT_ID_TOO_HIGH)
    )
    hear(protocol, refused)
    assert enter(protocol)[0] == 10


ACCEPTED = report(EventKind.ACCEPTED, 10)
PART = report(EventKind.FILL, 10, status=1, leaves_lots=4, cum_lots=6, flags=2, account_stream=7)
WHOLE = report(EventKind.FILL, 10, status=2, leaves_lots=0, cum_lots=10, flags=2, account_stream=7)
RESTED = report(EventKind.RESTED, 10, status=1, leaves_lots=4, cum_lots=6, flags=4, account_stream=8)
CANCELED = report(EventKind.CANCELED, 10, status=4, leaves_lots=0, reason=508, account_stream=7)


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([report(EventKind.ACCEPTED, 10, flags=4)], OrdStatus.NEW),
        ([ACCEPTED, PART, RESTED], OrdStatus.PARTIALLY_FILLED),
        ([ACCEPTED, WHOLE], OrdStatus.FILLED),
        ([ACCEPTED, CANCELED], OrdStatus.CANCELED),
    ],
    ids=lambda case: case.name if isinstance(case, OrdStatus) else "",
)
def test_an_order_is_answered_by_the_report_that_ends_its_command_and_not_before(
    protocol: Protocol, messages: list[ExecutionReport], status: OrdStatus
) -> None:
    call = protocol.new_order("EUR/USD", "BUY", "1.1172", "10")
    for message in messages[:-1]:
        hear(protocol, message)
        assert not call.done
    hear(protocol, messages[-1])
    order = call.result()
    assert (order.status, order.quantity) == (status, "10")
    assert (10 in protocol.account.orders) == order.is_open


def test_a_refused_cancel_fails_the_cancel_and_not_the_order_it_named(protocol: Protocol) -> None:
    order_call = protocol.new_order("EUR/USD", "BUY", "1.1172", "10")
    cancel_call = protocol.cancel(10)
    refused = report(EventKind.REJECTED, 10, side=int(CommandKind.CANCEL), reason=509, request_id=11)
    hear(protocol, refused)
    assert not order_call.done
    with pytest.raises(RequestRejected, match="509"):
        cancel_call.result()


def test_a_gateways_reject_fails_the_call_it_refers_to(protocol: Protocol) -> None:
    order, question = protocol.new_order("EUR/USD", "BUY", "1.1172", "10"), protocol.balances()
    beat = protocol.heartbeat()
    hear(protocol, Reject(212, "no", int(MessageType.BALANCES_REQUEST), 2))
    assert (order.done, question.done, beat.done) == (False, True, False)
    hear(
        protocol, Reject(114, "no", int(MessageType.NEW_ORDER), 10, 7), Reject(113, "no", int(MessageType.HEARTBEAT), 3)
    )
    assert beat.done
    with pytest.raises(RequestRejected, match="114") as limited:
        order.result()
    assert limited.value.retry_ns == 7
    logon = protocol.logon("other")
    hear(protocol, Reject(111, "no", int(MessageType.LOGON), 0))
    with pytest.raises(RequestRejected, match="111"):
        logon.result()


def test_a_reject_that_answers_nothing_is_reported(protocol: Protocol) -> None:
    hear(protocol, Reject(101, "text", 0, 0), Reject(220, "text", int(MessageType.NEW_ORDER), 99))
    assert [type(report) for report in protocol.take_reports()] == [Refusal, Refusal]


def test_a_report_that_was_missed_is_asked_for_before_what_came_after_it_is_handed_out(protocol: Protocol) -> None:
    hear(protocol, report(EventKind.ACCEPTED, 10, flags=4, account_stream=6))
    hear(protocol, report(EventKind.ACCEPTED, 11, flags=4, account_stream=9))
    [asked] = [decode_requests(frame)[0] for frame in protocol.take_frames()]
    assert isinstance(asked, ReplayRequest)
    assert (asked.first_stream, asked.last_stream) == (7, 8)
    assert len(protocol.take_reports()) == 1
    hear(protocol, MoneyReport(7, 50, 9, 0, 0, 5, 1, 1), MoneyReport(8, 50, 9, 0, 0, 5, 1, 1))
    assert len(protocol.take_reports()) == 3
    hear(protocol, Replayed(asked.request_id, 7, 8, 1))
    assert protocol.account.n_missed == 0


def test_reports_are_handed_out_once_in_order(protocol: Protocol) -> None:
    hear(protocol, report(EventKind.ACCEPTED, 10, flags=4), MoneyReport(7, 50, 9, 0, 0, 5_000_000, 1, 1))
    first, second = protocol.take_reports()
    assert isinstance(first, Execution)
    assert isinstance(second, MoneyMovement)
    assert (first.price, second.amount) == ("1.1172", "5.000000")
    assert protocol.take_reports() == []


def test_fees_and_rebates_name_the_currency_they_are_in(protocol: Protocol) -> None:
    cases = [(Side.BUY, 100, "EUR"), (Side.SELL, 100, "USD"), (Side.BUY, -100, "USD"), (Side.SELL, -100, "EUR")]
    for number, (side, fee, _code) in enumerate(cases):
        hear(
            protocol,
            report(EventKind.FILL, 30 + number, side=int(side), fee_units=fee, flags=1, account_stream=6 + number),
        )
    fills = [report for report in protocol.take_reports() if isinstance(report, Execution)]
    assert [fill.fee_currency.code for fill in fills] == [code for *_, code in cases]
    assert [fill.fee for fill in fills] == ["0.000100", "0.000100", "-0.000100", "-0.000100"]


def test_finality_is_found_whether_it_was_heard_before_or_after_the_question(protocol: Protocol) -> None:
    early = protocol.final(45)
    hear(protocol, Settlement(1, 2, "safe", 40, 50, 1))
    assert not early.done, "POSTED is not FINAL"
    hear(protocol, Settlement(1, 3, "safe", 40, 50, 1))
    assert early.result().covers(45)
    assert protocol.final(40).done
    assert protocol.final(50).done
    assert not protocol.final(51).done
    assert not protocol.final(39).done


def test_what_is_sent_fits_the_venues_bounds(protocol: Protocol) -> None:
    for _ in range(2_500):
        protocol.heartbeat()
    for _ in range(40):
        protocol.logon("t" * 4_096)
    frames = list(protocol.take_frames())
    assert all(len(frame) <= REQUEST_BYTES_MAX for frame in frames)
    decoded = [decode_requests(frame) for frame in frames]
    assert all(len(messages) <= REQUEST_MESSAGES_MAX for messages in decoded)
    beats = [m.number for messages in decoded for m in messages if isinstance(m, Heartbeat)]
    assert beats == list(range(2, 2_502))
    assert sum(map(len, decoded)) == 2_540
    assert list(protocol.take_frames()) == []


def test_what_is_not_the_protocol_is_an_error_and_answers_to_nobody_are_ignored(protocol: Protocol) -> None:
    with pytest.raises(ProtocolError):
        protocol.receive(b"junk")
    hear(protocol, HeartbeatAck(99))
    with pytest.raises(ProtocolError, match="connect first"):
        Protocol().new_order("EUR/USD", "BUY", "1.1172", "10")
    other = Protocol()
    other.reference_data()
    with pytest.raises(ProtocolError, match="without its currencies"):
        other.receive(encode([VENUE._replace(request_id=1, currencies=())]))


def test_an_order_shows_its_amounts_as_text(protocol: Protocol) -> None:
    hear(protocol, report(EventKind.ACCEPTED, 10, flags=4))
    order = protocol.account.orders[10]
    assert isinstance(order, Order)
    assert (order.price, order.quantity, order.leaves, order.filled) == ("1.1172", "10", "10", "0")
