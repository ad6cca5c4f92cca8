"""What the vault's calls cost in gas, from receipts of a real node: the table of docs/onchain.md, and its snapshot.

A batch is as many random trades between pairs of accounts, in random pairs of the currencies, as its name says, each
with its fee, netted as the venue nets them; every account has money of every currency before, so no word of storage
is new. That is the worst case for netting: real flow goes to and fro between fewer. Prints the table;
``--write`` keeps it in ``fxengine/chain/gas.json``, which ``fxengine chain cost`` reads and a test compares exactly::

    python -m bench.gas --write
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from eth_abi import encode as abi_encode

from fxengine.chain.calldata import Interface, Value
from fxengine.chain.cost import SNAPSHOT
from fxengine.chain.deltas import RECORD, encode
from fxengine.chain.head import chain_head
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from fxengine.contracts import STABLECOIN, VAULT, load
from fxengine.ledger.batch import DELTA
from fxengine.records import Records

SIZES: Final = ((2, 1), (5, 100), (5, 1000), (50, 100), (50, 1000), (500, 100), (500, 300))
"""Accounts and trades."""
CURRENCIES: Final = (5, 10)
FEES_ACCOUNT: Final = 0
FIRST_ACCOUNT: Final = 2
TREASURY: Final = 5_000
START_UNITS: Final = 10**14
GENESIS: Final = bytes(32)
WHO: Final = {role: f"0x{number:040x}" for number, role in enumerate(("owner", "operator", "guardian", "registrar"), 1)}
HOLDER: Final = f"0x{99:040x}"


def netted(n_accounts: int, n_trades: int, n_currencies: int, seed: int) -> Records:
    """Return ``(n,) DELTA`` records of random trades, in units of a millionth. O(trades)."""
    random = np.random.default_rng(seed)
    net: dict[tuple[int, int], int] = {}

    def move(account: int, currency: int, units: int) -> None:
        net[account, currency] = net.get((account, currency), 0) + units

    for _ in range(n_trades):
        maker, taker = (random.choice(n_accounts, 2, replace=False) + FIRST_ACCOUNT).tolist()
        base, quote = random.choice(n_currencies, 2, replace=False).tolist()
        base_units = int(random.integers(1_000, 100_000)) * 100_000  # 100 to 10,000 of the currency
        quote_units = base_units * int(random.integers(500, 2_000)) // 1_000
        fee_units = quote_units * 5 // 100_000
        move(maker, base, base_units)
        move(taker, base, -base_units)
        move(maker, quote, -quote_units)
        move(taker, quote, quote_units - fee_units)
        move(FEES_ACCOUNT, quote, fee_units)
    return _records({key: units for key, units in net.items() if units})


def _records(net: dict[tuple[int, int], int]) -> Records:
    records = np.zeros(len(net), DELTA)
    for at, ((account, currency), units) in enumerate(sorted(net.items())):
        records[at] = (account, currency, b"", units)
    return records


class Meter:
    """A vault with ten tokens on a node of its own, where everybody may send, and what each call used."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.vault_interface, self.coin_interface = Interface(load(VAULT).abi), Interface(load(STABLECOIN).abi)
        self.calls: dict[str, int] = {}
        self._head, self._batch = GENESIS, 0
        for address in (*WHO.values(), HOLDER):
            self._rpc.call("anvil_setBalance", address, hex(10**24))
            self._rpc.call("anvil_impersonateAccount", address)
        arguments = abi_encode(["address"] * 4 + ["bytes32"] + ["uint256"] * 2, [*WHO.values(), GENESIS, 60, 600])
        self.vault = self._create("deploy vault", load(VAULT).bytecode + arguments)
        self._register(TREASURY, HOLDER)
        for tid in range(max(CURRENCIES)):
            self._fund(tid)
        self._request()
        self._distribute(max(n for n, _ in SIZES), max(CURRENCIES))

    def settle(self, deltas: Records, n_trades: int) -> tuple[int, int]:
        """Settle a batch; return its gas and its records."""
        self._batch += 1
        random = np.random.default_rng(self._batch)
        root, journal_hash, content = random.bytes(32), random.bytes(32), encode(deltas)
        facts = self._batch, self._batch * 1_000, n_trades
        gas = self._vault("operator", "settle_batch", *facts, self._head, root, journal_hash, content)
        self._head = chain_head(self._head, *facts, root, journal_hash, content)
        return gas, len(content) // RECORD.itemsize

    def through_requests(self) -> None:
        """Measure what a record costs more that takes from requests of all its four currencies."""
        pays = _records({(account, tid): sign for account, sign in ((2, 1), (TREASURY, -1)) for tid in range(4)})
        usual, _ = self.settle(pays, 0)
        for tid in range(4):
            (balance,) = self._ask("balance_of", TREASURY, tid)
            self._by_holder("request_withdraw", tid, balance)
        through, _ = self.settle(pays, 0)
        self._note("four requests reduced", through - usual)

    def _ask(self, name: str, *values: Value) -> tuple[Value, ...]:
        function = self.vault_interface.function(name)
        call = {"to": self.vault, "data": "0x" + function.call(*values).hex()}
        return function.result(bytes.fromhex(self._rpc.call("eth_call", call, "latest")[2:]))

    def _fund(self, tid: int) -> None:
        coin_arguments = abi_encode(
            ["string", "string", "uint8", "address", "address", "address"], ["coin", "COIN", 6, *[WHO["owner"]] * 3]
        )
        coin = self._create("deploy stablecoin", load(STABLECOIN).bytecode + coin_arguments)
        self._note("list token", self._vault("owner", "list_token", coin, 6))
        self._send(WHO["owner"], coin, self.coin_interface.function("mint").call(HOLDER, 2**62))
        approval = self._send(HOLDER, coin, self.coin_interface.function("approve").call(self.vault, 2**255))
        self._note("approve", int(approval["gasUsed"], 16))
        self._note("deposit", self._by_holder("deposit", tid, 2**61))

    def _request(self) -> None:
        self._note("request withdraw", self._by_holder("request_withdraw", 0, 10))
        self._rpc.call("evm_increaseTime", 61)
        self._note("withdraw", self._by_holder("withdraw", 0, HOLDER))
        self._by_holder("request_withdraw", 0, 10)
        self._note("cancel withdraw", self._by_holder("cancel_withdraw", 0))
        self._note("heartbeat", self._vault("operator", "heartbeat"))

    def _register(self, account: int, who: str) -> None:
        self._note("register", self._vault("registrar", "register", account, who, 2**40))

    def _distribute(self, n_accounts: int, n_currencies: int) -> None:
        accounts = [FEES_ACCOUNT, *range(FIRST_ACCOUNT, FIRST_ACCOUNT + n_accounts)]
        for at in range(0, len(accounts), 100):
            some = accounts[at : at + 100]
            net = {(account, currency): START_UNITS for account in some for currency in range(n_currencies)}
            net |= {(TREASURY, currency): -START_UNITS * len(some) for currency in range(n_currencies)}
            self.settle(_records(net), 0)

    def _note(self, name: str, gas: int) -> None:
        self.calls[name] = gas

    def _vault(self, role: str, name: str, *values: Value) -> int:
        call = self.vault_interface.function(name).call(*values)
        return int(self._send(WHO[role], self.vault, call)["gasUsed"], 16)

    def _by_holder(self, name: str, *values: Value) -> int:
        return int(self._send(HOLDER, self.vault, self.vault_interface.function(name).call(*values))["gasUsed"], 16)

    def _create(self, name: str, content: bytes) -> str:
        receipt = self._send(WHO["owner"], None, content)
        self._note(name, int(receipt["gasUsed"], 16))
        return str(receipt["contractAddress"])

    def _send(self, sender: str, to: str | None, content: bytes) -> dict[str, Any]:
        transaction = {"from": sender, "data": "0x" + content.hex(), "gas": hex(2**24)} | ({"to": to} if to else {})
        receipt: dict[str, Any] = self._rpc.call("eth_sendTransactionSync", transaction)
        if int(receipt["status"], 16) != 1:
            self._rpc.call("eth_call", transaction, "latest")  # raises, with the contract's reason
            raise AssertionError("a call that is measured failed")
        return receipt


