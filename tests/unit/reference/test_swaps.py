"""Instant swaps by hand over single paths: both ends exact, change per leg, payees, ties, parts and refusals."""

import pytest

from bench.flows import Event, commands
from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, RejectReason, Side, SwapFlag, SwapMode
from tests.unit.reference.desk import EUR, HKD, JPY, MAKER, OTHER, PAYER, USD, Desk, pair

FILL, SWAPPED, RECEIVED = EventKind.FILL, EventKind.SWAPPED, EventKind.RECEIVED


def of(kind: EventKind, events: list[Event]) -> list[Event]:
    return [event for event in events if event.kind is kind]


def receipt_of(events: list[Event]) -> Event:
    (receipt,) = of(SWAPPED, events)
    return receipt


def books(events: list[Event]) -> list[int]:
    return [leg.instrument for leg in of(EventKind.SWAP_LEG, events)]


def changes(events: list[Event]) -> list[int]:
    return [leg.change_units for leg in of(EventKind.SWAP_LEG, events)]


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


def test_exact_in_spends_no_more_than_makes_whole_lots_and_tells_each_leg() -> None:
    desk = two_books()
    events = desk.swap_in(PAYER, JPY, EUR, 43)
    # 43 JPY are 8 lots, 96 USD, and 4 lots of EUR cost 80: 7 lots (35 JPY, 84 USD) do as well. 4 USD are change.
    fills = of(FILL, events)
    assert [(f.account, f.instrument, f.quantity_lots) for f in fills] == [
        (OTHER, 1, 7), (PAYER, 1, 7), (MAKER, 0, 4), (PAYER, 0, 4)
    ]  # fmt: skip
    assert [f.flags for f in fills[1::2]] == [EventFlag.TAKER | EventFlag.SWAP] * 2
    assert [f.order_id for f in fills[1::2]] == [0, 0]
    legs = of(EventKind.SWAP_LEG, events)
    assert [(g.instrument, g.side, g.quantity_lots, g.spent_units, g.received_units, g.fills) for g in legs] == [
        (1, Side.SELL, 7, 35, 84, 1), (0, Side.BUY, 4, 80, 40, 1)
    ]  # fmt: skip
    receipt = receipt_of(events)
    assert (receipt.instrument, receipt.currency_out, receipt.mode) == (JPY, EUR, SwapMode.EXACT_IN)
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (35, 40, 0)
    assert (receipt.n_legs, receipt.fills, receipt.singles) == (2, 2, 1)
    assert changes(events) == [4, 0]
    assert [desk.has(PAYER, c) for c in (JPY, USD, EUR)] == [(965, 0), (4, 0), (40, 0)]
    (path,) = of(EventKind.SWAP_PATH, events)
    assert (path.n_legs, path.path_0, path.path_1, path.amount_in_units, path.amount_out_units) == (2, 1, 0, 35, 40)


def test_exact_out_delivers_exactly_and_the_payer_keeps_what_a_lot_yields_beyond() -> None:
    desk = two_books()
    events = desk.swap_out(PAYER, JPY, EUR, 33, payee=OTHER)
    # 33 EUR need 4 lots: 80 USD, which need 7 lots of JPY: 84 USD for 35 JPY.
    receipt, received = events[-2:]
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.counterparty) == (35, 33, OTHER)
    assert changes(events) == [4, 7]
    assert (received.kind, received.account, received.counterparty) == (RECEIVED, OTHER, PAYER)
    assert (received.instrument, received.amount_units) == (EUR, 33)
    assert desk.has(OTHER, EUR) == (33, 0)
    assert [desk.has(PAYER, c) for c in (JPY, USD, EUR)] == [(965, 0), (4, 0), (7, 0)]


def test_each_leg_pays_its_fee_from_what_it_received() -> None:
    desk = two_books(taker=10_000)  # 1 %
    events = desk.swap_in(PAYER, JPY, EUR, 43)
    # 84 USD less 1 (ceil 0.84) buy 4 lots for 80, change 3; 40 EUR less 1 (ceil 0.4).
    assert [f.fee_units for f in of(FILL, events)] == [0, 1, 0, 1]
    assert [leg.fee_units for leg in of(EventKind.SWAP_LEG, events)] == [1, 1]
    assert (receipt_of(events).amount_out_units, changes(events)) == (39, [3, 0])
    assert (desk.has(FEES_ACCOUNT, USD), desk.has(FEES_ACCOUNT, EUR)) == ((1, 0), (1, 0))


