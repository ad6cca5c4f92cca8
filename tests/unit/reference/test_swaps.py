"""Instant swaps by hand: one to three books, both ends exact, change per leg, payees, ties and refusals."""

import pytest

from bench.flows import commands
from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, RejectReason, SwapMode
from tests.unit.reference.desk import EUR, HKD, JPY, MAKER, OTHER, PAYER, USD, Desk, pair

FILL, SWAPPED, RECEIVED = EventKind.FILL, EventKind.SWAPPED, EventKind.RECEIVED


def two_books(*, taker: int = 0) -> Desk:
    """EUR/USD offered at 2, and JPY/USD bid at 3: JPY buys EUR over USD."""
    desk = Desk(pair(EUR, USD, lot=10, tick_lot=10, taker=taker), pair(JPY, USD, lot=5, tick_lot=4, taker=taker))
    desk.fund(MAKER, eur=1000)
    desk.fund(OTHER, usd=10_000)
    desk.fund(PAYER, jpy=1000)
    desk.sell(MAKER, 100, 2)  # a lot of 10 EUR costs 20 USD
    desk.buy(OTHER, 100, 3, instrument=1)  # a lot of 5 JPY brings 12 USD
    return desk


def refused(desk: Desk, reason: RejectReason, command: bytes) -> None:
    before = [desk.has(account, currency) for account in range(6) for currency in range(4)]
    (event,) = desk.send(command)
    assert (event.kind, event.reason) == (EventKind.REJECTED, reason)
    assert [desk.has(account, currency) for account in range(6) for currency in range(4)] == before


def test_exact_in_spends_whole_lots_and_leaves_change_at_each_leg() -> None:
    desk = two_books()
    *fills, receipt = desk.swap_in(PAYER, JPY, EUR, 43)
    # 43 JPY are 8 lots (40 JPY): 96 USD; 4 lots of EUR cost 80: 40 EUR, and 16 USD stay as change.
    assert [(f.kind, f.account, f.instrument, f.quantity_lots) for f in fills] == [
        (FILL, OTHER, 1, 8), (FILL, PAYER, 1, 8), (FILL, MAKER, 0, 4), (FILL, PAYER, 0, 4)
    ]  # fmt: skip
    assert [f.flags for f in fills[1::2]] == [EventFlag.TAKER | EventFlag.SWAP] * 2
    assert [f.order_id for f in fills[1::2]] == [0, 0]
    assert (receipt.kind, receipt.instrument, receipt.currency_out) == (SWAPPED, JPY, EUR)
    assert (receipt.amount_in_units, receipt.amount_out_units) == (40, 40)
    assert (receipt.n_legs, receipt.path_0, receipt.path_1) == (2, 1, 0)
    assert (receipt.change_units_0, receipt.change_units_1, receipt.change_units_2) == (16, 0, 0)
    assert [desk.has(PAYER, c) for c in (JPY, USD, EUR)] == [(960, 0), (16, 0), (40, 0)]


def test_exact_out_delivers_exactly_and_the_payer_keeps_what_a_lot_yields_beyond() -> None:
    desk = two_books()
    *_, receipt, received = desk.swap_out(PAYER, JPY, EUR, 33, payee=OTHER)
    # 33 EUR need 4 lots: 80 USD, which need 7 lots of JPY: 84 USD for 35 JPY.
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.counterparty) == (35, 33, OTHER)
    assert (receipt.change_units_0, receipt.change_units_1) == (4, 7)
    assert (received.kind, received.account, received.counterparty) == (RECEIVED, OTHER, PAYER)
    assert (received.instrument, received.amount_units) == (EUR, 33)
    assert desk.has(OTHER, EUR) == (33, 0)
    assert [desk.has(PAYER, c) for c in (JPY, USD, EUR)] == [(965, 0), (4, 0), (7, 0)]


def test_each_leg_pays_its_fee_from_what_it_received() -> None:
    desk = two_books(taker=10_000)  # 1 %
    *fills, receipt = desk.swap_in(PAYER, JPY, EUR, 43)
    # 96 USD less 1 (ceil 0.96) buy 4 lots for 80, change 15; 40 EUR less 1 (ceil 0.4).
    assert [f.fee_units for f in fills] == [0, 1, 0, 1]
    assert (receipt.amount_out_units, receipt.change_units_0) == (39, 15)
    assert (desk.has(FEES_ACCOUNT, USD), desk.has(FEES_ACCOUNT, EUR)) == ((1, 0), (1, 0))


