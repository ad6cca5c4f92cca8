import errno
import os
import random
import select
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fxengine.codes import CommandKind, EventKind, RejectReason
from fxengine.engine import CoreType, Disk, Durability, Engine, FrameKind, Released, read_frames
from fxengine.engine.frames import decode_frame
from fxengine.errors import FxEngineError, JournalDamaged, JournalError
from fxengine.records import COMMAND
from tests.unit.engine.flow import (
    NEVER_NS,
    START_NS,
    Clock,
    Flow,
    GatedDisk,
    Tape,
    credential,
    deliver_all,
    pump_until,
    started,
    time_commands,
    venue,
)


class BrokenDisk(Disk):
    """A disk that refuses once it is told to: syncs, or writes."""

    def __init__(self) -> None:
        self.failing_sync: OSError | None = None
        self.failing_write: OSError | None = None

    def sync(self, fd: int) -> None:
        if self.failing_sync is not None:
            raise self.failing_sync
        super().sync(fd)

    def write(self, fd: int, content: bytes, offset: int) -> None:
        if self.failing_write is not None:
            raise self.failing_write
        super().write(fd, content, offset)


@pytest.mark.parametrize("durability", list(Durability))
def test_observers_hear_every_command_once_in_order_with_the_events_the_core_made(
    tmp_path: Path, core_type: CoreType, seed: int, durability: Durability
) -> None:
    flow = Flow(seed)
    engine, tape = started(tmp_path, core_type, durability=durability)
    submitted = [flow.opening()] + [flow.commands(n) for n in (1, 7, 300, 2, 1)]
    for commands in submitted:
        engine.submit(commands)
    deliver_all(engine, tape)

    alone = core_type(venue().instrument_records, n_currencies=2, max_orders=4096)
    bound = np.frombuffer(bytearray(tape.commands), COMMAND)
    alone.bind(bound)
    n_events = alone.apply(0, len(bound))
    assert alone.events[:n_events].tobytes() == tape.events
    assert alone.state_hash() == engine.core.state_hash()
    assert [b.first_sequence for b in tape.batches] == [1] + [b.last_sequence + 1 for b in tape.batches[:-1]]
    assert not any(b.replayed for b in tape.batches)
    kinds = {EventKind(k) for b in tape.batches for k in b.events["kind"]}
    assert {EventKind.FILL, EventKind.CANCELED, EventKind.SWAPPED, EventKind.DEPOSITED} <= kinds
    engine.close()


def test_the_journal_holds_what_was_released_and_the_chain_names_it(
    tmp_path: Path, core_type: CoreType, seed: int
) -> None:
    flow = Flow(seed)
    engine, tape = started(tmp_path, core_type)
    engine.submit(flow.opening())
    engine.submit(flow.commands(50))
    engine.close()
    frames = list(read_frames(tmp_path / "journal", venue().fingerprint, strict=True))
    commands = [f for f in frames if f.kind is FrameKind.COMMANDS]
    assert b"".join(f.payload for f in commands) == tape.commands
    assert [f.chain for f in commands] == [b.chain for b in tape.batches]
    assert [(f.first_sequence, f.last_sequence) for f in commands] == [
        (b.first_sequence, b.last_sequence) for b in tape.batches
    ]
    assert frames[0].kind is frames[-1].kind is FrameKind.SEAL
    assert frames[-1].state_hash == engine.core.state_hash()


@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS])
def test_a_restart_replays_to_the_same_state_and_tells_the_same_again(
    tmp_path: Path, core_type: CoreType, seed: int, durability: Durability
) -> None:
    flow = Flow(seed)
    engine, tape = started(tmp_path, core_type, durability=durability)
    engine.submit(flow.opening())
    for _ in range(20):
        engine.submit(flow.commands(flow.rng.randint(1, 30)))
    engine.close()
    again, retold = started(tmp_path, core_type, durability=durability)
    assert again.core.state_hash() == engine.core.state_hash()
    assert retold.commands == tape.commands
    assert retold.events == tape.events
    assert [b.chain for b in retold.batches] == [b.chain for b in tape.batches]
    assert all(b.replayed for b in retold.batches)
    assert again.directory.holder(3) == engine.directory.holder(3) == ("https://kyc.example", "maker-1")

    again.submit(flow.commands(5))
    deliver_all(again, retold)
    assert retold.batches[-1].first_sequence == tape.batches[-1].last_sequence + 1
    assert not retold.batches[-1].replayed
    again.close()


