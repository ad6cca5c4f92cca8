"""Somebody else's SQL on a ledger's tables, in whichever database they are."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg

from fxengine.ledger.postgres_connection import connect, parse
from fxengine.ledger.reading import open_reader

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
TABLES = (
    "venue", "currencies", "instruments", "accounts", "batches", "postings", "trades", "deposits", "payments",
    "withdrawals", "busts", "balances",
)  # fmt: skip


class Database(Protocol):
    """What sqlite3's and psycopg's connections have in common."""

    def execute(self, statement: str) -> Any: ...  # noqa: ANN401 - either's cursor

    def close(self) -> None: ...


class Hand:
    """One connection, in no transaction of its own accord; zero32 stands for 32 zero bytes in any SQL."""

    def __init__(self, db: Database, zeros: str) -> None:
        self.db = db
        self.zeros = zeros

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        done = self.db.execute(statement.replace("zero32", self.zeros))
        rows: list[tuple[Any, ...]] = done.fetchall() if done.description else []
        return rows


@contextmanager
def foreign_hand(url: str) -> Iterator[Hand]:
    if url.startswith("sqlite:"):
        db = sqlite3.connect(url.removeprefix("sqlite:"), isolation_level=None)
        db.execute("PRAGMA foreign_keys = ON")
        hand = Hand(db, "zeroblob(32)")
    else:
        db = connect(parse(url))
        hand = Hand(db, "decode(repeat('00', 32), 'hex')")
    try:
        yield hand
    finally:
        db.close()


def dump(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return everything in the books."""
    with open_reader(url) as reader:
        return {table: sorted(reader.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
