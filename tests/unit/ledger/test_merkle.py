"""The Merkle tree of RFC 9162: the published roots, and every proof of every small tree."""

import hashlib
import random

import pytest

from fxengine.ledger.merkle import EMPTY, inclusion_proof, proves, tree_hash

LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))
ROOTS = {  # of the first n leaves: the vectors of Certificate Transparency's own test suite
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def mth(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def test_the_published_roots_come_out() -> None:
    assert tree_hash([]) == EMPTY == hashlib.sha256(b"").digest()
    for n, root in ROOTS.items():
        assert tree_hash(LEAVES[:n]).hex() == root


def test_pairing_level_by_level_is_the_rfcs_recursion(seed: int) -> None:
    rng = random.Random(seed)
    for n in [*range(70), 1000]:
        leaves = [rng.randbytes(rng.randrange(70)) for _ in range(n)]
        assert tree_hash(leaves) == mth(leaves)


def test_every_leaf_of_every_small_tree_is_proved_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    for n in range(1, 20):
        leaves = [rng.randbytes(64) for _ in range(n)]
        root = tree_hash(leaves)
        for index, leaf in enumerate(leaves):
            proof = inclusion_proof(leaves, index)
            assert len(proof) <= (n - 1).bit_length()
            assert proves(leaf, index, n, proof, root)
            assert not proves(rng.randbytes(64), index, n, proof, root)
            assert not proves(leaf, index, n, [*proof, bytes(32)], root)
            assert not proves(leaf, index, n, proof[:-1], root) or n == 1
            assert not proves(leaf, index, n, proof, bytes(32))
            for other in range(n):
                assert proves(leaf, other, n, proof, root) is (other == index)


def test_a_node_is_not_taken_for_a_leaf() -> None:
    left, right = (hashlib.sha256(b"\0" + leaf).digest() for leaf in LEAVES[:2])
    assert tree_hash([left + right]) != tree_hash(LEAVES[:2])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_place_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES[:size], index)
    assert not proves(LEAVES[0], index, size, [], EMPTY)
