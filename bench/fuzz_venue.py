"""A venue without sockets for the fuzzer: engine and dispatcher in this process, and a clock it moves.

What the fuzzer watches is here too: a bystander with open orders and money, whose stream, orders and
balances nobody else's frame may touch, and the core's state, which no malformed frame may change.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fxengine.codes import EventKind, OrdType, Side, TimeInForce
from fxengine.engine import Durability, Engine
from fxengine.gateway.dispatch import Dispatcher
from fxengine.gateway.session import State
from fxengine.messages import (
    Cancel,
    Deposit,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    NewOrder,
    Reply,
)
from fxengine.sandbox import SigningKey, create_key
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue
from fxengine.wire import decode_replies, encode, is_record_frame, read_event_frame

START_NS: Final = 1_790_000_000 * 10**9
LIFETIME_S: Final = 10**9
_STEP_NS: Final = 10_000_000
_UNITS: Final = 10**12


def sandbox_venue(issuer: SigningKey, operator: SigningKey) -> Venue:
    """Return the demo's venue with these issuers, no custodian to watch, and little memory for reports."""
    text = (files("fxengine.demo") / "venue.toml").read_text(encoding="utf-8")
    for mark, key in (("@SANDBOX_KEY@", issuer), ("@OPERATOR_KEY@", operator), ("@CUSTODIAN_KEY@", operator)):
        text = text.replace(mark, key.public_text)
    return replace(parse_venue(text.replace("history_bytes = 268_435_456", "history_bytes = 1_048_576")), custodians={})


def vouch(key: SigningKey, venue: Venue, subject: str, *, level: str = "maker", issued_at_ns: int | None = None) -> str:
    """Sign a token for an account that may hold everything; issued now unless it is said when."""
    return key.token(
        subject, venue_id=venue.id, level=level, jurisdiction="HK", currencies=list(venue.currency),
        issued_at_ns=time.time_ns() if issued_at_ns is None else issued_at_ns, lifetime_s=LIFETIME_S,
    )  # fmt: skip


