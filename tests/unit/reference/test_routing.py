"""Splits by hand: several books at once, shared books and residual steps, named routes, quotes. Both cores."""

import pytest

from bench.flows import Event, commands
from fxengine.codes import EventKind, RejectReason, SwapFlag, SwapMode
from tests.unit.reference.desk import EUR, HKD, JPY, MAKER, OTHER, PAYER, USD, Desk, pair

GBP = HKD
"""The desk's fourth currency by another name, as in the trap."""
CENT = 100


def receipt_of(events: list[Event]) -> Event:
    (receipt,) = (event for event in events if event.kind is EventKind.SWAPPED)
    return receipt


def spent_by_book(events: list[Event]) -> dict[int, int]:
    return {event.instrument: event.spent_units for event in events if event.kind is EventKind.SWAP_LEG}


def trap() -> Desk:
    """The books of the trap, in cents: a lot is ten of them, so that a rate is a price in tenths."""
    ends = ((USD, EUR), (GBP, JPY), (EUR, GBP), (USD, GBP), (EUR, JPY))
    desk = Desk(*(pair(base, quote, lot=10) for base, quote in ends))
    desk.fund(MAKER, usd=10**6, eur=10**6, hkd=10**6, jpy=10**6)
    desk.fund(PAYER, usd=200 * CENT)
    bids = ((0, 10, 100), (0, 1, 1_000), (1, 10, 100), (1, 1, 1_000), (2, 10, 100), (3, 9, 100), (4, 9, 100))
    for instrument, tenths, capacity in bids:
        desk.buy(MAKER, capacity * CENT // 10, tenths, instrument=instrument)
    return desk


def test_the_trap_is_walked_around_with_a_residual_step() -> None:
    desk = trap()
    events = desk.swap_in(PAYER, USD, JPY, 200 * CENT)
    # Greedy alone fills USD-EUR-GBP-JPY first, which blocks both others, and ends with 109.
    assert receipt_of(events).amount_out_units == 181 * CENT
    # 90 of the 100 EUR that went on to GBP are taken back: they go to JPY, and GBP comes straight from USD.
    cents = {book: spent // CENT for book, spent in spent_by_book(events).items()}
    assert cents == {0: 100, 3: 100, 2: 10, 4: 90, 1: 100}
    assert desk.has(PAYER, JPY) == (181 * CENT, 0)


def test_the_trap_the_other_way_round_costs_the_least() -> None:
    desk = trap()
    receipt = receipt_of(desk.swap_out(PAYER, USD, JPY, 181 * CENT))
    assert (receipt.amount_in_units, receipt.amount_out_units) == (200 * CENT, 181 * CENT)


def test_money_that_only_a_residual_step_could_not_use_is_not_spent() -> None:
    desk = Desk(pair(USD, EUR), pair(EUR, GBP), pair(GBP, JPY), pair(USD, GBP), pair(EUR, JPY, lot=1_000, tick_lot=900))
    desk.fund(MAKER, usd=10**6, eur=10**6, hkd=10**6, jpy=10**6)
    desk.fund(PAYER, usd=500)
    for instrument, lots, price in ((0, 10, 2), (1, 20, 1), (2, 20, 1), (3, 500, 1), (4, 1, 1)):
        desk.buy(MAKER, lots, price, instrument=instrument)
    # 10 USD go over EUR and GBP; then GBP-JPY is empty. Of the 20 EUR that could be taken back no lot of EUR-JPY
    # can be made; but for 490 USD there is nothing to be had, so this is no swap of 500.
    assert desk.quoted(commands.swap_in(PAYER, 1, USD, JPY, 500))[0] == RejectReason.INSUFFICIENT_LIQUIDITY
    part = receipt_of(desk.swap_in(PAYER, USD, JPY, 500, flags=SwapFlag.ALLOW_PARTIAL))
    assert (part.amount_in_units, part.amount_out_units, part.unfilled_units) == (10, 20, 490)


def test_where_residual_steps_take_too_many_fills_the_split_without_them_is_done() -> None:
    ends = ((USD, HKD, 1), (JPY, HKD, 5), (EUR, USD, 20), (JPY, USD, 1), (JPY, EUR, 1))
    desk = Desk(*(pair(base, quote, tick_lot=tick_lot) for base, quote, tick_lot in ends), max_fills=5)
    desk.fund(MAKER, eur=10_000, usd=10_000, jpy=10_000, hkd=10_000)
    desk.fund(PAYER, eur=200)
    for instrument, lots, price in ((0, 4, 1), (0, 4, 1), (1, 32, 7), (2, 1, 5)):
        desk.buy(MAKER, lots, price, instrument=instrument)
    for instrument, lots, price in ((3, 1, 7), (4, 5, 1_008)):
        desk.sell(MAKER, lots, price, instrument=instrument)
    # 1 EUR is 100 USD, of which 7 buy a JPY, which is 35 HKD: three fills. A residual step would find the way on for
    # the 93 USD that wait; its second one might touch two orders more, which is one too many.
    receipt = receipt_of(desk.swap_in(PAYER, EUR, HKD, 111))
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.fills) == (1, 35, 3)


def coarse_way() -> Desk:
    """EUR to HKD directly, 10 at 1, and at 2 over USD: three orders of 15, and lots of 25 USD."""
    desk = Desk(pair(EUR, HKD), pair(EUR, USD), pair(USD, HKD, lot=25))
    desk.fund(MAKER, usd=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 10, 1, instrument=0)
    for _ in range(3):
        desk.buy(MAKER, 15, 1, instrument=1)
    desk.buy(MAKER, 10, 50, instrument=2)
    return desk


def test_nobody_pays_for_whole_lots_of_change() -> None:
    # 45 EUR bring 45 USD, of which a lot takes 25: the 20 that wait for another one are not paid after all.
    desk = coarse_way()
    receipt = receipt_of(desk.swap_in(PAYER, EUR, HKD, 55))
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.fills) == (35, 60, 4)
    assert (desk.has(PAYER, EUR), desk.has(PAYER, USD)) == ((65, 0), (0, 0))
    desk = coarse_way()
    receipt = receipt_of(desk.swap_out(PAYER, EUR, HKD, 60))
    assert (receipt.amount_in_units, receipt.amount_out_units) == (35, 60)
    assert desk.has(PAYER, USD) == (0, 0)


