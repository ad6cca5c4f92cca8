"""A contract on a chain: questions to it, and transactions that are known to have been included.

For deployment and administration, where one thing is done at a time and waited for. What posts batch after batch
has its own state machine (:mod:`fxengine.ledger.evm`).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fxengine.chain.calldata import Interface, Value
from fxengine.chain.keys import Key
from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError, ChainReverted, ChainUnavailable, MissingExtraError

try:
    from eth_utils.address import is_address, is_checksum_formatted_address, to_checksum_address
except ImportError as e:
    raise MissingExtraError("evm", "an address on a chain") from e

GAS_MAX: Final = 16_777_216
"""The most that one transaction may use (EIP-7825)."""
PATIENCE_S: Final = 180.0
"""For how long a transaction is waited for, by default."""
_POLL_S: Final = 0.2
_BENIGN: Final = ("already known", "already imported", "nonce too low", "known transaction", "already in mempool")


class Prepared(NamedTuple):
    """A signed transaction, before it is sent. Sending it twice does nothing twice: its nonce is used once."""

    sender: str
    nonce: int
    raw: bytes
    hash: str  # 0x...


def checked_address(text: str) -> str:
    """Return an address in EIP-55's mixed case. Raises :class:`ChainError` where it is none, or was mistyped."""
    if not is_address(text) or not text.startswith("0x") or not int(text, 16):
        wrong = "mixed case says that a digit is wrong" if is_checksum_formatted_address(text) else "0x and 40 digits"
        raise ChainError("BAD_ADDRESS", f"{text!r} is not an address ({wrong})")
    return str(to_checksum_address(text))


def check_chain(rpc: Rpc, chain_id: int) -> None:
    """Raise :class:`ChainError` (WRONG_CHAIN) where the node is on another chain."""
    said = rpc.call("eth_chainId")
    with rpc.understood():
        found = int(said, 16)
    if found != chain_id:
        raise ChainError(
            "WRONG_CHAIN", f"the node {rpc.shown} is on chain {found}, not {chain_id}: name a node of that chain"
        )


class Contract:
    """A contract at an address."""

    def __init__(self, rpc: Rpc, interface: Interface, address: str) -> None:
        self.rpc, self.interface, self.address = rpc, interface, address

    def ask(self, name: str, *values: Value) -> tuple[Value, ...]:
        """Call a view at the newest block. Raises :class:`ChainReverted` where the contract refuses."""
        function = self.interface.function(name)
        call = {"to": self.address, "data": "0x" + function.call(*values).hex()}
        return function.result(bytes.fromhex(self.rpc.call("eth_call", call, "latest")[2:]))

    def number(self, name: str, *values: Value) -> int:
        """Call a view that answers one number."""
        (value,) = self.ask(name, *values)
        assert isinstance(value, int), name
        return value

    def transact(self, key: Key, name: str, *values: Value, patience_s: float = PATIENCE_S) -> Mapping[str, Any]:
        """Send a transaction and wait until a block has it; return its receipt.

        Raises :class:`ChainReverted` with the contract's reason before anything is sent, and
        :class:`ChainUnavailable` (NOT_INCLUDED) where no block takes it in time.
        """
        prepared = prepare(self.rpc, key, self.address, self.interface.function(name).call(*values))
        deliver(self.rpc, prepared.raw)
        return included(self.rpc, prepared.hash, patience_s=patience_s)


def prepare(rpc: Rpc, key: Key, to: str | None, data: bytes) -> Prepared:
    """Sign a transaction that would succeed now; ``to`` None creates a contract.

    Raises :class:`ChainReverted` with the reason where it would not, and :class:`ChainError` (NO_ETHER) where
    the sender cannot pay for it.
    """
    call: dict[str, object] = {"from": key.address, "data": "0x" + data.hex()}
    if to is not None:
        call["to"] = to
    gas = int(rpc.call("eth_estimateGas", call), 16)
    base_fee = int(rpc.call("eth_getBlockByNumber", "latest", False).get("baseFeePerGas", "0x0"), 16)
    tip = int(rpc.call("eth_maxPriorityFeePerGas"), 16)
    nonce = int(rpc.call("eth_getTransactionCount", key.address, "pending"), 16)
    transaction: dict[str, object] = {
        "type": 2,
        "chainId": int(rpc.call("eth_chainId"), 16),
        "nonce": nonce,
        "value": 0,
        "data": data,
        # What is estimated may be a little less than what is needed once the chain has moved on.
        "gas": min(gas + gas // 5, GAS_MAX),
        "maxFeePerGas": 2 * base_fee + tip,
        "maxPriorityFeePerGas": tip,
    }
    if to is not None:
        transaction["to"] = to
    balance = int(rpc.call("eth_getBalance", key.address, "latest"), 16)
    cost = min(gas + gas // 5, GAS_MAX) * (2 * base_fee + tip)
    if balance < cost:
        raise ChainError(
            "NO_ETHER",
            f"{key.address} has {balance} wei and the transaction may cost {cost}: send it some of the chain's coin",
        )
    signed = key.sign(transaction)
    return Prepared(key.address, nonce, signed.raw, "0x" + signed.hash.hex())


def deliver(rpc: Rpc, raw: bytes) -> None:
    """Send a signed transaction; one that the node knows already, or that a block has, is no error."""
    try:
        rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    except ChainUnavailable:
        raise
    except ChainError as e:
        if not any(benign in str(e).lower() for benign in _BENIGN):
            raise


def included(
    rpc: Rpc,
    transaction: str,
    *,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Wait until a block has a transaction; return the receipt.

    Raises :class:`ChainReverted` where it was included and failed, and :class:`ChainUnavailable` (NOT_INCLUDED)
    after ``patience_s``: it may still be included later.
    """
    until = clock() + patience_s
    while True:
        receipt = rpc.call("eth_getTransactionReceipt", transaction)
        if receipt is not None:
            if int(receipt["status"], 16) != 1:
                raise ChainReverted("", f"transaction {transaction} was included and failed: what it needs has changed")
            found: Mapping[str, Any] = receipt
            return found
        if clock() >= until:
            raise ChainUnavailable(
                "NOT_INCLUDED",
                f"no block has transaction {transaction} after {patience_s:g} s; it may still come: look again before"
                " you send another",
            )
        pause(_POLL_S)
