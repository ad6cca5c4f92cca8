"""One fee for a whole swap, on its last leg: what it is charged on, and that it changes nothing else. Both cores."""

from bench.flows import Event
from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, OrdType, Side
from tests.unit.reference.desk import EUR, HKD, JPY, MAKER, OTHER, PAYER, USD, Desk, pair

PERCENT = 10_000
"""In hundredths of a basis point."""


def legs(events: list[Event]) -> list[tuple[int, int, int]]:
    """Return each leg's book, receipt and fee."""
    return [(e.instrument, e.received_units, e.fee_units) for e in events if e.kind is EventKind.SWAP_LEG]


def delivered(events: list[Event]) -> int:
    return next(e.amount_out_units for e in events if e.kind is EventKind.SWAPPED)


def chain(*, swap_rate: int | None) -> Desk:
    """EUR-USD-JPY at 2 and 3, where makers pay a percent and takers five."""
    pairs = (pair(EUR, USD, maker=PERCENT, taker=5 * PERCENT), pair(USD, JPY, maker=PERCENT, taker=5 * PERCENT))
    desk = Desk(*pairs, swap_rate=swap_rate)
    desk.fund(MAKER, usd=10_000, jpy=10_000)
    desk.fund(PAYER, eur=1_000)
    desk.buy(MAKER, 1_000, 2, instrument=0)
    desk.buy(MAKER, 3_000, 3, instrument=1)
    return desk


def test_without_one_each_leg_pays_its_books_taker_fee() -> None:
    events = chain(swap_rate=None).swap_in(PAYER, EUR, JPY, 100)
    assert legs(events) == [(0, 200, 10), (1, 570, 29)]


def test_with_one_the_last_leg_pays_it_and_the_others_nothing() -> None:
    desk = chain(swap_rate=2 * PERCENT)
    events = desk.swap_in(PAYER, EUR, JPY, 100)
    assert legs(events) == [(0, 200, 0), (1, 600, 12)]
    assert delivered(events) == 600 - 12
    # Makers pay as ever: a percent of 100 EUR and of 200 USD.
    assert [desk.has(FEES_ACCOUNT, c)[0] for c in (EUR, USD, JPY)] == [1, 2, 12]


def test_a_swap_over_one_book_pays_it_too() -> None:
    assert legs(chain(swap_rate=2 * PERCENT).swap_in(PAYER, EUR, USD, 100)) == [(0, 200, 4)]
    assert legs(chain(swap_rate=0).swap_in(PAYER, EUR, USD, 100)) == [(0, 200, 0)]


def test_an_exact_amount_out_is_exact_after_it() -> None:
    events = chain(swap_rate=2 * PERCENT).swap_out(PAYER, EUR, JPY, 588)
    assert legs(events) == [(0, 200, 0), (1, 600, 12)]
    assert delivered(events) == 588


def test_orders_pay_their_books_fee_those_that_a_swap_sets_off_too() -> None:
    desk = chain(swap_rate=2 * PERCENT)
    desk.fund(OTHER, eur=100)
    desk.sell(OTHER, 10, 1, instrument=0, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=2)
    events = desk.swap_in(PAYER, EUR, USD, 100)
    takers = [e for e in events if e.kind is EventKind.FILL and e.flags & EventFlag.TAKER]
    assert [(e.account, e.side, e.fee_units) for e in takers] == [(PAYER, Side.SELL, 4), (OTHER, Side.SELL, 1)]


def test_paths_are_ranked_by_what_they_bring_after_it() -> None:
    # The short way is dear by its book's own fee, which a swap does not pay.
    desk = Desk(pair(EUR, USD, taker=20 * PERCENT), pair(EUR, HKD), pair(HKD, USD), swap_rate=PERCENT)
    desk.fund(MAKER, usd=10_000, hkd=10_000)
    desk.fund(PAYER, eur=100)
    for instrument, price in ((0, 10), (1, 9), (2, 1)):
        desk.buy(MAKER, 1_000, price, instrument=instrument)
    assert legs(desk.swap_in(PAYER, EUR, USD, 50)) == [(0, 500, 5)]
