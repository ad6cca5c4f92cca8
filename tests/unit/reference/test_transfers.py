"""Deposits and withdrawals by hand: only an operator's word counts, and custody mirrors every unit."""

from bench.flows import commands
from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventKind, RejectReason
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, PAYER, USD, Desk


def move(desk: Desk, amount: int, *, account: int = PAYER, by: int = OPERATOR, currency: int = USD) -> list[object]:
    """Deposit, or with a negative amount withdraw; return (kind, reason) of each event."""
    write = commands.deposit if amount > 0 else commands.withdraw
    events = desk.send(write(by, desk.next_id(by), currency=currency, beneficiary=account, amount_units=abs(amount)))
    return [event.reason or event.kind for event in events]


def test_a_deposit_is_told_to_both_and_mirrored_in_custody() -> None:
    desk = Desk()
    deposited, done = desk.send(commands.deposit(OPERATOR, 4, currency=USD, beneficiary=PAYER, amount_units=70))
    assert (deposited.kind, deposited.account, deposited.counterparty) == (EventKind.DEPOSITED, PAYER, CUSTODY_ACCOUNT)
    assert (deposited.instrument, deposited.amount_units, deposited.client_order_id) == (USD, 70, 0)
    assert (done.kind, done.account, done.counterparty) == (EventKind.DONE, OPERATOR, PAYER)
    assert (done.instrument, done.amount_units, done.client_order_id) == (USD, 70, 4)
    assert (desk.has(PAYER, USD), desk.has(CUSTODY_ACCOUNT, USD)) == ((70, 0), (-70, 0))


def test_a_withdrawal_takes_what_is_available_and_no_unit_more() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=70)
    desk.buy(PAYER, 1, 30)
    assert move(desk, -41) == [RejectReason.INSUFFICIENT_FUNDS]  # 30 are held
    assert move(desk, -40) == [EventKind.WITHDRAWN, EventKind.DONE]
    assert (desk.has(PAYER, USD), desk.has(CUSTODY_ACCOUNT, USD)) == ((0, 30), (-30, 0))


def test_nobody_else_moves_money_not_even_their_own() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=70)
    assert move(desk, 1, by=PAYER) == [RejectReason.NOT_AUTHORIZED]
    assert move(desk, -1, by=PAYER) == [RejectReason.NOT_AUTHORIZED]


def test_an_operator_whose_credential_has_ended_is_none() -> None:
    desk = Desk()
    desk.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=1, expires_ns=10))
    desk.now_ns = 10
    assert move(desk, 1) == [RejectReason.NOT_AUTHORIZED]


def test_what_is_refused_says_why() -> None:
    desk = Desk()
    assert move(desk, 1, currency=4) == [RejectReason.UNKNOWN_CURRENCY]
    for account in (FEES_ACCOUNT, CUSTODY_ACCOUNT, 99):
        assert move(desk, 1, account=account) == [RejectReason.UNKNOWN_ACCOUNT]
    (event,) = desk.send(commands.deposit(OPERATOR, 9, currency=USD, beneficiary=PAYER, amount_units=0))
    assert event.reason == RejectReason.AMOUNT_OUT_OF_RANGE
    assert move(desk, 1, account=OPERATOR) == [RejectReason.CURRENCY_NOT_PERMITTED]


def test_a_currency_may_be_withdrawn_when_it_may_no_longer_be_held() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=70)
    desk.send(commands.credential(PAYER, "payer-1", permitted=(EUR,)))
    assert move(desk, 1) == [RejectReason.CURRENCY_NOT_PERMITTED]
    assert move(desk, -70) == [EventKind.WITHDRAWN, EventKind.DONE]


def test_a_currencys_total_reaches_int64_and_stops_there() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=INT64_MAX - 5)
    assert move(desk, 6, account=MAKER) == [RejectReason.CURRENCY_TOTAL_EXCEEDED]
    assert move(desk, 5, account=MAKER) == [EventKind.DEPOSITED, EventKind.DONE]
    assert move(desk, 1, account=MAKER) == [RejectReason.CURRENCY_TOTAL_EXCEEDED]
    assert move(desk, INT64_MAX, currency=EUR) == [EventKind.DEPOSITED, EventKind.DONE]
    desk.core.check()
