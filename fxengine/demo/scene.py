"""The demo's course of events: a real venue in a process of its own, and people who use it.

::

    make a venue -> serve it -> open accounts -> deposit -> makers quote, payers pay -> stop
                 -> wait for FINAL -> close the venue -> verify it, in another process

Everything goes through what a user has: ``fxengine serve`` and ``fxengine verify`` as processes,
the client SDK over ZeroMQ. Nothing here looks into the venue.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxengine.client import Client
from fxengine.demo.market_maker import MarketMaker
from fxengine.demo.payer import Invoice, Payer, load_invoices
from fxengine.demo.rates import ReferenceRates, load_rates
from fxengine.demo.scoreboard import Scoreboard
from fxengine.errors import FxEngineError, VenueUnreachable
from fxengine.home import Endpoints, Home
from fxengine.venue import Currency

if TYPE_CHECKING:
    from fxengine.demo.chain import DemoChain

MAKERS: Mapping[str, int] = {"maker-1": 0, "maker-2": 35, "maker-3": -35}
"""Each maker's skew in parts per million: how far its fair price is from the others'."""

MAKER_FUNDS_EUR = 1_000_000_000
PAYER_FUNDS_EUR = 500_000_000
OPENING_S_MAX = 30.0
CLOSING_S_MAX = 60.0

CREDITED_S_MAX = 60.0
ON_CHAIN = "evm"
"""The ledger for which the demo brings a chain of its own."""

BalanceTable = dict[str, dict[str, str]]
"""Available balances as text, by account and currency."""


@dataclass
class Outcome:
    """What the demo came to. ``audit`` is the line that the verifying process printed."""

    board: Scoreboard
    balances_before: BalanceTable = field(default_factory=dict)
    balances_after: BalanceTable = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    chain: dict[str, Any] | None = None
    """What the vault came to; None without one."""
    balances_on_chain: BalanceTable = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether everything settled, nothing failed, and the audit agrees."""
        clean = not self.board.faults and not self.board.unsettled and bool(self.board.payments)
        return clean and bool(self.audit.get("ok"))


