"""Fee payouts by hand: what trades brought into account 0 goes where an operator says, and nowhere else."""

from functools import partial

import pytest

from bench.flows import Event, commands
from fxengine.codes import (
    CUSTODY_ACCOUNT,
    FEES_ACCOUNT,
    AccountFlag,
    CommandKind,
    ControlMode,
    ControlScope,
    EventKind,
    OrdStatus,
    RejectReason,
    RevokeAction,
    WithdrawalAction,
)
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, JPY, MAKER, OPERATOR, OTHER, PAYER, USD, Desk, pair

FEES = 3
PAID_OUT = [EventKind.RECEIVED, EventKind.DONE]


def earning() -> Desk:
    """A venue that has earned 3 EUR in fees: a tenth of the 30 that PAYER bought."""
    desk = Desk(pair(taker=100_000))
    desk.fund(MAKER, eur=100)
    desk.fund(PAYER, usd=100)
    desk.sell(MAKER, 30, 1)
    desk.buy(PAYER, 30, 1)
    assert desk.has(FEES_ACCOUNT, EUR) == (FEES, 0)
    return desk


def pay(desk: Desk, amount: int, *, account: int = OTHER, by: int = OPERATOR, currency: int = EUR) -> list[Event]:
    return desk.send(
        commands.fee_payout(by, desk.next_id(by), currency=currency, beneficiary=account, amount_units=amount)
    )


def reasons(events: list[Event]) -> list[object]:
    return [event.reason or event.kind for event in events]


def test_fees_move_to_the_account_and_both_are_told() -> None:
    desk = earning()
    custody = desk.has(CUSTODY_ACCOUNT, EUR)
    received, done = desk.send(commands.fee_payout(OPERATOR, 9, currency=EUR, beneficiary=OTHER, amount_units=2))
    assert (received.kind, received.account, received.counterparty) == (EventKind.RECEIVED, OTHER, FEES_ACCOUNT)
    assert (received.instrument, received.amount_units, received.client_order_id) == (EUR, 2, 0)
    assert (done.kind, done.account, done.counterparty) == (EventKind.DONE, OPERATOR, OTHER)
    assert (done.instrument, done.amount_units, done.client_order_id) == (EUR, 2, 9)
    assert (desk.has(FEES_ACCOUNT, EUR), desk.has(OTHER, EUR)) == ((1, 0), (2, 0))
    assert desk.has(CUSTODY_ACCOUNT, EUR) == custody, "nothing came in and nothing left"
    desk.core.check()
    desk.twin.check()


def test_the_last_unit_can_be_paid_out_and_not_one_more() -> None:
    desk = earning()
    assert reasons(pay(desk, FEES + 1)) == [RejectReason.INSUFFICIENT_FUNDS]
    assert reasons(pay(desk, FEES)) == PAID_OUT
    assert reasons(pay(desk, 1)) == [RejectReason.INSUFFICIENT_FUNDS]
    assert desk.has(FEES_ACCOUNT, EUR) == (0, 0)


def test_the_same_command_is_done_once_and_answered_again() -> None:
    desk = earning()
    command = commands.fee_payout(OPERATOR, 9, currency=EUR, beneficiary=OTHER, amount_units=2)
    desk.send(command)
    (again,) = desk.send(command)
    assert (again.kind, again.side, again.status) == (EventKind.ORDER_STATUS, CommandKind.FEE_PAYOUT, OrdStatus.FILLED)
    assert (again.cum_lots, again.original_sequence) == (2, desk.core.sequence - 1)
    other = commands.fee_payout(OPERATOR, 9, currency=EUR, beneficiary=MAKER, amount_units=2)
    assert reasons(desk.send(other)) == [RejectReason.CLIENT_ID_REUSED]
    assert desk.has(OTHER, EUR) == (2, 0)


def test_what_was_refused_stays_refused_under_its_id() -> None:
    desk = earning()
    command = commands.fee_payout(OPERATOR, 9, currency=EUR, beneficiary=OTHER, amount_units=FEES + 1)
    assert reasons(desk.send(command)) == [RejectReason.INSUFFICIENT_FUNDS]
    desk.sell(MAKER, 30, 1)
    desk.buy(PAYER, 30, 1)
    (again,) = desk.send(command)
    assert (again.kind, again.status, again.reason) == (
        EventKind.ORDER_STATUS, OrdStatus.REJECTED, RejectReason.INSUFFICIENT_FUNDS,
    )  # fmt: skip
    assert desk.has(OTHER, EUR) == (0, 0)


def test_the_money_trades_and_leaves_like_any_other() -> None:
    desk = earning()
    pay(desk, 2)
    assert reasons(desk.sell(OTHER, 1, 5)) == [EventKind.ACCEPTED]
    number = desk.withdraw(OTHER, EUR, 1, by=OTHER)[0].withdrawal
    assert reasons(desk.end(number, WithdrawalAction.PAID)) == [RejectReason.NOT_FINAL]
    desk.settle()
    assert reasons(desk.end(number, WithdrawalAction.PAID)) == [EventKind.WITHDRAWN, EventKind.DONE]
    assert desk.has(OTHER, EUR) == (0, 1)


