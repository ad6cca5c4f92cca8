"""Withdrawals by hand: held when asked for, paid once all is FINAL, or given back; each number ends once."""

import pytest

from bench.flows import Event, commands
from fxengine._core import Core as CompiledCore
from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventKind, RejectReason, RevokeAction, WithdrawalAction
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, OTHER, PAYER, USD, Desk

PAID, RETURNED = WithdrawalAction.PAID, WithdrawalAction.RETURNED
HELD = EventKind.WITHDRAWAL_HELD


def funded(**bounds: int) -> Desk:
    desk = Desk(**bounds)
    desk.fund(PAYER, usd=100)
    return desk


def reasons(events: list[Event]) -> list[object]:
    return [event.reason or event.kind for event in events]


def test_what_an_account_asks_for_is_held_and_told_to_it_alone() -> None:
    desk = funded()
    (held,) = desk.withdraw(0, USD, 40, by=PAYER)
    assert (held.kind, held.account, held.counterparty) == (HELD, PAYER, CUSTODY_ACCOUNT)
    assert (held.instrument, held.amount_units, held.client_order_id) == (USD, 40, 1)
    assert held.withdrawal == held.sequence == desk.core.sequence
    assert (desk.has(PAYER, USD), desk.has(CUSTODY_ACCOUNT, USD)) == ((60, 40), (-100, 0))
    assert desk.core.open_withdrawals(PAYER, 0, 9) == [(held.withdrawal, PAYER, USD, 40)]


def test_an_operator_asks_for_another_and_is_told_too() -> None:
    desk = funded()
    held, done = desk.withdraw(PAYER, USD, 40)
    assert (held.account, held.client_order_id) == (PAYER, 0)
    assert (done.kind, done.account, done.counterparty) == (EventKind.DONE, OPERATOR, PAYER)
    assert (done.amount_units, done.withdrawal) == (40, held.withdrawal)


def test_paid_it_leaves_for_custody_and_returned_it_is_free_again() -> None:
    desk = funded()
    first, second = (desk.withdraw(0, USD, amount, by=PAYER)[0].withdrawal for amount in (40, 25))
    desk.settle()
    withdrawn, done = desk.end(first, PAID)
    assert (withdrawn.kind, withdrawn.account, withdrawn.amount_units) == (EventKind.WITHDRAWN, PAYER, 40)
    assert (withdrawn.withdrawal, done.withdrawal, done.counterparty) == (first, first, PAYER)
    assert (desk.has(PAYER, USD), desk.has(CUSTODY_ACCOUNT, USD)) == ((35, 25), (-60, 0))
    returned, _ = desk.end(second, RETURNED)
    assert (returned.kind, returned.amount_units) == (EventKind.WITHDRAWAL_RETURNED, 25)
    assert (desk.has(PAYER, USD), desk.core.open_withdrawals(0, 0, 9)) == ((60, 0), [])
    desk.core.check()


def test_nothing_is_paid_before_all_up_to_its_request_is_final() -> None:
    desk = funded()
    number = desk.withdraw(0, USD, 40, by=PAYER)[0].withdrawal
    assert reasons(desk.end(number, PAID)) == [RejectReason.NOT_FINAL]
    desk.send(commands.settled(number - 1))
    assert reasons(desk.end(number, PAID)) == [RejectReason.NOT_FINAL]
    assert desk.has(PAYER, USD) == (60, 40)
    desk.send(commands.settled(number))
    assert reasons(desk.end(number, PAID)) == [EventKind.WITHDRAWN, EventKind.DONE]


def test_what_was_not_final_may_be_returned() -> None:
    desk = funded()
    number = desk.withdraw(0, USD, 40, by=PAYER)[0].withdrawal
    assert reasons(desk.end(number, RETURNED)) == [EventKind.WITHDRAWAL_RETURNED, EventKind.DONE]


def test_what_is_final_never_goes_back_and_is_the_venues_own_word() -> None:
    desk = funded()
    desk.settle()
    final = desk.core.final_sequence
    assert final == desk.core.sequence - 1
    assert desk.send(commands.settled(1)) == []
    assert desk.core.final_sequence == final
    for wrong in (
        commands.settled(1, account=OPERATOR),
        commands.settled(1, client_order_id=1),
        commands.settled(desk.core.sequence + 9),
    ):
        assert reasons(desk.send(wrong)) == [RejectReason.UNKNOWN_COMMAND]
    assert reasons(desk.send(commands.settled(desk.core.sequence + 1))) == [RejectReason.UNKNOWN_COMMAND], "of itself"
    assert desk.core.final_sequence == final


