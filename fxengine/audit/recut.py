"""What the ledger should hold: settlement done again in plain Python, cut where the ledger was cut.

The same rules as the venue's own netting, written a second time from docs/settlement.md, one event
after the other and in unbounded integers, so that a mistake in one of them is a difference between
the two. Rows are plain tuples in the shape of the ledger's own tables, to be compared with ``==``.
"""

import hashlib
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fxengine.codes import FEES_ACCOUNT, CommandKind, EventFlag, EventKind, Side
from fxengine.records import BUST_EVENT, EVENT, EVENT_BYTES, MONEY_EVENT, RECORD_BYTES, struct_of
from fxengine.venue import Venue

_EVENT: Final = struct_of(EVENT)
_MONEY: Final = struct_of(MONEY_EVENT)
_BUST: Final = struct_of(BUST_EVENT)
_BUST_RECORD: Final = struct.Struct("<QQH14x")  # sequence, number, instrument
_DELTA_RECORD: Final = struct.Struct("<IHxxq")  # account, currency, amount
_TRADE_RECORD: Final = struct.Struct("<QQHBBII4xqqqq")  # sequence, number ... fees
_TRANSFER_RECORD: Final = struct.Struct("<QIIHB5xqQ16s8x")  # sequence, payer ... amount, withdrawal, external id
_IDENTITY: Final = slice(48, 64)  # of a CREDENTIAL record
_TRANSFERS: Final = (EventKind.DEPOSITED, EventKind.WITHDRAWN, EventKind.RECEIVED)
_WITHDRAWAL_RECORD: Final = struct.Struct("<QQIHBxq")  # sequence, withdrawal, account, currency, step, amount
_NO_EXTERNAL_ID: Final = bytes(16)
_STEPS: Final = {EventKind.WITHDRAWAL_HELD: 1, EventKind.WITHDRAWN: 2, EventKind.WITHDRAWAL_RETURNED: 3}
_ENDS: Final = {EventKind.WITHDRAWN: "PAID", EventKind.WITHDRAWAL_RETURNED: "RETURNED"}
_SIDES: Final = {int(side): side.name for side in Side}

Row = tuple[object, ...]


class _Fill(NamedTuple):
    """One party's side of a trade: an EVENT of kind FILL, field by field."""

    kind: int
    side: int
    reason: int
    instrument: int
    status: int
    flags: int
    account: int
    counterparty: int
    sequence: int
    order_id: int
    client_order_id: int
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    cum_lots: int
    fee_units: int
    account_stream: int
    number: int


class _Busted(NamedTuple):
    """One party's side of a trade that was undone: a BUST_EVENT, its reserved fields left out."""

    kind: int
    side: int
    reason: int
    instrument: int
    status: int
    flags: int
    account: int
    counterparty: int
    sequence: int
    number: int
    client_order_id: int
    price_ticks: int
    quantity_lots: int
    fee_units: int
    account_stream: int
    instrument_stream: int


class _Money(NamedTuple):
    """A movement of money: a MONEY_EVENT, its reserved fields left out."""

    kind: int
    side: int
    reason: int
    currency: int
    status: int
    flags: int
    account: int
    counterparty: int
    sequence: int
    withdrawal: int
    client_order_id: int
    amount_units: int
    external_id: bytes
    account_stream: int
    number: int


def genesis_head(venue: Venue) -> bytes:
    """Return the head that a venue's first batch is chained to."""
    return hashlib.sha256(b"fxengine ledger\0" + venue.fingerprint).digest()


