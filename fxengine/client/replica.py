"""A client's copy of one instrument's book, kept from market data, that repairs its own gaps.

Updates are numbered without a gap and carry a level's new total. The copy starts with the first
message that arrives on the subscription (the venue sends a mark at once), asks for a snapshot only
then, so that nothing can fall between the two, and drops what the snapshot contains already::

    mark 40 | 41 | 42 | snapshot at 41 | 43 | 45 ...
       `-- ask          `-- 41 is in it,  |    `-- 44 is missing: ask again, keep 45
           keep 41, 42      apply 42      apply

No socket here: :attr:`BookReplica.wants_snapshot` says what it needs, and its owner sees to it.
Source: ZeroMQ guide, chapter 5 (Clone); FIX tag 83 (RptSeq).
"""

from collections import deque
from typing import Final

from fxengine.codes import Side
from fxengine.messages import Book, LevelUpdate, TradeUpdate
from fxengine.venue import Instrument

BUFFER_MAX: Final = 65_536
TRADES_KEPT: Final = 1_024


class BookReplica:
    """One instrument's levels: those of the last snapshot, and all that changed since."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.stream = 0
        """Number of the last update it contains."""
        self.is_current = False
        """It joined and has missed nothing that is known of."""
        self.wants_snapshot = False
        """A snapshot is needed; see :meth:`load`."""
        self.n_gaps = 0
        """How often updates were missing and a snapshot had to repair it."""
        self.trades: deque[TradeUpdate] = deque(maxlen=TRADES_KEPT)
        """The latest trades, oldest first."""
        self._levels: dict[int, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._buffer: deque[LevelUpdate] = deque(maxlen=BUFFER_MAX)

    def on_update(self, update: LevelUpdate) -> None:
        """Take in an update or a mark. O(1)."""
        if self.is_current and update.instrument_stream <= self.stream:
            return
        if self.is_current and update.side and update.instrument_stream == self.stream + 1:
            self._apply(update)
            return
        if self.is_current:
            self.n_gaps += 1
        self.is_current = False
        self.wants_snapshot = True
        self._buffer.append(update)

    def load(self, book: Book) -> None:
        """Start from a snapshot and go on with what came meanwhile; it may leave a snapshot wanted still."""
        self.stream = book.instrument_stream
        self._levels = {Side.BUY: dict(book.bids), Side.SELL: dict(book.asks)}
        self.is_current, self.wants_snapshot = True, False
        waiting, self._buffer = self._buffer, deque(maxlen=BUFFER_MAX)
        for update in waiting:
            self.on_update(update)

    def _apply(self, update: LevelUpdate) -> None:
        self.stream = update.instrument_stream
        levels = self._levels[update.side]
        if update.level_lots:
            levels[update.price_ticks] = update.level_lots
        else:
            levels.pop(update.price_ticks, None)

    def levels_ticks(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        """Return (price_ticks, lots) of a side, best first. O(levels log levels)."""
        return sorted(self._levels[side].items(), reverse=side is Side.BUY)[:depth]

    def levels(self, side: Side, depth: int | None = None) -> list[tuple[str, str]]:
        """Return (price, quantity) of a side as decimal text, best first."""
        text = self.instrument
        return [(text.price_text(p), text.quantity_text(q)) for p, q in self.levels_ticks(side, depth)]