def twin_ways() -> Desk:
    """EUR to USD over two ways of two levels each: 12 and 8 directly, 10 and 6 over JPY."""
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD))
    desk.fund(MAKER, usd=100_000, jpy=100_000)
    desk.fund(PAYER, eur=100)
    for price in (12, 8):
        desk.buy(MAKER, 10, price, instrument=0)
    for price in (10, 6):
        desk.buy(MAKER, 10, price, instrument=1)
    desk.buy(MAKER, 10_000, 1, instrument=2)
    return desk


def test_a_swap_takes_the_best_of_every_way_and_each_level_once() -> None:
    desk = twin_ways()
    events = desk.swap_in(PAYER, EUR, USD, 30)
    # 10 at 12, 10 at 10 over JPY, 10 at 8: 300; the best single path brings 10 x 12 + 10 x 8, and not all of it.
    assert receipt_of(events).amount_out_units == 300
    assert spent_by_book(events) == {0: 20, 1: 10, 2: 100}
    assert receipt_of(events).singles == 0, "no path bears 30 by itself"


def test_what_single_paths_would_have_given_is_told_best_first() -> None:
    desk = twin_ways()
    events = desk.swap_in(PAYER, EUR, USD, 20)
    assert receipt_of(events).amount_out_units == 220
    paths = [event for event in events if event.kind is EventKind.SWAP_PATH]
    assert [(p.n_legs, p.amount_in_units, p.amount_out_units, p.fills) for p in paths] == [
        (1, 20, 200, 2),
        (2, 20, 160, 3),
    ]


def test_an_exact_amount_out_is_put_together_from_several_ways_for_the_least() -> None:
    desk = twin_ways()
    receipt = receipt_of(desk.swap_out(PAYER, EUR, USD, 255))
    # 120 for 10, 100 for 10, and 35 more at 8 take 5 lots: 40. The 5 beyond are change.
    assert (receipt.amount_in_units, receipt.amount_out_units) == (25, 255)
    assert desk.has(PAYER, USD) == (260, 0)


