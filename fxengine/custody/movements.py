"""What holders did at the vault, read from its logs: who paid in, who asked to leave, who left.

A movement is known by its *reference*, which no reorganisation changes: the transaction that made it, and which of
that transaction's movements it is. A log's index in its block would not do: it is another after a reorganisation.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from fxengine.chain.calldata import Interface
from fxengine.chain.deployment import Deployment
from fxengine.chain.rpc import Rpc
from fxengine.contracts import VAULT, load
from fxengine.errors import ChainError, ChainUnavailable

_DEPTH: Final = re.compile(r"depth:([0-9]+)")


class Kind(StrEnum):
    """What was done. The value is the vault's event."""

    DEPOSIT = "Deposited"
    REQUEST = "WithdrawalRequested"
    CANCEL = "WithdrawalCancelled"
    EXIT = "Withdrawn"


class Movement(NamedTuple):
    """One thing that a holder did."""

    reference: str
    kind: Kind
    account: int  # the venue's number
    tid: int  # the token's number: the venue's currency
    units: int
    block: int


class Moment(NamedTuple):
    """Where a chain stands: its newest block, and the newest that is final."""

    latest: int
    latest_hash: str
    final: int
    final_hash: str


class VaultLogs:
    """Reads one vault. Methods raise what :class:`fxengine.chain.rpc.Rpc` does."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self._rpc = rpc
        self._deployment = deployment
        interface = Interface(load(VAULT).abi)
        events = {kind: interface.event(kind) for kind in Kind}
        self._kinds = {event.topic: (kind, event) for kind, event in events.items()}
        self._pending = interface.function("pending")
        found = _DEPTH.fullmatch(deployment.finality)
        self._depth = int(found[1]) if found else None

    def moment(self) -> Moment:
        """Return where the chain stands. One exchange, two where finality is a depth."""
        tag = self._deployment.finality if self._depth is None else "latest"
        latest, final, chain_id = _all(
            self._rpc.batch(
                [
                    ("eth_getBlockByNumber", ("latest", False)),
                    ("eth_getBlockByNumber", (tag, False)),
                    ("eth_chainId", ()),
                ]
            )
        )
        if latest is None or final is None:
            raise ChainUnavailable("NO_BLOCK", f"the node {self._rpc.shown} has no {tag} block yet")
        with self._rpc.understood():
            if int(chain_id, 16) != self._deployment.chain_id:
                raise ChainError(
                    "WRONG_CHAIN",
                    f"the node {self._rpc.shown} is on chain {int(chain_id, 16)}, and the vault on chain"
                    f" {self._deployment.chain_id}: name a node of that chain",
                )
            number = int(latest["number"], 16)
            if self._depth is not None:
                at = max(0, number - self._depth)
                final = self._rpc.call("eth_getBlockByNumber", hex(at), False)
            return Moment(number, str(latest["hash"]), int(final["number"], 16), str(final["hash"]))

    def hash_of(self, block: int) -> str | None:
        """Return the hash of the block at a height; None where the chain is not as high."""
        found = self._rpc.call("eth_getBlockByNumber", hex(block), False)
        with self._rpc.understood():
            return None if found is None else str(found["hash"])

    def movements(self, first: int, last: int) -> list[Movement]:
        """Return what was done in blocks ``first`` to ``last``, in order. A call for every 2,000 blocks."""
        wanted = {"address": self._deployment.vault, "topics": [list(self._kinds)]}
        logs = self._rpc.logs(wanted, max(first, self._deployment.deployed_block), last)
        with self._rpc.understood():
            return self._read(logs)

    def pending(self, names: Iterable[tuple[int, int]], block_hash: str) -> dict[tuple[int, int], int]:
        """Return what is left of requested withdrawals at a block, by account and token. An exchange for each 100."""
        names = list(names)
        pinned = {"blockHash": block_hash, "requireCanonical": True}
        calls = [
            (
                "eth_call",
                ({"to": self._deployment.vault, "data": "0x" + self._pending.call(*name).hex()}, pinned),
            )
            for name in names
        ]
        answers = _all(self._rpc.batch(calls))
        with self._rpc.understood():
            left = [self._pending.result(bytes.fromhex(answer[2:]))[0] for answer in answers]
            return {name: int(units) for name, units in zip(names, left, strict=True)}

    def _read(self, logs: Iterable[Mapping[str, Any]]) -> list[Movement]:
        found = []
        within: defaultdict[str, int] = defaultdict(int)
        for log in logs:
            kind, event = self._kinds[log["topics"][0]]
            fields = event.read(log)
            transaction = str(log["transactionHash"])
            reference = f"{self._deployment.chain_id}:{transaction}:{within[transaction]}"
            within[transaction] += 1
            account, tid, units = (int(fields[name]) for name in ("account", "tid", "units"))
            found.append(Movement(reference, kind, account, tid, units, int(log["blockNumber"], 16)))
        return found


def _all(answers: list[Any]) -> list[Any]:
    """Return a batch's answers, or raise the first error among them."""
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return answers
