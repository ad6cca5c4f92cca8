"""Scenes in which the requests about orders, quotes and accounts are refused, each for its own cause."""

from typing import TYPE_CHECKING, Any

from fxengine.codes import RejectReason as R
from fxengine.codes import RevokeAction, WithdrawalAction
from fxengine.messages import (
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    MassQuote,
    NewOrder,
    OpenOrdersRequest,
    OpenWithdrawals,
    OpenWithdrawalsRequest,
    OrderStatusRequest,
    ReplayRequest,
    Request,
    Revoke,
    Swap,
    Withdraw,
)
from fxengine.records import ALL_INSTRUMENTS
from tests.asking import limit_order

if TYPE_CHECKING:
    from tests.integration.test_gateway_reject_codes import Desk
    from tests.integration.venue_thread import Connection

MAX = 2**63 - 1
WINDOW = 1024
WITHDRAWALS_MAX = 1024
PAID = int(WithdrawalAction.PAID)
NO_QUOTES: tuple[Any, ...] = ((0, (), ()),)


def amend(number: int, original: int, **changes: int) -> Amend:
    fields = {"order_id": 0, "price_ticks": 10_000, "quantity_lots": 5, "expected_cum_lots": -1}
    return Amend(number, orig_client_order_id=original, **(fields | changes))


def nobody(desk: "Desk") -> None:
    """Who has not logged on."""
    requests: list[Request] = [
        amend(1, 1),
        MassCancel(1, ALL_INSTRUMENTS, 0, 0),
        MassQuote(1, NO_QUOTES),
        DeadMan(1_000),
    ]
    requests += [OrderStatusRequest(1, 1, 0), OpenOrdersRequest(1, 0), ReplayRequest(1, 1, 0)]
    requests += [Revoke(1, RevokeAction.FREEZE, 2, "")]
    for request in requests:
        desk.refused(desk.venue.connection(), request, R.NOT_LOGGED_ON)


def too_late(desk: "Desk") -> None:
    """Whose credential has ended."""
    client, _ = desk.log_on("short-lived", lifetime_s=5)
    desk.venue.clock.advance(6)
    client.hear()
    requests: list[Request] = [amend(1, 1), MassQuote(2, NO_QUOTES), OrderStatusRequest(1, 1, 0)]
    requests += [OpenOrdersRequest(1, 0), ReplayRequest(1, 1, 0)]
    for request in requests:
        desk.refused(client, request, R.CREDENTIAL_EXPIRED)


def numbers(desk: "Desk") -> None:
    """Client order ids that are missing, used, skipped or gone."""
    client, account = desk.log_on("numbers-2")
    desk.fund(account)
    for missing in (amend(0, 1), MassCancel(0, ALL_INSTRUMENTS, 0, 0), MassQuote(0, NO_QUOTES)):
        desk.refused(client, missing, R.CLIENT_ID_MISSING)
    _say(client, limit_order(5, price_ticks=1))

    def each(number: int) -> list[Request]:
        return [amend(number, 5), MassCancel(number, ALL_INSTRUMENTS, 0, 0), MassQuote(number, NO_QUOTES)]

    for request in each(5):
        desk.refused(client, request, R.CLIENT_ID_REUSED)
    for request in each(6 + WINDOW):
        desk.refused(client, request, R.CLIENT_ID_TOO_HIGH)
    _say(client, limit_order(5 + WINDOW, price_ticks=2))
    for request in each(5):
        desk.refused(client, request, R.CLIENT_ID_TOO_OLD)


