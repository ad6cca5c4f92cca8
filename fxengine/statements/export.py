"""Writes a table to a file, as CSV or as Parquet, one page at a time.

CSV is for everybody: times as RFC 3339 text with nine digits, bytes in hexadecimal, an absent value as an
empty field. Parquet keeps the types: int64, UTF-8, timestamp[ns, UTC], binary; it needs the extra
``parquet``. A file appears under its name when it is whole, and is its owner's alone: it holds balances.
"""

import csv
import importlib
import os
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from fxengine.errors import MissingExtraError
from fxengine.ledger.reading import Reader
from fxengine.statements.period import utc_text
from fxengine.statements.tables import PAGE_ROWS, Column, Kind, Row, Table

_ROW_GROUP_PAGES: Final = 10
_MODE: Final = 0o600


class Format(Enum):
    """What kind of file is written."""

    CSV = "csv"
    PARQUET = "parquet"


class _Writer(Protocol):
    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


def export(
    reader: Reader,
    table: Table,
    kind: Format,
    path: Path,
    *,
    page_rows: int = PAGE_ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a table and return how many rows it has. Memory does not grow with the table.

    ``progress(done, total)`` is told after each page, in parts of the key. What stood under ``path`` is replaced by a
    whole file only. Raises :class:`MissingExtraError` for Parquet without its library.
    """
    total = table.extent(reader)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    rows = 0
    try:
        writer: _Writer = (_Csv if kind is Format.CSV else _Parquet)(partial, table.columns)
        try:
            for page in table.pages(reader, page_rows):
                writer.write(page)
                rows += len(page)
                first = page[-1][0]
                if progress and isinstance(first, int):
                    progress(first, total)
        finally:
            writer.close()
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return rows


class _Csv:
    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([column.name for column in columns])
        self._texts = [_TEXT[column.kind] for column in columns]

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows(
            ["" if value is None else text(value) for text, value in zip(self._texts, row, strict=True)] for row in rows
        )

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """Rows are gathered to row groups of ten pages: smaller ones compress badly."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._arrow = _pyarrow("pyarrow")
        parquet = _pyarrow("pyarrow.parquet")
        types = {
            "int64": self._arrow.int64(),
            "text": self._arrow.string(),
            "time": self._arrow.timestamp("ns", tz="UTC"),
            "bytes": self._arrow.binary(),
            "bool": self._arrow.bool_(),
        }
        self._schema = self._arrow.schema([(column.name, types[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._pages: list[Any] = []

    def write(self, rows: Sequence[Row]) -> None:
        columns = [
            self._arrow.array(values, type=field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._pages.append(self._arrow.record_batch(columns, schema=self._schema))
        if len(self._pages) == _ROW_GROUP_PAGES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._pages:
            self._writer.write_table(self._arrow.Table.from_batches(self._pages))
            self._pages = []


_TEXT: Final[dict[Kind, Callable[[Any], object]]] = {
    "int64": int,
    "text": str,
    "time": utc_text,
    "bytes": bytes.hex,
    "bool": lambda value: "true" if value else "false",
}


def _pyarrow(module: str) -> Any:  # noqa: ANN401 - the library has no types
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise MissingExtraError("parquet", "a Parquet file") from e
