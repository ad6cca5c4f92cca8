"""Calldata packed by hand, held against eth-abi."""

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from fxengine.chain.calldata import Interface
from fxengine.errors import ChainError

ADDRESS = "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"
KINDS = ["uint64", "bytes32", "bytes", "int128", "address", "bool", "bytes32[]"]
ABI = [
    {"type": "constructor", "inputs": []},
    {
        "type": "function", "name": "settle", "inputs": [{"name": str(n), "type": k} for n, k in enumerate(KINDS)],
        "outputs": [{"name": str(n), "type": k} for n, k in enumerate(KINDS)],
    },
    {
        "type": "function", "name": "status", "inputs": [],
        "outputs": [{"name": "", "type": "tuple", "components": [{"type": "uint64"}, {"type": "int16"}]}],
    },
    {
        "type": "event", "name": "Settled", "anonymous": False,
        "inputs": [
            {"name": "head", "type": "bytes32", "indexed": False}, {"name": "id", "type": "uint64", "indexed": True},
            {"name": "n", "type": "uint32", "indexed": False},
        ],
    },
]  # fmt: skip
VAULT = Interface(ABI)


@given(
    st.tuples(
        st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32), st.binary(max_size=100),
        st.integers(-(2**127), 2**127 - 1), st.just(ADDRESS), st.booleans(),
        st.lists(st.binary(min_size=32, max_size=32), max_size=5),
    )
)  # fmt: skip
def test_it_is_packed_and_read_as_the_library_does(values: tuple[object, ...]) -> None:
    packed = VAULT.function("settle").call(*values[:-1], b"".join(values[-1]))  # type: ignore[arg-type]
    assert packed[:4] == keccak(text=f"settle({','.join(KINDS)})")[:4]
    assert packed[4:] == encode(KINDS, values)
    read = VAULT.function("settle").arguments(packed)
    assert read[:-1] == decode(KINDS, packed[4:])[:-1]
    assert read[-1] == b"".join(values[-1])  # type: ignore[call-overload]
    assert VAULT.function("settle").result(packed[4:]) == read


def test_a_struct_is_read_as_its_members() -> None:
    assert VAULT.function("status").result(encode(["uint64", "int16"], [7, -3])) == (7, -3)


def test_an_events_fields_come_from_topics_and_data() -> None:
    event = VAULT.event("Settled")
    log = {"topics": [event.topic, f"0x{5:064x}"], "data": "0x" + "ab" * 32 + f"{9:064x}"}
    assert event.read(log) == {"head": b"\xab" * 32, "id": 5, "n": 9}
    assert event.topic == "0x" + keccak(text="Settled(bytes32,uint64,uint32)").hex()


def test_what_is_not_this_contracts_is_refused() -> None:
    with pytest.raises(ChainError, match="SHORT_ANSWER"):
        VAULT.function("status").result(b"")
    with pytest.raises(ChainError, match="NOT_THIS_CALL"):
        VAULT.function("status").arguments(b"1234")
    with pytest.raises(ChainError, match="NO_SUCH_ENTRY"):
        VAULT.function("nothing")
    with pytest.raises(ChainError, match="NO_SUCH_ENTRY"):
        VAULT.event("Nothing")
