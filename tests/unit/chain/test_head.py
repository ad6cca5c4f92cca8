"""The chain's head, computed a second way from its definition."""

import hashlib

from eth_abi.abi import encode as abi_encode

from fxengine.chain.head import chain_head, keccak


def test_keccak_is_ethereum_s_and_not_sha3() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"") != hashlib.sha3_256(b"").digest()


def test_the_head_is_the_hash_of_the_abi_s_words() -> None:
    words = [bytes([n]) * 32 for n in (1, 2, 3)]
    numbers = (2**64 - 1, 2**40, 1_000)
    kinds = ["bytes32", "uint256", "uint256", "uint256", "bytes32", "bytes32", "bytes32"]
    expected = keccak(abi_encode(kinds, [words[0], *numbers, words[1], words[2], keccak(b"deltas")]))
    assert chain_head(words[0], *numbers, words[1], words[2], b"deltas") == expected


def test_every_part_is_in_the_head() -> None:
    parts: list[object] = [bytes(32), 1, 2, 3, bytes(32), bytes(32), b""]
    heads = {chain_head(*parts)}  # type: ignore[arg-type]
    for at, part in enumerate(parts):
        other = part + 1 if isinstance(part, int) else b"\x01" * 32
        heads.add(chain_head(*parts[:at], other, *parts[at + 1 :]))  # type: ignore[arg-type]
    assert len(heads) == 1 + len(parts)
    assert all(len(head) == 32 for head in heads)
