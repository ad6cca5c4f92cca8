"""What holders did at the vault, read from its logs: who paid in, who asked to leave, who left.

A movement is known by its *reference*, which no reorganisation changes: the transaction that made it, and which of
that transaction's movements it is. A log's index in its block would not do: it is another after a reorganisation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from fxengine.chain.calldata import Interface
from fxengine.chain.contract import check_chain
from fxengine.chain.deployment import Deployment, finality_depth
from fxengine.chain.rpc import Rpc
from fxengine.contracts import VAULT, load
from fxengine.errors import ChainUnavailable


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
        self._depth = finality_depth(deployment.finality)

    def moment(self) -> Moment:
        """Return where the chain stands. Two exchanges, three where finality is a depth."""
        check_chain(self._rpc, self._deployment.chain_id)
        tag = self._deployment.finality if self._depth is None else "latest"
        latest, final = self._rpc.all_of(
            [("eth_getBlockByNumber", ("latest", False)), ("eth_getBlockByNumber", (tag, False))]
        )
        if latest is None or final is None:
            raise ChainUnavailable("NO_BLOCK", f"the node {self._rpc.shown} has no {tag} block yet")
        with self._rpc.understood():
            number = int(latest["number"], 16)
            if self._depth is not None:
                final = self._rpc.call("eth_getBlockByNumber", hex(max(0, number - self._depth)), False)
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
        answers = self._rpc.all_of(calls)
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
