"""The ledger's rows as an auditor reads them: with SQL of its own, in one read-only look.

Everything is read in one transaction, so that a venue that is running may be audited: what is seen
is one moment of the books. Rows come as the tuples that :mod:`fxengine.audit.recut` makes.
"""

import sqlite3
from pathlib import Path
from typing import Final, NamedTuple, Self

from fxengine.audit.recut import Row
from fxengine.errors import LedgerError
from fxengine.venue import Venue

_POSTINGS: Final = "SELECT account, currency, amount_units FROM postings WHERE batch = ? ORDER BY account, currency"
_TRADES: Final = (
    "SELECT line, sequence, instrument, number, maker, taker, maker_side, swap, price_ticks, quantity_lots,"
    " base_units, quote_units, maker_fee_units, taker_fee_units FROM trades WHERE batch = ? ORDER BY line"
)
_TRANSFERS: Final = (
    "SELECT sequence, kind, payer, payee, currency, amount_units FROM transfers WHERE batch = ? ORDER BY sequence"
)
_BATCHES: Final = (
    "SELECT batch, first_sequence, last_sequence, time_ns, postings, trades, transfers, journal_hash, head"
    " FROM batches ORDER BY batch"
)


class BatchRow(NamedTuple):
    """A row of the table ``batches``."""

    batch: int
    first_sequence: int
    last_sequence: int
    time_ns: int
    postings: int
    trades: int
    transfers: int
    journal_hash: bytes
    head: bytes


class Books:
    """One moment of a ledger. Raises :class:`LedgerError` where the file cannot be read as one."""

    def __init__(self, url: str) -> None:
        scheme, _, path = url.partition(":")
        if scheme != "sqlite" or not path:
            raise LedgerError(f"only a ledger that outlives its process can be verified: sqlite:PATH, not {url!r}")
        if not Path(path).is_file():
            raise LedgerError(f"ledger: {path} does not exist")
        self._db = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            self._db.execute("BEGIN")
            self.batches = [BatchRow(*row) for row in self._db.execute(_BATCHES)]
        except sqlite3.Error as e:
            self._db.close()
            raise LedgerError(f"ledger: {path} cannot be read: {e}") from e

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _rows(self, query: str, *values: object) -> list[Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as e:
            raise LedgerError(f"ledger: cannot be read: {e}") from e

    def lines(self, batch: int) -> dict[str, list[Row]]:
        """Return a batch's postings, trades and transfers."""
        return {
            "posting": self._rows(_POSTINGS, batch),
            "trade": self._rows(_TRADES, batch),
            "transfer": self._rows(_TRANSFERS, batch),
        }

    def balances(self) -> dict[tuple[int, int], int]:
        """Return every balance row that is not zero."""
        rows = self._db.execute("SELECT account, currency, amount_units FROM balances WHERE amount_units <> 0")
        return {(account, currency): units for account, currency, units in rows}

    def names(self) -> dict[int, tuple[str, str]]:
        """Return issuer and subject of every account that has a name."""
        rows = self._db.execute("SELECT account, issuer, subject FROM accounts WHERE subject IS NOT NULL")
        return {account: (issuer, subject) for account, issuer, subject in rows}

    def stray_lines(self) -> int:
        """Count lines that belong to no batch row."""
        counts = [
            self._rows(f"SELECT count(*) FROM {table} WHERE batch NOT IN (SELECT batch FROM batches)")[0][0]
            for table in ("postings", "trades", "transfers")
        ]
        return sum(int(str(count)) for count in counts)

    def venue_problems(self, venue: Venue) -> list[str]:
        """Say where the ledger describes another venue than ``venue``."""
        problems = []
        if self._rows("SELECT id, fingerprint FROM venue") != [(venue.id, venue.fingerprint)]:
            problems.append("ledger: it belongs to another venue, or to this one under other rules")
        currencies: list[Row] = [(c.index, c.code, c.decimals) for c in venue.currencies]
        if self._rows("SELECT currency, code, decimals FROM currencies ORDER BY currency") != currencies:
            problems.append("ledger: its currencies are not the venue's")
        pairs: list[Row] = [(i.index, i.symbol, i.base.index, i.quote.index) for i in venue.instruments]
        if self._rows("SELECT instrument, symbol, base, quote FROM instruments ORDER BY instrument") != pairs:
            problems.append("ledger: its instruments are not the venue's")
        damage = [row[0] for row in self._rows("PRAGMA integrity_check(5)") if row[0] != "ok"]
        return problems + [f"ledger: the file is damaged: {line}" for line in damage]
