"""Controls by hand: what is closed takes no risk, lets go of what rests, and opens as it was."""

import pytest

from bench.flows import Event, commands
from bench.flows.commands import Quotes
from fxengine._core import Core as CompiledCore
from fxengine.codes import ControlMode, ControlScope, EventKind, OrdType, RejectReason
from tests.unit.reference.desk import EUR, HKD, JPY, MAKER, NEVER_NS, OPERATOR, PAYER, USD, Desk, pair

VENUE, CURRENCY = ControlScope.VENUE, ControlScope.CURRENCY
OPEN, CANCEL_ONLY, REDEEM_ONLY = ControlMode.OPEN, ControlMode.CANCEL_ONLY, ControlMode.REDEEM_ONLY
CLOSINGS = [(VENUE, CANCEL_ONLY, 0, RejectReason.VENUE_CANCEL_ONLY)] + [
    (CURRENCY, REDEEM_ONLY, currency, RejectReason.CURRENCY_REDEEM_ONLY) for currency in (EUR, USD)
]
each_closing = pytest.mark.parametrize(("scope", "mode", "currency", "reason"), CLOSINGS)


def floor() -> Desk:
    desk = Desk(pair(), pair(JPY, HKD), pair(EUR, JPY), pair(JPY, USD))
    for account in (MAKER, PAYER):
        desk.fund(account, eur=1_000, usd=1_000, jpy=1_000, hkd=1_000)
    return desk


def control(desk: Desk, scope: int, mode: int, currency: int = 0, *, by: int = OPERATOR) -> list[Event]:
    return desk.send(commands.control(by, desk.next_id(by) if by else 0, scope, mode, currency=currency))


def reasons(events: list[Event]) -> list[object]:
    return [event.reason or event.kind for event in events]


def test_a_control_is_told_to_the_operator() -> None:
    desk = floor()
    told, done = control(desk, CURRENCY, REDEEM_ONLY, JPY)
    assert (told.kind, told.account, told.side, told.quantity_lots) == (
        EventKind.CONTROLLED, OPERATOR, REDEEM_ONLY, CURRENCY,
    )  # fmt: skip
    assert (told.instrument, done.kind, done.instrument) == (JPY, EventKind.DONE, JPY)
    assert (desk.core.redeem_only(), desk.core.cancel_only) == ([JPY], False)


@each_closing
def test_what_adds_risk_is_refused_and_what_takes_it_away_is_not(
    scope: int, mode: int, currency: int, reason: RejectReason
) -> None:
    desk = floor()
    mine = desk.buy(MAKER, 10, 5)[0].order_id
    desk.quote(MAKER, Quotes(0, [(4, 10), (3, 10)], [(9, 10)]))
    control(desk, scope, mode, currency)
    assert reasons(desk.sell(PAYER, 1, 5)) == [reason]
    assert reasons(desk.amend(MAKER, mine, 11, 5)) == [reason]
    assert reasons(desk.amend(MAKER, mine, 10, 4)) == [reason]
    assert reasons(desk.quote(MAKER, Quotes(0, [(4, 11)]))) == [reason]
    assert reasons(desk.quote(MAKER, Quotes(0, [(2, 1)]))) == [reason]
    for pay, get in ((EUR, USD), (USD, EUR)):
        assert reasons(desk.swap_in(PAYER, pay, get, 5)) == [reason]
    assert desk.amend(MAKER, mine, 6, 5)[0].kind is EventKind.REPLACED
    assert desk.quote(MAKER, Quotes(0, [(4, 3)]))[-1].kind is EventKind.QUOTED
    assert desk.quote(MAKER, Quotes(0))[-1].kind is EventKind.QUOTED
    assert desk.cancel(MAKER, order_id=mine)[0].kind is EventKind.CANCELED
    assert reasons(desk.withdraw(0, EUR, 1, by=MAKER)) == [EventKind.WITHDRAWAL_HELD]
    desk.core.check()
    control(desk, scope, OPEN, currency)
    assert desk.buy(MAKER, 10, 5)[0].kind is EventKind.ACCEPTED


def test_a_closed_currency_is_not_deposited_and_others_trade_on() -> None:
    desk = floor()
    control(desk, CURRENCY, REDEEM_ONLY, EUR)
    for currency, expected in (
        (EUR, [RejectReason.CURRENCY_REDEEM_ONLY]),
        (JPY, [EventKind.DEPOSITED, EventKind.DONE]),
    ):
        number = desk.next_id(OPERATOR)
        deposit = commands.deposit(OPERATOR, number, currency=currency, beneficiary=PAYER, amount_units=1)
        assert reasons(desk.send(deposit)) == expected
    assert desk.buy(MAKER, 1, 5, instrument=1)[0].kind is EventKind.ACCEPTED


