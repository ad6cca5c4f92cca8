"""The auditor's own journal reader, written from docs/journal.md and from nothing else.

It is stricter than the engine's, which has to start a venue again after any crash. Here every byte
must have a reason. One thing only may be left over: the one frame that a killed process was in the
middle of writing at the very end of the last segment. Its bytes were never acknowledged, and they
show what they are: they begin as a frame does, stop at a 64-byte border, and are zeros from there::

    | frame | frame | FXFR ....|....|0000|0000| 0 0 0 0 0 ...    unfinished: noted, not held against it
    | frame | frame | FXFR ....|..x.|....|....| 0 0 0 0 0 ...    all there, checksum wrong: damage
    | frame | frame | 0 0 0 0 0 0 x 0 0 0 ...                    damage

A SEAL says what the state's hash was where it stands: at every start, and at the end of a venue that
was closed cleanly.
"""

import fcntl
import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PIECE: Final = 64
_RECORDS_MAX: Final = 4096
_SEGMENT: Final = struct.Struct("<8sI4x32s16x")  # magic, crc32, venue fingerprint
_FRAME: Final = struct.Struct("<4sIHxxIIIQ32s")  # magic, crc32, kind, records, commands, durable, first, chain
_SEAL: Final = struct.Struct("<16sQq32x")  # state hash, last sequence, time_ns
_SEGMENT_MAGIC: Final = b"FXJOURN1"
_FRAME_MAGIC: Final = b"FXFR"
_COMMANDS: Final = 1
_SEALED: Final = 2


class Frame(NamedTuple):
    """One frame that held against every check."""

    records: bytes  # of its commands, 64 bytes each; empty for a SEAL
    first_sequence: int
    last_sequence: int
    chain: bytes
    state_hash: str  # what a SEAL says, in hex; empty for commands


