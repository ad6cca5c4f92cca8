"""Batches are cut where they should be, and cover the journal once, over any restart."""

import random
import select
import shutil
from pathlib import Path

import pytest

from fxengine.codes import SettlementStatus, Side
from fxengine.errors import JournalError, LedgerError, LedgerMismatch
from fxengine.ledger import open_ledger
from fxengine.settlement import Settlement
from fxengine.venue import Venue
from tests.unit.settlement.settling import Make, Wrapped, news, run, settled_by
from tests.unit.settlement.trading import CLIENTS, OPERATOR, SECOND_NS, Clock, Flow, Trading

NEVER = 2**63 - 1
ALICE, BOB = CLIENTS[0], CLIENTS[1]


def test_after_a_drain_the_ledger_holds_what_the_core_holds(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    settlement = make(batch_trades_max=20)
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 40)
    settlement.drain()
    assert settled_by(ledger) == trading.balances()
    assert len(ledger.posted) > 5
    assert settlement.alarm is None


def test_batches_cover_every_command_once_and_end_where_the_journal_can_prove_it(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    settlement = make(batch_trades_max=10)
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 30, per_frame=3)
    settlement.drain()
    ends = {released.last_sequence: released for released in trading.released}
    expected = 1
    for batch in ledger.posted:
        assert batch.first_sequence == expected
        assert batch.journal_hash == ends[batch.last_sequence].chain
        assert batch.time_ns == ends[batch.last_sequence].time_ns
        expected = batch.last_sequence + 1


def test_the_first_batch_names_those_who_logged_on(trading: Trading, flow: Flow, make: Make, ledger: Wrapped) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    settlement.drain()
    assert [(name.account, name.subject) for name in ledger.posted[0].names] == [
        (OPERATOR, "operator-1"), *((n, f"payer-{n}") for n in CLIENTS)
    ]  # fmt: skip


def test_a_cycle_is_cut_when_its_time_is_over_and_not_before(
    trading: Trading, flow: Flow, make: Make, clock: Clock
) -> None:
    settlement = make(cycle_ns=SECOND_NS)
    run(trading, settlement)
    assert settlement.next_cut_ns == NEVER
    for commands in flow.opening()[:-1]:
        trading.submit(commands)
    assert settlement.next_cut_ns == NEVER, "logons move no money"
    trading.submit(flow.money(ALICE, 0, 100))
    assert settlement.next_cut_ns == clock.now_ns + SECOND_NS
    clock.now_ns += SECOND_NS - 1
    trading.submit(flow.money(ALICE, 0, 100))
    settlement.tick()
    assert settlement.next_cut_ns == clock.now_ns + 1
    clock.now_ns += 1
    settlement.tick()
    assert settlement.next_cut_ns == NEVER
    (batch,) = news(settlement, 1)
    assert batch.last_sequence == trading.released[-1].last_sequence


def test_the_venues_cycle_is_the_default(trading: Trading, flow: Flow, make: Make, clock: Clock) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    assert settlement.next_cut_ns == clock.now_ns + trading.venue.settlement_cycle_ms * 1_000_000


def test_a_cycle_is_cut_at_once_when_it_holds_enough_trades(trading: Trading, flow: Flow, make: Make) -> None:
    settlement = make(batch_trades_max=2)
    run(trading, settlement)
    trading.open(flow)
    for n in range(4):
        trading.submit(flow.crossing(ALICE, Side.BUY))
        trading.submit(flow.crossing(BOB, Side.SELL))
        assert (settlement.next_cut_ns == NEVER) == (n % 2 == 1)
    one, two = news(settlement, 2)
    assert (one.first_sequence, two.last_sequence) == (1, trading.released[-1].last_sequence)


