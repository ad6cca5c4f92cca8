"""A table that is exported is the table that is in the books, whole and to the unit, in both formats."""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fxengine.errors import FxEngineError, LedgerError, MissingExtraError
from fxengine.ledger.reading import Reader, Row
from fxengine.statements.export import Format, export
from fxengine.statements.tables import TABLES, table_named
from tests.unit.statements.conftest import Kept


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("page_rows", [1, 7, 20_000])
def test_every_row_is_written_once_in_order_whatever_the_page(
    reader: Reader, tmp_path: Path, name: str, page_rows: int
) -> None:
    path = tmp_path / "out.csv"
    rows = export(reader, table_named(name), Format.CSV, path, page_rows=page_rows)
    ((count,),) = reader.rows(f"SELECT count(*) FROM {name}")
    assert rows == count == len(read_csv(path)) > 0
    whole = tmp_path / "whole.csv"
    export(reader, table_named(name), Format.CSV, whole)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", TABLES)
def test_csv_and_parquet_say_the_same(reader: Reader, tmp_path: Path, name: str) -> None:
    table = table_named(name)
    export(reader, table, Format.CSV, tmp_path / "t.csv")
    export(reader, table, Format.PARQUET, tmp_path / "t.parquet", page_rows=3)
    columns = pq.read_table(tmp_path / "t.parquet")
    types = {
        "int64": pa.int64(), "text": pa.string(), "time": pa.timestamp("ns", "UTC"), "bytes": pa.binary(),
        "bool": pa.bool_(),
    }  # fmt: skip
    assert [(f.name, f.type) for f in columns.schema] == [(c.name, types[c.kind]) for c in table.columns]
    texts = {
        "int64": str, "text": str, "bytes": bytes.hex, "bool": lambda v: str(v).lower(),
        "time": lambda ns: f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z",
    }  # fmt: skip
    kinds = {column.name: column.kind for column in table.columns}
    values = {
        name: (columns[name].cast(pa.int64()) if kind == "time" else columns[name]).to_pylist()
        for name, kind in kinds.items()
    }
    shown = [
        {name: "" if v[n] is None else texts[kinds[name]](v[n]) for name, v in values.items()}  # type: ignore[operator]
        for n in range(columns.num_rows)
    ]
    assert shown == read_csv(tmp_path / "t.csv")


def test_trades_name_their_currencies_and_who_paid_what_in_which(kept: Kept, reader: Reader, tmp_path: Path) -> None:
    export(reader, table_named("trades"), Format.CSV, tmp_path / "t.csv")
    rows = read_csv(tmp_path / "t.csv")
    trades = [trade for batch in kept.batches for trade in batch.trades]
    assert len(rows) == len(trades)
    for row, trade in zip(rows, trades, strict=True):
        pair = kept.venue.instruments[trade["instrument"]]
        assert (row["instrument"], row["base"], row["quote"]) == (pair.symbol, pair.base.code, pair.quote.code)
        assert int(row["base_units"]) == int(trade["quantity_lots"]) * pair.lot_units
        assert int(row["quote_units"]) == pair.notional_units(int(trade["price_ticks"]), int(trade["quantity_lots"]))
        assert (int(row["base_decimals"]), int(row["quote_decimals"])) == (pair.base.decimals, pair.quote.decimals)
        # The maker sells: it receives quote and gives base, where a rebate is paid; the taker receives base.
        assert row["maker_side"] == "SELL"
        assert row["maker_fee_currency"] == (pair.base.code if trade["maker_fee_units"] < 0 else pair.quote.code)
        assert row["taker_fee_currency"] == pair.base.code


def test_amounts_are_whole_units_with_their_decimals_beside_them(kept: Kept, reader: Reader, tmp_path: Path) -> None:
    export(reader, table_named("balances"), Format.CSV, tmp_path / "b.csv")
    shown = {
        (int(r["account"]), r["currency"]): (int(r["amount_units"]), int(r["decimals"]))
        for r in read_csv(tmp_path / "b.csv")
    }
    assert shown == {
        (account, kept.venue.currencies[c].code): (units, kept.venue.currencies[c].decimals)
        for (account, c), units in kept.books.balances.items()
    }


def test_a_withdrawal_that_is_only_held_has_no_end(reader: Reader, tmp_path: Path) -> None:
    export(reader, table_named("withdrawals"), Format.CSV, tmp_path / "w.csv")
    rows = {row["state"]: row for row in read_csv(tmp_path / "w.csv") if row["amount_units"] in {"10", "30"}}
    assert (rows["HELD"]["ended_batch"], rows["HELD"]["ended_time"]) == ("", "")
    assert (rows["PAID"]["ended_batch"], rows["PAID"]["held_batch"]) == ("7", "7")


def test_progress_rises_to_the_whole(reader: Reader, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export(
        reader, table_named("postings"), Format.CSV, tmp_path / "p.csv", page_rows=10,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == (9, 9)


class Breaking:
    """A reader whose connection goes after some pages."""

    def __init__(self, reader: Reader, queries: int) -> None:
        self._reader, self._left = reader, queries

    def rows(self, sql: str, *values: object) -> list[Row]:
        self._left -= 1
        if self._left < 0:
            raise LedgerError("ledger: the server went away")
        return self._reader.rows(sql, *values)

    def damage(self) -> list[str]:
        return []

    def __enter__(self) -> "Breaking":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("queries", [0, 3, 5])
def test_a_file_is_replaced_by_a_whole_one_or_not_at_all(
    reader: Reader, tmp_path: Path, kind: Format, queries: int
) -> None:
    path = tmp_path / "trades"
    path.write_text("what stood there")
    with pytest.raises(LedgerError, match="went away"):
        export(Breaking(reader, queries), table_named("trades"), kind, path, page_rows=5)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir() if p.name.startswith("trades")] == [
        ("trades", "what stood there")
    ]


def test_an_export_is_its_owners_alone(reader: Reader, tmp_path: Path) -> None:
    for kind in Format:
        export(reader, table_named("balances"), kind, tmp_path / kind.value)
        assert (tmp_path / kind.value).stat().st_mode & 0o077 == 0


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without_pyarrow")
def test_parquet_without_its_library_names_the_extra_and_csv_needs_none(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"fxengine\[parquet\]"):
        export(reader, table_named("trades"), Format.PARQUET, tmp_path / "t.parquet")
    assert list(tmp_path.glob("t.parquet*")) == []
    assert export(reader, table_named("trades"), Format.CSV, tmp_path / "t.csv")


def test_an_unknown_table_is_refused_with_those_there_are() -> None:
    with pytest.raises(FxEngineError, match=f"trades.*{list(TABLES)[-1]}"):
        table_named("sqlite_master")


def test_a_table_without_rows_is_a_file_without_rows(tmp_path: Path, reader: Reader) -> None:
    class Empty(Breaking):
        def rows(self, sql: str, *values: object) -> list[Row]:
            return [(0,)] if "max(" in sql else []

    for kind in Format:
        assert export(Empty(reader, 9), table_named("busts"), kind, tmp_path / kind.value) == 0
    assert pq.read_table(tmp_path / "parquet").num_rows == 0
    assert len((tmp_path / "csv").read_text().splitlines()) == 1