def test_the_worst_price_holds_for_each_part_and_not_for_the_average() -> None:
    desk = twin_ways()
    command = commands.swap_in(PAYER, 1, EUR, USD, 30, worst_units=9 * 30)  # 10 each in all, but the last are at 8
    assert desk.quoted(command)[0] == RejectReason.WORST_PRICE_EXCEEDED
    part = commands.swap_in(PAYER, 1, EUR, USD, 30, worst_units=9 * 30, flags=SwapFlag.ALLOW_PARTIAL)
    receipt = receipt_of(desk.send(part))
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (20, 220, 10)


def test_rates_are_told_apart_to_the_last_unit() -> None:
    # A thousand-millionth apart, far less than what quick comparisons can tell.
    billion = 10**9
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD))
    desk.fund(MAKER, usd=10 * billion, jpy=10)
    desk.fund(PAYER, eur=10)
    desk.buy(MAKER, 1, billion, instrument=0)
    desk.buy(MAKER, 1, 1, instrument=1)
    desk.buy(MAKER, 1, billion + 1, instrument=2)
    for worst_units, reason in ((billion + 2, RejectReason.WORST_PRICE_EXCEEDED), (billion + 1, 0), (billion, 0)):
        assert desk.quoted(commands.swap_in(PAYER, 1, EUR, USD, 1, worst_units=worst_units))[0] == reason
    assert spent_by_book(desk.swap_in(PAYER, EUR, USD, 1)) == {1: 1, 2: 1}, "the longer way brings one unit more"
    for worst_units, reason in ((billion + 1, RejectReason.WORST_PRICE_EXCEEDED), (billion, 0), (billion - 1, 0)):
        assert desk.quoted(commands.swap_in(PAYER, 1, EUR, USD, 1, worst_units=worst_units))[0] == reason
    desk.buy(MAKER, 1, 1, instrument=1)
    desk.buy(MAKER, 1, billion - 1, instrument=2)
    assert spent_by_book(desk.swap_in(PAYER, EUR, USD, 1)) == {0: 1}


def test_offers_that_are_worth_more_than_there_can_be_in_sum_are_no_plan() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=2**33)
    for _ in range(3):
        desk.sell(MAKER, 2**31, 2**31 - 1)  # each for about 2**62 USD
    asked = commands.swap_out(PAYER, 1, USD, EUR, 3 * 2**31)
    assert desk.quoted(asked)[0] == RejectReason.INSUFFICIENT_LIQUIDITY
    assert desk.quoted(commands.swap_out(PAYER, 1, USD, EUR, 2**31))[:2] == (0, 2**31 * (2**31 - 1))


def test_what_is_left_is_held_against_the_next_order_however_far() -> None:
    desk = Desk(pair(EUR, USD), pair(JPY, USD), pair(EUR, JPY))
    desk.fund(MAKER, eur=100, jpy=100)
    desk.fund(PAYER, usd=500)
    for instrument, price in ((0, 2), (1, 3)):
        desk.sell(MAKER, 10, price, instrument=instrument)
        desk.sell(MAKER, 1, 1_000, instrument=instrument)
    desk.sell(MAKER, 50, 1, instrument=2)
    # 450 USD are left, which pay for no lot at 1,000: the amount is spent. It is the bound that protects the payer.
    receipt = receipt_of(desk.swap_in(PAYER, USD, EUR, 500, worst_units=100))
    assert (receipt.amount_in_units, receipt.amount_out_units, receipt.unfilled_units) == (50, 20, 0)


def test_all_paths_share_the_fills_of_one_command() -> None:
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD), max_fills=3)
    desk.fund(MAKER, usd=100_000, jpy=100_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 10, 12, instrument=0)
    desk.buy(MAKER, 10, 10, instrument=1)
    desk.buy(MAKER, 10_000, 1, instrument=2)
    assert receipt_of(desk.swap_in(PAYER, EUR, USD, 20)).fills == 3
    for price in (12, 11):
        desk.buy(MAKER, 5, price, instrument=0)
    desk.buy(MAKER, 10, 10, instrument=1)
    (refusal,) = desk.swap_in(PAYER, EUR, USD, 20)  # two and two are four
    assert refusal.reason == RejectReason.TOO_MANY_FILLS


