import os
import resource
import select
import threading
from pathlib import Path

import pytest

from fxengine.engine import Disk, Durability, FrameKind, Journal, read_frames
from fxengine.engine.frames import FRAME_RECORDS_MAX, SEGMENT_BYTES_MIN
from fxengine.errors import JournalError
from tests.unit.engine.flow import time_commands

FINGERPRINT = bytes(range(32))
ONE = time_commands(1).tobytes()
LONGEST = time_commands(FRAME_RECORDS_MAX).tobytes()


def opened(directory: Path, durability: Durability = Durability.FSYNC, disk: Disk | None = None) -> Journal:
    journal = Journal(directory, FINGERPRINT, durability=durability, segment_bytes=SEGMENT_BYTES_MIN, disk=disk)
    for _ in journal.replay():
        pass
    return journal


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.suffix == ".fxj")


@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS])
def test_segments_roll_over_are_named_by_their_first_command_and_read_as_one(
    tmp_path: Path, durability: Durability
) -> None:
    journal = opened(tmp_path, durability)
    for n in (1000, 2000, 1500, 4096, 4096, 1):
        journal.append(time_commands(n).tobytes(), n)
    chain = journal.chain
    journal.close()
    assert names(tmp_path) == [f"{first:020d}.fxj" for first in (1, 3001, 4501, 8597)]
    frames = list(read_frames(tmp_path, FINGERPRINT, strict=True))
    assert (frames[-1].last_sequence, frames[-1].chain) == (12693, chain)
    again = opened(tmp_path, durability)
    assert (again.next_sequence, again.chain) == (12694, chain)
    again.append(ONE, 1)
    again.close()
    assert [f.first_sequence for f in read_frames(tmp_path, FINGERPRINT, strict=True)][-1] == 12694


def test_every_segment_is_zero_filled_to_its_full_size_before_use(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.append(ONE, 1)
    journal.close()
    for path in tmp_path.glob("*.fxj"):
        assert path.stat().st_size == SEGMENT_BYTES_MIN
        assert path.stat().st_blocks * 512 >= SEGMENT_BYTES_MIN  # no holes: syncing allocates nothing


def test_segments_grow_to_the_full_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path, FINGERPRINT, segment_bytes=5 << 20)
    list(journal.replay())
    for _ in range(45):
        journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.close()
    assert [path.stat().st_size >> 20 for path in sorted(tmp_path.glob("*.fxj"))] == [1, 4, 5, 5]


class ThreadNotingDisk(Disk):
    """Notes which thread fills files with zeros."""

    def __init__(self) -> None:
        self.filled_by: set[str] = set()

    def write(self, fd: int, content: bytes, offset: int) -> None:
        if not any(content):
            self.filled_by.add(threading.current_thread().name)
        super().write(fd, content, offset)


def test_the_next_segment_is_filled_in_the_background_once_half_of_this_one_is_used(tmp_path: Path) -> None:
    disk = ThreadNotingDisk()
    journal = opened(tmp_path, disk=disk)
    disk.filled_by.clear()
    for n in (1900, 300):
        journal.append(time_commands(n).tobytes(), n)
    for n in (1800, 300, 1):
        journal.append(time_commands(n).tobytes(), n)
    journal.close()
    assert len(names(tmp_path)) == 2
    assert disk.filled_by == {"fxengine-journal-prepare"}


def test_a_segment_prepared_by_a_process_that_ended_is_made_anew(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "next.prepared").write_bytes(b"half of a header")
    journal = opened(tmp_path)
    for _ in range(3):
        journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.close()
    assert len(list(read_frames(tmp_path, FINGERPRINT, strict=True))) == 3


class OnceFullDisk(Disk):
    """A disk that has no room the first time a segment is prepared ahead."""

    def __init__(self) -> None:
        self.n_refused = 0

    def write(self, fd: int, content: bytes, offset: int) -> None:
        if threading.current_thread().name == "fxengine-journal-prepare" and not self.n_refused:
            self.n_refused += 1
            raise OSError(28, "No space left on device")
        super().write(fd, content, offset)


def test_a_segment_that_could_not_be_prepared_ahead_is_made_when_it_is_needed(tmp_path: Path) -> None:
    disk = OnceFullDisk()
    journal = opened(tmp_path, disk=disk)
    for _ in range(3):
        journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.close()
    assert disk.n_refused == 1
    assert len(list(read_frames(tmp_path, FINGERPRINT, strict=True))) == 3


def test_open_files_at_their_limit_do_not_stop_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 40, limits[1]))

    def take_all() -> None:
        while True:
            taken.append(os.dup(taken[0]))

    try:
        for _ in range(3):
            with pytest.raises(OSError, match="Too many open files"):
                take_all()  # what the last segment let go of is gone at once, too
            journal.append(LONGEST, FRAME_RECORDS_MAX)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in taken:
            os.close(fd)
    journal.close()
    assert len(list(read_frames(tmp_path, FINGERPRINT, strict=True))) == 3


