"""What settling costs in money, from gas that was measured: the trade above which it is under a tenth of a percent.

``gas.json`` holds receipts of a real node (``python -m bench.gas --write``), and a test measures again and compares.
A price of gas turns them into a cost. That cost is all of it on a chain where execution is what is paid for; a
rollup adds what it pays for publishing the calldata on its first layer, which changes by the minute and is not in
these figures.
"""

import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from importlib.resources import files
from typing import Any, Final

from fxengine.errors import ChainError

SNAPSHOT: Final = files(__name__.rpartition(".")[0]) / "gas.json"
SHARE: Final = Decimal("0.001")
"""A cost of a trade that is small enough: 0.1 %."""
_GWEI_IN_ETHER: Final = Decimal(10**9)
_CENT_OF_A_CENT: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a trade costs in batches of one size."""

    currencies: int
    accounts: int
    trades: int
    gas: int  # of the whole batch
    usd_per_trade: Decimal  # rounded up to a hundredth of a cent
    usd_trade_min: Decimal  # the trade of which that is 0.1 %, rounded up to a cent

    @property
    def gas_per_trade(self) -> int:
        """Return a trade's part of the gas, rounded up."""
        return -(-self.gas // self.trades)


def snapshot() -> dict[str, Any]:
    """Return the measured figures: the artifacts' hashes, ``calls`` by name, and ``batches``."""
    tree: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    return tree


def costs(gas_price_gwei: Decimal, eth_usd: Decimal) -> list[Cost]:
    """Return what a trade costs in each measured batch. Raises :class:`ChainError` (BAD_PRICE) for what is no price."""
    for price in (gas_price_gwei, eth_usd):
        if not price.is_finite() or price < 0 or price > 10**9:
            raise ChainError("BAD_PRICE", f"a price is a number from 0 to a billion, not {price}")
    found = []
    for line in snapshot()["batches"]:
        exact = line["gas"] * gas_price_gwei / _GWEI_IN_ETHER * eth_usd / line["trades"]
        found.append(
            Cost(
                line["currencies"],
                line["accounts"],
                line["trades"],
                line["gas"],
                exact.quantize(_CENT_OF_A_CENT, ROUND_CEILING),
                (exact / SHARE).quantize(Decimal("0.01"), ROUND_CEILING),
            )
        )
    return found
