"""Deposits by hand: an operator's word counts, or the issuer's; custody mirrors each unit, a reference counts once."""

import pytest

from bench.flows import commands
from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventKind, RejectReason
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, PAYER, USD, Desk


def deposit(
    desk: Desk, amount: int, *, account: int = PAYER, by: int = OPERATOR, currency: int = USD, reference: str = ""
) -> list[object]:
    """Deposit; return (kind, reason) of each event."""
    events = desk.send(
        commands.deposit(
            by, desk.next_id(by), currency=currency, beneficiary=account, amount_units=amount, reference=reference
        )
    )
    return [event.reason or event.kind for event in events]


CREDITED = [EventKind.DEPOSITED, EventKind.DONE]


def test_a_deposit_is_told_to_both_and_mirrored_in_custody() -> None:
    desk = Desk()
    deposited, done = desk.send(commands.deposit(OPERATOR, 4, currency=USD, beneficiary=PAYER, amount_units=70))
    assert (deposited.kind, deposited.account, deposited.counterparty) == (EventKind.DEPOSITED, PAYER, CUSTODY_ACCOUNT)
    assert (deposited.instrument, deposited.amount_units, deposited.client_order_id) == (USD, 70, 0)
    assert (done.kind, done.account, done.counterparty) == (EventKind.DONE, OPERATOR, PAYER)
    assert (done.instrument, done.amount_units, done.client_order_id) == (USD, 70, 4)
    assert (desk.has(PAYER, USD), desk.has(CUSTODY_ACCOUNT, USD)) == ((70, 0), (-70, 0))


@pytest.mark.parametrize("reference", ["b", "bank-1/20260922/77", "x" * 64, "x" * 65, "Überweisung 7 " * 18])
def test_one_external_reference_is_credited_once_whoever_says_it(reference: str) -> None:
    desk = Desk()
    assert deposit(desk, 70, reference=reference) == CREDITED
    assert deposit(desk, 70, reference=reference) == [RejectReason.DEPOSIT_KNOWN]
    assert deposit(desk, 5, reference=reference, account=MAKER, currency=EUR) == [RejectReason.DEPOSIT_KNOWN]
    assert (desk.has(PAYER, USD), desk.has(MAKER, EUR)) == ((70, 0), (0, 0))
    assert deposit(desk, 5, reference=reference + "'") == CREDITED
    desk.core.check()


def test_a_deposit_without_a_reference_is_a_deposit_each_time_and_the_same_command_is_not() -> None:
    desk = Desk()
    command = commands.deposit(OPERATOR, 1, currency=USD, beneficiary=PAYER, amount_units=70, reference="bank-1/1")
    desk.send(command)
    (again,) = desk.send(command)
    assert (again.kind, again.cum_lots) == (EventKind.ORDER_STATUS, 70)
    assert deposit(desk, 1) == deposit(desk, 1) == CREDITED
    assert desk.has(PAYER, USD) == (72, 0)


def test_a_reference_whose_deposit_was_refused_is_free_to_use() -> None:
    desk = Desk()
    assert deposit(desk, 1, reference="bank-1/1", account=OPERATOR) == [RejectReason.CURRENCY_NOT_PERMITTED]
    assert deposit(desk, 1, reference="bank-1/1") == CREDITED


def test_the_event_carries_the_hash_of_the_reference() -> None:
    desk = Desk()
    command = commands.deposit(OPERATOR, 1, currency=USD, beneficiary=PAYER, amount_units=7, reference="bank-1/1")
    assert [event.external_id for event in desk.send(command)] == [commands.external_id("bank-1/1"), bytes(16)]


def test_nobody_else_credits_anybody_not_even_themselves() -> None:
    desk = Desk()
    assert deposit(desk, 1, by=PAYER) == [RejectReason.NOT_AUTHORIZED]


def test_an_operator_whose_credential_has_ended_is_none() -> None:
    desk = Desk()
    desk.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=1, expires_ns=10))
    desk.now_ns = 10
    assert deposit(desk, 1) == [RejectReason.NOT_AUTHORIZED]


def test_what_is_refused_says_why() -> None:
    desk = Desk()
    assert deposit(desk, 1, currency=4) == [RejectReason.UNKNOWN_CURRENCY]
    for account in (FEES_ACCOUNT, CUSTODY_ACCOUNT, 99):
        assert deposit(desk, 1, account=account) == [RejectReason.UNKNOWN_ACCOUNT]
    assert deposit(desk, 0) == [RejectReason.AMOUNT_OUT_OF_RANGE]
    assert deposit(desk, 1, account=OPERATOR) == [RejectReason.CURRENCY_NOT_PERMITTED]


def test_a_currencys_total_reaches_int64_and_stops_there() -> None:
    desk = Desk()
    desk.fund(PAYER, usd=INT64_MAX - 5)
    assert deposit(desk, 6, account=MAKER) == [RejectReason.CURRENCY_TOTAL_EXCEEDED]
    assert deposit(desk, 5, account=MAKER) == CREDITED
    assert deposit(desk, 1, account=MAKER) == [RejectReason.CURRENCY_TOTAL_EXCEEDED]
    assert deposit(desk, INT64_MAX, currency=EUR) == CREDITED
    desk.core.check()
