"""CURVE over real sockets: who gets through the door, and as whom. Cycles are turned by hand."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import zmq

from fxengine.codes import RejectReason
from fxengine.gateway import connections
from fxengine.gateway.connections import PROBES_PER_CYCLE
from fxengine.gateway.server import LEAVING_NS_MAX
from fxengine.gateway.session import Session, State
from fxengine.messages import Heartbeat, HeartbeatAck, Logon, LogonAck, Reject, Reply
from fxengine.transport import ClientCurve, KeyPair, ServerCurve, write_public
from fxengine.wire import decode_replies, encode
from tests.integration.hand_cycled import ByHand
from tests.integration.venue_thread import WAIT_S

KNOCK = encode([Heartbeat(7)])
SILENCE_CYCLES = 12
"""Cycles of up to 50 ms in which what must not come does not come."""


class Door:
    """A venue with CURVE, and what its dispatcher is handed."""

    def __init__(self, folder: Path) -> None:
        self.server = KeyPair.new()
        self.clients = folder / "clients"
        self.by_hand = ByHand(folder, curve=ServerCurve(self.server, self.clients))
        self.handed: list[str | None] = []
        receive_all = self.by_hand.gateway.dispatcher.receive_all

        def watching(senders: Sequence[bytes], frames: Sequence[bytes], keys: Mapping[bytes, str | None]) -> int:
            self.handed += [keys[sender] for sender in senders]
            return receive_all(senders, frames, keys)

        self.by_hand.gateway.dispatcher.receive_all = watching  # type: ignore[method-assign]

    def curve(self, own: KeyPair | None = None, *, server: str | None = None) -> ClientCurve:
        return ClientCurve(server or self.server.public, own or KeyPair.new())

    def heard(self, line: "zmq.Socket[bytes]") -> list[Reply]:
        """Turn cycles until a frame with a message arrives, and return its messages."""
        while True:
            self.by_hand.turn_until(lambda: line.poll(0))
            messages = decode_replies(line.recv())
            if messages:
                return messages

    def hears_nothing(self, line: "zmq.Socket[bytes]") -> bool:
        for _ in range(SILENCE_CYCLES):
            self.by_hand.gateway.cycle()
        return not line.poll(0)

    def log_on(self, own: KeyPair, token: str) -> tuple[Reply, "zmq.Socket[bytes]"]:
        line = self.by_hand.connect(self.curve(own))
        line.send(encode([_logon(token)]))
        return self.heard(line)[0], line


def _logon(token: str) -> Logon:
    return Logon(token, 1, 1, 0, 0, 0)


@pytest.fixture
def door(short_folder: Path) -> Iterator[Door]:
    opened = Door(short_folder)
    yield opened
    opened.by_hand.close()


def test_a_client_is_heard_under_the_key_it_proved_to_hold(door: Door) -> None:
    own = KeyPair.new()
    line = door.by_hand.connect(door.curve(own))
    line.send(KNOCK)
    assert door.heard(line) == [HeartbeatAck(7)]
    line.send(KNOCK)
    assert door.heard(line) == [HeartbeatAck(7)]
    assert door.handed == [own.public, own.public]


def test_two_clients_are_told_apart_by_their_keys(door: Door) -> None:
    pairs = [KeyPair.new(), KeyPair.new()]
    for pair in pairs:
        line = door.by_hand.connect(door.curve(pair))
        line.send(KNOCK)
        door.heard(line)
    assert door.handed == [pair.public for pair in pairs]


def test_a_plain_client_gets_nothing_through_to_a_curve_venue(door: Door) -> None:
    line = door.by_hand.connect()
    line.send(KNOCK)
    assert door.hears_nothing(line)
    assert door.handed == []


def test_a_client_that_expects_another_venue_sends_it_nothing(door: Door) -> None:
    line = door.by_hand.connect(door.curve(server=KeyPair.new().public))
    line.send(KNOCK)
    assert door.hears_nothing(line)
    assert door.handed == []


def test_a_public_key_without_its_secret_half_is_of_no_use(door: Door) -> None:
    victim, thief = KeyPair.new(), KeyPair.new()
    line = door.by_hand.connect(door.curve(KeyPair(victim.public, thief.secret)))
    line.send(KNOCK)
    assert door.hears_nothing(line)
    assert door.handed == []


def test_a_curve_client_does_not_fall_back_to_a_plain_venue(by_hand: ByHand) -> None:
    line = by_hand.connect(ClientCurve(KeyPair.new().public, KeyPair.new()))
    line.send(KNOCK)
    for _ in range(SILENCE_CYCLES):
        by_hand.gateway.cycle()
    assert not line.poll(0)
    assert by_hand.gateway.dispatcher.sessions == []


def test_a_key_that_a_client_merely_claims_does_not_count(by_hand: ByHand) -> None:
    """ZMTP lets a client send properties of its own, and libzmq keeps ZAP's User-Id in the same place."""
    victim = KeyPair.new()
    handed: list[str | None] = []
    by_hand.gateway.dispatcher.receive_all = lambda senders, frames, keys: (  # type: ignore[method-assign]
        handed.extend(keys[sender] for sender in senders) or len(frames)  # type: ignore[func-returns-value]
    )
    host, port = by_hand.address.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), WAIT_S) as line:
        line.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        properties = {"Socket-Type": "DEALER", "Identity": "", "User-Id": victim.public}
        ready = b"\x05READY" + b"".join(
            bytes([len(name)]) + name.encode() + len(value).to_bytes(4, "big") + value.encode()
            for name, value in properties.items()
        )
        line.sendall(b"\x04" + bytes([len(ready)]) + ready)
        heard = b""
        while b"READY" not in heard:
            heard += line.recv(1_024)
        line.sendall(b"\x00" + bytes([len(KNOCK)]) + KNOCK)
        by_hand.turn_until(lambda: handed)
    assert handed == [None]


