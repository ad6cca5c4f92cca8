"""Print what settling on a chain takes of the poster, how soon a trade is POSTED and FINAL there, and what bounds it.

    python -m bench.chain --json
    python -m bench.chain --batches 4 --seconds 3               a glance

The chain is a local node with blocks of one second that are final after four more (2-slot epochs). The poster's own
time is its thread's processor time: making the call in the batch's transaction, then looking, signing and sending;
not the node's, nor the books'. What accounts have on chain is written into the vault's storage before they trade.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.ledger_final import PAYERS, matched_to_final
from bench.ledger_load import MAKERS, Load, make_venue
from bench.machine import commit, machine
from fxengine.chain.deltas import LANES
from fxengine.chain.local_node import LocalNode
from fxengine.codes import FIRST_CLIENT_ACCOUNT
from fxengine.errors import LedgerUnavailable
from fxengine.ledger.evm import EvmLedger
from tests.ledger.evm.site import BALANCES_SLOT, Site

TRADES: Final = 400
"""Trades of one transaction: between 50 makers and 2,000 payers a thousand write more words than one may hold."""
BLOCK_S: Final = 1.0
FUNDS_UNITS: Final = 10**14
TRADES_ONE: Final = 1_000
PAYERS_ONE: Final = 250
"""A batch of so many trades between so few is one transaction."""
_CALLS_AT_ONCE: Final = 2_000
_SETTLED_S_MAX: Final = 300.0
_RETRY_NS: Final = 50_000_000

Figures = dict[str, Any]


def fund(site: Site, n_accounts: int, n_currencies: int) -> None:
    """Give every account of the load all currencies, and the fees account none."""
    calls: list[tuple[str, tuple[object, ...]]] = []
    for group in range(-(-n_currencies // LANES)):
        lanes = [FUNDS_UNITS if group * LANES + lane < n_currencies else 0 for lane in range(LANES)]
        word = "0x" + np.array(lanes, ">u8").tobytes().hex()
        for account in range(FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + n_accounts):
            calls.append(("anvil_setStorageAt", (site.vault, hex(BALANCES_SLOT + (group << 32 | account)), word)))
    for at in range(0, len(calls), _CALLS_AT_ONCE):
        assert all(site.rpc.batch(calls[at : at + _CALLS_AT_ONCE]))
    site.mine()


def timed(ledger: EvmLedger, name: str, spent: list[float]) -> None:
    """Add the processor time of each call of one of a ledger's methods to ``spent``, in seconds."""
    inner: Callable[..., Any] = getattr(ledger, name)

    def call(*arguments: object) -> Any:  # noqa: ANN401 - whatever it stands in for
        began = time.thread_time()
        try:
            return inner(*arguments)
        finally:
            spent.append(time.thread_time() - began)

    setattr(ledger, name, call)


def advance(ledger: EvmLedger) -> int | None:
    """Advance once; what a node tells while it makes a block is asked again, as settlement does."""
    try:
        return ledger.advance()
    except LedgerUnavailable as e:
        if e.needs_somebody:
            raise
        return _RETRY_NS


def settle(ledger: EvmLedger, last: int) -> float:
    """Advance until a batch is POSTED; return the seconds it took."""
    began = time.monotonic()
    while ledger.progress().posted < last:
        time.sleep((advance(ledger) or 0) / 1e9)
        if time.monotonic() - began > _SETTLED_S_MAX:
            raise SystemExit(f"batch {last} is not POSTED after {_SETTLED_S_MAX:g} s")
    return time.monotonic() - began


def own_time(site: Site, n_batches: int, seed: int) -> Figures:
    """Return the poster's own time for a batch of 1,000 trades, which is one transaction, each batch by itself."""
    load = Load(site.venue, seed, trades=TRADES_ONE, payers=PAYERS_ONE)
    making: list[float] = []
    advancing: list[float] = []
    own_ms = []
    with closing(site.open()) as ledger:
        ledger.post(load.opening())
        settle(ledger, 1)
        timed(ledger, "_write_beside", making)
        timed(ledger, "advance", advancing)
        for batch in load.batches(n_batches):
            making.clear()
            advancing.clear()
            ledger.post(batch)
            advance(ledger)
            own_ms.append(1e3 * (sum(making) + sum(advancing)))
            settle(ledger, batch.id)
    return {"own_ms_per_batch": round(statistics.median(own_ms), 1), "own_ms_per_batch_max": round(max(own_ms), 1)}


def sustained(site: Site, n_batches: int, seed: int) -> Figures:
    """Return how many trades a second are settled when many wait, and of what."""
    load = Load(site.venue, seed, trades=TRADES, payers=PAYERS)
    with closing(site.open()) as ledger:
        for batch in (load.opening(), *load.batches(n_batches)):
            ledger.post(batch)
        settle(ledger, 1)
        seconds = settle(ledger, 1 + n_batches)
    event = site.interface.event("Settled")
    wanted = {"address": site.vault, "fromBlock": "0x0", "toBlock": "latest", "topics": [event.topic]}
    logs = [log for log in site.rpc.call("eth_getLogs", wanted) if event.read(log)["batch_id"] != 1]
    receipts = site.rpc.batch([("eth_getTransactionReceipt", (log["transactionHash"],)) for log in logs])
    gas = sum(int(receipt["gasUsed"], 16) for receipt in receipts)
    limit = int(site.rpc.call("eth_getBlockByNumber", "latest", False)["gasLimit"], 16)
    blocks = {log["blockNumber"] for log in logs}
    return {
        "sustained_trades_per_s": round(TRADES * len(logs) / seconds),
        "gas_per_trade": round(gas / (TRADES * len(logs))),
        "transactions_per_block": round(len(logs) / len(blocks), 1),
        "block_gas_used_share": round(gas / (len(blocks) * limit), 2),
    }


def run(n_batches: int, rate: int, seconds: float, seed: int) -> Figures:
    """Measure, and return all figures."""
    figures: Figures = {"machine": machine(), "commit": commit(), "seed": seed, "block_s": BLOCK_S}
    with tempfile.TemporaryDirectory(prefix="bench-chain-") as scratch:
        folder = Path(scratch)
        for name in ("own", "sustained", "matched"):
            with LocalNode(block_time_s=BLOCK_S) as node:
                site = Site(node, folder / name, make_venue(), n_accounts=0, funds=0, seed=seed)
                os.environ.update(site.environ)
                fund(site, 1 + MAKERS + PAYERS, len(site.venue.currencies))
                if name == "own":
                    figures |= own_time(site, n_batches, seed)
                elif name == "sustained":
                    figures |= sustained(site, n_batches, seed)
                else:
                    figures["matched"] = matched_to_final(site.url, folder / "venue", rate, seconds)
                site.rpc.close()
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.chain", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--batches", type=int, default=30, help="transactions of each measurement")
    parser.add_argument("--rate", type=int, default=1_000, help="trades a second, matched to POSTED and FINAL")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    chosen = parser.parse_args(arguments)
    figures = run(chosen.batches, chosen.rate, chosen.seconds, chosen.seed)
    if chosen.json:
        print(json.dumps(figures), flush=True)
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