def test_exact_out_is_net_of_the_last_legs_fee() -> None:
    desk = Desk(pair(EUR, USD, taker=10_000))
    desk.fund(MAKER, eur=20_000)
    desk.fund(PAYER, usd=20_000)
    desk.sell(MAKER, 20_000, 1)
    events = desk.swap_out(PAYER, USD, EUR, 10_000)
    # The least gross whose fee leaves 10,000: 10,102 less ceil(101.02) = 102.
    receipt = receipt_of(events)
    assert (receipt.amount_in_units, receipt.amount_out_units, changes(events)) == (10_102, 10_000, [0])


def test_the_worked_example_with_fees_takes_the_least_lot_multiple_that_leaves_exactly_100() -> None:
    desk = Desk(pair(EUR, USD, taker=10_000, lot=100))  # cents, in lots of one EUR; the taker's fee is 1 %
    desk.fund(MAKER, eur=20_000)
    desk.fund(PAYER, usd=1_000)
    desk.sell(MAKER, 200, 1)
    events = desk.swap_out(PAYER, USD, EUR, 10_000, payee=OTHER)
    receipt, received = events[-2:]
    # 101 lots leave 10,100 - 101 = 9,999; 102 leave 10,200 - 102 = 10,098: the 98 beyond are the payer's.
    assert (receipt.amount_in_units, receipt.amount_out_units, changes(events)) == (102, 10_000, [98])
    assert (received.account, received.amount_units) == (OTHER, 10_000)
    assert (desk.has(OTHER, EUR), desk.has(PAYER, EUR)) == ((10_000, 0), (98, 0))


def offers_of_the_worked_example() -> Desk:
    desk = Desk(pair(JPY, USD))  # prices and amounts in cents: 90 JPY at 0.16 and 10 JPY at 0.40
    desk.fund(MAKER, jpy=100)
    desk.fund(PAYER, usd=5000)
    desk.sell(MAKER, 90, 16)
    desk.sell(MAKER, 10, 40)
    return desk


def test_the_worked_example_of_the_trading_rules() -> None:
    assert receipt_of(offers_of_the_worked_example().swap_out(PAYER, USD, JPY, 100)).amount_in_units == 1840


def test_the_worked_example_with_a_worst_price_is_refused_or_with_a_part_allowed_fills_what_is_within_it() -> None:
    desk = offers_of_the_worked_example()
    worst = 100 * 20  # all of it at 0.20
    refused(
        desk,
        RejectReason.WORST_PRICE_EXCEEDED,
        commands.swap_out(PAYER, desk.next_id(PAYER), USD, JPY, 100, worst_units=worst),
    )
    events = desk.swap_out(PAYER, USD, JPY, 100, worst_units=worst, flags=SwapFlag.ALLOW_PARTIAL)
    receipt = receipt_of(events)
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (1440, 90, 10)
    assert desk.has(PAYER, JPY) == (90, 0)


def test_a_fill_at_exactly_the_worst_price_is_within_it_over_several_books_too() -> None:
    # 0.9 x 0.9 is 0.81 exactly, whatever a machine makes of 0.9.
    desk = Desk(pair(EUR, USD, lot=10), pair(USD, JPY, lot=10))
    desk.fund(MAKER, usd=1_000, jpy=1_000)
    desk.fund(PAYER, eur=200)
    desk.buy(MAKER, 10, 9, instrument=0)
    desk.buy(MAKER, 9, 9, instrument=1)
    at = {"worst_units": 81, "bound_units": 1}
    refused(
        desk,
        RejectReason.WORST_PRICE_EXCEEDED,
        commands.swap_in(PAYER, desk.next_id(PAYER), EUR, JPY, 100, **(at | {"worst_units": 82})),
    )
    assert receipt_of(desk.swap_in(PAYER, EUR, JPY, 100, **at)).amount_out_units == 81


def test_a_part_of_an_exact_amount_in_is_what_the_books_take() -> None:
    desk = two_books()
    refused(desk, RejectReason.INSUFFICIENT_LIQUIDITY, commands.swap_in(PAYER, desk.next_id(PAYER), JPY, EUR, 900))
    events = desk.swap_in(PAYER, JPY, EUR, 900, flags=SwapFlag.ALLOW_PARTIAL)
    receipt = receipt_of(events)
    # All 100 lots that are bid for, 500 JPY, bring 1,200 USD: 60 lots of EUR.
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (500, 600, 400)


def test_a_part_of_an_exact_amount_out_costs_at_most_the_bound() -> None:
    desk = offers_of_the_worked_example()
    events = desk.swap_out(PAYER, USD, JPY, 100, bound_units=1500, flags=SwapFlag.ALLOW_PARTIAL)
    receipt = receipt_of(events)  # 90 cost 1440, one more would cost 1480, two 1520
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (1480, 91, 9)


