"""Gas, measured anew on a node: exactly what the package says it is, and no more than was promised."""

import pytest

from bench.gas import measured
from fxengine.chain.cost import snapshot
from fxengine.chain.local_node import LocalNode

PROMISED = {
    (2, 1): 101_337,
    (5, 100): 2_776,
    (5, 1_000): 277,
    (50, 100): 15_009,
    (50, 1_000): 2_034,
    (500, 100): 27_054,
    (500, 300): 22_427,
}
"""Gas a trade of the first design, one balance to a word, for as many accounts and trades."""


def test_the_snapshot_is_what_a_node_s_receipts_say(node: LocalNode) -> None:
    assert measured(node) == snapshot()


@pytest.mark.parametrize("currencies", [5, 10])
def test_a_trade_costs_no_more_than_was_promised(currencies: int) -> None:
    found = {
        (line["accounts"], line["trades"]): line["gas"] / line["trades"]
        for line in snapshot()["batches"]
        if line["currencies"] == currencies
    }
    assert all(found[size] <= promised for size, promised in PROMISED.items())
