"""The gateway's cycle turned by hand: what it keeps of connections, and who it takes a frame to be from."""

import pytest

from fxengine.errors import VenueError
from fxengine.gateway import Gateway, Stop
from fxengine.gateway.marketdata import DisplayedBook
from fxengine.gateway.session import State
from fxengine.messages import BookRequest, ExecutionReport, Heartbeat
from fxengine.wire import decode_replies, encode
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand


def test_a_message_of_three_frames_does_not_act_for_the_victim_it_names(by_hand: ByHand) -> None:
    _, victim = by_hand.log_on("maker-1")
    attacker, own = by_hand.log_on("payer-1")
    before = by_hand.engine.n_submitted
    order = encode([limit_order(1)])
    for forged in (
        [victim.identity, order],
        [b"", order],
        [victim.identity, victim.identity, order, order],
        [b"", b""],
    ):
        attacker.send_multipart(forged)
    attacker.send(encode([Heartbeat(1)]))
    by_hand.turn_until(lambda: attacker.poll(0))
    assert by_hand.engine.n_submitted == before
    assert own.state is victim.state is State.ACTIVE
    assert set(by_hand.gateway.dispatcher.sessions) == {own, victim}


def test_an_order_in_one_frame_is_the_senders_own(by_hand: ByHand) -> None:
    attacker, own = by_hand.log_on("payer-1")
    before = by_hand.engine.n_submitted
    attacker.send(encode([limit_order(1)]))
    by_hand.turn_until(lambda: attacker.poll(0))
    assert by_hand.engine.n_submitted == before + 1
    assert own.account == 2


def test_all_that_arrived_is_submitted_as_one_batch(by_hand: ByHand) -> None:
    sockets = [by_hand.log_on(f"maker-{n}")[0] for n in range(3)]
    by_hand.engine.n_batches = 0
    for number in range(1, 31):
        for socket in sockets:
            socket.send(encode([limit_order(number)]))
    frames: list[bytes] = []
    refused: list[ExecutionReport] = []

    def all_answered() -> bool:
        new = [socket.recv() for socket in sockets if socket.poll(0)]
        frames.extend(new)
        refused.extend(
            m for frame in new for m in decode_replies(frame) if isinstance(m, ExecutionReport) and m.exec_type == 2
        )
        return len(refused) == 90

    by_hand.turn_until(all_answered)
    assert by_hand.engine.n_batches < 45, "90 orders of three sessions, far fewer batches"
    assert len(frames) < 60, "one frame per session and cycle"


def test_a_session_whose_connection_is_gone_is_forgotten(by_hand: ByHand) -> None:
    leaving, gone = by_hand.log_on("payer-1")
    _, staying = by_hand.log_on("maker-1")
    leaving.close(linger=0)

    def forgotten() -> bool:
        by_hand.clock.advance(6)
        return gone not in by_hand.gateway.dispatcher.sessions

    by_hand.turn_until(forgotten)
    assert by_hand.gateway.dispatcher.sessions == [staying]
    assert gone.state is State.CLOSED


def test_connections_that_never_log_on_are_bounded(by_hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxengine.gateway.presence.SESSIONS_MAX", 2)
    sockets = [by_hand.connect() for _ in range(3)]
    for socket in sockets:
        socket.send(encode([Heartbeat(1)]))
        by_hand.turn_until(lambda socket=socket: socket.poll(0))  # type: ignore[misc]
    assert len(by_hand.gateway.dispatcher.sessions) == 2


def test_an_address_that_is_taken_is_refused_by_name(by_hand: ByHand) -> None:
    stop = Stop()
    second = Gateway(by_hand.engine, by_hand.settlement, by_hand.gateway.dispatcher.venue, stop)
    with pytest.raises(VenueError, match="cannot be bound"):
        second.bind(by_hand.address, "tcp://127.0.0.1:*")
    second.close()
    stop.close()


def test_a_session_dropped_while_its_logon_is_under_way_leaves_nothing_behind(by_hand: ByHand) -> None:
    dispatcher = by_hand.gateway.dispatcher
    dispatcher.receive_all([b"\0gone"], [encode([logon(by_hand.token("payer-1"))])], {b"\0gone": None})
    [session] = dispatcher.sessions
    dispatcher.submit()
    dispatcher.drop(session)
    by_hand.engine.pump()
    assert by_hand.engine.directory.account(by_hand.kyc.issuer, "payer-1") == 2, "the core did take it"
    assert dispatcher.sessions == []
    assert list(dispatcher._presence.audience) == []


def test_a_deep_book_counts_as_several_messages_of_its_cycle(by_hand: ByHand) -> None:
    _, session = by_hand.log_on("payer-1")
    senders, keys = [session.identity], {session.identity: None}
    receive_all = by_hand.gateway.dispatcher.receive_all
    assert receive_all(senders, [encode([Heartbeat(1), BookRequest(1, 0, 5)])], keys) == 2
    assert receive_all(senders, [encode([BookRequest(2, 0, 5_000)] * 3)], keys) == 3 * (1 + 5_000 // 64)


@pytest.mark.parametrize("reader", ["reads", "does not read", "is gone"])
def test_books_are_made_only_for_who_can_still_be_sent_them(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    made: list[int] = []
    make = DisplayedBook.snapshot

    def counting(book: DisplayedBook, request_id: int, depth: int) -> bytes:
        made.append(request_id)
        return make(book, request_id, depth)

    monkeypatch.setattr(DisplayedBook, "snapshot", counting)
    _, session = by_hand.log_on("payer-1")
    dispatcher = by_hand.gateway.dispatcher
    questions = encode([BookRequest(n, 0, 5_000) for n in range(3)])
    dispatcher.receive_all([session.identity], [questions], {session.identity: None})
    if reader == "does not read":
        session.outbox.overflowed = True
    elif reader == "is gone":
        dispatcher.drop(session)
    dispatcher.submit()
    by_hand.engine.pump()
    assert made == ([0, 1, 2] if reader == "reads" else [])
