"""The contracts: Vyper sources, and what they compile to.

One JSON file a contract holds its ABI and its bytecode with the compiler's version and the hash of the source
that it was made from, so that deploying needs no compiler. ``make contracts`` writes them
(:mod:`fxengine.contracts.compiling`), and a test compiles anew and compares.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

VAULT: Final = "SettlementVault"
STABLECOIN: Final = "LocalStablecoin"
CONTRACTS: Final = (VAULT, STABLECOIN)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract."""

    name: str
    compiler: str  # such as "vyper 0.4.3"
    source_sha256: str  # hex, of the .vy file
    abi: list[dict[str, Any]]
    bytecode: bytes  # what creates it; the constructor's arguments follow

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the creating bytecode, in hex: the name of exactly this contract."""
        return hashlib.sha256(self.bytecode).hexdigest()

    def function(self, name: str) -> dict[str, Any]:
        """Return a function's entry in the ABI; :class:`KeyError` where there is none. O(functions)."""
        for entry in self.abi:
            if entry["type"] == "function" and entry["name"] == name:
                return entry
        raise KeyError(name)


def load(name: str) -> Artifact:
    """Return a compiled contract of :data:`CONTRACTS` by its name. Reads one file."""
    tree = json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    bytecode = bytes.fromhex(tree["bytecode"])
    return Artifact(tree["contract"], tree["compiler"], tree["source_sha256"], tree["abi"], bytecode)
