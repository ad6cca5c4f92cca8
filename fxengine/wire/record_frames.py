"""Frames of fixed-size records: the journal's own bytes on the wire, for who trades in bulk.

A header of 64 bytes and records behind it, whole commands as in ``fxengine.records`` or events.
A client's frame is checked by the core's own admission (``fxengine._core.admit``), header and all,
without a Python object for a good record::

     0 mark C1 46 58 52 | 4 version u8 | 5 direction u8 | 6 reserved u16 | 8 n_records u32
    12 reserved u32     | 16 time_ns i64, of events: when their last command was sequenced; else 0
    24 reserved .............................................................. 63
    64 n_records x 64 bytes (commands) or x 96 bytes (events)

The first byte is the one that msgpack never uses, so no frame of messages begins with it.
Source: https://github.com/msgpack/msgpack/blob/master/spec.md (format 0xC1, never used).
"""

import struct
from enum import IntEnum
from typing import Final

import numpy as np

from fxengine.errors import ProtocolError
from fxengine.messages import PROTOCOL_VERSION
from fxengine.records import EVENT, EVENT_BYTES, RECORD_BYTES, Records
from fxengine.wire.frames import REPLY_BYTES_MAX

FRAME_HEADER: Final = np.dtype([
    ("mark", "S4"),  # C1 "FXR"
    ("version", "u1"),  # PROTOCOL_VERSION
    ("direction", "u1"),  # Direction
    ("reserved_0", "V2"),
    ("n_records", "<u4"),
    ("reserved_1", "V4"),
    ("time_ns", "<i8"),  # EVENTS: when the last command they tell of was sequenced, ns since 1970 UTC; COMMANDS: 0
    ("reserved_2", "V40"),
])  # fmt: skip
FRAME_HEADER_BYTES: Final = 64
assert FRAME_HEADER.itemsize == FRAME_HEADER_BYTES
REQUEST_RECORDS_MAX: Final = 1_000
"""Records that a frame of commands may hold."""

_MARK: Final = b"\xc1FXR"
_HEADER: Final = struct.Struct("<4sBB2sI4sq40s")
_UNREADABLE: Final = "the venue sent records that this version cannot read; update the client"
_ZEROS: Final = (bytes(2), bytes(4), bytes(40))


class Direction(IntEnum):
    """What a frame's records are."""

    COMMANDS = 1
    EVENTS = 2


def is_record_frame(frame: bytes) -> bool:
    """Say whether a frame holds records, to be read by the functions here, or else messages."""
    return frame[:1] == b"\xc1"


def command_frame(records: bytes | bytearray | memoryview) -> bytes:
    """Put whole commands, at most REQUEST_RECORDS_MAX records of 64 bytes, into one frame.

    The account may be 0, and the time is: the venue fills both in.
    """
    return _frame(Direction.COMMANDS, records, RECORD_BYTES, 0)


def event_frame(events: bytes | memoryview, time_ns: int) -> bytes:
    """Put the bytes of EVENT records into one frame; ``time_ns`` is when their last command was sequenced."""
    return _frame(Direction.EVENTS, events, EVENT_BYTES, time_ns)


def read_event_frame(frame: bytes) -> tuple[Records, int]:
    """Read the venue's frame of records: the ``(n,) EVENT`` records, read-only, and their time.

    :class:`ProtocolError` when it is not of this protocol.
    """
    if not FRAME_HEADER_BYTES <= len(frame) <= REPLY_BYTES_MAX:
        raise ProtocolError(_UNREADABLE)
    mark, version, direction, zeros_0, n_records, zeros_1, time_ns, zeros_2 = _HEADER.unpack_from(frame)
    is_ours = (mark, version, direction) == (_MARK, PROTOCOL_VERSION, Direction.EVENTS)
    is_whole = len(frame) == FRAME_HEADER_BYTES + n_records * EVENT_BYTES
    if not is_ours or not is_whole or (zeros_0, zeros_1, zeros_2) != _ZEROS:
        raise ProtocolError(_UNREADABLE)
    return np.frombuffer(frame, EVENT, offset=FRAME_HEADER_BYTES), time_ns


def _frame(direction: Direction, records: bytes | bytearray | memoryview, record_bytes: int, time_ns: int) -> bytes:
    n_records, rest = divmod(len(records), record_bytes)
    assert not rest, f"{len(records)} bytes are not whole records of {record_bytes}"
    zeros_0, zeros_1, zeros_2 = _ZEROS
    return b"".join((
        _HEADER.pack(_MARK, PROTOCOL_VERSION, direction, zeros_0, n_records, zeros_1, time_ns, zeros_2),
        records,
    ))  # fmt: skip
