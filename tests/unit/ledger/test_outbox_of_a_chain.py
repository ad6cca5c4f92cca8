"""The outbox's rows over plain SQLite: what is FINAL is let go of, and taken back at somebody's word."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fxengine.errors import LedgerError
from fxengine.ledger.evm.outbox import Entry, Outbox, State, insertion


class Books:
    """A database with as many batches as an outbox needs to see."""

    def __init__(self, n_batches: int) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.execute("CREATE TABLE batches (batch INTEGER PRIMARY KEY)")
        self.outbox = self.open()
        for batch in range(1, n_batches + 1):
            self.db.execute("INSERT INTO batches VALUES (?)", (batch,))
            self.change([insertion(Entry(batch, bytes([batch]) * 32, 100, b"call"))])
            self.outbox.added(batch, 100)

    def __del__(self) -> None:
        self.db.close()

    def open(self) -> Outbox:
        return Outbox(self.rows, self.change, bytes(32))

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return self.db.execute(sql, values).fetchall()

    def change(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> None:
        for sql, values in statements:
            self.db.execute(sql, values)


def final_up_to(books: Books, last: int) -> None:
    signed = {"nonce": 1, "raw": b"raw", "block_number": 7, "block_hash": "0x7"}
    books.outbox.save([replace(row, state=State.FINAL, **signed) for row in books.outbox.open[:last]])  # type: ignore[arg-type]


def test_what_is_final_is_let_go_of_and_known_again_after_a_start() -> None:
    books = Books(4)
    final_up_to(books, 3)
    for outbox in (books.outbox, books.open()):
        assert (outbox.last, outbox.final, outbox.final_block) == (4, 3, 7)
        assert [(row.batch_id, row.state) for row in outbox.open] == [(4, State.NEW)]
    assert books.outbox.head(0) == bytes(32)
    assert (books.outbox.head(2), books.outbox.head(9)) == (b"\2" * 32, None)


def test_what_was_final_is_sent_again_at_somebodys_word() -> None:
    books = Books(4)
    final_up_to(books, 3)
    books.outbox.take_back_final(1)
    for outbox in (books.outbox, books.open()):
        assert outbox.final == 1
        assert [(row.batch_id, row.state) for row in outbox.open] == [
            (2, State.SIGNED), (3, State.SIGNED), (4, State.NEW),
        ]  # fmt: skip


def test_books_with_batches_that_were_never_meant_for_a_chain_are_refused() -> None:
    books = Books(2)
    books.db.execute("INSERT INTO batches VALUES (3)")
    with pytest.raises(LedgerError, match="never meant for a chain"):
        books.open()
