"""A gateway whose cycles the test turns by hand, in one thread, with real sockets to it."""

from collections.abc import Callable
from pathlib import Path

import zmq

from fxengine.engine import Disk, Durability, Engine
from fxengine.gateway import Gateway, Stop
from fxengine.gateway.session import Session, State
from fxengine.ledger import open_ledger
from fxengine.messages import Logon, LogonAck, Reply
from fxengine.records import Records
from fxengine.sandbox import SigningKey, create_key
from fxengine.settlement import Settlement
from fxengine.transport import ClientCurve, ServerCurve
from fxengine.wire import decode_replies, encode
from tests.asking import logon
from tests.integration.venue_thread import CURRENCIES, WAIT_S, Clock, make_venue, until
from tests.unit.engine.flow import core_types


class Counting(Engine):
    """An engine that counts what is submitted to it."""

    n_submitted = 0
    n_batches = 0

    def submit(self, commands: Records) -> None:
        self.n_submitted += len(commands)
        self.n_batches += 1
        super().submit(commands)


class ByHand:
    """A gateway whose cycles the test turns, and connections to it, all in one thread."""

    def __init__(
        self, folder: Path, disk: Disk | None = None, curve: ServerCurve | None = None, *, max_fills: int = 8
    ) -> None:
        """Keep a journal, on this disk, only where one is given."""
        self.folder = folder
        self.clock = Clock()
        self.kyc = create_key(folder / "keys", "https://kyc.example", "k")
        self.operator = create_key(folder / "keys", "https://ops.example", "o")
        venue = make_venue(self.kyc, self.operator, max_fills=max_fills)
        self.ledger = open_ledger("memory:", venue)
        self.engine = Counting(
            venue,
            folder,
            durability=Durability.FSYNC if disk else Durability.NONE,
            clock_ns=self.clock,
            core_type=core_types()[-1],
            disk=disk,
        )
        self.settlement = Settlement(self.ledger, venue, clock_ns=self.clock)
        self.stop = Stop()
        self.gateway = Gateway(self.engine, self.settlement, venue, self.stop, curve)
        self.engine.attach(self.settlement.observe)
        self.engine.attach(self.gateway.dispatcher.on_released)
        self.engine.start()
        self.settlement.start()
        self.address, self.market_data_address = self.gateway.bind("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
        self.context = zmq.Context()
        self.sockets: list[zmq.Socket[bytes]] = []

    def turn_until(self, condition: Callable[[], object]) -> None:
        """Turn the cycle, at least once, until the condition holds; fail when it has not within WAIT_S."""
        self.gateway.cycle()
        until(condition, self.gateway.cycle)

    def connect(self, curve: ClientCurve | None = None) -> "zmq.Socket[bytes]":
        socket = self.context.socket(zmq.DEALER)
        if curve is not None:
            curve.protect(socket)
        socket.connect(self.address)
        self.sockets.append(socket)
        return socket

    def token(self, subject: str, key: SigningKey | None = None, client_key: str = "") -> str:
        return (key or self.kyc).token(
            subject,
            venue_id="fx-test",
            level="professional",
            jurisdiction="HK",
            currencies=CURRENCIES,
            issued_at_ns=self.clock(),
            lifetime_s=3600,
            client_key=client_key,
        )

    def await_mail(self) -> None:
        """Wait until something has arrived that the gateway has not read."""
        assert self.gateway.router.poll(int(WAIT_S * 1000))

    def hear(self, socket: "zmq.Socket[bytes]") -> list[Reply]:
        """Turn until the connection has messages, and return those of one frame; probes have none."""
        while True:
            self.turn_until(lambda: socket.poll(0))
            messages = decode_replies(socket.recv())
            if messages:
                return messages

    def log_on(
        self,
        subject: str,
        key: SigningKey | None = None,
        *,
        token: str | None = None,
        ask: Callable[[str], Logon] = logon,
    ) -> tuple["zmq.Socket[bytes]", Session]:
        """Return a connection that is logged on, and its session. ``ask`` makes the LOGON of a token."""
        before = set(self.gateway.dispatcher.sessions)
        socket = self.connect()
        socket.send(encode([ask(token or self.token(subject, key))]))
        assert isinstance(self.hear(socket)[0], LogonAck)
        [session] = set(self.gateway.dispatcher.sessions) - before
        assert session.state is State.ACTIVE
        return socket, session

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(linger=0)
        self.context.term()
        self.gateway.close()
        self.engine.close()
        self.settlement.close()
        self.ledger.close()
        self.stop.close()