def test_change_of_a_currency_that_several_legs_bring_is_told_once() -> None:
    # Two ways into USD, one out of it in lots of 50: what is less than a lot is one pot.
    desk = Desk(pair(EUR, USD, tick_lot=7), pair(EUR, JPY), pair(JPY, USD, tick_lot=3), pair(USD, HKD, lot=50))
    desk.fund(MAKER, usd=10_000, jpy=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 10, 2, instrument=0)
    desk.buy(MAKER, 10, 3, instrument=1)
    desk.buy(MAKER, 100, 1, instrument=2)
    desk.buy(MAKER, 100, 40, instrument=3)
    events = desk.swap_in(PAYER, EUR, HKD, 20)
    legs = [event for event in events if event.kind is EventKind.SWAP_LEG]
    into_usd = [leg for leg in legs if leg.instrument in (0, 2)]
    (out,) = (leg for leg in legs if leg.instrument == 3)
    left = sum(leg.received_units for leg in into_usd) - out.spent_units
    assert [leg.change_units for leg in into_usd] == [0] * (len(into_usd) - 1) + [left]
    assert desk.has(PAYER, USD) == (left, 0)


def test_a_quote_tells_what_the_swap_then_does_and_asks_for_no_money() -> None:
    desk = twin_ways()
    command = commands.swap_in(PAYER, 1, EUR, USD, 30)
    reason, paid, delivered, unfilled, fills, legs, singles = desk.quoted(command)
    assert (reason, paid, delivered, unfilled, fills, singles) == (0, 30, 300, 0, 4, ())
    events = desk.send(command)
    told = [event for event in events if event.kind is EventKind.SWAP_LEG]
    assert legs == tuple(
        (e.instrument, e.side, e.quantity_lots, e.spent_units, e.received_units, e.fee_units, e.change_units, e.fills)
        for e in told
    )
    assert desk.has(OTHER, EUR) == (0, 0)
    assert desk.quoted(commands.swap_in(OTHER, 1, EUR, USD, 1))[:3] == (0, 1, 6), "who asks need not have it"


def test_a_quote_says_why_the_swap_would_be_refused() -> None:
    desk = twin_ways()
    for wrong, reason in (
        ({"mode": 9}, RejectReason.BAD_SWAP_MODE),
        ({"currency_out": EUR}, RejectReason.SAME_CURRENCY),
        ({"amount_units": 1_000}, RejectReason.INSUFFICIENT_LIQUIDITY),
        ({"bound_units": 10**9}, RejectReason.BOUND_EXCEEDED),
        ({"payee": 99}, RejectReason.UNKNOWN_ACCOUNT),
    ):
        right = {
            "currency_in": EUR,
            "currency_out": USD,
            "mode": SwapMode.EXACT_IN,
            "amount_units": 5,
            "bound_units": 1,
        }
        assert desk.quoted(commands.swap(PAYER, 1, **(right | wrong))) == (reason, 0, 0, 0, 0, (), ())
    for core in (desk.core, desk.twin):
        with pytest.raises(ValueError, match="len"):
            core.swap_quote(b"short")
        with pytest.raises(IndexError):
            core.swap_quote(commands.swap(99, 1, **right))


def test_named_routes_are_taken_and_no_others() -> None:
    pairs = pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD)
    desk = Desk(*pairs, routes=((EUR, JPY, USD),))
    desk.fund(MAKER, usd=100_000, jpy=100_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 10, 12, instrument=0)
    desk.buy(MAKER, 10, 10, instrument=1)
    desk.buy(MAKER, 1_000, 1, instrument=2)
    assert spent_by_book(desk.swap_in(PAYER, EUR, USD, 5)) == {1: 5, 2: 50}
    assert desk.swap_in(PAYER, EUR, USD, 15)[0].reason == RejectReason.INSUFFICIENT_LIQUIDITY
    assert spent_by_book(desk.swap_in(PAYER, EUR, JPY, 2)) == {1: 2}, "other pairs take what they find"


