"""A vault's own history, from its events and the calldata of its settlements alone.

Every event is applied in the chain's order, as the vault's source says it works, to balances of this module's own;
every settlement's head is hashed anew from the calldata that made it. What comes of it is then held against what
the vault answers at the same block::

    Deposited            balance + units
    WithdrawalRequested  balance -> pending       WithdrawalCancelled  pending -> balance
    Settled, calldata    balance + delta; what is missing is taken from pending
    Withdrawn            pending - units, and with it the vault's liability

Nothing of the poster, the books or the contracts' artifacts is used: signatures, layouts and hashes are written down
here a second time, from docs/onchain.md.
"""

import hashlib
import json
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError, LedgerError, MissingExtraError

try:
    from eth_utils.crypto import keccak
except ImportError as e:
    raise MissingExtraError("evm", "verifying a chain") from e

WORD: Final = 32
KEYS_AT_ONCE: Final = 256
_N_TOKENS_AT: Final = 6 * WORD
"""Where ``status()`` says how many tokens the vault has: all of them are looked at, whatever a file names."""
_DELTAS: Final = struct.Struct(">BI4q")
_LANE: Final = 2**64 - 1
_SETTLE: Final = keccak(text="settle_batch(uint64,uint64,uint64,bytes32,bytes32,bytes32,bytes)")[:4]
_STATUS: Final = keccak(text="status()")[:4]
_BALANCE_WORDS: Final = keccak(text="balance_words(uint256[])")[:4]
_PENDING: Final = keccak(text="pending(uint256,uint256)")[:4]
_LIABILITIES: Final = keccak(text="liabilities(uint256)")[:4]
_TOKEN: Final = keccak(text="token(uint256)")[:4]
_BALANCE_OF: Final = keccak(text="balanceOf(address)")[:4]
_EVENTS: Final = {
    "0x" + keccak(text=f"{name}({types})").hex(): name
    for name, types in (
        ("Settled", "uint64,uint64,uint64,bytes32,bytes32,bytes32"),
        ("Deposited", "uint256,uint256,uint256,address"),
        ("WithdrawalRequested", "uint256,uint256,uint256,uint256"),
        ("WithdrawalReduced", "uint256,uint256,uint256"),
        ("WithdrawalCancelled", "uint256,uint256,uint256"),
        ("Withdrawn", "uint256,uint256,uint256,address"),
    )
}
_REFERENCED: Final = ("Deposited", "WithdrawalRequested", "WithdrawalCancelled", "Withdrawn")
"""Events that a reference counts within their transaction."""

Name = tuple[int, int]
"""An account and a currency."""


class Settlement(NamedTuple):
    """One settled batch as its calldata says it."""

    batch_id: int
    last_sequence: int
    n_trades: int
    trades_root: bytes
    journal_hash: bytes
    deltas: dict[Name, int]