def test_stamps_never_go_back_also_when_the_clock_does_and_across_restarts(tmp_path: Path, core_type: CoreType) -> None:
    clock = Clock(START_NS)
    engine, tape = started(tmp_path, core_type, clock_ns=clock)
    for now_ns, stamp_ns in ((START_NS, START_NS), (START_NS + 5, START_NS + 5), (START_NS - 9, START_NS + 5)):
        clock.now_ns = now_ns
        engine.submit(time_commands(2))
        deliver_all(engine, tape)
        assert tape.batches[-1].time_ns == stamp_ns
        assert tape.batches[-1].commands["time_ns"].tolist() == [stamp_ns, stamp_ns]
    engine.close()
    again, retold = started(tmp_path, core_type, clock_ns=Clock(1))
    again.submit(time_commands(1))
    deliver_all(again, retold)
    assert retold.batches[-1].commands["time_ns"].tolist() == [START_NS + 5]
    again.close()


def test_only_heads_are_stamped_and_the_callers_array_stays_as_it_was(tmp_path: Path, core_type: CoreType) -> None:
    engine, tape = started(tmp_path, core_type)
    commands = np.concatenate([time_commands(1), credential("payer-1"), time_commands(1)])
    before = commands.tobytes()
    engine.submit(commands)
    deliver_all(engine, tape)
    assert commands.tobytes() == before
    told = np.concatenate([b.commands for b in tape.batches])
    heads = np.array([0, 1, len(told) - 1])
    assert told["time_ns"][heads].tolist() == [START_NS] * 3
    assert told[2:-1].tobytes() == commands[2:-1].tobytes()
    engine.close()


def test_released_arrays_cannot_be_changed_by_an_observer(tmp_path: Path, core_type: CoreType) -> None:
    engine, tape = started(tmp_path, core_type, durability="none")
    engine.submit(Flow(1).opening())
    deliver_all(engine, tape)
    with pytest.raises(ValueError, match="read-only"):
        tape.batches[0].commands["account"] = 9
    with pytest.raises(ValueError, match="read-only"):
        tape.batches[0].events["account"] = 9


def test_new_accounts_in_one_submit_are_numbered_by_what_the_core_accepts(tmp_path: Path, core_type: CoreType) -> None:
    engine, tape = started(tmp_path, core_type)
    expired = START_NS
    engine.submit(
        np.concatenate([
            credential("payer-1"),
            credential("late-1", expires_ns=expired),  # refused: opens nothing, takes no number
            credential("payer-2"),
            credential("payer-1", issued_at_ns=5),  # a renewal keeps its number
            credential("payer-1", issued_at_ns=4),  # superseded
            credential("late-1"),  # accepted this time
            credential("payer-3"),
        ])
    )  # fmt: skip
    directory = engine.directory
    numbers = [directory.account("https://kyc.example", s) for s in ("payer-1", "payer-2", "late-1", "payer-3")]
    assert numbers == [2, 3, 4, 5]
    assert [directory.holder(n)[1] for n in (2, 3, 4, 5)] == ["payer-1", "payer-2", "late-1", "payer-3"]
    assert engine.core.n_accounts == 6
    deliver_all(engine, tape)
    told = [(int(e["account"]), int(e["reason"])) for b in tape.batches for e in b.events]
    expired_code, superseded = RejectReason.CREDENTIAL_EXPIRED, RejectReason.CREDENTIAL_SUPERSEDED
    assert told == [(2, 0), (3, expired_code), (3, 0), (2, 0), (2, superseded), (4, 0), (5, 0)]
    engine.close()
    again, _ = started(tmp_path, core_type)
    assert [again.directory.holder(n) for n in (2, 3, 4, 5)] == [directory.holder(n) for n in (2, 3, 4, 5)]
    again.close()


def test_a_broken_submission_is_refused_whole_before_anything_is_journaled(tmp_path: Path, core_type: CoreType) -> None:
    engine, _ = started(tmp_path, core_type)
    forged = credential("payer-1")
    forged[2:].view("u1")[0] ^= 1
    cut_short = credential("payer-1")[:-1]
    zero = time_commands(1)
    zero["n_records"] = 0
    for broken in (forged, cut_short, zero):
        with pytest.raises(ValueError, match=r"identity|does not fit"):
            engine.submit(np.concatenate([time_commands(1), broken]))
    with pytest.raises(ValueError, match="64-byte"):
        engine.submit(np.zeros(2, "u8"))
    assert engine.core.sequence == 0
    engine.submit(time_commands(1))
    assert engine.core.sequence == 1
    engine.close()


