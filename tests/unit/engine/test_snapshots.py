"""A start from a snapshot comes to where a whole replay comes; one that cannot be used is passed over by name."""

import logging
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash

from fxengine.engine import (
    ANYWHERE,
    JOURNAL_NAME,
    SNAPSHOTS_NAME,
    CoreType,
    Disk,
    Durability,
    Engine,
    MatchingCore,
    Place,
    Released,
    Snapshots,
    read_frames,
    read_snapshot,
    take_snapshot,
)
from fxengine.engine.frames import HEADER_BYTES
from fxengine.errors import JournalDamaged, JournalError, SnapshotDamaged
from tests.unit.engine.flow import MAKER, Clock, Flow, Tape, deliver_all, started, venue

SEGMENT_BYTES = 300_000
FILE_HEADER_BYTES = 160


class Resumed:
    """An observer that can begin after a certain command, and notes where it did."""

    def __init__(self, may_begin_after: int = ANYWHERE) -> None:
        self.may_begin_after = may_begin_after
        self.place: Place | None = None
        self.depth: list[tuple[int, int]] = []
        self.heard: list[int] = []

    def begin(self, core: MatchingCore, place: Place) -> None:
        assert core.sequence == place.sequence
        assert not self.heard
        self.place, self.depth = place, core.depth(0, 1, 100)

    def __call__(self, released: Released) -> None:
        self.heard += range(released.first_sequence, released.last_sequence + 1)


def begun(data_dir: Path, core_type: CoreType, observer: Resumed) -> Engine:
    """An engine that has started, from a snapshot where it could."""
    engine = Engine(venue(), data_dir, core_type=core_type, clock_ns=Clock(), segment_bytes=SEGMENT_BYTES)
    engine.attach(observer, may_begin_after=observer.may_begin_after, begin=observer.begin)
    engine.start()
    return engine


