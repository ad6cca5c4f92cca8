"""What the history holds of a stream is exactly what was told, and what it let go of it says."""

import random

import numpy as np
import pytest

from fxengine.gateway.history import CHUNK_BYTES, CHUNK_EVENTS, History
from fxengine.records import EVENT, Records
from tests.integration.venue_thread import START_NS

Told = dict[int, list[tuple[int, int]]]
"""By account: the order id of each event, which here is its number among all, and its time."""


class Teller:
    """Makes events for accounts at random, in batches of any size, and keeps what it told."""

    def __init__(self, rng: random.Random, accounts: tuple[int, ...] = (2, 3, 9)) -> None:
        self.rng, self.accounts = rng, accounts
        self.told: Told = {account: [] for account in accounts}
        self.n = 0

    def batch(self, size: int) -> tuple[Records, int]:
        events = np.zeros(size, EVENT)
        time_ns = START_NS + self.n
        for event in events:
            self.n += 1
            account = self.rng.choice(self.accounts)
            self.told[account].append((self.n, time_ns))
            event["account"], event["order_id"] = account, self.n
            event["account_stream"] = len(self.told[account])
        return events, time_ns


def read(history: History, account: int, first: int, last: int, n_max: int = 1_000) -> list[tuple[int, int]]:
    """Read a stretch of a stream page by page, as a replay does."""
    found: list[tuple[int, int]] = []
    while first + len(found) <= last:
        events, times = history.page(account, first + len(found), last, n_max)
        if not len(events):
            break
        assert events["account"].tolist() == [account] * len(events)
        assert events["account_stream"].tolist() == [first + len(found) + n for n in range(len(events))]
        found += zip(events["order_id"].tolist(), times.tolist(), strict=True)
    return found


def test_any_stretch_of_any_stream_reads_as_it_was_told(seed: int) -> None:
    rng = random.Random(seed)
    teller, history = Teller(rng), History(100 * CHUNK_BYTES)
    while teller.n < 3 * CHUNK_EVENTS:
        history.add(*teller.batch(rng.choice((1, 7, 500, CHUNK_EVENTS, CHUNK_EVENTS + 3))))
    for account, told in teller.told.items():
        assert history.first_held(account) == 1
        assert history.last(account) == len(told)
        for _ in range(20):
            first = rng.randint(1, len(told))
            last = rng.randint(first, len(told) + 10)
            assert read(history, account, first, last, rng.choice((1 + last - first, 400))) == told[first - 1 : last]


def test_the_last_number_of_a_chunk_is_found_in_it() -> None:
    teller, history = Teller(random.Random(1), (2,)), History(9 * CHUNK_BYTES)
    history.add(*teller.batch(2 * CHUNK_EVENTS))
    for number in (CHUNK_EVENTS - 1, CHUNK_EVENTS, CHUNK_EVENTS + 1, 2 * CHUNK_EVENTS):
        assert read(history, 2, number, number) == [teller.told[2][number - 1]]


def test_what_nobody_told_of_is_not_there() -> None:
    teller, history = Teller(random.Random(1)), History(CHUNK_BYTES)
    assert (history.first_held(2), history.last(2)) == (1, 0)
    assert len(history.page(2, 1, 10, 10)[0]) == 0
    history.add(*teller.batch(9))
    assert (history.first_held(7), history.last(7)) == (1, 0)
    assert len(history.page(7, 1, 10, 10)[0]) == 0
    assert len(history.page(2, 100, 200, 10)[0]) == 0
    history.add(np.zeros(0, EVENT), START_NS)


@pytest.mark.parametrize("n_chunks", [1, 3])
def test_the_oldest_are_let_go_and_the_rest_still_reads_from_the_first_that_is_held(seed: int, n_chunks: int) -> None:
    rng = random.Random(seed)
    teller, history = Teller(rng), History(n_chunks * CHUNK_BYTES + 1)
    for _ in range(8):
        history.add(*teller.batch(CHUNK_EVENTS - 1))
    held = 0
    for account, told in teller.told.items():
        first = history.first_held(account)
        assert 1 < first <= len(told)
        assert read(history, account, first, len(told)) == told[first - 1 :]
        assert int(history.page(account, 1, len(told), 1)[0]["account_stream"][0]) == first, "the one before is gone"
        held += len(told) - first + 1
    assert (n_chunks - 1) * CHUNK_EVENTS < held <= n_chunks * CHUNK_EVENTS


def test_an_account_that_fell_silent_is_forgotten_with_its_last_event(seed: int) -> None:
    rng = random.Random(seed)
    history = History(CHUNK_BYTES)
    silent = Teller(rng, (2,))
    history.add(*silent.batch(10))
    history.add(*Teller(rng, (3,)).batch(2 * CHUNK_EVENTS))
    assert (history.first_held(2), history.last(2)) == (11, 10)


def test_the_bound_is_in_bytes_and_at_least_one_chunk(seed: int) -> None:
    history, teller = History(1), Teller(random.Random(seed), (2,))
    history.add(*teller.batch(CHUNK_EVENTS))
    assert history.first_held(2) == 1
    history.add(*teller.batch(1))
    assert history.first_held(2) == CHUNK_EVENTS + 1
