"""The default ledger: one SQLite file, where FINAL means committed and synced to the disk.

A batch is one transaction. SQLite's write-ahead log with ``synchronous=FULL`` syncs at every
commit, so when :meth:`SqliteLedger.post` returns the batch survives a loss of power, and when the
process dies before that the file has no trace of it. The cursor is the newest ``batches`` row, so
it cannot disagree with the balances. The rules that hold inside the file are told in
:mod:`fxengine.ledger.sqlite_schema`; this module only writes rows, a whole batch per statement.

One connection serves all threads, one at a time: a reader waits at most for one commit.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger.base import Balances, FinalAtOnce, check_names, is_next
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.ledger.rows import BATCH_COLUMNS, COLUMNS, Row, batch_row, lines, role
from fxengine.ledger.sqlite_schema import APPLICATION_ID, SCHEMA_VERSION, schema
from fxengine.venue import Venue

_BUSY_SECONDS: Final = 5.0
_LOG_PAGES: Final = 16_384
_CACHE_KIB: Final = 65_536
_MODE: Final = 0o600
"""A new file is its owner's alone: it holds customers' names and balances."""


_ROWS_AT_ONCE: Final = 64
"""Rows of one statement. While one runs, other threads have the interpreter, and when it ends it is waited for:
row by row, posting took a third of what the gateway can do."""


def _insert(table: str, columns: tuple[str, ...], n_rows: int = 1) -> str:
    values = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([values] * n_rows)}"


_INSERT: Final = {table: _insert(table, columns) for table, columns in COLUMNS.items()}
_INSERT_MANY: Final = {table: _insert(table, columns, _ROWS_AT_ONCE) for table, columns in COLUMNS.items()}
_INSERT_BATCH: Final = _insert("batches", BATCH_COLUMNS)
_END_WITHDRAWAL: Final = "UPDATE withdrawals SET state = ?, ended_batch = ?, ended_sequence = ? WHERE withdrawal = ?"


class SqliteLedger(FinalAtOnce):
    """Double-entry books in one file. Open it with ``open_ledger("sqlite:PATH", venue)``."""

    def __init__(self, path: Path, venue: Venue) -> None:
        self._path = path
        self._venue = venue
        self._genesis = Cursor.genesis(venue)
        self._lock = threading.Lock()
        try:
            # SQLite would make the file as the umask has it; its logs take their mode from it.
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT, _MODE))
            self._db = sqlite3.connect(
                path.absolute(), timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as e:
            raise LedgerError(f"the ledger {path} cannot be opened: {e}") from e
        try:
            with self._faults():
                self._open()
        except LedgerError:
            self._db.close()
            raise
        self._accounts: set[int] = {row[0] for row in self._db.execute("SELECT account FROM accounts")}

    @property
    def finality(self) -> str:
        """Name what makes a batch FINAL: it is on the disk."""
        return "fsync"

    def cursor(self) -> Cursor:
        """Return how far the ledger has come, read from the newest batch row."""
        with self._lock, self._faults():
            return self._cursor()

    def post(self, batch: Batch) -> None:
        """Post a batch once, in one synced transaction; see :meth:`fxengine.ledger.base.Ledger.post`."""
        batch.check()
        with self._lock, self._faults(), self._transaction():
            if not is_next(batch, self._cursor(), self._head):
                return
            opened = self._open_accounts(batch)
            written = lines(batch, self._venue)
            for table, rows in written.appended.items():
                self._append(table, list(rows))
            self._db.executemany(_END_WITHDRAWAL, written.ended)
            self._write_beside(batch)
            self._db.execute(_INSERT_BATCH, batch_row(batch))
            self._db.execute("COMMIT")
            self._accounts |= opened
            self._note_posted(batch)

    def status(self, batch_id: int) -> SettlementStatus:
        """Return FINAL for a batch that is in the file: it was synced when it got there."""
        with self._lock, self._faults():
            found = self._db.execute("SELECT 1 FROM batches WHERE batch = ?", (batch_id,)).fetchone()
        return SettlementStatus.FINAL if found else SettlementStatus.PENDING

    def balance(self, account: int, currency: int) -> int:
        """Return one balance in units."""
        query = "SELECT amount_units FROM balances WHERE account = ? AND currency = ?"
        with self._lock, self._faults():
            row = self._db.execute(query, (account, currency)).fetchone()
        return int(row[0]) if row else 0

    def balances(self) -> Balances:
        """Return every balance, as of one moment."""
        with self._lock, self._faults():
            rows = self._db.execute("SELECT account, currency, amount_units FROM balances").fetchall()
        return {(account, currency): units for account, currency, units in rows}

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._lock:
            self._db.close()

    def _write_beside(self, batch: Batch) -> None:
        """Write nothing more. A ledger that keeps more than books does it here, in the batch's own transaction."""

    def _note_posted(self, batch: Batch) -> None:
        """Do nothing. A ledger that keeps more than books hears here that a batch is committed."""

    def _rows(self, sql: str, *values: object) -> list[Row]:
        with self._lock, self._faults():
            return self._db.execute(sql, values).fetchall()

    def _change(self, statements: Sequence[tuple[str, Row]]) -> None:
        """Carry out statements in one transaction, synced when this returns."""
        with self._lock, self._faults(), self._transaction():
            for sql, values in statements:
                self._db.execute(sql, values)
            self._db.execute("COMMIT")

    def _open(self) -> None:
        """Check that the file is this venue's ledger, or make it so if it is new."""
        if self._tables() and self._pragma("application_id") != APPLICATION_ID:
            raise LedgerError(f"{self._path} is an SQLite file, but not a ledger; give the ledger a path of its own")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        # Balances and accounts' postings are touched all over the file. A larger log and cache write a page once
        # for many batches; what is committed is in the log, and synced, either way.
        self._db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        with self._transaction():
            if not self._tables():
                self._create()
            self._db.execute("COMMIT")
        version = self._pragma("user_version")
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger {self._path} has schema version {version}, this release writes {SCHEMA_VERSION};"
                " open it with the release that wrote it, or move it away: the venue's next start makes it anew from"
                " the journal"
            )
        venue_id, fingerprint = self._db.execute("SELECT id, fingerprint FROM venue").fetchone()
        if fingerprint != self._venue.fingerprint:
            raise LedgerMismatch(
                f"the ledger {self._path} was opened for venue {venue_id!r} under other rules (currencies, instruments,"
                f" fees or bounds) than those of venue {self._venue.id!r} now; restore the venue file that it was"
                " opened with, or give this venue a new directory"
            )

    def _create(self) -> None:
        venue = self._venue
        for statement in _statements(schema()):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._db.execute(
            "INSERT INTO venue VALUES (1, ?, ?, ?, ?)", (venue.id, venue.name, venue.fingerprint, self._genesis.head)
        )
        self._db.executemany(
            "INSERT INTO currencies VALUES (?, ?, ?, ?)",
            [(c.index, c.code, c.name, c.decimals) for c in venue.currencies],
        )
        self._db.executemany(
            "INSERT INTO instruments VALUES (?, ?, ?, ?)",
            [(i.index, i.symbol, i.base.index, i.quote.index) for i in venue.instruments],
        )
        own = [(account, role(account)) for account in (FEES_ACCOUNT, CUSTODY_ACCOUNT)]
        self._db.executemany("INSERT INTO accounts (account, role) VALUES (?, ?)", own)

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _cursor(self) -> Cursor:
        row = self._db.execute(
            "SELECT batch, last_sequence, head, journal_hash FROM batches ORDER BY batch DESC LIMIT 1"
        ).fetchone()
        return Cursor(*row) if row else self._genesis

    def _head(self, batch_id: int) -> bytes:
        if not batch_id:
            return self._genesis.head
        return bytes(self._db.execute("SELECT head FROM batches WHERE batch = ?", (batch_id,)).fetchone()[0])

    def _append(self, table: str, rows: Sequence[Row]) -> None:
        whole = len(rows) - len(rows) % _ROWS_AT_ONCE
        for at in range(0, whole, _ROWS_AT_ONCE):
            self._db.execute(_INSERT_MANY[table], tuple(chain.from_iterable(rows[at : at + _ROWS_AT_ONCE])))
        self._db.executemany(_INSERT[table], rows[whole:])

    def _open_accounts(self, batch: Batch) -> set[int]:
        """Insert the accounts that this batch is the first to concern; return them."""
        new = (set(batch.accounts()) | {name.account for name in batch.names}) - self._accounts
        self._db.executemany(
            "INSERT INTO accounts (account, role) SELECT ?1, ?2 WHERE ?1 NOT IN (SELECT account FROM accounts)",
            [(account, role(account)) for account in sorted(new)],
        )
        query = (
            "SELECT account, issuer, subject FROM accounts"
            " WHERE issuer IS NOT NULL AND (account = ? OR (issuer, subject) = (?, ?))"
        )
        known = [AccountName(*row) for name in batch.names for row in self._db.execute(query, name)]
        check_names(batch.names, known)
        unnamed = {name.account for name in batch.names} - {name.account for name in known}
        self._db.executemany(
            "UPDATE accounts SET issuer = ?2, subject = ?3 WHERE account = ?1",
            [name for name in batch.names if name.account in unnamed],
        )
        return new

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Hold the file's write lock; whatever the body did not commit is undone."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Tell SQLite's failures apart: what may pass, what the books refuse, and what is broken."""
        try:
            yield
        except sqlite3.OperationalError as e:
            raise LedgerUnavailable(f"the ledger {self._path} does not answer: {e}") from e
        except sqlite3.IntegrityError as e:
            raise LedgerError(f"the ledger {self._path} refuses the batch: {e}") from e
        except sqlite3.Error as e:
            raise LedgerError(f"the ledger {self._path} cannot be used: {e}") from e


def open_sqlite(rest: str, venue: Venue) -> SqliteLedger:
    """Open ``sqlite:PATH``; the file is made if it is missing, its folder is not."""
    if not rest:
        raise LedgerError("the URL of an SQLite ledger names its file: sqlite:PATH")
    return SqliteLedger(Path(rest), venue)


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements: ``executescript`` would commit before it starts."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
