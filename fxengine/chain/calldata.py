"""Calls of a contract as bytes, and what it answers: as much of the ABI as a poster needs, packed by hand.

A general encoder walks every value; a batch has thousands, which are bytes already when they come here. So only
types of one 32-byte word are known, and besides them ``bytes`` and arrays of words, which are given as bytes and
are copied as they stand::

    | selector 4 | word | word | offset of the tail | ... | length | bytes, filled up to whole words |

Selectors and topics come from the artifact's ABI, so that a contract that was changed is noticed here.

Source: Solidity, Contract ABI Specification (version 2); Vyper keeps to it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from fxengine.errors import ChainError, MissingExtraError

try:
    from eth_utils.crypto import keccak
except ImportError as e:
    raise MissingExtraError("evm", "calling a contract") from e

WORD: Final = 32
Value = int | bytes | str | bool

_INTEGER: Final = re.compile(r"(u?)int(\d*)")


class Function(NamedTuple):
    """A function of a contract: its selector, and the types that go in and come out."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def call(self, *values: Value) -> bytes:
        """Return the calldata. ``address`` is ``0x...`` text, ``bytes32`` 32 bytes, tails raw bytes. O(bytes)."""
        head, tail = bytearray(self.selector), bytearray()
        for kind, value in zip(self.inputs, values, strict=True):
            if _is_tail(kind):
                assert isinstance(value, bytes), kind
                head += (len(self.inputs) * WORD + len(tail)).to_bytes(WORD, "big")
                n = len(value) if kind == "bytes" else len(value) // WORD
                tail += n.to_bytes(WORD, "big") + value + bytes(-len(value) % WORD)
            else:
                head += _word(kind, value)
        return bytes(head + tail)

    def arguments(self, calldata: bytes) -> tuple[Value, ...]:
        """Return the values in calldata of this function. Raises :class:`ChainError` for any other's."""
        if calldata[:4] != self.selector:
            raise ChainError("NOT_THIS_CALL", f"these are not the calldata of {self.name}")
        return _values(self.inputs, calldata[4:], self.name)

    def result(self, data: bytes) -> tuple[Value, ...]:
        """Return what a call came to. Raises :class:`ChainError` where it is something else."""
        return _values(self.outputs, data, self.name)


class Event(NamedTuple):
    """An event of a contract: its first topic, and its fields; the indexed ones are topics."""

    name: str
    topic: str
    fields: tuple[tuple[str, str, bool], ...]  # name, type, indexed

    def read(self, log: Mapping[str, Any]) -> dict[str, Value]:
        """Return the fields of a log as JSON-RPC has it."""
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"][1:]]
        indexed = [kind for _, kind, is_indexed in self.fields if is_indexed]
        plain = [kind for _, kind, is_indexed in self.fields if not is_indexed]
        from_topics = iter(_values(indexed, b"".join(topics), self.name))
        from_data = iter(_values(plain, bytes.fromhex(log["data"][2:]), self.name))
        return {name: next(from_topics if is_indexed else from_data) for name, _, is_indexed in self.fields}


_Entry = TypeVar("_Entry", Function, Event)


class Interface:
    """A contract's functions and events by name, from its ABI."""

    def __init__(self, abi: Sequence[Mapping[str, Any]]) -> None:
        self._functions: dict[str, Function] = {}
        self._events: dict[str, Event] = {}
        for entry in abi:
            kinds = tuple(_kind(part) for part in entry.get("inputs", ()))
            if entry["type"] == "function":
                outputs = tuple(_kind(part) for part in entry.get("outputs", ()))
                selector = keccak(text=f"{entry['name']}({','.join(kinds)})")[:4]
                self._functions[entry["name"]] = Function(entry["name"], selector, kinds, outputs)
            elif entry["type"] == "event":
                topic = "0x" + keccak(text=f"{entry['name']}({','.join(kinds)})").hex()
                fields = tuple((part["name"], _kind(part), bool(part.get("indexed"))) for part in entry["inputs"])
                self._events[entry["name"]] = Event(entry["name"], topic, fields)

    def function(self, name: str) -> Function:
        """Return a function. Raises :class:`ChainError` where the contract has none of that name."""
        return _named(self._functions, name)

    def event(self, name: str) -> Event:
        """Return an event. Raises :class:`ChainError` where the contract has none of that name."""
        return _named(self._events, name)


def _named(found: Mapping[str, _Entry], name: str) -> _Entry:
    if name not in found:
        raise ChainError("NO_SUCH_ENTRY", f"the contract's artifact has no {name}: it is another contract's")
    return found[name]


def _kind(part: Mapping[str, Any]) -> str:
    """Return a parameter's type as signatures have it: a struct is its members in brackets."""
    kind = str(part["type"])
    if kind.startswith("tuple"):
        return f"({','.join(_kind(member) for member in part['components'])}){kind[5:]}"
    return kind


def _is_tail(kind: str) -> bool:
    return kind in ("bytes", "string") or kind.endswith("[]")


def _word(kind: str, value: Value) -> bytes:
    if kind == "address":
        assert isinstance(value, str), kind
        return bytes.fromhex(value.removeprefix("0x")).rjust(WORD, b"\0")
    if kind == "bool":
        return int(bool(value)).to_bytes(WORD, "big")
    if kind.startswith("bytes"):
        assert isinstance(value, bytes), kind
        return value.ljust(WORD, b"\0")
    assert isinstance(value, int), kind
    return value.to_bytes(WORD, "big", signed=kind.startswith("int"))


def _values(kinds: Sequence[str], data: bytes, name: str) -> tuple[Value, ...]:
    """Read values of these types from their ABI form."""
    if len(data) < WORD * _words(kinds):
        raise ChainError("SHORT_ANSWER", f"{name} came to {len(data)} bytes: is there a vault at this address at all?")
    values: list[Value] = []
    at = 0
    for kind in kinds:
        word = data[at : at + WORD]
        if kind.startswith("("):  # a struct of words lies in place
            inner = tuple(kind[1:-1].split(","))
            values += _values(inner, data[at:], name)
            at += WORD * len(inner)
            continue
        at += WORD
        if _is_tail(kind):
            offset = int.from_bytes(word, "big")
            n = int.from_bytes(data[offset : offset + WORD], "big")
            values.append(data[offset + WORD :][: n if kind in ("bytes", "string") else n * WORD])
        else:
            values.append(_value(kind, word))
    return tuple(values)


def _words(kinds: Sequence[str]) -> int:
    return sum(kind.count(",") + 1 if kind.startswith("(") else 1 for kind in kinds)


def _value(kind: str, word: bytes) -> Value:
    if kind == "address":
        return "0x" + word[12:].hex()
    if kind == "bool":
        return any(word)
    if found := _INTEGER.fullmatch(kind):
        return int.from_bytes(word, "big", signed=not found[1])
    return word[: int(kind.removeprefix("bytes") or WORD)]