def test_a_number_ends_once_and_a_repeated_command_is_told_so() -> None:
    desk = funded()
    number = desk.withdraw(0, USD, 40, by=PAYER)[0].withdrawal
    desk.settle()
    command = commands.end_withdrawal(OPERATOR, desk.next_id(OPERATOR), PAID, number)
    desk.send(command)
    (again,) = desk.send(command)
    assert (again.kind, again.cum_lots) == (EventKind.ORDER_STATUS, 40)
    for action in WithdrawalAction:
        assert reasons(desk.end(number, action)) == [RejectReason.UNKNOWN_WITHDRAWAL]
        assert reasons(desk.end(number + 1, action)) == [RejectReason.UNKNOWN_WITHDRAWAL]
    assert desk.has(PAYER, USD) == (60, 0)


def test_a_repeated_request_holds_once() -> None:
    desk = funded()
    command = commands.withdraw(PAYER, 1, currency=USD, amount_units=40)
    (held,) = desk.send(command)
    (again,) = desk.send(command)
    assert (again.kind, again.original_sequence, again.cum_lots) == (EventKind.ORDER_STATUS, held.withdrawal, 40)
    assert desk.has(PAYER, USD) == (60, 40)


def test_what_is_held_for_orders_or_withdrawals_is_not_there_for_the_other() -> None:
    desk = funded()
    desk.buy(PAYER, 1, 30)
    assert reasons(desk.withdraw(0, USD, 71, by=PAYER)) == [RejectReason.INSUFFICIENT_FUNDS]
    assert reasons(desk.withdraw(0, USD, 70, by=PAYER)) == [HELD]
    assert reasons(desk.buy(PAYER, 1, 1)) == [RejectReason.INSUFFICIENT_FUNDS]
    desk.mass_cancel(PAYER)
    assert desk.has(PAYER, USD) == (30, 70)
    desk.core.check()


def test_only_the_owner_or_an_operator_asks_and_only_an_operator_ends() -> None:
    desk = funded()
    assert reasons(desk.withdraw(PAYER, USD, 1, by=MAKER)) == [RejectReason.NOT_AUTHORIZED]
    number = desk.withdraw(PAYER, USD, 1, by=PAYER)[0].withdrawal
    desk.settle()
    for action in WithdrawalAction:
        assert reasons(desk.end(number, action, by=PAYER)) == [RejectReason.NOT_AUTHORIZED]


def test_an_owner_whose_credential_has_ended_asks_the_operator() -> None:
    desk = funded()
    desk.send(commands.credential(PAYER, "payer-1", permitted=(), expires_ns=10))
    desk.now_ns = 10
    assert reasons(desk.withdraw(0, USD, 1, by=PAYER)) == [RejectReason.CREDENTIAL_EXPIRED]
    assert reasons(desk.pay_out(PAYER, USD, 1)) == [EventKind.WITHDRAWN, EventKind.DONE]


def test_a_currency_may_be_withdrawn_when_it_may_no_longer_be_held() -> None:
    desk = funded()
    desk.send(commands.credential(PAYER, "payer-1", permitted=(EUR,)))
    assert reasons(desk.withdraw(0, USD, 100, by=PAYER)) == [HELD]


def test_a_frozen_accounts_money_stays_but_may_be_given_back_to_it() -> None:
    desk = funded()
    first, second = (desk.withdraw(0, USD, amount, by=PAYER)[0].withdrawal for amount in (40, 25))
    desk.settle()
    desk.send(commands.revoke(OPERATOR, desk.next_id(OPERATOR), RevokeAction.FREEZE, target=PAYER))
    assert desk.has(PAYER, USD) == (35, 65)
    assert reasons(desk.withdraw(PAYER, USD, 1)) == [RejectReason.ACCOUNT_FROZEN]
    assert reasons(desk.end(first, PAID)) == [RejectReason.ACCOUNT_FROZEN]
    assert reasons(desk.end(second, RETURNED)) == [EventKind.WITHDRAWAL_RETURNED, EventKind.DONE]
    desk.send(commands.revoke(OPERATOR, desk.next_id(OPERATOR), RevokeAction.UNFREEZE, target=PAYER))
    assert reasons(desk.end(first, PAID)) == [EventKind.WITHDRAWN, EventKind.DONE]


