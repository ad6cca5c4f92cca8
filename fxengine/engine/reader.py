"""Reading a journal back: every frame is checked, and what is wrong is told apart.

A frame must decode (magic, lengths, crc32), must continue the numbering, and must continue the
hash chain. Where the first one does not, there are three explanations::

    frame 7 | frame 8 | half of 9 | 0 0 0 ...     torn tail: the write was cut short. Never durable,
                                                  so never acknowledged. Left out, cut at start-up.
    frame 7 | 0 0 0 0 | frame 9   | 0 0 0 ...     unsynced group: the disk took the later frame of one
                                                  group and the power failed before the earlier. As above.
    frame 7 | fr#me 8 | frame 9   | 0 0 0 ...     damage: JournalDamaged, and nothing is touched.

So a frame is torn only in the last segment (a segment begins only when the one before it is
durable), and only when either no whole frame stands after it, or a piece of it was never written
(64 zero bytes, which no header and no record is) and no later frame says that this place was
durable when it was appended. All else is damage.

Reading can begin behind a place noted before, at the frame that ends there: what stands before it is not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from fxengine.engine.frames import (
    FRAME_MAGIC,
    FRAME_RECORDS_MAX,
    HEADER_BYTES,
    SEGMENT_SUFFIX,
    Frame,
    FrameKind,
    Place,
    decode_frame,
    decode_segment_header,
    segment_name,
)
from fxengine.errors import JournalDamaged, JournalError
from fxengine.records import RECORD_BYTES

_MAGIC_WORD: Final = int.from_bytes(FRAME_MAGIC, "little")
_UNIT_WORDS: Final = HEADER_BYTES // 4


@dataclass(frozen=True, slots=True)
class JournalEnd:
    """Where reading stopped: what an appender must continue."""

    path: Path | None
    """The last segment; None: there is none yet."""
    offset: int
    """The end of its last whole frame."""
    chain: bytes
    next_sequence: int
    sealed: bool
    """The last frame is a SEAL."""
    torn: bool
    """Bytes other than zeros stand after ``offset``."""
    place: Place | None
    """The end of the last whole frame; None: there is none yet."""


class FrameReader:
    """An iterable of a journal's frames. ``end`` says how far it has come; read it when done."""

    def __init__(
        self,
        directory: Path,
        fingerprint: bytes,
        *,
        strict: bool = False,
        after: Place | None = None,
        live: bool = False,
    ) -> None:
        if not directory.is_dir():
            raise JournalError(f"{directory}: no journal here; name the data directory of a venue that has run")
        self._directory = directory
        self._fingerprint = fingerprint
        self._strict = strict
        self._live = live
        self.end = JournalEnd(None, HEADER_BYTES, fingerprint, 1, sealed=False, torn=False, place=None)
        self._begin_at = 0
        if after is not None:
            frame = frame_before(directory, after)
            if frame is None:
                raise JournalError(f"{directory}: this journal does not pass through command {after.sequence} as noted")
            self._begin_at = frame.end_offset
            sealed = frame.kind is FrameKind.SEAL
            self.end = JournalEnd(
                frame.path, frame.end_offset, after.chain, after.sequence + 1, sealed=sealed, torn=False, place=after
            )

    def __iter__(self) -> Iterator[Frame]:
        paths = sorted(self._directory.glob(f"*{SEGMENT_SUFFIX}"))
        begun_in = self.end.path
        if begun_in is not None:
            paths = [path for path in paths if path.name >= begun_in.name]
        for path in paths:
            yield from self._segment(
                path, is_last=path == paths[-1], begin_at=self._begin_at if path == begun_in else 0
            )

    def _segment(self, path: Path, *, is_last: bool, begin_at: int) -> Iterator[Frame]:
        """Read one segment, from its first frame or from ``begin_at``."""
        chain, sequence, sealed, place = self.end.chain, self.end.next_sequence, self.end.sealed, self.end.place
        try:
            content = path.read_bytes()
        except OSError as e:
            raise JournalError(f"{path}: cannot be read ({e.strerror})") from e
        if begin_at and place is not None:
            self._check_header(path, content, place.segment)
        else:
            self._check_header(path, content, sequence)
        offset = begin_at or HEADER_BYTES
        segment = int(path.stem)
        while (frame := decode_frame(content, offset, path)) is not None:
            if frame.first_sequence != sequence:
                raise _damaged(path, offset, f"command {frame.first_sequence} stands where {sequence} must follow")
            if not frame.continues(chain):
                raise _damaged(path, offset, "the hash chain breaks: this frame does not follow the one before it")
            chain, sequence, sealed = frame.chain, frame.last_sequence + 1, frame.kind is FrameKind.SEAL
            offset = frame.end_offset
            released_chain = place.released_chain if sealed and place is not None else chain
            place = Place(sequence - 1, chain, released_chain, segment, frame.offset)
            self.end = JournalEnd(path, offset, chain, sequence, sealed, torn=False, place=place)
            yield frame
        torn = bool(np.frombuffer(content, np.uint8, offset=offset).any()) if offset < len(content) else False
        if torn and not (self._live and is_last):
            problem = self._why_damaged(content, path, offset, sequence, is_last=is_last)
            if problem:
                raise _damaged(path, offset, problem)
        self.end = JournalEnd(path, offset, chain, sequence, sealed, torn, place)

    def _check_header(self, path: Path, content: bytes, sequence: int) -> None:
        fingerprint = decode_segment_header(content)
        if fingerprint is None:
            raise _damaged(path, 0, "the segment's header is not whole")
        if fingerprint != self._fingerprint:
            raise JournalError(
                f"{path}: this journal belongs to another venue, or to this one under other currencies, "
                "instruments, fees or bounds; start it with the venue file it was written under"
            )
        if path.name != segment_name(sequence):
            raise _damaged(path, 0, f"the journal goes on at command {sequence}, and that segment is missing")

    def _why_damaged(self, content: bytes, path: Path, offset: int, sequence: int, *, is_last: bool) -> str:
        """Say why what stands at ``offset`` is damage, or nothing where it is a torn tail. O(segment)."""
        if not is_last:
            return "a frame is not whole, and a later segment exists"
        if self._strict:
            return "bytes stand after the last whole frame"
        later = [f for f in _whole_frames_after(content, path, offset) if f.first_sequence >= sequence]
        if not later:
            return ""
        for frame in later:
            if frame.durable_offset > offset:
                return f"a frame is not whole, and it was durable when the frame at {frame.offset} was written"
        gap = np.frombuffer(content, "<u8", count=(later[0].offset - offset) // 8, offset=offset).reshape(-1, 8)
        if bool(gap.any(axis=1).all()):
            return f"a frame is not whole, and a whole frame stands after it at {later[0].offset}"
        return ""


def read_frames(
    directory: Path, fingerprint: bytes, *, strict: bool = False, after: Place | None = None, live: bool = False
) -> FrameReader:
    """Iterate over a journal's frames in order, each one checked.

    ``directory`` holds the segments (a venue's ``DATA_DIR/journal``); ``fingerprint`` is
    ``Venue.fingerprint``. Reads only: a torn tail is left out, not cut. With ``strict`` anything
    but zeros after the last whole frame is damage, as an auditor of a closed journal wants it. ``after``
    begins behind a place, and reads no segment before the one that holds it. ``live`` is for a journal that
    is being written: reading ends quietly at the first frame of its last segment that is not whole yet.

    Raises :class:`JournalError` where there is no journal or another venue's, and
    :class:`JournalDamaged`, naming file and offset, where bytes do not agree. O(journal) in time,
    one segment at a time in memory.
    """
    return FrameReader(directory, fingerprint, strict=strict, after=after, live=live)


def frame_before(directory: Path, place: Place) -> Frame | None:
    """Return the frame that ends at a place, or None where this journal does not have it. O(frame)."""
    path = directory / segment_name(place.segment)
    try:
        with path.open("rb") as segment:
            segment.seek(place.offset)
            content = segment.read(HEADER_BYTES + FRAME_RECORDS_MAX * RECORD_BYTES)
    except OSError:
        return None
    frame = decode_frame(content, 0, path)
    if frame is None or frame.chain != place.chain or frame.last_sequence != place.sequence:
        return None
    return replace(frame, offset=place.offset)


def _whole_frames_after(content: bytes, path: Path, offset: int) -> list[Frame]:
    n_units = (len(content) - offset) // HEADER_BYTES
    words = np.frombuffer(content, "<u4", count=n_units * _UNIT_WORDS, offset=offset)
    places = offset + np.flatnonzero(words[::_UNIT_WORDS] == _MAGIC_WORD) * HEADER_BYTES
    frames = (decode_frame(content, int(place), path) for place in places if place > offset)
    return [frame for frame in frames if frame is not None]


def _damaged(path: Path, offset: int, problem: str) -> JournalDamaged:
    return JournalDamaged(
        f"{path}, offset {offset}: {problem}. Nothing was changed; restore the file from a copy, "
        "or keep it for examination and start from a copy that verifies"
    )