def test_a_swap_takes_no_path_over_a_closed_currency() -> None:
    desk = floor()
    desk.buy(MAKER, 100, 1, instrument=2)  # EUR for JPY
    desk.buy(MAKER, 100, 1, instrument=3)  # JPY for USD
    assert [desk.swap_in(PAYER, EUR, USD, 5)[-1].kind] == [EventKind.SWAPPED]
    control(desk, CURRENCY, REDEEM_ONLY, JPY)
    assert reasons(desk.swap_in(PAYER, EUR, USD, 5)) == [RejectReason.INSUFFICIENT_LIQUIDITY]  # its own book is empty
    control(desk, CURRENCY, OPEN, JPY)
    assert [desk.swap_in(PAYER, EUR, USD, 5)[-1].kind] == [EventKind.SWAPPED]


@pytest.mark.parametrize("currency", [None, EUR])
def test_triggered_stops_wait_while_their_instrument_is_closed(currency: int | None) -> None:
    desk = Desk(max_orders=1_000, window=1_024)
    desk.fund(MAKER, eur=10_000, usd=10_000)
    desk.fund(PAYER, eur=10_000, usd=10_000)
    for _ in range(300):
        desk.buy(PAYER, 1, 5, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=5)
    desk.sell(MAKER, 1, 5)
    fired = desk.buy(PAYER, 1, 5)  # trades at 5: all 300 are triggered, 256 run
    assert sum(event.kind is EventKind.TRIGGERED for event in fired) == 256
    scope, mode = (VENUE, CANCEL_ONLY) if currency is None else (CURRENCY, REDEEM_ONLY)
    # Those that are overdue run before the command that closes; so close, and trigger more, in that order.
    closing = control(desk, scope, mode, currency or 0)
    assert sum(event.kind is EventKind.TRIGGERED for event in closing) == 44
    assert desk.core.next_deadline_ns == NEVER_NS
    assert desk.send(commands.time(1)) == []


def test_a_stop_that_was_left_over_runs_when_it_is_open_again() -> None:
    desk = Desk(max_orders=1_000, window=1_024)
    desk.fund(MAKER, eur=10_000, usd=10_000)
    desk.fund(PAYER, eur=10_000, usd=10_000)
    for _ in range(600):
        desk.buy(PAYER, 1, 5, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=5)
    desk.sell(MAKER, 1, 5)
    desk.buy(PAYER, 1, 5)  # 256 run here, 256 before the control, and 88 are left
    control(desk, VENUE, CANCEL_ONLY)
    assert desk.core.next_deadline_ns == desk.twin.next_deadline_ns == NEVER_NS
    assert desk.send(commands.time(1)) == []
    snapshot = desk.core.snapshot()
    for core_type in (type(desk.core), CompiledCore):
        restored = core_type(desk.instruments, n_currencies=4, max_orders=1_000)
        restored.restore(snapshot)
        assert (restored.cancel_only, restored.snapshot()) == (True, snapshot)
    opened = control(desk, VENUE, OPEN)
    assert sum(event.kind is EventKind.TRIGGERED for event in opened) == 88
    desk.core.check()


def test_the_venues_own_word_needs_no_operator_and_no_id() -> None:
    desk = floor()
    (told,) = control(desk, VENUE, CANCEL_ONLY, by=0)
    assert (told.kind, told.account, told.account_stream) == (EventKind.CONTROLLED, 0, 0)
    assert desk.core.cancel_only
    for wrong in (
        commands.control(0, 1, VENUE, OPEN),
        commands.control(0, 0, VENUE, REDEEM_ONLY),
        commands.control(0, 0, CURRENCY, CANCEL_ONLY),
        commands.control(0, 0, 3, OPEN),
    ):
        assert reasons(desk.send(wrong)) == [RejectReason.UNKNOWN_COMMAND]
    assert desk.core.cancel_only


def test_only_an_operator_controls_and_a_repeated_command_is_answered() -> None:
    desk = floor()
    assert reasons(control(desk, VENUE, CANCEL_ONLY, by=PAYER)) == [RejectReason.NOT_AUTHORIZED]
    assert reasons(desk.send(commands.control(1, 1, VENUE, CANCEL_ONLY))) == [RejectReason.UNKNOWN_ACCOUNT]
    assert reasons(control(desk, CURRENCY, REDEEM_ONLY, 4)) == [RejectReason.UNKNOWN_CURRENCY]
    command = commands.control(OPERATOR, desk.next_id(OPERATOR), VENUE, CANCEL_ONLY)
    desk.send(command)
    control(desk, VENUE, OPEN)
    (again,) = desk.send(command)
    assert again.kind is EventKind.ORDER_STATUS
    assert not desk.core.cancel_only


def test_a_snapshot_holds_what_is_closed() -> None:
    desk = floor()
    control(desk, CURRENCY, REDEEM_ONLY, HKD)
    control(desk, CURRENCY, REDEEM_ONLY, EUR)
    restored = CompiledCore(desk.instruments, n_currencies=4, max_orders=100)
    restored.restore(desk.core.snapshot())
    restored.check()
    assert restored.redeem_only() == [EUR, HKD]
    assert restored.state_bytes() == desk.core.state_bytes()