def test_of_named_routes_that_are_worth_the_same_the_shorter_comes_first() -> None:
    desk = Desk(pair(EUR, USD), pair(EUR, JPY), pair(JPY, USD), routes=((EUR, JPY, USD), (EUR, USD)))
    desk.fund(MAKER, usd=100_000, jpy=100_000)
    desk.fund(PAYER, eur=100)
    for instrument, lots, price in ((0, 10, 10), (1, 10, 10), (2, 1_000, 1)):
        desk.buy(MAKER, lots, price, instrument=instrument)
    assert spent_by_book(desk.swap_in(PAYER, EUR, USD, 15)) == {0: 10, 1: 5, 2: 50}


def test_of_paths_that_want_a_book_in_opposite_directions_both_are_tried() -> None:
    # At their tops EUR-USD-JPY-HKD brings 12 and EUR-JPY-USD-HKD 4, over the same USD-JPY book the other way.
    desk = Desk(pair(EUR, USD), pair(USD, JPY), pair(JPY, HKD), pair(EUR, JPY), pair(USD, HKD))
    desk.fund(MAKER, eur=10_000, usd=10_000, jpy=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    desk.buy(MAKER, 2, 3, instrument=0)
    desk.buy(MAKER, 20, 2, instrument=1)
    desk.sell(MAKER, 100, 3, instrument=1)
    desk.buy(MAKER, 2, 2, instrument=2)
    desk.buy(MAKER, 10, 3, instrument=3)
    desk.buy(MAKER, 100, 4, instrument=4)
    events = desk.swap_in(PAYER, EUR, HKD, 9)
    # With the better path the rest is stuck in JPY. With the other: 2 EUR and 6 USD bring 24 HKD; 7 EUR make 21 JPY,
    # of which 2 bring 4 HKD, 18 make 6 USD and 24 HKD more, and one is change.
    assert list(spent_by_book(events).items()) == [(0, 2), (3, 7), (1, 18), (4, 12), (2, 2)]
    assert receipt_of(events).amount_out_units == 24 + 4 + 24
    assert desk.has(PAYER, JPY) == (1, 0)


def test_a_path_that_was_left_out_is_missed_if_it_begins_better_by_a_thousand_millionth() -> None:
    billion = 10**9
    desk = Desk(
        pair(EUR, USD),
        pair(USD, JPY),
        pair(JPY, HKD, lot=2, tick_lot=3),
        pair(EUR, JPY),
        pair(USD, HKD),
        pair(EUR, HKD),
    )
    desk.fund(MAKER, usd=10, jpy=10, hkd=20 * billion)
    desk.fund(PAYER, eur=3)
    desk.buy(MAKER, 1, 1, instrument=0)
    desk.buy(MAKER, 1, 1, instrument=1)
    desk.sell(MAKER, 2, 2, instrument=1)
    desk.buy(MAKER, 1, billion, instrument=2)
    desk.buy(MAKER, 3, 2, instrument=3)
    desk.buy(MAKER, 3, billion + 1, instrument=4)
    desk.buy(MAKER, 3, billion, instrument=5)
    # EUR-USD-JPY-HKD begins at 1.5 and EUR-JPY-USD-HKD at 1.000000001, which is left out: the third EUR goes directly.
    events = desk.swap_in(PAYER, EUR, HKD, 3)
    assert receipt_of(events).amount_out_units == 3 * billion + (billion + 1) + (billion + 1), "one more than directly"
    assert spent_by_book(events) == {0: 1, 3: 2, 1: 2, 4: 2, 2: 2}


def test_own_orders_are_met_like_any_others() -> None:
    desk = twin_ways()
    desk.fund(PAYER, usd=100)
    desk.buy(PAYER, 2, 20, instrument=0)
    before = desk.has(PAYER, USD)
    receipt = receipt_of(desk.swap_in(PAYER, EUR, USD, 2))
    assert receipt.amount_out_units == 40
    assert desk.has(PAYER, USD) == (before[0] + 40, before[1] - 40)
