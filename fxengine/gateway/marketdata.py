"""Public market data: a copy of every displayed book, kept from durable events alone.

The displayed book is the sum of its BOOK events, which the core numbers per instrument without a
gap. The gateway adds them up here, publishes each as the new total of one price level, and answers
snapshots from the same sum, so an update and a snapshot with the same number agree::

    event 41  ACCEPTED|BOOK  buy 1.1171, 30 lots      level 1.1171: 20 -> 50     publish (41, 50)
    event 42  FILL|BOOK      buy 1.1171, 45 lots      level 1.1171: 50 ->  5     publish (42,  5)

A subscriber joins by subscribing, buffering, asking for a snapshot, and dropping what is not newer
(the Clone pattern). Two losses would go unseen until the next update: one between snapshot and
subscription, and one at the end of a burst. Hence marks, updates that change nothing and carry the
number: one when a subscription arrives, one a second after the last change.

Source: ZeroMQ guide, chapter 5 (Clone); FIX tag 83 (RptSeq).
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgpack

from fxengine.codes import EventFlag, EventKind, Side
from fxengine.engine import MatchingCore
from fxengine.gateway.reports import Row
from fxengine.messages import Book, LevelUpdate, TradeUpdate
from fxengine.venue import Instrument, Venue
from fxengine.wire import encode_message, encode_rows, encode_update

_BOOK: Final = int(EventFlag.BOOK)
_TAKER: Final = int(EventFlag.TAKER)
_FILL: Final = int(EventKind.FILL)
_REPLACED: Final = int(EventKind.REPLACED)
_ADDS: Final = frozenset({int(EventKind.ACCEPTED), int(EventKind.RESTED)})

_ALL_LEVELS: Final = 2**32
_NO_LEVELS: Final = encode_rows([(), ()])
"""How an encoded BOOK of an empty book ends: two empty arrays."""

Publication = tuple[bytes, bytes]
"""Topic and payload: the two parts of a published frame."""


def displayed_change(row: Row) -> tuple[int, int]:
    """Return the price level that a BOOK event changes, and by how many lots (negative: taken away).

    An iceberg's hidden part is never in the displayed book, so what ends or shrinks an order says
    itself how much of it was on show.
    """
    kind, old_price_ticks, price_ticks, quantity_lots, displayed_lots = row[0], row[7], row[11], row[12], row[13]
    if kind in _ADDS:
        return price_ticks, quantity_lots
    if kind == _FILL:
        return price_ticks, -quantity_lots
    if kind == _REPLACED:
        return old_price_ticks, -row[15]
    return price_ticks, -displayed_lots


class _EncodedSide:
    """One side of a book at one moment, best level first: encoded as deep as anybody asked, and each level once."""

    def __init__(self, levels: list[tuple[int, int]]) -> None:
        self._levels = levels
        self._content = bytearray()
        self._ends = [0]
        self._header = msgpack.Packer().pack_array_header

    def first(self, depth: int) -> bytes:
        """Return the best ``depth`` levels as a msgpack array. O(levels not encoded yet) and a copy."""
        n_levels = min(depth, len(self._levels))
        for level in self._levels[len(self._ends) - 1 : n_levels]:
            self._content += encode_rows([level])
            self._ends.append(len(self._content))
        return bytes(self._header(n_levels) + self._content[: self._ends[n_levels]])


class DisplayedBook:
    """One instrument's price levels: lots by price, for each side."""

    def __init__(self, instrument: Instrument) -> None:
        self.index = instrument.index
        self.level_topic = f"l2.{instrument.symbol}".encode()
        self.trade_topic = f"trade.{instrument.symbol}".encode()
        self.stream = 0
        """Number of the last event it contains."""
        self.levels_wanted = self.trades_wanted = 0
        """Topics subscribed to, by anybody, that cover the level updates, and the trades."""
        self._levels: dict[int, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._encoded = (0, _EncodedSide([]), _EncodedSide([]))

    def apply(self, stream: int, side: int, price_ticks: int, lots: int) -> int:
        """Add lots (negative: take away) to a level; return its new total. O(1)."""
        assert stream == self.stream + 1, (self.index, stream, self.stream)
        self.stream = stream
        levels = self._levels[side]
        total = levels.get(price_ticks, 0) + lots
        assert total >= 0, (self.index, stream, price_ticks)
        if total:
            levels[price_ticks] = total
        else:
            del levels[price_ticks]
        return total

    def load(self, core: MatchingCore) -> None:
        """Take the book from a core instead of its events so far. O(orders in it)."""
        self.stream = core.instrument_stream(self.index)
        self._levels = {side: dict(core.depth(self.index, side, _ALL_LEVELS)) for side in (Side.BUY, Side.SELL)}

    def snapshot(self, request_id: int, depth: int) -> bytes:
        """Return an encoded BOOK of up to ``depth`` levels a side, best first.

        O(levels log levels) after a change; then each level is encoded once and asking again costs a copy.
        """
        stream, bids, asks = self._encoded
        if stream != self.stream:
            bids = _EncodedSide(sorted(self._levels[Side.BUY].items(), reverse=True))
            asks = _EncodedSide(sorted(self._levels[Side.SELL].items()))
            self._encoded = (self.stream, bids, asks)
        head = encode_message(Book(request_id, self.index, self.stream, (), ()))
        return head[: -len(_NO_LEVELS)] + bids.first(depth) + asks.first(depth)


class MarketData:
    """Every instrument's displayed book, and what is to be published of it."""

    def __init__(self, venue: Venue) -> None:
        self.books = [DisplayedBook(instrument) for instrument in venue.instruments]
        self._topics: set[bytes] = set()
        self._to_mark: set[int] = set()
        self._changed: set[int] = set()

    def load(self, core: MatchingCore) -> None:
        """Take every book from a core that was restored, instead of the events that led to it."""
        for book in self.books:
            book.load(core)

    def apply(self, rows: Iterable[Row], time_ns: int, *, publish: bool) -> list[Publication]:
        """Take in durable events; return what subscribers want to hear of them, in order. O(events)."""
        publications: list[Publication] = []
        for row in rows:
            flags = row[5]
            if flags & _BOOK:
                self._apply_level(row, time_ns, publications if publish else None)
            elif flags & _TAKER and publish and row[0] == _FILL:
                book = self.books[row[3]]
                if book.trades_wanted:
                    trade = TradeUpdate(row[3], row[17], row[1], row[11], row[12], time_ns)
                    publications.append((book.trade_topic, encode_update(trade)))
        return publications

    def _apply_level(self, row: Row, time_ns: int, publications: list[Publication] | None) -> None:
        side, index, stream = row[1], row[3], row[17]
        price_ticks, lots = displayed_change(row)
        book = self.books[index]
        total = book.apply(stream, side, price_ticks, lots)
        if publications is not None and book.levels_wanted:
            update = LevelUpdate(index, stream, side, price_ticks, total, time_ns)
            publications.append((book.level_topic, encode_update(update)))
            self._changed.add(index)

    def subscribe(self, topic: bytes) -> None:
        """Note a subscription, which ZeroMQ matches as a prefix, and mark the instruments it covers. O(instruments)."""
        self._to_mark.update(book.index for book in self.books if book.level_topic.startswith(topic))
        if topic not in self._topics and self._count(topic, 1):
            self._topics.add(topic)

    def unsubscribe(self, topic: bytes) -> None:
        """Note that nobody subscribes to a topic any more. O(instruments)."""
        if topic in self._topics:
            self._topics.remove(topic)
            self._count(topic, -1)

    def mark_changed(self) -> None:
        """Have the instruments marked that changed since the last call; to be called once a second."""
        self._to_mark |= self._changed
        self._changed.clear()

    def marks(self, time_ns: int) -> Iterator[Publication]:
        """Yield the marks that are due."""
        for index in sorted(self._to_mark):
            book = self.books[index]
            yield book.level_topic, encode_update(LevelUpdate(index, book.stream, 0, 0, 0, time_ns))
        self._to_mark.clear()

    def _count(self, topic: bytes, change: int) -> int:
        """Count a topic in or out where it covers something; return how many streams it covers."""
        covered = 0
        for book in self.books:
            if book.level_topic.startswith(topic):
                book.levels_wanted += change
                covered += 1
            if book.trade_topic.startswith(topic):
                book.trades_wanted += change
                covered += 1
        return covered
