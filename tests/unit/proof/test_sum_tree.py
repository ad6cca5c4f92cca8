"""One root commits to every liability and to their sum; nothing else leads to it."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.money import INT64_MAX
from fxengine.proof.flaws import ProofFlaw
from fxengine.proof.liability import LiabilityProof
from fxengine.proof.sum_tree import (
    Node,
    Step,
    SumTree,
    SumTreeError,
    climb,
    context_of,
    leaf_of,
    name_of,
    root_of,
)

HEAD = bytes(range(32))
CONTEXT = context_of("fx-test", "HKD", 7, HEAD)


def salt_of(account: int) -> bytes:
    return account.to_bytes(32, "big")


def tree_of(amounts: dict[int, int], context: bytes = CONTEXT) -> tuple[SumTree, dict[int, bytes]]:
    """A tree over accounts' amounts, and the name under which each stands."""
    names = {account: name_of(context, salt_of(account), account, "kyc", f"payer-{account}") for account in amounts}
    return SumTree(context, [(names[account], units) for account, units in amounts.items()]), names


def proof_of(amounts: dict[int, int], account: int, *, currency: str = "HKD") -> LiabilityProof:
    tree, names = tree_of(amounts, context_of("fx-test", currency, 7, HEAD))
    return LiabilityProof(
        venue="fx-test", currency=currency, decimals=2, batch=7, head=HEAD, account=account, issuer="kyc",
        subject=f"payer-{account}", salt=salt_of(account), amount_units=amounts[account],
        path=tuple(tree.path(names[account])), total_units=tree.total_units, root=tree.root,
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 31, 1000])
def test_every_account_has_a_proof_that_leads_to_the_root_and_the_total(n: int, seed: int) -> None:
    rng = random.Random(seed)
    amounts = {account: rng.randrange(1, 10**12) for account in range(2, 2 + n)}
    tree, names = tree_of(amounts)
    assert tree.total_units == sum(amounts.values())
    for account, units in amounts.items():
        path = tree.path(names[account])
        assert len(path) == (n - 1).bit_length()
        top = climb(leaf_of(names[account], units), path)
        assert top == tree.top
        assert root_of(CONTEXT, top) == tree.root


def test_nobody_owed_is_a_tree_of_padding_with_a_total_of_zero() -> None:
    tree = SumTree(CONTEXT, [])
    assert tree.total_units == 0
    assert tree.root != SumTree(context_of("fx-test", "JPY", 7, HEAD), []).root


def test_the_order_in_which_accounts_come_does_not_matter(seed: int) -> None:
    amounts = dict.fromkeys(range(2, 40), 5)
    shuffled = list(amounts.items())
    random.Random(seed).shuffle(shuffled)
    assert tree_of(dict(shuffled))[0].root == tree_of(amounts)[0].root


def test_where_an_account_stands_does_not_follow_its_number() -> None:
    tree, names = tree_of(dict.fromkeys(range(2, 66), 1))
    places = {
        account: sum((step.side == "left") << n for n, step in enumerate(tree.path(name)))
        for account, name in names.items()
    }
    assert sorted(places.values()) == list(range(64))
    assert [places[account] for account in sorted(places)] != sorted(places.values())


@pytest.mark.parametrize("part", ["venue", "currency", "batch", "head"])
def test_the_same_liabilities_at_another_moment_have_another_root(part: str) -> None:
    parts = {"venue": "fx-test", "currency": "HKD", "batch": 7, "head": HEAD}
    other = parts | {"venue": {"venue": "fx-tesu"}, "currency": {"currency": "JPY"}, "batch": {"batch": 8},
                     "head": {"head": bytes(32)}}[part]  # fmt: skip
    names = [(bytes([n]) * 32, 5) for n in range(3)]
    assert SumTree(context_of(**other), names).root != SumTree(CONTEXT, names).root  # type: ignore[arg-type]


def test_parts_of_a_name_cannot_be_moved_between_its_texts() -> None:
    salt = bytes(32)
    assert name_of(CONTEXT, salt, 2, "ab", "c") != name_of(CONTEXT, salt, 2, "a", "bc")
    assert context_of("ab", "c", 1, HEAD) != context_of("a", "bc", 1, HEAD)


def test_two_accounts_with_one_name_are_refused_whatever_their_amounts() -> None:
    for other in (5, 6):
        with pytest.raises(SumTreeError, match="counted twice"):
            SumTree(CONTEXT, [(bytes(32), 5), (bytes(32), other)])


def test_two_accounts_with_one_amount_and_one_owners_name_have_leaves_apart() -> None:
    """Else a venue could give two customers one leaf, and count it once."""
    first, second = (name_of(CONTEXT, bytes(32), account, "kyc", "payer-1") for account in (2, 3))
    assert leaf_of(first, 5) != leaf_of(second, 5)


@pytest.mark.parametrize("amounts", [{2: -1}, {2: 5, 3: -5}, {2: INT64_MAX + 1}])
def test_an_amount_that_nobody_can_be_owed_has_no_tree(amounts: dict[int, int]) -> None:
    with pytest.raises(SumTreeError, match="owed to nobody"):
        tree_of(amounts)


def test_a_sum_past_64_bits_has_no_tree() -> None:
    assert tree_of({2: INT64_MAX - 5, 3: 5})[0].total_units == INT64_MAX
    with pytest.raises(SumTreeError, match="add up to more"):
        tree_of({2: INT64_MAX - 5, 3: 6})


# -- what a forger would try: each ends in a reason of its own


AMOUNTS = {2: 40, 3: 5, 4: 25, 5: 30, 6: 1}