def test_an_account_has_so_many_open_withdrawals_and_no_more() -> None:
    desk = funded(max_withdrawals=2)
    desk.fund(MAKER, usd=5)
    first = desk.withdraw(0, USD, 1, by=PAYER)[0].withdrawal
    desk.withdraw(PAYER, USD, 1)
    assert reasons(desk.withdraw(0, USD, 1, by=PAYER)) == [RejectReason.TOO_MANY_WITHDRAWALS]
    assert reasons(desk.withdraw(0, USD, 1, by=MAKER)) == [HELD], "another account has its own bound"
    desk.end(first, RETURNED)
    assert reasons(desk.withdraw(0, USD, 1, by=PAYER)) == [HELD]


def test_what_is_refused_says_why() -> None:
    desk = funded()
    assert reasons(desk.withdraw(PAYER, 4, 1)) == [RejectReason.UNKNOWN_CURRENCY]
    for account in (CUSTODY_ACCOUNT, 99):
        assert reasons(desk.withdraw(account, USD, 1)) == [RejectReason.UNKNOWN_ACCOUNT]
    for amount in (0, -1, -(2**63)):
        assert reasons(desk.withdraw(PAYER, USD, amount)) == [RejectReason.AMOUNT_OUT_OF_RANGE]
    number = desk.withdraw(PAYER, USD, 1)[0].withdrawal
    for action in (0, 3, 255):
        command = commands.end_withdrawal(OPERATOR, desk.next_id(OPERATOR), action, number)
        assert reasons(desk.send(command)) == [RejectReason.UNKNOWN_COMMAND]
    assert desk.has(FEES_ACCOUNT, USD) == (0, 0)


def test_open_withdrawals_are_told_page_by_page() -> None:
    desk = funded()
    desk.fund(OTHER, usd=10)
    numbers = [desk.withdraw(account, USD, 1)[0].withdrawal for account in (PAYER, OTHER, PAYER, PAYER)]
    for core in (desk.core, desk.twin):
        assert [row[0] for row in core.open_withdrawals(0, 0, 9)] == numbers
        assert [row[0] for row in core.open_withdrawals(PAYER, 0, 2)] == [numbers[0], numbers[2]]
        assert [row[0] for row in core.open_withdrawals(PAYER, numbers[2], 2)] == [numbers[3]]
        with pytest.raises(IndexError):
            core.open_withdrawals(99, 0, 1)
        with pytest.raises(ValueError, match="limit"):
            core.open_withdrawals(0, 0, 0)


def test_a_snapshot_holds_what_waits_and_what_is_known() -> None:
    desk = funded()
    numbers = [desk.withdraw(PAYER, USD, amount)[0].withdrawal for amount in (1, 2, 3)]
    desk.send(commands.deposit(OPERATOR, 90, currency=EUR, beneficiary=MAKER, amount_units=1, reference="bank-1/1"))
    desk.settle()
    desk.end(numbers[1], PAID)
    snapshot = desk.core.snapshot()
    assert snapshot == desk.twin.snapshot()
    for core_type in (type(desk.core), CompiledCore):
        restored = core_type(desk.instruments, n_currencies=4, max_orders=100)
        restored.restore(snapshot)
        restored.check()
        assert restored.snapshot() == snapshot
        assert restored.open_withdrawals(0, 0, 9) == desk.core.open_withdrawals(0, 0, 9)
        assert restored.final_sequence == desk.core.final_sequence


@pytest.mark.parametrize("said", ["withdrawal", "reference", "final"])
def test_whoever_has_one_part_of_it_alone_restores_that(said: str) -> None:
    desk = funded()
    if said == "withdrawal":
        desk.withdraw(PAYER, USD, 1)
    elif said == "reference":
        desk.send(commands.deposit(OPERATOR, 9, currency=EUR, beneficiary=MAKER, amount_units=1, reference="b"))
    else:
        desk.settle()
    restored = CompiledCore(desk.instruments, n_currencies=4, max_orders=100)
    restored.restore(desk.core.snapshot())
    assert restored.state_bytes() == desk.core.state_bytes()
