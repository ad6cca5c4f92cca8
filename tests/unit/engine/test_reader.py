"""What the reader takes for a torn tail, and what for damage: every offset, every kind of harm."""

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.engine import Disk, Durability, Frame, FrameKind, Journal, read_frames
from fxengine.engine.frames import HEADER_BYTES, SEGMENT_BYTES_MIN, encode_frame_header
from fxengine.errors import JournalDamaged, JournalError
from tests.unit.engine.flow import time_commands

FINGERPRINT = bytes(range(32))
SECTOR = 512


def write_journal(
    directory: Path,
    sizes: list[int],
    *,
    disk: Disk | None = None,
    is_sealed: bool = False,
    durability: Durability = Durability.FSYNC,
) -> list[Frame]:
    """Write one frame per size, each durable before the next; return them as read back."""
    journal = Journal(directory, FINGERPRINT, durability=durability, segment_bytes=SEGMENT_BYTES_MIN, disk=disk)
    list(journal.replay())
    for n in sizes:
        commands = time_commands(n)
        commands["time_ns"] = range(journal.next_sequence, journal.next_sequence + n)
        journal.append(commands.tobytes(), n)
        journal.flush()
    if is_sealed:
        journal.seal("ab" * 16, 7)
    journal.close()
    return list(read_frames(directory, FINGERPRINT))


def only_segment(directory: Path) -> Path:
    (path,) = directory.glob("*.fxj")
    return path


def edit(path: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [1, 3, 200], is_sealed=True)
    assert [(f.kind, f.first_sequence, f.last_sequence) for f in frames] == [
        (FrameKind.COMMANDS, 1, 1),
        (FrameKind.COMMANDS, 2, 4),
        (FrameKind.COMMANDS, 5, 204),
        (FrameKind.SEAL, 205, 204),
    ]
    assert [r["time_ns"] for f in frames[:3] for r in f.records] == list(range(1, 205))
    assert frames[3].state_hash == "ab" * 16
    reader = read_frames(tmp_path, FINGERPRINT, strict=True)
    assert list(reader) == frames
    end = reader.end
    assert (end.next_sequence, end.chain, end.sealed, end.torn) == (205, frames[3].chain, True, False)
    assert end.offset == frames[3].end_offset


@pytest.mark.parametrize("is_shortened", [False, True], ids=["zeros after the cut", "file ends at the cut"])
def test_a_last_frame_cut_at_any_byte_is_left_out_and_cut_away_at_the_next_start(
    tmp_path: Path, is_shortened: bool
) -> None:
    frames = write_journal(tmp_path, [2, 1, 3])
    path, last = only_segment(tmp_path), frames[-1]
    whole = path.read_bytes()
    for cut in range(last.offset, last.end_offset):
        tail = b"" if is_shortened else bytes(len(whole) - cut)
        path.write_bytes(whole[:cut] + tail)
        if not any(whole[cut : last.end_offset]) and not is_shortened:
            continue  # what was cut away were zeros: the frame is whole
        assert list(read_frames(tmp_path, FINGERPRINT)) == frames[:-1], cut
        if cut % 16 == 0:
            repaired = write_journal(tmp_path, [1])
            assert [f.first_sequence for f in repaired] == [1, 3, 4], cut
            assert list(read_frames(tmp_path, FINGERPRINT, strict=True)) == repaired


def test_a_torn_tail_is_damage_to_a_strict_reader(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [2, 1])
    path, last = only_segment(tmp_path), frames[-1]
    edit(
        path,
        lambda c: c.__setitem__(slice(last.offset + 70, last.end_offset), bytes(last.end_offset - last.offset - 70)),
    )
    assert list(read_frames(tmp_path, FINGERPRINT)) == frames[:-1]
    with pytest.raises(JournalDamaged, match=rf"{path.name}, offset {last.offset}: bytes stand after"):
        list(read_frames(tmp_path, FINGERPRINT, strict=True))


def test_a_byte_in_the_zeros_after_the_end_is_damage_to_a_strict_reader(tmp_path: Path) -> None:
    write_journal(tmp_path, [2])
    edit(only_segment(tmp_path), lambda c: c.__setitem__(-1, 1))
    with pytest.raises(JournalDamaged):
        list(read_frames(tmp_path, FINGERPRINT, strict=True))


