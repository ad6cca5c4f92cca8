"""The joining and repairing of a book replica, message by message."""

import pytest

from fxengine.client import BookReplica
from fxengine.client.listing import read_listing
from fxengine.codes import Side
from fxengine.messages import Book, LevelUpdate, VenueDescription
from tests.unit.wire.examples import EXAMPLES


@pytest.fixture
def replica() -> BookReplica:
    return BookReplica(read_listing(EXAMPLES[VenueDescription]).instruments[0])


def update(stream: int, lots: int, side: int = 1, price: int = 11_171) -> LevelUpdate:
    return LevelUpdate(0, stream, side, price, lots, 0)


def mark(stream: int) -> LevelUpdate:
    return LevelUpdate(0, stream, 0, 0, 0, 0)


def book(stream: int, *bids: tuple[int, int]) -> Book:
    return Book(1, 0, stream, bids, ((11_180, 5),))


def test_it_asks_for_a_snapshot_only_when_the_subscription_has_spoken(replica: BookReplica) -> None:
    assert not replica.wants_snapshot
    replica.on_update(mark(40))
    assert replica.wants_snapshot
    assert not replica.is_current


def test_it_drops_what_the_snapshot_contains_and_applies_what_follows(replica: BookReplica) -> None:
    for message in (mark(40), update(41, 10), update(42, 20)):
        replica.on_update(message)
    replica.load(book(41, (11_171, 10)))
    assert (replica.stream, replica.is_current, replica.wants_snapshot) == (42, True, False)
    assert replica.levels_ticks(Side.BUY) == [(11_171, 20)]
    replica.on_update(update(41, 99))
    assert replica.levels_ticks(Side.BUY) == [(11_171, 20)], "an old update changes nothing"


def test_a_gap_makes_it_ask_again_and_keeps_what_came_after_the_gap(replica: BookReplica) -> None:
    replica.on_update(mark(40))
    replica.load(book(40))
    replica.on_update(update(42, 7))
    replica.on_update(update(43, 8))
    assert (replica.is_current, replica.wants_snapshot, replica.n_gaps) == (False, True, 1)
    replica.load(book(42, (11_171, 7)))
    assert (replica.stream, replica.is_current) == (43, True)
    assert replica.levels_ticks(Side.BUY) == [(11_171, 8)]


def test_a_snapshot_that_is_older_than_a_gap_is_not_enough(replica: BookReplica) -> None:
    replica.on_update(mark(40))
    replica.load(book(40))
    replica.on_update(update(45, 7))
    replica.load(book(43))
    assert (replica.is_current, replica.wants_snapshot) == (False, True)
    replica.load(book(45, (11_171, 7)))
    assert replica.is_current
    assert replica.levels_ticks(Side.BUY) == [(11_171, 7)]


def test_a_mark_ahead_of_it_tells_of_a_loss_and_one_that_agrees_does_not(replica: BookReplica) -> None:
    replica.on_update(mark(40))
    replica.load(book(40))
    replica.on_update(mark(40))
    assert replica.is_current
    replica.on_update(mark(41))
    assert replica.wants_snapshot


def test_a_level_that_reaches_zero_is_gone_and_sides_are_sorted_best_first(replica: BookReplica) -> None:
    replica.on_update(mark(40))
    replica.load(book(40, (11_170, 1), (11_171, 2)))
    replica.on_update(update(41, 0, price=11_170))
    replica.on_update(update(42, 3, price=11_172))
    replica.on_update(update(43, 4, side=2, price=11_179))
    assert replica.levels(Side.BUY) == [("1.1172", "3"), ("1.1171", "2")]
    assert replica.levels(Side.SELL) == [("1.1179", "4"), ("1.1180", "5")]
    assert replica.levels(Side.SELL, 1) == [("1.1179", "4")]