def amends(desk: "Desk") -> None:
    """Amends that cannot be."""
    maker, maker_account = desk.log_on("maker-1")
    desk.fund(maker_account)
    _say(maker, limit_order(1, side=2, price_ticks=11_000))
    _say(maker, MassQuote(2, ((1, (100, 5), ()),)))
    client, account = desk.log_on("payer-1")
    desk.fund(account, 10**9)
    _say(client, limit_order(1, quantity_lots=10))
    _say(client, limit_order(2, quantity_lots=10, exec_inst=1))
    _say(client, limit_order(3, quantity_lots=1))
    _say(client, Cancel(4, 0, 3))
    for number, (original, changes, reason) in enumerate(
        [
            (99, {}, R.UNKNOWN_ORDER),
            (3, {}, R.ORDER_CLOSED),
            (1, {"expected_cum_lots": 1}, R.CUM_QTY_MISMATCH),
            (1, {"price_ticks": 0}, R.PRICE_OUT_OF_RANGE),
            (1, {"quantity_lots": 0}, R.QUANTITY_OUT_OF_RANGE),
            (1, {"quantity_lots": 2**62, "price_ticks": 2**31 - 1}, R.NOTIONAL_TOO_LARGE),
            (1, {"quantity_lots": 10**6}, R.INSUFFICIENT_FUNDS),
            (2, {"price_ticks": 11_000}, R.WOULD_CROSS),
        ],
        start=5,
    ):
        desk.refused(client, amend(number, original, **changes), reason)
    desk.refused(maker, amend(3, 0, order_id=_order_id(maker.heard, 2)), R.NOT_AMENDABLE)
    desk.venue.clock.advance(1)
    desk.log_on("payer-1", currencies=("EUR",))  # a newer token, which no longer allows dollars
    desk.refused(client, amend(20, 1), R.CURRENCY_NOT_PERMITTED)


def many_at_once(desk: "Desk") -> None:
    """Mass cancels and mass quotes that cannot be."""
    client, account = desk.log_on("maker-1")
    desk.refused(client, MassCancel(1, 3, 0, 0), R.UNKNOWN_INSTRUMENT)
    desk.refused(client, MassCancel(2, ALL_INSTRUMENTS, 3, 0), R.BAD_SIDE)
    desk.refused(client, MassCancel(3, ALL_INSTRUMENTS, 0, 99), R.UNKNOWN_ACCOUNT)
    _, other = desk.log_on("payer-1")
    desk.refused(client, MassCancel(4, ALL_INSTRUMENTS, 0, other), R.NOT_AUTHORIZED)
    desk.refused(client, MassQuote(5, ((0, (10_000, 1), ()),)), R.INSUFFICIENT_FUNDS)
    desk.fund(account)
    for number, (sets, reason) in enumerate(
        [
            ((), R.BAD_QUOTE_SET),
            (((0, (10_000, 1, 10_001, 1), ()),), R.BAD_QUOTE_SET),
            (((3, (), ()),), R.UNKNOWN_INSTRUMENT),
            (((0, (0, 1), ()),), R.PRICE_OUT_OF_RANGE),
            (((0, (10_000, 0), ()),), R.QUANTITY_OUT_OF_RANGE),
            (((0, (2**31 - 1, 2**62), ()),), R.NOTIONAL_TOO_LARGE),
        ],
        start=6,
    ):
        desk.refused(client, MassQuote(number, sets), reason)
    _say(client, limit_order(20, side=2, price_ticks=11_000))
    desk.refused(client, MassQuote(21, ((0, (11_000, 1), ()),)), R.WOULD_CROSS)
    narrow, _ = desk.log_on("narrow", currencies=("EUR",))
    desk.refused(narrow, MassQuote(1, NO_QUOTES), R.CURRENCY_NOT_PERMITTED)
    levels = tuple(value for level in range(32) for value in (9_000 - level, 1))
    _say(client, MassQuote(22, ((0, levels, ()), (1, levels[:62], ()))))  # 64 with the order: the store is full
    desk.refused(client, MassQuote(23, ((2, (9_000, 1), ()),)), R.CAPACITY)


def particulars(desk: "Desk") -> None:
    """Orders whose particulars do not fit together, and what is asked of orders that are not there."""
    client, account = desk.log_on("payer-1")
    desk.fund(account)
    for number, (changes, reason) in enumerate(
        [
            ({"display_lots": 20}, R.BAD_DISPLAY_QTY),
            ({"min_lots": 5}, R.BAD_MIN_QTY),
            ({"min_lots": 5, "time_in_force": 3}, R.MIN_QTY_NOT_FILLABLE),
            ({"self_trade_prevention": 5}, R.BAD_SELF_TRADE_PREVENTION),
        ],
        start=1,
    ):
        desk.refused(client, limit_order(number, **changes), reason)
    desk.refused(client, OrderStatusRequest(1, 99, 0), R.UNKNOWN_ORDER)
    desk.refused(client, OrderStatusRequest(2, 0, 99), R.UNKNOWN_ORDER)


