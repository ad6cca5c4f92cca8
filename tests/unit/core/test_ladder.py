"""The price ladder against a sorted list: near and far prices, down to the last leaf."""

from random import Random

import numpy as np
import pytest

from bench.flows.commands import cancel, new_order
from fxengine.codes import EventFlag, EventKind, Side
from fxengine.records import EVENT, PRICE_TICKS_MAX
from tests.unit.core.trading_floor import FIRST_TRADER, open_floor, rank

EDGES = [1, 2, 255, 256, 257, 2**14 - 1, 2**14, 2**20, 2**26 - 1, 2**26, PRICE_TICKS_MAX - 1, PRICE_TICKS_MAX]


@pytest.mark.parametrize("side", Side)
def test_orders_at_every_distance_come_and_go_as_in_a_sorted_list(side: Side, seed: int) -> None:
    rng = Random(seed)
    floor = open_floor(window=4096)
    resting: dict[int, int] = {}
    for number in range(1, 3_001):
        if rng.random() < (0.7 if number < 1_500 else 0.3) or not resting:
            price = rng.choice([rng.choice(EDGES), rng.randint(1, PRICE_TICKS_MAX), 10_000 + rng.randint(-600, 600)])
            resting[number] = price
            floor.apply(new_order(FIRST_TRADER, number, instrument=0, side=side, price_ticks=price, quantity_lots=1))
        else:
            gone = rng.choice([*resting])
            del resting[gone]
            floor.apply(cancel(FIRST_TRADER, number, orig_client_order_id=gone))
        prices = sorted(set(resting.values()), key=lambda price: rank(side, price))
        if number % 20 == 0:
            amounts = list(resting.values())
            assert floor.core.depth(0, side, 10_000) == [(price, amounts.count(price)) for price in prices]
            floor.core.check()
        assert [price for price, _ in floor.core.depth(0, side, 1)] == prices[:1]
    for gone in resting:
        floor.apply(cancel(FIRST_TRADER, 0, orig_client_order_id=gone))
    assert floor.core.depth(0, side, 1) == []
    floor.core.check()


@pytest.mark.parametrize("side", Side)
def test_a_taker_walks_from_leaf_to_leaf_in_price_order_and_in_time_order_within(side: Side) -> None:
    floor = open_floor(2)
    number = 0
    for price in EDGES:
        for _ in range(2):
            number += 1
            floor.apply(new_order(FIRST_TRADER, number, instrument=0, side=side, price_ticks=price, quantity_lots=3))
    other = Side.SELL if side is Side.BUY else Side.BUY
    limit = 1 if other is Side.SELL else PRICE_TICKS_MAX
    taken = np.frombuffer(
        floor.apply(
            new_order(FIRST_TRADER + 1, 1, instrument=0, side=other, price_ticks=limit, quantity_lots=6 * len(EDGES))
        ),
        EVENT,
    )
    makers = taken[(taken["kind"] == EventKind.FILL) & (taken["flags"] & EventFlag.MAKER != 0)]
    order = sorted(EDGES, key=lambda price: rank(side, price))
    assert makers["price_ticks"].tolist() == [price for price in order for _ in range(2)]
    by_price = {price: (2 * i + 1, 2 * i + 2) for i, price in enumerate(EDGES)}
    assert makers["client_order_id"].tolist() == [number for price in order for number in by_price[price]]
    assert floor.core.n_orders == 0
    floor.core.check()
