"""The ledger's rows as an auditor reads them: with SQL of its own, in one read-only look.

Everything is read in one look, so that a venue that is running may be audited: what is seen is one
moment of the books. Rows come as the tuples that :mod:`fxengine.audit.recut` makes.
"""

from typing import Final, NamedTuple, Self, cast

from fxengine.audit.recut import Row
from fxengine.ledger.reading import open_reader
from fxengine.venue import Venue

_LINES: Final = {
    "posting": "SELECT account, currency, amount_units FROM postings WHERE batch = ? ORDER BY account, currency",
    "trade": (
        "SELECT line, sequence, instrument, number, maker, taker, maker_side, swap, price_ticks, quantity_lots,"
        " base_units, quote_units, maker_fee_units, taker_fee_units FROM trades WHERE batch = ? ORDER BY line"
    ),
    "deposit": (
        "SELECT sequence, account, currency, amount_units, external_id FROM deposits WHERE batch = ? ORDER BY sequence"
    ),
    "payment": (
        "SELECT sequence, payer, payee, currency, amount_units FROM payments WHERE batch = ? ORDER BY sequence"
    ),
    "hold": (
        "SELECT withdrawal, account, currency, amount_units FROM withdrawals"
        " WHERE held_batch = ? AND (ended_sequence IS NULL OR ended_sequence > withdrawal) ORDER BY withdrawal"
    ),
    "withdrawal": (
        "SELECT ended_sequence, withdrawal, account, currency, amount_units, state FROM withdrawals"
        " WHERE ended_batch = ? ORDER BY ended_sequence"
    ),
    "bust": "SELECT sequence, instrument, number FROM busts WHERE batch = ? ORDER BY sequence, instrument, number",
}
_BATCHES: Final = (
    "SELECT batch, first_sequence, last_sequence, time_ns, postings, trades, transfers, withdrawals, busts,"
    " journal_hash, trades_root, head FROM batches ORDER BY batch"
)
_OF_BATCHES: Final = {
    "postings": "batch",
    "trades": "batch",
    "deposits": "batch",
    "payments": "batch",
    "withdrawals": "coalesce(ended_batch, held_batch)",
    "busts": "batch",
}


class BatchRow(NamedTuple):
    """A row of the table ``batches``."""

    batch: int
    first_sequence: int
    last_sequence: int
    time_ns: int
    postings: int
    trades: int
    transfers: int
    withdrawals: int
    busts: int
    journal_hash: bytes
    trades_root: bytes
    head: bytes


class Books:
    """One moment of a ledger. Raises :class:`LedgerError` where it cannot be read as one."""

    def __init__(self, url: str) -> None:
        self._reader = open_reader(url)
        try:
            self.batches = [BatchRow._make(row) for row in self._rows(_BATCHES)]
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.__exit__()

    def _rows(self, query: str, *values: object) -> list[Row]:
        return self._reader.rows(query, *values)

    def lines(self, batch: int) -> dict[str, list[Row]]:
        """Return what belongs to a batch, by what it is: postings, trades, deposits and so on."""
        return {kind: self._rows(query, batch) for kind, query in _LINES.items()}

    def trade(self, instrument: int, number: int) -> Row | None:
        """Return what a trade was: maker, taker, maker_side, price, quantity, both fees; None where there is none."""
        rows = self._rows(
            "SELECT maker, taker, maker_side, price_ticks, quantity_lots, maker_fee_units, taker_fee_units FROM trades"
            " WHERE instrument = ? AND number = ?",
            instrument,
            number,
        )
        return rows[0] if rows else None

    def balances(self) -> dict[tuple[int, int], int]:
        """Return every balance row that is not zero."""
        rows = self._rows("SELECT account, currency, amount_units FROM balances WHERE amount_units <> 0")
        return {(account, currency): units for account, currency, units in cast(list[tuple[int, int, int]], rows)}

    def names(self) -> dict[int, tuple[str, str]]:
        """Return issuer and subject of every account that has a name."""
        rows = self._rows("SELECT account, issuer, subject FROM accounts WHERE subject IS NOT NULL")
        return {account: (issuer, subject) for account, issuer, subject in cast(list[tuple[int, str, str]], rows)}

    def stray_lines(self) -> int:
        """Count lines that belong to no batch row."""
        counts = [
            self._rows(f"SELECT count(*) FROM {table} WHERE {batch} NOT IN (SELECT batch FROM batches)")[0][0]
            for table, batch in _OF_BATCHES.items()
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
        return problems + [f"ledger: the file is damaged: {line}" for line in self._reader.damage()]
