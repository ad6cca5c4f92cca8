"""Ledgers of every backend, and the batches to post to them."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fxengine.ledger import Ledger, open_ledger
from fxengine.ledger.check_batches import VENUE, Books
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue


@pytest.fixture(scope="session")
def venue() -> Venue:
    return parse_venue(VENUE)


@pytest.fixture(scope="session")
def other_venue() -> Venue:
    return parse_venue(VENUE.replace("check-venue", "other-venue"))


@pytest.fixture
def books(venue: Venue, seed: int) -> Books:
    return Books(venue, random.Random(seed))


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"memory": "memory:", "sqlite": f"sqlite:{tmp_path / 'ledger.sqlite'}"}[request.param]


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def open_(venue: Venue) -> Iterator[Callable[[str], Ledger]]:
    """Open ledgers of the test's venue; all are closed in the end."""
    opened: list[Ledger] = []

    def open_one(url: str) -> Ledger:
        opened.append(open_ledger(url, venue))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(url: str, open_: Callable[[str], Ledger]) -> Ledger:
    return open_(url)