def test_cycles_without_a_movement_make_no_batch_and_leave_no_gap(
    trading: Trading, flow: Flow, make: Make, clock: Clock, ledger: Wrapped
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    opening = news(settlement, 1)[0]
    for _ in range(5):
        trading.submit(flow.crossing(ALICE, Side.BUY))
        clock.now_ns += SECOND_NS
        settlement.tick()
    trading.submit(flow.crossing(BOB, Side.SELL))
    clock.now_ns += SECOND_NS
    settlement.tick()
    (batch,) = news(settlement, 1)
    assert batch.first_sequence == opening.last_sequence + 1
    assert batch.last_sequence == opening.last_sequence + 6
    trading.submit(flow.crossing(ALICE, Side.BUY))
    clock.now_ns += SECOND_NS
    settlement.tick()
    settlement._posting.close()
    assert len(ledger.posted) == 2


def test_a_clean_stop_covers_commands_that_moved_nothing_and_only_once(
    trading: Trading, flow: Flow, make: Make, clock: Clock, ledger: Wrapped
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    trading.submit(flow.crossing(ALICE, Side.BUY))
    settlement.drain()
    last = ledger.posted[-1]
    assert (len(ledger.posted), len(last.deltas), len(last.trades), len(last.transfers)) == (2, 0, 0, 0)
    assert ledger.cursor() == settlement.cursor == last.cursor
    assert (last.last_sequence, last.journal_hash) == (trading.released[-1].last_sequence, trading.released[-1].chain)
    for _ in range(2):
        trading.engine.close()
        settlement = make()
        run(trading, settlement)
        settlement.drain()
    assert len(ledger.posted) == 2, "nothing was ordered since"


def test_a_journal_that_lost_resting_orders_at_its_end_is_refused_after_a_clean_stop(
    trading: Trading, flow: Flow, make: Make, tmp_path: Path, venue: Venue, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    trading.engine.close()
    shorter = tmp_path / "shorter"
    shutil.copytree(tmp_path / "journal", shorter / "journal")
    settlement.drain()
    settlement = make()
    run(trading, settlement)
    trading.submit(flow.crossing(ALICE, Side.BUY))
    settlement.drain()
    cut = Trading(shorter, venue, clock)
    settlement = make()
    cut.start(settlement.observe)
    with pytest.raises(LedgerMismatch, match="the journal lost its end"):
        settlement.start()
    cut.engine.close()


def test_a_live_batch_is_posted_only_once_the_disk_has_its_commands(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    synced: list[int] = []

    def sync() -> None:
        synced.append(len(ledger.posted))
        if len(synced) == 2:
            raise JournalError("the disk is gone")

    settlement = make(batch_trades_max=1, sync=sync)
    run(trading, settlement)
    trading.open(flow)
    trading.submit(flow.crossing(ALICE, Side.BUY))
    trading.submit(flow.crossing(BOB, Side.SELL))
    news(settlement, 1)
    trading.submit(flow.crossing(ALICE, Side.BUY))
    with pytest.raises(JournalError, match="the disk is gone"):
        settlement.drain()
    assert synced == [0, 1]
    assert len(ledger.posted) == 1


def test_news_names_the_batch_its_policy_and_whom_it_concerns(
    trading: Trading, flow: Flow, make: Make, clock: Clock, ledger: Wrapped
) -> None:
    settlement = make(batch_trades_max=1)
    run(trading, settlement)
    trading.open(flow)
    trading.submit(flow.crossing(ALICE, Side.BUY))
    trading.submit(flow.crossing(BOB, Side.SELL))
    (status,) = news(settlement, 1)
    batch = ledger.posted[0]
    accounts = batch.accounts()
    assert {0, 1, ALICE, BOB} <= set(accounts)
    assert status == (1, SettlementStatus.FINAL, "fsync", 1, batch.last_sequence, accounts, clock.now_ns)
    assert settlement.poll() == []
    assert settlement.cursor == batch.cursor
    assert not select.select([settlement.fileno()], [], [], 0)[0]


def test_the_same_journal_makes_the_same_batches(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, venue: Venue, clock: Clock
) -> None:
    settlement = make(batch_trades_max=15)
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 20)
    settlement.drain()
    trading.engine.close()
    again = Wrapped(open_ledger("memory:", venue))
    replayed = Settlement(again, venue, clock_ns=clock, batch_trades_max=15)
    run(trading, replayed)
    replayed.close()
    assert [b.head for b in again.posted] == [b.head for b in ledger.posted]
    assert len(again.posted) > 3
    assert again.balances() == ledger.balances()


def test_after_a_restart_what_the_ledger_has_is_not_posted_again(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, seed: int
) -> None:
    rng = random.Random(seed)
    for _ in range(5):  # the process dies with some cuts posted and some not
        settlement = make(batch_trades_max=rng.randrange(5, 40))
        run(trading, settlement)
        if not flow.last_id[CLIENTS[0]]:
            trading.open(flow)
        trading.trade(flow, 12)
        ledger.before = [None] * rng.randrange(3) + [LedgerError("the process died here")]
        trading.trade(flow, 12)
        settlement._posting.close()
        ledger.before = []
        trading.engine.close()
    settlement = make()
    run(trading, settlement)
    settlement.drain()
    assert [b.id for b in ledger.posted] == list(range(1, len(ledger.posted) + 1))
    assert settled_by(ledger) == trading.balances()
    numbers = [tuple(t) for b in ledger.posted for t in b.trades[["instrument", "number"]].tolist()]
    assert len(numbers) == len(set(numbers)) > 100


def test_a_ledger_ahead_of_the_journal_is_refused(
    trading: Trading, flow: Flow, make: Make, tmp_path: Path, venue: Venue, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    settlement.drain()
    empty = Trading(tmp_path / "another", venue, clock)
    settlement = make()
    empty.start(settlement.observe)
    with pytest.raises(LedgerMismatch, match="journal ends with command 0"):
        settlement.start()
    empty.engine.close()


def test_a_ledger_of_another_history_is_refused(
    trading: Trading, flow: Flow, make: Make, tmp_path: Path, venue: Venue, clock: Clock, seed: int
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    settlement.drain()
    clock.now_ns += 1
    other = Trading(tmp_path / "another", venue, clock)
    other.start()
    other.open(Flow(venue, random.Random(seed)))
    other.engine.close()
    settlement = make()
    with pytest.raises(LedgerMismatch, match="chain hashes differ"):
        other.start(settlement.observe)


def test_a_ledger_that_ends_within_a_stretch_is_refused(
    trading: Trading, flow: Flow, make: Make, tmp_path: Path, venue: Venue, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    settlement.drain()
    other = Trading(tmp_path / "another", venue, clock)
    other.start()
    other.trade(flow, 1, per_frame=100)
    other.engine.close()
    with pytest.raises(LedgerMismatch, match="of another journal"):
        other.start(make().observe)


def test_a_stretch_that_is_missing_is_refused(trading: Trading, flow: Flow, make: Make) -> None:
    trading.start()
    trading.open(flow)
    settlement = make()
    settlement.start()
    settlement.observe(trading.released[0])
    with pytest.raises(LedgerMismatch, match="command 3 was released after command 1"):
        settlement.observe(trading.released[2])


def test_live_commands_before_start_are_our_own_mistake(trading: Trading, flow: Flow, make: Make) -> None:
    settlement = make()
    trading.start(settlement.observe)
    with pytest.raises(AssertionError, match="start"):
        trading.open(flow)


def test_a_settlement_that_never_started_posts_nothing_and_closes(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    trading.start()
    trading.open(flow)
    trading.engine.close()
    settlement = make()
    trading.start(settlement.observe)
    settlement.close()
    assert ledger.posted == []
