"""A settlement is read from its own calldata: what somebody else's call made is no settlement to an auditor."""

import random
from typing import Any, cast

import numpy as np
import pytest

from fxengine.audit.vault import VaultHistory, _Reader
from fxengine.chain.calldata import Interface
from fxengine.chain.deltas import encode
from fxengine.chain.head import chain_head
from fxengine.chain.rpc import Rpc
from fxengine.contracts import VAULT, load
from fxengine.ledger.batch import DELTA

AT, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20
GENESIS, ROOT, JOURNAL = bytes(range(32)), b"\1" * 32, b"\2" * 32
INTERFACE = Interface(load(VAULT).abi)
DELTAS = np.array([(4, 0, b"", -70), (5, 0, b"", 69), (0, 0, b"", 1), (4, 6, b"", 9), (5, 6, b"", -9)], DELTA)


class Node:
    """A node that knows one transaction."""

    shown = "http://node"

    def __init__(self, to: str, data: bytes) -> None:
        self._sent = {"to": to, "input": "0x" + data.hex()}

    def call(self, method: str, *_: object) -> Any:  # noqa: ANN401
        assert method == "eth_getTransactionByHash"
        return self._sent


def settled(
    *, to: str = AT, name: str = "settle_batch", deltas: bytes | None = None, head: bytes | None = None
) -> VaultHistory:
    content = encode(DELTAS) if deltas is None else deltas
    data = INTERFACE.function("settle_batch").call(1, 9, 2, GENESIS, ROOT, JOURNAL, content)
    data = INTERFACE.function(name).selector + data[4:]
    new_head = head or chain_head(GENESIS, 1, 9, 2, ROOT, JOURNAL, content)
    words = (9).to_bytes(32, "big") + (2).to_bytes(32, "big") + new_head + ROOT + JOURNAL
    log = {
        "topics": [INTERFACE.event("Settled").topic, f"0x{1:064x}"], "data": "0x" + words.hex(),
        "transactionHash": "0x1", "blockNumber": "0x2", "logIndex": "0x0",
    }  # fmt: skip
    history = VaultHistory(2, GENESIS)
    history.balances.update({(4, 0): 60, (5, 6): 9})
    history.pending[4, 0] = 10
    _Reader(cast(Rpc, Node(to, data)), AT, 1, "0x").apply(log, history, GENESIS)
    return history


def test_a_settlement_moves_balances_and_then_what_was_requested() -> None:
    history = settled()
    assert (history.problems, history.is_head_equal) == ([], True)
    assert dict(history.balances) == {(4, 0): 0, (5, 6): 0, (5, 0): 69, (0, 0): 1, (4, 6): 9}
    assert history.pending[4, 0] == 0
    (one,) = history.settlements
    assert (one.batch_id, one.last_sequence, one.n_trades, one.trades_root) == (1, 9, 2, ROOT)


@pytest.mark.parametrize(
    "wrong", [{"to": OTHER}, {"name": "heartbeat"}, {"deltas": encode(DELTAS) + b"\0"}], ids=["to", "call", "torn"]
)
def test_what_another_call_made_is_no_settlement(wrong: dict[str, Any]) -> None:
    history = settled(**wrong)
    assert history.problems == ["chain: batch 1 was not settled by a call of the vault's own"]
    assert not history.is_head_equal
    assert not history.settlements


def test_an_event_that_says_another_head_is_seen(seed: int) -> None:
    history = settled(head=random.Random(seed).randbytes(32))
    assert history.problems == ["chain: batch 1 does not continue batch 0"]
    assert not history.is_head_equal
