"""The ledger in PostgreSQL: a schema of tables in a database that others may read, where FINAL means committed.

A batch is one transaction, and its commit waits until the server has it on its disk (``synchronous_commit``;
a server that runs with ``fsync = off`` is refused). Rows go in by COPY, a table at a time, and the row in
``batches`` closes the batch: the rules that hold inside the database are told in
:mod:`fxengine.ledger.postgres_schema`.

One connection does everything, one thread at a time. It holds an advisory lock on the schema for as long as
it lives, so two venues cannot post to the same books. When the server goes away, whatever was being done
raises :class:`LedgerUnavailable`, and the next call connects again, takes the lock again and looks again
whose ledger it is. What became of a commit whose answer was lost the caller finds out by posting again.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar, cast

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger.base import Balances, FinalAtOnce, check_names, is_next
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.ledger.postgres_connection import SQL, Address, Connection, Identifier, connect, parse, psycopg, said
from fxengine.ledger.postgres_schema import MIGRATIONS
from fxengine.ledger.rows import BATCH_COLUMNS, COLUMNS, batch_row, lines, role
from fxengine.venue import Venue

T = TypeVar("T")

_LOCK_WAIT: Final = "10s"
"""How long a venue that starts waits for the one before it to be gone from the server."""
_STANDBY: Final = "25006"  # read_only_sql_transaction: a server that is not, or not yet, the primary one
_TYPES: Final = {
    "maker_side": "text", "state": "text", "external_id": "bytea", "swap": "int2",
    "line": "int4", "instrument": "int4", "currency": "int4",
}  # fmt: skip
"""What a column is where it is not ``int8``: binary COPY takes exactly the table's type."""
_COPY: Final = {
    table: f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT binary)" for table, names in COLUMNS.items()
}
_COPY_TYPES: Final = {table: [_TYPES.get(name, "int8") for name in names] for table, names in COLUMNS.items()}
_INSERT_BATCH: Final = (
    f"INSERT INTO batches ({', '.join(BATCH_COLUMNS)}) VALUES ({', '.join(['%s'] * len(BATCH_COLUMNS))})"
)
_END_WITHDRAWAL: Final = (
    "UPDATE withdrawals SET state = %s, ended_batch = %s, ended_sequence = %s WHERE withdrawal = %s"
)


