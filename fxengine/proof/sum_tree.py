r"""A Merkle-sum tree: one root that commits to every liability in a currency and to their sum.

Each node carries an amount and a digest, and a parent's digest covers **both** of its children's
amounts, each apart. That is the whole point: a digest over their sum alone lets a venue show two
customers different splits of it, and leave one of them out (the flaw of the first such scheme, Maxwell's,
which Hu, Zhang and Guo showed). Amounts are never negative and no sum passes 2^63 - 1, so nothing can be
made smaller by being added::

                     root     = H(04 context total top)
                       |
                 top: 70          node  = H(01 left-amount left right-amount right)
                 /       \
              45           25
             /  \         /  \
           40    5      25    0   leaf  = H(00 name amount), padding = H(02 context)
           |     |      |
         name  name   name        name  = H(03 context salt account issuer subject)

H is SHA-256; the first byte says what is hashed, so that a leaf never passes for a node. ``context``
binds all of it to one venue, currency, batch and ledger head. ``name`` hides an account behind a salt
that only its owner is given, drawn anew for each batch and currency; leaves stand in the order of their
names, so neither a name nor a place says whose it is. Padding, amount 0, fills the tree to a power of
two.

The canonical bytes, little-endian: amounts u64, account u32, batch u64, head and salt 32 bytes; a text is
its length in bytes (u32) and its UTF-8. Nothing else is hashed and there is no other form.

Source: K. Chalkias, K. Lewi, P. Mohassel, V. Nikolaenko, "Distributed Auditing Proofs of Liabilities"
(DAPOL), 2020; K. Hu, Z. Zhang, K. Guo, "Breaking the Binding: Attacks on the Merkle Approach to Prove Liabilities
and its Applications", 2019; RFC 9162, section 2.1 (prefixes for leaves and nodes).
"""

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from fxengine.money import INT64_MAX

HASH_BYTES: Final = 32
PATH_MAX: Final = 32
"""Account numbers have 32 bits, so no tree is deeper."""

_LEAF, _NODE, _PADDING, _NAME, _ROOT = (bytes([kind]) for kind in range(5))

Side = Literal["left", "right"]


class Node(NamedTuple):
    """A subtree: what its accounts are owed together, in units, and the digest that says so."""

    amount_units: int
    digest: bytes


class Step(NamedTuple):
    """One step from a leaf to the top: the sibling, and on which side it stands."""

    side: Side
    amount_units: int
    digest: bytes


class SumTreeError(ValueError):
    """Content that no tree may have: an amount below zero, a sum past 2^63 - 1, a name that stands twice."""


def context_of(venue: str, currency: str, batch: int, head: bytes) -> bytes:
    """Return what binds a tree to one moment of one currency. ``head`` is the batch's, 32 bytes."""
    return _hash(b"fxengine liabilities 1\0", _text(venue), _text(currency), struct.pack("<Q", batch), head)


def name_of(context: bytes, salt: bytes, account: int, issuer: str, subject: str) -> bytes:
    """Return the name under which an account's leaf stands; only who has the salt can tell whose it is."""
    return _hash(_NAME, context, salt, struct.pack("<I", account), _text(issuer), _text(subject))


def leaf_of(name: bytes, amount_units: int) -> Node:
    """Return an account's leaf; :class:`SumTreeError` for an amount that nobody can be owed."""
    return Node(amount_units, _hash(_LEAF, name, _amount(amount_units)))


def root_of(context: bytes, top: Node) -> bytes:
    """Return the 32 bytes that are published: they commit to the context, the total and every leaf."""
    return _hash(_ROOT, context, _amount(top.amount_units), top.digest)


def climb(leaf: Node, path: Iterable[Step]) -> Node:
    """Return the top that a leaf and its siblings lead to. O(path).

    Raises :class:`SumTreeError` for an amount below zero, a sum past 2^63 - 1, a digest that is not 32 bytes
    long, or a path that is too long.
    """
    node = leaf
    for n, step in enumerate(path):
        if n == PATH_MAX:
            raise SumTreeError(f"a path has at most {PATH_MAX} steps")
        if len(step.digest) != HASH_BYTES:
            raise SumTreeError(f"a digest has {HASH_BYTES} bytes, not {len(step.digest)}")
        sibling = Node(step.amount_units, step.digest)
        node = _parent(sibling, node) if step.side == "left" else _parent(node, sibling)
    return node


class SumTree:
    """The tree over every account's liability in one currency at one batch. O(n) to build, O(log n) to prove."""

    def __init__(self, context: bytes, liabilities: Iterable[tuple[bytes, int]]) -> None:
        """Build it over (name, units). Raises :class:`SumTreeError` where an account would be counted twice."""
        ordered = sorted(liabilities)
        self._names = [name for name, _ in ordered]
        for name, following in zip(self._names, self._names[1:], strict=False):
            if name == following:
                raise SumTreeError("two leaves have one name: an account would be counted twice")
        leaves = [leaf_of(name, units) for name, units in ordered]
        padding = Node(0, _hash(_PADDING, context))
        width = 1 << max(len(leaves) - 1, 0).bit_length()
        self._levels = [leaves + [padding] * (width - len(leaves))]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([_parent(below[n], below[n + 1]) for n in range(0, len(below), 2)])
        self.top = self._levels[-1][0]
        self.root = root_of(context, self.top)

    @property
    def total_units(self) -> int:
        """What all accounts are owed together."""
        return self.top.amount_units

    def path(self, name: bytes) -> list[Step]:
        """Return the siblings from a name's leaf up to the top; KeyError for a name that has no leaf. O(log n)."""
        place = bisect_left(self._names, name)
        if self._names[place : place + 1] != [name]:
            raise KeyError(name.hex())
        steps = []
        for level in self._levels[:-1]:
            sibling = level[place ^ 1]
            steps.append(Step("left" if place & 1 else "right", *sibling))
            place >>= 1
        return steps


def _parent(left: Node, right: Node) -> Node:
    digest = _hash(_NODE, _amount(left.amount_units), left.digest, _amount(right.amount_units), right.digest)
    total = left.amount_units + right.amount_units
    if total > INT64_MAX:
        raise SumTreeError(f"the amounts add up to more than {INT64_MAX} units")
    return Node(total, digest)


def _amount(units: int) -> bytes:
    if not 0 <= units <= INT64_MAX:
        raise SumTreeError(f"{units} units can be owed to nobody: an amount is 0 to {INT64_MAX}")
    return struct.pack("<Q", units)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
