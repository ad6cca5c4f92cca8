"""A venue served from a thread of the test, on real sockets, with a clock that the test moves."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from fxengine.client import Client
from fxengine.codes import EventKind
from fxengine.engine import Durability
from fxengine.gateway import Ready, Stop, run_venue
from fxengine.messages import ExecutionReport, LogonAck, Reject, Reply, Request
from fxengine.sandbox import SigningKey, create_key, load_key
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue
from fxengine.wire import decode_replies, encode
from tests.asking import logon
from tests.unit.engine.flow import core_types

START_NS = 1_790_000_000 * 10**9
SECOND_NS = 10**9
WAIT_S = 20.0
"""How long a test waits for something that must come; it only ever waits that long to fail."""
CURRENCIES = ("EUR", "USD", "JPY", "HKD")
INSTRUMENTS = {"EUR/USD": ("0.0001", "1"), "USD/JPY": ("0.01", "1"), "USD/HKD": ("0.0001", "1")}


def until(condition: Callable[[], object], step: Callable[[], object]) -> None:
    """Repeat a step until the condition holds; fail when it has not within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        step()


class Clock:
    """Nanoseconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)


def make_venue(kyc: SigningKey, operator: SigningKey, listed: str = "", *, max_fills: int = 8) -> Venue:
    text = [
        '[venue]\nid = "fx-test"\nname = "Test venue"\nsettlement_cycle_ms = 1000\nmax_orders = 64',
        f"max_fills = {max_fills}",
        "[levels.retail]\ncode = 1\nclient_id_window = 16\ncommands_per_s = 100\nburst = 1_000",
        "[levels.professional]\ncode = 2\nclient_id_window = 1024\ncommands_per_s = 1_000_000\nburst = 1_000_000",
        f'[[issuers]]\niss = "{kyc.issuer}"\nkeys = {{ {kyc.kid} = "{kyc.public_text}" }}\n'
        'levels = ["retail", "professional"]\njurisdictions = ["HK", "SG"]',
        f'[[issuers]]\niss = "{operator.issuer}"\nkeys = {{ {operator.kid} = "{operator.public_text}" }}\n'
        'levels = ["professional"]\njurisdictions = ["HK"]\noperator = true',
    ]
    text += [f'[[currencies]]\ncode = "{code}"\nname = "{code} token"\ndecimals = 6' for code in CURRENCIES]
    text += [
        f'[[instruments]]\nsymbol = "{symbol}"\ntick = "{tick}"\nlot = "{lot}"\nmaker_fee = 0\ntaker_fee = 100'
        for symbol, (tick, lot) in INSTRUMENTS.items()
    ]
    return parse_venue("\n".join([*text, listed]))


@dataclass
class Connection:
    """A raw connection that may say anything."""

    socket: "zmq.Socket[bytes]"
    heard: list[Reply] = field(default_factory=list)

    def send(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def say(self, *messages: Request) -> None:
        """Send messages in one frame."""
        self.send(encode(messages))

    def log_on(self, token: str) -> LogonAck:
        """Log on and return the acknowledgement."""
        self.say(logon(token))
        return next(message for message in self.hear_until(LogonAck) if isinstance(message, LogonAck))

    def refusal(self) -> Reject | ExecutionReport:
        """Return the next refusal: the gateway's or the core's."""
        while True:
            for message in self.hear():
                refused = isinstance(message, ExecutionReport) and message.exec_type == EventKind.REJECTED
                if isinstance(message, Reject) or refused:
                    return message

    def close(self) -> None:
        self.socket.close(linger=0)

    def hear(self) -> list[Reply]:
        """Return the messages of the next frame that has any."""
        while True:
            assert self.socket.poll(int(WAIT_S * 1000)), "the venue did not answer"
            messages = decode_replies(self.socket.recv())
            if messages:
                self.heard += messages
                return messages

    def hear_until(self, kind: type) -> list[Reply]:
        """Return all messages up to and with the first frame that holds one of this kind."""
        messages = self.hear()
        while not any(isinstance(message, kind) for message in messages):
            messages += self.hear()
        return messages


class RunningVenue:
    """A served venue, and ways to reach it. ``listed`` stands in its venue file too."""

    def __init__(self, folder: Path, *, transport: str, ledger: str = "memory:", listed: str = "") -> None:
        self.ledger = ledger
        self.clock = Clock()
        keys = folder / "keys"
        make = load_key if keys.exists() else create_key
        self.kyc = make(keys, "https://kyc.example", "kyc-1")
        self.operator = make(keys, "https://venue.example/operators", "operator-1")
        self.venue = make_venue(self.kyc, self.operator, listed)
        self.folder = folder
        self.stop = Stop()
        self.ready: Ready | None = None
        self.fault: BaseException | None = None
        self._context = zmq.Context()
        self._is_ready = threading.Event()
        self._connections: list[Connection] = []
        names = {"ipc": (f"ipc://{folder}/o", f"ipc://{folder}/m"), "tcp": ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")}
        self._addresses = names[transport]
        self._thread = threading.Thread(target=self._serve, name="venue")

    def _serve(self) -> None:
        try:
            run_venue(
                self.venue,
                self.folder / "data",
                order_address=self._addresses[0],
                market_data_address=self._addresses[1],
                stop=self.stop,
                ledger_url=self.ledger,
                durability=Durability.OS,
                clock_ns=self.clock,
                drain_ns=0,
                core_type=core_types()[-1],
                on_ready=self._on_ready,
            )
        except BaseException as e:
            self.fault = e
            self._is_ready.set()
            raise

    def _on_ready(self, ready: Ready) -> None:
        self.ready = ready
        self._is_ready.set()

    def start(self) -> None:
        self._thread.start()
        assert self._is_ready.wait(WAIT_S)
        assert self.fault is None, self.fault

    def end(self) -> None:
        """Stop the venue and wait until it has finished."""
        if self._thread.is_alive():
            self.stop.set()
            self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.end()
        self.stop.close()
        for connection in self._connections:
            connection.close()
        self._context.destroy(linger=0)

    @property
    def order_address(self) -> str:
        assert self.ready is not None
        return self.ready.order_address

    @property
    def market_data_address(self) -> str:
        assert self.ready is not None
        return self.ready.market_data_address

    def token(
        self,
        subject: str,
        *,
        key: SigningKey | None = None,
        lifetime_s: int = 3600,
        level: str = "professional",
        currencies: Iterable[str] = CURRENCIES,
    ) -> str:
        return (key or self.kyc).token(
            subject,
            venue_id=self.venue.id,
            level=level,
            jurisdiction="HK",
            currencies=currencies,
            issued_at_ns=self.clock(),
            lifetime_s=lifetime_s,
        )

    def client(self, subject: str, *, lifetime_s: int = 3600, level: str = "professional") -> Client:
        token = self.token(subject, lifetime_s=lifetime_s, level=level)
        return Client.connect(self.order_address, token, self.market_data_address, timeout_s=WAIT_S)

    def operator_client(self) -> Client:
        token = self.token("operator-1", key=self.operator, lifetime_s=10**6)
        return Client.connect(self.order_address, token, timeout_s=WAIT_S)

    def funded(self, subject: str, amount: str = "1000000", *, lifetime_s: int = 3600) -> Client:
        """Return a logged-on client with this much of every currency."""
        client = self.client(subject, lifetime_s=lifetime_s)
        with self.operator_client() as operator:
            for code in CURRENCIES:
                operator.deposit(client.account, code, amount)
        return client

    def connection(self, routing_id: bytes | None = None, receive_frames_max: int | None = None) -> Connection:
        socket = self._context.socket(zmq.DEALER)
        if receive_frames_max is not None:
            socket.rcvhwm = receive_frames_max
        if routing_id is not None:
            socket.routing_id = routing_id
        socket.connect(self.order_address)
        self._connections.append(Connection(socket))
        return self._connections[-1]


@contextmanager
def running_venue(folder: Path, *, transport: str = "ipc", listed: str = "") -> Iterator[RunningVenue]:
    """Serve a venue for the length of a ``with``."""
    venue = RunningVenue(folder, transport=transport, listed=listed)
    venue.start()
    try:
        yield venue
    finally:
        venue.close()