def revocations(desk: "Desk") -> None:
    """Freezes and revocations that cannot be."""
    client, account = desk.log_on("payer-1")
    desk.refused(client, Revoke(1, RevokeAction.FREEZE, account, ""), R.NOT_AUTHORIZED)
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-9", key=desk.venue.operator))
    desk.refused(operator, Revoke(0, RevokeAction.FREEZE, account, ""), R.CLIENT_ID_MISSING)
    desk.refused(operator, Revoke(1, RevokeAction.FREEZE, 99, ""), R.UNKNOWN_ACCOUNT)
    desk.refused(operator, Revoke(2, 9, account, ""), R.UNKNOWN_COMMAND)
    desk.refused(operator, Revoke(3, RevokeAction.TOKEN, 0, ""), R.UNKNOWN_COMMAND)
    _say(operator, Deposit(5, account, 0, 1))
    desk.refused(operator, Revoke(5, RevokeAction.FREEZE, account, ""), R.CLIENT_ID_REUSED)
    desk.refused(operator, Revoke(6 + WINDOW, RevokeAction.FREEZE, account, ""), R.CLIENT_ID_TOO_HIGH)
    _say(operator, Deposit(5 + WINDOW, account, 0, 1))
    desk.refused(operator, Revoke(5, RevokeAction.FREEZE, account, ""), R.CLIENT_ID_TOO_OLD)


def withdrawals(desk: "Desk") -> None:
    """Withdrawals that cannot end so, and more of them than an account may have open."""
    desk.refused(desk.venue.connection(), EndWithdrawal(1, PAID, 1), R.NOT_LOGGED_ON)
    desk.refused(desk.venue.connection(), OpenWithdrawalsRequest(1, 0, 0), R.NOT_LOGGED_ON)
    client, account = desk.log_on("payer-1")
    desk.fund(account)
    _, other = desk.log_on("payer-2")
    desk.refused(client, EndWithdrawal(1, PAID, 1), R.NOT_AUTHORIZED)
    desk.refused(client, OpenWithdrawalsRequest(1, other, 0), R.NOT_AUTHORIZED)
    desk.refused(desk.operator, OpenWithdrawalsRequest(1, 99, 0), R.UNKNOWN_ACCOUNT)
    for first in range(1, WITHDRAWALS_MAX + 1, 128):
        client.say(*(Withdraw(number, 0, 0, 1) for number in range(first, first + 128)))
    desk.refused(client, Withdraw(WITHDRAWALS_MAX + 1, 0, 0, 1), R.TOO_MANY_WITHDRAWALS)
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-9", key=desk.venue.operator))
    desk.refused(operator, EndWithdrawal(0, PAID, 1), R.CLIENT_ID_MISSING)
    desk.refused(operator, EndWithdrawal(1, PAID, 1), R.UNKNOWN_WITHDRAWAL)
    [first_open, *_] = open_withdrawals(operator, account)
    desk.refused(operator, EndWithdrawal(2, 3, first_open), R.UNKNOWN_COMMAND)
    desk.refused(operator, EndWithdrawal(3, PAID, first_open), R.NOT_FINAL)
    _say(operator, Deposit(5, account, 0, 1))
    desk.refused(operator, EndWithdrawal(5, PAID, first_open), R.CLIENT_ID_REUSED)
    desk.refused(operator, EndWithdrawal(6 + WINDOW, PAID, first_open), R.CLIENT_ID_TOO_HIGH)
    _say(operator, Deposit(5 + WINDOW, account, 0, 1))
    desk.refused(operator, EndWithdrawal(5, PAID, first_open), R.CLIENT_ID_TOO_OLD)
    late, _ = desk.log_on("late", lifetime_s=5)
    desk.venue.clock.advance(6)
    late.hear()
    desk.refused(late, OpenWithdrawalsRequest(1, 0, 0), R.CREDENTIAL_EXPIRED)


