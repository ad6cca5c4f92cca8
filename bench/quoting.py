"""Ladders of a maker restated by mass quotes: 20 levels, of which 4 change each time.

Every quote is one MASS_QUOTE of 7 records: its head, then 21 units of 16 bytes. Quotes alternate between the two
things makers do::

    resize   two bids and two offers get another quantity
    shift    both sides move by a tick: the best or the last level goes, and one comes at the other end

Bids stay below the middle and offers above, so no quote meets another maker's and none is refused.
"""

from typing import Final

import numpy as np

from fxengine.codes import CommandKind
from fxengine.records import COMMAND, MASS_QUOTE, QUOTE_LEVEL, QUOTE_SET, RECORD_BYTES, Records

LEVELS: Final = 10
"""On each side."""
LOTS: Final = 10_000
LOTS_STEP: Final = 1_000
_UNIT_BYTES: Final = QUOTE_SET.itemsize
N_RECORDS: Final = 1 + -(-(1 + 2 * LEVELS) * _UNIT_BYTES // RECORD_BYTES)
_PAIRS: Final = 4
"""Resizes take turns among the pairs of prices 2-3, 4-5, 6-7 and 8-9 ticks away, which every shift keeps."""


def mass_quotes(rng: np.random.Generator, n: int, n_makers: int, mid_ticks: int) -> Records:
    """Return ``(n, N_RECORDS)`` records of ``n_makers`` that take turns; account, id and time stay 0."""
    maker, turn = np.arange(n) % n_makers, np.arange(n) // n_makers
    resizes, shift = turn // 2, (turn + 1) // 2 % 2
    away = 1 + shift[:, None] + np.arange(LEVELS)
    pair = (away - 2) // 2
    changes = np.where((pair >= 0) & (pair < _PAIRS), (resizes[:, None] - pair) // _PAIRS, 0)
    phase = rng.integers(0, 3, n_makers)[maker]
    lots = LOTS + LOTS_STEP * ((changes + phase[:, None]) % 3)
    prices = np.concatenate([mid_ticks - away, mid_ticks + away], axis=1)

    block = np.zeros((n, N_RECORDS * RECORD_BYTES), np.uint8)
    heads = block[:, :RECORD_BYTES].copy().view(MASS_QUOTE)
    heads["kind"], heads["n_records"], heads["n_sets"] = CommandKind.MASS_QUOTE, N_RECORDS, 1
    sets = np.zeros((n, 1), QUOTE_SET)
    sets["n_bids"], sets["n_offers"] = LEVELS, LEVELS
    levels = np.zeros((n, 2 * LEVELS), QUOTE_LEVEL)
    levels["price_ticks"], levels["leaves_lots"] = prices, np.concatenate([lots, lots], axis=1)
    at = 0
    for part in (heads, sets, levels):
        piece = part.view(np.uint8)
        block[:, at : at + piece.shape[1]] = piece
        at += piece.shape[1]
    return block.view(COMMAND)
