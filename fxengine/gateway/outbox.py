"""What is on its way to one session: encoded messages, bounded, one frame per cycle.

Messages of a cycle are gathered and leave as one frame. Where the socket has no room for it, the
frame stays here and what comes later gathers behind it. A client that does not read fills its own
outbox only; at the bound the outbox gives up, and the gateway closes that session::

    add, add, add --> [chunk chunk chunk] --> [frame] --> socket
                       `-- no room there: gathers here, up to OUTBOX_BYTES_MAX
"""

from typing import Final

from fxengine.wire import REPLY_MESSAGES_MAX, frame_of

OUTBOX_BYTES_MAX: Final = 16 * 1_048_576
"""Bytes that may wait for one session: about two hundred thousand reports."""


class Outbox:
    """Encoded messages for one session, in order."""

    __slots__ = ("_chunk_bytes", "_chunks", "_frame", "_n_messages", "overflowed")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._n_messages = 0
        self._chunk_bytes = 0
        self._frame = b""
        self.overflowed = False
        """It was asked to hold more than it may, and holds nothing any more."""

    def __bool__(self) -> bool:
        return bool(self._chunks or self._frame)

    def add(self, chunk: bytes, n_messages: int = 1) -> None:
        """Append encoded messages (``fxengine.wire.encode_message`` or ``encode_rows``). O(1)."""
        if self.overflowed:
            return
        self._chunks.append(chunk)
        self._n_messages += n_messages
        self._chunk_bytes += len(chunk)
        if self._chunk_bytes + len(self._frame) > OUTBOX_BYTES_MAX or self._n_messages > REPLY_MESSAGES_MAX:
            self.overflowed = True
            self._chunks.clear()
            self._frame = b""

    def next_frame(self) -> bytes:
        """Return the frame to send; it stays until :meth:`sent`."""
        if not self._frame:
            self._frame = frame_of(self._chunks, self._n_messages)
            self._chunks = []
            self._n_messages = self._chunk_bytes = 0
        return self._frame

    def sent(self) -> None:
        """Forget the frame: the socket has it."""
        self._frame = b""
