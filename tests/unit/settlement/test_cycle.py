"""Batches are cut where they should be, posted in order and once, whatever the ledger does."""

import random
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fxengine.codes import SettlementStatus, Side
from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger import Batch, Cursor, Ledger, open_ledger
from fxengine.settlement import BatchStatus, Settlement
from fxengine.settlement.posting import BackOff
from fxengine.venue import Venue
from tests.unit.settlement.trading import CLIENTS, SECOND_NS, Clock, Flow, Trading

NEVER = 2**63 - 1
ALICE, BOB = CLIENTS[0], CLIENTS[1]


class Wrapped:
    """A ledger that records what is posted, and fails before or after it does, when told to."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner
        self.finality = inner.finality
        self.posted: list[Batch] = []
        self.before: list[Exception | None] = []
        self.after: list[Exception | None] = []
        self.gate = threading.Event()
        self.gate.set()

    def post(self, batch: Batch) -> None:
        self.gate.wait()
        _raise_first(self.before)
        self.inner.post(batch)
        self.posted.append(batch)
        _raise_first(self.after)

    def cursor(self) -> Cursor:
        return self.inner.cursor()

    def status(self, batch_id: int) -> SettlementStatus:
        return self.inner.status(batch_id)

    def balance(self, account: int, currency: int) -> int:
        return self.inner.balance(account, currency)

    def balances(self) -> dict[tuple[int, int], int]:
        return self.inner.balances()

    def close(self) -> None:
        self.inner.close()


def _raise_first(faults: list[Exception | None]) -> None:
    fault = faults.pop(0) if faults else None
    if fault is not None:
        raise fault


@pytest.fixture
def ledger(venue: Venue, tmp_path: Path) -> Iterator[Wrapped]:
    wrapped = Wrapped(open_ledger(f"sqlite:{tmp_path / 'ledger.sqlite'}", venue))
    yield wrapped
    wrapped.close()


Make = Callable[..., Settlement]


@pytest.fixture
def make(venue: Venue, clock: Clock, ledger: Wrapped) -> Iterator[Make]:
    """Make settlements on the test's ledger and clock; all are closed in the end."""
    made: list[Settlement] = []

    def settle(**settings: object) -> Settlement:
        made.append(Settlement(ledger, venue, clock_ns=clock, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield settle
    for settlement in made:
        settlement.drain()


def run(trading: Trading, settlement: Settlement) -> None:
    trading.start(settlement.observe)
    settlement.start()


def news(settlement: Settlement, n: int) -> list[BatchStatus]:
    """Wait until ``n`` batches are reported (or an alarm), by the descriptor alone."""
    found: list[BatchStatus] = []
    while len(found) < n and settlement.alarm is None:
        assert select.select([settlement.fileno()], [], [], 20)[0], "no news within 20 seconds"
        found += settlement.poll()
    return found


def settled_by(ledger: Ledger) -> dict[tuple[int, int], int]:
    return {key: units for key, units in ledger.balances().items() if units}


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
    settlement.drain()
    assert len(ledger.posted) == 2


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


def test_an_unavailable_ledger_is_tried_again_with_growing_waits(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    waits: list[int] = []
    settlement = make(batch_trades_max=5, wait=waits.append, back_off=BackOff(10, 100, 9))
    ledger.before = [None] + [LedgerUnavailable("away")] * 6 + [None] + [LedgerUnavailable("away")]
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 20)
    news(settlement, 3)
    settlement.drain()
    assert waits == [10, 20, 40, 80, 100, 100, 10]
    assert settlement.alarm is None
    assert [b.id for b in ledger.posted] == list(range(1, len(ledger.posted) + 1))
    assert settled_by(ledger) == trading.balances()


def test_a_batch_whose_answer_was_lost_is_posted_once(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    settlement = make(batch_trades_max=5, wait=lambda _: None)
    ledger.after = [LedgerUnavailable("no answer")] * 2
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 20)
    news(settlement, 1)
    settlement.drain()
    assert [b.id for b in ledger.posted][:3] == [1, 1, 1]
    assert settlement.alarm is None
    assert settled_by(ledger) == trading.balances()


def test_a_ledger_away_for_too_long_stops_posting_with_an_alarm_and_the_next_start_goes_on(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    waits: list[int] = []
    settlement = make(batch_trades_max=5, wait=waits.append, back_off=BackOff(1, 1, 3))
    ledger.before = [None, None] + [LedgerUnavailable("the ledger is away")] * 4
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 10)
    news(settlement, 99)
    assert waits == [1, 1, 1]
    assert settlement.alarm == "settlement stopped before batch 3: the ledger is away"
    trading.trade(flow, 10)  # matching goes on
    settlement.drain()
    assert [b.id for b in ledger.posted] == [1, 2]
    trading.engine.close()

    settlement = make()
    run(trading, settlement)
    settlement.drain()
    assert [b.id for b in ledger.posted] == list(range(1, len(ledger.posted) + 1))
    assert settled_by(ledger) == trading.balances()


@pytest.mark.parametrize("fault", [LedgerMismatch("other content"), LedgerError("impossible"), ValueError("a bug")])
def test_a_refusal_stops_posting_at_once_and_skips_nothing(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, fault: Exception
) -> None:
    settlement = make(batch_trades_max=5)
    ledger.before = [None, fault]
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 20)
    news(settlement, 99)
    assert settlement.alarm == f"settlement stopped before batch 2: {fault}"
    trading.trade(flow, 5)
    settlement.drain()
    assert [b.id for b in ledger.posted] == [1]


def test_an_alarm_is_heard_at_the_descriptor_and_nothing_piles_up_after_it(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    ledger.gate.clear()
    ledger.before = [LedgerError("no")]
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    trading.submit(flow.money(ALICE, 0, 5))
    assert settlement.next_cut_ns == clock.now_ns + SECOND_NS
    assert settlement.alarm is None
    assert not select.select([settlement.fileno()], [], [], 0)[0]
    ledger.gate.set()
    assert news(settlement, 1) == []
    assert settlement.alarm is not None
    clock.now_ns += SECOND_NS
    settlement.tick()
    assert settlement.next_cut_ns == NEVER
    assert not settlement._posting._queue
    trading.submit(flow.money(ALICE, 0, 5))
    assert settlement.next_cut_ns == NEVER


def test_what_was_gathered_before_an_alarm_is_let_go_after_it(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    ledger.gate.clear()
    ledger.before = [LedgerError("no")]
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    trading.submit(flow.money(ALICE, 0, 5))
    ledger.gate.set()
    news(settlement, 1)
    trading.submit(flow.money(ALICE, 0, 5))
    assert settlement.next_cut_ns == NEVER


def test_closing_does_not_wait_for_a_ledger_that_does_not_answer(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    settlement = make(back_off=BackOff(first_ns=10**18, longest_ns=10**18))  # a wait of thirty years
    ledger.before = [LedgerUnavailable("away")] * 100
    run(trading, settlement)
    trading.open(flow)
    settlement.drain()
    assert settlement.alarm == "settlement stopped before batch 1: away"
    assert len(ledger.before) >= 98, "at most one attempt after the call"


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


@pytest.mark.parametrize(("retry", "delay_ns"), [(1, 10), (2, 20), (4, 80), (5, 100), (64, 100), (10**6, 100)])
def test_waits_double_up_to_the_longest(retry: int, delay_ns: int) -> None:
    assert BackOff(10, 100).delay_ns(retry) == delay_ns
