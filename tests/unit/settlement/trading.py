"""A small venue that trades at random through a real engine on a real journal, with the reference core."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fxengine.codes import (
    FIRST_CLIENT_ACCOUNT,
    AccountFlag,
    CommandKind,
    OrdType,
    Side,
    SwapMode,
    TimeInForce,
    WithdrawalAction,
)
from fxengine.engine import Durability, Engine, MatchingCore, Released, credential_command
from fxengine.records import CANCEL, COMMAND, MONEY, NEW_ORDER, SETTLED, SWAP, WITHDRAWAL, Records
from fxengine.reference import Core
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

ISSUER = "https://kyc.example"
OPERATOR = FIRST_CLIENT_ACCOUNT
N_CLIENTS = 5
CLIENTS = range(OPERATOR + 1, OPERATOR + 1 + N_CLIENTS)
START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000

VENUE = """
[venue]
id = "test-venue"
name = "Test venue"
settlement_cycle_ms = 1000

[levels.any]
code = 1
client_id_window = 1024

[[issuers]]
iss = "https://kyc.example"
keys = { k1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }
levels = ["any"]
jurisdictions = ["HK"]

[[currencies]]
code = "USD"
name = "US dollar coin"
decimals = 6

[[currencies]]
code = "EUR"
name = "Euro coin"
decimals = 4

[[currencies]]
code = "JPY"
name = "Yen coin"
decimals = 0

[[instruments]]
symbol = "EUR/USD"
tick = "0.01"
lot = "1"
maker_fee = -500
taker_fee = 2000

