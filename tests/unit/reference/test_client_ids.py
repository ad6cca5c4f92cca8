"""Client ids by hand: what a retry hears for each kind of command, and the window's edges to the id."""

from bench.flows import commands
from fxengine.codes import CommandKind, EventKind, OrdStatus, RejectReason, Side
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, PAYER, USD, Desk

WINDOW = 16


def order(client_order_id: int, lots: int = 3, price: int = 10) -> bytes:
    return commands.new_order(
        PAYER, client_order_id, instrument=0, side=Side.BUY, price_ticks=price, quantity_lots=lots
    )


def funded() -> Desk:
    desk = Desk()
    desk.fund(MAKER, eur=100)
    desk.fund(PAYER, usd=1000)
    return desk


def test_a_retried_order_tells_what_became_of_it_so_far() -> None:
    desk = funded()
    (accepted,) = desk.send(order(1))
    desk.sell(MAKER, 1, 10)
    desk.now_ns = 5  # a retry comes later; time is no part of what is compared
    (status,) = desk.send(order(1))
    assert (status.kind, status.side) == (EventKind.ORDER_STATUS, CommandKind.NEW_ORDER)
    assert (status.status, status.order_id) == (OrdStatus.PARTIALLY_FILLED, accepted.order_id)
    assert (status.quantity_lots, status.leaves_lots, status.cum_lots, status.notional_units) == (3, 2, 1, 10)
    desk.sell(MAKER, 2, 9)
    (status,) = desk.send(order(1))
    assert (status.status, status.leaves_lots, status.cum_lots) == (OrdStatus.FILLED, 0, 3)
    assert status.notional_units == 30  # the resting price, 10, for all three


def test_a_retried_refusal_is_the_same_refusal_even_when_it_would_now_pass() -> None:
    desk = Desk()
    assert desk.send(order(1))[0].reason == RejectReason.INSUFFICIENT_FUNDS
    desk.fund(PAYER, usd=1000)
    (status,) = desk.send(order(1))
    assert (status.status, status.reason) == (OrdStatus.REJECTED, RejectReason.INSUFFICIENT_FUNDS)
    assert desk.core.n_orders == 0


def test_a_retried_cancel_tells_what_was_cancelled() -> None:
    desk = funded()
    (accepted,) = desk.send(order(1))
    cancel = commands.cancel(PAYER, 2, order_id=accepted.order_id)
    desk.send(cancel)
    (status,) = desk.send(cancel)
    assert (status.side, status.status) == (CommandKind.CANCEL, OrdStatus.CANCELED)
    assert (status.order_id, status.cum_lots) == (accepted.order_id, 3)
    (status,) = desk.send(order(1))
    assert (status.status, status.cum_lots, status.leaves_lots) == (OrdStatus.CANCELED, 0, 0)


def test_a_retried_swap_tells_what_was_spent_and_delivered() -> None:
    desk = funded()
    desk.sell(MAKER, 100, 4)
    swap = commands.swap_in(PAYER, 1, USD, EUR, 43)
    desk.send(swap)
    (status,) = desk.send(swap)
    assert (status.side, status.status, status.instrument) == (CommandKind.SWAP, OrdStatus.FILLED, USD)
    assert (status.cum_lots, status.notional_units) == (40, 10)
    assert desk.has(PAYER, USD) == (960, 0)


def test_a_retried_deposit_credits_once() -> None:
    desk = Desk()
    deposit = commands.deposit(OPERATOR, 1, currency=USD, beneficiary=PAYER, amount_units=7)
    desk.send(deposit)
    first = desk.core.sequence
    (status,) = desk.send(deposit)
    assert (status.sequence, status.original_sequence) == (first + 1, first)
    assert (status.account, status.side, status.cum_lots) == (OPERATOR, CommandKind.DEPOSIT, 7)
    assert desk.has(PAYER, USD) == (7, 0)


def test_the_same_id_with_another_body_does_nothing() -> None:
    desk = funded()
    desk.send(order(1))
    (refused,) = desk.send(order(1, lots=4))
    assert (refused.kind, refused.reason) == (EventKind.REJECTED, RejectReason.CLIENT_ID_REUSED)
    assert desk.send(commands.cancel(PAYER, 1, orig_client_order_id=1))[0].reason == RejectReason.CLIENT_ID_REUSED
    assert desk.send(order(1))[0].kind is EventKind.ORDER_STATUS  # the first body still stands
    assert desk.core.depth(0, Side.BUY, 1) == [(10, 3)]


def test_an_id_is_missing_only_where_one_is_needed() -> None:
    desk = funded()
    assert desk.send(order(0))[0].reason == RejectReason.CLIENT_ID_MISSING
    assert desk.send(commands.cancel(PAYER, 0, order_id=1))[0].reason == RejectReason.UNKNOWN_ORDER


def test_one_window_above_the_highest_is_the_last_id_taken() -> None:
    desk = funded()
    assert desk.send(order(WINDOW + 1))[0].reason == RejectReason.CLIENT_ID_TOO_HIGH
    assert desk.core.client_id_highest(PAYER) == 0
    assert desk.send(order(WINDOW))[0].kind is EventKind.ACCEPTED
    assert desk.send(order(2 * WINDOW + 1))[0].reason == RejectReason.CLIENT_ID_TOO_HIGH
    assert desk.send(order(2 * WINDOW))[0].kind is EventKind.ACCEPTED


def test_one_window_below_the_highest_is_the_first_id_too_old() -> None:
    desk = funded()
    desk.send(order(1))
    desk.send(order(WINDOW))
    assert desk.send(order(1))[0].kind is EventKind.ORDER_STATUS  # 16 ids: 1 to 16
    desk.send(order(WINDOW + 1))
    assert desk.send(order(1))[0].reason == RejectReason.CLIENT_ID_TOO_OLD
    assert desk.send(order(2))[0].kind is EventKind.ACCEPTED  # skipped before, still within


def test_a_skipped_id_is_as_good_as_a_new_one_once() -> None:
    desk = funded()
    desk.send(order(5))
    assert desk.send(order(3))[0].kind is EventKind.ACCEPTED
    assert desk.send(order(3))[0].kind is EventKind.ORDER_STATUS
    assert desk.core.client_id_highest(PAYER) == 5


def test_ids_are_each_accounts_own() -> None:
    desk = funded()
    desk.send(order(7))
    assert desk.core.client_id_highest(MAKER) == 0
    assert desk.sell(MAKER, 1, 20, client_order_id=7)[0].kind is EventKind.ACCEPTED
