"""The ledger's tables as an analyst gets them: whole numbers with their decimals beside them, times in UTC.

A table is read page by page in the order of its key, each page with one query, so that a hundred million
rows need no more memory than a thousand.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from fxengine.errors import FxEngineError
from fxengine.ledger.reading import Reader

Row = tuple[object, ...]
Kind = Literal["int64", "text", "time", "bytes", "bool"]

PAGE_ROWS: Final = 20_000


class Column(NamedTuple):
    """A column of an export, and what stands in it: ``time`` is nanoseconds since 1970, UTC."""

    name: str
    kind: Kind


class Names(NamedTuple):
    """What the numbers of currencies and instruments stand for; there are at most some thousands of both."""

    currencies: dict[object, Row]  # code, decimals
    instruments: dict[object, Row]  # symbol, base, quote


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what is read, in the order of which key, and how a row read becomes a row written."""

    name: str
    read: tuple[str, ...]  # the columns that are read; the key's come first
    key: int  # how many of them are the key
    columns: tuple[Column, ...]
    shaped: Callable[[Row, Names], Row]

    def pages(self, reader: Reader, page_rows: int = PAGE_ROWS) -> Iterator[list[Row]]:
        """Yield the rows to write, page by page. Each page is one query by the key."""
        names = Names(
            _by_number(reader, "SELECT currency, code, decimals FROM currencies"),
            _by_number(reader, "SELECT instrument, symbol, base, quote FROM instruments"),
        )
        key = ", ".join(self.read[: self.key])
        query = (
            f"SELECT {', '.join(self.read)} FROM {self.name} t WHERE ({key}) > ({', '.join('?' * self.key)})"
            f" ORDER BY {key} LIMIT {page_rows}"
        )
        after: Row = (-1,) * self.key
        while rows := reader.rows(query, *after):
            yield [self.shaped(row, names) for row in rows]
            after = rows[-1][: self.key]

    def extent(self, reader: Reader) -> int:
        """Return the largest first part of the key, for a progress bar. O(log rows)."""
        largest = reader.rows(f"SELECT coalesce(max({self.read[0]}), 0) FROM {self.name}")[0][0]
        assert isinstance(largest, int)
        return largest


def _columns(text: str) -> tuple[Column, ...]:
    """Read ``name:kind`` pairs; a name alone is an int64."""
    kinds: dict[str, Kind] = {"text": "text", "time": "time", "bytes": "bytes", "bool": "bool", "": "int64"}
    parts = (word.partition(":") for word in text.split())
    return tuple(Column(name, kinds[kind]) for name, _, kind in parts)


def _by_number(reader: Reader, query: str) -> dict[object, Row]:
    return {row[0]: row[1:] for row in reader.rows(query)}


def _time(batch: str = "batch") -> str:
    return f"(SELECT b.time_ns FROM batches b WHERE b.batch = t.{batch})"


def _trade(row: Row, names: Names) -> Row:
    *first, instrument, number, maker, taker, side, swap, price, lots, base_units, quote_units, maker_fee, fee = row
    symbol, base, quote = names.instruments[instrument]
    (base_code, base_decimals), (quote_code, quote_decimals) = names.currencies[base], names.currencies[quote]
    assert isinstance(maker_fee, int)
    maker_receives, maker_gives = (base_code, quote_code) if side == "BUY" else (quote_code, base_code)
    return (
        *first, symbol, number, maker, taker, side, bool(swap), price, lots,
        base_code, base_units, base_decimals, quote_code, quote_units, quote_decimals,
        maker_fee, maker_gives if maker_fee < 0 else maker_receives, fee, maker_gives,
    )  # fmt: skip


def _money(at: int) -> Callable[[Row, Names], Row]:
    """Return what puts a currency's code for its number at ``at``, and its decimals behind the units that follow."""

    def shaped(row: Row, names: Names) -> Row:
        code, decimals = names.currencies[row[at]]
        return (*row[:at], code, row[at + 1], decimals, *row[at + 2 :])

    return shaped


def _bust(row: Row, names: Names) -> Row:
    return (names.instruments[row[0]][0], *row[1:])


def _as_it_is(row: Row, _: Names) -> Row:
    return row


_AMOUNT: Final = "currency:text amount_units decimals"
TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "trades",
            ("batch", "line", _time(), "sequence", "instrument", "number", "maker", "taker", "maker_side", "swap",
             "price_ticks", "quantity_lots", "base_units", "quote_units", "maker_fee_units", "taker_fee_units"),
            2,
            _columns(
                "batch line batch_time:time sequence instrument:text number maker taker maker_side:text swap:bool"
                " price_ticks quantity_lots base:text base_units base_decimals quote:text quote_units quote_decimals"
                " maker_fee_units maker_fee_currency:text taker_fee_units taker_fee_currency:text"
            ),
            _trade,
        ),
        Table(
            "postings", ("batch", "account", "currency", "amount_units", _time()), 3,
            _columns(f"batch account {_AMOUNT} batch_time:time"), _money(2),
        ),
        Table(
            "balances", ("account", "currency", "amount_units", "batch", _time()), 2,
            _columns(f"account {_AMOUNT} batch batch_time:time"), _money(1),
        ),
        Table(
            "batches",
            ("batch", "first_sequence", "last_sequence", "time_ns", "postings", "trades", "transfers", "withdrawals",
             "busts", "journal_hash", "trades_root", "head"),
            1,
            _columns(
                "batch first_sequence last_sequence time:time postings trades transfers withdrawals busts"
                " journal_hash:bytes trades_root:bytes head:bytes"
            ),
            _as_it_is,
        ),
        Table(
            "deposits", ("sequence", "batch", _time(), "account", "currency", "amount_units", "external_id"), 1,
            _columns(f"sequence batch batch_time:time account {_AMOUNT} external_id:bytes"), _money(4),
        ),
        Table(
            "withdrawals",
            ("withdrawal", "account", "currency", "amount_units", "state", "held_batch", _time("held_batch"),
             "ended_batch", _time("ended_batch"), "ended_sequence"),
            1,
            _columns(
                f"withdrawal account {_AMOUNT} state:text held_batch held_time:time ended_batch ended_time:time"
                " ended_sequence"
            ),
            _money(2),
        ),
        Table(
            "payments", ("sequence", "batch", _time(), "payer", "payee", "currency", "amount_units"), 1,
            _columns(f"sequence batch batch_time:time payer payee {_AMOUNT}"), _money(5),
        ),
        Table(
            "busts", ("instrument", "number", "batch", _time(), "sequence"), 2,
            _columns("instrument:text number batch batch_time:time sequence"), _bust,
        ),
        Table("accounts", ("account", "role", "issuer", "subject"), 1,
              _columns("account role:text issuer:text subject:text"), _as_it_is),
    )
}  # fmt: skip


def table_named(name: str) -> Table:
    """Return a table; :class:`FxEngineError` names those that there are."""
    if name not in TABLES:
        raise FxEngineError(f"no table is called {name[:40]!r}; there are {', '.join(TABLES)}")
    return TABLES[name]