def test_only_keys_in_the_folder_may_connect_once_there_is_one(door: Door) -> None:
    listed, other = KeyPair.new(), KeyPair.new()
    door.clients.mkdir()
    write_public(door.clients / "payer-1.pub", listed.public)
    refused = door.by_hand.connect(door.curve(other))
    refused.send(KNOCK)
    welcome = door.by_hand.connect(door.curve(listed))
    welcome.send(KNOCK)
    assert door.heard(welcome) == [HeartbeatAck(7)]
    assert door.hears_nothing(refused)
    assert door.handed == [listed.public]


def test_an_empty_folder_lets_nobody_in(door: Door) -> None:
    door.clients.mkdir()
    line = door.by_hand.connect(door.curve())
    line.send(KNOCK)
    assert door.hears_nothing(line)


def test_a_key_that_leaves_the_folder_loses_its_session_and_is_told_why(door: Door) -> None:
    own = KeyPair.new()
    door.clients.mkdir()
    write_public(door.clients / "payer-1.pub", own.public)
    line = door.by_hand.connect(door.curve(own))
    line.send(KNOCK)
    door.heard(line)
    [session] = door.by_hand.gateway.dispatcher.sessions
    (door.clients / "payer-1.pub").unlink()
    door.by_hand.clock.advance(1)
    door.by_hand.turn_until(lambda: not door.by_hand.gateway.dispatcher.sessions)
    assert session.state is State.CLOSED
    line.send(KNOCK)
    [told] = door.heard(line)
    assert isinstance(told, Reject)
    assert told.reason == RejectReason.CLIENT_KEY_MISMATCH
    assert door.handed == [own.public]
    write_public(door.clients / "payer-1.pub", own.public)
    door.by_hand.clock.advance(1)
    door.by_hand.gateway.cycle()
    line.send(KNOCK)
    assert door.heard(line) == [HeartbeatAck(7)], "and it is welcome again when it is listed again"