@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS])
def test_a_flipped_byte_before_the_last_frame_is_refused_and_nothing_is_touched(
    tmp_path: Path, seed: int, durability: Durability
) -> None:
    rng = random.Random(seed)
    frames = write_journal(tmp_path, [1, 30, 2, 1], durability=durability)
    path = only_segment(tmp_path)
    whole = path.read_bytes()
    every_header = [f.offset + i for f in frames[:-1] for i in range(HEADER_BYTES)]
    offsets = [*range(HEADER_BYTES), *every_header, *rng.choices(range(HEADER_BYTES, frames[-1].offset), k=400)]
    for offset in offsets:
        harmed = bytearray(whole)
        harmed[offset] ^= rng.randint(1, 255)
        path.write_bytes(harmed)
        with pytest.raises(JournalDamaged, match=rf"{path.name}, offset \d+: "):
            list(read_frames(tmp_path, FINGERPRINT))
        with closing(Journal(tmp_path, FINGERPRINT, durability=durability)) as journal, pytest.raises(JournalDamaged):
            list(journal.replay())
        assert path.read_bytes() == harmed


def test_a_flipped_byte_in_a_group_that_was_never_synced_is_refused_too(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with closing(Journal(tmp_path, FINGERPRINT, durability=Durability.OS)) as journal:
        list(journal.replay())
        for n in (2, 5, 1):
            commands = time_commands(n)
            commands["time_ns"] = 0x0102030405060708
            journal.append(commands.tobytes(), n)
    path = only_segment(tmp_path)
    whole, (first, second, last) = path.read_bytes(), read_frames(tmp_path, FINGERPRINT)
    assert last.durable_offset == first.offset
    for offset in range(first.offset, last.offset):
        edit(path, lambda c, at=offset: c.__setitem__(at, c[at] ^ rng.randint(1, 255)))  # type: ignore[misc]
        place = first.offset if offset < second.offset else second.offset
        with pytest.raises(JournalDamaged, match=f"offset {place}: a frame is not whole, and a whole frame stands"):
            list(read_frames(tmp_path, FINGERPRINT))
        path.write_bytes(whole)


def test_a_flipped_byte_in_a_sealed_journals_last_commands_is_refused(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [1, 2], is_sealed=True)
    edit(only_segment(tmp_path), lambda c: c.__setitem__(frames[1].offset + 100, 1))
    with pytest.raises(JournalDamaged):
        list(read_frames(tmp_path, FINGERPRINT))


def test_a_flipped_byte_in_an_earlier_segments_last_frame_or_after_it_is_refused(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [3000, 3000, 1])
    first, second = sorted(tmp_path.glob("*.fxj"))
    assert [f.path for f in frames] == [first, second, second]
    whole = first.read_bytes()
    for offset in (frames[0].offset, frames[0].end_offset - 1, frames[0].end_offset, len(whole) - 1):
        edit(first, lambda c, at=offset: c.__setitem__(at, c[at] ^ 255))  # type: ignore[misc]
        with pytest.raises(JournalDamaged, match=f"{first.name}, offset"):
            list(read_frames(tmp_path, FINGERPRINT))
        first.write_bytes(whole)
    assert list(read_frames(tmp_path, FINGERPRINT)) == frames


def test_a_durable_frame_that_reads_as_zeros_is_damage_not_a_torn_group(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [8, 8, 8])
    lost = frames[1]
    edit(only_segment(tmp_path), lambda c: c.__setitem__(slice(lost.offset, lost.end_offset), bytes(576)))
    with pytest.raises(JournalDamaged, match=f"offset {lost.offset}: .* durable when the frame at {frames[2].offset}"):
        list(read_frames(tmp_path, FINGERPRINT))


def test_a_missing_segment_and_a_missing_first_segment_are_refused(tmp_path: Path) -> None:
    write_journal(tmp_path, [3000, 3000, 3000])
    first, second, third = sorted(tmp_path.glob("*.fxj"))
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(JournalDamaged, match=f"{third.name}, offset 0: .*goes on at command 3001"):
        list(read_frames(tmp_path, FINGERPRINT))
    second.write_bytes(content)
    first.unlink()
    with pytest.raises(JournalDamaged, match="goes on at command 1,"):
        list(read_frames(tmp_path, FINGERPRINT))


def test_a_frame_of_another_history_is_refused_though_its_checksum_holds(tmp_path: Path) -> None:
    frames = write_journal(tmp_path, [1, 1])
    path = only_segment(tmp_path)
    last, payload = frames[1], time_commands(1).tobytes()
    forged, _ = encode_frame_header(FrameKind.COMMANDS, payload, 1, 2, last.durable_offset, bytes(32))
    edit(path, lambda c: c.__setitem__(slice(last.offset, last.end_offset), forged + payload))
    with pytest.raises(JournalDamaged, match="hash chain breaks"):
        list(read_frames(tmp_path, FINGERPRINT))
    renumbered, _ = encode_frame_header(FrameKind.COMMANDS, payload, 1, 3, last.durable_offset, frames[0].chain)
    edit(path, lambda c: c.__setitem__(slice(last.offset, last.end_offset), renumbered + payload))
    with pytest.raises(JournalDamaged, match="command 3 stands where 2 must follow"):
        list(read_frames(tmp_path, FINGERPRINT))


def test_another_venues_journal_is_refused(tmp_path: Path) -> None:
    write_journal(tmp_path, [1])
    with pytest.raises(JournalError, match="belongs to another venue") as caught:
        list(read_frames(tmp_path, bytes(32)))
    assert not isinstance(caught.value, JournalDamaged)


def test_a_directory_that_is_not_there_is_an_error_not_an_empty_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal here"):
        read_frames(tmp_path / "absent", FINGERPRINT)


class PowerCutDisk(Disk):
    """Keeps what each file held at its last sync, so that a power cut can take back any sector written since."""

    def __init__(self) -> None:
        self.is_recording = False
        self.unsynced: list[tuple[int, int]] = []  # offset, length

    def write(self, fd: int, content: bytes, offset: int) -> None:
        super().write(fd, content, offset)
        if self.is_recording:
            self.unsynced.append((offset, len(content)))

    def sync(self, fd: int) -> None:
        if not self.is_recording:
            super().sync(fd)

    def cut_power(self, path: Path, rng: random.Random) -> None:
        """Each sector that was written since the last sync either kept what it held then, or was written."""
        content = bytearray(path.read_bytes())
        start = min(offset for offset, _ in self.unsynced)
        end = max(offset + length for offset, length in self.unsynced)
        keeps = rng.random()
        for sector in range(start // SECTOR, -(-end // SECTOR)):
            if rng.random() > keeps:
                first, last = max(start, sector * SECTOR), min(end, (sector + 1) * SECTOR)
                content[first:last] = bytes(last - first)
        path.write_bytes(content)


def test_after_any_power_cut_all_that_was_durable_is_there_and_the_rest_is_a_prefix(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    holes = 0
    for turn in range(150):
        directory, disk = tmp_path / str(turn), PowerCutDisk()
        durable = write_journal(directory, [rng.randint(1, 12) for _ in range(rng.randint(1, 4))])
        journal = Journal(directory, FINGERPRINT, durability=Durability.OS, segment_bytes=SEGMENT_BYTES_MIN, disk=disk)
        list(journal.replay())
        disk.is_recording = True
        for _ in range(rng.randint(1, 8)):
            n = rng.randint(1, 30)
            journal.append(time_commands(n).tobytes(), n)
        written = list(read_frames(directory, FINGERPRINT))
        journal.close()
        path = only_segment(directory)
        disk.cut_power(path, rng)

        reader = read_frames(directory, FINGERPRINT)
        found = list(reader)
        assert len(durable) <= len(found)
        assert found == written[: len(found)]
        rest = path.read_bytes()[reader.end.offset + HEADER_BYTES :]
        holes += reader.end.torn and b"FXFR" in rest
        repaired = write_journal(directory, [1])
        assert repaired[:-1] == found
        assert list(read_frames(directory, FINGERPRINT, strict=True)) == repaired
    assert holes > 10  # later frames of a group did survive earlier ones
