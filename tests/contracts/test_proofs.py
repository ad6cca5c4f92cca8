"""`verify_trade` on chain agrees with the tree in Python, for every size and place, and with no forgery."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxengine.ledger.batch import TRADE, trade_leaves
from fxengine.ledger.merkle import inclusion_proof, leaf_hash, node_hash, tree_hash
from tests.contracts.venue_on_chain import VenueOnChain


def leaves(n: int) -> list[bytes]:
    trades = np.zeros(n, TRADE)
    trades["number"] = np.arange(1, n + 1)
    trades["sequence"] = 7
    return trade_leaves(trades)


def verify(venue: VenueOnChain, batch_id: int, record: bytes, index: int, size: int, path: list[bytes]) -> bool:
    (found,) = venue.vault.view("verify_trade", batch_id, record, index, size, b"".join(path))
    assert isinstance(found, bool)
    return found


@pytest.fixture(scope="module")
def batches() -> tuple[VenueOnChain, dict[int, list[bytes]]]:
    """A vault with a batch of each number of trades, from 1 up."""
    venue, found = VenueOnChain(n_tokens=0), {}
    for n in [*range(1, 34), 100, 257, 1_000]:
        trades = leaves(n)
        venue.settle(n_trades=n, root=tree_hash(trades))
        found[venue.batch_id] = trades
    return venue, found


def test_every_trade_of_every_small_batch_is_proved(batches: tuple[VenueOnChain, dict[int, list[bytes]]]) -> None:
    venue, found = batches
    for batch_id, trades in found.items():
        for index in range(len(trades)) if len(trades) < 40 else (0, 1, 63, 64, len(trades) - 2, len(trades) - 1):
            path = inclusion_proof(trades, index)
            assert verify(venue, batch_id, trades[index], index, len(trades), path)


@settings(max_examples=300)
@given(st.data())
def test_no_changed_proof_is_taken(batches: tuple[VenueOnChain, dict[int, list[bytes]]], data: st.DataObject) -> None:
    venue, found = batches
    batch_id = data.draw(st.sampled_from(sorted(found)))
    trades = found[batch_id]
    index = data.draw(st.integers(0, len(trades) - 1))
    record, size, path = trades[index], len(trades), inclusion_proof(trades, index)
    change = data.draw(st.sampled_from(["record", "index", "size", "path", "shorter", "longer", "batch", "trade"]))
    if change == "record":
        bit = data.draw(st.integers(0, 511))
        record = (int.from_bytes(record, "big") ^ 1 << bit).to_bytes(64, "big")
    elif change == "index":
        index = data.draw(st.integers(0, 2**256 - 1).filter(lambda other: other != index))
    elif change == "size":
        size = data.draw(st.integers(0, 2**256 - 1).filter(lambda other: other != size))
    elif change == "path":
        if not path:
            return
        at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
        path[at] = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    elif change == "shorter":
        if not path:
            return
        path.pop(data.draw(st.integers(0, len(path) - 1)))
    elif change == "longer":
        path.insert(data.draw(st.integers(0, len(path))), data.draw(st.binary(min_size=32, max_size=32)))
    elif change == "batch":
        batch_id = data.draw(st.integers(0, 2**64 - 1).filter(lambda other: other != batch_id))
    elif len(trades) > 1:
        record = trades[data.draw(st.integers(0, len(trades) - 1).filter(lambda other: other != index))]
    else:
        return
    assert not verify(venue, batch_id, record, index, size, path)


def test_every_trade_is_proved_at_its_own_place_alone(batches: tuple[VenueOnChain, dict[int, list[bytes]]]) -> None:
    """Where a tree is not full, the same hashes in the same order fit other places too, but for the path's length."""
    venue, found = batches
    for batch_id, trades in list(found.items())[:9]:
        for own in range(len(trades)):
            path = inclusion_proof(trades, own)
            accepted = [at for at in range(len(trades)) if verify(venue, batch_id, trades[own], at, len(trades), path)]
            assert accepted == [own]


def test_a_node_is_not_taken_for_a_leaf_nor_a_leaf_for_a_node() -> None:
    venue = VenueOnChain(n_tokens=0)
    trades = leaves(4)
    venue.settle(n_trades=4, root=tree_hash(trades))
    # The two hashes under a node are 64 bytes, as long as a record: they must not pass for one.
    left = leaf_hash(trades[0]) + leaf_hash(trades[1])
    right = node_hash(leaf_hash(trades[2]), leaf_hash(trades[3]))
    assert not verify(venue, 1, left, 0, 2, [right])
    # And who commits to that shape for a batch commits to another tree: with two trades the same bytes are a leaf.
    venue.settle(n_trades=2, root=tree_hash([left, trades[2]]))
    assert verify(venue, 2, left, 0, 2, [leaf_hash(trades[2])])
    assert not verify(venue, 2, trades[0], 0, 4, [leaf_hash(trades[1]), leaf_hash(trades[2])])


@pytest.mark.parametrize("size", [0, 63])
def test_a_record_of_another_length_is_no_trade(size: int) -> None:
    venue = VenueOnChain(n_tokens=0)
    record = b"\x05" * size
    venue.settle(n_trades=1, root=leaf_hash(record))
    assert not verify(venue, 1, record, 0, 1, [])


def test_a_batch_without_trades_proves_none() -> None:
    venue = VenueOnChain(n_tokens=0)
    venue.settle(n_trades=0, root=tree_hash([]))
    assert not verify(venue, 1, leaves(1)[0], 0, 0, [])
    assert not verify(venue, 1, leaves(1)[0], 0, 1, [])
