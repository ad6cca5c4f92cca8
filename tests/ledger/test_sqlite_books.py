"""The SQLite file itself: it survives, it knows whose it is, and SQL cannot make it wrong."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger import AccountName, Cursor, Ledger, open_ledger
from fxengine.ledger import sqlite as backend
from fxengine.venue import Venue
from tests.ledger.books import Books

CUSTODY, ALICE, BOB, USD, EUR, JPY = 1, 2, 3, 0, 1, 2
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
    r"opened for venue 'test-venue' under other rules \(currencies, instruments, fees or bounds\) than those of venue"
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


def test_rows_hold_what_the_batches_held(sqlite_path: Path, open_: Open, books: Books, venue: Venue) -> None:
    ledger = open_(f"sqlite:{sqlite_path}")
    batches = [books.batch() for _ in range(3)]
    for batch in batches:
        ledger.post(batch)
    with closing(sqlite3.connect(sqlite_path)) as db:
        for batch in batches:
            rows = db.execute("SELECT account, currency, amount_units FROM postings WHERE batch = ?", (batch.id,))
            assert rows.fetchall() == [(a, c, units) for a, c, _, units in batch.deltas.tolist()]
            trades = db.execute("SELECT * FROM trades WHERE batch = ? ORDER BY line", (batch.id,)).fetchall()
            assert len(trades) == len(batch.trades) == 8
            for n, (row, trade) in enumerate(zip(trades, batch.trades, strict=True)):
                pair = venue.instruments[trade["instrument"]]
                lots, price = int(trade["quantity_lots"]), int(trade["price_ticks"])
                assert row == (
                    batch.id, n + 1, trade["sequence"], pair.index, trade["number"], trade["maker"], trade["taker"],
                    "SELL", trade["swap"], price, lots, lots * pair.lot_units, pair.notional_units(price, lots),
                    trade["maker_fee_units"], trade["taker_fee_units"],
                )  # fmt: skip
            moved = db.execute(
                "SELECT sequence, account, currency, amount_units, external_id FROM deposits WHERE batch = ?",
                (batch.id,),
            ).fetchall()
            assert moved == [
                (t["sequence"], t["payee"], t["currency"], t["amount_units"], None) for t in batch.transfers
            ]
            cursor = db.execute(
                "SELECT batch, last_sequence, head, journal_hash FROM batches WHERE batch = ?", (batch.id,)
            )
            assert Cursor(*cursor.fetchone()) == batch.cursor


def test_accounts_carry_the_names_that_batches_brought(sqlite_path: Path, open_: Open, books: Books) -> None:
    ledger = open_(f"sqlite:{sqlite_path}")
    ledger.post(books.close([(CUSTODY, USD, -5), (ALICE, USD, 5)]))
    with closing(sqlite3.connect(sqlite_path)) as db:
        query = "SELECT account, role, issuer, subject FROM accounts ORDER BY account"
        nameless = [(0, "fees", None, None), (1, "custody", None, None), (ALICE, "client", None, None)]
        assert db.execute(query).fetchall() == nameless
        ledger.post(books.close([], names=tuple(AccountName(a, "kyc", f"payer-{a}") for a in (ALICE, BOB))))
        named = [*nameless[:2], (ALICE, "client", "kyc", "payer-2"), (BOB, "client", "kyc", "payer-3")]
        assert db.execute(query).fetchall() == named


def test_an_accountant_reads_statements_in_decimals_and_a_trial_balance(
    sqlite_path: Path, open_: Open, books: Books
) -> None:
    lines = [(CUSTODY, USD, -1_500_007), (ALICE, USD, 1_500_007), (CUSTODY, JPY, -12), (ALICE, JPY, 12)]
    lines += [(CUSTODY, EUR, -5), (BOB, EUR, 5)]
    open_(f"sqlite:{sqlite_path}").post(books.close(lines, names=(AccountName(ALICE, "kyc", "payer-1"),)))
    with closing(sqlite3.connect(sqlite_path)) as db:
        statement = db.execute(
            "SELECT time_utc, holder, t.currency, amount FROM statement t JOIN currencies c ON code = t.currency"
            " ORDER BY account, c.currency"
        ).fetchall()
        assert statement == [
            ("2023-11-14 22:13:20", "custody", "USD", "-1.500007"),
            ("2023-11-14 22:13:20", "custody", "EUR", "-0.05"),
            ("2023-11-14 22:13:20", "custody", "JPY", "-12"),
            ("2023-11-14 22:13:20", "payer-1", "USD", "1.500007"),
            ("2023-11-14 22:13:20", "payer-1", "JPY", "12"),
            ("2023-11-14 22:13:20", "client", "EUR", "0.05"),
        ]
        trial = db.execute("SELECT * FROM trial_balance").fetchall()
        assert trial == [("USD", 1_500_007, 0, -1_500_007, 0), ("EUR", 5, 0, -5, 0), ("JPY", 12, 0, -12, 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batches SET time_ns = 0 WHERE batch = 1",
        "UPDATE postings SET amount_units = amount_units * 2",
        "UPDATE trades SET price_ticks = 1",
        "UPDATE deposits SET amount_units = 1",
        "UPDATE balances SET amount_units = amount_units + 1",
        "UPDATE balances SET amount_units = amount_units + 1, batch = batch + 1",
        "UPDATE accounts SET subject = 'someone else' WHERE account = 2",
        "UPDATE currencies SET decimals = 2",
        "UPDATE instruments SET symbol = 'EUR/GBP' WHERE instrument = 0",
        "UPDATE venue SET id = 'other'",
        "INSERT INTO postings SELECT 5, 1, currency, 7 FROM currencies"
        " WHERE currency NOT IN (SELECT currency FROM postings WHERE batch = 5 AND account = 1)",
        "INSERT INTO deposits VALUES (999, 5, 2, 0, 7, NULL)",
        "INSERT INTO payments VALUES (999, 5, 3, 2, 0, 7)",
        "INSERT INTO withdrawals VALUES (999, 2, 0, 7, 5, 'HELD', NULL, NULL)",
        "INSERT INTO trades VALUES (5, 99, 9, 0, 999, 2, 3, 'BUY', 0, 1, 1, 1, 1, 0, 0)",
        "INSERT INTO balances VALUES (0, 2, 7, 5)",
        "INSERT INTO batches VALUES (7, 68, 72, 0, 0, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))",
        "INSERT INTO batches VALUES (6, 67, 72, 0, 0, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))",
        "INSERT INTO batches VALUES (6, 68, 67, 0, 0, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))",
        "INSERT INTO batches VALUES (6, 68, 72, 0, 1, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))",
        "INSERT OR REPLACE INTO balances SELECT account, currency, amount_units, 5 FROM postings"
        " WHERE batch = 5 AND account = 1",
        "INSERT OR REPLACE INTO accounts VALUES (2, 'client', 'https://kyc.example', 'someone else')",
        "INSERT OR REPLACE INTO currencies VALUES (0, 'USD', 'US dollar coin', 2)",
        "INSERT OR REPLACE INTO instruments VALUES (0, 'EUR/USD', 0, 1)",
        "INSERT OR REPLACE INTO venue VALUES (1, 'other', 'Other', zeroblob(32), zeroblob(32))",
        *(f"DELETE FROM {table}" for table in ("batches", "postings", "trades", "deposits", "balances")),
        *(f"DELETE FROM {table}" for table in ("accounts", "currencies", "instruments", "venue")),
    ],
)
def test_sql_that_would_falsify_the_books_is_refused(sql: sqlite3.Connection, statement: str) -> None:
    sql.execute("PRAGMA foreign_keys = OFF")  # as any SQLite shell starts: the rules hold without them
    before = list(sql.iterdump())
    assert sql.execute("SELECT max(last_sequence) FROM batches").fetchone() == (67,)
    with pytest.raises(sqlite3.IntegrityError):
        sql.execute(statement)
    assert list(sql.iterdump()) == before


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ("(6, 1, 0, -7), (6, 2, 0, 8)", "must sum to zero"),
        ("(6, 2, 0, -9000000000000000), (6, 3, 0, 9000000000000000)", "CHECK"),
        ("(6, 1, 0, 9000000000000000), (6, 2, 0, -9000000000000000)", "CHECK"),
        ("(6, 1, 0, -7), (6, 99, 0, 7)", "FOREIGN KEY"),
        ("(6, 1, 9, -7), (6, 2, 9, 7)", "FOREIGN KEY"),
    ],
)
def test_a_batch_that_is_wrong_cannot_be_closed_even_by_hand(sql: sqlite3.Connection, lines: str, refusal: str) -> None:
    sql.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError, match=refusal):  # noqa: PT012 - any of the three may refuse
        sql.execute(f"INSERT INTO postings VALUES {lines}")
        sql.execute(
            "INSERT INTO batches VALUES (6, 68, 72, 0, 2, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))"
        )
        sql.execute("COMMIT")


def test_postings_without_a_batch_are_refused_at_commit(sql: sqlite3.Connection) -> None:
    sql.execute("BEGIN")
    sql.execute("INSERT INTO postings VALUES (6, 1, 0, -7), (6, 2, 0, 7)")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        sql.execute("COMMIT")


def test_a_batch_that_is_right_can_be_closed_by_hand(sql: sqlite3.Connection) -> None:
    query = "SELECT amount_units FROM balances WHERE (account, currency) = (2, 0)"
    before = sql.execute(query).fetchone()[0]
    sql.execute("BEGIN")
    sql.execute("INSERT INTO postings VALUES (6, 1, 0, -7), (6, 2, 0, 7)")
    sql.execute("INSERT INTO batches VALUES (6, 68, 72, 0, 2, 0, 0, 0, 0, zeroblob(32), zeroblob(32), zeroblob(32))")
    sql.execute("COMMIT")
    assert sql.execute(query).fetchone()[0] == before + 7


def test_a_trade_is_in_the_books_once(sqlite_path: Path, open_: Open, books: Books) -> None:
    ledger = open_(f"sqlite:{sqlite_path}")
    ledger.post(books.batch())
    books.numbers[:] = [0] * len(books.numbers)
    with pytest.raises(LedgerError, match="trades are never replaced"):
        ledger.post(books.batch())


def test_a_line_outside_its_batchs_commands_is_refused(sqlite_path: Path, open_: Open, books: Books) -> None:
    start = books.cursor
    batch = books.batch()
    books.cursor = start
    transfers = batch.transfers.copy()
    transfers["sequence"][0] = batch.last_sequence + 1
    moved = books.close([], transfers=transfers, last=batch.last_sequence)
    with pytest.raises(LedgerError, match="that it counts"):
        open_(f"sqlite:{sqlite_path}").post(moved)


def test_balances_are_found_by_their_key_however_many_there_are(sql: sqlite3.Connection) -> None:
    body = sql.execute("SELECT sql FROM sqlite_master WHERE name = 'batch_moves_balances'").fetchone()[0]
    update = body[body.index("UPDATE") : body.index(";") + 1].replace("NEW.batch", "5")
    plan = [row[3] for row in sql.execute(f"EXPLAIN QUERY PLAN {update}")]
    assert plan == [
        "SEARCH p USING PRIMARY KEY (batch=?)",
        "SEARCH balances USING PRIMARY KEY (account=? AND currency=?)",
    ]


def test_values_at_the_edge_of_64_bits_are_kept_exactly(sqlite_path: Path, open_: Open, books: Books) -> None:
    top = 2**63 - 1
    ledger = open_(f"sqlite:{sqlite_path}")
    ledger.post(books.close([(CUSTODY, USD, -top), (ALICE, USD, top - 1), (BOB, USD, 1)]))
    ledger.post(books.close([(ALICE, USD, 1), (BOB, USD, -1)]))
    assert ledger.balances() == {(CUSTODY, USD): -top, (ALICE, USD): top, (BOB, USD): 0}
    with pytest.raises(LedgerError):
        ledger.post(books.close([(CUSTODY, USD, -1), (ALICE, USD, 1)]))
    assert ledger.balance(ALICE, USD) == top == np.iinfo(np.int64).max