def traded(data_dir: Path, core_type: CoreType, flow: Flow, n_commands: int, per_frame: int = 10) -> tuple[int, str]:
    """Trade on (or from the beginning) and close in order; return the last command and the state's hash there."""
    engine = begun(data_dir, core_type, Resumed())
    if not engine.core.sequence:
        engine.submit(flow.opening())
    for _ in range(n_commands // per_frame):
        engine.submit(flow.commands(per_frame))
    engine.close()
    return engine.core.sequence, engine.core.state_hash()


def snapshot_files(data_dir: Path) -> list[Path]:
    return sorted((data_dir / SNAPSHOTS_NAME).glob("*.fxs"))


def replayed_whole(data_dir: Path, core_type: CoreType) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a start without snapshots comes to, from a copy."""
    copy = data_dir.with_name(f"{data_dir.name}-whole")
    shutil.copytree(data_dir, copy)
    shutil.rmtree(copy / SNAPSHOTS_NAME, ignore_errors=True)
    engine, _ = started(copy, core_type)
    found = engine.core.state_hash(), engine.directory.holders
    engine.close()
    shutil.rmtree(copy)
    return found


def test_an_orderly_close_leaves_a_snapshot_and_the_next_start_replays_nothing(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    last, state_hash = traded(tmp_path, core_type, Flow(seed), 200)
    assert [path.name for path in snapshot_files(tmp_path)] == [f"{last:020d}.fxs"]
    observer = Resumed()
    engine = begun(tmp_path, core_type, observer)
    assert engine.snapshot_sequence == last
    assert engine.core.state_hash() == state_hash
    assert observer.heard == []
    assert observer.place is not None
    assert observer.depth == engine.core.depth(0, 1, 100)
    assert observer.depth
    assert engine.directory.holder(MAKER) == ("https://kyc.example", "maker-1")
    engine.core.check()
    engine.close()
    assert len(snapshot_files(tmp_path)) == 1, "nothing happened, so nothing is written"


def test_after_a_snapshot_only_what_comes_behind_it_is_replayed_and_heard(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    flow = Flow(seed)
    data_dir, killed = tmp_path / "venue", tmp_path / "killed"
    last, _ = traded(data_dir, core_type, flow, 200)
    engine = begun(data_dir, core_type, Resumed())
    for _ in range(15):
        engine.submit(flow.commands(4))
    engine.sync()
    state_hash = engine.core.state_hash()
    shutil.copytree(data_dir, killed)  # what kill -9 leaves
    engine.close()
    observer = Resumed()
    again = begun(killed, core_type, observer)
    assert again.core.state_hash() == state_hash == replayed_whole(killed, core_type)[0]
    assert observer.heard == list(range(last + 1, last + 61))
    again.submit(flow.commands(30))
    state_hash = again.core.state_hash()
    again.close()
    assert replayed_whole(killed, core_type)[0] == state_hash


def test_any_number_of_lives_each_from_a_snapshot_end_as_one_whole_replay(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    data_dir, rng, flow = tmp_path / "venue", random.Random(seed), Flow(seed)
    for _ in range(6):
        last, state_hash = traded(data_dir, core_type, flow, rng.randrange(300, 1_200), per_frame=1)
        assert replayed_whole(data_dir, core_type)[0] == state_hash
    files = snapshot_files(data_dir)
    assert len(files) == 2, "the newest two are kept"
    assert files[-1].name == f"{last:020d}.fxs"
    assert len(list((data_dir / JOURNAL_NAME).glob("*.fxj"))) > 1


def test_segments_before_the_snapshot_are_not_read(tmp_path: Path, core_type: CoreType, seed: int) -> None:
    last, state_hash = traded(tmp_path, core_type, Flow(seed), 8_000)
    segments = sorted((tmp_path / JOURNAL_NAME).glob("*.fxj"))
    assert len(segments) > 1
    with segments[0].open("r+b") as first:
        first.seek(HEADER_BYTES + 100)
        first.write(b"damaged")
    engine = begun(tmp_path, core_type, Resumed())
    assert (engine.core.sequence, engine.core.state_hash()) == (last, state_hash)
    engine.close()
    with pytest.raises(JournalDamaged):
        started(tmp_path, core_type)


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "long", "core", "names", "venue", "moved"])
def test_a_snapshot_that_cannot_be_used_is_named_and_an_older_one_or_the_journal_used(
    tmp_path: Path, core_type: CoreType, seed: int, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    flow, rng = Flow(seed), random.Random(seed)
    first, _ = traded(tmp_path, core_type, flow, 100)
    _, state_hash = traded(tmp_path, core_type, flow, 100)
    older, newest = snapshot_files(tmp_path)
    for path, begins_at in ((newest, first), (older, 0)):
        content = bytearray(path.read_bytes())
        if damage == "flipped":
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        elif damage == "short":
            del content[rng.randrange(len(content)) :]
        elif damage == "empty":
            content.clear()
        elif damage == "long":
            content += b"x"
        else:
            place = {"core": len(content) - 40, "names": FILE_HEADER_BYTES + 4, "venue": 30, "moved": 136}[damage]
            content[place] ^= 1
            content[8:24] = xxhash.xxh3_128_digest(bytes(content[24:]))
        path.write_bytes(content)
        observer = Resumed()
        caplog.clear()
        with caplog.at_level(logging.WARNING, "fxengine.engine.snapshot"):
            engine = begun(tmp_path, core_type, observer)
        if damage == "names" and path is newest:  # a name that is another name: nothing but verify can know
            engine.close()
            return
        assert str(path) in caplog.text
        assert engine.core.state_hash() == state_hash
        assert engine.snapshot_sequence == begins_at
        assert observer.heard == list(range(begins_at + 1, engine.core.sequence + 1))
        assert engine.directory.holders == replayed_whole(tmp_path, core_type)[1]
        engine._journal.close()  # as kill -9 would, so that no new snapshot takes its place


def test_reading_behind_a_place_that_the_journal_does_not_have_is_refused(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    traded(tmp_path, core_type, Flow(seed), 50)
    (path,) = snapshot_files(tmp_path)
    place, journal = read_snapshot(path).place, tmp_path / JOURNAL_NAME
    assert list(read_frames(journal, venue().fingerprint, after=place)) == []
    for wrong in ({"offset": 0}, {"segment": 2}, {"chain": bytes(32)}, {"sequence": 5}):
        with pytest.raises(JournalError, match="does not pass through"):
            read_frames(journal, venue().fingerprint, after=replace(place, **wrong))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SnapshotDamaged, match="checksum"):
        read_snapshot(path)


def test_a_snapshot_of_a_longer_history_is_not_used(tmp_path: Path, core_type: CoreType, seed: int) -> None:
    """A journal that lost its end, and went on otherwise: the state of the snapshot never was this one's."""
    flow = Flow(seed)
    here, other = tmp_path / "here", tmp_path / "other"
    first, _ = traded(here, core_type, flow, 100)
    shutil.copytree(here, other)
    traded(here, core_type, flow, 50)
    shutil.copy(snapshot_files(here)[-1], other / SNAPSHOTS_NAME)
    engine = begun(other, core_type, Resumed())
    assert engine.snapshot_sequence == engine.core.sequence == first
    engine.submit(flow.commands(80))
    state_hash = engine.core.state_hash()
    engine._journal.close()
    again = begun(other, core_type, Resumed())
    assert (again.snapshot_sequence, again.core.state_hash()) == (first, state_hash)
    again.close()


def test_an_observer_decides_from_where_it_must_hear(tmp_path: Path, core_type: CoreType, seed: int) -> None:
    flow = Flow(seed)
    first, _ = traded(tmp_path, core_type, flow, 100)
    second, state_hash = traded(tmp_path, core_type, flow, 100)
    for may_begin_after, begins_at in (
        (second, second), (second - 1, first), (first, first), (first - 1, 0), (0, 0), (ANYWHERE, second),
    ):  # fmt: skip
        observer = Resumed(may_begin_after)
        engine = begun(tmp_path, core_type, observer)
        assert engine.snapshot_sequence == begins_at
        assert observer.heard == list(range(begins_at + 1, second + 1))
        assert engine.core.state_hash() == state_hash
        engine.close()


@pytest.mark.parametrize("needs_all_first", [True, False])
def test_one_observer_that_needs_everything_makes_everybody_hear_everything(
    tmp_path: Path, core_type: CoreType, seed: int, needs_all_first: bool
) -> None:
    last, _ = traded(tmp_path, core_type, Flow(seed), 100)
    engine = Engine(venue(), tmp_path, core_type=core_type, clock_ns=Clock())
    observer, tape = Resumed(), Tape()
    if needs_all_first:
        engine.attach(tape)
    engine.attach(observer, may_begin_after=ANYWHERE, begin=observer.begin)
    if not needs_all_first:
        engine.attach(tape)
    engine.start()
    assert observer.place is None
    assert observer.heard == list(range(1, last + 1))
    assert tape.last_sequence == last
    engine.close()


def test_seals_behind_a_snapshot_are_still_checked(tmp_path: Path, core_type: CoreType, seed: int) -> None:
    """A core that was restored to another state than the journal's is found out by the next seal."""
    flow = Flow(seed)
    traded(tmp_path, core_type, flow, 100)
    other = tmp_path / "other"
    engine, tape = started(other, core_type)
    engine.submit(Flow(seed + 1).opening())
    engine.submit(Flow(seed + 1).commands(100))
    deliver_all(engine, tape)
    (snapshot,) = map(read_snapshot, snapshot_files(tmp_path))
    engine.core.snapshot()
    traded(tmp_path, core_type, flow, 20)
    wrong = Snapshots(tmp_path / SNAPSHOTS_NAME, venue().fingerprint)
    snapshot_files(tmp_path)[-1].unlink()
    assert engine.core.sequence == snapshot.place.sequence
    wrong.write(snapshot.place, engine.core, engine.directory)
    engine.close()
    with pytest.raises(JournalDamaged, match="the state was"):
        begun(tmp_path, core_type, Resumed())


@pytest.mark.parametrize("durability", [Durability.NONE, Durability.OS])
def test_durability_none_neither_writes_nor_reads_snapshots_and_os_does(
    tmp_path: Path, core_type: CoreType, seed: int, durability: Durability
) -> None:
    engine, _ = started(tmp_path, core_type, durability=durability)
    engine.submit(Flow(seed).opening())
    engine.close()
    assert len(snapshot_files(tmp_path)) == (durability is Durability.OS)


class FullDisk(Disk):
    """A disk that refuses everything but the journal's files."""

    def sync_directory(self, directory: Path) -> None:
        if directory.name == SNAPSHOTS_NAME:
            raise OSError(28, "No space left on device")
        super().sync_directory(directory)


def test_a_snapshot_that_cannot_be_written_is_no_fault(
    tmp_path: Path, core_type: CoreType, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    engine, _ = started(tmp_path, core_type, disk=FullDisk())
    engine.submit(Flow(seed).opening())
    engine.close()
    assert "no snapshot was written" in caplog.text
    assert started(tmp_path, core_type)[0].core.state_hash() == engine.core.state_hash()


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    flow = Flow(seed)
    traded(tmp_path, core_type, flow, 20)
    folder = tmp_path / SNAPSHOTS_NAME
    (folder / f"{2**22 + 1}.unfinished").write_bytes(b"part of it")
    living = folder / f"{os.getppid()}.unfinished"
    living.write_bytes(b"part of it")
    traded(tmp_path, core_type, flow, 20)
    assert [path.name for path in folder.glob("*.unfinished")] == [living.name]
    assert oct(snapshot_files(tmp_path)[-1].stat().st_mode)[-3:] == "600"


def test_a_follower_writes_what_an_engine_writes_also_while_that_one_runs(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    flow = Flow(seed)
    snapshots = Snapshots(tmp_path / SNAPSHOTS_NAME, venue().fingerprint)
    journal = tmp_path / JOURNAL_NAME
    with pytest.raises(JournalError, match="no journal here"):
        take_snapshot(venue(), journal, snapshots, core_type=core_type)
    engine = Engine(venue(), tmp_path, core_type=core_type, clock_ns=Clock(), segment_bytes=SEGMENT_BYTES)
    engine.start()
    with pytest.raises(JournalError, match="no command in this journal yet"):
        take_snapshot(venue(), journal, snapshots, core_type=core_type)
    engine.submit(flow.opening())
    for n in (1, 30, 3_000, 5):
        engine.submit(flow.commands(n))
        path, place = take_snapshot(venue(), journal, snapshots, core_type=core_type)
        assert place.sequence == engine.core.sequence
        assert read_snapshot(path).core == engine.core.snapshot()
        assert take_snapshot(venue(), journal, snapshots, core_type=core_type) == (path, place), "nothing came since"
    state_hash = engine.core.state_hash()
    engine._journal.close()  # as kill -9 would
    observer = Resumed()
    again = begun(tmp_path, core_type, observer)
    assert again.snapshot_sequence == again.core.sequence == place.sequence
    assert again.core.state_hash() == state_hash == replayed_whole(tmp_path, core_type)[0]
    again.close()


def test_a_follower_leaves_out_what_was_not_there_yet_when_it_looked(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    """It reads a piece before the engine writes it, and the piece behind it after: then a later frame is whole."""
    flow = Flow(seed)
    last, _ = traded(tmp_path, core_type, flow, 50)
    engine = begun(tmp_path, core_type, Resumed())
    engine.submit(flow.commands(40))
    missed = engine._journal.place
    engine.sync()
    engine.submit(flow.commands(3))
    engine._journal.close()
    assert missed is not None
    journal = tmp_path / JOURNAL_NAME
    path = sorted(journal.glob("*.fxj"))[-1]
    with path.open("r+b") as segment:
        segment.seek(missed.offset)
        segment.write(bytes(HEADER_BYTES + 512))
    with pytest.raises(JournalDamaged, match="it was durable"):
        list(read_frames(journal, venue().fingerprint))
    snapshots = Snapshots(tmp_path / SNAPSHOTS_NAME, venue().fingerprint)
    _, taken = take_snapshot(venue(), journal, snapshots, core_type=core_type)
    assert taken.sequence == last
