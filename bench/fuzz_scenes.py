"""Refusals that no single frame brings about: one scene for each, played at the fuzzer's venue.

A scene opens a seat of its own, provokes its refusal, and returns the reasons that it heard.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from bench.fuzz_venue import FuzzVenue, Seat
from fxengine.codes import CommandKind, OrdType, RejectReason, Side, TimeInForce
from fxengine.messages import (
    BalancesRequest,
    Heartbeat,
    Logon,
    MassCancel,
    NewOrder,
    Reject,
    ReplayRequest,
    Reply,
    VenueRequest,
)
from fxengine.records import ALL_INSTRUMENTS, NEW_ORDER
from fxengine.wire import REQUEST_MESSAGES_MAX, command_frame, encode

Reasons = list[RejectReason]
Scene = Callable[[FuzzVenue], Reasons]
_HEARTBEAT_MS: Final = 400
_STEP_NS: Final = 100_000_000


def _reasons(heard: list[Reply]) -> Reasons:
    return [RejectReason(message.reason) for message in heard if isinstance(message, Reject)]


def not_logged_on(venue: FuzzVenue) -> Reasons:
    """Ask for something before a LOGON."""
    return _reasons(venue.seat().say(BalancesRequest(1)))


def already_logged_on(venue: FuzzVenue) -> Reasons:
    """Log on as somebody else in the middle of a session."""
    seat = venue.seat()
    seat.log_on(venue.token("scene-1"))
    return _reasons(seat.say(Logon(venue.token("scene-2"))))


def unknown_command(venue: FuzzVenue) -> Reasons:
    """Send an operator's command as a record."""
    seat = venue.seat()
    seat.log_on(venue.token("scene-1"))
    record = np.zeros(1, NEW_ORDER)
    record["kind"], record["n_records"] = CommandKind.DEPOSIT, 1
    return _reasons(seat.send(command_frame(record.tobytes())))


def rate_limited(venue: FuzzVenue) -> Reasons:
    """Ask more at once than a payer may; the hint must tell when the same would pass."""
    seat = venue.seat()
    seat.log_on(venue.token("scene-3", level="payer"))
    heard: list[Reply] = []
    while not any(isinstance(message, Reject) for message in heard):
        heard = seat.say(*[BalancesRequest(number) for number in range(REQUEST_MESSAGES_MAX)])
    first = next(message for message in heard if isinstance(message, Reject))
    assert first.retry_ns > 0, first
    venue.clock.now_ns += first.retry_ns
    assert not _reasons(seat.say(BalancesRequest(1))), "the hint was too short"
    return _reasons(heard)


def session_silent(venue: FuzzVenue) -> Reasons:
    """Promise heartbeats, and send none."""
    seat = venue.seat()
    seat.log_on(venue.token("scene-1"), heartbeat_ms=_HEARTBEAT_MS)
    for _ in range(2 * _HEARTBEAT_MS * 1_000_000 // _STEP_NS + 2):
        venue.clock.now_ns += _STEP_NS
        heard = venue.turn().get(seat.identity, [])
        if heard:
            return _reasons(heard)
    return []


def slow_reader(venue: FuzzVenue) -> Reasons:
    """Ask for much, and read none of it."""
    seat = venue.seat()
    seat.log_on(venue.token("scene-1"))
    questions = encode([VenueRequest(number) for number in range(REQUEST_MESSAGES_MAX)])
    while True:
        venue.dispatcher.receive_all([seat.identity], [questions], {seat.identity: None})
        session = next(s for s in venue.dispatcher.sessions if s.identity == seat.identity)
        if session.outbox.overflowed:
            return _reasons(venue.deliver()[seat.identity])


def history_gone(venue: FuzzVenue) -> Reasons:
    """Trade until the venue has let go of the first reports, then ask for them."""
    seat = venue.seat()
    ack = seat.log_on(venue.token("scene-4"))
    venue.fund(ack.account)
    number = ack.client_id_highest
    while not (heard := _ask_for_the_first(seat)):
        for _ in range(4):
            orders = []
            for _ in range(REQUEST_MESSAGES_MAX - 1):
                number += 1
                orders.append(_order(number))
            number += 1
            seat.say(*orders, MassCancel(number, ALL_INSTRUMENTS, 0, 0))
            venue.clock.now_ns += _STEP_NS
    return heard


def _ask_for_the_first(seat: Seat) -> Reasons:
    return _reasons(seat.say(ReplayRequest(1, 1, 1)) + seat.say(Heartbeat(1)))


def _order(number: int) -> NewOrder:
    return NewOrder(number, 0, int(Side.BUY), int(OrdType.LIMIT), int(TimeInForce.GTC), 0, 0, 50_000, 1)


def shut_down(venue: FuzzVenue) -> Reasons:
    """Close the venue; whoever speaks then is told. The last scene there can be."""
    before = venue.engine.core.state_hash()
    venue.dispatcher.close()
    seat = venue.seat()
    heard = _reasons(seat.say(Logon(venue.token("scene-1")), BalancesRequest(1)))
    assert venue.engine.core.state_hash() == before
    return heard


SCENES: Final[tuple[Scene, ...]] = (
    not_logged_on, already_logged_on, unknown_command, rate_limited, session_silent, slow_reader, history_gone,
)  # fmt: skip
