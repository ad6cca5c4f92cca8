"""Settlement behind a snapshot: nothing is settled twice or left out, and a strange ledger is still refused."""

import random
from pathlib import Path

import pytest

from fxengine.engine import Durability, Engine
from fxengine.errors import LedgerMismatch
from fxengine.ledger import open_ledger
from fxengine.reference import Core
from fxengine.settlement import Settlement
from fxengine.venue import Venue
from tests.unit.settlement.settling import Make, Wrapped, settled_by
from tests.unit.settlement.trading import Clock, Flow, Trading


def begun(trading: Trading, settlement: Settlement) -> Engine:
    """Start as a venue does: from a snapshot, where the ledger allows it."""
    engine = Engine(
        trading.venue, trading.data_dir, durability=Durability.OS, clock_ns=trading.clock, core_type=Core
    )  # fmt: skip
    engine.attach(settlement.observe, may_begin_after=settlement.cursor.last_sequence, begin=settlement.begin)
    trading.engine = engine
    engine.start()
    settlement.start()
    return engine


def life(trading: Trading, flow: Flow, settlement: Settlement, n_frames: int, *, settles: bool = True) -> int:
    """One life of a venue, from start to an orderly close; return where its start began."""
    engine = begun(trading, settlement)
    if not engine.core.sequence:
        trading.open(flow)
    trading.trade(flow, n_frames)
    engine.close()
    if settles:
        settlement.close()
    else:
        settlement._posting.close()  # what is not cut yet dies with the process
    return engine.snapshot_sequence


def test_lives_that_begin_from_snapshots_settle_every_command_once(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    for _ in range(4):
        life(trading, flow, make(batch_trades_max=25), 12)
    assert settled_by(ledger) == trading.balances()
    assert [batch.first_sequence for batch in ledger.posted] == [
        1, *(batch.last_sequence + 1 for batch in ledger.posted[:-1])
    ]  # fmt: skip
    assert life(trading, flow, make(), 0) == ledger.cursor().last_sequence == trading.engine.core.sequence


def test_a_ledger_that_is_behind_the_newest_snapshot_makes_an_older_one_serve_or_the_whole_journal(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, tmp_path: Path, venue: Venue, clock: Clock
) -> None:
    life(trading, flow, make(), 10)
    settled = ledger.cursor().last_sequence
    life(trading, flow, make(), 10, settles=False)
    assert ledger.cursor().last_sequence == settled < trading.engine.core.sequence
    assert life(trading, flow, make(), 10) == settled, "the older snapshot is where the ledger is"
    assert settled_by(ledger) == trading.balances()
    empty = Wrapped(open_ledger(f"sqlite:{tmp_path / 'empty.sqlite'}", venue))
    assert life(trading, flow, Settlement(empty, venue, clock_ns=clock), 0) == 0
    assert settled_by(empty) == settled_by(ledger)
    empty.close()


def test_a_ledger_of_another_journal_is_refused_where_the_start_does_not_read_so_far_back(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, tmp_path: Path, venue: Venue, clock: Clock, seed: int
) -> None:
    life(trading, flow, make(), 10)
    last = ledger.cursor().last_sequence
    (tmp_path / "other").mkdir()
    other = Trading(tmp_path / "other", venue, clock)
    strange = Wrapped(open_ledger(f"sqlite:{tmp_path / 'strange.sqlite'}", venue))
    life(other, Flow(venue, random.Random(seed + 1)), Settlement(strange, venue, clock_ns=clock), 10)
    assert strange.cursor().last_sequence == last
    settlement = Settlement(strange, venue, clock_ns=clock)
    with pytest.raises(LedgerMismatch, match="another journal"):
        begun(trading, settlement)
    settlement.close()
    strange.close()
