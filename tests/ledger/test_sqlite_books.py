"""The SQLite file itself: it survives, it knows whose it is, and SQL cannot make it wrong."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger import Ledger, open_ledger
from fxengine.ledger import sqlite as backend
from fxengine.ledger.check_batches import Books
from fxengine.venue import Venue

Open = Callable[[str], Ledger]


@pytest.fixture
def posted(sqlite_path: Path, open_: Open, books: Books) -> Path:
    ledger = open_(f"sqlite:{sqlite_path}")
    for _ in range(5):
        ledger.post(books.batch())
    return sqlite_path


@pytest.fixture
def sql(posted: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else's, with foreign keys on."""
    with closing(sqlite3.connect(posted, isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        yield db


def test_a_reopened_ledger_goes_on_where_it_was(posted: Path, open_: Open, books: Books) -> None:
    again = open_(f"sqlite:{posted}")
    assert again.cursor() == books.cursor
    assert again.balances() == books.balances
    again.post(books.batch())
    assert again.balances() == books.balances


def test_two_open_ledgers_of_one_file_agree(posted: Path, open_: Open, books: Books) -> None:
    one, two = open_(f"sqlite:{posted}"), open_(f"sqlite:{posted}")
    for ledger in (one, two, one):
        batch = books.batch()
        ledger.post(batch)
        one.post(batch)
        two.post(batch)
        assert one.cursor() == two.cursor() == books.cursor


def test_every_commit_is_synced(sqlite_path: Path, venue: Venue) -> None:
    with closing(backend.SqliteLedger(sqlite_path, venue)) as ledger:
        assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert ledger._db.execute("PRAGMA foreign_keys").fetchone() == (1,)


_ANOTHER_VENUE = (
    r"opened for venue 'check-venue' under other rules \(currencies, instruments, fees or bounds\) than those of venue"
    r" 'other-venue' now; restore the venue file .* or give this venue a new directory"
)


def test_another_venue_is_refused(posted: Path, other_venue: Venue) -> None:
    with pytest.raises(LedgerMismatch, match=_ANOTHER_VENUE):
        open_ledger(f"sqlite:{posted}", other_venue)


def test_another_schema_version_is_refused(posted: Path, sql: sqlite3.Connection, venue: Venue) -> None:
    sql.execute("PRAGMA user_version = 1")
    with pytest.raises(LedgerError, match=r"has schema version 1, this release writes 2.*makes it anew"):
        open_ledger(f"sqlite:{posted}", venue)


def test_an_sqlite_file_of_another_program_is_refused_and_untouched(sqlite_path: Path, venue: Venue) -> None:
    with closing(sqlite3.connect(sqlite_path)) as db:
        db.execute("CREATE TABLE photos (name TEXT)")
    before = sqlite_path.read_bytes()
    with pytest.raises(LedgerError, match="not a ledger"):
        open_ledger(f"sqlite:{sqlite_path}", venue)
    assert sqlite_path.read_bytes() == before


def test_a_file_that_is_not_sqlite_is_refused(sqlite_path: Path, venue: Venue) -> None:
    sqlite_path.write_bytes(b"minutes of the meeting\n" * 100)
    with pytest.raises(LedgerError, match="cannot be used"):
        open_ledger(f"sqlite:{sqlite_path}", venue)


def test_a_locked_file_is_unavailable_and_posting_again_succeeds(
    posted: Path, sql: sqlite3.Connection, venue: Venue, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_BUSY_SECONDS", 0.0)
    batch = books.batch()
    with closing(open_ledger(f"sqlite:{posted}", venue)) as ledger:
        sql.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            ledger.post(batch)
        assert ledger.cursor().batch_id == batch.id - 1
        sql.execute("ROLLBACK")
        ledger.post(batch)
        assert ledger.balances() == books.balances


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO balances SELECT account, currency, amount_units, 5 FROM postings"
        " WHERE batch = 5 AND account = 1",
        "INSERT OR REPLACE INTO accounts VALUES (2, 'client', 'https://kyc.example', 'someone else')",
        "INSERT OR REPLACE INTO currencies VALUES (0, 'USD', 'US dollar coin', 2)",
        "INSERT OR REPLACE INTO instruments VALUES (0, 'EUR/USD', 0, 1)",
        "INSERT OR REPLACE INTO venue VALUES (1, 'other', 'Other', zeroblob(32), zeroblob(32))",
        "INSERT OR REPLACE INTO trades SELECT 6, 1, 97, instrument, number, 4, 5, 'BUY', 0, 1, 1, 1, 1, 0, 0"
        " FROM trades LIMIT 1",
        "INSERT OR REPLACE INTO deposits SELECT 97, 6, 2, 0, 1, external_id FROM deposits WHERE external_id IS NOT NULL"
        " LIMIT 1",
        "INSERT OR REPLACE INTO withdrawals SELECT withdrawal, 3, 0, 5, 6, 'HELD', NULL, NULL FROM withdrawals LIMIT 1",
        "INSERT OR REPLACE INTO busts SELECT instrument, number, 6, 97 FROM busts LIMIT 1",
        "UPDATE OR REPLACE trades SET number = 2 WHERE number = 1",
    ],
)
def test_replacing_is_refused_too_in_any_sqlite_shell(sql: sqlite3.Connection, statement: str) -> None:
    sql.execute("PRAGMA foreign_keys = OFF")  # as any SQLite shell starts: the rules hold without them
    before = list(sql.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        sql.execute(statement)
    assert list(sql.iterdump()) == before


def test_balances_are_found_by_their_key_however_many_there_are(sql: sqlite3.Connection) -> None:
    body = sql.execute("SELECT sql FROM sqlite_master WHERE name = 'batch_moves_balances'").fetchone()[0]
    update = body[body.index("UPDATE") : body.index(";") + 1].replace("NEW.batch", "5")
    plan = [row[3] for row in sql.execute(f"EXPLAIN QUERY PLAN {update}")]
    assert plan == [
        "SEARCH p USING PRIMARY KEY (batch=?)",
        "SEARCH balances USING PRIMARY KEY (account=? AND currency=?)",
    ]
