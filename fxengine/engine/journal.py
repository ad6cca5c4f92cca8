"""The append-only journal: written by one thread, made durable by another, in groups.

The writer never waits for the disk. It appends a frame and goes on; a second thread syncs the
file again and again, and each sync covers all that was appended before it began::

    writer   a b c d e f g h . . . i j
    sync     |--a--|--bcd--|--efgh--|       acknowledged when the bar to its right is reached

So the busier the venue, the larger the groups, and the time to durability stays about two syncs.
The writer does wait in two places: when more than ``unsynced_bytes_max`` are under way, and at the
change of segments, where the full one must be durable before the next begins (see ``reader``). The
next segment is there already (see ``segments``).

What goes wrong in either thread is kept and raised by every later call. Nothing is acknowledged
after it: what the disk holds is then known only by reading it again, at the next start.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from fxengine.engine.disk import Disk, Durability, lock_directory
from fxengine.engine.frames import (
    HEADER_BYTES,
    SEGMENT_BYTES_MIN,
    SEGMENT_SUFFIX,
    Frame,
    FrameKind,
    Place,
    encode_frame_header,
    encode_seal,
)
from fxengine.engine.reader import FrameReader, read_frames
from fxengine.engine.segments import SegmentSupply
from fxengine.errors import JournalError

SEGMENT_BYTES: Final = 64 << 20
UNSYNCED_BYTES_MAX: Final = 16 << 20


class Journal:
    """One venue's journal in ``directory``, which it makes. Use it from one thread.

    First exhaust :meth:`replay`, then append. ``chain`` and ``next_sequence`` stand after the last
    frame. ``position`` counts the frames appended since replay; :meth:`acknowledged` says how many
    of them are as durable as ``durability`` promises.
    """

    def __init__(
        self,
        directory: Path,
        fingerprint: bytes,
        *,
        durability: Durability = Durability.FSYNC,
        segment_bytes: int = SEGMENT_BYTES,
        unsynced_bytes_max: int = UNSYNCED_BYTES_MAX,
        disk: Disk | None = None,
    ) -> None:
        if segment_bytes < SEGMENT_BYTES_MIN:
            raise ValueError(f"a segment takes at least {SEGMENT_BYTES_MIN} bytes, not {segment_bytes}")
        self._directory = directory
        self._fingerprint = fingerprint
        self._durability = durability
        self._unsynced_bytes_max = unsynced_bytes_max
        self._disk = disk or Disk()
        self._segments = SegmentSupply(
            directory, fingerprint, segment_bytes_max=segment_bytes, disk=self._disk, on_failure=self._fail
        )
        self.chain = fingerprint
        self.next_sequence = 1
        self.position = 0
        self.place: Place | None = None
        """The end of the last frame; None: there is none, or no file for it."""
        self.is_sealed = durability is Durability.NONE
        self._offset = self._durable_offset = HEADER_BYTES
        self._segment_bytes = 0
        self._segment = 1
        self._fd = self._lock_fd = -1
        self._durable_position = 0
        self._failure: JournalError | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._sync_thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self._is_awake = False

    # -- start

    def replay(self, after: Place | None = None) -> Iterator[Frame]:
        """Lock the directory, yield every frame there is (behind ``after``), then open the journal for appending.

        What is yielded is durable first, even what a killed process had not synced. A torn tail is
        cut; anything else that is wrong raises :class:`JournalDamaged` and changes nothing. The lock
        is held until :meth:`close`, also after an error.
        """
        if self._durability is Durability.NONE:
            if any(self._directory.glob(f"*{SEGMENT_SUFFIX}")):
                raise JournalError(
                    f"{self._directory}: a journal stands here, and durability 'none' would ignore it; "
                    "choose 'fsync' or 'os', or another data directory"
                )
            return
        try:
            self._make_directory()
            self._lock_fd = lock_directory(self._directory)
            self._sync_segments()
        except OSError as e:
            raise self._fail("the journal cannot be opened", e) from e
        reader = read_frames(self._directory, self._fingerprint, after=after)
        yield from reader
        try:
            self._open_end(reader)
        except OSError as e:
            raise self._fail("the journal cannot be opened for appending", e) from e
        if self._durability is Durability.FSYNC:
            self._sync_thread = threading.Thread(target=self._sync_groups, name="fxengine-journal-sync", daemon=True)
            self._sync_thread.start()

    def _make_directory(self) -> None:
        missing = [path for path in (self._directory, *self._directory.parents) if not path.exists()]
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in missing:
            self._disk.sync_directory(path.parent)

    def _sync_segments(self) -> None:
        for path in self._directory.glob(f"*{SEGMENT_SUFFIX}"):
            fd = os.open(path, os.O_RDWR)
            try:
                self._disk.sync(fd)
            finally:
                os.close(fd)

    def _open_end(self, reader: FrameReader) -> None:
        end = reader.end
        self.chain, self.next_sequence, self.is_sealed = end.chain, end.next_sequence, end.sealed
        self.place = end.place
        if end.path is None:
            self._begin_segment()
            return
        self._segment = int(end.path.stem)
        size = end.path.stat().st_size
        self._fd = os.open(end.path, os.O_RDWR)
        self._segment_bytes = max(size, SEGMENT_BYTES_MIN)
        if end.torn or size < self._segment_bytes:
            self._segments.fill(self._fd, end.offset, self._segment_bytes)
        self._offset = self._durable_offset = end.offset

    # -- append

    def append(self, payload: bytes, n_commands: int) -> None:
        """Append whole commands as one frame. ``payload``: their records, at most FRAME_RECORDS_MAX.

        Returns when the frame is written, not when it is durable. Raises :class:`JournalError`
        when this write, or anything before it, failed.
        """
        self._append(FrameKind.COMMANDS, payload, n_commands)
        self.next_sequence += n_commands
        self.is_sealed = self._durability is Durability.NONE

    def seal(self, state_hash: str, time_ns: int) -> None:
        """Append a SEAL: the core's state hash (32 hex digits) at this place.

        Not where ``is_sealed`` says that the last frame is one: a second would say the same.
        """
        self._append(FrameKind.SEAL, encode_seal(state_hash, self.next_sequence - 1, time_ns), 0)
        self.is_sealed = True

    def _append(self, kind: FrameKind, payload: bytes, n_commands: int) -> None:
        self._raise_failure()
        is_written = self._durability is not Durability.NONE
        if is_written and self._offset + HEADER_BYTES + len(payload) > self._segment_bytes:
            self._change_segment()
        header, chain = encode_frame_header(
            kind, payload, n_commands, self.next_sequence, self._durable_offset, self.chain
        )
        if is_written:
            try:
                self._disk.write(self._fd, header + payload, self._offset)
            except OSError as e:
                raise self._fail(f"writing command {self.next_sequence} failed", e) from e
        self.chain = chain
        if is_written:
            self.place = self._place_of(kind, n_commands)
        with self._changed:
            self._offset += len(header) + len(payload)
            self.position += 1
            if self._durability is Durability.FSYNC:
                self._changed.notify_all()
                while self._offset - self._durable_offset > self._unsynced_bytes_max and self._failure is None:
                    self._changed.wait()
            else:
                self._durable_position = self.position
                self._wake()
        self._raise_failure()
        if is_written and self._offset > self._segment_bytes // 2:
            self._segments.prepare(self._segment_bytes)

    def _place_of(self, kind: FrameKind, n_commands: int) -> Place:
        """Return the end of the frame that was written just now."""
        released_chain = self.place.released_chain if kind is FrameKind.SEAL and self.place else self.chain
        sequence = self.next_sequence + n_commands - 1
        return Place(sequence, self.chain, released_chain, self._segment, self._offset)

    def flush(self) -> None:
        """Wait until all that was appended is on the disk; :class:`JournalError` when it cannot be.

        Also before the end of :meth:`replay`, which syncs what it yields, and after :meth:`close`.
        """
        if self._durability is Durability.FSYNC:
            with self._changed:
                while self._durable_position < self.position and self._failure is None:
                    self._changed.wait()
        elif self._durability is Durability.OS and self._fd >= 0 and self._failure is None:
            try:
                self._disk.sync(self._fd)
            except OSError as e:
                raise self._fail("syncing failed", e) from e
            self._durable_offset = self._offset
        self._raise_failure()

    # -- what has become durable

    def acknowledged(self) -> int:
        """Return the ``position`` up to which all is durable, and make :meth:`fileno` unreadable.

        Raises :class:`JournalError` once anything has failed.
        """
        with self._changed:
            if self._is_awake:
                os.read(self._wake_read, 1)
                self._is_awake = False
            self._raise_failure()
            return self._durable_position

    def fileno(self) -> int:
        """A descriptor that is readable when :meth:`acknowledged` has something new to say."""
        return self._wake_read

    def wake(self) -> None:
        """Make :meth:`fileno` readable."""
        with self._changed:
            self._wake()

    def _wake(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            os.write(self._wake_write, b"!")

    def _sync_groups(self) -> None:
        while True:
            with self._changed:
                while self.position == self._durable_position:
                    if self._closing:
                        return
                    self._changed.wait()
                position, offset, fd = self.position, self._offset, self._fd
            try:
                self._disk.sync(fd)
            except BaseException as e:
                self._fail("syncing failed", e)
                return
            with self._changed:
                self._durable_position, self._durable_offset = position, offset
                self._wake()
                self._changed.notify_all()

    def _change_segment(self) -> None:
        self.flush()
        os.close(self._fd)
        self._fd = -1
        self._begin_segment()

    def _begin_segment(self) -> None:
        try:
            self._fd = self._segments.take(self.next_sequence, self._segment_bytes)
        except OSError as e:
            raise self._fail(f"beginning the segment of command {self.next_sequence} failed", e) from e
        self._raise_failure()
        self._segment = self.next_sequence
        self._segment_bytes = os.fstat(self._fd).st_size
        with self._changed:
            self._offset = self._durable_offset = HEADER_BYTES

    # -- faults and the end

    def _fail(self, problem: str, cause: BaseException) -> JournalError:
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else repr(cause)
        with self._changed:
            if self._failure is None:
                self._failure = JournalError(
                    f"{self._directory}: {problem} ({reason}). Nothing that was not durable before is acknowledged; "
                    "free or replace the disk, then start again"
                )
            self._wake()
            self._changed.notify_all()
            return self._failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise JournalError(str(self._failure)) from self._failure

    def close(self) -> None:
        """Flush what was appended, stop the threads and let go of the directory. Idempotent.

        After a failure nothing more is written; the failure has been raised already.
        """
        if self._wake_read < 0:
            return
        try:
            if self._failure is None and self._fd >= 0:
                self.flush()
        finally:
            self._release()

    def _release(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._sync_thread is not None:
            self._sync_thread.join()
        self._segments.close()
        for fd in (self._fd, self._lock_fd, self._wake_read, self._wake_write):
            if fd >= 0:
                with suppress(OSError):
                    os.close(fd)
        self._fd = self._lock_fd = self._wake_read = self._wake_write = -1