def test_exact_out_is_net_of_the_last_legs_fee() -> None:
    desk = Desk(pair(EUR, USD, taker=10_000))
    desk.fund(MAKER, eur=20_000)
    desk.fund(PAYER, usd=20_000)
    desk.sell(MAKER, 20_000, 1)
    *_, receipt = desk.swap_out(PAYER, USD, EUR, 10_000)
    # The least gross whose fee leaves 10,000: 10,102 less ceil(101.02) = 102.
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.change_units_0) == (10_102, 10_000, 0)


def test_the_worked_example_with_fees_takes_the_least_lot_multiple_that_leaves_exactly_100() -> None:
    desk = Desk(pair(EUR, USD, taker=10_000, lot=100))  # cents, in lots of one EUR; the taker's fee is 1 %
    desk.fund(MAKER, eur=20_000)
    desk.fund(PAYER, usd=1_000)
    desk.sell(MAKER, 200, 1)
    *_, receipt, received = desk.swap_out(PAYER, USD, EUR, 10_000, payee=OTHER)
    # 101 lots leave 10,100 - 101 = 9,999; 102 leave 10,200 - 102 = 10,098: the 98 beyond are the payer's.
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.change_units_0) == (102, 10_000, 98)
    assert (received.account, received.amount_units) == (OTHER, 10_000)
    assert (desk.has(OTHER, EUR), desk.has(PAYER, EUR)) == ((10_000, 0), (98, 0))


def test_a_worked_example_of_the_trading_rules() -> None:
    desk = Desk(pair(JPY, USD))  # prices and amounts in cents: 90 JPY at 0.16 and 10 JPY at 0.40
    desk.fund(MAKER, jpy=100)
    desk.fund(PAYER, usd=5000)
    desk.sell(MAKER, 90, 16)
    desk.sell(MAKER, 10, 40)
    *_, receipt = desk.swap_out(PAYER, USD, JPY, 100)
    assert receipt.amount_in_units == 1840


def test_three_books_where_no_fewer_join_the_ends() -> None:
    desk = Desk(pair(EUR, USD), pair(USD, JPY), pair(JPY, HKD))
    desk.fund(MAKER, usd=100, jpy=100, hkd=1000)
    desk.fund(PAYER, eur=10)
    desk.buy(MAKER, 10, 2, instrument=0)
    desk.buy(MAKER, 20, 3, instrument=1)
    desk.buy(MAKER, 60, 4, instrument=2)
    *_, receipt = desk.swap_in(PAYER, EUR, HKD, 10)
    assert (receipt.n_legs, receipt.path_0, receipt.path_1, receipt.path_2) == (3, 0, 1, 2)
    assert receipt.amount_out_units == 10 * 2 * 3 * 4


def test_the_best_path_wins_and_a_tie_goes_to_fewer_books_then_lower_currencies() -> None:
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD), pair(EUR, HKD), pair(HKD, USD))
    desk.fund(MAKER, usd=10_000, jpy=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 2, 6, instrument=0)
    desk.buy(MAKER, 50, 2, instrument=1)
    desk.buy(MAKER, 50, 3, instrument=2)
    desk.buy(MAKER, 50, 3, instrument=3)
    desk.buy(MAKER, 50, 2, instrument=4)
    assert desk.swap_in(PAYER, EUR, USD, 2)[-1].n_legs == 1  # 12 over each of the three paths
    desk.buy(MAKER, 2, 5, instrument=0)
    receipt = desk.swap_in(PAYER, EUR, USD, 2)[-1]  # 10, 12 over JPY, 12 over HKD
    assert (receipt.path_0, receipt.path_1, receipt.amount_out_units) == (1, 2, 12)
    receipt = desk.swap_out(PAYER, EUR, USD, 10)[-1]  # 2 EUR over each: 10, 12 and 12 USD come in
    assert (receipt.n_legs, receipt.amount_in_units) == (1, 2)


