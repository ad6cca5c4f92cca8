"""A settlement batch: what one cycle owes, as records, chained to the batch before it.

A batch says three things about one stretch of the journal: the net amount of every account in
every currency (``deltas``: these are what the ledger posts), the trades, transfers and busts that
the net is made of, and the steps of withdrawals, which hold money before it moves (these are what an
accountant asks for afterwards). Its ``head`` is a hash over all of that and over the head before, so
one number names the whole history::

    genesis(venue) --> head 1 --> head 2 --> head 3 = sha256(head 2 + content of batch 3)
         id 0           1..40      41..97      98..120     command sequences, without gap or overlap

So a ledger need only compare 32 bytes to know whether a batch that comes again is the one it has,
and a ledger that belongs to another history cannot be continued by mistake.

The bytes hashed are canonical: fixed-size little-endian records without padding of their own,
counts before contents, texts with their length. All integers are exact; there is no other form.
Trades enter by the root of their Merkle tree, so that one trade can be shown to be in a batch
without showing the others.
"""

import hashlib
import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, NamedTuple, Self

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger.merkle import tree_hash
from fxengine.records import Records
from fxengine.venue import Venue

DELTA: Final = np.dtype([
    ("account", "<u4"),
    ("currency", "<u2"),  # index in the venue's currencies
    ("reserved", "V2"),
    ("amount_units", "<i8"),  # what the account gains (or, negative, gives) over the whole batch
])  # fmt: skip
TRADE: Final = np.dtype([
    ("sequence", "<u8"),  # number of the command that made the trade
    ("number", "<u8"),  # with the instrument: the trade's name (TrdMatchID, FIX 880)
    ("instrument", "<u2"),
    ("maker_side", "u1"),  # Side; the taker's is the other
    ("swap", "u1"),  # 1: the taker is a leg of an instant swap
    ("maker", "<u4"),  # account
    ("taker", "<u4"),  # account
    ("reserved", "V4"),
    ("price_ticks", "<i8"),
    ("quantity_lots", "<i8"),
    ("maker_fee_units", "<i8"),  # in the currency received; negative: a rebate in the currency given
    ("taker_fee_units", "<i8"),  # in the currency received
])  # fmt: skip
TRANSFER: Final = np.dtype([
    ("sequence", "<u8"),  # number of the command that moved the money
    ("payer", "<u4"),  # account that gives
    ("payee", "<u4"),  # account that receives
    ("currency", "<u2"),
    ("kind", "u1"),  # EventKind: DEPOSITED, WITHDRAWN or RECEIVED
    ("reserved", "V5"),
    ("amount_units", "<i8"),
    ("withdrawal", "<u8"),  # WITHDRAWN: number of the withdrawal that this pays; 0: paid without a hold
    ("external_id", "V16"),  # DEPOSITED: BLAKE2b-128 of the external reference's UTF-8 text; zeros: none
    ("reserved_2", "V8"),
])  # fmt: skip
WITHDRAWAL: Final = np.dtype([
    ("sequence", "<u8"),  # number of the command that took this step
    ("withdrawal", "<u8"),  # the withdrawal's number: that of the command that asked for it
    ("account", "<u4"),
    ("currency", "<u2"),
    ("step", "u1"),  # WithdrawalStep
    ("reserved", "V1"),
    ("amount_units", "<i8"),
])  # fmt: skip
BUST: Final = np.dtype([
    ("sequence", "<u8"),  # number of the command that reversed the trade
    ("number", "<u8"),  # of the trade, with the instrument
    ("instrument", "<u2"),
    ("reserved", "V14"),
])  # fmt: skip
assert [d.itemsize for d in (DELTA, TRADE, TRANSFER, WITHDRAWAL, BUST)] == [16, 64, 64, 32, 32]

HASH_BYTES: Final = 32


class WithdrawalStep(IntEnum):
    """What a command did to a withdrawal. A hold moves no money; PAID is a transfer of kind WITHDRAWN too."""

    HELD = 1
    PAID = 2
    RETURNED = 3


class AccountName(NamedTuple):
    """Who stands behind an account number: the KYC issuer and its subject."""

    account: int
    issuer: str
    subject: str


