"""The journal's bytes: segment headers and frames, encoded and decoded, nothing else.

A segment file is a 64-byte header, then frames back to back, then zeros to the end of the file::

    | header | frame | frame | frame | 0 0 0 0 0 ...

A frame is a 64-byte header and whole 64-byte records. Its chain value is the SHA-256 of the chain
value before it and its records, so that one value names everything the venue was ever told::

    chain 0 = the venue's fingerprint
    chain n = sha256(chain n-1 | records of frame n)

Headers and records are never 64 zero bytes: that is what lets the reader tell a piece that the
disk never wrote from one that was altered. Fields are little-endian; docs/journal.md has the table.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from fxengine.records import COMMAND, RECORD_BYTES, Records

HEADER_BYTES: Final = 64
"""The length of a segment's header, and of a frame's."""
FRAME_RECORDS_MAX: Final = 4096
"""Records a frame may hold: what one torn write can take away, and what one apply call sees."""
SEAL_FRAME_BYTES: Final = HEADER_BYTES + RECORD_BYTES
SEGMENT_BYTES_MIN: Final = HEADER_BYTES + SEAL_FRAME_BYTES + HEADER_BYTES + FRAME_RECORDS_MAX * RECORD_BYTES
"""A segment holds at least a seal and the longest frame: so every segment holds a command before
the next one begins, and names (first sequence numbers) never meet."""
SEGMENT_SUFFIX: Final = ".fxj"

FRAME_MAGIC: Final = b"FXFR"
_SEGMENT_MAGIC: Final = b"FXJOURN1"
_CHECKED_FROM: Final = 8  # magic and crc stand before what the crc covers
_SEGMENT: Final = struct.Struct("<8sI4x32s16x")  # magic, crc32, fingerprint
_FRAME: Final = struct.Struct("<4sIHxxIIIQ32s")  # magic, crc32, kind, n_records, n_commands, durable, first, chain
_SEAL: Final = struct.Struct("<16sQq32x")  # state hash, last sequence, time_ns
assert _SEGMENT.size == _FRAME.size == HEADER_BYTES
assert _SEAL.size == RECORD_BYTES


class FrameKind(IntEnum):
    """What a frame holds."""

    COMMANDS = 1
    SEAL = 2


_KINDS: Final = frozenset(int(kind) for kind in FrameKind)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it stands in a segment. Its checksum held when this was made."""

    kind: FrameKind
    n_commands: int
    first_sequence: int
    """Number of its first command; in a SEAL, of the command that would come next."""
    durable_offset: int
    """How far its segment was durable when it was appended, in bytes."""
    chain: bytes
    payload: bytes
    path: Path
    offset: int

    @property
    def last_sequence(self) -> int:
        """Number of its last command; in a SEAL, of the last command before it."""
        return self.first_sequence + self.n_commands - 1

    @property
    def end_offset(self) -> int:
        """Where the next frame begins in the same segment."""
        return self.offset + HEADER_BYTES + len(self.payload)

    def continues(self, chain_before: bytes) -> bool:
        """Say whether the frame's chain value follows from the one before it. O(frame)."""
        return sha256(chain_before + self.payload).digest() == self.chain

    @property
    def records(self) -> Records:
        """The commands: ``(n,) COMMAND`` records, read-only. O(1)."""
        return np.frombuffer(self.payload, COMMAND)

    @property
    def state_hash(self) -> str:
        """What a SEAL says ``core.state_hash()`` was at this place."""
        state: bytes = _SEAL.unpack(self.payload)[0]
        return state.hex()


@dataclass(frozen=True, slots=True)
class Place:
    """The end of one frame: from here a journal can be read without what stands before.

    The chain value tells whether a journal still is the one that the place was noted in.
    """

    sequence: int
    """The last command before it."""
    chain: bytes
    """The frame's chain value."""
    released_chain: bytes
    """The chain value of the last frame of commands: the same, unless SEALs follow that one."""
    segment: int
    """The number by which the segment is named that holds the frame."""
    offset: int
    """Where in the segment the frame begins."""


def segment_name(first_sequence: int) -> str:
    """Name a segment by the number of the first command in it.

    >>> segment_name(1)
    '00000000000000000001.fxj'
    """
    return f"{first_sequence:020d}{SEGMENT_SUFFIX}"


def encode_segment_header(fingerprint: bytes) -> bytes:
    """Write a segment's header; ``fingerprint`` is the venue's, 32 bytes."""
    covered = _SEGMENT.pack(_SEGMENT_MAGIC, 0, fingerprint)[12:]
    return struct.pack("<8sI", _SEGMENT_MAGIC, crc32(covered)) + covered


def decode_segment_header(header: bytes) -> bytes | None:
    """Return the fingerprint that a segment's header carries, or None where it is not one."""
    if len(header) < HEADER_BYTES:
        return None
    magic, crc, fingerprint = _SEGMENT.unpack_from(header)
    if magic != _SEGMENT_MAGIC or crc != crc32(header[12:HEADER_BYTES]):
        return None
    assert isinstance(fingerprint, bytes)
    return fingerprint


def encode_frame_header(
    kind: FrameKind, payload: bytes, n_commands: int, first_sequence: int, durable_offset: int, chain_before: bytes
) -> tuple[bytes, bytes]:
    """Write the header that goes before ``payload``; return it with the frame's chain value. O(payload)."""
    chain = sha256(chain_before + payload).digest()
    n_records, units = len(payload) // RECORD_BYTES, durable_offset // HEADER_BYTES
    covered = _FRAME.pack(FRAME_MAGIC, 0, kind, n_records, n_commands, units, first_sequence, chain)[_CHECKED_FROM:]
    crc = crc32(payload, crc32(covered))
    return FRAME_MAGIC + crc.to_bytes(4, "little") + covered, chain


def encode_seal(state_hash: str, last_sequence: int, time_ns: int) -> bytes:
    """Write a SEAL's record: ``core.state_hash()`` (32 hex digits) after ``last_sequence``."""
    return _SEAL.pack(bytes.fromhex(state_hash), last_sequence, time_ns)


def decode_frame(segment: bytes, offset: int, path: Path) -> Frame | None:
    """Return the frame at ``offset`` of a segment's bytes, or None where none stands whole. O(frame)."""
    start = offset + HEADER_BYTES
    if start > len(segment):
        return None
    magic, crc, kind, n_records, n_commands, units, first_sequence, chain = _FRAME.unpack_from(segment, offset)
    end = start + n_records * RECORD_BYTES
    if magic != FRAME_MAGIC or kind not in _KINDS or not 1 <= n_records <= FRAME_RECORDS_MAX or end > len(segment):
        return None
    payload = segment[start:end]
    if crc32(payload, crc32(segment[offset + _CHECKED_FROM : start])) != crc:
        return None
    return Frame(FrameKind(kind), n_commands, first_sequence, units * HEADER_BYTES, chain, payload, path, offset)