def test_an_honest_proof_holds() -> None:
    for account in AMOUNTS:
        proof = proof_of(AMOUNTS, account)
        assert proof.check(root=proof.root) is None


@pytest.mark.parametrize(
    "change",
    [
        {"amount_units": 41, "total_units": 102},
        {"account": 3},
        {"subject": "payer-3"},
        {"issuer": "other"},
        {"salt": bytes(32)},
        {"venue": "fx-tesu"},
        {"currency": "JPY"},
        {"batch": 8},
        {"head": bytes(32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_leaf_that_was_tampered_with_does_not_lead_to_the_root(change: dict[str, object]) -> None:
    assert replace(proof_of(AMOUNTS, 2), **change).check() is ProofFlaw.WRONG_ROOT  # type: ignore[arg-type]


@pytest.mark.parametrize("total", [0, 100, 102, -101])
def test_a_wrong_total_is_found(total: int) -> None:
    assert replace(proof_of(AMOUNTS, 2), total_units=total).check() is ProofFlaw.WRONG_TOTAL


def test_swapped_siblings_do_not_lead_to_the_root() -> None:
    proof = proof_of(AMOUNTS, 2)
    for n, step in enumerate(proof.path):
        path = list(proof.path)
        path[n] = step._replace(side="left" if step.side == "right" else "right")
        assert replace(proof, path=tuple(path)).check() is ProofFlaw.WRONG_ROOT


@pytest.mark.parametrize("units", [-1, -(2**63), INT64_MAX, 2**64])
def test_an_impossible_amount_on_the_way_is_refused(units: int) -> None:
    proof = proof_of(AMOUNTS, 2)
    for n, step in enumerate(proof.path):
        path = (*proof.path[:n], step._replace(amount_units=units), *proof.path[n + 1 :])
        assert replace(proof, path=path).check() is ProofFlaw.IMPOSSIBLE_AMOUNT
    assert replace(proof, amount_units=units).check() is ProofFlaw.IMPOSSIBLE_AMOUNT


def test_an_honest_proof_under_another_currencys_root_is_refused() -> None:
    proof, other = proof_of(AMOUNTS, 2), proof_of(AMOUNTS, 2, currency="JPY")
    assert proof.check(root=other.root) is ProofFlaw.OTHER_ROOT


def test_amounts_cannot_be_shifted_between_a_node_and_its_sibling() -> None:
    """The flaw that the tree is named against: with a digest over the sum alone, this would lead to the same root."""
    proof = proof_of(AMOUNTS, 2)
    step = proof.path[0]
    moved = replace(proof, amount_units=39, path=(step._replace(amount_units=step.amount_units + 1), *proof.path[1:]))
    assert moved.check() is ProofFlaw.WRONG_ROOT


def test_a_node_is_not_taken_for_a_leaf_nor_a_leaf_for_a_node() -> None:
    """A way that is cut short would prove an inner node's sum as somebody's balance."""
    tree, names = tree_of(AMOUNTS)
    path = tree.path(names[2])
    inner = climb(leaf_of(names[2], AMOUNTS[2]), path[:1])
    assert climb(inner, path[1:]) == tree.top
    # The inner node's digest stands for a leaf only if some name hashes to it: the name is not free to choose.
    for name in (inner.digest, names[2]):
        assert climb(leaf_of(name, inner.amount_units), path[1:]).digest != tree.top.digest
    leaf = leaf_of(names[2], AMOUNTS[2])
    pair = Node(leaf.amount_units, leaf.digest)
    assert climb(pair, [Step("right", 0, bytes(32))]).digest != leaf.digest


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_a_digest_of_another_length_is_refused(digest: bytes) -> None:
    with pytest.raises(SumTreeError, match="32 bytes"):
        climb(Node(1, bytes(32)), [Step("left", 1, digest)])


def test_a_way_longer_than_any_tree_is_refused() -> None:
    with pytest.raises(SumTreeError, match="at most 32 steps"):
        climb(Node(1, bytes(32)), [Step("left", 0, bytes(32))] * 33)


@given(
    st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 2**57), min_size=1, max_size=33),
    st.data(),
)
def test_whatever_is_owed_each_proof_holds_and_no_changed_one_does(
    amounts: dict[int, int], data: st.DataObject
) -> None:
    account = data.draw(st.sampled_from(sorted(amounts)))
    proof = proof_of(amounts, account)
    assert proof.check(root=proof.root) is None
    assert LiabilityProof.from_json(proof.to_json()) == proof
    units = data.draw(st.integers(0, INT64_MAX).filter(lambda value: value != proof.amount_units))
    changed = replace(proof, amount_units=units, total_units=proof.total_units - proof.amount_units + units)
    assert changed.check() in {ProofFlaw.WRONG_ROOT, ProofFlaw.IMPOSSIBLE_AMOUNT, ProofFlaw.WRONG_TOTAL}
    if proof.path:
        n = data.draw(st.integers(0, len(proof.path) - 1))
        shorter = replace(proof, path=proof.path[:n] + proof.path[n + 1 :])
        assert shorter.check() in {ProofFlaw.WRONG_ROOT, ProofFlaw.WRONG_TOTAL}
        flipped = bytearray(proof.path[n].digest)
        flipped[data.draw(st.integers(0, 31))] ^= data.draw(st.integers(1, 255))
        path = (*proof.path[:n], proof.path[n]._replace(digest=bytes(flipped)), *proof.path[n + 1 :])
        assert replace(proof, path=path).check() is ProofFlaw.WRONG_ROOT
