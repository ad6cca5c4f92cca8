"""A venue as its operator runs it: ``fxengine serve`` in a process of its own, started, stopped and killed for real."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fxengine.client import Client
from fxengine.home import Home

CLOSING_S_MAX = 60.0


def fxengine(*arguments: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command as a user would."""
    command = [sys.executable, "-m", "fxengine", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=120, cwd=cwd)


def answer(*arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    """Run one command with ``--json`` and return its one line, whatever its exit code."""
    done = fxengine(*arguments, "--json", check=False, cwd=cwd)
    lines = done.stdout.splitlines()
    assert len(lines) == 1, f"expected one line, got {done.stdout!r} and on standard error {done.stderr!r}"
    said: dict[str, Any] = json.loads(lines[0])
    return said | {"exit_code": done.returncode}


class ServedVenue:
    """``fxengine serve`` over one directory; may be killed and started again."""

    def __init__(self, home: Home, *flags: str) -> None:
        self.home = home
        self._flags = flags
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "ServedVenue":
        addresses = ["--orders", "tcp://127.0.0.1:*", "--market-data", "tcp://127.0.0.1:*"]
        command = [
            *(sys.executable, "-m", "fxengine", "serve", str(self.home.directory), "--json"),
            *(*addresses, *self._flags),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ready = json.loads(self._process.stdout.readline())
        assert self.ready.get("ready"), self.ready
        return self

    def kill(self) -> None:
        """Take its life without a warning."""
        self._end(signal.SIGKILL, -signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to close."""
        self._end(signal.SIGTERM, 0)

    def _end(self, number: signal.Signals, expected: int) -> None:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdout is not None
        process.send_signal(number)
        assert process.wait(CLOSING_S_MAX) == expected
        process.stdout.close()

    def __enter__(self) -> "ServedVenue":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def log_on(self, account: str, level: str = "maker") -> Client:
        """Vouch for an account and log it on."""
        self.home.issue_token(account, level=level, jurisdiction="HK", currencies=[], lifetime_s=86_400)
        return Client.connect(self.ready["orders"], self.home.token(account), timeout_s=20.0)

    def operator(self) -> Client:
        return Client.connect(self.ready["orders"], self.home.operator_token(), timeout_s=20.0)

    def deposit(self, client: Client, **amounts: str) -> None:
        with self.operator() as operator:
            for currency, amount in amounts.items():
                operator.deposit(client.account, currency, amount)
