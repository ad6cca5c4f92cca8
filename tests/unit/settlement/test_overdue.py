"""Settlement that stands still is told of by the age of what waits, whatever stops it and whoever restarts."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fxengine.codes import Side
from fxengine.errors import LedgerError, LedgerUnavailable, VenueError
from fxengine.ledger.base import Progress
from fxengine.settlement import Settlement
from fxengine.settlement.overdue import STALE_S, Overdue
from fxengine.venue import Venue
from tests.unit.settlement.settling import Make, Wrapped, news, run
from tests.unit.settlement.slow import Slow
from tests.unit.settlement.trading import CLIENTS, SECOND_NS, START_NS, Clock, Flow, Trading

ALICE = CLIENTS[0]
STALE_NS = STALE_S * SECOND_NS
NEVER = 2**63 - 1
Open = Callable[..., Settlement]


def test_each_bound_closes_at_once_and_opens_below_its_half(venue: Venue, ledger: Wrapped) -> None:
    overdue = Overdue(replace(venue, settlement_stale_s=10), ledger, pending_trades_max=8)
    ages = [0, 9.999, 10, 5, 4.999, 9]
    assert [bool(overdue.why(0, int(age * SECOND_NS))) for age in ages] == [False, False, True, True, False, False]
    assert [bool(overdue.why(n, 0)) for n in (7, 8, 4, 3, 7)] == [False, True, True, False, False]


def test_the_reason_is_the_one_that_holds(venue: Venue, ledger: Wrapped) -> None:
    overdue = Overdue(replace(venue, settlement_stale_s=10), ledger, pending_trades_max=8)
    assert overdue.why(8, 0) == "too many trades wait for the ledger"
    assert overdue.why(0, 12 * SECOND_NS) == (
        "what was matched 12 s ago is not FINAL, and the bound is 10 s (venue.settlement_stale_s)"
    )


def test_a_clock_that_was_set_back_and_nothing_that_waits_are_no_reason(venue: Venue, ledger: Wrapped) -> None:
    overdue = Overdue(venue, ledger)
    assert overdue.why(0, START_NS - NEVER) is None
    assert overdue.why(0, -STALE_NS) is None


@pytest.mark.parametrize(
    ("stale_s", "within_s", "expected_s"),
    [(None, None, STALE_S), (None, 600, 600), (None, 10**6, STALE_S), (600, 600, 600), (10**5, None, 10**5), (2, 9, 2)],
)
def test_the_bound_is_the_venues_and_never_longer_than_the_ledger_can_wait(
    venue: Venue, ledger: Wrapped, stale_s: int | None, within_s: int | None, expected_s: int
) -> None:
    ledger.settle_within_ns = None if within_s is None else within_s * SECOND_NS
    assert Overdue(replace(venue, settlement_stale_s=stale_s), ledger).stale_ns == expected_s * SECOND_NS


def test_a_venue_that_would_wait_longer_than_its_ledger_can_is_refused(venue: Venue, ledger: Wrapped) -> None:
    ledger.settle_within_ns = 600 * SECOND_NS
    with pytest.raises(VenueError, match=r"venue.settlement_stale_s: 601 s is longer than the 600 s .* exit delay"):
        Overdue(replace(venue, settlement_stale_s=601), ledger)


def test_a_cycle_that_leaves_no_time_to_settle_is_refused(venue: Venue, ledger: Wrapped) -> None:
    ledger.settle_within_ns = 2 * SECOND_NS
    assert Overdue(venue, ledger).stale_ns == 2 * SECOND_NS
    ledger.settle_within_ns = 2 * SECOND_NS - 1
    with pytest.raises(VenueError, match=r"venue.settlement_cycle_ms: a cycle of 1000 ms takes more than half of"):
        Overdue(venue, ledger)


def test_what_was_matched_is_old_from_when_it_was_matched_until_it_is_final(
    trading: Trading, flow: Flow, begin: Open, slow: Slow, clock: Clock
) -> None:
    settlement = begin(batch_trades_max=10**6)
    run(trading, settlement)
    assert settlement.oldest_ns == NEVER
    trading.open(flow)
    clock.now_ns += STALE_NS - 1
    assert (settlement.oldest_ns, settlement.overdue()) == (START_NS, None), "not cut"
    settlement.tick()
    trading.submit(flow.money(ALICE, 0, 5))
    assert (settlement.oldest_ns, settlement.overdue()) == (START_NS, None), "cut"
    clock.now_ns += 1
    assert settlement.overdue()
    settlement.tick()
    for reached in (Progress(1, 0), Progress(0, 0), Progress(1, 0)):
        slow.steps = [reached]
        news(settlement, 1)
        assert settlement.oldest_ns == START_NS, "posted, undone, posted again: not FINAL"
        assert settlement.overdue()
    slow.steps = [Progress(1, 1)]
    news(settlement, 1)
    assert settlement.oldest_ns == START_NS + STALE_NS - 1, "what came after"
    assert settlement.overdue() is None


def test_what_waits_for_a_ledger_that_is_away_grows_old_behind_it(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    settlement = make(batch_trades_max=1)
    run(trading, settlement)
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    news(settlement, 1)
    while settlement.oldest_ns != NEVER:  # the thread takes what it has told of off its queue
        assert settlement.alarm is None
    ledger.gate.clear()
    for _ in range(3):
        clock.now_ns += STALE_NS // 3 + 1
        for side, account in zip((Side.SELL, Side.BUY), CLIENTS, strict=False):
            trading.submit(flow.crossing(account, side))
    assert settlement.oldest_ns == START_NS + SECOND_NS + STALE_NS // 3 + 1
    assert settlement.overdue() is None
    clock.now_ns += STALE_NS // 3
    assert settlement.overdue()
    ledger.gate.set()
    settlement.drain()
    assert settlement.overdue() is None


@pytest.mark.parametrize("is_first_in_flight", [True, False])
def test_a_refused_batch_grows_old_with_all_behind_it(
    trading: Trading, flow: Flow, begin: Open, slow: Slow, clock: Clock, is_first_in_flight: bool
) -> None:
    settlement = begin(batch_trades_max=10**6)
    run(trading, settlement)
    trading.open(flow)
    slow.steps = [Progress(0, 0) if is_first_in_flight else Progress(1, 1)]
    clock.now_ns += SECOND_NS
    settlement.tick()
    if not is_first_in_flight:
        news(settlement, 1)
        trading.submit(flow.money(ALICE, 0, 5))
    slow.before = [LedgerError("no")]
    slow.steps += [LedgerError("heads differ")] * is_first_in_flight
    clock.now_ns += SECOND_NS
    settlement.tick()
    news(settlement, 99)
    since = START_NS if is_first_in_flight else START_NS + SECOND_NS
    assert settlement.oldest_ns == since
    trading.submit(flow.money(ALICE, 0, 5))
    assert settlement.oldest_ns == since, "what comes later is not older"
    clock.now_ns = since + STALE_NS
    assert settlement.overdue()


def test_what_is_let_go_of_after_a_refusal_grows_old_too(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    settlement = make()
    run(trading, settlement)
    trading.open(flow)
    clock.now_ns += SECOND_NS
    settlement.tick()
    news(settlement, 1)
    trading.submit(flow.money(ALICE, 0, 5))
    ledger.gate.clear()
    ledger.before = [LedgerError("no")]
    clock.now_ns += SECOND_NS
    settlement.tick()
    trading.submit(flow.money(ALICE, 0, 5))  # gathered before the refusal
    ledger.gate.set()
    news(settlement, 1)
    settlement._posting._dropped_ns = NEVER  # as if only this one were left
    clock.now_ns += SECOND_NS
    settlement.tick()
    assert settlement.oldest_ns == START_NS + 2 * SECOND_NS
    trading.submit(flow.crossing(ALICE, Side.BUY))
    settlement._posting._dropped_ns = NEVER
    assert settlement.oldest_ns == NEVER, "an order that rests moves nothing"
    for _ in range(2):
        clock.now_ns += SECOND_NS
        trading.submit(flow.money(ALICE, 0, 5))
        assert settlement.oldest_ns == START_NS + 4 * SECOND_NS


def test_a_venue_that_was_down_finds_what_it_left_as_old_as_it_is(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    first = make()
    ledger.before = [LedgerUnavailable("away")] * 100
    run(trading, first)
    trading.open(flow)
    first.close()
    assert first.alarm
    trading.engine.close()
    ledger.before = []
    clock.now_ns += STALE_NS
    second = make(cycle_ns=NEVER // 2)
    run(trading, second)
    assert second.oldest_ns == START_NS
    assert second.overdue()
    second.drain()
    assert second.overdue() is None


def test_a_batch_in_flight_at_a_start_is_taken_to_be_no_younger_than_it_is(
    trading: Trading, flow: Flow, begin: Open, slow: Slow, clock: Clock
) -> None:
    first = begin(batch_trades_max=10**6)
    run(trading, first)
    trading.open(flow)
    trading.engine.pump()
    clock.now_ns += SECOND_NS // 2
    trading.submit(flow.money(ALICE, 0, 5))
    first.close()
    assert first.oldest_ns == START_NS
    (batch,) = slow.posted
    assert batch.time_ns == START_NS + SECOND_NS // 2
    trading.engine.close()
    second = begin()
    assert START_NS - STALE_NS // 8 <= second.oldest_ns <= START_NS
    clock.now_ns += STALE_NS
    assert second.overdue()
    slow.steps = [Progress(1, 1)]
    news(second, 1)
    assert second.overdue() is None


def test_no_batch_spans_so_much_time_that_its_last_command_does_not_tell_its_age(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, clock: Clock
) -> None:
    """A ledger that is away for long leaves a long journal, which the next start takes in at once."""
    first = make(cycle_ns=NEVER // 2, batch_trades_max=10**6)
    ledger.before = [LedgerUnavailable("away")] * 100
    run(trading, first)
    trading.open(flow)
    for _ in range(40):
        clock.now_ns += STALE_NS // 20
        trading.submit(flow.money(ALICE, 0, 5))
    first.close()
    trading.engine.close()
    ledger.before = []
    second = make()
    run(trading, second)
    second.drain()
    moved = {released.last_sequence: released.time_ns for released in trading.released}
    assert len(ledger.posted) > 10
    for batch in ledger.posted:
        times = [at for end, at in moved.items() if batch.first_sequence <= end <= batch.last_sequence]
        assert max(times) == batch.time_ns
        assert batch.time_ns - min(times) < STALE_NS // 8
