"""What is on its way to one session: encoded messages and records, bounded, few frames per cycle.

What a cycle has to say is gathered and leaves as one frame; only where messages and records take
turns a frame ends, because no frame holds both, and where it has grown long. Where the socket has
no room, frames stay here and what comes later gathers behind them. A client that does not read
fills its own outbox only; at the bound it gives up all it holds, and what is left to say is why::

    add, add, add_events --> [frame] [chunk chunk] --> socket
                              `-- no room there: gathers here, up to OUTBOX_BYTES_MAX
"""

from collections import deque
from typing import Final

from fxengine.wire import REPLY_MESSAGES_MAX, event_frame, frame_of

OUTBOX_BYTES_MAX: Final = 16 * 1_048_576
"""Bytes that may wait for one session: about two hundred thousand reports."""
FRAME_BYTES: Final = 262_144
"""A frame that has grown so long ends: ZeroMQ too bounds what it keeps for a session, but it counts frames."""
_MESSAGES: Final = -1


class Outbox:
    """Encoded messages and records for one session, in order."""

    __slots__ = ("_chunk_bytes", "_chunks", "_events_ns", "_frames", "_n_messages", "n_bytes", "overflowed")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._chunks: list[bytes] = []
        self._chunk_bytes = 0
        self._n_messages = 0
        self._events_ns = _MESSAGES
        """The time of the chunks where they are events."""
        self.n_bytes = 0
        """Bytes that wait here."""
        self.overflowed = False
        """It was asked to hold more than it may, or has its last message: it takes nothing any more."""

    def __bool__(self) -> bool:
        return bool(self._chunks or self._frames)

    def add(self, chunk: bytes, n_messages: int = 1) -> None:
        """Append encoded messages (``fxengine.wire.encode_message`` or ``encode_rows``). O(1)."""
        if self.overflowed:
            return
        if self._events_ns != _MESSAGES:
            self._end_frame()
        self._n_messages += n_messages
        self._add(chunk)

    def add_events(self, events: bytes, time_ns: int) -> None:
        """Append the bytes of EVENT records; ``time_ns`` is when the last of their commands was sequenced. O(1)."""
        if self.overflowed:
            return
        if self._chunks and self._events_ns == _MESSAGES:
            self._end_frame()
        self._events_ns = time_ns
        self._add(events)

    def _add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._chunk_bytes += len(chunk)
        self.n_bytes += len(chunk)
        if self.n_bytes > OUTBOX_BYTES_MAX or self._n_messages > REPLY_MESSAGES_MAX:
            self.overflowed = True
            self._forget()
        elif self._chunk_bytes >= FRAME_BYTES:
            self._end_frame()

    def end_with(self, chunk: bytes) -> None:
        """Take one encoded message as the last; where the outbox has overflowed it is all there is to send."""
        self.overflowed = False
        self.add(chunk)
        self.overflowed = True

    def next_frame(self) -> bytes:
        """Return the frame to send; it stays until :meth:`sent`."""
        if not self._frames:
            self._end_frame()
        return self._frames[0]

    def sent(self) -> None:
        """Forget the frame: the socket has it."""
        self.n_bytes -= len(self._frames.popleft())

    def _end_frame(self) -> None:
        if self._events_ns == _MESSAGES:
            frame = frame_of(self._chunks, self._n_messages)
        else:
            frame = event_frame(b"".join(self._chunks), self._events_ns)
        self.n_bytes += len(frame) - self._chunk_bytes
        self._frames.append(frame)
        self._begin_frame()

    def _begin_frame(self) -> None:
        self._chunks = []
        self._chunk_bytes = self._n_messages = 0
        self._events_ns = _MESSAGES

    def _forget(self) -> None:
        self._frames.clear()
        self.n_bytes = 0
        self._begin_frame()
