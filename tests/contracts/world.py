"""A chain inside this process: contracts on pyrevm, called by made-up addresses, under a clock of its own.

Its gas figures are those of an old fork and mean nothing here; what contracts do is the same.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import encode
from pyrevm import EVM, BlockEnv

from fxengine.chain.calldata import Interface, Value
from fxengine.chain.rpc import revert_reason
from fxengine.contracts import STABLECOIN, VAULT, load
from fxengine.contracts.compiling import compiled

GENESIS = bytes(range(32))
EXIT_DELAY_S = 3_600
SILENCE_S = 86_400
START_S = 1_800_000_000
FOREVER = 2**63

_OUTPUT = re.compile(r"output: (0x[0-9a-f]*)")


def address(name: str) -> str:
    """A made-up address by a name."""
    return "0x" + name.encode().hex().rjust(40, "0")[-40:]


OWNER, OPERATOR, GUARDIAN, REGISTRAR = map(address, ("owner", "operator", "guardian", "registrar"))
ISSUER, STRANGER = address("issuer"), address("stranger")


class Refused(Exception):
    """A call was reverted; its text is the contract's reason, empty where it gave none."""


@cache
def odd(name: str) -> tuple[Interface, bytes]:
    """A contract that only tests have, compiled once."""
    tree = json.loads(compiled(Path(__file__).parent / f"{name}.vy"))
    return Interface(tree["abi"]), bytes.fromhex(tree["bytecode"])


class Contract:
    """One deployed contract."""

    def __init__(self, world: "World", interface: Interface, where: str) -> None:
        self.world, self.interface, self.address = world, interface, where

    def call(self, who: str, name: str, *values: Value) -> tuple[Value, ...]:
        """Send a transaction; Refused with the contract's reason, or what it returns."""
        function = self.interface.function(name)
        answer = self.world.send(who, self.address, function.call(*values))
        self.world.logs = list(self.world.evm.result.logs) if self.world.evm.result else []
        return function.result(answer)

    def view(self, name: str, *values: Value) -> tuple[Value, ...]:
        """Ask, which logs nothing."""
        function = self.interface.function(name)
        return function.result(self.world.send(STRANGER, self.address, function.call(*values)))

    def number(self, name: str, *values: Value) -> int:
        (value,) = self.view(name, *values)
        assert isinstance(value, int)
        return value

    def events(self) -> list[tuple[str, dict[str, Value]]]:
        """What this contract logged in the last transaction of any contract."""
        known = {event.topic: event for event in self.interface._events.values()}
        found = []
        for log in self.world.logs:
            if log.address.lower() == self.address.lower():
                event = known[log.topics[0]]
                found.append((event.name, event.read({"topics": log.topics, "data": "0x" + log.data[1].hex()})))
        return found


class World:
    """The chain: send calls, deploy, move its clock."""

    def __init__(self) -> None:
        self.evm = EVM(spec_id="CANCUN")
        self.logs: list[Any] = []
        self.now = START_S
        self.block = 1
        self.later(0)

    def later(self, seconds: int) -> None:
        """Make a block that comes this much later."""
        self.now += seconds
        self.block += 1
        self.evm.set_block_env(BlockEnv(number=self.block, timestamp=self.now))

    def send(self, who: str, to: str, data: bytes) -> bytes:
        try:
            return self.evm.message_call(who, to, data)
        except RuntimeError as e:
            found = _OUTPUT.search(str(e))
            if found is None:  # halted: an invalid opcode, or gas
                raise Refused(str(e)) from None
            raise Refused(revert_reason(found[1])) from None

    def deploy(self, interface: Interface, bytecode: bytes, kinds: list[str], values: list[object]) -> Contract:
        try:
            return Contract(self, interface, self.evm.deploy(OWNER, bytecode + encode(kinds, values)))
        except RuntimeError as e:
            found = _OUTPUT.search(str(e))
            raise Refused(revert_reason(found[1]) if found else str(e)) from None

    def vault(
        self, *, exit_delay_s: int = EXIT_DELAY_S, silence_s: int = SILENCE_S, roles: tuple[str, ...] = ()
    ) -> Contract:
        artifact = load(VAULT)
        kinds = ["address"] * 4 + ["bytes32", "uint256", "uint256"]
        who = roles or (OWNER, OPERATOR, GUARDIAN, REGISTRAR)
        return self.deploy(Interface(artifact.abi), artifact.bytecode, kinds, [*who, GENESIS, exit_delay_s, silence_s])

    def stablecoin(self, decimals: int = 6, symbol: str = "JPY") -> Contract:
        artifact = load(STABLECOIN)
        kinds = ["string", "string", "uint8", "address", "address", "address"]
        values = [f"{symbol} stablecoin", symbol, decimals, OWNER, ISSUER, GUARDIAN]
        return self.deploy(Interface(artifact.abi), artifact.bytecode, kinds, values)

    def odd(self, name: str, decimals: int = 6) -> Contract:
        return self.deploy(*odd(name), ["uint8"], [decimals])
