"""Batches are posted in order and once, whatever the ledger does; else there is an alarm."""

import select

import pytest

from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.settlement.posting import BackOff
from tests.unit.settlement.settling import Make, Wrapped, news, run, settled_by
from tests.unit.settlement.trading import CLIENTS, SECOND_NS, Clock, Flow, Trading

NEVER = 2**63 - 1
ALICE = CLIENTS[0]


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


@pytest.mark.parametrize(("retry", "delay_ns"), [(1, 10), (2, 20), (4, 80), (5, 100), (64, 100), (10**6, 100)])
def test_waits_double_up_to_the_longest(retry: int, delay_ns: int) -> None:
    assert BackOff(10, 100).delay_ns(retry) == delay_ns
