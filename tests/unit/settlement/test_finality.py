"""A ledger whose batches take time to be FINAL: what is told of them, what waits for them, and what fits into one."""

import threading
from collections.abc import Callable

import pytest

from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerError, LedgerUnavailable
from fxengine.ledger.base import Progress
from fxengine.settlement import BatchStatus, Settlement, net
from fxengine.settlement.posting import BackOff
from fxengine.venue import Venue
from tests.unit.settlement.settling import news, run, settled_by
from tests.unit.settlement.slow import SOON_NS, Slow
from tests.unit.settlement.trading import CLIENTS, Flow, Trading

PENDING, POSTED, FINAL = SettlementStatus.PENDING, SettlementStatus.POSTED, SettlementStatus.FINAL
Open = Callable[..., Settlement]


def told(found: list[BatchStatus]) -> list[tuple[int, SettlementStatus]]:
    return [(status.batch_id, status.status) for status in found]


def open_and_cut(trading: Trading, flow: Flow, settlement: Settlement) -> None:
    """Have the opening's deposits and five trades posted as batch 1."""
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 5, per_frame=5)


def test_a_batch_is_told_to_be_posted_and_then_final_and_only_then_counts_as_final(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    settlement = begin()
    open_and_cut(trading, flow, settlement)
    while not slow.posted:
        assert settlement.pending_trades
    trades = settlement.pending_trades
    slow.steps = [Progress(0, 0), Progress(1, 0)]
    (posted,) = news(settlement, 1)
    assert (posted.batch_id, posted.status, posted.finality) == (1, POSTED, "fsync")
    assert settlement.final == (0, 0)
    assert settlement.pending_trades == trades - len(slow.posted[0].trades)
    slow.steps = [Progress(1, 1)]
    (final,) = news(settlement, 1)
    assert final == posted._replace(status=FINAL)
    assert settlement.final == (1, slow.posted[0].last_sequence)


def test_a_ledger_with_nothing_in_flight_is_called_several_times_a_minute(
    begin: Open, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vault may be frozen whose operator is silent, and deployments may say how soon."""
    waits: list[float] = []
    asked = threading.Event()

    def wait_for(_: threading.Condition, until: Callable[[], bool], timeout: float) -> bool:
        waits.append(timeout)
        if len(waits) == 3:
            asked.set()
        return asked.wait(0) and until()

    monkeypatch.setattr(threading.Condition, "wait_for", wait_for)
    begin()
    assert asked.wait(20)
    assert slow.advances >= 2
    assert set(waits[1:3]) == {10.0}


def test_what_the_chain_undid_is_pending_again_and_waits_again(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    settlement = begin()
    open_and_cut(trading, flow, settlement)
    pending = []
    for step in (Progress(1, 0), Progress(0, 0), Progress(1, 0), Progress(1, 1)):
        slow.steps = [step]
        pending.append((told(news(settlement, 1)), settlement.pending_trades))
    after = pending[0][1]
    assert pending == [
        ([(1, POSTED)], after), ([(1, PENDING)], after + len(slow.posted[0].trades)), ([(1, POSTED)], after),
        ([(1, FINAL)], after),
    ]  # fmt: skip
    assert slow.posted[0].trades.size


def test_a_chain_that_is_away_is_an_alarm_after_a_while_and_posting_goes_on(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    settlement = begin()
    run(trading, settlement)
    slow.steps = [LedgerUnavailable("no node")] * 10_000
    trading.open(flow)
    trading.trade(flow, 5, per_frame=5)
    news(settlement, 99)
    assert settlement.alarm == "batch 1 waits to be settled, and all behind it: no node"
    trading.trade(flow, 5, per_frame=5)
    while len(slow.posted) < 2:
        assert settlement.alarm is not None
    slow.steps = [Progress(2, 2)]
    while settlement.alarm is not None or settlement.final[0] < 2:
        settlement.poll()


def test_what_somebody_has_to_do_is_an_alarm_at_once(trading: Trading, flow: Flow, begin: Open, slow: Slow) -> None:
    settlement = begin(back_off=BackOff(10**18, 10**18))
    run(trading, settlement)
    trading.open(flow)
    slow.steps = [LedgerUnavailable("no ether", needs_somebody=True)] * 100
    trading.trade(flow, 5, per_frame=5)
    news(settlement, 99)
    assert settlement.alarm == "batch 1 waits to be settled, and all behind it: no ether"


def test_another_history_on_the_chain_stops_posting(trading: Trading, flow: Flow, begin: Open, slow: Slow) -> None:
    settlement = begin()
    open_and_cut(trading, flow, settlement)
    slow.steps = [Progress(0, 0), LedgerError("heads differ")]
    news(settlement, 99)
    assert settlement.alarm == "settlement stopped before batch 2: heads differ"
    trading.trade(flow, 10, per_frame=5)
    settlement.drain()
    assert len(slow.posted) == 1


def test_the_end_waits_for_what_is_in_flight_but_not_for_ever(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    waits: list[int] = []
    settlement = begin(drain_ns=10 * SOON_NS, wait=waits.append)
    open_and_cut(trading, flow, settlement)
    settlement.drain()
    assert waits == [SOON_NS] * 10
    assert settlement.alarm is None
    assert settlement.final == (0, 0)


def test_the_end_does_not_wait_for_a_chain_that_stays_away_and_does_for_one_that_comes_back(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    waits: list[int] = []
    settlement = begin(drain_ns=10**18, wait=waits.append)
    open_and_cut(trading, flow, settlement)
    slow.steps = [Progress(0, 0), *[LedgerUnavailable("torn")] * 3, Progress(0, 0), *[LedgerUnavailable("away")] * 99]
    settlement.drain()
    assert 90 < len(slow.steps) < 99, "as many retries as there are before an alarm"
    assert settlement.alarm is None or "waits to be settled" in settlement.alarm


def test_the_end_comes_as_soon_as_all_is_final(trading: Trading, flow: Flow, begin: Open, slow: Slow) -> None:
    waits: list[int] = []
    settlement = begin(drain_ns=10**18, wait=waits.append)
    open_and_cut(trading, flow, settlement)
    slow.steps = [Progress(0, 0)] * 5 + [Progress(9, 9)]
    settlement.drain()
    last = slow.posted[-1].id
    assert settlement.final == (last, slow.posted[-1].last_sequence)
    assert told(settlement.poll())[-1] == (last, FINAL)


def test_after_a_restart_what_was_in_flight_has_its_news_still(
    trading: Trading, flow: Flow, begin: Open, slow: Slow
) -> None:
    first = begin()
    open_and_cut(trading, flow, first)
    first.close()
    before = list(slow.posted)
    slow.reached = Progress(1, 1)
    second = begin()
    waiting = before[1:]
    assert second.final == (1, before[0].last_sequence)
    assert second.pending_trades == sum(len(batch.trades) for batch in waiting)
    slow.steps = [Progress(99, 99)]
    assert [status[3:6] for status in news(second, len(waiting))] == [
        (batch.first_sequence, batch.last_sequence, batch.accounts()) for batch in waiting
    ]


def test_a_cycle_that_is_too_much_for_one_batch_is_posted_as_several(
    trading: Trading, flow: Flow, begin: Open, slow: Slow, venue: Venue
) -> None:
    slow.deltas_max = 6
    settlement = begin(batch_trades_max=10**6)
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 60)
    settlement.drain()
    ends = {released.last_sequence: released for released in trading.released}
    instruments = venue.instrument_records
    moving = {end for end, released in ends.items() if len(net(released.events, instruments).deltas)}
    expected, names = 1, []
    for batch in slow.posted:
        assert batch.first_sequence == expected
        released = ends[batch.last_sequence]
        assert (batch.journal_hash, batch.time_ns) == (released.chain, released.time_ns)
        inside = sum(batch.first_sequence <= end <= batch.last_sequence for end in moving)
        assert len(batch.deltas) <= 6 or inside <= 1, "only a single stretch may be more"
        names += batch.names
        expected = batch.last_sequence + 1
    assert len(slow.posted) > 5
    assert len(names) == len(set(names)) == len(CLIENTS) + 1
    assert settled_by(slow) == trading.balances()