def controls(desk: "Desk") -> None:
    """What is closed, and controls that are none."""
    desk.refused(desk.venue.connection(), Control(1, 1, 2, 0), R.NOT_LOGGED_ON)
    client, account = desk.log_on("payer-1")
    desk.fund(account)
    desk.refused(client, Control(1, 1, 2, 0), R.NOT_AUTHORIZED)
    _say(client, limit_order(2))
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-9", key=desk.venue.operator))
    desk.refused(operator, Control(0, 1, 2, 0), R.CLIENT_ID_MISSING)
    desk.refused(operator, Control(1, 9, 2, 0), R.UNKNOWN_COMMAND)
    desk.refused(operator, Control(2, 1, 3, 0), R.UNKNOWN_COMMAND)
    desk.refused(operator, Control(3, 2, 3, 4), R.UNKNOWN_CURRENCY)
    number = 3
    for control, reason in (((1, 2, 0), R.VENUE_CANCEL_ONLY), ((2, 3, 0), R.CURRENCY_REDEEM_ONLY)):
        _say(operator, Control(number + 1, *control))
        adding: list[Request] = [
            limit_order(number), amend(number + 1, 2, price_ticks=9), MassQuote(number + 2, ((0, (9, 1), ()),)),
            Swap(number + 3, 1, 0, 1, 10**8, 1, 0, 0),
        ]  # fmt: skip
        for request in adding:
            desk.refused(client, request, reason)
        if reason is R.CURRENCY_REDEEM_ONLY:
            desk.refused(operator, Deposit(number + 2, account, 0, 1), reason)
        _say(operator, Control(number + 3, *control[:1], 1, 0))
        number += 4
    _say(client, Cancel(20, 0, 2))
    desk.refused(operator, Control(number - 1, 1, 2, 0), R.CLIENT_ID_REUSED)
    desk.refused(operator, Control(number + 9 + WINDOW, 1, 2, 0), R.CLIENT_ID_TOO_HIGH)
    _say(operator, Deposit(number - 1 + WINDOW, account, 0, 1))
    desk.refused(operator, Control(number - 1, 1, 2, 0), R.CLIENT_ID_TOO_OLD)


def busts(desk: "Desk") -> None:
    """Trades that cannot be undone."""
    trade = {"instrument": 0, "number": 2, "maker": 0, "taker": 0, "maker_side": 2, "price_ticks": 10_000}
    terms = {"quantity_lots": 5, "maker_fee_units": 0, "taker_fee_units": 0}
    maker, seller = desk.log_on("maker-1")
    payer, buyer = desk.log_on("payer-1")
    trade |= terms | {"maker": seller, "taker": buyer}
    desk.refused(desk.venue.connection(), Bust(1, **trade), R.NOT_LOGGED_ON)
    desk.refused(maker, Bust(1, **trade), R.NOT_AUTHORIZED)
    for account in (seller, buyer):
        desk.fund(account)
    _say(maker, limit_order(1, side=2, price_ticks=10_000, quantity_lots=5))
    _say(payer, limit_order(1, price_ticks=10_000, quantity_lots=5))
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-9", key=desk.venue.operator))
    desk.refused(operator, Bust(0, **trade), R.CLIENT_ID_MISSING)
    wrong: list[tuple[dict[str, int], R]] = [
        ({"instrument": 3}, R.UNKNOWN_INSTRUMENT), ({"maker_side": 0}, R.BAD_SIDE),
        ({"price_ticks": 0}, R.PRICE_OUT_OF_RANGE), ({"quantity_lots": 0}, R.QUANTITY_OUT_OF_RANGE),
        ({"quantity_lots": 2**62, "price_ticks": 2**31 - 1}, R.NOTIONAL_TOO_LARGE), ({"maker": 1}, R.UNKNOWN_ACCOUNT),
        ({"taker": 99}, R.UNKNOWN_ACCOUNT), ({"taker_fee_units": -1}, R.AMOUNT_OUT_OF_RANGE),
        ({"number": 0}, R.UNKNOWN_TRADE), ({"number": 99}, R.UNKNOWN_TRADE),
        ({"quantity_lots": 10**9}, R.INSUFFICIENT_FUNDS),
    ]  # fmt: skip
    for number, (changes, reason) in enumerate(wrong, 1):
        desk.refused(operator, Bust(number, **(trade | changes)), reason)
    _say(operator, Bust(20, **trade))
    desk.refused(operator, Bust(21, **trade), R.TRADE_BUSTED)
    desk.refused(operator, Bust(21, **(trade | {"number": 1})), R.CLIENT_ID_REUSED)
    desk.refused(operator, Bust(23 + WINDOW, **trade), R.CLIENT_ID_TOO_HIGH)
    _say(operator, Deposit(21 + WINDOW, buyer, 0, 1))
    desk.refused(operator, Bust(21, **trade), R.CLIENT_ID_TOO_OLD)


