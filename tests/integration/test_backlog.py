"""While too many trades wait for the ledger, or for too long, the venue takes nothing that adds risk; then it does."""

from collections.abc import Callable

import pytest

from fxengine.codes import ControlMode, ControlScope, EventKind, RejectReason
from fxengine.errors import LedgerUnavailable
from fxengine.ledger import Batch
from fxengine.messages import Cancel, Control, ExecutionReport, MoneyReport
from fxengine.messages import Settlement as SettlementNotice
from tests.asking import limit_order
from tests.integration.hand_cycled import ByHand
from tests.integration.trading_desk import Desk, Line
from tests.integration.venue_thread import SECOND_NS

BOUND = 6
SELL, IOC = 2, 3


@pytest.fixture
def ledger_is_away(by_hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A ledger that does not answer; call it to have the ledger back."""
    monkeypatch.setattr(by_hand.settlement._overdue, "_trades_max", BOUND)
    monkeypatch.setattr(by_hand.settlement._posting, "_wait", lambda _: None)
    post, away = by_hand.ledger.post, ["for now"]

    def posting(batch: Batch) -> None:
        if away:
            raise LedgerUnavailable("the ledger is away")
        post(batch)

    monkeypatch.setattr(by_hand.ledger, "post", posting)
    return away.clear


def trade(maker: Line, payer: Line, number: int) -> list[ExecutionReport]:
    maker.say(limit_order(2 * number, side=SELL))
    maker.reports()
    payer.say(limit_order(2 * number, time_in_force=IOC))
    return payer.reports()


def reasons(reports: list[ExecutionReport]) -> set[int]:
    return {report.reason for report in reports if report.exec_type == EventKind.REJECTED}


def test_too_many_trades_that_wait_close_the_venue_until_half_of_them_are_settled(
    by_hand: ByHand, ledger_is_away: Callable[[], None]
) -> None:
    desk = Desk(by_hand)
    maker, payer = desk.funded("maker-1"), desk.funded("payer-1")
    maker.say(limit_order(1, side=SELL, price_ticks=20_000))
    maker.reports()
    for number in range(1, BOUND + 1):
        assert not reasons(trade(maker, payer, number))
    by_hand.turn_until(lambda: desk.core.cancel_only)
    assert reasons(trade(maker, payer, 100)) == {RejectReason.VENUE_CANCEL_ONLY}
    maker.say(Cancel(0, 0, 1))
    assert [report.exec_type for report in maker.reports()] == [EventKind.CANCELED]

    ledger_is_away()
    by_hand.clock.advance(1)
    by_hand.turn_until(lambda: not desk.core.cancel_only)
    assert payer.hear(SettlementNotice)
    assert not reasons(trade(maker, payer, 101))
    assert by_hand.settlement.alarm is None


def test_a_ledger_that_stands_still_closes_the_venue_before_it_takes_anything_more(
    by_hand: ByHand,
    ledger_is_away: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(by_hand.settlement._overdue, "stale_ns", 3 * SECOND_NS)
    desk = Desk(by_hand)
    maker, payer = desk.funded("maker-1"), desk.funded("payer-1")
    trade(maker, payer, 1)
    by_hand.clock.now_ns = by_hand.settlement.oldest_ns + by_hand.settlement.stale_ns
    payer.say(limit_order(100, time_in_force=IOC))
    by_hand.await_mail()
    assert reasons(payer.reports()) == {RejectReason.VENUE_CANCEL_ONLY}
    assert desk.core.cancel_only
    assert "the venue is now CANCEL_ONLY: what was matched 3 s ago is not FINAL" in caplog.text

    ledger_is_away()
    by_hand.turn_until(lambda: not desk.core.cancel_only)
    assert not reasons(trade(maker, payer, 101))


def test_what_an_operator_closes_the_venue_does_not_open(by_hand: ByHand, ledger_is_away: Callable[[], None]) -> None:
    desk = Desk(by_hand)
    maker, payer = desk.funded("maker-1"), desk.funded("payer-1")
    for number in range(1, BOUND + 1):
        trade(maker, payer, number)
    by_hand.turn_until(lambda: desk.core.cancel_only)
    desk.operator.say(Control(desk.next_id(), ControlScope.VENUE, ControlMode.CANCEL_ONLY, 0))
    assert desk.operator.hear(MoneyReport)
    ledger_is_away()
    by_hand.clock.advance(1)
    by_hand.turn_until(lambda: not by_hand.settlement.pending_trades)
    assert reasons(trade(maker, payer, 100)) == {RejectReason.VENUE_CANCEL_ONLY}


def test_what_an_operator_opens_too_early_is_closed_again(by_hand: ByHand, ledger_is_away: Callable[[], None]) -> None:
    desk = Desk(by_hand)
    maker, payer = desk.funded("maker-1"), desk.funded("payer-1")
    for number in range(1, BOUND + 1):
        trade(maker, payer, number)
    by_hand.turn_until(lambda: desk.core.cancel_only)
    desk.operator.say(Control(desk.next_id(), ControlScope.VENUE, ControlMode.OPEN, 0))
    assert desk.operator.hear(MoneyReport)
    by_hand.turn_until(lambda: desk.core.cancel_only)
    ledger_is_away()
    by_hand.clock.advance(1)
    by_hand.turn_until(lambda: not desk.core.cancel_only)
