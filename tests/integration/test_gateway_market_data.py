"""A client's replica of a book equals the venue's snapshot, also after it lost updates."""

import random

import zmq

from fxengine.client import Client
from fxengine.codes import Side
from fxengine.wire import decode_level
from tests.integration.venue_thread import WAIT_S, RunningVenue, until


def trade_at_random(client: Client, rng: random.Random, n: int) -> None:
    """Enter and cancel orders around a price; some trade, the client with itself."""
    for _ in range(n):
        if client.orders and rng.random() < 0.4:
            client.cancel(rng.choice(list(client.orders.values())))
        else:
            side, price = rng.choice(("BUY", "SELL")), f"1.10{rng.randint(0, 20):02d}"
            client.new_order("EUR/USD", side, price, str(rng.randint(1, 50)))


def equals_snapshot(watcher: Client, served: RunningVenue) -> bool:
    """Bring the watcher up to the venue's present and compare its replica with a snapshot."""
    replica = watcher.subscribe("EUR/USD")
    snapshot = watcher.book("EUR/USD", depth=5_000)

    def let_a_second_pass() -> None:
        served.clock.advance(1)  # a mark follows within a second of the last change
        watcher.poll(0.05)

    until(lambda: replica.is_current and replica.stream >= snapshot.stream, let_a_second_pass)
    return all(replica.levels_ticks(side) == snapshot.levels_ticks(side) for side in Side)


def test_a_replica_follows_the_book_and_its_trades(served: RunningVenue, seed: int) -> None:
    rng = random.Random(seed)
    with served.funded("maker-1") as maker, served.client("payer-1") as watcher:
        trade_at_random(maker, rng, 30)
        replica = watcher.subscribe("EUR/USD")
        for _ in range(5):
            trade_at_random(maker, rng, 30)
            assert equals_snapshot(watcher, served)
        assert replica.n_gaps == 0
        assert len(replica.trades) > 10
        assert replica.levels(Side.BUY, 1)[0][0].startswith("1.10")


def test_a_replica_that_lost_updates_repairs_itself(served: RunningVenue, seed: int) -> None:
    rng = random.Random(seed)
    with served.funded("maker-1") as maker, served.client("payer-1") as watcher:
        replica = watcher.subscribe("EUR/USD")
        feed = watcher.protocol.feed
        whole = feed.receive
        lost = 0

        def lossy(topic: bytes, payload: bytes) -> None:
            nonlocal lost
            if rng.random() < 0.3:
                lost += 1
            else:
                whole(topic, payload)

        feed.receive = lossy  # type: ignore[method-assign]
        for _ in range(5):
            trade_at_random(maker, rng, 30)
            watcher.poll()
        feed.receive = whole  # type: ignore[method-assign]
        assert equals_snapshot(watcher, served)
        assert replica.n_gaps > 0
        assert lost > 0


def test_a_replica_that_lost_the_end_of_a_burst_learns_of_it_from_the_mark(served: RunningVenue, seed: int) -> None:
    with served.funded("maker-1") as maker, served.client("payer-1") as watcher:
        replica = watcher.subscribe("EUR/USD")
        feed = watcher.protocol.feed
        whole, feed.receive = feed.receive, lambda topic, payload: None  # type: ignore[method-assign]
        trade_at_random(maker, random.Random(seed), 20)
        until(lambda: watcher.book("EUR/USD").stream > replica.stream, watcher.poll)
        watcher.poll(0.05)
        feed.receive = whole  # type: ignore[method-assign]
        assert equals_snapshot(watcher, served)


def test_whoever_subscribes_is_told_at_once_where_the_stream_stands(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker:
        maker.new_order("EUR/USD", "BUY", "1.0000", "5")
        context = zmq.Context()
        sub = context.socket(zmq.SUB)
        sub.connect(served.market_data_address)
        sub.subscribe(b"l2.EUR/USD")
        assert sub.poll(int(WAIT_S * 1000))
        topic, payload = sub.recv_multipart()
        assert topic == b"l2.EUR/USD"
        mark = decode_level(payload)
        assert (mark.instrument_stream, mark.side) == (1, 0)
        maker.new_order("EUR/USD", "BUY", "1.0000", "7")
        assert sub.poll(int(WAIT_S * 1000))
        update = decode_level(sub.recv_multipart()[1])
        assert (update.instrument_stream, update.side, update.price_ticks, update.level_lots) == (
            2,
            Side.BUY,
            10_000,
            12,
        )
        sub.close(linger=0)
        context.term()


def test_what_a_subscriber_sends_disturbs_nobody(served: RunningVenue) -> None:
    context = zmq.Context()
    rude = context.socket(zmq.XSUB)
    rude.connect(served.market_data_address)
    for junk in (b"", b"\1", b"\2junk", b"\1" + b"x" * 1_000, b"\0never", b"\1l2."):
        rude.send(junk)
    with served.funded("maker-1") as maker:
        replica = maker.subscribe("EUR/USD")
        maker.new_order("EUR/USD", "BUY", "1.0000", "5")
        until(lambda: replica.stream == 1, lambda: maker.poll(0.05))
    rude.close(linger=0)
    context.term()
