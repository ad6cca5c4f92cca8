"""How much gas a settlement may use, so that batches are cut to size before they are made.

Beside what every settlement costs, a record costs its 37 bytes of calldata and a word of storage: little where the
word holds something already, a lot where it was empty. Which words do is taken from the books, whose balances are
the vault's but for withdrawals on their way; where that misleads, the vault says so when a settlement is tried out,
and it is allowed all that a transaction may use. Figures from receipts (``fxengine/chain/gas.json``), with a tenth
more: unused gas costs nothing, but counts against what a block holds.
"""

from typing import Final

from fxengine.chain.contract import GAS_MAX
from fxengine.chain.deltas import RECORDS_MAX

GAS_BASE: Final = 100_000
GAS_OF_KNOWN: Final = 7_000
"""A record whose word of storage holds something."""
GAS_OF_NEW: Final = 25_000
"""A record whose word was empty."""
GAS_WANTED: Final = 12_000_000
"""What a batch of several stretches may come to: well below GAS_MAX, which a single stretch may."""
RECORDS_SURE: Final = min(RECORDS_MAX, (GAS_MAX - GAS_BASE) // GAS_OF_NEW)
"""Records that settle in one transaction whatever words they write."""


def gas_limit(n_known: int, n_new: int) -> int:
    """Return the gas that a settlement is allowed, never above GAS_MAX."""
    return min(GAS_MAX, GAS_BASE + GAS_OF_KNOWN * n_known + GAS_OF_NEW * n_new)


def is_wanted(n_known: int, n_new: int) -> bool:
    """Say whether a batch of so many records is small enough to be one."""
    return n_known + n_new <= RECORDS_MAX and gas_limit(n_known, n_new) <= GAS_WANTED
