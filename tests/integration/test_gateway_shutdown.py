"""Stopping and starting a venue: what was taken is seen through, what was not is told so, nothing is lost."""

from pathlib import Path

import pytest
import zmq

from fxengine.client import SettlementNotice
from fxengine.codes import RejectReason, Side
from fxengine.errors import VenueError
from fxengine.gateway import Stop, run_venue
from fxengine.messages import Heartbeat, LogonAck, MessageType, Reject, Reply
from fxengine.wire import decode_replies, encode
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand
from tests.integration.venue_thread import WAIT_S, RunningVenue, running_venue


def test_what_was_traded_is_settled_and_told_before_the_venue_closes(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        taken = payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        served.end()
        assert served.fault is None
        for client in (maker, payer):
            notices = [report for report in client.poll(WAIT_S) if isinstance(report, SettlementNotice)]
            assert any(notice.covers(taken.sequence) for notice in notices)


def heard(socket: "zmq.Socket[bytes]") -> list[Reply]:
    """Return the next messages; an empty frame only asks whether somebody is there."""
    messages: list[Reply] = []
    while not messages:
        messages = decode_replies(socket.recv())
    return messages


def test_what_the_closing_venue_did_not_take_is_refused_as_such(by_hand: ByHand) -> None:
    socket, _ = by_hand.log_on("maker-1")
    sequence = by_hand.engine.core.sequence
    socket.send(encode([limit_order(1), Heartbeat(2), logon("x")]))
    by_hand.await_mail()
    by_hand.gateway.finish()
    replies = heard(socket)
    assert [(m.reason, m.ref_type, m.ref_id) for m in replies if isinstance(m, Reject)] == [
        (RejectReason.SHUTTING_DOWN, MessageType.NEW_ORDER, 1),
        (RejectReason.SHUTTING_DOWN, MessageType.HEARTBEAT, 2),
        (RejectReason.SHUTTING_DOWN, MessageType.LOGON, 0),
    ]
    assert by_hand.engine.core.sequence == sequence, "and was not done"


def test_what_waits_behind_a_logon_when_the_venue_closes_is_refused_too(by_hand: ByHand) -> None:
    socket = by_hand.connect()
    socket.send(encode([logon(by_hand.token("maker-1")), limit_order(1)]))
    by_hand.await_mail()
    by_hand.gateway.take_mail()
    by_hand.gateway.finish()
    replies = heard(socket)
    assert isinstance(replies[0], LogonAck)
    assert [m.reason for m in replies if isinstance(m, Reject)] == [RejectReason.SHUTTING_DOWN]


def test_a_venue_started_again_has_its_accounts_orders_and_books(short_folder: Path) -> None:
    with running_venue(short_folder) as first:
        with first.funded("maker-1") as maker:
            order = maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
            before = maker.balances()
        first.end()
        with running_venue(short_folder) as second, second.client("maker-1") as maker:
            assert second.ready is not None
            assert first.ready is not None
            assert second.ready.n_orders == 1
            assert maker.balances() == before
            assert maker.book("EUR/USD").levels(Side.SELL) == [("1.1172", "1000")]
            again = maker.new_order("EUR/USD", "SELL", "1.1172", "1000", client_order_id=order.client_order_id)
            assert (again.order_id, again.leaves) == (order.order_id, "1000")
            assert maker.cancel(again).leaves == "0"
            replica = maker.subscribe("EUR/USD")
            assert replica.levels(Side.SELL) == []


def test_an_address_that_others_can_reach_is_refused_before_anything_is_opened(short_folder: Path) -> None:
    stop = Stop()
    with running_venue(short_folder) as venue:
        with pytest.raises(VenueError, match="CURVE"):
            run_venue(
                venue.venue,
                short_folder / "elsewhere",
                order_address="tcp://0.0.0.0:5555",
                market_data_address="tcp://127.0.0.1:*",
                stop=stop,
            )
        assert not (short_folder / "elsewhere").exists()
    stop.close()


def test_the_data_directory_is_the_operators_alone(served: RunningVenue) -> None:
    assert (served.folder / "data").stat().st_mode & 0o077 == 0
