"""The gateway's copy of the books equals the core's, and what it publishes rebuilds it."""

import random
from pathlib import Path

import pytest

from fxengine.client import BookReplica
from fxengine.codes import EventFlag, Side
from fxengine.gateway.marketdata import MarketData
from fxengine.gateway.reports import read_events
from fxengine.messages import Book, LevelUpdate
from fxengine.wire import decode_level, decode_replies, decode_trade, encode_rows, frame_of
from tests.unit.gateway.core_flow import CoreFlow, one_of_each, random_day, venue_in

N = 1_500
N_BOOKS = 3


def decoded(chunk: bytes) -> Book:
    [book] = decode_replies(frame_of([chunk], 1))
    assert isinstance(book, Book)
    return book


@pytest.fixture
def flow(tmp_path: Path) -> CoreFlow:
    return CoreFlow(venue_in(tmp_path))


@pytest.fixture
def market(flow: CoreFlow) -> MarketData:
    return MarketData(flow.venue)


def assert_books_are_the_cores(flow: CoreFlow, market: MarketData) -> None:
    for index in range(N_BOOKS):
        snapshot = decoded(market.book(index).snapshot(9, 5))
        assert list(snapshot.bids) == flow.core.depth(index, Side.BUY, 5)
        assert list(snapshot.asks) == flow.core.depth(index, Side.SELL, 5)


def test_a_snapshot_equals_the_cores_book_after_every_command(flow: CoreFlow, market: MarketData, seed: int) -> None:
    for events in random_day(flow, random.Random(seed), N):
        market.apply(read_events(events), flow.time_ns)
        assert_books_are_the_cores(flow, market)
    assert all(market.book(index).stream > N // 10 for index in range(N_BOOKS))


def test_events_put_aside_and_added_up_at_any_moment_give_the_same_books(
    flow: CoreFlow, market: MarketData, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxengine.gateway.marketdata.ASIDE_MAX", 200)
    rng = random.Random(seed)
    for day in (one_of_each(flow), random_day(flow, rng, N)):
        for events in day:
            if rng.random() < 0.2:
                market.apply(read_events(events), flow.time_ns)
            else:
                market.add(events)
            if rng.random() < 0.02:
                assert_books_are_the_cores(flow, market)
    assert_books_are_the_cores(flow, market)


def test_a_number_that_is_missing_is_noticed(flow: CoreFlow, market: MarketData, seed: int) -> None:
    first_book = [events[events["instrument"] == 0] for events in random_day(flow, random.Random(seed), 50)]
    changes = [events for events in first_book if (events["flags"] & EventFlag.BOOK).any()]
    for events in changes[:5] + changes[6:]:
        market.add(events)
    with pytest.raises(AssertionError):
        market.book(0)


def test_a_level_is_encoded_once_however_often_and_deep_it_is_asked_for(
    flow: CoreFlow, market: MarketData, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for events in random_day(flow, random.Random(seed), N):
        market.apply(read_events(events), flow.time_ns)
    book = market.book(0)
    n_levels = sum(len(flow.core.depth(0, side, 5_000)) for side in Side)
    encoded: list[object] = []

    def counting(rows: list[tuple[int, int]]) -> bytes:
        encoded.extend(rows)
        return encode_rows(rows)

    monkeypatch.setattr("fxengine.gateway.marketdata.encode_rows", counting)
    for depth in (2, 5_000, 3, 1, 5_000):
        snapshot = decoded(book.snapshot(depth, depth))
        assert (snapshot.request_id, snapshot.instrument_stream) == (depth, book.stream)
        assert list(snapshot.bids) == flow.core.depth(0, Side.BUY, depth)
        assert list(snapshot.asks) == flow.core.depth(0, Side.SELL, depth)
    assert len(encoded) == n_levels > 4


def test_a_replica_that_loses_updates_at_random_repairs_itself(flow: CoreFlow, market: MarketData, seed: int) -> None:
    rng = random.Random(seed)
    market.subscribe(b"l2.EUR/USD")
    replica = BookReplica(flow.venue.instruments[0])

    def deliver(payload: bytes) -> None:
        replica.on_update(decode_level(payload))
        if replica.wants_snapshot:
            replica.load(decoded(market.book(0).snapshot(1, 5_000)))

    for _, payload in market.marks(0):
        deliver(payload)
    for events in random_day(flow, rng, N):
        for _, payload in market.apply(read_events(events), flow.time_ns):
            if rng.random() < 0.8:
                deliver(payload)
    market.mark_changed()
    for _, payload in market.marks(0):
        deliver(payload)
    assert replica.n_gaps > 10
    for side in Side:
        assert replica.levels_ticks(side) == flow.core.depth(0, side, 5_000)


def test_trades_are_published_once_each_with_the_takers_side(flow: CoreFlow, market: MarketData, seed: int) -> None:
    market.subscribe(b"trade.EUR/USD")
    heard, fills = [], 0
    for events in random_day(flow, random.Random(seed), 300):
        published = market.apply(read_events(events), flow.time_ns)
        assert all(topic == b"trade.EUR/USD" for topic, _ in published)
        heard += [decode_trade(payload) for _, payload in published]
        mine = events[(events["kind"] == 3) & (events["instrument"] == 0)]
        fills += len(mine)
    assert len(heard) == fills // 2 > 10
    assert len({trade.trade_number for trade in heard}) == len(heard)


def test_nothing_is_published_that_nobody_subscribed_to(flow: CoreFlow, market: MarketData, seed: int) -> None:
    days = random_day(flow, random.Random(seed), 50)
    assert not [p for events in days for p in market.apply(read_events(events), 0)]
    market.subscribe(b"l2.USD")
    market.subscribe(b"l2.USD/JPY")
    market.unsubscribe(b"l2.USD")
    market.unsubscribe(b"never heard of")
    published = [
        p for events in random_day(flow, random.Random(seed), 50) for p in market.apply(read_events(events), 0)
    ]
    assert {topic for topic, _ in published} == {b"l2.USD/JPY"}


def test_a_new_subscription_is_marked_with_the_streams_number(flow: CoreFlow, market: MarketData, seed: int) -> None:
    for events in random_day(flow, random.Random(seed), 50):
        market.apply(read_events(events), 0)
    market.subscribe(b"l2.EUR/USD")
    [(topic, payload)] = market.marks(77)
    assert topic == b"l2.EUR/USD"
    assert decode_level(payload) == LevelUpdate(0, market.book(0).stream, 0, 0, 0, 77)
    assert list(market.marks(78)) == []
    market.subscribe(b"l2.EUR/USD")
    assert len(list(market.marks(79))) == 1, "a second subscriber is told too"


def test_an_instrument_that_changed_is_marked_once_when_due(flow: CoreFlow, market: MarketData, seed: int) -> None:
    market.subscribe(b"l2.")
    list(market.marks(0))
    for events in random_day(flow, random.Random(seed), 100):
        market.apply(read_events(events), 0)
    assert list(market.marks(1)) == []
    market.mark_changed()
    assert [topic for topic, _ in market.marks(2)] == [b"l2.EUR/USD", b"l2.USD/JPY", b"l2.USD/HKD"]
    market.mark_changed()
    assert list(market.marks(3)) == []
