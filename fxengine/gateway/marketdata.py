"""Public market data: a copy of every displayed book, kept from durable events alone.

The displayed book is the sum of its BOOK events, which the core numbers per instrument without a
gap. The gateway adds them up here, publishes each as the new total of one price level, and answers
snapshots from the same sum, so an update and a snapshot with the same number agree::

    event 41  ACCEPTED|BOOK  buy 1.1171, 30 lots      level 1.1171: 20 -> 50     publish (41, 50)
    event 42  FILL|BOOK      buy 1.1171, 45 lots      level 1.1171: 50 ->  5     publish (42,  5)

While nobody subscribes nothing is published and nobody sees a book, so events are only put aside, and
added up when somebody asks or enough have gathered: thousands at once, by sorting them, for a
fraction of what they cost one by one.

A subscriber joins by subscribing, buffering, asking for a snapshot, and dropping what is not newer
(the Clone pattern). Two losses would go unseen until the next update: one between snapshot and
subscription, and one at the end of a burst. Hence marks, updates that change nothing and carry the
number: one when a subscription arrives, one a second after the last change.

Source: ZeroMQ guide, chapter 5 (Clone); FIX tag 83 (RptSeq).
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgpack
import numpy as np
import numpy.typing as npt

from fxengine.codes import EventFlag, EventKind, Side
from fxengine.engine import MatchingCore
from fxengine.gateway.reports import Row
from fxengine.messages import Book, LevelUpdate, TradeUpdate
from fxengine.records import Records, join, select
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

ASIDE_MAX: Final = 8_192
"""Events that are put aside before they are added up: about a millisecond's work."""

Column = npt.NDArray[np.int64]
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


def displayed_changes(events: Records) -> tuple[Column, Column, Column, Column]:
    """Return instrument, side, price level and lots of ``(n,) EVENT`` records that are BOOK events.

    The same as :func:`displayed_change`, for many. Lots are exact modulo 2^64, as their sums are.
    """
    kinds = events["kind"]
    quantity_lots, replaced = events["quantity_lots"], kinds == _REPLACED
    lots = np.where(kinds == _FILL, -quantity_lots, np.where(replaced, -events["fee_units"], -events["leaves_lots"]))
    lots = np.where(np.isin(kinds, tuple(_ADDS)), quantity_lots, lots)
    price_ticks = np.where(replaced, events["counterparty"], events["price_ticks"])
    return events["instrument"].astype(np.int64), events["side"].astype(np.int64), price_ticks, lots


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
        return self._change(side, price_ticks, lots)

    def add_up(self, stream: int, changes: Iterable[tuple[int, int, int]]) -> None:
        """Take in the sums of many events up to ``stream``: side, price_ticks and lots, each level once. O(changes)."""
        self.stream = stream
        for side, price_ticks, lots in changes:
            if lots:
                self._change(side, price_ticks, lots)

    def _change(self, side: int, price_ticks: int, lots: int) -> int:
        levels = self._levels[side]
        total = levels.get(price_ticks, 0) + lots
        assert total >= 0, (self.index, self.stream, price_ticks)
        if total:
            levels[price_ticks] = total
        else:
            levels.pop(price_ticks, None)
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
        self._books = [DisplayedBook(instrument) for instrument in venue.instruments]
        self._aside: list[Records] = []
        self._n_aside = 0
        self._topics: set[bytes] = set()
        self._to_mark: set[int] = set()
        self._changed: set[int] = set()

    @property
    def is_followed(self) -> bool:
        """Say whether anybody subscribes to anything."""
        return bool(self._topics)

    def load(self, core: MatchingCore) -> None:
        """Take every book from a core that was restored, instead of the events that led to it."""
        for book in self._books:
            book.load(core)

    def book(self, instrument: int) -> DisplayedBook:
        """Return an instrument's book, up to the last event."""
        self._add_up()
        return self._books[instrument]

    def add(self, events: Records) -> None:
        """Take in durable ``(n,) EVENT`` records that nobody wants published. O(1), and now and then O(n log n)."""
        self._aside.append(events)
        self._n_aside += len(events)
        if self._n_aside >= ASIDE_MAX:
            self._add_up()

    def apply(self, rows: Iterable[Row], time_ns: int) -> list[Publication]:
        """Take in durable events; return what subscribers want to hear of them, in order. O(events)."""
        self._add_up()
        publications: list[Publication] = []
        for row in rows:
            flags = row[5]
            if flags & _BOOK:
                self._apply_level(row, time_ns, publications)
            elif flags & _TAKER and row[0] == _FILL:
                book = self._books[row[3]]
                if book.trades_wanted:
                    trade = TradeUpdate(row[3], row[17], row[1], row[11], row[12], time_ns)
                    publications.append((book.trade_topic, encode_update(trade)))
        return publications

    def _add_up(self) -> None:
        """Add the events that were put aside to the books. O(n log n) at C speed, and O(levels that changed)."""
        if not self._aside:
            return
        events = join(self._aside)
        self._aside.clear()
        self._n_aside = 0
        events = select(events, (events["flags"] & _BOOK) != 0)
        if not len(events):
            return
        instruments, sides, price_ticks, lots = displayed_changes(events)
        # Of an instrument's stream numbers the one that stays is the last.
        streams = dict(zip(instruments.tolist(), events["instrument_stream"].tolist(), strict=True))
        # A level as one number sorts five times as fast as its three: prices have 31 bits, a side has two.
        levels = (instruments.astype(np.int64) << 2 | sides) << 31 | price_ticks
        order = np.argsort(levels)
        ranked = levels[order]
        starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
        sums = np.add.reduceat(lots[order], starts)
        firsts = order[starts]
        columns = (*(column[firsts].tolist() for column in (instruments, sides, price_ticks)), sums.tolist())
        counts = np.bincount(instruments)
        for instrument, changes in groupby(zip(*columns, strict=True), key=itemgetter(0)):
            book, stream = self._books[instrument], streams[instrument]
            assert stream == book.stream + counts[instrument], (instrument, stream, book.stream)
            book.add_up(stream, (change[1:] for change in changes))

    def _apply_level(self, row: Row, time_ns: int, publications: list[Publication]) -> None:
        side, index, stream = row[1], row[3], row[17]
        price_ticks, lots = displayed_change(row)
        book = self._books[index]
        total = book.apply(stream, side, price_ticks, lots)
        if book.levels_wanted:
            update = LevelUpdate(index, stream, side, price_ticks, total, time_ns)
            publications.append((book.level_topic, encode_update(update)))
            self._changed.add(index)

    def subscribe(self, topic: bytes) -> None:
        """Note a subscription, which ZeroMQ matches as a prefix, and mark the instruments it covers. O(instruments)."""
        self._to_mark.update(book.index for book in self._books if book.level_topic.startswith(topic))
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
        if self._to_mark:
            self._add_up()
        for index in sorted(self._to_mark):
            book = self._books[index]
            yield book.level_topic, encode_update(LevelUpdate(index, book.stream, 0, 0, 0, time_ns))
        self._to_mark.clear()

    def _count(self, topic: bytes, change: int) -> int:
        """Count a topic in or out where it covers something; return how many streams it covers."""
        covered = 0
        for book in self._books:
            if book.level_topic.startswith(topic):
                book.levels_wanted += change
                covered += 1
            if book.trade_topic.startswith(topic):
                book.trades_wanted += change
                covered += 1
        return covered
