"""Gas, measured anew on a node: exactly what the package says it is, and no more than was promised."""

import re
from pathlib import Path

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


ROW = re.compile(r"^\| ([0-9x ]+|1 trade) \| ([0-9,]+) \| ([0-9,]+) \| ([0-9,]+) \|$", re.MULTILINE)


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


def test_the_documented_table_is_the_snapshot() -> None:
    page = (Path(__file__).parents[2] / "docs/onchain.md").read_text(encoding="utf-8")
    shown = {}
    for name, promised, five, ten in ROW.findall(page):
        size = (2, 1) if name == "1 trade" else tuple(int(part) for part in name.split(" x "))
        numbers = [int(number.replace(",", "")) for number in (promised, five, ten)]
        assert numbers[0] == PROMISED[size]  # type: ignore[index]
        shown |= {(5, *size): numbers[1], (10, *size): numbers[2]}
    lines = snapshot()["batches"]
    assert shown == {
        (line["currencies"], line["accounts"], line["trades"]): -(-line["gas"] // line["trades"]) for line in lines
    }
    for name in ("deploy vault", "deploy stablecoin", "list token", "register", "deposit", "withdraw", "heartbeat"):
        assert f"{snapshot()['calls'][name]:,}" in page, name
