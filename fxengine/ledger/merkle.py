r"""The Merkle tree hash of RFC 9162, section 2.1 (RFC 6962's tree): one hash for a list, short proofs of its lines.

A leaf's hash and a node's are told apart by their first byte, so that no leaf can be passed off as a node::

    leaf = SHA-256(0x00 || bytes)      node = SHA-256(0x01 || left || right)      empty = SHA-256("")

                 root                   a list of n is split at the largest power of two below n,
              /        \                which is the same as pairing neighbours level by level and
          node          c              letting an odd last one move up as it is
         /    \
        a      b                       the proof for b is [a, c]: whoever holds b makes the root from it

Pure functions of bytes; whoever checks a proof needs nothing else of this package.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

EMPTY: Final = sha256().digest()
"""The tree hash of no leaves."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two children's."""
    return sha256(b"\1" + left + right).digest()


def tree_hash(contents: Iterable[bytes]) -> bytes:
    """Return the root over the leaves' contents, in their order. O(n): 2n - 1 hashes."""
    level = [leaf_hash(content) for content in contents]
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def inclusion_proof(contents: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from leaf ``index`` to the root, from the bottom up. O(n).

    Raises :class:`IndexError` where there is no such leaf.
    """
    if not 0 <= index < len(contents):
        raise IndexError(f"there is no leaf {index} among {len(contents)}")
    level = [leaf_hash(content) for content in contents]
    proof = []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            proof.append(level[beside])
        level, index = _above(level), index >> 1
    return proof


def proves(content: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether ``content`` is leaf ``index`` of the ``size`` leaves under ``root``. O(log size).

    The check of RFC 9162, section 2.1.3.2: the shape of the tree follows from ``size``, so a proof of
    another length, or one for another place, is refused.
    """
    if not 0 <= index < size:
        return False
    found, last = leaf_hash(content), size - 1
    for beside in proof:
        if not last:
            return False
        if index & 1 or index == last:
            found = node_hash(beside, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        index, last = index >> 1, last >> 1
    return not last and found == root


def _above(level: list[bytes]) -> list[bytes]:
    """Pair neighbours; an odd last one moves up as it is."""
    pairs = zip(level[::2], level[1::2], strict=False)
    return [node_hash(*pair) for pair in pairs] + level[len(level) - len(level) % 2 :]
