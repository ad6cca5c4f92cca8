"""Issuers by hand: each brings its own currency in and takes it out, and no other, while its credential holds."""

from bench.flows import Event, commands
from fxengine.codes import AccountFlag, EventKind, RejectReason, RevokeAction, WithdrawalAction
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, OTHER, PAYER, USD, Desk

PAID, RETURNED = WithdrawalAction.PAID, WithdrawalAction.RETURNED
ISSUER, EUR_ISSUER = OTHER + 1, OTHER + 2


def issued(*, expires_ns: int = 2**62) -> Desk:
    desk = Desk()
    for number, subject, currency in ((ISSUER, "usd-issuer", USD), (EUR_ISSUER, "eur-issuer", EUR)):
        desk.send(
            commands.credential(number, subject, permitted=[currency], flags=AccountFlag.ISSUER, expires_ns=expires_ns)
        )
    return desk


def reasons(events: list[Event]) -> list[object]:
    return [event.reason or event.kind for event in events]


def issue(desk: Desk, currency: int, amount: int, *, by: int = ISSUER, account: int = PAYER) -> list[object]:
    command = commands.deposit(by, desk.next_id(by), currency=currency, beneficiary=account, amount_units=amount)
    return reasons(desk.send(command))


def test_an_issuer_credits_anybody_with_its_own_currency_and_no_other() -> None:
    desk = issued()
    assert issue(desk, USD, 70) == issue(desk, USD, 5, account=ISSUER) == [EventKind.DEPOSITED, EventKind.DONE]
    assert (desk.has(PAYER, USD), desk.has(ISSUER, USD)) == ((70, 0), (5, 0))
    assert issue(desk, EUR, 70) == issue(desk, USD, 1, by=EUR_ISSUER) == [RejectReason.NOT_AUTHORIZED]
    assert issue(desk, 4, 70) == issue(desk, 2**16 - 1, 70) == [RejectReason.UNKNOWN_CURRENCY]
    assert issue(desk, USD, 1, by=MAKER) == [RejectReason.NOT_AUTHORIZED]
    assert desk.has(PAYER, EUR) == (0, 0)


def test_an_issuer_redeems_its_own_currency_and_sees_no_other() -> None:
    desk = issued()
    desk.fund(PAYER, usd=100, eur=100)
    dollars = desk.withdraw(0, USD, 40, by=PAYER)[0].withdrawal
    euros, more = (desk.withdraw(0, EUR, 10, by=PAYER)[0].withdrawal for _ in range(2))
    desk.settle()
    for action in (PAID, RETURNED):
        assert reasons(desk.end(euros, action, by=ISSUER)) == [RejectReason.UNKNOWN_WITHDRAWAL]
        assert reasons(desk.end(dollars, action, by=MAKER)) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(desk.end(dollars, PAID, by=ISSUER)) == [EventKind.WITHDRAWN, EventKind.DONE]
    assert reasons(desk.end(euros, RETURNED, by=EUR_ISSUER)) == [EventKind.WITHDRAWAL_RETURNED, EventKind.DONE]
    assert reasons(desk.end(more, PAID, by=OPERATOR)) == [EventKind.WITHDRAWN, EventKind.DONE]
    assert (desk.has(PAYER, USD), desk.has(PAYER, EUR)) == ((60, 0), (90, 0))


def test_an_issuer_asks_for_a_holder_of_its_currency_and_is_told() -> None:
    desk = issued()
    desk.fund(PAYER, usd=100, eur=100)
    held, done = desk.withdraw(PAYER, USD, 40, by=ISSUER)
    assert (held.account, done.account, done.counterparty) == (PAYER, ISSUER, PAYER)
    assert reasons(desk.withdraw(PAYER, EUR, 40, by=ISSUER)) == [RejectReason.NOT_AUTHORIZED]
    assert (desk.has(PAYER, USD), desk.has(PAYER, EUR)) == ((60, 40), (100, 0))


def test_a_credential_that_ended_or_was_taken_back_issues_nothing() -> None:
    desk = issued(expires_ns=100)
    desk.fund(PAYER, usd=100)
    number = desk.withdraw(0, USD, 40, by=PAYER)[0].withdrawal
    desk.settle()
    desk.wait_until(99)
    assert issue(desk, USD, 1) == [EventKind.DEPOSITED, EventKind.DONE]
    desk.wait_until(100)
    assert issue(desk, USD, 1) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(desk.end(number, PAID, by=ISSUER)) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(desk.withdraw(PAYER, USD, 1, by=ISSUER)) == [RejectReason.CREDENTIAL_EXPIRED]
    desk.send(commands.revoke(OPERATOR, desk.next_id(OPERATOR), RevokeAction.FREEZE, target=EUR_ISSUER))
    assert issue(desk, EUR, 1, by=EUR_ISSUER) == [RejectReason.ACCOUNT_FROZEN]
