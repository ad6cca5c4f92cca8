"""A whole venue starts and ends in order, and says so when its end was not in order."""

import random
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.codes import Side
from fxengine.engine import Durability, Engine
from fxengine.engine.disk import Disk
from fxengine.errors import JournalError, LedgerError
from fxengine.gateway import Ready, Stop, run_venue
from fxengine.gateway.service import OPEN_FILES, raise_open_files_limit
from fxengine.ledger import Cursor, open_ledger
from fxengine.reference import Core
from tests.unit.settlement.trading import CLIENTS, Clock, Flow, Trading, make_venue

VENUE = make_venue()
ANY_PORT = "tcp://127.0.0.1:*"


class CountingDisk(Disk):
    syncs = 0

    def sync(self, fd: int) -> None:
        self.syncs += 1
        super().sync(fd)


class Opened:
    """What is done while the venue is open, and what it said of itself; it is stopped right after."""

    def __init__(self, stop: Stop, ledger_to_lock: Path | None) -> None:
        self.stop, self.ledger_to_lock = stop, ledger_to_lock
        self.ready: Ready
        self.lock: sqlite3.Connection | None = None

    def __call__(self, ready: Ready) -> None:
        self.ready = ready
        if self.ledger_to_lock is not None:
            self.lock = sqlite3.connect(self.ledger_to_lock, isolation_level=None)
            self.lock.execute("BEGIN IMMEDIATE")
        self.stop.set()


def open_and_stop(
    data_dir: Path,
    *,
    durability: Durability = Durability.FSYNC,
    ledger_url: str | None = None,
    ledger_to_lock: Path | None = None,
) -> Ready:
    with closing(Stop()) as stop:
        opened = Opened(stop, ledger_to_lock)
        try:
            run_venue(
                VENUE, data_dir, order_address=ANY_PORT, market_data_address=ANY_PORT, stop=stop, clock_ns=Clock(),
                core_type=Core, durability=durability, ledger_url=ledger_url, on_ready=opened,
            )  # fmt: skip
        finally:
            if opened.lock is not None:
                opened.lock.close()
        return opened.ready


def cursor(data_dir: Path) -> Cursor:
    with closing(open_ledger(f"sqlite:{data_dir / 'ledger.sqlite'}", VENUE)) as ledger:
        return ledger.cursor()


@pytest.fixture
def traded(tmp_path: Path, seed: int) -> Path:
    """A data directory whose journal holds what no ledger has yet."""
    trading = Trading(tmp_path, VENUE, Clock())
    trading.start()
    trading.open(Flow(VENUE, random.Random(seed)))
    trading.engine.close()
    return tmp_path


def test_a_venue_whose_settlement_stopped_ends_with_its_alarm(traded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxengine.ledger.sqlite._BUSY_SECONDS", 0.01)
    with pytest.raises(LedgerError, match=r"settlement stopped before batch 1: .* locked.* next start settles"):
        open_and_stop(traded, ledger_to_lock=traded / "ledger.sqlite")
    assert cursor(traded).batch_id == 0
    n_commands = open_and_stop(traded).sequence  # everything was let go of: the next start does settle it
    assert cursor(traded)[:2] == (1, n_commands)


def test_without_a_journal_the_ledger_is_in_memory_too(tmp_path: Path) -> None:
    assert open_and_stop(tmp_path, durability=Durability.NONE).ledger_url == "memory:"
    assert open_and_stop(tmp_path, durability=Durability.NONE, ledger_url="memory:").finality == "memory"
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_would_outlive_its_journal_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    data_dir = tmp_path / "venue"
    with pytest.raises(LedgerError, match=r"keeps no journal.* would outlive .* Use the ledger memory:"):
        open_and_stop(data_dir, durability=Durability.NONE, ledger_url=f"sqlite:{tmp_path / 'books.sqlite'}")
    assert list(tmp_path.iterdir()) == []


def test_what_the_disk_may_not_have_is_not_settled(traded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Engine) -> None:
        raise JournalError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(Engine, "sync", fail)
        with pytest.raises(JournalError, match="the disk is gone"):
            open_and_stop(traded, durability=Durability.OS)
    assert cursor(traded).batch_id == 0
    open_and_stop(traded, durability=Durability.OS)
    assert cursor(traded).batch_id == 1


def test_an_engine_that_only_hands_to_the_system_can_be_made_to_wait_for_the_disk(tmp_path: Path, seed: int) -> None:
    disk, flow = CountingDisk(), Flow(VENUE, random.Random(seed))
    engine = Engine(VENUE, tmp_path, durability=Durability.OS, clock_ns=Clock(), core_type=Core, disk=disk)
    engine.start()
    before = disk.syncs
    engine.submit(flow.crossing(CLIENTS[0], Side.BUY))
    assert disk.syncs == before
    engine.sync()
    assert disk.syncs == before + 1
    engine.close()
    closed = disk.syncs
    engine.sync()
    assert disk.syncs == closed


def test_a_venue_takes_as_many_open_files_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: asked.append(limits))
    for limits in ((1_024, 4_096), (1_024, 10**6), (20_000, 10**6), (1_024, resource.RLIM_INFINITY), (64, 64)):
        monkeypatch.setattr(resource, "getrlimit", lambda _which, limits=limits: limits)
        raise_open_files_limit()
    assert asked == [(4_096, 4_096), (OPEN_FILES, 10**6), (OPEN_FILES, resource.RLIM_INFINITY)]
