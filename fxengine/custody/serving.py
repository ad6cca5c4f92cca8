"""The relay at work: a thread beside the venue that is served, with sessions of its own.

It speaks to the venue as everybody does, over ZeroMQ, so it can stop, lose its sessions and begin again without
the venue noticing; and a venue that is gone is simply not told anything.
"""

import logging
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from fxengine.chain.deployment import Deployment
from fxengine.chain.rpc import ENVIRONMENT, RPC_DEFAULT, Rpc
from fxengine.client import Client
from fxengine.custody.enlisting import DESK, TOKEN_S, check_enlisted, desk_token
from fxengine.custody.movements import VaultLogs
from fxengine.custody.progress import Progress
from fxengine.custody.relay import Relay
from fxengine.errors import ChainError, RequestRejected
from fxengine.home import OPERATOR, Endpoints, Home
from fxengine.ledger.reading import BOOKS_OF_A_CHAIN, open_reader
from fxengine.transport import ClientCurve

_log = logging.getLogger(__name__)
LOOK_S: Final = 0.5
"""Between two looks at the chain."""
_AGAIN_S: Final = 2.0
"""Before another attempt, where something failed."""
_SESSION_S: Final = TOKEN_S / 2
"""For how long a session is used, within its token's life."""

_PAID: Final = "SELECT account, currency, amount_units FROM withdrawals WHERE state = 'PAID'"


class Custody:
    """Runs a relay from :meth:`start` to :meth:`close`.

    Raises :class:`ChainError` and :class:`FxEngineError` where deployment, venue file or the relay's memory do not
    fit together; a node or a venue that cannot be reached is waited for.
    """

    def __init__(self, home: Home, deployment: Deployment, rpc: Rpc) -> None:
        check_enlisted(home, (token.currency for token in deployment.tokens))
        self._home = home
        self._endpoints = Endpoints("", "", 0)
        self._directory = deployment.directory
        progress = Progress.load(deployment.directory, deployment.vault, deployment.deployed_block)
        logs = VaultLogs(rpc, deployment)
        self._relay = Relay(home.venue, deployment, logs, progress, clock_s=time.time, paid=self._paid)
        self._stop = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="custody", daemon=True)

    @classmethod
    def of(cls, home: Home, directory: Path) -> Self:
        """Return the custody of the deployment in a directory, by the node that the environment names."""
        return cls(home, Deployment.load(directory), Rpc(os.environ.get(ENVIRONMENT) or RPC_DEFAULT))

    def start(self, endpoints: Endpoints) -> None:
        """Begin to look, for the venue that is served there."""
        self._endpoints = endpoints
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the look that is under way. Safe in a signal's handler."""
        self._stop.set()

    def close(self) -> None:
        """End after the look that is under way. Nothing is lost: the next start goes on."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve_sessions()
            except Exception as e:  # whatever it is: unwatched, holders leave with money that trades
                self._tell(e)
                self._stop.wait(_AGAIN_S)

    def _paid(self) -> dict[tuple[int, int], int]:
        """Return what the books have paid out, by account and currency."""
        found: dict[tuple[int, int], int] = {}
        books = self._directory / BOOKS_OF_A_CHAIN
        if books.exists():
            with open_reader(f"evm:{self._directory}") as reader:
                for account, currency, units in reader.rows(_PAID):
                    assert isinstance(account, int)
                    assert isinstance(currency, int)
                    found[account, currency] = found.get((account, currency), 0) + int(str(units))
        return found

    def _serve_sessions(self) -> None:
        """Log on, and look until the tokens grow old or a session is lost."""
        with ExitStack() as stack:
            desk, operator = stack.enter_context(self._desk()), stack.enter_context(self._operator())
            until = time.monotonic() + _SESSION_S
            while not self._stop.is_set() and time.monotonic() < until:
                try:
                    self._relay.tick(desk, operator)
                except (ChainError, RequestRejected) as e:
                    self._tell(e)
                    self._stop.wait(_AGAIN_S)
                else:
                    if self._told:
                        _log.warning("custody goes on")
                    self._told = ""
                    self._stop.wait(LOOK_S)

    def _tell(self, error: Exception) -> None:
        """Say what is wrong, once for as long as it stays the same."""
        if str(error) != self._told and not self._stop.is_set():
            self._told = str(error)
            _log.error("deposits and withdrawals at the vault wait: %s", error)

    def _desk(self) -> Client:
        curve = self._curve(DESK)
        token = desk_token(self._home, client_key=curve.own.public if curve else "")
        return Client.connect(self._endpoints.orders, token, curve=curve)

    def _operator(self) -> Client:
        curve = self._curve(OPERATOR)
        token = self._home.operator_token(TOKEN_S, client_key=curve.own.public if curve else "")
        return Client.connect(self._endpoints.orders, token, curve=curve)

    def _curve(self, account: str) -> ClientCurve | None:
        if not self._endpoints.server_key:
            return None
        return ClientCurve(self._endpoints.server_key, self._home.keyring.operator(account))
