"""Batches are posted in order and once, whatever the ledger does; else there is an alarm."""

import select
import threading

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


def test_a_ledger_that_goes_away_once_a_batch_is_in_does_not_stop_settlement(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    settlement = make(batch_trades_max=5, wait=lambda _: None, back_off=BackOff(1, 1))
    ledger.asked = [LedgerUnavailable("gone again")] * 3
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 20)
    assert [told.batch_id for told in news(settlement, 2)][:2] == [1, 2]
    settlement.drain()
    assert settlement.alarm is None
    assert not settlement.pending_trades
    assert settled_by(ledger) == trading.balances()


def test_a_ledger_that_stays_away_is_an_alarm_until_it_is_back_and_then_drained_in_order(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped
) -> None:
    alarms: list[str | None] = []
    settlement = make(
        batch_trades_max=5, wait=lambda _: alarms.append(settlement.alarm), back_off=BackOff(1, 1, alarm_after=3)
    )
    ledger.before = [None, None] + [LedgerUnavailable("the ledger is away")] * 6
    run(trading, settlement)
    trading.open(flow)
    trading.trade(flow, 40)
    while not any(alarms):
        news(settlement, 1)
    settlement.drain()
    said = "batch 3 waits for the ledger, and all behind it: the ledger is away"
    assert alarms == [None] * 3 + [said] * 3
    assert settlement.alarm is None
    assert not settlement.pending_trades
    assert [b.id for b in ledger.posted] == list(range(1, len(ledger.posted) + 1))
    assert settled_by(ledger) == trading.balances()


def test_too_many_trades_that_wait_are_overdue_until_half_of_them_are_settled(
    trading: Trading, flow: Flow, make: Make, ledger: Wrapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    settlement = make(batch_trades_max=1, pending_trades_max=10)
    run(trading, settlement)
    trading.open(flow)
    steps = threading.Semaphore(0)
    monkeypatch.setattr(ledger.gate, "wait", steps.acquire)
    while not settlement.overdue():
        assert settlement.pending_trades < 10
        trading.trade(flow, 1)
    overdue = []
    while settlement.pending_trades:
        steps.release()
        news(settlement, 1)
        overdue.append((settlement.pending_trades, settlement.overdue()))
    assert all(bool(why) == (pending >= 5) for pending, why in overdue)
    assert any(why for _, why in overdue)


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
    before = settlement.pending_trades
    trading.trade(flow, 5)
    assert settlement.pending_trades > before, "what waits is counted, though it is let go of"
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
