"""A ledger is found by its URL, and what cannot be one is refused in words."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fxengine.errors import LedgerError
from fxengine.ledger import Ledger, open_ledger
from fxengine.venue import Venue

Open = Callable[[str], Ledger]


@pytest.mark.parametrize("url", ["", "sqlite", "ledger.sqlite", "mysql:books", ":memory:", "SQLITE:x"])
def test_an_unknown_scheme_is_refused_naming_the_known_ones(venue: Venue, url: str) -> None:
    with pytest.raises(LedgerError, match="memory:, postgres:, postgresql:, sqlite:"):
        open_ledger(url, venue)


def test_each_backend_names_its_finality(open_: Open, sqlite_path: Path) -> None:
    assert open_("memory:").finality == "memory"
    assert open_(f"sqlite:{sqlite_path}").finality == "fsync"


def test_the_memory_url_takes_nothing_more(venue: Venue) -> None:
    with pytest.raises(LedgerError, match="alone"):
        open_ledger("memory:books", venue)


def test_a_new_sqlite_file_and_its_logs_are_the_owners_alone(open_: Open, sqlite_path: Path) -> None:
    before = os.umask(0o022)
    try:
        open_(f"sqlite:{sqlite_path}")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in sqlite_path.parent.iterdir()}
    assert modes.pop("ledger.sqlite") == 0o600
    assert modes
    assert set(modes.values()) == {0o600}


def test_the_sqlite_url_needs_a_path_in_an_existing_folder(venue: Venue, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="sqlite:PATH"):
        open_ledger("sqlite:", venue)
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_ledger(f"sqlite:{tmp_path / 'missing' / 'ledger.sqlite'}", venue)
