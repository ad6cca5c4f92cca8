"""An account that asks too much is told when to ask again, keeps its way out, and costs nobody else anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.codes import RejectReason
from fxengine.messages import (
    BalancesRequest,
    Cancel,
    DeadMan,
    ExecutionReport,
    Heartbeat,
    MassCancel,
    MassQuote,
    MessageType,
    Reject,
    Swap,
    SwapQuote,
    SwapQuoteRequest,
)
from fxengine.wire import command_frame, encode
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand
from tests.integration.test_gateway_sessions import cancel_record, order_record
from tests.integration.trading_desk import Desk, Line
from tests.integration.venue_thread import SECOND_NS

BURST, PER_S = 1_000, 100
"""Of the level retail, as ``make_venue`` sets it."""
MS = 1_000_000


@pytest.fixture
def desk(by_hand: ByHand) -> Desk:
    return Desk(by_hand)


@pytest.fixture
def routing_desk(short_folder: Path) -> Iterator[Desk]:
    """A venue whose swaps and quotes cost 9 each: 1, and 256 fills / 32."""
    by_hand = ByHand(short_folder, max_fills=256)
    yield Desk(by_hand)
    by_hand.close()


def retail(desk: Desk, subject: str) -> Line:
    token = desk.by_hand.kyc.token(
        subject,
        venue_id="fx-test",
        level="retail",
        jurisdiction="HK",
        currencies=("EUR", "USD"),
        issued_at_ns=desk.by_hand.clock(),
        lifetime_s=3_600,
    )
    return desk.line(subject, token=token)


def spend(line: Line, left: int = 0) -> None:
    """Ask questions until so much is left of the burst."""
    questions = [BalancesRequest(number) for number in range(1, BURST - left + 1)]
    line.say(*questions)
    line.reports()


def test_what_exceeds_the_rate_is_refused_with_the_time_to_wait_and_passes_after_it(desk: Desk) -> None:
    line = retail(desk, "payer-1")
    spend(line)
    sequence = desk.core.sequence
    line.say(limit_order(5))
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_type, reject.ref_id) == (RejectReason.RATE_LIMITED, MessageType.NEW_ORDER, 5)
    assert reject.retry_ns == 1_000 * MS // PER_S
    assert desk.core.sequence == sequence, "nothing was done"
    desk.by_hand.clock.now_ns += reject.retry_ns
    line.say(limit_order(5))
    assert line.hear(ExecutionReport)[0].client_order_id == 5


def test_a_question_a_command_and_a_frame_cost_what_they_carry(desk: Desk) -> None:
    line = retail(desk, "payer-1")
    spend(line, left=10)
    levels = (9_000, 1) * 20
    line.say(MassQuote(1, ((0, levels, ()),)))  # a head and 21 units of 16 bytes: 7 records
    line.socket.send(command_frame(b"".join(order_record(number).tobytes() for number in range(2, 6))))
    refused = line.hear(Reject)
    assert [(reject.reason, reject.retry_ns) for reject in refused] == [(RejectReason.RATE_LIMITED, 10 * MS)]
    assert desk.core.sequence == 3, "two logons and the quote: of the frame nothing was taken"
    line.say(BalancesRequest(1), BalancesRequest(2), BalancesRequest(3), BalancesRequest(4))
    assert [reject.ref_id for reject in line.hear(Reject)] == [4]


def swap_and_quote(number: int) -> tuple[Swap, SwapQuoteRequest]:
    """Return a swap that no book has an order for, and the question for it."""
    terms = {"currency_in": 0, "currency_out": 1, "mode": 1, "amount_units": 100, "bound_units": 1, "payee": 0}
    return Swap(number, **terms, deadline_ns=0), SwapQuoteRequest(number, **terms, flags=0, worst_units=0)


def test_a_swap_and_its_quote_cost_what_routing_may_come_to_whatever_comes_of_them(routing_desk: Desk) -> None:
    line = retail(routing_desk, "payer-1")
    spend(line, left=26)
    line.say(*swap_and_quote(1))
    assert [quote.reason for quote in line.hear(SwapQuote)] == [RejectReason.INSUFFICIENT_LIQUIDITY]
    line.say(*swap_and_quote(2))
    assert [(r.reason, r.ref_type, r.ref_id, r.retry_ns) for r in line.hear(Reject, 2)] == [
        (RejectReason.RATE_LIMITED, MessageType.SWAP, 2, 10 * MS),
        (RejectReason.RATE_LIMITED, MessageType.SWAP_QUOTE_REQUEST, 2, 10 * MS),
    ]


def test_they_count_as_much_towards_what_one_cycle_takes(routing_desk: Desk) -> None:
    line, dispatcher = routing_desk.line("payer-1"), routing_desk.by_hand.gateway.dispatcher
    sender = line.session.identity
    for message in swap_and_quote(1):
        assert dispatcher.receive_all([sender], [encode([message])], {sender: None}) == 9


def test_who_may_send_no_more_may_still_cancel_and_say_that_he_is_there(desk: Desk) -> None:
    line = retail(desk, "payer-1")
    spend(line)
    sequence = desk.core.sequence
    line.say(Cancel(1, 0, 7), MassCancel(2, 65_535, 0, 0), DeadMan(0), Heartbeat(3))
    line.socket.send(command_frame(cancel_record(4, 7).tobytes()))
    desk.by_hand.turn_until(lambda: desk.core.sequence == sequence + 4)
    line.reports()
    line.socket.send(command_frame(cancel_record(5, 7).tobytes() + order_record(6).tobytes()))
    assert line.refusal() is RejectReason.RATE_LIMITED, "a frame with an order in it is no way out"


def test_the_way_out_has_a_rate_too(desk: Desk) -> None:
    line = retail(desk, "payer-1")
    for n in (1_000, 1_001):
        line.say(*(Heartbeat(number) for number in range(n)))
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_type) == (RejectReason.RATE_LIMITED, MessageType.HEARTBEAT)


def test_a_logon_costs_a_hundred_times_as_much(desk: Desk) -> None:
    line = retail(desk, "payer-1")
    token = desk.by_hand.kyc.token(
        "payer-1",
        venue_id="fx-test",
        level="retail",
        jurisdiction="HK",
        currencies=("EUR",),
        issued_at_ns=desk.by_hand.clock(),
        lifetime_s=3_600,
    )
    line.say(*[logon(token)] * 21)
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_type) == (RejectReason.RATE_LIMITED, MessageType.LOGON)
    assert reject.retry_ns == 100 * SECOND_NS // (2 * PER_S)


def test_all_sessions_of_an_account_share_its_rate_and_a_new_session_brings_no_more(desk: Desk) -> None:
    first, second = retail(desk, "payer-1"), retail(desk, "payer-1")
    spend(first)
    second.say(BalancesRequest(1))
    assert second.refusal() is RejectReason.RATE_LIMITED
    first.lose()
    third = retail(desk, "payer-1")
    third.say(BalancesRequest(1))
    assert third.refusal() is RejectReason.RATE_LIMITED
    other = retail(desk, "payer-2")
    other.say(BalancesRequest(1), limit_order(1))
    assert other.hear(ExecutionReport)[0].reason == RejectReason.INSUFFICIENT_FUNDS, "another account has its own"


def test_a_stranger_has_few_tries(desk: Desk) -> None:
    socket = desk.by_hand.connect()
    socket.send(encode([logon("x")] * 11))
    reasons: list[int] = []
    while len(reasons) < 11:
        reasons += [message.reason for message in desk.by_hand.hear(socket) if isinstance(message, Reject)]
    assert reasons == [RejectReason.TOKEN_MALFORMED] * 3 + [RejectReason.NOT_LOGGED_ON] * 8, "three close the session"
    patient = desk.by_hand.connect()
    for n in (1_001, 1_000):
        patient.send(encode([Heartbeat(number) for number in range(n)]))
    answered = 0
    limited: list[Reject] = []
    while answered + len(limited) < 2_001:
        for message in desk.by_hand.hear(patient):
            limited += [message] if isinstance(message, Reject) else []
            answered += not isinstance(message, Reject)
    assert answered == 2_000
    assert [reject.reason for reject in limited] == [RejectReason.RATE_LIMITED]
