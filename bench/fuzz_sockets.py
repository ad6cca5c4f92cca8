"""Malformed frames through real sockets: what ZeroMQ makes of them on the way is part of the door.

A venue is served in a thread of this process over ipc. The proof that nothing was done is in the
bystander's own reports: each carries the number of its command, and the number after all the frames
follows the number before them.
"""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import zmq

from bench.fuzz_frames import Malformed
from bench.fuzz_venue import sandbox_venue, vouch
from fxengine.codes import OrdType, RejectReason, Side, TimeInForce
from fxengine.engine import Durability
from fxengine.gateway import Ready, Stop, run_venue
from fxengine.gateway.limits import STRANGER_BURST
from fxengine.messages import (
    Cancel,
    Deposit,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    NewOrder,
    Reject,
    Reply,
)
from fxengine.sandbox import create_key
from fxengine.wire import decode_replies, encode

_WAIT_S: Final = 20.0
_UNITS: Final = 10**12


class Line:
    """One raw connection."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", address: str) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)

    def hear(self) -> list[Reply]:
        """Return the messages of the next frame that has any; TimeoutError when none comes. Probes have none."""
        end = time.monotonic() + _WAIT_S
        while self.socket.poll(max(0, int((end - time.monotonic()) * 1_000))):
            messages = decode_replies(self.socket.recv())
            if messages:
                return messages
        raise TimeoutError("the venue did not answer")

    def ask(self, *messages: tuple[Any, ...], until: type[Any]) -> list[Reply]:
        """Send messages in one frame; return all that is heard up to one of a type."""
        self.socket.send(encode(messages))
        heard = self.hear()
        while not any(isinstance(message, until) for message in heard):
            heard += self.hear()
        return heard


class ServedVenue:
    """A venue served in a thread, with one bystander who trades and connections that do not."""

    def __init__(self, folder: Path) -> None:
        self._issuer = create_key(folder / "keys", "sandbox", "sandbox-1")
        self._operator = create_key(folder / "keys", "operator", "operator-1")
        self._venue = sandbox_venue(self._issuer, self._operator)
        self._stop = Stop()
        self._is_ready = threading.Event()
        self._ready: Ready | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._lines: list[Line] = []
        addresses = f"ipc://{folder}/o", f"ipc://{folder}/m"
        self._thread = threading.Thread(target=self._serve, args=(folder / "data", *addresses), name="venue")
        self._thread.start()
        if not self._is_ready.wait(_WAIT_S):
            raise TimeoutError("the venue did not open")
        self._next_id = 1
        self._bystander = self.log_on("bystander-1", [(c.index, _UNITS) for c in self._venue.currencies])

    def _serve(self, data: Path, orders: str, market_data: str) -> None:
        try:
            run_venue(
                self._venue, data, order_address=orders, market_data_address=market_data, stop=self._stop,
                ledger_url="memory:", durability=Durability.OS, on_ready=self._on_ready,
            )  # fmt: skip
        finally:
            self._is_ready.set()

    def _on_ready(self, ready: Ready) -> None:
        self._ready = ready
        self._is_ready.set()

    def line(self) -> Line:
        """Open a connection."""
        assert self._ready is not None
        self._lines.append(Line(self._context, self._ready.order_address))
        return self._lines[-1]

    def log_on(self, subject: str, money: Iterable[tuple[int, int]] = ()) -> Line:
        """Open a session, and deposit this much of each currency for it."""
        line = self.line()
        token = vouch(self._issuer, self._venue, subject)
        [ack] = [m for m in line.ask(Logon(token), until=LogonAck) if isinstance(m, LogonAck)]
        deposits = [Deposit(n, ack.account, currency, units) for n, (currency, units) in enumerate(money, start=1)]
        if deposits:
            operator = self.line()
            operator.ask(Logon(vouch(self._operator, self._venue, "operator-1", level="operator")), until=LogonAck)
            operator.socket.send(encode(deposits))
            operator.ask(Heartbeat(1), until=HeartbeatAck)
            line.hear()
        return line

    def trade(self) -> int:
        """Have the bystander enter an order and cancel it; return the number of the first of the two commands."""
        number, self._next_id = self._next_id, self._next_id + 1
        order = NewOrder(number, 0, int(Side.BUY), int(OrdType.LIMIT), int(TimeInForce.GTC), 0, 0, 100_000, 10)
        reports: list[ExecutionReport] = []
        self._bystander.socket.send(encode([order, Cancel(0, 0, number)]))
        while len(reports) < 2:
            reports += [message for message in self._bystander.hear() if isinstance(message, ExecutionReport)]
        assert [report.reason for report in reports] == [0, 0], reports
        return reports[0].sequence

    def refuse(self, line: Line, made: Malformed) -> list[RejectReason]:
        """Send a malformed frame and a heartbeat; return the reasons of the REJECTs that came before its answer."""
        line.socket.send(made.frame)
        heard = line.ask(Heartbeat(9), until=HeartbeatAck)
        assert all(isinstance(message, Reject | HeartbeatAck) for message in heard), heard
        return [RejectReason(message.reason) for message in heard if isinstance(message, Reject)]

    def close(self) -> None:
        """Stop serving, and wait for the end."""
        self._stop.set()
        self._thread.join(_WAIT_S)
        self._stop.close()
        self._context.destroy(linger=0)


def fuzz_through_sockets(folder: Path, frames: Iterable[Malformed]) -> int:
    """Send frames, each from a stranger or a trader, and see each refused as it must be; return how many.

    Raises AssertionError with the frame that was not, or where the bystander's numbers have a gap.
    """
    venue = ServedVenue(folder)
    try:
        trader, before, n = venue.log_on("fuzzer-1"), venue.trade(), 0
        for made in frames:
            if n % STRANGER_BURST == 0:
                stranger = venue.line()  # one that has no account may not say much more
            line = trader if made.needs_session or n % 2 else stranger
            reasons = venue.refuse(line, made)
            assert tuple(reasons) == made.reasons, f"{made.what}: {reasons}, not {made.reasons}: {made.frame[:400]!r}"
            n += 1
        assert venue.trade() == before + 2, "a command was sequenced that nobody sent"
        return n
    finally:
        venue.close()
