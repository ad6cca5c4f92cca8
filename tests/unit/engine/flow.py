"""A small venue and a seeded stream of commands for it, for the engine room's tests."""

import random
import select
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from fxengine import reference
from fxengine.codes import AccountFlag, CommandKind, OrdType, Side, SwapMode, TimeInForce
from fxengine.engine import CoreType, Disk, Durability, Engine, Released, credential_command
from fxengine.records import CANCEL, COMMAND, MONEY, SWAP, Records
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

ISSUER = "https://kyc.example"
OPERATOR, MAKER, PAYER = 2, 3, 4  # account numbers, in the order in which logons() opens them
NEVER_NS = 2**62
START_NS = 1_700_000_000_000_000_000

VENUE_TOML = """
[venue]
id = "test-venue"
name = "A venue for tests"
max_orders = 4096

[levels.basic]
code = 1

[[issuers]]
iss = "https://kyc.example"
levels = ["basic"]
jurisdictions = ["DE"]
keys = { a = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }

[[currencies]]
code = "EUR"
name = "Euro coin"
decimals = 2

[[currencies]]
code = "USD"
name = "Dollar coin"
decimals = 2

[[instruments]]
symbol = "EUR/USD"
tick = "0.01"
lot = "1.00"
maker_fee = -50
taker_fee = 200
"""


class GatedDisk(Disk):
    """A disk whose syncs wait for permission once the gate is closed; it counts them."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Semaphore(0)
        self.n_syncs = 0

    def sync(self, fd: int) -> None:
        if not self.gate.is_set():
            self.n_syncs += 1
            self.began.release()
            assert self.gate.wait(20)
        super().sync(fd)


def venue() -> Venue:
    return parse_venue(VENUE_TOML)


def core_types() -> list[CoreType]:
    """Both cores where the compiled one is built: an engine is tested over each."""
    types: list[CoreType] = [reference.Core]
    if find_spec("fxengine._core") is not None:
        types.append(import_module("fxengine._core").Core)
    return types


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Tape:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.batches: list[Released] = []

    def __call__(self, released: Released) -> None:
        self.batches.append(released)

    @property
    def commands(self) -> bytes:
        return b"".join(batch.commands.tobytes() for batch in self.batches)

    @property
    def events(self) -> bytes:
        return b"".join(batch.events.tobytes() for batch in self.batches)

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else 0


class Options(TypedDict, total=False):
    durability: Durability | str
    clock_ns: Callable[[], int]
    unsynced_bytes_max: int
    disk: Disk


def started(data_dir: Path, core_type: CoreType, **options: Unpack[Options]) -> tuple[Engine, Tape]:
    """An engine that has started, and what it tells."""
    options.setdefault("clock_ns", Clock())
    engine, tape = Engine(venue(), data_dir, core_type=core_type, **options), Tape()
    engine.attach(tape)
    engine.start()
    return engine, tape


def pump_until(engine: Engine, is_done: Callable[[], bool], seconds: float = 20) -> None:
    """Pump whenever the engine's descriptor says so, until the condition holds."""
    while not is_done():
        readable, _, _ = select.select([engine.fileno()], [], [], seconds)
        assert readable, "nothing became durable"
        engine.pump()


def deliver_all(engine: Engine, tape: Tape) -> None:
    """Pump until everything submitted has been told."""
    pump_until(engine, lambda: tape.last_sequence == engine.core.sequence)


def credential(subject: str, *, expires_ns: int = NEVER_NS, issued_at_ns: int = 1, operator: bool = False) -> Records:
    return credential_command(
        ISSUER, subject, token_id=f"{subject}-{issued_at_ns}", permitted=[0, 1], level=1, jurisdiction="DE",
        window=1024, issued_at_ns=issued_at_ns, expires_ns=expires_ns,
        flags=AccountFlag.OPERATOR if operator else AccountFlag.NONE,
    )  # fmt: skip


def time_commands(n: int) -> Records:
    commands = np.zeros(n, COMMAND)
    commands["kind"], commands["n_records"] = CommandKind.TIME, 1
    return commands


class Flow:
    """Commands as a venue sees them: credentials, deposits, orders, cancels, swaps; all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.client_ids = {OPERATOR: 0, MAKER: 0, PAYER: 0}

    def _one(self, kind: CommandKind, account: int, dtype: "np.dtype[np.void]" = COMMAND, **body: int) -> Records:
        record = np.zeros(1, dtype)
        self.client_ids[account] += 1
        record["kind"], record["n_records"], record["account"] = kind, 1, account
        record["client_order_id"] = self.client_ids[account]
        for name, value in body.items():
            record[name] = value
        return record.view(COMMAND)

    def opening(self) -> Records:
        """Three logons and the deposits that the rest needs."""
        rows = [credential("operator-1", operator=True), credential("maker-1"), credential("payer-1")]
        for account in (MAKER, PAYER):
            for currency in (0, 1):
                money = {"instrument": currency, "beneficiary": account, "amount_units": 10**12}
                rows.append(self._one(CommandKind.DEPOSIT, OPERATOR, MONEY, **money))
        return np.concatenate(rows)

    def command(self) -> Records:
        """One command by maker or payer; most are orders around one price."""
        rng, account = self.rng, self.rng.choice((MAKER, PAYER))
        dice = rng.random()
        if dice < 0.2:
            back = rng.randint(1, 20)
            original = max(1, self.client_ids[account] - back)
            return self._one(CommandKind.CANCEL, account, CANCEL, orig_client_order_id=original)
        if dice < 0.3:
            paid = rng.randrange(2)
            swap = {"instrument": paid, "currency_out": 1 - paid, "mode": SwapMode.EXACT_IN}
            return self._one(
                CommandKind.SWAP, account, SWAP, amount_units=rng.randint(1000, 50_000), bound_units=1, **swap
            )
        return self._one(
            CommandKind.NEW_ORDER,
            account,
            side=rng.choice(list(Side)),
            ord_type=OrdType.LIMIT,
            time_in_force=rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
            price_ticks=rng.randint(95, 105),
            quantity_lots=rng.randint(1, 50),
        )

    def commands(self, n: int) -> Records:
        return np.concatenate([self.command() for _ in range(n)])
