"""Kill a venue that settles on a chain, and undo the chain's blocks, over and over; then account for every batch.

    python -m bench.chaos --kills 100 --reorgs 100
    python -m bench.chaos --kills 3 --reorgs 3 --seed 7         a glance

A venue (:mod:`bench.chaos_venue`) trades under load against a node that makes blocks by itself. It dies by SIGKILL
at random moments and is started again; blocks are undone, 1 to 12 at a time, while it trades and while it is dead. In
the end, from what the chain itself says (events, calldata, state), every batch must be there once and in order, each
head must follow from the last one and the calldata, the vault's balances must be what the calldata add up to and
what the books hold, and ``fxengine verify`` must find nothing. Prints one JSON line; exits with 0 when all holds.

What an account has on chain before it trades is written into the vault's storage, in place of a deposit.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.chaos_venue import ChaosVenue
from bench.machine import commit, machine
from fxengine.audit import verify as audit
from fxengine.chain.deltas import decode
from fxengine.chain.head import chain_head
from fxengine.chain.local_node import LocalNode
from fxengine.client import Client
from fxengine.codes import CUSTODY_ACCOUNT
from fxengine.errors import FxEngineError
from fxengine.home import Home
from fxengine.ledger import Cursor
from fxengine.ledger.base import ledger_of
from fxengine.ledger.reading import open_reader
from tests.ledger.evm.site import Site

SEED_DEFAULT: Final = 20261122
DEPTH_MAX: Final = 12
FINALITY: Final = f"depth:{DEPTH_MAX + 1}"
BLOCK_S: Final = 0.25
CYCLE_MS: Final = 100
"""A batch every tenth of a second, so that several are in flight when something happens."""
BURIED: Final = 2 * DEPTH_MAX
"""Blocks on top of the money that accounts begin with, so that no reorganisation takes it back."""
LIFE_S: Final = (0.1, 1.2)
"""How long a venue trades before it dies."""
FUNDS: Final = {"HKD": "500000000", "JPY": "10000000000"}
SYMBOL, PRICE, QUANTITY = "HKD/JPY", "20.05", "100"
_FINAL_S_MAX: Final = 120.0

Balances = dict[tuple[int, int], int]


class Chaos:
    """A node, a venue on it, two accounts that trade, and what is done to all of them."""

    def __init__(self, folder: Path, seed: int, lines: ExitStack) -> None:
        self.rng = Random(seed)
        file = Home.create(folder / "venue").venue_file
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("settlement_cycle_ms = 1_000", f"settlement_cycle_ms = {CYCLE_MS}"))
        self.home = Home(file.parent)  # reads it anew
        assert self.home.venue.settlement_cycle_ms == CYCLE_MS
        node = lines.enter_context(LocalNode(block_time_s=BLOCK_S))
        directory = self.home.directory / "chain"
        self.site = Site(node, directory, self.home.venue, finality=FINALITY, n_accounts=0, funds=0, seed=seed)
        lines.callback(self.site.rpc.close)
        os.environ.update(self.site.environ)
        self.venue = lines.enter_context(ChaosVenue(self.home))
        self.started: Balances = {}
        self.sides = ["SELL", "BUY"]
        self.depths: Counter[int] = Counter()
        self.n_trades = 0
        self._fund()

    def _fund(self) -> None:
        """Give both accounts of both currencies, in the venue and in the vault."""
        for name in ("maker-1", "payer-1"):
            with self.venue.log_on(name) as client:
                for code, amount in FUNDS.items():
                    with self.venue.operator() as operator:
                        operator.deposit(client.account, code, amount)
                    currency = self.home.venue.currency[code]
                    self.started[client.account, currency.index] = currency.units(amount)
                    self.site.set_balance(client.account, currency.index, currency.units(amount))
        self.site.mine(BURIED)

    def live(self, *, reorg: bool) -> None:
        """Trade for a random while, undoing blocks on the way if asked to, and die."""
        until = time.monotonic() + self.rng.uniform(*LIFE_S)
        undo_at = until - self.rng.uniform(0, LIFE_S[0]) if reorg else None
        with suppress(FxEngineError), ExitStack() as lines:
            maker, payer = (lines.enter_context(self.venue.log_on(name)) for name in ("maker-1", "payer-1"))
            while (now := time.monotonic()) < until:
                self._trade(maker, payer)
                if undo_at is not None and now >= undo_at:
                    self.undo()
                    undo_at = None
        if undo_at is not None:
            self.undo()
        self.venue.end(signal.SIGKILL)

    def _trade(self, maker: Client, payer: Client) -> None:
        self.sides.reverse()
        maker.new_order(SYMBOL, self.sides[0], PRICE, QUANTITY)
        payer.new_order(SYMBOL, self.sides[1], PRICE, QUANTITY)
        self.n_trades += 1

    def undo(self) -> None:
        """Undo some of the newest blocks."""
        depth = self.rng.randint(1, DEPTH_MAX)
        self.site.rpc.call("anvil_reorg", depth, [])
        self.depths[depth] += 1

    def end(self) -> None:
        """Stop the venue in order, when all that it has settled is FINAL: also the last batch, which a stop makes."""
        self.await_final()
        if code := self.venue.end(signal.SIGTERM):
            raise SystemExit(f"the venue ended with exit code {code}")
        if self.n_waiting():
            self.venue.start()
            self.end()

    def n_waiting(self) -> int:
        """Return how many batches are not FINAL."""
        with open_reader(f"evm:{self.home.directory / 'chain'}") as books:
            return cast(int, books.rows("SELECT count(*) FROM outbox WHERE state <> 'FINAL'")[0][0])

    def await_final(self) -> None:
        """Wait until the outbox has nothing that is not FINAL."""
        deadline = time.monotonic() + _FINAL_S_MAX
        while waiting := self.n_waiting():
            if time.monotonic() > deadline:
                raise SystemExit(f"{waiting} batches are not FINAL after {_FINAL_S_MAX:g} s")
            time.sleep(BLOCK_S)

    def account_for_it(self) -> dict[str, Any]:
        """Say what the chain has, and whether it is what it must be."""
        site, settle = self.site, self.site.interface.function("settle_batch")
        event = site.interface.event("Settled")
        wanted = {"address": site.vault, "fromBlock": "0x0", "toBlock": "latest", "topics": [event.topic]}
        logs = site.rpc.call("eth_getLogs", wanted)
        with open_reader(f"evm:{self.home.directory / 'chain'}") as books:
            ((n_batches,),) = books.rows("SELECT count(*) FROM batches")
            rows = books.rows("SELECT account, currency, amount_units FROM balances WHERE amount_units <> 0")
        held = {(a, c): units for a, c, units in cast(list[tuple[int, int, int]], rows) if a != CUSTODY_ACCOUNT}
        head, heads_equal, added = Cursor.genesis(self.home.venue).head, True, dict(self.started)
        for log in logs:
            call = site.rpc.call("eth_getTransactionByHash", log["transactionHash"])["input"]
            batch, last, n, before, root, journal, deltas = cast(
                tuple[int, int, int, bytes, bytes, bytes, bytes], settle.arguments(bytes.fromhex(call[2:]))
            )
            heads_equal &= before == head
            head = chain_head(head, batch, last, n, root, journal, deltas)
            heads_equal &= event.read(log)["head"] == head
            for account, currency, _, units in decode(deltas).tolist():
                added[account, currency] = added.get((account, currency), 0) + units
        site.accounts = sorted({account for account, _ in added | held} - {0})
        return {
            "batches": n_batches,
            "once_and_in_order": [event.read(log)["batch_id"] for log in logs]
            == list(range(1, cast(int, n_batches) + 1)),
            "heads_equal": bool(heads_equal) and site.settled() == (n_batches, head),
            "balances_equal": site.balances() == {key: units for key, units in added.items() if units} == held,
        }


def run(kills: int, reorgs: int, seed: int) -> dict[str, Any]:
    """Do it, and return the line that is printed."""
    columns = (TextColumn("killed"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as scratch,
        ExitStack() as lines,
        Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar,
    ):
        chaos = Chaos(Path(scratch), seed, lines)
        for _ in bar.track(range(kills), total=kills):
            left = reorgs - chaos.depths.total()
            chaos.live(reorg=left > 0 and chaos.rng.random() < 0.5)
            if chaos.depths.total() < reorgs and chaos.rng.random() < 0.5:
                chaos.undo()
            chaos.venue.start()
        while chaos.depths.total() < reorgs:
            chaos.undo()
            time.sleep(BLOCK_S)
        chaos.end()
        found = chaos.account_for_it()
        verified = audit(chaos.home.directory, ledger_of(chaos.home.directory, "evm"))
    found["verify_ok"] = verified.ok
    depths = {str(depth): chaos.depths[depth] for depth in sorted(chaos.depths)}
    done = {"kills": kills, "reorgs": chaos.depths.total(), "depths": depths, "trades": verified.trades}
    ok = all(found[name] for name in ("once_and_in_order", "heads_equal", "balances_equal", "verify_ok"))
    ok = ok and verified.trades >= chaos.n_trades and found["batches"] > 0
    return {"ok": bool(ok), "seed": seed, **done, **found, "machine": machine(), "commit": commit()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--reorgs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED_DEFAULT)
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", file=sys.stderr)
    found = run(chosen.kills, chosen.reorgs, chosen.seed)
    print(json.dumps(found), flush=True)
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
