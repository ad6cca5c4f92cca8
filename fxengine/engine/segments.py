"""Segment files, made before they are needed.

A file that was filled with zeros beforehand has all its blocks, so syncing it later writes its
bytes and nothing of the file system's own. Filling takes a while, so it is done on a thread of its
own once the segment in use is half full, under a name that no reader looks at (and that the next process overwrites)::

    half full        next.prepared: header and zeros, synced piece by piece
    full             renamed to 00000000000000004501.fxj, and the directory synced

A segment therefore never has a header that is not durable, and a name only when it has a header.
A new venue's first segment is small, so that it starts at once; each later one is 4 times the last.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fxengine.engine.disk import Disk
from fxengine.engine.frames import HEADER_BYTES, encode_segment_header, segment_name

_FIRST_SEGMENT_BYTES: Final = 1 << 20
_GROWTH: Final = 4
_ZEROS: Final = bytes(1 << 20)
_PREPARED_NAME: Final = "next.prepared"


class SegmentSupply:
    """Makes the segments of one journal, each at most ``segment_bytes_max`` long.

    ``on_failure`` is called, on the thread that prepares, with what went wrong there.
    """

    def __init__(
        self,
        directory: Path,
        fingerprint: bytes,
        *,
        segment_bytes_max: int,
        disk: Disk,
        on_failure: Callable[[str, BaseException], object],
    ) -> None:
        self._directory = directory
        self._fingerprint = fingerprint
        self._segment_bytes_max = segment_bytes_max
        self._disk = disk
        self._on_failure = on_failure
        self._thread: threading.Thread | None = None
        self._fd = -1

    def prepare(self, bytes_now: int) -> None:
        """Begin to make the segment after one of ``bytes_now``, in the background, unless begun already."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._prepare, args=(bytes_now,), name="fxengine-journal-prepare", daemon=True
            )
            self._thread.start()

    def take(self, first_sequence: int, bytes_now: int) -> int:
        """Return the descriptor of a new segment, named for ``first_sequence``, name and zeros durable.

        Waits for the one in preparation, or makes it now. Raises OSError when that fails.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._fd < 0:
            self._fd = self._make(bytes_now)
        path = self._directory / segment_name(first_sequence)
        assert not path.exists(), path
        os.rename(self._directory / _PREPARED_NAME, path)
        self._disk.sync_directory(self._directory)
        fd, self._fd = self._fd, -1
        return fd

    def fill(self, fd: int, offset: int, end: int) -> None:
        """Write zeros over ``[offset, end)``, durably. Synced piece by piece: syncs of other files never wait long."""
        while offset < end:
            piece = _ZEROS[: end - offset]
            self._disk.write(fd, piece, offset)
            self._disk.sync(fd)
            offset += len(piece)

    def close(self) -> None:
        """Wait for the thread and close what it made."""
        if self._thread is not None:
            self._thread.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _prepare(self, bytes_now: int) -> None:
        try:
            self._fd = self._make(bytes_now)
        except BaseException as e:  # whatever it is, it must reach the thread that writes
            self._on_failure("preparing the next segment failed", e)

    def _make(self, bytes_now: int) -> int:
        size = min(self._segment_bytes_max, max(_FIRST_SEGMENT_BYTES, bytes_now * _GROWTH))
        fd = os.open(self._directory / _PREPARED_NAME, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            self._disk.write(fd, encode_segment_header(self._fingerprint), 0)
            self.fill(fd, HEADER_BYTES, size)
        except BaseException:
            os.close(fd)
            raise
        return fd
