"""Venues that have traded and settled, closed or killed, for an auditor to look at."""

import dataclasses
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fxengine.audit import Findings, verify
from fxengine.ledger import open_ledger
from fxengine.reference import Core
from fxengine.settlement import Settlement
from tests.unit.settlement.trading import CLIENTS, VENUE, Clock, Flow, Trading, make_venue

LAST_FRAME = 8
"""Commands in the last frame: deposits, which are settled by time alone and so stand in no batch yet."""


@dataclass(frozen=True)
class Traded:
    """A data directory, and what the venue itself knew when it stopped."""

    data_dir: Path
    n_commands: int
    n_trades: int
    n_batches: int
    n_accounts: int
    state_hash: str

    @property
    def segment(self) -> Path:
        """Return the journal's last segment."""
        return sorted((self.data_dir / "journal").glob("*.fxj"))[-1]

    @property
    def ledger(self) -> Path:
        return self.data_dir / "ledger.sqlite"


def trade(data_dir: Path, seed: int, *, closed: bool) -> Traded:
    """Trade on a fresh venue; ``closed``: as a clean stop leaves it, else as kill -9 would."""
    live = data_dir / "live"
    live.mkdir()
    (live / "venue.toml").write_text(VENUE)
    venue, clock = make_venue(), Clock()
    with closing(open_ledger(f"sqlite:{live / 'ledger.sqlite'}", venue)) as ledger:
        settlement = Settlement(ledger, venue, clock_ns=clock, batch_trades_max=30)
        trading, flow = Trading(live, venue, clock), Flow(venue, random.Random(seed))
        trading.start(settlement.observe)
        settlement.start()
        trading.open(flow)
        for _ in range(25):
            trading.trade(flow, 1, per_frame=8)
            clock.now_ns += 1000
        trading.submit(np.concatenate([flow.money(CLIENTS[0], 0, 5) for _ in range(LAST_FRAME)]))
        left = live
        if not closed:
            settlement._posting.close()  # what was cut is posted; the open cycle dies with the process
            left = data_dir / "killed"
            shutil.copytree(live, left)
        core = trading.engine.core
        n_trades = sum(int((r.events["kind"] == 3).sum()) for r in trading.released) // 2
        facts = core.sequence, n_trades, settlement, core.n_accounts, core.state_hash()
        trading.engine.close()
        settlement.close()
        return Traded(left, facts[0], facts[1], settlement.cursor.batch_id, facts[3], facts[4])


@pytest.fixture(scope="session")
def closed_once(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Traded:
    return trade(tmp_path_factory.mktemp("closed"), seed, closed=True)


@pytest.fixture(scope="session")
def killed_once(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Traded:
    return trade(tmp_path_factory.mktemp("killed"), seed, closed=False)


def copy_of(traded: Traded, data_dir: Path) -> Traded:
    shutil.copytree(traded.data_dir, data_dir)
    return dataclasses.replace(traded, data_dir=data_dir)


@pytest.fixture
def closed(closed_once: Traded, tmp_path: Path) -> Traded:
    """A venue that was closed cleanly; the test may spoil it."""
    return copy_of(closed_once, tmp_path / "closed")


@pytest.fixture
def killed(killed_once: Traded, tmp_path: Path) -> Traded:
    """A venue that was killed and not started again; the test may spoil it."""
    return copy_of(killed_once, tmp_path / "killed")


Audit = Callable[..., Findings]


@pytest.fixture
def audit() -> Audit:
    """Verify with the reference core alone: what is told of the compiled one has tests of its own."""

    def run(traded: Traded, **options: object) -> Findings:
        return verify(traded.data_dir, **({"core_types": (Core,)} | options))  # type: ignore[arg-type]

    return run
