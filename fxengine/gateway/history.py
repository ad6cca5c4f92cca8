r"""The last events that are durable, held so that a client that missed some may hear them again.

Events are copied into chunks of one size, oldest first. A full chunk gets an index: up to which
number it holds whose stream. Beyond the bound the oldest chunk is let go, and what it held of an
account is the account's loss::

    chunks     [ 0 | 1 | 2 | 3 | 4 . ]       the last one is still being filled
    account 7   1..9     10..31  32..40      a stream rises from chunk to chunk, without gaps
                `-- let go: first held is now 10

So to find a number costs a look at the index of each chunk, and to read a page of a stream one
selection in one chunk; nothing is copied for who asks for nothing.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fxengine.engine import MatchingCore
from fxengine.records import EVENT, EVENT_BYTES, Records, select

CHUNK_EVENTS: Final = 4_096
"""Events in a chunk: the most that one page of a replay has to look at."""
_TIME_BYTES: Final = 8
CHUNK_BYTES: Final = CHUNK_EVENTS * (EVENT_BYTES + _TIME_BYTES)
_WORDS: Final = EVENT_BYTES // 8

Times = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Chunk:
    """``n`` events with the times of their commands, and once it is full what it holds of whom."""

    words: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty((CHUNK_EVENTS, _WORDS), np.uint64))
    times: Times = field(default_factory=lambda: np.empty(CHUNK_EVENTS, np.int64))
    n: int = 0
    index: dict[int, int] | None = None
    """Once it is full: the last number of each account's stream in it."""

    @property
    def events(self) -> Records:
        return self.words[: self.n].reshape(-1).view(EVENT)

    def seal(self) -> None:
        """Make the index, now that nothing is added any more."""
        events = self.events
        # A stream rises, so of each account's numbers the one that stays is the last.
        self.index = dict(zip(events["account"].tolist(), events["account_stream"].tolist(), strict=True))


class History:
    """The latest durable events within ``bytes_max`` bytes, at least one chunk of them."""

    def __init__(self, bytes_max: int) -> None:
        self._chunks_max = max(1, bytes_max // CHUNK_BYTES)
        self._chunks: deque[_Chunk] = deque([_Chunk()])
        self._first_held: dict[int, int] = {}

    def begin(self, core: MatchingCore) -> None:
        """Begin with a core that was restored: what it told before is not held. O(accounts)."""
        told = ((account, core.account_stream(account)) for account in range(core.n_accounts))
        self._first_held = {account: last + 1 for account, last in told if last}

    def add(self, events: Records, time_ns: int) -> None:
        """Keep ``(n,) EVENT`` records of commands up to ``time_ns``. O(n), a copy."""
        words = events.view(np.uint64).reshape(-1, _WORDS)
        while len(words):
            chunk = self._chunks[-1]
            if chunk.n == CHUNK_EVENTS:
                chunk.seal()
                chunk = _Chunk()
                self._chunks.append(chunk)
                self._let_go()
            n = min(len(words), CHUNK_EVENTS - chunk.n)
            chunk.words[chunk.n : chunk.n + n] = words[:n]
            chunk.times[chunk.n : chunk.n + n] = time_ns
            chunk.n += n
            words = words[n:]

    def _let_go(self) -> None:
        while len(self._chunks) > self._chunks_max:
            gone = self._chunks.popleft().index
            assert gone is not None
            for account, last in gone.items():
                self._first_held[account] = last + 1

    def first_held(self, account: int) -> int:
        """Return the lowest number of the account's stream that is still held, or else will be. O(1)."""
        return self._first_held.get(account, 1)

    def last(self, account: int) -> int:
        """Return the highest number of the account's stream; one below :meth:`first_held` for none. O(chunks)."""
        for chunk in reversed(self._chunks):
            if chunk.index is None:
                held = chunk.events["account_stream"][chunk.events["account"] == account]
                if len(held):
                    return int(held[-1])
            elif account in chunk.index:
                return chunk.index[account]
        return self.first_held(account) - 1

    def page(self, account: int, first: int, last: int, n_max: int) -> tuple[Records, Times]:
        """Return up to ``n_max`` events of an account's stream from number ``first`` to ``last``, and their times.

        Empty where none of them is held, which for numbers from :meth:`first_held` up means that they are not durable
        yet; otherwise at most what one chunk has. O(chunks) and a selection in one of them.
        """
        for chunk in self._holding(account, first):
            events = chunk.events
            streams = events["account_stream"]
            chosen = np.flatnonzero((events["account"] == account) & (streams >= first) & (streams <= last))[:n_max]
            if len(chosen):
                return select(events, chosen), chunk.times[chosen]
        return np.empty(0, EVENT), np.empty(0, np.int64)

    def _holding(self, account: int, first: int) -> Iterator[_Chunk]:
        for chunk in self._chunks:
            if chunk.index is None or chunk.index.get(account, 0) >= first:
                yield chunk
