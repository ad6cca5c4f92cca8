"""Mass quotes and mass cancels by hand: whole sets, kept places, net funding, nobody crossed."""

from bench.flows import Event, commands
from bench.flows.commands import Quotes
from fxengine.codes import CommandKind, EventFlag, EventKind, RejectReason, Side
from tests.unit.reference.desk import EUR, JPY, MAKER, OPERATOR, OTHER, PAYER, USD, Desk, pair

ACCEPTED, CANCELED, QUOTED = EventKind.ACCEPTED, EventKind.CANCELED, EventKind.QUOTED
REPLACED, RESTED, REJECTED = EventKind.REPLACED, EventKind.RESTED, EventKind.REJECTED


def two_books() -> Desk:
    desk = Desk(pair(EUR, USD), pair(JPY, USD))
    for account in (MAKER, OTHER, PAYER):
        desk.fund(account, eur=100, usd=1_000, jpy=100)
    return desk


def told(events: list[Event]) -> list[tuple[object, ...]]:
    return [(event.kind, event.side, event.price_ticks, event.quantity_lots) for event in events]


def test_a_set_is_entered_bids_then_offers_best_first() -> None:
    desk = two_books()
    events = desk.quote(MAKER, Quotes(0, [(9, 2), (8, 3)], [(11, 4)]))
    assert told(events) == [
        (ACCEPTED, Side.BUY, 9, 2), (ACCEPTED, Side.BUY, 8, 3), (ACCEPTED, Side.SELL, 11, 4), (QUOTED, 0, 0, 3)
    ]  # fmt: skip
    assert all(event.flags == EventFlag.BOOK for event in events[:3])
    assert desk.core.depth(0, Side.BUY, 9) == [(9, 2), (8, 3)]
    assert (desk.has(MAKER, USD), desk.has(MAKER, EUR)) == ((958, 42), (96, 4))


def test_removals_come_first_then_each_level_in_turn() -> None:
    desk = two_books()
    desk.quote(MAKER, Quotes(0, [(9, 5), (8, 7)], [(11, 4)]))
    events = desk.quote(MAKER, Quotes(0, [(9, 3), (7, 7)], [(11, 4), (12, 1)]))
    assert told(events) == [
        (CANCELED, Side.BUY, 8, 7), (REPLACED, Side.BUY, 9, 3), (ACCEPTED, Side.BUY, 7, 7),
        (ACCEPTED, Side.SELL, 12, 1), (QUOTED, 0, 0, 4),
    ]  # fmt: skip
    assert events[0].reason == RejectReason.QUOTE_REPLACED
    assert (events[1].displayed_lots, events[1].leaves_lots) == (2, 3)


def test_a_level_that_does_not_grow_keeps_its_place_and_one_that_grows_does_not() -> None:
    desk = two_books()
    desk.quote(MAKER, Quotes(0, [], [(11, 4)]))
    desk.sell(OTHER, 5, 11)
    for lots in (4, 2):
        desk.quote(MAKER, Quotes(0, [], [(11, lots)]))
    assert desk.buy(PAYER, 1, 11)[1].account == MAKER
    *_, replaced, rested, quoted = desk.quote(MAKER, Quotes(0, [], [(11, 2)]))  # 1 is left: it grows
    assert [replaced.kind, rested.kind, quoted.kind] == [REPLACED, RESTED, QUOTED]
    assert (replaced.quantity_lots, replaced.leaves_lots, replaced.cum_lots) == (3, 2, 1)
    assert desk.buy(PAYER, 1, 11)[1].account == OTHER


def test_funds_are_asked_for_the_net_of_a_set() -> None:
    desk = two_books()
    desk.quote(MAKER, Quotes(0, [(10, 90)]))  # 900 of 1,000
    assert desk.quote(MAKER, Quotes(0, [(20, 50)]))[-1].kind is QUOTED  # 1,000 when the 900 are back
    assert desk.has(MAKER, USD) == (0, 1_000)
    (refused,) = desk.quote(MAKER, Quotes(0, [(20, 50), (1, 1)]))
    assert (refused.kind, refused.reason) == (REJECTED, RejectReason.INSUFFICIENT_FUNDS)
    assert desk.core.depth(0, Side.BUY, 9) == [(20, 50)]


def test_a_refused_set_leaves_the_old_one_and_does_not_stop_the_others() -> None:
    desk = two_books()
    desk.quote(MAKER, Quotes(0, [(9, 2)]), Quotes(1, [(5, 1)]))
    events = desk.quote(MAKER, Quotes(0, [(9, 4), (0, 1)]), Quotes(1, [(5, 3)]))
    assert (events[0].kind, events[0].side, events[0].instrument) == (REJECTED, CommandKind.MASS_QUOTE, 0)
    assert events[0].reason == RejectReason.PRICE_OUT_OF_RANGE
    assert events[-1].kind is QUOTED
    assert desk.core.depth(0, Side.BUY, 9) == [(9, 2)]
    assert desk.core.depth(1, Side.BUY, 9) == [(5, 3)]


