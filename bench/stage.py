"""What a gateway benchmark needs around it: a served venue with funded makers, and an echo.

Both are processes of their own, so that the load takes no interpreter's time from them. The venue is
a sandbox made for the run: real keys, real KYC tokens, journal and SQLite ledger on the disk that
holds the directory. Its rate limits are on, and higher than any load here.
"""

import contextlib
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import zmq

from bench.load import Line, listen_until_quiet, socket_to
from bench.machine import ROOT
from fxengine.codes import EventKind
from fxengine.home import Home
from fxengine.messages import (
    Deposit,
    ExecutionReport,
    Logon,
    LogonAck,
    MoneyReport,
    Reject,
    Reply,
    ReportFormat,
    SessionMode,
)
from fxengine.wire import decode_replies, encode

R = TypeVar("R")
_ANYWHERE: Final = "tcp://127.0.0.1:*"
_WAIT_MS: Final = 30_000
_UNITS: Final = 10**12
"""What each maker has of each currency: more than it needs, and all of it within what the sandbox custodian attests."""
_DEPOSITS_PER_FRAME: Final = 500
_HIGH: Final = "commands_per_s = 100_000_000, burst = 100_000_000"
_LIMITS: Final = re.compile(r"commands_per_s = [\d_]+, burst = [\d_]+")


class Stage:
    """A served venue: its process, its operator, and sessions logged on to it."""

    def __init__(self, home: Home, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.home = home
        self._context = context
        self._lines: list[Line] = []
        self._syncs = home.directory / "syncs.npy"
        serve = [str(self._syncs), str(home.directory), "--json", "--orders", _ANYWHERE, "--market-data", _ANYWHERE]
        self.process = _start("bench.serving", *serve)
        self.ready: dict[str, Any] = json.loads(_line_of(self.process) or "{}")
        if not self.ready.get("ready"):
            raise RuntimeError(f"the venue did not open: {self.ready or 'see above'}")
        self._operator: zmq.Socket[bytes] | None = None
        self._deposit_id = 0

    def line(self, address: str | None = None) -> Line:
        """Connect to the venue, or to somebody else; closed with the venue."""
        self._lines.append(Line(socket_to(self._context, address or self.ready["orders"])))
        return self._lines[-1]

    def makers(self, names: list[str], report_format: ReportFormat, level: str = "maker") -> list[Line]:
        """Log makers on and fund them, each in a session of its own."""
        lines = []
        for name in names:
            self.home.issue_token(name, level=level, jurisdiction="HK", currencies=[], lifetime_s=86_400)
            lines.append(self.line())
            lines[-1].socket.send(encode([_logon(self.home.token(name), report_format)]))
        accounts = [_hear(line.socket, LogonAck).account for line in lines]
        self._fund(accounts)
        listen_until_quiet(lines)  # reports of the deposits, which nobody counts
        return lines

    def _fund(self, accounts: list[int]) -> None:
        if self._operator is None:
            self._operator = self.line().socket
            self._operator.send(encode([_logon(self.home.operator_token(), ReportFormat.MESSAGES)]))
            _hear(self._operator, LogonAck)
        deposits = []
        for account in accounts:
            for currency in self.home.venue.currencies:
                self._deposit_id += 1
                deposits.append(Deposit(self._deposit_id, account, currency.index, _UNITS))
        for first in range(0, len(deposits), _DEPOSITS_PER_FRAME):
            part = deposits[first : first + _DEPOSITS_PER_FRAME]
            self._operator.send(encode(part))
            while _hear(self._operator, MoneyReport).client_order_id != part[-1].client_order_id:
                pass

    def memory_bytes(self) -> int:
        """Return how much memory the venue's process holds (resident set)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def close(self) -> npt.NDArray[np.int64]:
        """Stop the venue; return when each of the journal's syncs began and how long it took."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(120):
            raise RuntimeError("the venue did not close as it should")
        syncs: npt.NDArray[np.int64] = np.load(self._syncs)
        return syncs

    def hang_up(self) -> None:
        """Close every connection."""
        for line in self._lines:
            line.socket.close()


def _logon(token: str, report_format: ReportFormat) -> Logon:
    return Logon(token, int(SessionMode.ORDER_ENTRY), int(report_format), 0, 0, 0)


def _hear(socket: "zmq.Socket[bytes]", kind: type[R]) -> R:
    """Wait for a message of this kind; RuntimeError where a refusal comes instead."""
    while socket.poll(_WAIT_MS):
        messages = decode_replies(socket.recv())
        refused = [message for message in messages if _is_refusal(message)]
        if refused:
            raise RuntimeError(f"the venue refused: {refused[0]}")
        found = [message for message in messages if isinstance(message, kind)]
        if found:
            return found[-1]
    raise RuntimeError(f"the venue did not send a {kind.__name__}")


def _is_refusal(message: Reply) -> bool:
    return isinstance(message, Reject) or (
        isinstance(message, ExecutionReport) and message.exec_type == EventKind.REJECTED
    )


def _start(module: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _end(process: "subprocess.Popen[str]") -> None:
    """Leave nothing of a process behind, whether it has ended already or not."""
    process.kill()
    process.communicate()


@contextlib.contextmanager
def served(context: "zmq.Context[zmq.Socket[bytes]]", directory: Path | None) -> Iterator[Stage]:
    """Make a venue in a fresh folder, under ``directory`` if given, and serve it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a session is a descriptor here too
    with tempfile.TemporaryDirectory(prefix="fx-bench-", dir=directory) as folder:
        home = Home.create(Path(folder) / "venue")
        text, n_levels = _LIMITS.subn(_HIGH, home.venue_file.read_text(encoding="utf-8"))
        assert n_levels, "the sandbox's levels have no limits to raise"
        home.venue_file.write_text(text, encoding="utf-8")
        stage = Stage(home, context)
        try:
            yield stage
        finally:
            stage.hang_up()
            _end(stage.process)


@contextlib.contextmanager
def echoing(address: str | None, seconds: float) -> Iterator[str]:
    """Return the address of an echo: the one that is running, or our own for so long."""
    if address is not None:
        yield address
        return
    process = _start("bench.echo", _ANYWHERE, str(seconds))
    try:
        yield _line_of(process).strip()
    finally:
        _end(process)
