"""Money, control and busts through the client's own methods, against the core: what each call returns and who hears."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from fxengine.client import BustNotice, Call, ControlNotice, MoneyMovement, SessionOptions
from fxengine.codes import ControlMode, ControlScope, EventKind, RejectReason, Side
from fxengine.errors import RequestRejected
from fxengine.gateway.commands import settled_record
from fxengine.messages import ReportFormat
from fxengine.records import COMMAND
from tests.unit.client.line import Counter, Line

R = TypeVar("R")
MAKER, PAYER = 2, 3


@pytest.fixture(params=list(ReportFormat), ids=lambda how: how.name)
def maker(counter: Counter, request: pytest.FixtureRequest) -> Line:
    """A maker that hears messages, and one that hears records: the reports are the same."""
    return counter.connect("maker", SessionOptions(report_format=request.param)).log_on()


@pytest.fixture
def operator(counter: Counter) -> Line:
    return counter.connect("operator").log_on()


def done(line: Line, call: Call[R]) -> R:
    line.run()
    return call.result()


def refused(line: Line, call: Call[R]) -> RejectReason:
    line.run()
    with pytest.raises(RequestRejected) as refusal:
        call.result()
    return RejectReason(refusal.value.reason)


def movements(line: Line) -> list[tuple[EventKind, str, int]]:
    line.run()
    reports = [r for r in line.protocol.take_reports() if isinstance(r, MoneyMovement)]
    return [(report.kind, report.amount, report.withdrawal) for report in reports]


def settle(counter: Counter) -> None:
    """Say, as the venue does, that all so far is FINAL."""
    counter.flow.apply(np.frombuffer(settled_record(counter.flow.core.sequence), COMMAND))


def test_a_withdrawal_is_held_then_paid_or_returned_and_its_owner_hears_each_step(
    counter: Counter, maker: Line, operator: Line
) -> None:
    first = done(maker, maker.protocol.withdraw("EUR", "2.5"))
    assert (first.kind, first.amount, first.withdrawal) == (EventKind.WITHDRAWAL_HELD, "2.500000", first.sequence)
    second = done(operator, operator.protocol.withdraw("EUR", "1", account=MAKER))
    assert (second.kind, second.counterparty, second.withdrawal) == (EventKind.DONE, MAKER, second.sequence)
    assert refused(operator, operator.protocol.withdrawal_paid(first.withdrawal)) is RejectReason.NOT_FINAL
    settle(counter)
    assert done(operator, operator.protocol.withdrawal_paid(first.withdrawal)).count == 2_500_000
    assert done(operator, operator.protocol.withdrawal_returned(second.withdrawal)).count == 1_000_000
    unknown = operator.protocol.withdrawal_returned(second.withdrawal)
    assert refused(operator, unknown) is RejectReason.UNKNOWN_WITHDRAWAL
    assert movements(maker) == [
        (EventKind.WITHDRAWAL_HELD, "2.500000", first.withdrawal),
        (EventKind.WITHDRAWAL_HELD, "1.000000", second.withdrawal),
        (EventKind.WITHDRAWN, "2.500000", first.withdrawal),
        (EventKind.WITHDRAWAL_RETURNED, "1.000000", second.withdrawal),
    ]


def test_a_request_that_is_sent_again_is_the_same_withdrawal(maker: Line) -> None:
    first = done(maker, maker.protocol.withdraw("EUR", "2.5", client_order_id=7))
    again = done(maker, maker.protocol.withdraw("EUR", "2.5", client_order_id=7))
    assert (again.withdrawal, again.amount) == (first.withdrawal, first.amount)
    assert movements(maker) == [(EventKind.WITHDRAWAL_HELD, "2.500000", first.withdrawal)]


def test_fees_that_are_paid_out_are_told_to_who_receives_them_and_once(maker: Line, operator: Line) -> None:
    done(maker, maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "100000"))
    payer = operator.counter.connect("payer").log_on()
    done(payer, payer.protocol.new_order("EUR/USD", "BUY", "1.1172", "100000"))
    maker.protocol.take_reports()
    assert refused(maker, maker.protocol.pay_out_fees(MAKER, "EUR", "1")) is RejectReason.NOT_AUTHORIZED
    first = done(operator, operator.protocol.pay_out_fees(MAKER, "EUR", "2.5", client_order_id=700))
    assert (first.kind, first.amount, first.counterparty, first.withdrawal) == (EventKind.DONE, "2.500000", MAKER, 0)
    again = done(operator, operator.protocol.pay_out_fees(MAKER, "EUR", "2.5", client_order_id=700))
    assert replace(again, time_ns=first.time_ns) == first
    assert movements(maker) == [(EventKind.RECEIVED, "2.500000", 0)]
    assert refused(operator, operator.protocol.pay_out_fees(MAKER, "EUR", "1000")) is RejectReason.INSUFFICIENT_FUNDS


def test_one_reference_is_credited_once(maker: Line, operator: Line) -> None:
    done(operator, operator.protocol.deposit(MAKER, "EUR", "5", reference="bank-1/1"))
    again = operator.protocol.deposit(MAKER, "EUR", "5", reference="bank-1/1")
    assert refused(operator, again) is RejectReason.DEPOSIT_KNOWN
    assert [kind for kind, *_ in movements(maker)] == [EventKind.DEPOSITED]


def test_an_operator_closes_and_opens_and_is_told(maker: Line, operator: Line) -> None:
    done(operator, operator.protocol.control_venue(ControlMode.CANCEL_ONLY))
    order = maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "10")
    assert refused(maker, order) is RejectReason.VENUE_CANCEL_ONLY
    done(operator, operator.protocol.control_venue(ControlMode.OPEN))
    done(operator, operator.protocol.control_currency("EUR", ControlMode.REDEEM_ONLY))
    order = maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "10")
    assert refused(maker, order) is RejectReason.CURRENCY_REDEEM_ONLY
    notices = [r for r in operator.protocol.take_reports() if isinstance(r, ControlNotice)]
    assert [(n.scope, n.mode, n.currency.code if n.currency else None) for n in notices] == [
        (ControlScope.VENUE, ControlMode.CANCEL_ONLY, None),
        (ControlScope.VENUE, ControlMode.OPEN, None),
        (ControlScope.CURRENCY, ControlMode.REDEEM_ONLY, "EUR"),
    ]


def test_a_bust_is_told_to_both_and_changes_no_order(counter: Counter, maker: Line, operator: Line) -> None:
    payer = counter.connect("payer").log_on()
    resting = done(maker, maker.protocol.new_order("EUR/USD", "SELL", "1.1172", "10"))
    done(payer, payer.protocol.new_order("EUR/USD", "BUY", "1.1172", "4"))
    maker.run()
    mine, theirs = resting.fills[0].message, payer.protocol.take_reports()
    fee = next(r.message.fee_units for r in theirs if getattr(r, "exec_type", None) is EventKind.FILL)  # type: ignore[union-attr]
    undo = operator.protocol.bust(
        "EUR/USD", mine.trade_number, maker=MAKER, taker=PAYER, maker_side=Side.SELL, price_ticks=mine.price_ticks,
        quantity_lots=mine.quantity_lots, maker_fee_units=mine.fee_units, taker_fee_units=fee,
    )  # fmt: skip
    assert done(operator, undo).count == 1
    for line, side in ((maker, Side.SELL), (payer, Side.BUY)):
        line.run()
        (notice,) = (r for r in line.protocol.take_reports() if isinstance(r, BustNotice))
        assert (notice.trade_number, notice.side, notice.price, notice.quantity) == (
            mine.trade_number, side, "1.1172", "4",
        )  # fmt: skip
    assert (resting.filled, resting.leaves, set(maker.protocol.account.orders)) == ("4", "6", {resting.client_order_id})
