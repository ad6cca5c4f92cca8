"""A trading venue for settlement's tests."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.ledger import open_ledger
from fxengine.settlement import Settlement
from fxengine.settlement.posting import BackOff
from fxengine.venue import Venue
from tests.unit.settlement.settling import Make, Wrapped
from tests.unit.settlement.slow import SOON_NS, Slow
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


@pytest.fixture
def ledger(venue: Venue, tmp_path: Path) -> Iterator[Wrapped]:
    wrapped = Wrapped(open_ledger(f"sqlite:{tmp_path / 'ledger.sqlite'}", venue))
    yield wrapped
    wrapped.close()


@pytest.fixture
def make(venue: Venue, clock: Clock, ledger: Wrapped) -> Iterator[Make]:
    """Make settlements on the test's ledger and clock; all are closed in the end."""
    made: list[Settlement] = []

    def settle(**settings: object) -> Settlement:
        made.append(Settlement(ledger, venue, clock_ns=clock, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield settle
    for settlement in made:
        settlement.close()


@pytest.fixture
def slow(ledger: Wrapped) -> Slow:
    """A ledger whose batches come as far as the test says."""
    return Slow(ledger.inner)


@pytest.fixture
def begin(venue: Venue, clock: Clock, slow: Slow) -> Iterator[Make]:
    """Make settlements on the slow ledger; all are closed in the end."""
    made: list[Settlement] = []

    def settle(**settings: object) -> Settlement:
        quick = {"back_off": BackOff(SOON_NS, SOON_NS, alarm_after=3), "drain_ns": 0, "batch_trades_max": 5}
        made.append(Settlement(slow, venue, clock_ns=clock, **(quick | settings)))  # type: ignore[arg-type]
        return made[-1]

    yield settle
    for settlement in made:
        settlement.close()
