"""Reading a ledger's tables with SQL of one's own: for auditors, statements and exports.

A reader is one moment of the books: all that is read through it belongs together, even while a venue
posts. It writes nothing. Tables and columns are the same in every backend that keeps its books in SQL
(docs/settlement.md lists them), so one portable SQL with ``?`` for values reads them all. This module
knows no rule of the books and imports none: who checks a ledger must not trust its code.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol, Self

from fxengine.errors import LedgerError

Row = tuple[object, ...]

_POSTGRES: Final = ("postgresql", "postgres")
_IMPOSSIBLE: Final = (OverflowError, UnicodeEncodeError)
"""What drivers raise for a value that no table can hold, such as a person may type."""
_IMPOSSIBLE_SAID: Final = "ledger: no books hold what is asked for: a number past 64 bits, or a text that is no UTF-8"
BOOKS_OF_A_CHAIN: Final = "books.sqlite"
"""The file in the directory of a chain's ledger (``evm:DIRECTORY``) that holds its books."""


class Reader(Protocol):
    """One read-only, consistent look at a ledger. A context manager; leaving it ends the look."""

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return what a query finds. Integers are ``int``, bytes ``bytes``, texts ``str``, absent ones None.

        ``sql`` is one statement that SQLite and PostgreSQL both understand, with ``?`` where a value goes.
        Raises :class:`LedgerError` where it cannot be answered.
        """

    def damage(self) -> list[str]:
        """Return what the store itself finds wrong with its bytes, as sentences. O(ledger) for SQLite."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_reader(url: str) -> Reader:
    """Open a look at the ledger that ``url`` names: ``sqlite:PATH``, ``postgresql://...`` or ``evm:DIRECTORY``.

    Raises :class:`LedgerError` where there is none, or it cannot be read, or it keeps no tables;
    :class:`MissingExtraError` where PostgreSQL's driver is not installed.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        return _SqliteReader(Path(rest))
    if scheme == "evm" and rest:
        return _SqliteReader(Path(rest.partition("?")[0]) / BOOKS_OF_A_CHAIN)
    if scheme in _POSTGRES:
        return _PostgresReader(url)
    raise LedgerError(
        "only a ledger that keeps its books in tables can be read: sqlite:PATH, postgresql://... or evm:DIRECTORY, not"
        f" {scheme}:"
    )


class _SqliteReader:
    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LedgerError(
                f"ledger: {path} does not exist; a venue makes its ledger when it is first served. Say which venue you"
                " mean, or the ledger's URL where it settles elsewhere"
            )
        self._path = path
        self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            self._db.execute("BEGIN")
            self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the look begins here
        except sqlite3.Error as e:
            self._db.close()
            raise LedgerError(f"ledger: {path} cannot be read: {e}") from e

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        try:
            return self._db.execute(sql, values).fetchall()
        except _IMPOSSIBLE as e:
            raise LedgerError(_IMPOSSIBLE_SAID) from e
        except sqlite3.Error as e:
            raise LedgerError(f"ledger: {self._path} cannot be read: {e}") from e

    def damage(self) -> list[str]:
        return [str(line) for (line,) in self.rows("PRAGMA integrity_check(5)") if line != "ok"]


class _PostgresReader:
    def __init__(self, url: str) -> None:
        from fxengine.ledger import postgres_connection as postgres

        self._postgres = postgres
        self._address = postgres.parse(url)
        self._db = postgres.connect(self._address)
        try:
            self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self.rows("SELECT id FROM venue")  # the look begins here
        except LedgerError:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        try:
            found = self._db.execute(_placed(sql).encode(), values).fetchall()
        except _IMPOSSIBLE as e:
            raise LedgerError(_IMPOSSIBLE_SAID) from e
        except self._postgres.Error as e:
            # A failed statement spoils its transaction, and with it the look.
            with suppress(self._postgres.Error):
                self._db.close()
            raise LedgerError(f"ledger: {self._address.shown} cannot be read: {self._postgres.said(e)}") from e
        return [tuple(int(v) if isinstance(v, Decimal) else v for v in row) for row in found]

    def damage(self) -> list[str]:
        return []  # the server reads its pages' checksums itself, and refuses a page that fails


def _placed(sql: str) -> str:
    """Return SQL with psycopg's placeholders for ``?``, but not inside a quoted text.

    >>> _placed("SELECT 100 % ? WHERE x = '?' AND y = ?")
    "SELECT 100 %% %s WHERE x = '?' AND y = %s"
    """
    parts: Sequence[str] = sql.replace("%", "%%").split("'")
    return "'".join(part if n % 2 else part.replace("?", "%s") for n, part in enumerate(parts))