@dataclass
class VaultHistory:
    """A vault up to one block. ``problems``: where the chain does not agree with itself, in words."""

    block: int
    genesis: bytes
    """The head that the first settlement must continue."""
    settlements: list[Settlement] = field(default_factory=list)
    deposits: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    """Account, currency and units by the external id that the venue knows a deposit by."""
    deposited: defaultdict[Name, int] = field(default_factory=lambda: defaultdict(int))
    exited: defaultdict[Name, int] = field(default_factory=lambda: defaultdict(int))
    balances: defaultdict[Name, int] = field(default_factory=lambda: defaultdict(int))
    pending: defaultdict[Name, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    is_head_equal: bool = True
    ask_balances: Callable[[list[Name]], list[tuple[int, int]]] = lambda names: [(0, 0)] * len(names)
    """What the vault answers at the block: balance and what is requested of each account and currency."""

    def compare(self, n_accounts: int, n_currencies: int) -> list[str]:
        """Hold every account's balances against what the vault answers; return where they differ, in words.

        Also of accounts of which no event ever told: what has no event must be zero.
        """
        everybody = {(account, currency) for account in range(n_accounts) for currency in range(n_currencies)}
        names = sorted(everybody | {*self.balances, *self.pending})
        return [
            f"chain: account {name[0]} has {has[0]} units of currency {name[1]} and {has[1]} requested, and should have"
            f" {self.balances[name]} and {self.pending[name]}"
            for name, has in zip(names, self.ask_balances(names), strict=True)
            if (self.balances[name], self.pending[name]) != has
        ]


def read_vault(rpc: Rpc, directory: Path) -> VaultHistory:
    """Read the vault that ``directory/deployment.json`` names, up to the node's newest block.

    Raises :class:`ChainError` where the node does not answer, is on another chain or has no vault there, and
    :class:`LedgerError` for what is no deployment file. O(events of the vault).
    """
    try:
        site = json.loads((directory / "deployment.json").read_text(encoding="utf-8"))
        vault, chain_id, first = str(site["vault"]), int(site["chain_id"]), int(site["deployed_block"])
        genesis = bytes.fromhex(site["genesis_head"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise LedgerError(f"{directory}/deployment.json cannot be read: {e}") from e
    with rpc.understood():
        return _read(rpc, vault, chain_id, first, genesis)


def _read(rpc: Rpc, vault: str, chain_id: int, first: int, genesis: bytes) -> VaultHistory:
    found_chain = int(rpc.call("eth_chainId"), 16)
    if found_chain != chain_id:
        raise ChainError("WRONG_CHAIN", f"the node {rpc.shown} is on chain {found_chain}, and the vault on {chain_id}")
    newest = rpc.call("eth_getBlockByNumber", "latest", False)
    reader = _Reader(rpc, vault, chain_id, newest["hash"])
    history = VaultHistory(int(newest["number"], 16), genesis)
    head = genesis
    for log in reader.logs(first, history.block):
        head = reader.apply(log, history, head)
    reader.compare(history, head)
    history.ask_balances = reader.balances
    return history


class _Reader:
    def __init__(self, rpc: Rpc, vault: str, chain_id: int, block_hash: str) -> None:
        self._rpc, self._vault, self._chain_id = rpc, vault, chain_id
        self._pinned = {"blockHash": block_hash, "requireCanonical": True}
        self._within: defaultdict[str, int] = defaultdict(int)

    def logs(self, first: int, last: int) -> Iterator[Mapping[str, Any]]:
        """Return the vault's events in order."""
        return self._rpc.logs({"address": self._vault, "topics": [list(_EVENTS)]}, first, last)

    def apply(self, log: Mapping[str, Any], history: VaultHistory, head: bytes) -> bytes:
        """Apply one event; return the head after it."""
        kind = _EVENTS[log["topics"][0]]
        if kind == "Settled":
            return self._settle(log, history, head)
        name = int(log["topics"][1], 16), int(log["topics"][2], 16)
        units = int(log["data"][2:66], 16)
        if kind in _REFERENCED:
            transaction = str(log["transactionHash"])
            reference = f"{self._chain_id}:{transaction}:{self._within[transaction]}"
            self._within[transaction] += 1
        if kind == "Deposited":
            history.deposits[hashlib.blake2b(reference.encode(), digest_size=16).digest()] = (*name, units)
            history.deposited[name] += units
            history.balances[name] += units
        elif kind == "WithdrawalRequested":
            history.balances[name] -= units
            history.pending[name] += units
        elif kind == "WithdrawalCancelled":
            history.pending[name] -= units
            history.balances[name] += units
        elif kind == "Withdrawn":
            history.pending[name] -= units
            history.exited[name] += units
        return head

    def _settle(self, log: Mapping[str, Any], history: VaultHistory, head: bytes) -> bytes:
        said = bytes.fromhex(log["data"][2:])
        batch_id, new_head = int(log["topics"][1], 16), said[2 * WORD : 3 * WORD]
        made = self._settlement(log["transactionHash"], batch_id)
        if made is None:
            history.problems.append(f"chain: batch {batch_id} was not settled by a call of the vault's own")
            history.is_head_equal = False
            return new_head
        found, prev_head, deltas_hash = made
        numbers = b"".join(n.to_bytes(WORD, "big") for n in (found.batch_id, found.last_sequence, found.n_trades))
        own = keccak(prev_head + numbers + found.trades_root + found.journal_hash + deltas_hash)
        event = (found.last_sequence, found.n_trades, own, found.trades_root, found.journal_hash)
        told = (*(int.from_bytes(said[at : at + WORD], "big") for at in (0, WORD)),
                *(said[at : at + WORD] for at in (2 * WORD, 3 * WORD, 4 * WORD)))  # fmt: skip
        expected_id = len(history.settlements) + 1
        if (batch_id, found.batch_id) != (expected_id, expected_id) or prev_head != head or event != told:
            history.problems.append(f"chain: batch {batch_id} does not continue batch {expected_id - 1}")
            history.is_head_equal = False
        for name, units in found.deltas.items():
            left = history.balances[name] + units
            if left < 0:
                history.pending[name] += left
                left = 0
            history.balances[name] = left
        history.settlements.append(found)
        return own

    def _settlement(self, transaction: str, batch_id: int) -> tuple[Settlement, bytes, bytes] | None:
        """Read a settlement's calldata; None where the transaction is no call of ``settle_batch``."""
        sent = self._rpc.call("eth_getTransactionByHash", transaction)
        data = bytes.fromhex(sent["input"][2:])
        if str(sent["to"]).lower() != self._vault.lower() or data[:4] != _SETTLE:
            return None
        words = [data[4 + WORD * n : 4 + WORD * (n + 1)] for n in range(7)]
        at = 4 + int.from_bytes(words[6], "big")
        size = int.from_bytes(data[at : at + WORD], "big")
        content = data[at + WORD : at + WORD + size]
        if len(content) % _DELTAS.size:
            return None
        deltas: dict[Name, int] = {}
        for group, account, *amounts in _DELTAS.iter_unpack(content):
            deltas |= {(account, 4 * group + lane): units for lane, units in enumerate(amounts) if units}
        number, last_sequence, n_trades = (int.from_bytes(word, "big") for word in words[:3])
        found = Settlement(number, last_sequence, n_trades, words[4], words[5], deltas)
        return found, words[3], keccak(content)

    def compare(self, history: VaultHistory, head: bytes) -> None:
        """Hold the history against what the vault answers at the block."""
        status = self._ask(self._vault, [_STATUS])[0]
        last = history.settlements[-1] if history.settlements else None
        told = int.from_bytes(status[:WORD], "big"), int.from_bytes(status[WORD : 2 * WORD], "big")
        if told != ((last.batch_id, last.last_sequence) if last else (0, 0)) or status[2 * WORD : 3 * WORD] != head:
            history.problems.append("chain: the vault's head is not the one that its settlements make")
            history.is_head_equal = False
        self._compare_tokens(history, int.from_bytes(status[_N_TOKENS_AT : _N_TOKENS_AT + WORD], "big"))

    def _compare_tokens(self, history: VaultHistory, n_tokens: int) -> None:
        """See that each token's liabilities are the sum of all balances, and that the vault holds them."""
        owed: defaultdict[int, int] = defaultdict(int)
        for table in (history.balances, history.pending):
            for (_, currency), units in table.items():
                owed[currency] += units
        told = self._ask(self._vault, [_LIABILITIES + _words(tid) for tid in range(n_tokens)])
        tokens = self._ask(self._vault, [_TOKEN + _words(tid) for tid in range(n_tokens)])
        for tid in range(n_tokens):
            address, scale = "0x" + tokens[tid][12:WORD].hex(), int.from_bytes(tokens[tid][2 * WORD :], "big")
            liability = int.from_bytes(told[tid], "big")
            held = int.from_bytes(self._ask(address, [_BALANCE_OF + _words(int(self._vault, 16))])[0], "big")
            if liability != owed[tid]:
                history.problems.append(f"chain: the vault owes {liability} units of currency {tid}, not {owed[tid]}")
            if held < liability * scale:
                history.problems.append(
                    f"chain: the vault holds {held} parts of currency {tid}'s token, less than owed"
                )

    def balances(self, names: list[Name]) -> list[tuple[int, int]]:
        """Return balance and what is requested of each account and currency, at the block."""
        keys = sorted({(currency >> 2) << 32 | account for account, currency in names})
        words: dict[int, int] = {}
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            answer = self._ask(self._vault, [_BALANCE_WORDS + _words(WORD, len(some), *some)])[0][2 * WORD :]
            words |= {key: int.from_bytes(answer[WORD * n :][:WORD], "big") for n, key in enumerate(some)}
        lanes = [
            words[(currency >> 2) << 32 | account] >> (192 - 64 * (currency & 3)) & _LANE for account, currency in names
        ]
        pending = self._ask(self._vault, [_PENDING + _words(*name) for name in names])
        return [(lane, int.from_bytes(left[:WORD], "big")) for lane, left in zip(lanes, pending, strict=True)]

    def _ask(self, to: str, calls: Iterable[bytes]) -> list[bytes]:
        wanted = [("eth_call", ({"to": to, "data": "0x" + call.hex()}, self._pinned)) for call in calls]
        answers = []
        for answer in self._rpc.all_of(wanted):
            if answer == "0x":
                raise ChainError("NO_VAULT", f"the node {self._rpc.shown} has no contract at {to}")
            with self._rpc.understood():
                answers.append(bytes.fromhex(answer[2:]))
        return answers


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(WORD, "big") for number in numbers)