def test_market_data_takes_curve_connections_alone(door: Door) -> None:
    def subscriber(curve: ClientCurve | None) -> "zmq.Socket[bytes]":
        line = door.by_hand.context.socket(zmq.SUB)
        if curve is not None:
            curve.protect(line)
        line.connect(door.by_hand.market_data_address)
        line.subscribe(b"")
        door.by_hand.sockets.append(line)
        return line

    plain = subscriber(None)
    wrong = subscriber(door.curve(server=KeyPair.new().public))
    right = subscriber(door.curve())
    market = door.by_hand.gateway.dispatcher.market

    def published() -> bool:
        door.by_hand.gateway.dispatcher.publications.append((b"l2.EUR/USD", b"x"))
        return bool(right.poll(0))

    assert market is not None
    door.by_hand.turn_until(published)
    for _ in range(SILENCE_CYCLES):
        published()
        door.by_hand.gateway.cycle()
    assert not plain.poll(0)
    assert not wrong.poll(0)


# -- tokens bound to keys


def test_a_token_is_good_with_the_key_it_names(door: Door) -> None:
    own = KeyPair.new()
    answer, _ = door.log_on(own, door.by_hand.token("payer-1", client_key=own.public))
    assert isinstance(answer, LogonAck)


@pytest.mark.parametrize("names", ["nobody's key", "another's key"])
def test_a_token_that_names_another_key_or_none_is_refused_on_a_curve_line(door: Door, names: str) -> None:
    bound_to = "" if names == "nobody's key" else KeyPair.new().public
    answer, _ = door.log_on(KeyPair.new(), door.by_hand.token("payer-1", client_key=bound_to))
    assert isinstance(answer, Reject)
    assert answer.reason == RejectReason.CLIENT_KEY_MISMATCH
    assert door.by_hand.engine.directory.account(door.by_hand.kyc.issuer, "payer-1") is None


def test_a_token_that_names_a_key_is_refused_on_a_plain_line(by_hand: ByHand) -> None:
    line = by_hand.connect()
    line.send(encode([_logon(by_hand.token("payer-1", client_key=KeyPair.new().public))]))
    by_hand.turn_until(lambda: line.poll(0))
    [answer] = decode_replies(line.recv())
    assert isinstance(answer, Reject)
    assert answer.reason == RejectReason.CLIENT_KEY_MISMATCH


def test_a_key_is_judged_anew_when_its_owner_logs_on_again(door: Door) -> None:
    own, other = KeyPair.new(), KeyPair.new()
    _, line = door.log_on(own, door.by_hand.token("payer-1", client_key=own.public))
    line.send(encode([_logon(door.by_hand.token("payer-1", client_key=other.public))]))
    [answer] = door.heard(line)
    assert isinstance(answer, Reject)
    assert answer.reason == RejectReason.CLIENT_KEY_MISMATCH


# -- lost connections


def _met(by_hand: ByHand) -> tuple["zmq.Socket[bytes]", Session]:
    before = set(by_hand.gateway.dispatcher.sessions)
    line = by_hand.connect()
    line.send(KNOCK)
    by_hand.turn_until(lambda: line.poll(0))
    line.recv()
    [session] = set(by_hand.gateway.dispatcher.sessions) - before
    return line, session


def test_a_closed_connection_is_noticed_at_once_and_no_other_is_touched(by_hand: ByHand) -> None:
    lost: list[bytes] = []
    disconnected = by_hand.gateway.dispatcher.disconnected

    def watching(identity: bytes) -> None:
        lost.append(identity)
        disconnected(identity)

    by_hand.gateway.dispatcher.disconnected = watching  # type: ignore[method-assign]
    (leaving, gone), (staying, here) = _met(by_hand), _met(by_hand)
    leaving.close(linger=0)
    by_hand.turn_until(lambda: lost)  # the clock stands still: no round of probes finds it
    assert lost == [gone.identity]
    assert by_hand.gateway.dispatcher.sessions == [here]
    staying.send(KNOCK)
    by_hand.turn_until(lambda: staying.poll(0))


