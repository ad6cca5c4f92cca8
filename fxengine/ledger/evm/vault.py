"""The vault as its poster sees it: one look at a time, each at one block, and calls that change it.

Every part of a look is read at the hash of one block (EIP-1898): two reads of ``latest`` may be of two blocks,
and then they tell of a state that never was. Where that block is undone in between, the node says that it does
not know it, and the look is taken anew. Not every node keeps to that, so the vault says itself of which block it told.
"""

from typing import Any, Final, cast

from fxengine.chain.calldata import Interface
from fxengine.chain.contract import check_chain, deliver
from fxengine.chain.deployment import finality_depth
from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError, ChainUnavailable
from fxengine.ledger.evm.deciding import Look
from fxengine.records import Records

_UNDERPRICED: Final = "replacement transaction underpriced"


class Underpriced(Exception):
    """The node has another transaction with this nonce, and this one does not offer enough more."""


class Vault:
    """The vault at ``address``, as ``operator`` (an address too) deals with it.

    ``finality`` is the deployment's policy: ``finalized``, ``safe`` or ``depth:N``. Methods raise what
    :class:`fxengine.chain.rpc.Rpc` does.
    """

    def __init__(
        self, rpc: Rpc, interface: Interface, address: str, operator: str, chain_id: int, finality: str
    ) -> None:
        self.rpc, self.address, self.operator, self.chain_id = rpc, address, operator, chain_id
        self.settle_batch = interface.function("settle_batch")
        self.heartbeat = interface.function("heartbeat")
        self._status = interface.function("status")
        self._balance_of = interface.function("balance_of")
        self._pending = interface.function("pending")
        self._depth = finality_depth(finality)
        self._final_tag = finality

    def check_chain(self) -> None:
        """Raise :class:`ChainError` (WRONG_CHAIN) where the node is on another chain than the deployment."""
        check_chain(self.rpc, self.chain_id)

    def look(self) -> Look:
        """Return one moment of the chain: the newest block's. Two exchanges with the node."""
        with self.rpc.understood():
            return self._look()

    def _look(self) -> Look:
        asked = [("eth_getBlockByNumber", ("latest", False))]
        if self._depth is None:
            asked.append(("eth_getBlockByNumber", (self._final_tag, False)))
        block, *tagged = self.rpc.all_of(asked)
        if block is None or tagged == [None]:
            raise ChainUnavailable("NO_BLOCK", f"the node {self.rpc.shown} has no {self._final_tag} block yet")
        number = int(block["number"], 16)
        pinned = {"blockHash": block["hash"], "requireCanonical": True}
        final: object = hex(max(0, number - self._depth)) if self._depth is not None else _pinned(tagged[0])
        status, final_status, nonce, tip = self.rpc.all_of(
            [
                ("eth_call", (self._to_vault(self._status.call()), pinned)),
                ("eth_call", (self._to_vault(self._status.call()), final)),
                ("eth_getTransactionCount", (self.operator, pinned)),
                ("eth_maxPriorityFeePerGas", ()),
            ]
        )
        if status == "0x":
            raise ChainError(
                "NO_VAULT",
                f"the node {self.rpc.shown} has no vault at {self.address} in block {number}: it has not caught up, has"
                " lost its state, or the deployment file is of another chain",
            )
        state = self._status.result(bytes.fromhex(status[2:]))
        # Before its deployment the vault has no code, and so no status: nothing is final there.
        final_state = self._status.result(bytes.fromhex(final_status[2:])) if final_status != "0x" else None
        batch_id, _, head, paused, frozen_since, operator_seen_s, _, state_number, _ = state
        if state_number != number:
            raise ChainUnavailable("TORN_READ", f"the node {self.rpc.shown} answered of two blocks: it is asked again")
        return Look(
            number=number,
            block_hash=block["hash"],
            time_s=int(block["timestamp"], 16),
            base_fee=int(block.get("baseFeePerGas", "0x0"), 16),
            batch_id=cast(int, batch_id),
            head=cast(bytes, head),
            paused=bool(paused),
            is_frozen=bool(frozen_since),
            nonce=int(nonce, 16),
            final_batch_id=cast(int, final_state[0]) if final_state else 0,
            final_head=cast(bytes, final_state[2]) if final_state else b"",
            operator_seen_s=cast(int, operator_seen_s),
            tip=int(tip, 16),
        )

    def try_out(self, calldata: bytes, gas: int, look: Look) -> None:
        """Carry a call out without leaving a trace, at the look's block. Raises :class:`ChainReverted`."""
        call = self._to_vault(calldata) | {"from": self.operator, "gas": hex(gas)}
        self.rpc.call("eth_call", call, {"blockHash": look.block_hash, "requireCanonical": True})

    def send(self, raw: bytes) -> None:
        """Send a signed transaction; one that the node knows already, or has in a block, is no error.

        Raises :class:`Underpriced` where it would replace another and offers too little for that.
        """
        try:
            deliver(self.rpc, raw)
        except ChainError as e:
            if _UNDERPRICED in str(e).lower():
                raise Underpriced from None
            raise

    def lacking(self, deltas: Records, look: Look) -> str | None:
        """Return the first of ``(n,) DELTA`` records that an account cannot give, as words; None where all can.

        Two calls a delta that gives.
        """
        given = deltas[deltas["amount_units"] < 0]
        pinned = {"blockHash": look.block_hash, "requireCanonical": True}
        names = [
            (int(account), int(currency)) for account, currency in zip(given["account"], given["currency"], strict=True)
        ]
        calls: list[tuple[str, tuple[object, ...]]] = []
        for name in names:
            for function in (self._balance_of, self._pending):
                calls.append(("eth_call", (self._to_vault(function.call(*name)), pinned)))
        found = self.rpc.all_of(calls)
        with self.rpc.understood():
            answers = [bytes.fromhex(answer[2:]) for answer in found]
        for place, (name, units) in enumerate(zip(names, given["amount_units"].tolist(), strict=True)):
            balance = cast(int, self._balance_of.result(answers[2 * place])[0])
            requested = cast(int, self._pending.result(answers[2 * place + 1])[0])
            if balance + requested + units < 0:
                return (
                    f"account {name[0]} is to give {-units} units of currency {name[1]} and has {balance} there"
                    f" ({requested} more asked to be withdrawn)"
                )
        return None

    def _to_vault(self, calldata: bytes) -> dict[str, object]:
        return {"to": self.address, "data": "0x" + calldata.hex()}


def _pinned(block: dict[str, Any]) -> dict[str, object]:
    return {"blockHash": block["hash"], "requireCanonical": True}
