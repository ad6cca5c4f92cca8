"""The committed artifacts are what the sources compile to, and the sources say what they do and why they refuse."""

import json
import re
from pathlib import Path

import pytest

from fxengine.contracts import CONTRACTS, VAULT, load
from fxengine.contracts.compiling import compiled

FOLDER = Path(__file__).parents[2] / "fxengine/contracts"
DOCUMENTED = (Path(__file__).parents[2] / "docs/onchain.md").read_text(encoding="utf-8")
FUNCTION = re.compile(
    r'((?:^@\w+\n)+)def (\w+)\(([^)]*)\)[^:]*:\n(?:    """\n(.*?)\n    """\n)?', re.MULTILINE | re.DOTALL
)
REASON = re.compile(r'assert [^#\n]*, "([^"]+)"$', re.MULTILINE)


def source(name: str) -> str:
    return (FOLDER / f"{name}.vy").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CONTRACTS)
def test_compiling_anew_gives_the_committed_artifact(name: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / f"{name}.vy"  # where it lies is no part of it
    elsewhere.write_text(source(name), encoding="utf-8")
    assert compiled(elsewhere) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_function_that_others_call_is_documented_in_full(name: str) -> None:
    functions = FUNCTION.findall(source(name))
    called = {entry["name"] for entry in load(name).abi if entry["type"] == "function"}
    written = {function for decorators, function, _, _ in functions if "@external" in decorators}
    getters = set(re.findall(r"^(\w+): public\(", source(name), re.MULTILINE))
    assert called == written | getters
    for decorators, function, parameters, text in functions:
        if "@internal" in decorators:
            continue
        assert "@notice" in text, function
        names = re.findall(r"(\w+): ", parameters)
        assert re.findall(r"@param (\w+)", text) == names, function
    # A function that returns something says what.
    for function, text in re.findall(r'def (\w+)\([^)]*\) -> [^:]+:\n    """\n(.*?)\n    """', source(name), re.DOTALL):
        assert "@return" in text or "@dev" in text, function


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_refusal_has_a_reason_and_every_reason_is_in_the_documentation(name: str) -> None:
    text = source(name)
    reasons = set(REASON.findall(text))
    assert len(re.findall(r"^\s*assert ", text, re.MULTILINE)) == len(REASON.findall(text))
    assert all(len(reason) <= 24 for reason in reasons)  # one word of a revert's data
    assert reasons - set(re.findall(r"^\| `([^`]+)` \|", DOCUMENTED, re.MULTILINE)) == set()


def test_the_artifact_is_loaded_as_it_lies_there() -> None:
    tree = json.loads((FOLDER / f"{VAULT}.json").read_text(encoding="utf-8"))
    artifact = load(VAULT)
    assert artifact.bytecode.hex() == tree["bytecode"]
    assert artifact.function("settle_batch")["stateMutability"] == "nonpayable"
    assert len(artifact.bytecode) < 24_576 * 2  # EIP-3860: no chain takes more
    with pytest.raises(KeyError):
        artifact.function("steal")


def test_nothing_but_a_withdrawal_sends_a_token_away() -> None:
    """Read from the source: one `transfer`, in `withdraw`; no send, no delegated call, no creation, no approval."""
    text = source(VAULT)
    bodies = {match[2]: body for match, body in zip(FUNCTION.finditer(text), _bodies(text), strict=True)}
    assert [name for name, body in bodies.items() if ").transfer(" in body] == ["withdraw"]
    assert [name for name, body in bodies.items() if "raw_call" in body] == ["deposit_with_permit"]
    assert [name for name, body in bodies.items() if ").transferFrom(" in body] == ["_deposit"]
    assert text.count("extcall") == 2
    for never in ("send(", "is_delegate_call", "create_", "selfdestruct", "approve(", "@payable", "__default__"):
        assert never not in text, never


def _bodies(text: str) -> list[str]:
    starts = [match.start() for match in FUNCTION.finditer(text)]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
