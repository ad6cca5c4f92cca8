"""Proof that one trade is in one batch: a file with the trade's record and its place, and its check.

The batch's trades are the leaves of an RFC 9162 tree whose root enters the batch's head. The file shows
this one trade (which names both accounts by number) and how many trades the batch had, and nothing
else of any other: the head itself also covers what all accounts gained and gave, so it cannot be opened
for one of them. What binds root and head together for a customer is the venue's signature on the
commitment, which names both; an auditor, who sees the books, recomputes the head (``fxengine verify``).
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from fxengine.codes import Side
from fxengine.ledger.batch import TRADE
from fxengine.ledger.merkle import proves
from fxengine.proof.commitment import Commitment
from fxengine.proof.fields import Fields, FieldsError
from fxengine.proof.flaws import ProofFlaw

FORMAT: Final = "fxengine trade proof 1"
_PATH_MAX: Final = 63


@dataclass(frozen=True, slots=True)
class TradeProof:
    """One trade's place among the trades of one batch."""

    venue: str
    batch: int
    head: bytes
    instrument: str
    number: int
    record: bytes  # one TRADE record
    index: int  # of the trade among the batch's, from 0
    n_trades: int
    path: tuple[bytes, ...]
    root: bytes

    def to_json(self) -> str:
        """Write the file. :meth:`from_json` reads it."""
        members = {
            "format": FORMAT, "venue": self.venue, "batch": self.batch, "head": self.head.hex(),
            "instrument": self.instrument, "number": self.number, "record": self.record.hex(), "index": self.index,
            "count": self.n_trades, "path": [digest.hex() for digest in self.path], "root": self.root.hex(),
        }  # fmt: skip
        return json.dumps(members, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a file; :class:`FieldsError` names what is not as it must be."""
        top = Fields.of_json(text)
        if top.text("format") != FORMAT:
            raise FieldsError(f"format is not {FORMAT!r}")
        return cls(
            venue=top.text("venue"),
            batch=top.number("batch"),
            head=top.digest("head"),
            instrument=top.text("instrument"),
            number=top.number("number"),
            record=top.digest("record", TRADE.itemsize),
            index=top.number("index"),
            n_trades=top.number("count"),
            path=tuple(top.digests("path", _PATH_MAX)),
            root=top.digest("root"),
        )

    @property
    def trade(self) -> dict[str, Any]:
        """The trade that the record says: who, which side, how much; prices in ticks, quantities in lots."""
        row = np.frombuffer(self.record, TRADE)[0]
        side = int(row["maker_side"])
        return {
            "sequence": int(row["sequence"]),
            "maker": int(row["maker"]),
            "taker": int(row["taker"]),
            "maker_side": Side(side).name if side in set(Side) else str(side),
            "price_ticks": int(row["price_ticks"]),
            "quantity_lots": int(row["quantity_lots"]),
            "maker_fee_units": int(row["maker_fee_units"]),
            "taker_fee_units": int(row["taker_fee_units"]),
        }

    def check(self, *, root: bytes | None = None, commitment: Commitment | None = None) -> ProofFlaw | None:
        """Return why the proof does not hold, or None where it does. O(path)."""
        row = np.frombuffer(self.record, TRADE)[0]
        if int(row["number"]) != self.number:
            return ProofFlaw.OTHER_INSTRUMENT
        if not proves(self.record, self.index, self.n_trades, self.path, self.root):
            return ProofFlaw.WRONG_ROOT
        if root is not None and self.root != root:
            return ProofFlaw.OTHER_ROOT
        if commitment is None:
            return None
        if flaw := commitment.is_about_another(self.venue, self.batch, self.head):
            return flaw
        if self.instrument not in commitment.instruments[row["instrument"] :][:1]:
            return ProofFlaw.OTHER_INSTRUMENT
        committed = commitment.trades_root, commitment.n_trades
        return ProofFlaw.NOT_COMMITTED if committed != (self.root, self.n_trades) else None