class PostgresLedger(FinalAtOnce):
    """Double-entry books in one schema. Open it with ``open_ledger("postgresql://...", venue)``."""

    finality: Final = "commit"

    def __init__(self, address: Address, venue: Venue) -> None:
        self._address = address
        self._venue = venue
        self._genesis = Cursor.genesis(venue)
        self._lock = threading.Lock()
        self._db: Connection | None = None
        self._accounts: set[int] = set()
        with self._lock, self._faults():
            self._connected()

    def cursor(self) -> Cursor:
        """Return how far the ledger has come, read from the newest batch row."""
        return self._ask(self._cursor)

    def post(self, batch: Batch) -> None:
        """Post a batch once, in one durable transaction; see :meth:`fxengine.ledger.base.Ledger.post`."""
        batch.check()
        with self._lock, self._faults():
            db = self._connected()
            with db.transaction():
                if not is_next(batch, self._cursor(db), lambda batch_id: self._head(db, batch_id)):
                    return
                opened = self._open_accounts(db, batch)
                written = lines(batch, self._venue)
                with db.cursor() as cursor:
                    for table, rows in written.appended.items():
                        _copy(cursor, table, list(rows))
                    if written.ended:
                        cursor.executemany(_END_WITHDRAWAL, written.ended)
                    cursor.execute(_INSERT_BATCH, batch_row(batch))
            self._accounts |= opened

    def status(self, batch_id: int) -> SettlementStatus:
        """Return FINAL for a batch that is in the tables: it was on the server's disk before anybody could see it."""
        found = self._ask(lambda db: db.execute("SELECT 1 FROM batches WHERE batch = %s", (batch_id,)).fetchone())
        return SettlementStatus.FINAL if found else SettlementStatus.PENDING

    def balance(self, account: int, currency: int) -> int:
        """Return one balance in units."""
        query = "SELECT amount_units FROM balances WHERE account = %s AND currency = %s"
        row = self._ask(lambda db: db.execute(query, (account, currency)).fetchone())
        return cast(int, row[0]) if row else 0

    def balances(self) -> Balances:
        """Return every balance, as of one moment."""
        rows = self._ask(lambda db: db.execute("SELECT account, currency, amount_units FROM balances").fetchall())
        return {(account, currency): units for account, currency, units in cast(list[tuple[int, int, int]], rows)}

    def close(self) -> None:
        """Close the connection, and with it give up the lock."""
        with self._lock:
            self._disconnect()

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with self._lock, self._faults():
            return question(self._connected())

    def _connected(self) -> Connection:
        """Return the connection, a new one where the last one was lost; the caller holds the thread lock."""
        if self._db is None or self._db.closed:
            self._db = connect(self._address)
            try:
                self._open(self._db)
            except BaseException:
                self._disconnect()
                raise
        return self._db

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self, db: Connection) -> None:
        """Take the lock, bring the schema up to date, and check that this is the venue's ledger, or make it so."""
        self._require_durable(db)
        self._take_writer_lock(db)
        with db.transaction():
            self._migrate(db)
        row = db.execute("SELECT id, fingerprint FROM venue").fetchone()
        if row is None or row[1] != self._venue.fingerprint:
            raise LedgerMismatch(
                f"the ledger {self._address.shown} was opened for venue {row[0] if row else None!r} under other rules"
                f" (currencies, instruments, fees or bounds) than those of venue {self._venue.id!r} now; restore the"
                " venue file that it was opened with, or name another schema in the URL: ?schema=NAME"
            )
        self._accounts = {cast(int, account) for (account,) in db.execute("SELECT account FROM accounts")}

    def _require_durable(self, db: Connection) -> None:
        settings = db.execute(
            "SELECT current_setting('fsync'), current_setting('server_encoding'), current_setting('synchronous_commit')"
        ).fetchone()
        assert settings is not None
        fsync, encoding, commits = settings
        if fsync != "on":
            raise LedgerError(
                f"the server of the ledger {self._address.shown} runs with fsync = off: what it calls committed can be"
                " lost. Turn fsync on"
            )
        if encoding != "UTF8":
            raise LedgerError(
                f"the database of the ledger {self._address.shown} has encoding {encoding}; make one with UTF8"
            )
        if commits in ("off", "local"):  # what waits for more than this server's disk is left as it is
            db.execute("SET synchronous_commit = on")

    def _take_writer_lock(self, db: Connection) -> None:
        key = int.from_bytes(
            hashlib.sha256(f"fxengine {self._address.schema}".encode()).digest()[:8], "big", signed=True
        )
        try:
            db.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
            db.execute("SELECT pg_advisory_lock(%s)", (key,))
            db.execute("SET lock_timeout = 0")
        except psycopg.errors.LockNotAvailable:
            raise LedgerUnavailable(
                f"another venue is posting to the ledger {self._address.shown}; stop it, or name another schema in the"
                " URL: ?schema=NAME"
            ) from None

    def _migrate(self, db: Connection) -> None:
        """Make the schema or bring it to this release's version: all in the caller's transaction, or nothing."""
        schema = Identifier(self._address.schema)
        is_there = db.execute("SELECT to_regnamespace(%s)", (self._address.schema,)).fetchone()
        if is_there is None or is_there[0] is None:
            db.execute(SQL("CREATE SCHEMA {}").format(schema))
        found = db.execute(
            "SELECT count(*), count(*) FILTER (WHERE relname = 'migrations') FROM pg_class"
            " WHERE relnamespace = to_regnamespace(%s)", (self._address.schema,)
        ).fetchone()  # fmt: skip
        assert found is not None
        n_tables, is_ours = cast(tuple[int, int], found)
        if n_tables and not is_ours:
            raise LedgerError(
                f"{self._address.shown} holds tables, but no ledger; give the ledger a schema of its own: ?schema=NAME"
            )
        if not n_tables:
            db.execute(
                "CREATE TABLE migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        row = db.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
        version = cast(int, row[0]) if row else 0
        if version > len(MIGRATIONS):
            raise LedgerError(
                f"the ledger {self._address.shown} has schema version {version}, and this release knows"
                f" {len(MIGRATIONS)}; open it with the release that wrote it, or a later one"
            )
        for number, statements in enumerate(MIGRATIONS[version:], version + 1):
            db.execute(statements.encode())
            db.execute("INSERT INTO migrations (version) VALUES (%s)", (number,))
        if not n_tables:
            self._describe_venue(db)

    def _describe_venue(self, db: Connection) -> None:
        venue = self._venue
        db.execute(
            "INSERT INTO venue VALUES (1, %s, %s, %s, %s)",
            (venue.id, venue.name, venue.fingerprint, self._genesis.head),
        )
        with db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO currencies VALUES (%s, %s, %s, %s)",
                [(c.index, c.code, c.name, c.decimals) for c in venue.currencies],
            )
            cursor.executemany(
                "INSERT INTO instruments VALUES (%s, %s, %s, %s)",
                [(i.index, i.symbol, i.base.index, i.quote.index) for i in venue.instruments],
            )
            own = [(account, role(account)) for account in (FEES_ACCOUNT, CUSTODY_ACCOUNT)]
            cursor.executemany("INSERT INTO accounts (account, role) VALUES (%s, %s)", own)

    def _cursor(self, db: Connection) -> Cursor:
        row = db.execute(
            "SELECT batch, last_sequence, head, journal_hash FROM batches ORDER BY batch DESC LIMIT 1"
        ).fetchone()
        return Cursor._make(row) if row else self._genesis

    def _head(self, db: Connection, batch_id: int) -> bytes:
        if not batch_id:
            return self._genesis.head
        row = db.execute("SELECT head FROM batches WHERE batch = %s", (batch_id,)).fetchone()
        assert row is not None
        return cast(bytes, row[0])

    def _open_accounts(self, db: Connection, batch: Batch) -> set[int]:
        """Insert the accounts that this batch is the first to concern, and the names it brings; return the former."""
        new = (set(batch.accounts()) | {name.account for name in batch.names}) - self._accounts
        if new:
            ordered = sorted(new)
            db.execute(
                "INSERT INTO accounts (account, role) SELECT * FROM unnest(%s::bigint[], %s::text[])"
                " ON CONFLICT (account) DO NOTHING",
                (ordered, [role(account) for account in ordered]),
            )
        if batch.names:
            columns = [list(column) for column in zip(*batch.names, strict=True)]
            db.execute("SET LOCAL enable_seqscan = off")  # a few names among all there are
            rows = db.execute(
                "SELECT account, issuer, subject FROM accounts WHERE issuer IS NOT NULL AND account = ANY(%s::bigint[])"
                " UNION SELECT account, issuer, subject FROM accounts"
                " JOIN unnest(%s::text[], %s::text[]) n (issuer, subject) USING (issuer, subject)",
                columns,
            )
            known = [AccountName(*cast(tuple[int, str, str], row)) for row in rows]
            check_names(batch.names, known)
            db.execute(
                "UPDATE accounts a SET issuer = n.issuer, subject = n.subject"
                " FROM unnest(%s::bigint[], %s::text[], %s::text[]) n (account, issuer, subject)"
                " WHERE a.account = n.account AND a.issuer IS NULL",
                columns,
            )
        return new

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Tell PostgreSQL's failures apart: what may pass, what the books refuse, and what is broken."""
        try:
            yield
        except psycopg.IntegrityError as e:
            raise LedgerError(f"the ledger {self._address.shown} refuses the batch: {said(e)}") from e
        except psycopg.Error as e:
            may_pass = isinstance(e, psycopg.OperationalError | psycopg.InterfaceError) or e.sqlstate == _STANDBY
            if may_pass:
                self._disconnect()  # whatever state it is in: the next call begins afresh
                raise LedgerUnavailable(f"the ledger {self._address.shown} does not answer: {said(e)}") from e
            raise LedgerError(f"the ledger {self._address.shown} cannot be used: {said(e)}") from e


def _copy(cursor: psycopg.Cursor[tuple[object, ...]], table: str, rows: list[tuple[object, ...]]) -> None:
    if not rows:
        return
    with cursor.copy(_COPY[table]) as copy:
        copy.set_types(_COPY_TYPES[table])
        for row in rows:
            copy.write_row(row)


def open_postgres(rest: str, venue: Venue) -> PostgresLedger:
    """Open ``postgresql://...``; the schema is made if it is missing, the database is not."""
    return PostgresLedger(parse(f"postgresql:{rest}"), venue)
