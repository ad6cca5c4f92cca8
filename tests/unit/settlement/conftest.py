"""A trading venue for settlement's tests."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.venue import Venue
from tests.unit.settlement.trading import Clock, Flow, Trading, make_venue


@pytest.fixture(scope="session")
def venue() -> Venue:
    return make_venue()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(venue: Venue, seed: int) -> Flow:
    return Flow(venue, random.Random(seed))


@pytest.fixture
def trading(tmp_path: Path, venue: Venue, clock: Clock) -> Iterator[Trading]:
    """A venue that has not started yet; it is closed in the end."""
    place = Trading(tmp_path, venue, clock)
    yield place
    if hasattr(place, "engine"):
        place.engine.close()
