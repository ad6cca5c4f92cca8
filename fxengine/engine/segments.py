"""Segment files, made before they are needed.

A file that was filled with zeros beforehand has all its blocks, so syncing it later writes its
bytes and nothing of the file system's own. Filling takes a while, so it is done on a thread of its
own once the segment in use is half full, under a name that no reader looks at (and that the next process overwrites)::

    half full        next.prepared: header and zeros, synced piece by piece
    full             renamed to 00000000000000004501.fxj, and the directory synced

A segment therefore never has a header that is not durable, and a name only when it has a header.
Failing to make it ahead is no fault yet: it is tried again when the segment is needed, and only
then is an error one. Descriptors are what clients can use up, a connection each, so a few are kept
spare and let go where the limit is met: connections cannot starve the journal. There is more than
one because a connection that waits may be quicker than the open that follows.

A new venue's first segment is small, so that it starts at once; each later one is 4 times the last.
"""

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from fxengine.engine.disk import Disk
from fxengine.engine.frames import HEADER_BYTES, encode_segment_header, segment_name

_FIRST_SEGMENT_BYTES: Final = 1 << 20
_GROWTH: Final = 4
_ZEROS: Final = bytes(1 << 20)
_PREPARED_NAME: Final = "next.prepared"
_SPARE_DESCRIPTORS: Final = 8
_Result = TypeVar("_Result")


class SegmentSupply:
    """Makes the segments of one journal, each at most ``segment_bytes_max`` long.

    ``on_failure`` is called, on the thread that prepares, with what went wrong there and is no OSError.
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
        self._spare_fds: list[int] = []
        self._keep_spares()

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
        self._despite_limit(lambda: self._disk.sync_directory(self._directory))
        fd, self._fd = self._fd, -1
        self._keep_spares()
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
        while self._spare_fds:
            os.close(self._spare_fds.pop())

    def _prepare(self, bytes_now: int) -> None:
        try:
            self._fd = self._make(bytes_now)
        except OSError:
            return  # nothing is prepared, so take() tries again and says what is wrong
        except BaseException as e:  # whatever it is, it must reach the thread that writes
            self._on_failure("preparing the next segment failed", e)

    def _make(self, bytes_now: int) -> int:
        size = min(self._segment_bytes_max, max(_FIRST_SEGMENT_BYTES, bytes_now * _GROWTH))
        path = self._directory / _PREPARED_NAME
        fd = self._despite_limit(lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        try:
            self._disk.write(fd, encode_segment_header(self._fingerprint), 0)
            self.fill(fd, HEADER_BYTES, size)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _despite_limit(self, action: Callable[[], _Result]) -> _Result:
        """Do what opens a file; where the limit on open files is met, let go of spares until it succeeds."""
        while True:
            try:
                return action()
            except OSError as e:
                if e.errno != errno.EMFILE or not self._spare_fds:
                    raise
                os.close(self._spare_fds.pop())

    def _keep_spares(self) -> None:
        with suppress(OSError):  # the limit is met; what is missing is taken after a later segment
            while len(self._spare_fds) < _SPARE_DESCRIPTORS:
                self._spare_fds.append(os.open(os.devnull, os.O_RDONLY))
