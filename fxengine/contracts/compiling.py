"""Compile the contracts: ``python -m fxengine.contracts.compiling`` writes each one's JSON file anew.

The compiler comes with the extra ``test``, in one pinned version: another version gives other bytecode, and
what is deployed must be what anybody gets from the source.
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from fxengine.contracts import CONTRACTS
from fxengine.errors import MissingExtraError


def compiled(source: Path) -> str:
    """Compile a source file, and return the text of its JSON file. Takes about a second.

    Raises :class:`MissingExtraError` where the compiler is not installed, and the compiler's own exceptions.
    """
    try:
        import vyper
        from vyper.compiler import compile_code
    except ImportError as e:
        raise MissingExtraError("test", "compiling the contracts") from e
    text = source.read_text(encoding="utf-8")
    made = compile_code(text, contract_path=source.name, output_formats=["abi", "bytecode"])
    tree = {
        "contract": source.stem,
        "compiler": f"vyper {vyper.__version__.partition('+')[0]}",
        "source_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "abi": made["abi"],
        "bytecode": made["bytecode"].removeprefix("0x"),
    }
    return json.dumps(tree, indent=1) + "\n"


def main() -> None:
    """Compile every contract in place."""
    folder = Path(str(files("fxengine.contracts")))
    for name in CONTRACTS:
        target = folder / f"{name}.json"
        target.write_text(compiled(folder / f"{name}.vy"), encoding="utf-8")
        print(f"compiled {target}")


if __name__ == "__main__":
    main()