class Clock:
    """Nanoseconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


class Seat:
    """One connection, and what was sent to it."""

    def __init__(self, venue: "FuzzVenue", identity: bytes, client_key: str | None) -> None:
        self.identity = identity
        self.has_spoken = False
        self._venue, self._client_key = venue, client_key

    def send(self, frame: bytes) -> list[Reply]:
        """Hand in a frame; return what was answered at once, before any command of it is carried out."""
        self.has_spoken = True
        self._venue.dispatcher.receive_all([self.identity], [frame], {self.identity: self._client_key})
        return self._venue.deliver().get(self.identity, [])

    def say(self, *messages: tuple[Any, ...]) -> list[Reply]:
        """Send messages in one frame, see them through, and return all that was said to this seat."""
        heard = self.send(encode(messages))
        return heard + self._venue.turn().get(self.identity, [])

    def log_on(self, token: str, **options: int) -> LogonAck:
        """Log on; return the acknowledgement, or raise AssertionError with what came instead."""
        heard = self.say(Logon(token, **options))
        acks = [message for message in heard if isinstance(message, LogonAck)]
        assert acks, heard
        return acks[0]

    @property
    def is_closed(self) -> bool:
        """Say whether the venue has closed the session or forgotten it."""
        sessions = self._venue.dispatcher.sessions
        mine = [s for s in sessions if s.identity == self.identity and s.state is not State.CLOSED]
        return self.has_spoken and not mine

    def leave(self) -> None:
        """Cut the connection."""
        self._venue.dispatcher.disconnected(self.identity)


class FuzzVenue:
    """Engine and dispatcher, and seats at it."""

    def __init__(self, folder: Path, durability: Durability = Durability.NONE) -> None:
        self.clock = Clock()
        self.issuer = create_key(folder / "keys", "sandbox", "sandbox-1")
        self.operator_issuer = create_key(folder / "keys", "operator", "operator-1")
        self.venue = sandbox_venue(self.issuer, self.operator_issuer)
        self.engine = Engine(self.venue, folder, durability=durability, clock_ns=self.clock)
        self.dispatcher = Dispatcher(self.engine, self.venue)
        self.engine.attach(self.dispatcher.on_released)
        self.engine.start()
        self.dispatcher.open()
        self._n_seats = 0
        self._operator_id = 0
        self._operator = self.seat()
        self._operator.log_on(self.token("operator-1", level="operator"))

    def seat(self, client_key: str | None = None) -> Seat:
        """Open a connection, as a ROUTER would number it."""
        self._n_seats += 1
        return Seat(self, b"\0" + self._n_seats.to_bytes(4, "big"), client_key)

    def token(self, subject: str, *, level: str = "maker") -> str:
        """Let an issuer vouch for an account."""
        own = self.operator_issuer if level == "operator" else self.issuer
        return vouch(own, self.venue, subject, level=level, issued_at_ns=self.clock())

    def operate(self, *messages: tuple[Any, ...]) -> list[Reply]:
        """Send an operator's commands, each made with the operator's next id as its first field."""
        numbered = []
        for message in messages:
            self._operator_id += 1
            numbered.append(message._replace(client_order_id=self._operator_id))  # type: ignore[attr-defined]
        return self._operator.say(*numbered)

    def fund(self, account: int) -> None:
        """Give an account money in every currency."""
        self.operate(*(Deposit(0, account, currency.index, _UNITS) for currency in self.venue.currencies))

    def turn(self) -> dict[bytes, list[Reply]]:
        """Run one cycle as the server does; return what was said to each seat. Time goes on a little."""
        self.clock.now_ns += _STEP_NS
        self.dispatcher.submit()
        self.engine.tick()
        self.engine.pump()
        self.dispatcher.do_what_is_due(self.clock())
        self.dispatcher.publications.clear()
        return self.deliver()

    def deliver(self) -> dict[bytes, list[Reply]]:
        """Take what is in the outboxes, as the sockets would; return it by seat."""
        said: dict[bytes, list[Reply]] = {}
        for session in self.dispatcher.take_ready():
            while session.outbox:
                frame = session.outbox.next_frame()
                session.outbox.sent()
                if is_record_frame(frame):
                    read_event_frame(frame)
                else:
                    said.setdefault(session.identity, []).extend(decode_replies(frame))
            if session.is_leaving:
                self.dispatcher.drop(session)
        return said

    @property
    def has_gathered(self) -> bool:
        """Say whether a frame has led to a command or a question that waits for the next cycle."""
        return self.dispatcher.has_work

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()


class Bystander:
    """A maker with open orders who does nothing, and must hear nothing and lose nothing."""

    def __init__(self, venue: FuzzVenue, subject: str = "bystander-1") -> None:
        self._venue = venue
        self._seat = venue.seat()
        self.account = self._seat.log_on(venue.token(subject)).account
        venue.fund(self.account)
        self._next_id = 1
        for side, price in ((Side.BUY, 100_000), (Side.SELL, 120_000), (Side.BUY, 99_990)):
            self._enter(side, price)
        self._seat.say(Heartbeat(1))
        self._before = self._holdings()

    def _enter(self, side: Side, price_ticks: int) -> list[Reply]:
        number, self._next_id = self._next_id, self._next_id + 1
        order = NewOrder(number, 0, int(side), int(OrdType.LIMIT), int(TimeInForce.GTC), 0, 0, price_ticks, 10)
        return self._seat.say(order)

    def _holdings(self) -> tuple[object, ...]:
        core = self._venue.engine.core
        balances = [core.balance(self.account, currency.index) for currency in self._venue.venue.currencies]
        return balances, core.open_orders(self.account, 0, 100), core.client_id_highest(self.account)

    def check(self) -> None:
        """Raise AssertionError where anything of it has changed."""
        assert self._holdings() == self._before, "a bystander's orders or balances have changed"
        assert self._seat.say(Heartbeat(7)) == [HeartbeatAck(7)], "a bystander is not answered as before"

    def trade_on(self) -> None:
        """Enter an order and cancel it, as ever."""
        [accepted] = self._enter(Side.BUY, 99_000)
        assert isinstance(accepted, ExecutionReport)
        assert accepted.exec_type == EventKind.ACCEPTED
        [canceled] = self._seat.say(Cancel(0, accepted.order_id, 0))
        assert isinstance(canceled, ExecutionReport)
        assert canceled.exec_type == EventKind.CANCELED

    @property
    def identity(self) -> bytes:
        """Its connection."""
        return self._seat.identity


@contextmanager
def fuzz_venue(folder: Path) -> Iterator[FuzzVenue]:
    """Open a venue for the length of a ``with``."""
    venue = FuzzVenue(folder)
    try:
        yield venue
    finally:
        venue.close()