class JournalAudit:
    """Iterate over it for the frames; then ``problems`` and ``notes`` are complete.

    ``is_sealed`` says whether the last whole frame is a SEAL.

    ``directory`` holds the segments, ``fingerprint`` is the venue's. Iteration ends at the first
    problem. O(journal) in time, one segment at a time in memory.
    """

    def __init__(self, directory: Path, fingerprint: bytes) -> None:
        self._directory = directory
        self._fingerprint = fingerprint
        self._chain = fingerprint
        self._next_sequence = 1
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.is_sealed = False
        self.watched: frozenset[bytes] = frozenset()
        """Chain values that somebody looks for, and below those that were met."""
        self.passed: set[bytes] = set()

    def __iter__(self) -> Iterator[Frame]:
        paths = self._segments()
        if not paths:
            self.problems.append(f"journal: {self._directory} holds no segments")
        for path in paths:
            try:
                content = path.read_bytes()
            except OSError as e:
                self.problems.append(f"journal: {path.name} cannot be read ({e.strerror})")
                return
            self._check_segment(path, content)
            if not self.problems:
                yield from self._frames(path, content, is_last=path == paths[-1])
            if self.problems:
                return

    def count(self) -> int:
        """Return about how many commands there are, from the last segment's headers, unchecked. O(segment)."""
        paths = self._segments()
        if not paths or not paths[-1].stem.isdecimal():
            return 0
        content, total, offset = paths[-1].read_bytes(), int(paths[-1].stem) - 1, _PIECE
        while content[offset : offset + 4] == _FRAME_MAGIC and offset + _PIECE <= len(content):
            _, _, _, n_records, n_commands, *_ = _FRAME.unpack_from(content, offset)
            total, offset = total + n_commands, offset + _PIECE * (1 + n_records)
        return total

    def is_being_written(self) -> bool:
        """Say whether an engine is running on this journal: it holds the folder's lock. Source: flock(2)."""
        try:
            with (self._directory / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("*.fxj"))

    def _problem(self, path: Path, offset: int, what: str) -> None:
        self.problems.append(f"journal: {path.name}, offset {offset}: {what}")

    def _check_segment(self, path: Path, content: bytes) -> None:
        if len(content) < _PIECE or len(content) % _PIECE:
            self._problem(path, 0, f"a segment of {len(content)} bytes is not whole 64-byte pieces")
            return
        magic, crc, fingerprint = _SEGMENT.unpack_from(content)
        if magic != _SEGMENT_MAGIC or crc != zlib.crc32(content[12:_PIECE]):
            self._problem(path, 0, "the segment's header is damaged")
        elif fingerprint != self._fingerprint:
            self._problem(path, 0, "the segment was written under another venue file")
        elif content[12:16] + content[48:_PIECE] != bytes(20):
            self._problem(path, 0, "reserved bytes of the segment's header are not zero")
        elif path.stem != f"{self._next_sequence:020d}":
            self._problem(path, 0, f"the segment that starts with command {self._next_sequence} is missing")

    def _frames(self, path: Path, content: bytes, *, is_last: bool) -> Iterator[Frame]:
        offset = _PIECE
        while offset < len(content) and any(content[offset : offset + _PIECE]):
            frame, end = self._frame(path, content, offset, is_last=is_last)
            if frame is None:
                break
            offset = end
            yield frame
        if not self.problems and not self.notes and content.count(0, offset) != len(content) - offset:
            self._problem(path, offset, "bytes stand after the last frame")

    def _frame(self, path: Path, content: bytes, offset: int, *, is_last: bool) -> tuple[Frame | None, int]:
        """Return the frame at ``offset`` and where it ends, or None once it has been said what is wrong."""
        magic, crc, kind, n_records, n_commands, durable, first, chain = _FRAME.unpack_from(content, offset)
        start = offset + _PIECE
        end = start + _PIECE * n_records
        if magic != _FRAME_MAGIC or not 1 <= n_records <= _RECORDS_MAX or end > len(content):
            self._problem(path, offset, "what stands there is not a frame")
            return None, offset
        records = content[start:end]
        if zlib.crc32(records, zlib.crc32(content[offset + 8 : start])) != crc:
            if is_last and _is_unfinished(content, offset, end):
                self.notes.append(
                    f"journal: {path.name}, offset {offset}: an unfinished frame follows command"
                    f" {self._next_sequence - 1}; it was never acknowledged, and the next start cuts it"
                )
            else:
                self._problem(path, offset, "the frame's checksum does not agree")
            return None, offset
        wrong = self._wrong(content, offset, kind, n_commands, durable, first, chain, records)
        if wrong:
            self._problem(path, offset, wrong)
            return None, offset
        self._chain = chain
        if chain in self.watched:
            self.passed.add(chain)
        self._next_sequence = first + n_commands
        self.is_sealed = kind == _SEALED
        state_hash = _SEAL.unpack(records)[0].hex() if self.is_sealed else ""
        return Frame(b"" if self.is_sealed else records, first, first + n_commands - 1, chain, state_hash), end

    def _wrong(
        self,
        content: bytes,
        offset: int,
        kind: int,
        n_commands: int,
        durable: int,
        first: int,
        chain: bytes,
        records: bytes,
    ) -> str:
        """Say what a whole frame claims wrongly; nothing where all is right."""
        if first != self._next_sequence:
            return f"command {first} stands where {self._next_sequence} must follow"
        if hashlib.sha256(self._chain + records).digest() != chain:
            return "the hash chain breaks"
        if content[offset + 10 : offset + 12] != bytes(2) or durable * _PIECE > offset:
            return "the frame's header claims what cannot be"
        if kind == _COMMANDS:
            if _commands_in(records) != n_commands:
                return f"the frame does not hold the {n_commands} commands that it counts"
        elif kind == _SEALED:
            if n_commands or len(records) != _SEAL.size or _SEAL.unpack(records)[1] != first - 1:
                return "the seal does not stand after the command that it names"
        else:
            return f"a frame of kind {kind} is not known"
        return ""


def _commands_in(records: bytes) -> int:
    """Count the whole commands in a frame's records; -1 where they do not end with the frame."""
    count, at = 0, 0
    while at < len(records):
        n_records = records[at + 1]
        if not n_records:
            return -1
        count, at = count + 1, at + n_records * _PIECE
    return count if at == len(records) else -1


def _is_unfinished(content: bytes, offset: int, end: int) -> bool:
    """Say whether a frame was written from its start but not to its end, and nothing after it.

    Not so when what is there starts with a whole frame, but for a header that claims more records:
    then the header was altered. O(records^2) in the worst case, once in an audit.
    """
    start = offset + _PIECE
    pieces = [any(content[at : at + _PIECE]) for at in range(start, end, _PIECE)]
    written = pieces.index(False) if False in pieces else len(pieces)
    stop = start + written * _PIECE
    if written == len(pieces) or content.count(0, stop) != len(content) - stop:
        return False
    crc: int = _FRAME.unpack_from(content, offset)[1]
    for n_records in range(1, written + 1):
        header = content[offset + 8 : offset + 12] + n_records.to_bytes(4, "little") + content[offset + 16 : start]
        if zlib.crc32(content[start : start + n_records * _PIECE], zlib.crc32(header)) == crc:
            return False
    return True