def fee_payouts(desk: "Desk") -> None:
    """Fees that cannot be paid out."""
    desk.refused(desk.venue.connection(), FeePayout(1, 2, 0, 1), R.NOT_LOGGED_ON)
    client, account = desk.log_on("payer-1")
    desk.refused(client, FeePayout(1, account, 0, 1), R.NOT_AUTHORIZED)
    _, narrow = desk.log_on("narrow", currencies=("USD",))
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-9", key=desk.venue.operator))
    desk.refused(operator, FeePayout(0, account, 0, 1), R.CLIENT_ID_MISSING)
    wrong = [
        ((99, 0, 1), R.UNKNOWN_ACCOUNT), ((account, 4, 1), R.UNKNOWN_CURRENCY),
        ((account, 0, 0), R.AMOUNT_OUT_OF_RANGE), ((narrow, 0, 1), R.PAYEE_NOT_PERMITTED),
        ((account, 0, 1), R.INSUFFICIENT_FUNDS),
    ]  # fmt: skip
    for number, (body, reason) in enumerate(wrong, 1):
        desk.refused(operator, FeePayout(number, *body), reason)
    operator.say(Revoke(8, RevokeAction.FREEZE, account, ""))
    desk.refused(operator, FeePayout(9, account, 0, 1), R.PAYEE_NOT_PERMITTED)
    desk.refused(operator, FeePayout(9, account, 0, 2), R.CLIENT_ID_REUSED)
    desk.refused(operator, FeePayout(10 + WINDOW, account, 0, 1), R.CLIENT_ID_TOO_HIGH)
    _say(operator, Deposit(9 + WINDOW, narrow, 1, 1))
    desk.refused(operator, FeePayout(9, account, 0, 1), R.CLIENT_ID_TOO_OLD)


def open_withdrawals(connection: "Connection", account: int) -> list[int]:
    """Ask for the numbers of an account's open withdrawals."""
    connection.say(OpenWithdrawalsRequest(9, account, 0))
    answer = connection.hear_until(OpenWithdrawals)[-1]
    assert isinstance(answer, OpenWithdrawals)
    return [row[0] for row in answer.withdrawals]


def _say(connection: "Connection", command: NewOrder | Cancel | MassQuote | Deposit | Control | Bust) -> None:
    """Say something that is taken, and hear what became of it."""
    connection.say(command)
    number = command.client_order_id
    while not any(
        number in (getattr(message, "client_order_id", 0), getattr(message, "request_id", 0))
        for message in connection.hear()
    ):
        pass


def _order_id(heard: list[Any], client_order_id: int) -> int:
    """Return the OrderID of what was entered under an id."""
    numbers = [m.order_id for m in heard if getattr(m, "client_order_id", 0) == client_order_id and m.order_id]
    return int(numbers[0])


SCENES = (
    nobody,
    too_late,
    numbers,
    amends,
    many_at_once,
    particulars,
    revocations,
    withdrawals,
    controls,
    busts,
    fee_payouts,
)
