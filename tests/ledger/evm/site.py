"""A vault on a real node, a directory beside it, and batches that both books and vault can carry.

Money that came in before the first batch is written into the vault's storage: how deposits come to be there is
another room's business, and what a poster does depends on the balances alone.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from eth_abi.abi import encode as abi_encode

from fxengine.chain.calldata import Interface
from fxengine.chain.deployment import Deployment
from fxengine.chain.keys import Key
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.contracts import VAULT, load
from fxengine.ledger import Batch, Cursor, open_ledger
from fxengine.ledger.batch import TRADE, TRANSFER
from fxengine.ledger.check_batches import Books
from fxengine.ledger.evm import EvmLedger
from fxengine.venue import Venue

ETHER = 10**18
DAY_S = 86_400
SILENCE_S = 90 * DAY_S
BALANCES_SLOT = 1041
"""Where the vault's balances begin in its storage; test_site.py holds it to the contract."""
SETTLED_FUNDS = 10**12
"""What every account of a test has of every currency to begin with."""


class Site:
    """A deployed vault with accounts ``2 .. 2 + n_accounts`` funded, and the directory of its ledger."""

    def __init__(
        self,
        node: LocalNode,
        directory: Path,
        venue: Venue,
        *,
        finality: str = "finalized",
        n_accounts: int = 6,
        funds: int = SETTLED_FUNDS,
        seed: int = 1,
    ) -> None:
        self.node, self.directory, self.venue = node, directory, venue
        self.rpc = Rpc(node.url)
        self.rng = random.Random(seed)
        self.owner, self.operator = (Key.from_hex(self.rng.randbytes(32).hex()) for _ in range(2))
        for key in (self.owner, self.operator):
            self.rpc.call("anvil_setBalance", key.address, hex(1_000 * ETHER))
        self.interface = Interface(load(VAULT).abi)
        self.vault = self._deploy()
        self.accounts = range(2, 2 + n_accounts)
        for account in (0, *self.accounts):
            for currency in range(len(venue.currencies)):
                self.set_balance(account, currency, funds)
        self.mine(16)  # so that no reorganisation of a test reaches back to here
        Deployment(
            directory=directory, venue=venue.id, chain_id=int(self.rpc.call("eth_chainId"), 16),
            genesis_head=Cursor.genesis(venue).head, finality=finality, exit_delay_s=DAY_S, silence_s=SILENCE_S,
            roles={}, artifacts={}, vault=self.vault,
        ).save()  # fmt: skip
        self.environ = {"FXENGINE_RPC": node.url, "FXENGINE_OPERATOR_KEY": self.operator.account.key.hex()}

    @property
    def url(self) -> str:
        return f"evm:{self.directory}"

    def open(self, query: str = "") -> EvmLedger:
        ledger = open_ledger(self.url + query, self.venue)
        assert isinstance(ledger, EvmLedger)
        return ledger

    def _deploy(self) -> str:
        genesis = Cursor.genesis(self.venue).head
        who = [self.owner.address, self.operator.address, self.owner.address, self.owner.address]
        kinds = ["address"] * 4 + ["bytes32", "uint256", "uint256"]
        data = load(VAULT).bytecode + abi_encode(kinds, [*who, genesis, DAY_S, SILENCE_S])
        address: str = self.transact(self.owner, None, data)["contractAddress"]
        return address

    def transact(self, key: Key, to: str | None, data: bytes = b"", **more: int) -> dict[str, Any]:
        """Send a transaction and mine it; return its receipt."""
        fields = {
            "type": 2,
            "chainId": int(self.rpc.call("eth_chainId"), 16),
            "value": 0,
            "data": data,
            "gas": 6_000_000,
        }
        fields |= {"nonce": self.nonce(key), "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, **more}
        signed = key.sign(fields | ({"to": to} if to else {}))
        self.rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        self.mine()
        receipt: dict[str, Any] = self.rpc.call("eth_getTransactionReceipt", "0x" + signed.hash.hex())
        return receipt

    def call_as_owner(self, function: str, *values: int | bytes | str | bool) -> None:
        receipt = self.transact(self.owner, self.vault, self.interface.function(function).call(*values))
        assert int(receipt["status"], 16) == 1, function

    def nonce(self, key: Key) -> int:
        return int(self.rpc.call("eth_getTransactionCount", key.address, "latest"), 16)

    def mine(self, n: int = 1) -> None:
        for _ in range(n):
            self.rpc.call("evm_mine")

    @property
    def height(self) -> int:
        return int(self.rpc.call("eth_blockNumber"), 16)

    def view(self, function: str, *values: int) -> tuple[Any, ...]:
        entry = self.interface.function(function)
        call = {"to": self.vault, "data": "0x" + entry.call(*values).hex()}
        return entry.result(bytes.fromhex(self.rpc.call("eth_call", call, "latest")[2:]))

    def settled(self) -> tuple[int, bytes]:
        """The vault's last batch and its head."""
        state = self.view("status")
        return state[0], state[2]

    def set_balance(self, account: int, currency: int, units: int) -> None:
        slot = hex(BALANCES_SLOT + ((currency // 4) << 32 | account))
        word = int(self.rpc.call("eth_getStorageAt", self.vault, slot, "latest"), 16)
        at = 192 - 64 * (currency % 4)
        word = word & ~((2**64 - 1) << at) | units << at
        self.rpc.call("anvil_setStorageAt", self.vault, slot, f"0x{word:064x}")

    def balances(self) -> dict[tuple[int, int], int]:
        """What the vault has for every account of the test and the fees account, but zeros."""
        keys = [(a, c) for a in (0, *self.accounts) for c in range(len(self.venue.currencies))]
        entry = self.interface.function("balance_of")
        answers = self.rpc.batch(
            [("eth_call", ({"to": self.vault, "data": "0x" + entry.call(*key).hex()}, "latest")) for key in keys]
        )
        found = {key: int(answer, 16) for key, answer in zip(keys, answers, strict=True)}
        return {key: units for key, units in found.items() if units}

    def settled_logs(self) -> list[dict[str, Any]]:
        """The Settled events of the canonical chain, in order."""
        event = self.interface.event("Settled")
        wanted = {"address": self.vault, "fromBlock": "0x0", "toBlock": "latest", "topics": [event.topic]}
        return [event.read(log) for log in self.rpc.call("eth_getLogs", wanted)]


def opening(books: Books, site: Site) -> Batch:
    """The first batch: it brings into the books what the site has put into the vault."""
    transfers, moves = [], []
    for n, (account, currency) in enumerate(
        (a, c) for a in (0, *site.accounts) for c in range(len(books.venue.currencies))
    ):
        kind = EventKind.DEPOSITED
        transfers.append((n + 1, CUSTODY_ACCOUNT, account, currency, kind, b"", SETTLED_FUNDS, 0, b"", b""))
        moves += [(CUSTODY_ACCOUNT, currency, -SETTLED_FUNDS), (account, currency, SETTLED_FUNDS)]
    return books.close(moves, transfers=np.array(transfers, TRANSFER), last=len(transfers))


def trades(books: Books, site: Site, n: int = 8) -> Batch:
    """A batch of ``n`` random trades between the site's accounts."""
    lines, moves = [], []
    books._sequence = books.cursor.last_sequence
    for _ in range(n):
        line, moved = books._trade(*books.rng.sample(site.accounts, 2))
        lines.append(line)
        moves += moved
    return books.close(moves, np.array(lines, TRADE), last=books._sequence)


def held(books: Books) -> dict[tuple[int, int], int]:
    """What the books' accounts hold, but for custody and zeros: what the vault must have."""
    return {key: units for key, units in books.balances.items() if key[0] != CUSTODY_ACCOUNT and units}


def settle(ledger: EvmLedger, site: Site, until: Callable[[], bool], *, blocks_max: int = 60) -> None:
    """Tick and mine until something holds."""
    for _ in range(blocks_max):
        ledger.advance()
        if until():
            return
        site.mine()
    raise AssertionError(f"it does not hold after {blocks_max} blocks")