@dataclass
class Stretch:
    """What a stretch of the journal comes to, gathered frame by frame."""

    deltas: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    trades: list[Row] = field(default_factory=list)
    deposits: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    holds: list[Row] = field(default_factory=list)
    withdrawals: list[Row] = field(default_factory=list)  # paid and returned
    busts: list[Row] = field(default_factory=list)
    undone: dict[tuple[int, int], Row] = field(default_factory=dict)
    """What each busted trade was said to be, by (instrument, number): as the ledger's columns from ``maker`` on."""
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    _trade_records: list[bytes] = field(default_factory=list)
    _transfer_records: list[bytes] = field(default_factory=list)
    _withdrawal_records: list[bytes] = field(default_factory=list)
    _bust_records: list[bytes] = field(default_factory=list)

    @property
    def moves_money(self) -> bool:
        """Say whether there is anything to settle."""
        return bool(self.trades or self._transfer_records or self._withdrawal_records or self._bust_records)

    def postings(self) -> list[Row]:
        """Return (account, currency, amount_units), in order, without zeros."""
        return [(*key, units) for key, units in sorted(self.deltas.items()) if units]

    @property
    def n_transfers(self) -> int:
        """Return how many transfers there are: deposits, payments and what was paid out."""
        return len(self._transfer_records)

    def lines(self) -> dict[str, list[Row]]:
        """Return the rows by what they are, as :meth:`fxengine.audit.books.Books.lines` reads them."""
        return {
            "posting": self.postings(),
            "trade": self.trades,
            "deposit": self.deposits,
            "payment": self.payments,
            "hold": self.holds,
            "withdrawal": self.withdrawals,
            "bust": self.busts,
        }

    def counts(self) -> tuple[int, ...]:
        """Return what a batch's own row counts: postings, trades, transfers, withdrawals, busts."""
        records = (self._trade_records, self._transfer_records, self._withdrawal_records, self._bust_records)
        return (len(self.postings()), *map(len, records))

    def trades_root(self) -> bytes:
        """Return the Merkle tree hash over the trades, as RFC 9162, section 2.1.1, defines it."""
        return _tree_hash(self._trade_records)

    def head(self, previous: bytes, batch: tuple[int, int, int, int], journal_hash: bytes) -> bytes:
        """Return the head of the batch (id, first, last, time_ns) that this stretch makes."""
        parts = [previous, struct.pack("<QQQq", *batch), journal_hash]
        parts += [struct.pack("<Q", len(self._trade_records)), self.trades_root()]
        deltas = [_DELTA_RECORD.pack(*row) for row in self.postings()]
        for records in (deltas, self._transfer_records, self._withdrawal_records, self._bust_records):
            parts += [struct.pack("<Q", len(records)), *records]
        parts.append(struct.pack("<Q", len(self.names)))
        for account, name in sorted(self.names.items()):
            for text in (part.encode() for part in name):
                parts += [struct.pack("<II", account, len(text)), text]
        return hashlib.sha256(b"".join(parts)).digest()

    def add(self, events: bytes, records: bytes, first_sequence: int, venue: Venue) -> None:
        """Take in one frame: its commands' records and the events they made."""
        opened: dict[int, int] = {}
        maker: _Fill | None = None
        for at in range(0, len(events), EVENT_BYTES):
            kind = events[at]
            if kind == EventKind.FILL:
                fill = _Fill._make(_EVENT.unpack_from(events, at))
                self._add_fill(fill, venue)
                if fill.flags & EventFlag.MAKER:
                    maker = fill
                else:
                    assert maker is not None
                    self._add_trade(maker, fill, venue)
            elif kind == EventKind.BUSTED:
                self._add_bust(_Busted._make(_BUST.unpack_from(events, at)), venue)
            elif kind in _TRANSFERS or kind in _STEPS:
                money = _Money._make(_MONEY.unpack_from(events, at))
                if kind in _TRANSFERS:
                    self._add_transfer(money)
                if kind in _STEPS:
                    self._add_step(money)
            elif kind == EventKind.CREDENTIALED:
                opening = _Fill._make(_EVENT.unpack_from(events, at))
                opened[opening.sequence] = opening.account
        if opened:
            self._add_names(opened, records, first_sequence)

    def _add_bust(self, busted: _Busted, venue: Venue) -> None:
        """Move one party's money back, and take the trade down as undone."""
        self._add_fill(busted, venue, sign=-1)
        trade = busted.instrument, busted.number
        if busted.flags & EventFlag.MAKER:
            self.busts.append((busted.sequence, *trade))
            self._bust_records.append(_BUST_RECORD.pack(busted.sequence, busted.number, busted.instrument))
            terms = busted.price_ticks, busted.quantity_lots, busted.fee_units
            self.undone[trade] = (busted.account, busted.counterparty, _SIDES[busted.side], *terms)
        else:
            self.undone[trade] = (*self.undone[trade], busted.fee_units)

    def _add_fill(self, fill: _Fill | _Busted, venue: Venue, sign: int = 1) -> None:
        """Move one party's money: principal, and its fee or rebate against the fees account."""
        pair = venue.instruments[fill.instrument]
        base_units = fill.quantity_lots * pair.lot_units
        quote_units = fill.price_ticks * fill.quantity_lots * pair.tick_lot_units
        if fill.side == Side.BUY:
            received, received_units, given, given_units = pair.base.index, base_units, pair.quote.index, quote_units
        else:
            received, received_units, given, given_units = pair.quote.index, quote_units, pair.base.index, base_units
        self.deltas[fill.account, received] += sign * received_units
        self.deltas[fill.account, given] -= sign * given_units
        fee_currency = received if fill.fee_units > 0 else given
        self.deltas[fill.account, fee_currency] -= sign * fill.fee_units
        self.deltas[FEES_ACCOUNT, fee_currency] += sign * fill.fee_units

    def _add_trade(self, maker: _Fill, taker: _Fill, venue: Venue) -> None:
        pair = venue.instruments[maker.instrument]
        lots, swap = maker.quantity_lots, int(bool(taker.flags & EventFlag.SWAP))
        base_units, quote_units = lots * pair.lot_units, maker.price_ticks * lots * pair.tick_lot_units
        self.trades.append((
            len(self.trades) + 1, maker.sequence, maker.instrument, maker.number, maker.account, taker.account,
            _SIDES[maker.side], swap, maker.price_ticks, lots, base_units, quote_units,
            maker.fee_units, taker.fee_units,
        ))  # fmt: skip
        fees = maker.fee_units, taker.fee_units
        head = maker.sequence, maker.number, maker.instrument, maker.side, swap, maker.account, taker.account
        self._trade_records.append(_TRADE_RECORD.pack(*head, maker.price_ticks, lots, *fees))

    def _add_transfer(self, money: _Money) -> None:
        payer, payee = money.counterparty, money.account
        if money.kind == EventKind.WITHDRAWN:
            payer, payee = payee, payer
        sequence, currency, units = money.sequence, money.currency, money.amount_units
        self.deltas[payer, currency] -= units
        self.deltas[payee, currency] += units
        known = money.external_id if money.external_id != _NO_EXTERNAL_ID else None
        if money.kind == EventKind.DEPOSITED:
            self.deposits.append((sequence, payee, currency, units, known))
        elif money.kind == EventKind.RECEIVED:
            self.payments.append((sequence, payer, payee, currency, units))
        moved = sequence, payer, payee, currency, money.kind, units
        self._transfer_records.append(_TRANSFER_RECORD.pack(*moved, money.withdrawal, money.external_id))

    def _add_step(self, money: _Money) -> None:
        """Take a step of a withdrawal down: asked for and held, paid, or returned."""
        sequence, number, account = money.sequence, money.withdrawal, money.account
        what = account, money.currency, money.amount_units
        if money.kind == EventKind.WITHDRAWAL_HELD:
            self.holds.append((number, *what))
        else:
            self.withdrawals.append((sequence, number, *what, _ENDS[EventKind(money.kind)]))
        step = _STEPS[EventKind(money.kind)]
        self._withdrawal_records.append(
            _WITHDRAWAL_RECORD.pack(sequence, number, account, money.currency, step, money.amount_units)
        )

    def _add_names(self, opened: dict[int, int], records: bytes, first_sequence: int) -> None:
        at, sequence = 0, first_sequence
        while at < len(records):
            end = at + records[at + 1] * RECORD_BYTES
            if sequence in opened and records[at] == CommandKind.CREDENTIAL:
                name = _name(records[at:end])
                if name is not None:
                    self.names[opened[sequence]] = name
            at, sequence = end, sequence + 1


def _name(credential: bytes) -> tuple[str, str] | None:
    """Return issuer and subject, where the command's text hashes to its identity."""
    text = credential[2 * RECORD_BYTES :].rstrip(b"\0")
    if hashlib.blake2b(text, digest_size=16).digest() != credential[_IDENTITY]:
        return None
    try:
        issuer, separator, subject = text.decode().partition("\0")
    except UnicodeDecodeError:
        return None
    return (issuer, subject) if separator else None


def _tree_hash(leaves: list[bytes]) -> bytes:
    """Return MTH(leaves), word for word: split at the largest power of two below n. O(n)."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _tree_hash(leaves[:k]) + _tree_hash(leaves[k:])).digest()
