"""Market data on the client's side: which books are followed, and seeing to the snapshots they need.

Each followed instrument has a replica; updates go to it, and when it finds a gap, one snapshot at
a time is asked for, through the session, until it is current again.
"""

from collections.abc import Callable

from fxengine.client.call import Call
from fxengine.client.replica import BookReplica
from fxengine.messages import Book
from fxengine.venue import Instrument
from fxengine.wire import decode_level, decode_trade


class MarketFeed:
    """The replicas of a client. ``ask_snapshot(instrument, load)`` asks the venue for a book and loads it."""

    def __init__(self, ask_snapshot: Callable[[int, Callable[[Book], None]], None]) -> None:
        self._ask_snapshot = ask_snapshot
        self._replicas: dict[bytes, BookReplica] = {}
        self._joining: dict[int, Call[BookReplica]] = {}
        self._asked: set[int] = set()

    def topics(self) -> list[bytes]:
        """Return what has to be subscribed to for all that is followed."""
        return list(self._replicas)

    def follow(self, instrument: Instrument) -> Call[BookReplica]:
        """Follow an instrument; the call finishes when its replica is current."""
        call: Call[BookReplica] = Call(f"the subscription of {instrument.symbol}")
        level_topic = f"l2.{instrument.symbol}".encode()
        replica = self._replicas.setdefault(level_topic, BookReplica(instrument))
        self._replicas[f"trade.{instrument.symbol}".encode()] = replica
        if replica.is_current:
            call.succeed(replica)
        else:
            self._joining[instrument.index] = call
        return call

    def receive(self, topic: bytes, payload: bytes) -> None:
        """Take in one published frame; topics that are not followed are passed over."""
        replica = self._replicas.get(topic)
        if replica is None:
            return
        if topic.startswith(b"trade."):
            replica.trades.append(decode_trade(payload))
            return
        replica.on_update(decode_level(payload))
        self._repair(replica)

    def _repair(self, replica: BookReplica) -> None:
        index = replica.instrument.index
        if not replica.wants_snapshot or index in self._asked:
            return

        def load(book: Book) -> None:
            self._asked.discard(index)
            replica.load(book)
            if replica.is_current and index in self._joining:
                self._joining.pop(index).succeed(replica)
            self._repair(replica)

        self._asked.add(index)
        self._ask_snapshot(index, load)