class Cursor(NamedTuple):
    """How far a ledger has come: its last batch, the commands it covers, and their hashes."""

    batch_id: int  # 0: nothing posted yet
    last_sequence: int  # commands 1..last_sequence are settled
    head: bytes  # of the last batch
    journal_hash: bytes  # the journal's chain hash after command last_sequence

    @classmethod
    def genesis(cls, venue: Venue) -> Self:
        """Return the cursor of an empty ledger; its head depends on the venue's rules."""
        head = hashlib.sha256(b"fxengine ledger\0" + venue.fingerprint).digest()
        return cls(0, 0, head, bytes(HASH_BYTES))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One zero-sum settlement batch. Build it with :meth:`after`; two are equal when their heads are."""

    id: int  # 1, 2, 3 ...
    first_sequence: int
    last_sequence: int
    time_ns: int  # of its last command
    journal_hash: bytes  # the journal's chain hash after its last command
    deltas: Records  # (n,) DELTA, by account then currency, no zeros, zero-sum per currency
    trades: Records  # (m,) TRADE, in the order of the journal
    transfers: Records  # (k,) TRANSFER, in the order of the journal
    withdrawals: Records  # (w,) WITHDRAWAL, in the order of the journal
    busts: Records  # (b,) BUST, in the order of the journal
    names: tuple[AccountName, ...]  # accounts that logged on in this stretch, by number
    trades_root: bytes  # the Merkle tree hash over the trades' records
    head: bytes

    @classmethod
    def after(
        cls,
        previous: Cursor,
        *,
        last_sequence: int,
        time_ns: int,
        journal_hash: bytes,
        deltas: Records,
        trades: Records,
        transfers: Records,
        withdrawals: Records,
        busts: Records,
        names: tuple[AccountName, ...] = (),
    ) -> Self:
        """Return the batch that follows ``previous`` and ends with command ``last_sequence``. O(content)."""
        batch = cls(
            previous.batch_id + 1,
            previous.last_sequence + 1,
            last_sequence,
            time_ns,
            journal_hash,
            deltas,
            trades,
            transfers,
            withdrawals,
            busts,
            names,
            tree_hash(trade_leaves(trades)),
            b"",
        )
        return replace(batch, head=batch.made_head(previous.head))

    @property
    def cursor(self) -> Cursor:
        """Return where a ledger stands once this batch is posted."""
        return Cursor(self.id, self.last_sequence, self.head, self.journal_hash)

    def follows(self, head: bytes) -> bool:
        """Say whether ``self.head`` is indeed the hash of ``head`` and this content. O(content)."""
        return self.head == self.made_head(head) and self.trades_root == tree_hash(trade_leaves(self.trades))

    def accounts(self) -> tuple[int, ...]:
        """Return every account that this batch concerns, ascending, also those whose net is zero."""
        columns = (
            self.deltas["account"],
            self.trades["maker"],
            self.trades["taker"],
            self.transfers["payer"],
            self.transfers["payee"],
            self.withdrawals["account"],
        )
        return tuple(np.unique(np.concatenate(columns)).tolist())

    def check(self) -> None:
        """Raise :class:`LedgerError` unless the content could be posted to a ledger at all.

        Holds: the sequences are a stretch, deltas are in canonical order without zeros, they sum to
        zero in every currency (summed without bound, so an overflow cannot hide a gap), and deposits
        come from custody and withdrawals go there.
        """
        if not 0 < self.first_sequence <= self.last_sequence:
            raise LedgerError(f"batch {self.id} covers no commands: {self.first_sequence}..{self.last_sequence}")
        before = (-1, -1)
        totals: dict[int, int] = {}
        for account, currency, _, amount_units in self.deltas.tolist():
            if (account, currency) <= before:
                raise LedgerError(f"batch {self.id}: deltas are not in order of account and currency")
            if not amount_units:
                raise LedgerError(f"batch {self.id}: account {account} has a delta of zero")
            before = (account, currency)
            totals[currency] = totals.get(currency, 0) + amount_units
        for currency, total in totals.items():
            if total:
                raise LedgerError(f"batch {self.id} does not conserve currency {currency}: it sums to {total} units")
        for kind, side in ((EventKind.DEPOSITED, "payer"), (EventKind.WITHDRAWN, "payee")):
            if (self.transfers[side][self.transfers["kind"] == kind] != CUSTODY_ACCOUNT).any():
                raise LedgerError(f"batch {self.id}: the {side} of a {kind.name} transfer is not the custody account")

    def made_head(self, previous: bytes) -> bytes:
        """Return the hash over ``previous`` and this content, whatever ``self.head`` says. O(content)."""
        h = hashlib.sha256(previous)
        h.update(struct.pack("<QQQq", self.id, self.first_sequence, self.last_sequence, self.time_ns))
        h.update(self.journal_hash + struct.pack("<Q", len(self.trades)) + self.trades_root)
        parts = (
            (self.deltas, DELTA),
            (self.transfers, TRANSFER),
            (self.withdrawals, WITHDRAWAL),
            (self.busts, BUST),
        )
        for records, dtype in parts:
            if records.dtype != dtype:
                raise LedgerError(f"batch {self.id} holds {records.dtype} records where {dtype} belong")
            h.update(struct.pack("<Q", len(records)) + records.tobytes())
        h.update(struct.pack("<Q", len(self.names)))
        for account, issuer, subject in self.names:
            for text in (issuer.encode(), subject.encode()):
                h.update(struct.pack("<II", account, len(text)) + text)
        return h.digest()


def trade_leaves(trades: Records) -> list[bytes]:
    """Return what a batch's trades are as leaves of its Merkle tree: their records' bytes, in order."""
    if trades.dtype != TRADE:
        raise LedgerError(f"{trades.dtype} records stand where {TRADE} belong")
    content, size = trades.tobytes(), TRADE.itemsize
    return [content[at : at + size] for at in range(0, len(content), size)]