def test_quotes_never_cross_anybody_and_may_pass_their_own_old_places() -> None:
    desk = two_books()
    desk.sell(OTHER, 1, 12)
    desk.quote(MAKER, Quotes(0, [(9, 2)], [(10, 2)]))
    assert desk.quote(MAKER, Quotes(0, [(12, 1)], [(13, 1)]))[0].reason == RejectReason.WOULD_CROSS
    assert desk.quote(MAKER, Quotes(0, [(11, 1)], [(12, 1)]))[-1].kind is QUOTED  # over its own offer at 10
    assert desk.core.depth(0, Side.BUY, 9) == [(11, 1)]
    assert desk.core.depth(0, Side.SELL, 9) == [(12, 2)]
    assert all(event.kind is not EventKind.FILL for event in desk.quote(MAKER, Quotes(0, [(8, 1)], [(9, 1)])))


def test_a_makers_own_order_is_as_good_as_anothers() -> None:
    desk = two_books()
    desk.sell(MAKER, 1, 12)
    assert desk.quote(MAKER, Quotes(0, [(12, 1)]))[0].reason == RejectReason.WOULD_CROSS


def test_ladders_are_in_order_and_uncrossed_and_add_up() -> None:
    desk = two_books()
    for wrong in (
        Quotes(0, [(8, 1), (9, 1)]), Quotes(0, [(8, 1), (8, 1)]), Quotes(0, [], [(9, 1), (8, 1)]),
        Quotes(0, [(9, 1)], [(9, 1)]), Quotes(0, [(9 - n, 1) for n in range(33)]),
    ):  # fmt: skip
        (refused,) = desk.quote(MAKER, wrong)
        assert refused.reason in (RejectReason.BAD_QUOTE_SET, RejectReason.PRICE_OUT_OF_RANGE)
    for n_sets in (0, 40):
        command = commands.mass_quote(MAKER, desk.next_id(MAKER), Quotes(0, [(9, 1)]), n_sets=n_sets)
        assert desk.send(command)[0].reason == RejectReason.BAD_QUOTE_SET
    assert desk.core.n_orders == 0


def test_an_empty_set_takes_a_makers_quotes_away_and_not_its_orders() -> None:
    desk = two_books()
    desk.buy(MAKER, 1, 7)
    desk.quote(MAKER, Quotes(0, [(9, 2), (8, 3)], [(11, 4)]))
    events = desk.quote(MAKER, Quotes(0))
    assert [event.kind for event in events] == [CANCELED, CANCELED, CANCELED, QUOTED]
    assert desk.core.depth(0, Side.BUY, 9) == [(7, 1)]


def test_a_filled_level_is_gone_and_quoted_anew_under_another_id() -> None:
    desk = two_books()
    first = desk.quote(MAKER, Quotes(0, [(9, 2)]))[0].order_id
    desk.sell(PAYER, 2, 9)
    again = desk.quote(MAKER, Quotes(0, [(9, 2)]))[0]
    assert (again.kind, again.order_id != first) == (ACCEPTED, True)


def test_a_set_needs_no_more_room_than_it_adds() -> None:
    desk = Desk(max_orders=2)
    desk.fund(MAKER, usd=1_000)
    desk.quote(MAKER, Quotes(0, [(9, 1), (8, 1)]))
    assert desk.quote(MAKER, Quotes(0, [(7, 1), (6, 1)]))[-1].kind is QUOTED
    assert desk.quote(MAKER, Quotes(0, [(7, 1), (6, 1), (5, 1)]))[0].reason == RejectReason.CAPACITY
    assert desk.core.depth(0, Side.BUY, 9) == [(7, 1), (6, 1)]


def test_a_mass_cancel_takes_what_it_names_and_reports_how_many() -> None:
    desk = two_books()
    desk.buy(MAKER, 1, 7)
    desk.sell(MAKER, 1, 17)
    desk.buy(MAKER, 1, 7, instrument=1)
    desk.quote(MAKER, Quotes(0, [(9, 2)], [(11, 4)]))
    desk.buy(OTHER, 1, 7)
    *canceled, done = desk.mass_cancel(MAKER, instrument=0, side=Side.BUY)
    assert [(e.kind, e.price_ticks, e.reason) for e in canceled] == [
        (CANCELED, 7, RejectReason.MASS_CANCELED), (CANCELED, 9, RejectReason.MASS_CANCELED)
    ]  # fmt: skip
    assert (done.kind, done.account, done.counterparty, done.amount_units) == (EventKind.DONE, MAKER, MAKER, 2)
    assert desk.mass_cancel(MAKER, instrument=0)[-1].amount_units == 2
    assert desk.mass_cancel(MAKER)[-1].amount_units == 1
    assert desk.mass_cancel(MAKER)[-1].amount_units == 0
    assert desk.core.depth(0, Side.BUY, 9) == [(7, 1)]
    assert desk.has(MAKER, USD) == (1_000, 0)


def test_anothers_orders_are_cancelled_by_an_operator_alone() -> None:
    desk = two_books()
    desk.buy(MAKER, 1, 7)
    assert desk.mass_cancel(PAYER, target=MAKER)[0].reason == RejectReason.NOT_AUTHORIZED
    assert desk.mass_cancel(OPERATOR, target=99)[0].reason == RejectReason.UNKNOWN_ACCOUNT
    assert desk.mass_cancel(MAKER, instrument=2)[0].reason == RejectReason.UNKNOWN_INSTRUMENT
    assert desk.mass_cancel(MAKER, side=3)[0].reason == RejectReason.BAD_SIDE
    canceled, done = desk.mass_cancel(OPERATOR, target=MAKER)
    assert (canceled.account, done.account, done.counterparty) == (MAKER, OPERATOR, MAKER)