class Scene:
    """One run of the demo in a directory. ``say`` hears of each step in a sentence.

    ``ledger`` is the URL to settle in, the venue's own file where it is None; with ``evm`` the scene has a chain of
    its own, which is there until :meth:`close`.
    """

    def __init__(self, directory: Path, *, seed: int, say: Callable[[str], None], ledger: str | None = None) -> None:
        self.home = Home(directory)
        self.board = Scoreboard()
        self.outcome = Outcome(self.board)
        self._seed = seed
        self._say = say
        # Not by the command line: a URL may hold a password, and other users of the machine can list command lines.
        self._environment = os.environ | ({"FXENGINE_LEDGER": ledger} if ledger else {})
        self._ledger = ledger
        self._chain: DemoChain | None = None
        self._rates: ReferenceRates = load_rates()
        self._invoices: list[Invoice] = load_invoices()

    def play(self, seconds: float, watch: Callable[[threading.Event], None]) -> Outcome:
        """Run everything; ``watch`` is called while the market is open and returns when its event is set."""
        self._say("making a venue: ten stablecoins, 22 books, keys of its own")
        self.home = Home.create(self.home.directory)
        if self._ledger == ON_CHAIN:
            self._start_chain()
        with ExitStack() as stack:
            venue = stack.enter_context(_Served(self.home, self._environment))
            self._say(f"the venue is open at {venue.endpoints.orders}: a process of its own, journal on disk")
            clients = {name: stack.enter_context(self._log_on(name, venue.endpoints)) for name in self._people()}
            self._say(f"{len(clients)} accounts logged on with KYC tokens signed by the sandbox issuer")
            self._fund(clients, venue.endpoints)
            shown = [name for name in clients if name not in MAKERS]
            self.outcome.balances_before = {name: _available(clients[name]) for name in shown}
            self._trade(clients, seconds, watch)
            self.outcome.balances_after = {name: _available(clients[name]) for name in shown}
            numbers = {name: clients[name].account for name in shown}
            self._say("closing the venue: journal sealed, last batch settled")
            venue.close()
        self._say("verifying in another process: replaying the journal, comparing it with the ledger")
        self.outcome.audit = _verify(self.home.directory, self._environment, on_chain=self._chain is not None)
        self._look_at_the_chain(numbers)
        return self.outcome

    def close(self) -> None:
        """End the scene's own chain, if it has one."""
        if self._chain is not None:
            self._chain.close()

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_chain(self) -> None:
        """Start a node and put the venue's contracts on it."""
        from fxengine.demo.chain import DemoChain

        self._say("starting a chain of its own: anvil, on this machine alone")
        self._chain = DemoChain(self.home)
        vault = self._chain.deploy().vault
        self.home = Home(self.home.directory)  # the vault is in the venue file now
        self._environment |= self._chain.environment
        self._say(f"deployed the settlement vault {vault} and ten stablecoins")

    def _look_at_the_chain(self, numbers: Mapping[str, int]) -> None:
        """Gather what the vault came to, as the verifying process found it and as its receipts say."""
        if self._chain is None:
            return
        chain, found = self._chain, self.outcome.audit.get("chain") or {}
        trades = self.outcome.audit.get("trades", 0)
        self.outcome.chain = {
            "rpc": chain.url,
            "vault": chain.deployment.vault,
            "block": found.get("block", 0),
            "batches": found.get("batches", 0),
            "gas_per_trade": chain.gas_used() // trades if trades else 0,
            "balances_equal": bool(found.get("balances_equal")),
            "head_equal": bool(found.get("head_equal")),
        }
        by_number = chain.balances(numbers.values())
        self.outcome.balances_on_chain = {name: by_number[number] for name, number in numbers.items()}

    def _people(self) -> list[str]:
        payers = dict.fromkeys(invoice.payer for invoice in self._invoices)
        payees = dict.fromkeys(sorted(invoice.payee for invoice in self._invoices))
        return [*MAKERS, *payers, *payees]

    def _log_on(self, name: str, endpoints: Endpoints) -> Client:
        level = "maker" if name in MAKERS else "payer"
        self.home.issue_token(name, level=level, jurisdiction="HK", currencies=[], lifetime_s=86_400)
        # A payment's FINAL is waited for as long: on a chain some seconds more than in a file.
        return Client.connect(endpoints.orders, self.home.token(name), timeout_s=30.0)

    def _fund(self, clients: Mapping[str, Client], endpoints: Endpoints) -> None:
        """Deposit every maker's stock of every currency, and every payer's of those it pays in."""
        wants = {name: list(self.home.venue.currencies) for name in MAKERS}
        for invoice in self._invoices:
            paying = self.home.venue.currency[invoice.pays]
            if paying not in wants.setdefault(invoice.payer, []):
                wants[invoice.payer].append(paying)
        funds = {
            name: {
                currency.code: self._worth(MAKER_FUNDS_EUR if name in MAKERS else PAYER_FUNDS_EUR, currency)
                for currency in currencies
            }
            for name, currencies in wants.items()
        }
        if self._chain is not None:
            self._fund_on_chain(self._chain, clients, funds)
            return
        with Client.connect(endpoints.orders, self.home.operator_token(), timeout_s=15.0) as operator:
            calls = [
                operator.protocol.deposit(clients[name].account, code, amount)
                for name, amounts in funds.items()
                for code, amount in amounts.items()
            ]
            for answer in operator.wait_all(calls):
                if isinstance(answer, FxEngineError):
                    raise answer
        self._say("the operator deposited their opening balances")

    def _fund_on_chain(
        self, chain: "DemoChain", clients: Mapping[str, Client], funds: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Let everybody pay its stablecoins into the vault, and wait until the venue has credited them."""
        listed = self.home.venue.currency
        for name, client in clients.items():
            units = {code: listed[code].units(amount) for code, amount in funds.get(name, {}).items()}
            chain.fund(client.account, units)
        self._say("everybody has an address of its own, and paid its stablecoins into the vault")
        chain.finalize()
        chain.tick()
        until = time.monotonic() + CREDITED_S_MAX
        for name, amounts in funds.items():
            while len(clients[name].balances()) < len(amounts):
                if time.monotonic() > until:
                    raise VenueUnreachable(
                        f"the venue has not credited {name}'s deposits; its own words are in {self.home.directory}"
                    )
                clients[name].poll(0.1)
        self._say("the venue saw the deposits in final blocks and credited them")

    def _worth(self, eur: int, currency: Currency) -> str:
        return f"{int(eur * self._rates.rate('EUR', currency.code))}"

    def _trade(self, clients: Mapping[str, Client], seconds: float, watch: Callable[[threading.Event], None]) -> None:
        """Let makers quote and payers pay for a while, then wait for every payment's FINAL."""
        board, rates = self.board, self._rates
        makers = {
            name: MarketMaker(clients[name], rates, board, seed=self._seed, skew_ppm=skew)
            for name, skew in MAKERS.items()
        }
        for maker in makers.values():
            maker.step()
        self._say(f"{len(makers)} market makers quote {board.orders} orders around the ECB's rates of {rates.date}")
        accounts = {name: client.account for name, client in clients.items()}
        by_payer: dict[str, list[Invoice]] = {}
        for invoice in self._invoices:
            by_payer.setdefault(invoice.payer, []).append(invoice)
        payers = {n: Payer(clients[n], invoices, accounts, rates, board) for n, invoices in by_payer.items()}
        market_closes, payers_done = threading.Event(), threading.Event()
        paying = [self._start(name, payer.run, market_closes) for name, payer in payers.items()]
        quoting = [self._start(name, maker.run, payers_done) for name, maker in makers.items()]
        closing = threading.Timer(seconds, market_closes.set)
        closing.start()
        try:
            watch(market_closes)
        finally:
            closing.cancel()
            market_closes.set()
            for thread in paying:
                thread.join()
            payers_done.set()
            for thread in quoting:
                thread.join()

    def _start(self, name: str, run: Callable[[threading.Event], None], stop: threading.Event) -> threading.Thread:
        def guarded() -> None:
            try:
                run(stop)
            except Exception as error:
                self.board.failed(name, error)
                stop.set()

        thread = threading.Thread(target=guarded, name=name)
        thread.start()
        return thread


class _Served:
    """``fxengine serve`` as a child process, from its first word to its last."""

    def __init__(self, home: Home, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "fxengine", "serve", str(home.directory), "--json"]
        addresses = ["--orders", "tcp://127.0.0.1:*", "--market-data", "tcp://127.0.0.1:*"]
        self._log = home.directory / "venue.log"
        with self._log.open("wb") as log:
            # A session of its own: a Ctrl-C on the terminal is for the demo, which closes the venue last.
            self._process = subprocess.Popen(
                command + addresses, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True
            )
        assert self._process.stdout is not None
        opening = threading.Timer(OPENING_S_MAX, self._process.kill)
        opening.start()
        first_line = self._process.stdout.readline()
        opening.cancel()
        if not first_line:
            self._process.wait()
            raise VenueUnreachable(f"the venue did not open; its own words are in {self._log}")
        said = json.loads(first_line)
        if "error" in said:
            raise VenueUnreachable(f"the venue did not open: {said['error']['text']}")
        self.endpoints = Endpoints(said["orders"], said["market_data"], self._process.pid)

    def close(self) -> None:
        """Ask the venue to close and wait until it has settled everything."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(CLOSING_S_MAX)
        except subprocess.TimeoutExpired:
            raise VenueUnreachable(f"the venue did not close within {CLOSING_S_MAX:g} s") from None
        if code:
            raise VenueUnreachable(f"the venue closed with exit code {code}; its own words are in {self._log}")

    def __enter__(self) -> "_Served":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(CLOSING_S_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _available(client: Client) -> dict[str, str]:
    return {code: balance.available for code, balance in client.balances().items()}


def _verify(directory: Path, environment: Mapping[str, str], *, on_chain: bool) -> dict[str, Any]:
    """Let another process compute whether the books are right, and what is on chain."""
    command = [sys.executable, "-m", "fxengine", "verify", str(directory), "--json"]
    command += ["--chain", "-"] if on_chain else []
    said = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False).stdout
    try:
        line: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"ok": False, "problems": ["the verifying process gave no answer"]}
    return line
