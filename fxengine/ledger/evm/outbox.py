"""The outbox: for every batch in the books the call that settles it on chain, and how far that has come.

A row is written in the transaction of its batch, so there is never one without the other. What it says on chain
(calldata and heads) never changes; what does is the transaction that carries it::

    NEW       nothing was signed
    SIGNED    a transaction is signed; its bytes are here before any node has seen them
    INCLUDED  the vault had the batch at the block that is named
    FINAL     so had it at a block that is final by the deployment's policy

A row goes forward, and back from INCLUDED to SIGNED where the chain undid the block.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, cast

from fxengine.errors import LedgerError
from fxengine.ledger.evm.fees import Fees

Rows = Callable[..., list[tuple[object, ...]]]
Statement = tuple[str, tuple[object, ...]]
Change = Callable[[Sequence[Statement]], None]

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS outbox (
  batch INTEGER PRIMARY KEY REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  head BLOB NOT NULL CHECK (length(head) = 32),
  gas INTEGER NOT NULL,
  calldata BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'NEW' CHECK (state IN ('NEW', 'SIGNED', 'INCLUDED', 'FINAL')),
  nonce INTEGER,
  max_fee_wei INTEGER,
  priority_fee_wei INTEGER,
  raw BLOB,
  block_number INTEGER,
  block_hash TEXT,
  CHECK ((raw IS NULL) = (nonce IS NULL) AND (state = 'NEW') <= (raw IS NULL))
) STRICT""",
    """CREATE TRIGGER IF NOT EXISTS outbox_says_the_same BEFORE UPDATE ON outbox
  WHEN (NEW.batch, NEW.head, NEW.gas, NEW.calldata) IS NOT (OLD.batch, OLD.head, OLD.gas, OLD.calldata)
BEGIN SELECT RAISE(ABORT, 'what a batch says on chain never changes'); END""",
    """CREATE TRIGGER IF NOT EXISTS outbox_never_vanishes BEFORE DELETE ON outbox
BEGIN SELECT RAISE(ABORT, 'outbox rows are never deleted'); END""",
)
_INSERT: Final = "INSERT INTO outbox (batch, head, gas, calldata) VALUES (?, ?, ?, ?)"
_COLUMNS: Final = "batch, state, gas, nonce, max_fee_wei, priority_fee_wei, raw, block_number, block_hash"


class State(StrEnum):
    """How far a batch has come on chain."""

    NEW = "NEW"
    SIGNED = "SIGNED"
    INCLUDED = "INCLUDED"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class Row:
    """A batch on its way, but for its calldata. ``raw`` is the transaction signed last."""

    batch_id: int
    state: State
    gas: int
    nonce: int | None = None
    fees: Fees | None = None
    raw: bytes = b""
    block_number: int | None = None
    block_hash: str | None = None


class Entry(NamedTuple):
    """What a batch says on chain."""

    batch_id: int
    head: bytes
    gas: int  # what its transaction is allowed
    calldata: bytes


def insertion(entry: Entry) -> Statement:
    """Return the statement that writes a new row, for the transaction of its batch."""
    return _INSERT, tuple(entry)


class Outbox:
    """The table, and in memory those of its rows that are not FINAL.

    ``rows(sql, *values)`` and ``change(statements)`` are the books' own: one connection, one lock.
    """

    def __init__(self, rows: Rows, change: Change, genesis_head: bytes) -> None:
        self._rows, self._change, self._genesis_head = rows, change, genesis_head
        change([(sql, ()) for sql in _SCHEMA])
        counts = rows("SELECT (SELECT count(*) FROM batches), (SELECT count(*) FROM outbox)")
        if counts[0][0] != counts[0][1]:
            raise LedgerError(
                "these books hold batches that were never meant for a chain: books of another kind of ledger cannot"
                " become a chain's. Start with an empty directory; the journal settles everything anew"
            )
        self.last: int = cast(int, counts[0][0])
        """The newest batch."""
        final = rows("SELECT batch, block_number FROM outbox WHERE state = 'FINAL' ORDER BY batch DESC LIMIT 1")
        self.final, self.final_block = cast(tuple[int, int], final[0]) if final else (0, 0)
        """The newest batch that is FINAL, and the block in which it was seen to be."""
        open_rows = rows(f"SELECT {_COLUMNS} FROM outbox WHERE batch > ? ORDER BY batch", self.final)
        self.open = [_row(columns) for columns in open_rows]
        """All after that, in order."""

    def added(self, batch_id: int, gas: int) -> None:
        """Note that a new row is committed."""
        self.last = batch_id
        self.open.append(Row(batch_id, State.NEW, gas))

    def head(self, batch_id: int) -> bytes | None:
        """Return the chain's head after a batch, the genesis head for 0, None for one that is not here."""
        if not batch_id:
            return self._genesis_head
        found = self._rows("SELECT head FROM outbox WHERE batch = ?", batch_id)
        return cast(bytes, found[0][0]) if found else None

    def calldata(self, batch_id: int) -> bytes:
        """Return the call that settles a batch."""
        return cast(bytes, self._rows("SELECT calldata FROM outbox WHERE batch = ?", batch_id)[0][0])

    def save(self, changed: Iterable[Row]) -> None:
        """Write rows; they are synced to the disk when this returns, and FINAL ones are let go of."""
        rows = {row.batch_id: row for row in changed}
        if not rows:
            return
        self._change([_update(row) for row in rows.values()])
        self.open = [rows.get(row.batch_id, row) for row in self.open]
        while self.open and self.open[0].state is State.FINAL:
            self.final, self.final_block = self.open[0].batch_id, self.open[0].block_number or 0
            del self.open[0]

    def take_back_final(self, after: int) -> None:
        """Send again, at somebody's express wish, what was FINAL after batch ``after``: the chain undid it."""
        self._change(
            [("UPDATE outbox SET state = 'SIGNED' WHERE batch > ? AND state IN ('FINAL', 'INCLUDED')", (after,))]
        )
        self.final = after
        found = self._rows(f"SELECT {_COLUMNS} FROM outbox WHERE batch > ? ORDER BY batch", after)
        self.open = [_row(columns) for columns in found]


def unsigned(row: Row) -> Row:
    """Return the row with its transaction as it is, back on its way."""
    return replace(row, state=State.SIGNED if row.raw else State.NEW, block_number=None, block_hash=None)


def _row(columns: tuple[object, ...]) -> Row:
    batch, state, gas, nonce, max_fee, priority, raw, number, block_hash = columns
    fees = Fees(cast(int, max_fee), cast(int, priority)) if max_fee is not None else None
    return Row(
        cast(int, batch), State(cast(str, state)), cast(int, gas), cast("int | None", nonce), fees,
        cast(bytes, raw or b""), cast("int | None", number), cast("str | None", block_hash),
    )  # fmt: skip


def _update(row: Row) -> Statement:
    fees = row.fees or (None, None)
    return (
        "UPDATE outbox SET state = ?, nonce = ?, max_fee_wei = ?, priority_fee_wei = ?, raw = ?,"
        " block_number = ?, block_hash = ? WHERE batch = ?",
        (
            row.state.value,
            row.nonce,
            *fees,
            row.raw or None,
            row.block_number,
            row.block_hash,
            row.batch_id,
        ),
    )
