"""What holders did, read from logs as a node tells them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from fxengine.chain.calldata import Interface
from fxengine.chain.deployment import Deployment
from fxengine.chain.rpc import Rpc
from fxengine.contracts import VAULT, load
from fxengine.custody.movements import Kind, VaultLogs
from fxengine.errors import ChainError, ChainUnavailable

INTERFACE = Interface(load(VAULT).abi)


class Told(Rpc):
    """A node that answers what a test says, method by method."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = answers

    def _exchange(self, request: Any) -> Any:  # noqa: ANN401
        if isinstance(request, list):
            return [self._exchange(one) for one in request]
        return {"id": request["id"], "result": self.answers[request["method"]]}


def reader(answers: dict[str, Any], finality: str = "depth:2") -> VaultLogs:
    site = Deployment(Path(), "venue", 7, b"", finality, 600, 1, {}, {}, vault="0xvault", deployed_block=1)
    return VaultLogs(cast(Rpc, Told(answers)), site)


def log(kind: Kind, transaction: str, block: int, index: int, units: int) -> dict[str, object]:
    data = "".join(f"{word:064x}" for word in (units, 0))
    topics = [INTERFACE.event(kind).topic, f"0x{4:064x}", f"0x{2:064x}"]
    place = {"blockNumber": hex(block), "logIndex": hex(index), "transactionHash": transaction}
    return {**place, "topics": topics, "data": "0x" + data}


def test_what_one_transaction_did_several_times_is_as_many_movements() -> None:
    """A holder may be a contract that pays in twice at once."""
    logs = [log(Kind.REQUEST, "0xb", 9, 1, 30), log(Kind.DEPOSIT, "0xa", 8, 5, 20), log(Kind.DEPOSIT, "0xa", 8, 4, 10)]
    found = reader({"eth_getLogs": logs}).movements(1, 20)
    assert [(one.reference, one.kind, one.units) for one in found] == [
        ("7:0xa:0", Kind.DEPOSIT, 10),
        ("7:0xa:1", Kind.DEPOSIT, 20),
        ("7:0xb:0", Kind.REQUEST, 30),
    ]
    assert {one[2:4] for one in found} == {(4, 2)}


BLOCK = {"number": "0x9", "hash": "0xaa"}
ASKED: dict[str, Callable[[VaultLogs], object]] = {
    "eth_getBlockByNumber": lambda logs: logs.moment(),
    "eth_chainId": lambda logs: logs.moment(),
    "eth_getLogs": lambda logs: logs.movements(1, 9),
    "eth_call": lambda logs: logs.pending([(4, 2)], "0xaa"),
}


def senseless() -> Iterator[tuple[str, object]]:
    for method in ASKED:
        for answer in (None, 5, "0x", "no", [5], [{}], {}, {"number": None}, {"number": "0x9"}):
            if (method, answer) != ("eth_getLogs", {}):  # no logs, in other words
                yield method, answer


@pytest.mark.parametrize(("method", "answer"), list(senseless()))
def test_what_is_no_answer_is_asked_again(method: str, answer: object) -> None:
    sound = {"eth_getBlockByNumber": BLOCK, "eth_chainId": "0x7", "eth_getLogs": [], "eth_call": "0x" + "0" * 128}
    ASKED[method](reader(sound))
    with pytest.raises(ChainError) as caught:
        ASKED[method](reader(sound | {method: answer}))
    assert isinstance(caught.value, ChainUnavailable) or caught.value.code == "SHORT_ANSWER"
