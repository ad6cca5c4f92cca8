"""Mass quotes: whole ladders, many sets in one command, and the table that finds a maker's sets."""

from random import Random

import pytest

from bench.flows.commands import Quotes, cancel, mass_cancel, mass_quote, new_order
from fxengine.codes import EventKind, RejectReason, Side
from fxengine.records import QUOTE_LEVELS_MAX
from tests.unit.core.trading_floor import FIRST_TRADER
from tests.unit.core.twin_floor import Twins

MAKER, OTHER = FIRST_TRADER, FIRST_TRADER + 1


def full_set(instrument: int, lots: int, mid: int = 1_000) -> Quotes:
    depth = range(1, QUOTE_LEVELS_MAX + 1)
    return Quotes(instrument, [(mid - i, lots) for i in depth], [(mid + i, lots) for i in depth])


def test_a_batch_of_full_quotes_makes_more_events_than_the_array_holds_at_first() -> None:
    n_instruments = 15
    floor = Twins(1, n_instruments, max_fills=1)
    before = floor.core.events
    ladders = ((5, 1_000), (5, 1_000), (9, 1_000), (3, 1_000), (3, 2_000), (1, 2_000))
    commands = (
        mass_quote(MAKER, number, *(full_set(i, lots, mid) for i in range(n_instruments)))
        for number, (lots, mid) in enumerate(ladders, 1)
    )
    events = floor.apply(b"".join(commands))
    assert (events["kind"] == EventKind.QUOTED).sum() == n_instruments * len(ladders)
    assert floor.core.events is not before, "or this test proves nothing"
    assert floor.core.n_orders == 2 * QUOTE_LEVELS_MAX * n_instruments


def test_sets_are_found_however_many_makers_and_instruments_quote(seed: int) -> None:
    rng = Random(seed)
    n_makers, n_instruments = 20, 30
    floor = Twins(n_makers, n_instruments)
    numbers = [0] * n_makers
    for _ in range(400):
        maker, mid = rng.randrange(n_makers), rng.randint(40, 60)
        numbers[maker] += 1
        bids = sorted(rng.sample(range(mid - 20, mid), rng.randint(0, 3)), reverse=True)
        offers = sorted(rng.sample(range(mid + 20, mid + 40), rng.randint(0, 3)))
        ladders = [(price, rng.randint(1, 9)) for price in bids], [(price, rng.randint(1, 9)) for price in offers]
        instruments = rng.sample(range(n_instruments), 2)
        floor.apply(mass_quote(FIRST_TRADER + maker, numbers[maker], *(Quotes(i, *ladders) for i in instruments)))
    floor.apply(mass_cancel(FIRST_TRADER, numbers[0] + 1, side=Side.SELL))
    floor.apply(mass_cancel(FIRST_TRADER, numbers[0] + 2))


def test_quotes_that_traded_or_were_cancelled_leave_their_set() -> None:
    floor = Twins()
    entered = floor.apply(mass_quote(MAKER, 1, Quotes(0, [(9, 5), (8, 5), (7, 5)], [(11, 5)])))
    floor.apply(new_order(OTHER, 1, instrument=0, side=Side.SELL, price_ticks=9, quantity_lots=5))
    floor.apply(cancel(MAKER, 2, order_id=int(entered[2]["order_id"])))
    kinds = floor.apply(mass_quote(MAKER, 3, Quotes(0, [(9, 5), (8, 5)], [(11, 2)])))["kind"].tolist()
    assert kinds == [EventKind.ACCEPTED, EventKind.REPLACED, EventKind.QUOTED], "9 is new, 8 stood, 11 shrank"


def test_a_set_is_refused_for_what_crosses_but_not_for_the_makers_own_old_quotes() -> None:
    floor = Twins()
    floor.apply(mass_quote(MAKER, 1, Quotes(0, [(9, 5)], [(11, 5)])))
    moved = floor.apply(mass_quote(MAKER, 2, Quotes(0, [(12, 5)], [(14, 5)])))
    assert moved["kind"].tolist()[-1] == EventKind.QUOTED
    floor.apply(new_order(OTHER, 1, instrument=0, side=Side.SELL, price_ticks=13, quantity_lots=1))
    refused = floor.apply(mass_quote(MAKER, 3, Quotes(0, [(13, 5)], [(15, 5)])))
    assert refused["reason"].tolist() == [RejectReason.WOULD_CROSS]
    assert floor.core.depth(0, Side.BUY, 9) == [(12, 5)], "the old set stays"


@pytest.mark.parametrize(
    "command",
    [
        mass_quote(MAKER, 1, n_sets=0),
        mass_quote(MAKER, 1, Quotes(0, [(9, 5)]), n_sets=5),
        mass_quote(MAKER, 1, Quotes(0, [(100 - i, 1) for i in range(QUOTE_LEVELS_MAX + 1)])),
        mass_quote(MAKER, 1, Quotes(0, [(9, 5), (9, 5)])),
        mass_quote(MAKER, 1, Quotes(0, [(9, 5)], [(9, 5)])),
    ],
    ids=["none", "more than there are", "too many levels", "not in order", "crossed"],
)
def test_sets_that_do_not_add_up_are_refused(command: bytes) -> None:
    assert set(Twins().apply(command)["reason"]) == {RejectReason.BAD_QUOTE_SET}