def test_an_operator_may_name_itself_where_it_may_hold_the_currency() -> None:
    desk = earning()
    assert reasons(pay(desk, 1, account=OPERATOR)) == [RejectReason.PAYEE_NOT_PERMITTED]
    flags = AccountFlag.OPERATOR
    desk.send(commands.credential(OPERATOR, "operator-1", permitted=(EUR,), flags=flags, issued_at_ns=1))
    assert [(event.kind, event.account) for event in pay(desk, 1, account=OPERATOR)] == [
        (EventKind.RECEIVED, OPERATOR), (EventKind.DONE, OPERATOR),
    ]  # fmt: skip


@pytest.mark.parametrize("flags", [AccountFlag.NONE, AccountFlag.ISSUER])
def test_nobody_but_an_operator_pays_out_fees(flags: AccountFlag) -> None:
    desk = earning()
    desk.send(commands.credential(MAKER, "maker-1", permitted=range(4), flags=flags, issued_at_ns=1))
    assert reasons(pay(desk, 1, by=MAKER)) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(pay(desk, 1, by=MAKER, account=MAKER)) == [RejectReason.NOT_AUTHORIZED]


def test_an_operator_whose_credential_has_ended_or_was_barred_pays_nothing_out() -> None:
    desk = earning()
    second = 6
    vouch = partial(commands.credential, second, "operator-2", permitted=(), flags=AccountFlag.OPERATOR)
    desk.send(vouch(expires_ns=10))
    desk.now_ns = 10
    assert reasons(pay(desk, 1, by=second)) == [RejectReason.NOT_AUTHORIZED]
    desk.send(vouch(issued_at_ns=1))
    desk.send(commands.revoke(OPERATOR, desk.next_id(OPERATOR), RevokeAction.FREEZE, target=second))
    assert reasons(pay(desk, 1, by=second)) == [RejectReason.ACCOUNT_FROZEN]


def test_what_is_refused_says_why() -> None:
    desk = earning()
    assert reasons(pay(desk, 1, currency=4)) == [RejectReason.UNKNOWN_CURRENCY]
    for account in (FEES_ACCOUNT, CUSTODY_ACCOUNT, 99):
        assert reasons(pay(desk, 1, account=account)) == [RejectReason.UNKNOWN_ACCOUNT]
    for amount in (0, -1, -INT64_MAX):
        assert reasons(pay(desk, amount)) == [RejectReason.AMOUNT_OUT_OF_RANGE]
    for currency in (USD, JPY):
        assert reasons(pay(desk, 1, currency=currency)) == [RejectReason.INSUFFICIENT_FUNDS]
    assert desk.has(FEES_ACCOUNT, EUR) == (FEES, 0)


def test_who_may_not_be_paid_by_a_swap_is_not_paid_fees() -> None:
    desk = earning()
    desk.send(commands.credential(OTHER, "maker-2", permitted=(USD,), issued_at_ns=1))
    assert reasons(pay(desk, 1)) == [RejectReason.PAYEE_NOT_PERMITTED]
    desk.send(commands.credential(OTHER, "maker-2", permitted=(EUR,), issued_at_ns=2, expires_ns=10))
    desk.now_ns = 9
    assert reasons(pay(desk, 1)) == PAID_OUT
    desk.now_ns = 10
    assert reasons(pay(desk, 1)) == [RejectReason.PAYEE_NOT_PERMITTED]
    desk.send(commands.credential(OTHER, "maker-2", permitted=(EUR,), issued_at_ns=3))
    desk.send(commands.revoke(OPERATOR, desk.next_id(OPERATOR), RevokeAction.FREEZE, target=OTHER))
    assert reasons(pay(desk, 1)) == [RejectReason.PAYEE_NOT_PERMITTED]


def test_the_first_reason_is_told() -> None:
    desk = earning()
    assert reasons(pay(desk, 0, currency=4, by=MAKER, account=99)) == [RejectReason.UNKNOWN_CURRENCY]
    assert reasons(pay(desk, 0, by=MAKER, account=99)) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(pay(desk, 0, account=99)) == [RejectReason.UNKNOWN_ACCOUNT]
    assert reasons(pay(desk, 0, account=OPERATOR)) == [RejectReason.AMOUNT_OUT_OF_RANGE]
    assert reasons(pay(desk, INT64_MAX, account=OPERATOR)) == [RejectReason.PAYEE_NOT_PERMITTED]


def test_what_is_closed_holds_no_fees_back() -> None:
    desk = earning()
    for scope, mode in (
        (ControlScope.VENUE, ControlMode.CANCEL_ONLY),
        (ControlScope.CURRENCY, ControlMode.REDEEM_ONLY),
    ):
        desk.send(commands.control(OPERATOR, desk.next_id(OPERATOR), scope, mode, currency=EUR * (scope - 1)))
    assert reasons(pay(desk, 1)) == PAID_OUT


def test_a_bust_that_would_take_back_fees_that_were_paid_out_is_refused() -> None:
    desk = earning()
    trade = commands.Trade(0, 2, 1, 30, MAKER, PAYER, 2, 0, FEES)
    pay(desk, 1)
    assert reasons(desk.send(commands.bust(OPERATOR, desk.next_id(OPERATOR), trade))) == [
        RejectReason.INSUFFICIENT_FUNDS
    ]


def test_one_record_is_the_whole_command() -> None:
    desk = earning()
    command = commands.time(0, kind=CommandKind.FEE_PAYOUT, n_records=2, account=OPERATOR)
    assert reasons(desk.send(command)) == [RejectReason.UNKNOWN_COMMAND]