class FullDisk(Disk):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, content: bytes, offset: int) -> None:
        if offset + len(content) > os.fstat(fd).st_size:
            self.room -= len(content)
            if self.room < 0:
                raise OSError(28, "No space left on device")
        super().write(fd, content, offset)


def test_a_disk_without_room_for_the_next_segment_stops_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path, disk=FullDisk(room=SEGMENT_BYTES_MIN + 1000))

    def fill() -> None:
        for _ in range(SEGMENT_BYTES_MIN // len(ONE)):
            journal.append(ONE, 1)

    with pytest.raises(JournalError, match=r"beginning the segment of command [0-9]+ failed .No space left on device"):
        fill()
    with pytest.raises(JournalError, match="No space left"):
        journal.append(ONE, 1)
    with pytest.raises(JournalError, match="No space left"):
        journal.acknowledged()
    journal.close()
    assert len(names(tmp_path)) == 1


class RefusingDisk(Disk):
    """A disk that refuses every write once it is told to."""

    def __init__(self) -> None:
        self.is_refusing = False

    def write(self, fd: int, content: bytes, offset: int) -> None:
        if self.is_refusing:
            raise OSError(5, "Input/output error")
        super().write(fd, content, offset)


def test_a_failed_write_is_never_followed_by_another(tmp_path: Path) -> None:
    disk = RefusingDisk()
    journal = opened(tmp_path, Durability.OS, disk)
    journal.append(ONE, 1)
    disk.is_refusing = True
    with pytest.raises(JournalError, match=r"writing command 2 failed .Input/output error"):
        journal.append(ONE, 1)
    disk.is_refusing = False
    for call in (lambda: journal.append(ONE, 1), journal.acknowledged, journal.flush):
        with pytest.raises(JournalError, match="writing command 2 failed"):
            call()
    journal.close()
    assert [f.last_sequence for f in read_frames(tmp_path, FINGERPRINT, strict=True)] == [1]


def test_a_disk_without_room_for_the_first_segment_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No space left on device"):
        opened(tmp_path, disk=FullDisk(room=1000))
    assert names(tmp_path) == []


class OrderNotingDisk(Disk):
    """Notes syncs of files and of the directory in their order."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notes: list[str] = []

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.notes.append("file")

    def sync_directory(self, directory: Path) -> None:
        super().sync_directory(directory)
        self.notes.append(f"names {len(names(directory))}" if directory == self.directory else "parent")


def test_a_segments_name_is_made_durable_when_it_is_made_and_so_is_its_directorys(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "journal"
    disk = OrderNotingDisk(directory)
    journal = opened(directory, disk=disk)
    assert [note for note in disk.notes if note != "file"] == ["parent", "parent", "names 1"]
    disk.notes.clear()
    journal.append(LONGEST, FRAME_RECORDS_MAX)
    journal.append(LONGEST, FRAME_RECORDS_MAX)
    assert "names 2" in disk.notes
    assert disk.notes.index("names 2") >= 2  # after the full segment, and after the next one's zeros
    journal.close()


def test_what_a_killed_process_left_unsynced_is_synced_before_it_is_replayed(tmp_path: Path) -> None:
    journal = opened(tmp_path, Durability.OS)
    journal.append(ONE, 1)
    journal.close()
    disk = OrderNotingDisk(tmp_path)
    replayed = Journal(tmp_path, FINGERPRINT, disk=disk).replay()
    assert next(replayed).kind is FrameKind.COMMANDS
    assert disk.notes == ["file"]
    replayed.close()  # type: ignore[attr-defined]


def test_two_journals_never_share_a_directory(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalError, match=rf"another engine \(process {os.getpid()}\) writes this journal"):
        opened(tmp_path)
    journal.append(ONE, 1)
    journal.close()
    opened(tmp_path).close()


def test_the_descriptor_is_readable_exactly_when_something_became_durable(tmp_path: Path) -> None:
    journal = opened(tmp_path)

    def is_readable(seconds: float) -> bool:
        return bool(select.select([journal.fileno()], [], [], seconds)[0])

    assert not is_readable(0)
    journal.append(ONE, 1)
    assert is_readable(20)
    assert journal.acknowledged() == 1
    assert not is_readable(0)
    journal.wake()
    journal.wake()
    assert is_readable(0)
    journal.acknowledged()
    assert not is_readable(0)
    journal.close()


def test_a_segment_too_small_for_the_longest_frame_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(SEGMENT_BYTES_MIN)):
        Journal(tmp_path, FINGERPRINT, segment_bytes=SEGMENT_BYTES_MIN - 1)