def test_what_was_sent_before_the_connection_closed_is_taken_first(by_hand: ByHand) -> None:
    order: list[str] = []
    dispatcher = by_hand.gateway.dispatcher
    receive_all, disconnected = dispatcher.receive_all, dispatcher.disconnected
    line, session = _met(by_hand)
    dispatcher.receive_all = lambda senders, frames, keys: (  # type: ignore[method-assign]
        order.extend(["mail"] * len(frames)) or receive_all(senders, frames, keys)  # type: ignore[func-returns-value]
    )
    dispatcher.disconnected = lambda identity: (  # type: ignore[method-assign]
        order.append("gone") or disconnected(identity)  # type: ignore[func-returns-value]
    )
    for _ in range(20):
        line.send(KNOCK)
    line.close(linger=1_000)
    by_hand.turn_until(lambda: "gone" in order)
    assert order[:21] == ["mail"] * 20 + ["gone"]
    assert "mail" not in order[21:]
    assert session.state is State.CLOSED


class OneDescriptor:
    """A frame of a kernel that gives every connection the same number, as it may to one after the other."""

    def __init__(self, frame: zmq.Frame) -> None:
        self._frame = frame

    def get(self, option: int | str) -> object:
        return 7 if option == zmq.SRCFD else self._frame.get(option)


def test_a_connection_that_inherits_a_file_descriptor_is_not_taken_for_the_one_that_is_gone(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = by_hand.gateway._connections
    meet, read = watched.meet, connections.recv_monitor_message
    monkeypatch.setattr(watched, "meet", lambda routing_id, frame: meet(routing_id, OneDescriptor(frame)))  # type: ignore[arg-type]
    monkeypatch.setattr(connections, "recv_monitor_message", lambda monitor: {**read(monitor), "value": 7})
    for _ in range(20):
        line, session = _met(by_hand)
        line.close(linger=0)
        heir = by_hand.connect()
        heir.send(KNOCK)
        by_hand.await_mail()  # it speaks before the gateway has heard that the other is gone
        by_hand.turn_until(lambda session=session: session.state is State.CLOSED)  # type: ignore[misc]
        by_hand.turn_until(lambda heir=heir: heir.poll(0))  # type: ignore[misc]
        [living] = by_hand.gateway.dispatcher.sessions
        assert watched._fd_of[living.identity] == 7
        heir.close(linger=0)
        by_hand.turn_until(lambda: not by_hand.gateway.dispatcher.sessions)


def test_what_the_monitor_missed_is_found_by_the_round_of_probes(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand.gateway._connections, "take_hints", lambda: None)
    sockets = [_met(by_hand)[0] for _ in range(PROBES_PER_CYCLE + 5)]
    for line in sockets:
        line.close(linger=0)

    def all_found() -> bool:
        by_hand.clock.advance(1)
        return not by_hand.gateway.dispatcher.sessions

    by_hand.turn_until(all_found)
    assert by_hand.gateway._connections.keys == {}


def test_nothing_is_kept_of_connections_that_are_gone(by_hand: ByHand) -> None:
    for _ in range(20):
        line, _ = _met(by_hand)
        line.close(linger=0)
    connections = by_hand.gateway._connections
    by_hand.turn_until(lambda: not connections.keys)
    assert not connections.has_suspects
    assert not connections._by_fd
    assert not connections._fd_of


def test_a_session_that_cannot_even_be_told_why_it_ends_is_forgotten_after_a_while(
    by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = by_hand.gateway
    _, session = _met(by_hand)
    monkeypatch.setattr(gateway, "_send", lambda routing_id, frame: False)  # there is never room
    gateway.dispatcher._delivery.send_last(session, Reject(int(RejectReason.SLOW_READER), "", 0, 0, 0))
    gateway.cycle()
    by_hand.clock.now_ns += LEAVING_NS_MAX - 1
    gateway.cycle()
    assert gateway.dispatcher.sessions == [session]
    by_hand.clock.now_ns += 1
    gateway.cycle()
    assert gateway.dispatcher.sessions == []