def test_tick_submits_a_time_command_exactly_when_a_timer_is_due(tmp_path: Path, core_type: CoreType) -> None:
    clock = Clock(START_NS)
    engine, tape = started(tmp_path, core_type, clock_ns=clock)
    engine.submit(credential("payer-1", expires_ns=START_NS + 100))
    clock.now_ns = START_NS + 99
    engine.tick()
    assert engine.core.sequence == 1
    clock.now_ns = START_NS + 100
    engine.tick()
    assert engine.core.sequence == 2
    engine.tick()
    assert engine.core.sequence == 2
    deliver_all(engine, tape)
    assert tape.batches[-1].commands["kind"].tolist() == [CommandKind.TIME]
    engine.close()


def test_nothing_is_told_before_it_is_durable_and_one_sync_covers_all_that_came_before(
    tmp_path: Path, core_type: CoreType
) -> None:
    disk = GatedDisk()
    engine, tape = started(tmp_path, core_type, disk=disk)
    engine.submit(time_commands(1))
    deliver_all(engine, tape)
    disk.gate.clear()
    answers: list[str] = []
    engine.submit(time_commands(1))
    assert disk.began.acquire(timeout=20)  # a sync is under way for this one alone
    engine.defer(lambda: answers.append("after the first"))
    for _ in range(10):
        engine.submit(time_commands(3))
    engine.defer(lambda: answers.append("after all"))
    engine.pump()
    assert (engine.core.sequence, tape.last_sequence, answers) == (32, 1, [])
    disk.gate.set()
    pump_until(engine, lambda: tape.last_sequence == 32)
    assert answers == ["after the first", "after all"]
    assert disk.n_syncs == 1
    engine.close()


def test_ten_submits_behind_a_sync_under_way_take_one_more_sync(tmp_path: Path, core_type: CoreType) -> None:
    class CountingDisk(GatedDisk):
        def sync(self, fd: int) -> None:
            self.n_syncs += 1
            self.began.release()
            assert self.gate.wait(20)
            Disk.sync(self, fd)

    disk = CountingDisk()
    engine, tape = started(tmp_path, core_type, disk=disk)
    engine.submit(time_commands(1))
    deliver_all(engine, tape)
    while disk.began.acquire(blocking=False):
        pass
    disk.gate.clear()
    before = disk.n_syncs
    engine.submit(time_commands(1))
    assert disk.began.acquire(timeout=20)
    for _ in range(10):
        engine.submit(time_commands(1))
    disk.gate.set()
    pump_until(engine, lambda: tape.last_sequence == 12)
    assert disk.n_syncs - before == 2
    engine.close()


def test_a_deferred_answer_comes_at_once_when_all_is_durable_and_after_what_it_saw(
    tmp_path: Path, core_type: CoreType
) -> None:
    heard: list[object] = []
    engine = Engine(venue(), tmp_path, core_type=core_type, clock_ns=Clock())
    engine.attach(lambda released: heard.append(released.last_sequence))
    engine.start()
    assert select.select([engine.fileno()], [], [], 20)[0]  # the seal of the start has become durable
    engine.pump()
    engine.defer(lambda: heard.append("idle"))
    pump_until(engine, lambda: heard == ["idle"])
    engine.submit(time_commands(1))
    engine.defer(lambda: heard.append("one"))
    engine.submit(time_commands(1))
    engine.defer(lambda: heard.append("two"))
    pump_until(engine, lambda: len(heard) == 5)
    assert heard == ["idle", 1, "one", 2, "two"]
    engine.close()


