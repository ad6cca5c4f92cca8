"""The ledger's balances are the engine's at the end of every batch, found by SQL alone."""

import random
from pathlib import Path

from fxengine.audit.journal import JournalAudit
from fxengine.audit.replay import Replay, both_cores
from fxengine.ledger import open_ledger
from fxengine.ledger.reading import open_reader
from fxengine.settlement import Settlement
from tests.unit.settlement.trading import SECOND_NS, Clock, Flow, Trading, make_venue

SUMS = (
    "SELECT account, currency, sum(amount_units) FROM postings WHERE batch <= ?"
    " GROUP BY account, currency HAVING sum(amount_units) <> 0 ORDER BY account, currency"
)


def test_sums_over_postings_are_the_cores_balances_at_every_batch(sql_url: str, tmp_path: Path, seed: int) -> None:
    venue, clock = make_venue(), Clock()
    ledger = open_ledger(sql_url, venue)
    trading, flow = Trading(tmp_path, venue, clock), Flow(venue, random.Random(seed))
    settlement = Settlement(ledger, venue, clock_ns=clock, batch_trades_max=15)
    trading.start(settlement.observe)
    settlement.start()
    trading.open(flow)
    for _ in range(60):
        trading.trade(flow, n_frames=1)
        clock.now_ns += SECOND_NS // 4
        settlement.tick()
    trading.engine.close()
    settlement.close()
    ledger.close()
    assert settlement.alarm is None
    with open_reader(sql_url) as reader:
        ends = dict(reader.rows("SELECT last_sequence, batch FROM batches"))  # type: ignore[arg-type]
        assert len(ends) > 10
        replay = Replay(JournalAudit(tmp_path / "journal", venue.fingerprint), venue, both_cores())
        for frame, _ in replay:
            batch = ends.pop(frame.last_sequence, None)
            if batch is not None:
                core = replay.core
                keys = [(a, c.index) for a in range(core.n_accounts) for c in venue.currencies]
                held = [(*key, sum(core.balance(*key))) for key in keys if any(core.balance(*key))]
                assert reader.rows(SUMS, batch) == held
        assert ends == {}, "every batch ends where the journal has a frame's end"
        assert reader.rows(SUMS, 2**62) == reader.rows(
            "SELECT account, currency, amount_units FROM balances WHERE amount_units <> 0 ORDER BY account, currency"
        )
