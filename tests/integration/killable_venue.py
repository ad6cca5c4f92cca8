"""A venue in a process of its own that may be told where to die, at an address that stays the same."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from fxengine.client import Client, SessionOptions
from fxengine.codes import EventKind
from fxengine.engine import Engine, Released
from fxengine.home import Home
from fxengine.records import EVENT, SWAP_EVENT
from tests.integration import kill_points

_ROOT = Path(__file__).parents[2]
CLOSING_S_MAX = 60.0


class KillableVenue:
    """``fxengine serve`` over one directory, on sockets in a short folder."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.orders = f"ipc://{folder}/o"
        self._market_data = f"ipc://{folder}/m"
        self._process: subprocess.Popen[str] | None = None
        self._programs: list[subprocess.Popen[str]] = []

    def start(self, point: str = kill_points.NEVER, client_order_id: int = 0) -> dict[str, Any]:
        """Serve, to die at a point of this payment's way; return what it says of itself."""
        self._process = self.run(
            "serve", point, str(client_order_id), str(self.home.directory), self.orders, self._market_data
        )
        assert self._process.stdout is not None
        ready: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert ready.get("ready"), ready
        return ready

    def await_death(self) -> None:
        """Wait until it has killed itself."""
        assert self._end() == -9

    def kill(self) -> None:
        """Take its life without a warning."""
        assert self._process is not None
        self._process.kill()
        self.await_death()

    def stop(self) -> None:
        """Ask it to close."""
        assert self._process is not None
        self._process.terminate()
        assert self._end() == 0

    def _end(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        process.communicate(timeout=CLOSING_S_MAX)
        return process.returncode

    def close(self) -> None:
        """Leave nothing behind, whatever the test came to."""
        for program in self._programs:
            program.kill()
            program.communicate()

    def run(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start one of the programs of ``kill_points``."""
        program = [sys.executable, "-m", "tests.integration.kill_points", *arguments]
        self._programs.append(subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=_ROOT))
        return self._programs[-1]

    def log_on(self, account: str, level: str = "maker", *, next_stream: int = 0) -> Client:
        """Vouch for an account that has no token yet, and log it on."""
        if not (self.home.tokens / f"{account}.jwt").exists():
            self.home.issue_token(account, level=level, jurisdiction="HK", currencies=[], lifetime_s=86_400)
        options = SessionOptions(next_stream=next_stream)
        token = self.home.token(account)
        return Client.connect(self.orders, token, timeout_s=kill_points.TIMEOUT_S, options=options)

    def deposit(self, account: int, **amounts: str) -> None:
        """Credit an account."""
        with Client.connect(self.orders, self.home.operator_token(), timeout_s=kill_points.TIMEOUT_S) as operator:
            for currency, amount in amounts.items():
                operator.deposit(account, currency, amount)

    def outcomes(self) -> Counter[tuple[EventKind, int, int]]:
        """Count (ACCEPTED or SWAPPED, account, client order id) in the journal of the stopped venue."""
        counted: Counter[tuple[EventKind, int, int]] = Counter()

        def count(released: Released) -> None:
            for kind, dtype in ((EventKind.ACCEPTED, EVENT), (EventKind.SWAPPED, SWAP_EVENT)):
                events = released.events[released.events["kind"] == kind].view(dtype)
                pairs = zip(events["account"].tolist(), events["client_order_id"].tolist(), strict=True)
                counted.update((kind, account, number) for account, number in pairs)

        engine = Engine(self.home.venue, self.home.directory)
        engine.attach(count)
        engine.start()
        engine.core.check()
        engine.close()
        return counted