def test_a_part_that_brings_less_than_the_bound_is_refused() -> None:
    desk = two_books()
    command = commands.swap_in(PAYER, desk.next_id(PAYER), JPY, EUR, 900, bound_units=601, flags=SwapFlag.ALLOW_PARTIAL)
    refused(desk, RejectReason.BOUND_EXCEEDED, command)


def test_three_books_where_no_fewer_join_the_ends() -> None:
    desk = Desk(pair(EUR, USD), pair(USD, JPY), pair(JPY, HKD))
    desk.fund(MAKER, usd=100, jpy=100, hkd=1000)
    desk.fund(PAYER, eur=10)
    desk.buy(MAKER, 10, 2, instrument=0)
    desk.buy(MAKER, 20, 3, instrument=1)
    desk.buy(MAKER, 60, 4, instrument=2)
    events = desk.swap_in(PAYER, EUR, HKD, 10)
    assert books(events) == [0, 1, 2]
    assert receipt_of(events).amount_out_units == 10 * 2 * 3 * 4


def test_the_best_path_wins_and_a_tie_goes_to_fewer_books_then_lower_currencies() -> None:
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD), pair(EUR, HKD), pair(HKD, USD))
    desk.fund(MAKER, usd=10_000, jpy=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 2, 6, instrument=0)
    desk.buy(MAKER, 50, 2, instrument=1)
    desk.buy(MAKER, 50, 3, instrument=2)
    desk.buy(MAKER, 50, 3, instrument=3)
    desk.buy(MAKER, 50, 2, instrument=4)
    assert books(desk.swap_in(PAYER, EUR, USD, 2)) == [0]  # 12 over each of the three paths
    desk.buy(MAKER, 2, 5, instrument=0)
    events = desk.swap_in(PAYER, EUR, USD, 2)  # 10, 12 over JPY, 12 over HKD
    assert (books(events), receipt_of(events).amount_out_units) == ([1, 2], 12)
    events = desk.swap_out(PAYER, EUR, USD, 10)  # 2 EUR over each: 10, 12 and 12 USD come in
    assert (books(events), receipt_of(events).amount_in_units) == ([0], 2)


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
    refused(desk, RejectReason.BAD_SWAP_FLAGS, swap(JPY, EUR, 40, flags=2))
    refused(desk, RejectReason.AMOUNT_OUT_OF_RANGE, swap(JPY, EUR, 40, worst_units=-1))
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
    refused(desk, RejectReason.WORST_PRICE_EXCEEDED, swap(JPY, EUR, 43, worst_units=52))
    assert desk.send(swap(JPY, EUR, 43, bound_units=40, worst_units=51, deadline_ns=101))[-1].kind is SWAPPED
    assert desk.send(swap_out(33, bound_units=35))[-1].kind is SWAPPED


def test_exact_out_needs_the_money_it_turns_out_to_cost() -> None:
    desk = two_books()
    desk.pay_out(PAYER, JPY, 966)
    refused(
        desk, RejectReason.INSUFFICIENT_FUNDS, commands.swap_out(PAYER, 1, JPY, EUR, 33)
    )  # it costs 35, 34 are left
    assert (
        receipt_of(desk.swap_out(PAYER, JPY, EUR, 30)).amount_in_units == 25
    )  # 3 lots: 60 USD, which 5 lots of JPY bring


@pytest.mark.parametrize("mode", SwapMode)
def test_a_swap_that_needs_more_fills_than_a_command_may_make_is_refused(mode: SwapMode) -> None:
    desk = Desk(max_fills=2)
    desk.fund(MAKER, eur=3)
    desk.fund(PAYER, usd=30)
    for _ in range(3):
        desk.sell(MAKER, 1, 10)
    amount = 3 if mode is SwapMode.EXACT_OUT else 30
    write = commands.swap_out if mode is SwapMode.EXACT_OUT else commands.swap_in
    refused(desk, RejectReason.TOO_MANY_FILLS, write(PAYER, 1, USD, EUR, amount))
    part = desk.send(write(PAYER, 2, USD, EUR, amount, flags=SwapFlag.ALLOW_PARTIAL))[-1]
    assert (part.amount_out_units, part.fills, part.unfilled_units > 0) == (2, 2, True)


@pytest.mark.parametrize("mode", SwapMode)
def test_a_swap_of_as_many_fills_as_a_command_may_make_is_done(mode: SwapMode) -> None:
    desk = Desk(max_fills=2)
    desk.fund(MAKER, eur=3)
    desk.fund(PAYER, usd=30)
    for _ in range(3):
        desk.sell(MAKER, 1, 10)
    write, amount = (commands.swap_out, 2) if mode is SwapMode.EXACT_OUT else (commands.swap_in, 20)
    assert desk.send(write(PAYER, 1, USD, EUR, amount))[-1].amount_out_units == 2
