"""A compiled core with one pair and traders who have all the money they need."""

from collections.abc import Iterator

import numpy as np

from bench.flows import Feed
from bench.flows.commands import credential, deposit
from fxengine._core import Core
from fxengine.codes import AccountFlag, Side
from fxengine.records import INSTRUMENT, Records

OPERATOR = 2
FIRST_TRADER = 3
RICH_UNITS = 2**58
CURRENCIES = (0, 1)


def instruments(n: int = 1) -> Records:
    """``n`` times the pair 0/1: a lot is one unit of 0, a tick for a lot one unit of 1; no fees."""
    rows = np.zeros(n, INSTRUMENT)
    rows["base"], rows["quote"], rows["lot_units"], rows["tick_lot_units"] = 0, 1, 1, 1
    return rows


def opening(n_traders: int, *, window: int = 1024, expires_ns: int = 2**62) -> Iterator[bytes]:
    """The commands that open an operator and traders, and make the traders rich."""
    yield credential(OPERATOR, "operator", permitted=CURRENCIES, flags=AccountFlag.OPERATOR, window=2**20)
    for trader in range(FIRST_TRADER, FIRST_TRADER + n_traders):
        yield credential(trader, f"trader-{trader}", permitted=CURRENCIES, window=window, expires_ns=expires_ns)
        for currency in CURRENCIES:
            number = 2 * (trader - FIRST_TRADER) + currency + 1
            yield deposit(OPERATOR, number, currency=currency, beneficiary=trader, amount_units=RICH_UNITS // n_traders)


def open_floor(n_traders: int = 1, **bounds: int) -> Feed:
    """A core with rich traders, ready for their client id 1."""
    window, expires_ns = bounds.pop("window", 1024), bounds.pop("expires_ns", 2**62)
    feed = Feed(Core(instruments(), n_currencies=2, **bounds), n_records=1 << 16)
    for command in opening(n_traders, window=window, expires_ns=expires_ns):
        feed.apply(command)
    return feed


def rank(side: Side, price_ticks: int) -> int:
    """Sort key that puts the better price of a side first."""
    return price_ticks if side is Side.SELL else -price_ticks