def measured(node: LocalNode) -> dict[str, Any]:
    """Return the snapshot: gas of every call, and of every batch."""
    batches = []
    with closing(Rpc(node.url)) as rpc:
        meter = Meter(rpc)
        for n_currencies in CURRENCIES:
            for n_accounts, n_trades in SIZES:
                deltas = netted(n_accounts, n_trades, n_currencies, seed=1)
                gas, n_records = meter.settle(deltas, n_trades)
                names = ("currencies", "accounts", "trades", "deltas", "records", "gas")
                line = (n_currencies, n_accounts, n_trades, len(deltas), n_records, gas)
                batches.append(dict(zip(names, line, strict=True)))
        meter.through_requests()
    return {"vault": load(VAULT).hash, "stablecoin": load(STABLECOIN).hash, "calls": meter.calls, "batches": batches}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.gas", description="Gas of the vault's calls, from receipts.")
    parser.add_argument("--write", action="store_true", help="keep the figures as the package's own")
    options = parser.parse_args(arguments)
    with LocalNode() as node:
        found = measured(node)
    for name, gas in found["calls"].items():
        print(f"{name:<24}{gas:>12,}")
    print(f"\n{'currencies':>10} {'accounts':>8} {'trades':>6} {'deltas':>6} {'records':>7} {'gas':>10} {'a trade':>8}")
    for line in found["batches"]:
        per_trade = line["gas"] // line["trades"]
        print(
            f"{line['currencies']:>10} {line['accounts']:>8} {line['trades']:>6} {line['deltas']:>6}"
            f" {line['records']:>7} {line['gas']:>10,} {per_trade:>8,}"
        )
    if options.write:
        Path(str(SNAPSHOT)).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
