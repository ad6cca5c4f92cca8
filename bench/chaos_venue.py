"""The venue that ``make chaos`` kills: engine, gateway, settlement and ledger in a process of its own.

It is what ``fxengine serve`` runs but for custody: what accounts have on the chain is not paid in there, so that
nothing but batches is in the way of the blocks that are undone.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from fxengine.client import Client
from fxengine.gateway import Ready, Stop, run_venue
from fxengine.home import Home

ANY_PORT: Final = "tcp://127.0.0.1:*"
STOPPING_S_MAX: Final = 120.0
_TIMEOUT_S: Final = 20.0


class ChaosVenue:
    """The venue of a directory, served; it may be killed and started again. Leaving it ends it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[str] | None = None
        self._orders = ""

    def start(self) -> None:
        """Serve it; return once clients may connect."""
        command = [sys.executable, "-m", __name__, str(self._home.directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            raise SystemExit(f"the venue did not start: exit code {self._process.wait()}")
        self._orders = json.loads(said)["orders"]

    def end(self, number: signal.Signals) -> int:
        """Send it a signal; return its exit code."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdout is not None
        process.send_signal(number)
        code = process.wait(STOPPING_S_MAX)
        process.stdout.close()
        return code

    def log_on(self, account: str) -> Client:
        """Vouch for an account and log it on."""
        self._home.issue_token(account, level="maker", jurisdiction="HK", currencies=[], lifetime_s=86_400)
        return Client.connect(self._orders, self._home.token(account), timeout_s=_TIMEOUT_S)

    def operator(self) -> Client:
        """Log the operator on."""
        return Client.connect(self._orders, self._home.operator_token(), timeout_s=_TIMEOUT_S)

    def __enter__(self) -> "ChaosVenue":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.end(signal.SIGKILL)


def main() -> None:
    """Serve the venue of the directory that is named, until SIGTERM."""
    directory, stop = Path(sys.argv[1]), Stop()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def ready(facts: Ready) -> None:
        print(json.dumps({"orders": facts.order_address}), flush=True)

    run_venue(
        Home(directory).venue,
        directory,
        order_address=ANY_PORT,
        market_data_address=ANY_PORT,
        stop=stop,
        ledger_url="evm",
        on_ready=ready,
    )


if __name__ == "__main__":
    main()
