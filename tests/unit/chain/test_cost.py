"""What a trade costs, from the gas that was measured."""

from decimal import Decimal

import pytest

from fxengine.chain.cost import costs, snapshot
from fxengine.errors import ChainError


def test_a_cost_is_gas_times_price_and_the_smallest_trade_a_thousand_times_that() -> None:
    for line, cost in zip(snapshot()["batches"], costs(Decimal("0.01"), Decimal(3000)), strict=True):
        exact = line["gas"] * 3000 / 10**11 / line["trades"]
        assert exact <= cost.usd_per_trade <= Decimal(exact) + Decimal("0.0001")
        assert exact * 1000 <= cost.usd_trade_min <= Decimal(exact * 1000) + Decimal("0.01")
        assert (cost.accounts, cost.trades, cost.gas) == (line["accounts"], line["trades"], line["gas"])
        assert cost.gas_per_trade == -(-line["gas"] // line["trades"])


def test_nothing_costs_nothing() -> None:
    assert all(cost.usd_trade_min == 0 for cost in costs(Decimal(0), Decimal(3000)))


@pytest.mark.parametrize("price", ["NaN", "-1", "Infinity", "1e10"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ChainError, match="BAD_PRICE"):
        costs(Decimal(price), Decimal(3000))