def test_a_path_counts_only_if_the_payer_may_hold_every_currency_on_it() -> None:
    desk = two_books()
    desk.send(commands.credential(6, "payer-2", permitted=(JPY, EUR)))
    desk.fund(6, jpy=100)
    refused(desk, RejectReason.NO_PATH, commands.swap_in(6, 1, JPY, EUR, 40))


def test_swaps_are_refused_with_their_reason_and_move_nothing() -> None:
    desk = two_books()
    desk.now_ns = 100
    ids = iter(range(1, 99))

    def swap(pay: int, get: int, amount: int, **more: int) -> bytes:
        return commands.swap_in(PAYER, next(ids), pay, get, amount, **more)

    def swap_out(amount: int, **more: int) -> bytes:
        return commands.swap_out(PAYER, next(ids), JPY, EUR, amount, **more)

    refused(desk, RejectReason.UNKNOWN_CURRENCY, swap(JPY, 4, 40))
    refused(desk, RejectReason.SAME_CURRENCY, swap(JPY, JPY, 40))
    refused(
        desk,
        RejectReason.BAD_SWAP_MODE,
        commands.swap(PAYER, next(ids), currency_in=JPY, currency_out=EUR, mode=3, amount_units=1, bound_units=1),
    )
    refused(desk, RejectReason.AMOUNT_OUT_OF_RANGE, swap(JPY, EUR, 0))
    refused(desk, RejectReason.AMOUNT_OUT_OF_RANGE, swap(JPY, EUR, 40, bound_units=0))
    refused(desk, RejectReason.DEADLINE_PASSED, swap(JPY, EUR, 40, deadline_ns=100))
    refused(desk, RejectReason.UNKNOWN_ACCOUNT, swap(JPY, EUR, 40, payee=99))
    refused(desk, RejectReason.PAYEE_NOT_PERMITTED, swap(JPY, EUR, 40, payee=2))
    refused(desk, RejectReason.INSUFFICIENT_FUNDS, swap(JPY, EUR, 1001))
    refused(desk, RejectReason.NO_PATH, swap(JPY, HKD, 40))
    refused(desk, RejectReason.INSUFFICIENT_LIQUIDITY, swap(JPY, EUR, 505))  # 101 lots; 100 are bid for
    refused(desk, RejectReason.INSUFFICIENT_LIQUIDITY, swap(JPY, EUR, 4))  # less than a lot
    refused(desk, RejectReason.INSUFFICIENT_LIQUIDITY, swap_out(1001))
    refused(desk, RejectReason.BOUND_EXCEEDED, swap(JPY, EUR, 43, bound_units=41))
    refused(desk, RejectReason.BOUND_EXCEEDED, swap_out(33, bound_units=34))
    assert desk.send(swap(JPY, EUR, 43, bound_units=40, deadline_ns=101))[-1].kind is SWAPPED
    assert desk.send(swap_out(33, bound_units=35))[-1].kind is SWAPPED


def test_exact_out_needs_the_money_it_turns_out_to_cost() -> None:
    desk = two_books()
    desk.pay_out(PAYER, JPY, 966)
    refused(
        desk, RejectReason.INSUFFICIENT_FUNDS, commands.swap_out(PAYER, 1, JPY, EUR, 33)
    )  # it costs 35, 34 are left
    assert desk.swap_out(PAYER, JPY, EUR, 30)[-1].amount_in_units == 25  # 3 lots: 60 USD, which 5 lots of JPY bring


@pytest.mark.parametrize("mode", SwapMode)
def test_a_swap_that_needs_more_fills_than_a_command_may_make_is_refused(mode: SwapMode) -> None:
    desk = Desk(max_fills=2)
    desk.fund(MAKER, eur=3)
    desk.fund(PAYER, usd=30)
    for _ in range(3):
        desk.sell(MAKER, 1, 10)
    amount, more = (3, 30) if mode is SwapMode.EXACT_OUT else (30, 20)
    write = commands.swap_out if mode is SwapMode.EXACT_OUT else commands.swap_in
    refused(desk, RejectReason.INSUFFICIENT_LIQUIDITY, write(PAYER, 1, USD, EUR, amount))
    fewer = amount * 2 // 3 if mode is SwapMode.EXACT_OUT else more
    assert desk.send(write(PAYER, 2, USD, EUR, fewer))[-1].amount_out_units == 2