[[instruments]]
symbol = "USD/JPY"
tick = "1"
lot = "1"
maker_fee = 300
taker_fee = 1000
"""
MID_TICKS = (110, 150)


def make_venue() -> Venue:
    return parse_venue(VENUE)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Flow:
    """Random commands; the ids go on from call to call, and after a restart with the same object."""

    def __init__(self, venue: Venue, rng: random.Random) -> None:
        self.venue = venue
        self.rng = rng
        self.last_id = dict.fromkeys((OPERATOR, *CLIENTS), 0)

    def opening(self) -> list[Records]:
        """Return what opens every account and funds the clients."""
        accounts = [self._credential("operator-1", AccountFlag.OPERATOR)]
        accounts += [self._credential(f"payer-{n}", AccountFlag.NONE) for n in CLIENTS]
        deposits = [self.money(a, c.index, 10 ** (c.decimals + 6)) for a in CLIENTS for c in self.venue.currencies]
        return [*accounts, np.concatenate(deposits)]

    def _credential(self, subject: str, flags: AccountFlag) -> Records:
        return credential_command(
            ISSUER, subject, token_id=subject, permitted=range(len(self.venue.currencies)), level=1, jurisdiction="HK",
            window=1024, issued_at_ns=START_NS, expires_ns=START_NS + 10**15, flags=flags,
        )  # fmt: skip

    def commands(self, n: int) -> Records:
        """Return ``n`` commands that trade a lot."""
        kinds = self.rng.choices((self.order, self.swap, self.any_money, self.cancel), (75, 15, 5, 5), k=n)
        return np.concatenate([np.zeros(0, COMMAND), *(make() for make in kinds)])

    def order(self) -> Records:
        pair = self.rng.randrange(len(self.venue.instruments))
        record = self._command(CommandKind.NEW_ORDER, self.rng.choice(CLIENTS), pair)
        body = record.view(NEW_ORDER)
        body["side"] = self.rng.choice((Side.BUY, Side.SELL))
        body["ord_type"] = OrdType.LIMIT
        body["time_in_force"] = self.rng.choices((TimeInForce.GTC, TimeInForce.IOC), (4, 1))[0]
        body["price_ticks"] = MID_TICKS[pair] + self.rng.randrange(-4, 5)
        body["quantity_lots"] = self.rng.randrange(1, 500)
        return record

    def swap(self) -> Records:
        paid, wanted = self.rng.sample(self.venue.currencies, 2)
        record = self._command(CommandKind.SWAP, self.rng.choice(CLIENTS), paid.index)
        body = record.view(SWAP)
        body["currency_out"] = wanted.index
        body["mode"] = mode = self.rng.choice((SwapMode.EXACT_IN, SwapMode.EXACT_OUT))
        exact = paid if mode is SwapMode.EXACT_IN else wanted
        body["amount_units"] = self.rng.randrange(200, 20_000) * 10**exact.decimals
        body["bound_units"] = 1 if mode is SwapMode.EXACT_IN else 10 ** (paid.decimals + 6)
        body["payee"] = self.rng.choice((0, *CLIENTS))
        return record

    def any_money(self) -> Records:
        currency = self.rng.choice(self.venue.currencies)
        kind = self.rng.choice((CommandKind.DEPOSIT, CommandKind.WITHDRAW))
        units = self.rng.randrange(1, 10 ** (currency.decimals + 3))
        return self.money(self.rng.choice(CLIENTS), currency.index, units, kind)

    def cancel(self) -> Records:
        account = self.rng.choice(CLIENTS)
        record = self._command(CommandKind.CANCEL, account, 0)
        record.view(CANCEL)["orig_client_order_id"] = max(1, self.last_id[account] - self.rng.randrange(20))
        return record

    def money(self, beneficiary: int, currency: int, units: int, kind: CommandKind = CommandKind.DEPOSIT) -> Records:
        record = self._command(kind, OPERATOR, currency)
        record.view(MONEY)["beneficiary"], record.view(MONEY)["amount_units"] = beneficiary, units
        return record

    def endings(self, core: MatchingCore) -> Records:
        """Return what says that all so far is FINAL, and ends about half of the open withdrawals."""
        waiting = core.open_withdrawals(0, 0, 100)
        if not waiting:
            return np.zeros(0, COMMAND)
        settled = np.zeros(1, SETTLED)
        settled["kind"], settled["n_records"], settled["final_sequence"] = CommandKind.SETTLED, 1, core.sequence
        rows = [settled.view(COMMAND)]
        for number, *_ in waiting:
            if self.rng.random() < 0.5:
                record = self._command(CommandKind.WITHDRAWAL, OPERATOR, 0)
                record.view(WITHDRAWAL)["action"] = self.rng.choice(list(WithdrawalAction))
                record.view(WITHDRAWAL)["withdrawal"] = number
                rows.append(record)
        return np.concatenate(rows)

    def crossing(self, account: int, side: Side, lots: int = 1, pair: int = 0) -> Records:
        """Return a plain order at the middle price; two of opposite sides trade."""
        record = self._command(CommandKind.NEW_ORDER, account, pair)
        body = record.view(NEW_ORDER)
        body["side"], body["ord_type"], body["time_in_force"] = side, OrdType.LIMIT, TimeInForce.GTC
        body["price_ticks"], body["quantity_lots"] = MID_TICKS[pair], lots
        return record

    def _command(self, kind: CommandKind, account: int, subject: int) -> Records:
        self.last_id[account] += 1
        record = np.zeros(1, COMMAND)
        record["kind"], record["n_records"], record["instrument"] = kind, 1, subject
        record["account"], record["client_order_id"] = account, self.last_id[account]
        return record


class Trading:
    """An engine on ``data_dir`` that can be stopped, killed and started again."""

    def __init__(self, data_dir: Path, venue: Venue, clock: Clock) -> None:
        self.data_dir, self.venue, self.clock = data_dir, venue, clock
        self.released: list[Released] = []
        self.engine: Engine

    def start(self, *observers: Callable[[Released], None]) -> None:
        self.released.clear()
        self.engine = Engine(self.venue, self.data_dir, durability=Durability.OS, clock_ns=self.clock, core_type=Core)
        for observer in (self.released.append, *observers):
            self.engine.attach(observer)
        self.engine.start()

    def submit(self, commands: Records) -> None:
        self.engine.submit(commands)
        self.engine.pump()

    def open(self, flow: Flow) -> None:
        for commands in flow.opening():
            self.submit(commands)

    def trade(self, flow: Flow, n_frames: int, per_frame: int = 10) -> None:
        for _ in range(n_frames):
            endings = flow.endings(self.engine.core)[:per_frame]
            self.submit(np.concatenate([endings, flow.commands(per_frame - len(endings))]))

    def balances(self) -> dict[tuple[int, int], int]:
        """Return what every account has in the core, available and held; zeros left out."""
        core = self.engine.core
        keys = [(a, c.index) for a in range(core.n_accounts) for c in self.venue.currencies]
        return {key: sum(core.balance(*key)) for key in keys if any(core.balance(*key))}