class MeteredDisk(Disk):
    """Holds every sync until a write takes what is not durable beyond the bound; measures it at each write.

    How far the journal knew itself to be durable stands in each frame's header.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.changed = threading.Condition()
        self.is_holding = False
        self.unsynced_before: list[int] = []
        self.unsynced_after = 0

    def write(self, fd: int, content: bytes, offset: int) -> None:
        super().write(fd, content, offset)
        frame = decode_frame(content, 0, Path())
        if frame is not None:
            with self.changed:
                self.unsynced_before.append(offset - frame.durable_offset)
                self.unsynced_after = offset + len(content) - frame.durable_offset
                self.changed.notify_all()

    def sync(self, fd: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: not self.is_holding or self.unsynced_after > self.bound, 20)
        super().sync(fd)

    def let_go(self) -> None:
        with self.changed:
            self.is_holding = False
            self.changed.notify_all()


def test_the_writer_waits_at_the_bound_of_bytes_that_are_not_durable(tmp_path: Path, core_type: CoreType) -> None:
    disk = MeteredDisk(bound=1000)
    engine, tape = started(tmp_path, core_type, disk=disk, unsynced_bytes_max=1000)
    engine.submit(time_commands(1))
    deliver_all(engine, tape)
    disk.is_holding = True
    for _ in range(200):
        engine.submit(time_commands(1))
    disk.let_go()
    deliver_all(engine, tape)
    assert 800 < max(disk.unsynced_before) <= 1000
    engine.close()


@pytest.mark.parametrize("code", ["ENOSPC", "EIO"])
def test_a_failed_sync_is_raised_by_the_next_call_and_nothing_is_told_after_it(
    tmp_path: Path, core_type: CoreType, code: str
) -> None:
    disk = BrokenDisk()
    engine, tape = started(tmp_path, core_type, disk=disk)
    engine.submit(time_commands(3))
    deliver_all(engine, tape)
    number = getattr(errno, code)
    disk.failing_sync = OSError(number, os.strerror(number))
    engine.submit(time_commands(1))
    with pytest.raises(JournalError, match=os.strerror(number)):
        pump_until(engine, lambda: False)
    disk.failing_sync = None  # the disk looks well again: it must not be believed
    calls: list[Callable[[], None]] = [
        engine.pump,
        engine.tick,
        lambda: engine.submit(time_commands(1)),
        lambda: engine.defer(lambda: None),
    ]
    for call in calls:
        with pytest.raises(JournalError, match=os.strerror(number)):
            call()
    assert tape.last_sequence == 3
    engine.close()
    assert tape.last_sequence == 3


def test_a_failed_write_stops_the_engine_before_the_command_is_applied(tmp_path: Path, core_type: CoreType) -> None:
    disk = BrokenDisk()
    engine, tape = started(tmp_path, core_type, disk=disk)
    engine.submit(time_commands(2))
    deliver_all(engine, tape)
    disk.failing_write = OSError(28, "No space left on device")
    with pytest.raises(JournalError, match="No space left on device"):
        engine.submit(time_commands(1))
    assert engine.core.sequence == 2
    disk.failing_write = None
    with pytest.raises(JournalError, match="No space left on device"):
        engine.submit(time_commands(1))
    engine.close()
    again, retold = started(tmp_path, core_type)
    assert retold.last_sequence == 2
    again.close()


def test_an_observer_that_fails_stops_the_engine_rather_than_miss_a_batch(tmp_path: Path, core_type: CoreType) -> None:
    engine = Engine(venue(), tmp_path, core_type=core_type, clock_ns=Clock(), durability="os")

    def observer(_: Released) -> None:
        raise ZeroDivisionError("observer")

    engine.attach(observer)
    engine.start()
    engine.submit(time_commands(1))
    with pytest.raises(ZeroDivisionError):
        engine.pump()
    with pytest.raises(FxEngineError, match="observer"):
        engine.submit(time_commands(1))
    engine.close()


def test_an_observer_may_submit_defer_and_pump_and_the_others_still_hear_in_order(
    tmp_path: Path, core_type: CoreType
) -> None:
    engine, tape = Engine(venue(), tmp_path, core_type=core_type, clock_ns=Clock(), durability="os"), Tape()
    heard: list[object] = []

    def observer(released: Released) -> None:
        heard.append(released.last_sequence)
        if released.last_sequence == 1:
            engine.submit(time_commands(1))
            engine.defer(lambda: heard.append("answered"))
            engine.pump()

    engine.attach(observer)
    engine.attach(tape)
    engine.start()
    engine.submit(time_commands(1))
    pump_until(engine, lambda: len(heard) == 3)
    assert heard == [1, 2, "answered"]
    assert [batch.last_sequence for batch in tape.batches] == [1, 2]
    engine.close()


def test_closing_delivers_everything_first(tmp_path: Path, core_type: CoreType) -> None:
    engine, tape = started(tmp_path, core_type)
    answers: list[int] = []
    for _ in range(5):
        engine.submit(time_commands(2))
    engine.defer(lambda: answers.append(engine.core.sequence))
    engine.close()
    engine.close()
    assert (tape.last_sequence, answers) == (10, [10])
    with pytest.raises(RuntimeError, match="not running"):
        engine.submit(time_commands(1))


def test_a_submit_longer_than_a_frame_is_cut_at_command_boundaries(tmp_path: Path, core_type: CoreType) -> None:
    engine, tape = started(tmp_path, core_type)
    multi = time_commands(250)
    multi["n_records"][0] = 250  # the core knows no such command and refuses it, as one
    engine.submit(np.concatenate([time_commands(4000), multi, time_commands(5000)]))
    deliver_all(engine, tape)
    assert [len(b.commands) for b in tape.batches] == [4000, 4096, 1154]
    assert tape.last_sequence == 9001
    assert [int(b.events["sequence"][0]) for b in tape.batches if len(b.events)] == [4001]
    engine.close()


class ForgetfulCore:
    """Wraps a core type so that it comes to another state, as a changed program would."""

    def __init__(self, core_type: CoreType) -> None:
        self._core_type = core_type

    def __call__(self, *args: object, **options: int) -> object:
        core = self._core_type(*args, **options)  # type: ignore[arg-type]

        class Other:
            def __getattr__(self, name: str) -> object:
                return (lambda: "00" * 16) if name == "state_hash" else getattr(core, name)

        return Other()


def test_a_core_that_comes_to_another_state_than_the_seal_is_refused(tmp_path: Path, core_type: CoreType) -> None:
    engine, _ = started(tmp_path, core_type)
    engine.submit(Flow(3).opening())
    engine.close()
    segment = next((tmp_path / "journal").glob("*.fxj"))
    before = segment.read_bytes()
    with pytest.raises(JournalDamaged, match=r"\.fxj, offset \d+: after command"):
        started(tmp_path, ForgetfulCore(core_type))  # type: ignore[arg-type]
    assert segment.read_bytes() == before


def test_seals_stand_at_start_and_close_and_never_twice_in_a_row(tmp_path: Path, core_type: CoreType) -> None:
    for _ in range(3):
        engine, _ = started(tmp_path, core_type)
        engine.close()
    engine, _ = started(tmp_path, core_type)
    engine.submit(time_commands(1))
    engine.close()
    kinds = [f.kind for f in read_frames(tmp_path / "journal", venue().fingerprint, strict=True)]
    assert kinds == [FrameKind.SEAL, FrameKind.COMMANDS, FrameKind.SEAL]


@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS])
def test_the_last_seal_says_that_all_before_it_is_durable(
    tmp_path: Path, core_type: CoreType, durability: Durability
) -> None:
    engine, tape = started(tmp_path, core_type, durability=durability)
    for _ in range(3):
        engine.submit(time_commands(2))
    deliver_all(engine, tape)
    engine.close()
    seal = list(read_frames(tmp_path / "journal", venue().fingerprint))[-1]
    assert (seal.kind, seal.durable_offset) == (FrameKind.SEAL, seal.offset)


def test_durability_none_leaves_no_file_and_refuses_a_directory_with_a_journal(
    tmp_path: Path, core_type: CoreType
) -> None:
    engine, tape = started(tmp_path / "a", core_type, durability="none")
    engine.submit(time_commands(3))
    deliver_all(engine, tape)
    engine.close()
    assert not (tmp_path / "a").exists()
    started(tmp_path / "b", core_type)[0].close()
    with pytest.raises(JournalError, match="durability 'none' would ignore it"):
        started(tmp_path / "b", core_type, durability="none")


def test_random_submits_restarts_and_clocks_leave_one_history(tmp_path: Path, core_type: CoreType, seed: int) -> None:
    rng, flow, clock = random.Random(seed), Flow(seed), Clock()
    history = b""
    for turn in range(6):
        engine, tape = started(tmp_path, core_type, clock_ns=clock, durability=rng.choice(["fsync", "os"]))
        assert tape.commands == history
        if turn == 0:
            engine.submit(flow.opening())
        for _ in range(rng.randint(0, 15)):
            clock.now_ns += rng.randint(-50, 100)
            engine.submit(flow.commands(rng.randint(1, 9)))
            if rng.random() < 0.3:
                engine.pump()
        engine.core.check()
        engine.close()
        history = tape.commands
    stamps = [b.time_ns for b in tape.batches]
    assert stamps == sorted(stamps)
    assert stamps[-1] < NEVER_NS


def test_observers_must_be_attached_before_the_start(tmp_path: Path, core_type: CoreType) -> None:
    engine, _ = started(tmp_path, core_type, durability="none")
    with pytest.raises(RuntimeError, match="before start"):
        engine.attach(Tape())
