"""Folders and venues for tests over real sockets."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_identities import fix_identities
from tests.integration.hand_cycled import ByHand
from tests.integration.venue_thread import RunningVenue, running_venue

__all__ = ["fix_identities"]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: a socket's path has room for 107 characters only."""
    folder = Path(tempfile.mkdtemp(prefix="fx-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def served(short_folder: Path) -> Iterator[RunningVenue]:
    """A venue served over ipc, its clock standing still."""
    with running_venue(short_folder) as venue:
        yield venue


@pytest.fixture
def by_hand(short_folder: Path) -> Iterator[ByHand]:
    """A gateway whose cycles the test turns."""
    hand = ByHand(short_folder)
    yield hand
    hand.close()
