"""A batch as rows of tables: what every ledger that keeps its books in SQL writes, whichever SQL it is.

The tables and their columns are the same in SQLite and in PostgreSQL; each backend brings its own way
of writing many rows at once, and its own rules that hold the rows to the books (``sqlite_schema``,
``postgres_schema``). A transfer becomes a row of the table that an accountant would look for it in: a
deposit, a payment, or the end of a withdrawal.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventKind, Side
from fxengine.ledger.batch import Batch, WithdrawalStep
from fxengine.venue import Venue

Row = tuple[object, ...]

COLUMNS: Final = {
    "postings": ("batch", "account", "currency", "amount_units"),
    "trades": (
        "batch", "line", "sequence", "instrument", "number", "maker", "taker", "maker_side", "swap", "price_ticks",
        "quantity_lots", "base_units", "quote_units", "maker_fee_units", "taker_fee_units",
    ),
    "deposits": ("sequence", "batch", "account", "currency", "amount_units", "external_id"),
    "payments": ("sequence", "batch", "payer", "payee", "currency", "amount_units"),
    "withdrawals": (
        "withdrawal", "account", "currency", "amount_units", "held_batch", "state", "ended_batch", "ended_sequence",
    ),
    "busts": ("instrument", "number", "batch", "sequence"),
}  # fmt: skip
"""The tables that a batch appends to, in the order in which their rows may be written."""
BATCH_COLUMNS: Final = (
    "batch", "first_sequence", "last_sequence", "time_ns", "postings", "trades", "transfers", "withdrawals", "busts",
    "journal_hash", "trades_root", "head",
)  # fmt: skip

_SIDES: Final = {int(side): side.name for side in Side}
_ROLES: Final = {FEES_ACCOUNT: "fees", CUSTODY_ACCOUNT: "custody"}


class Lines(NamedTuple):
    """A batch's rows. ``appended`` go in first, then ``ended`` changes the withdrawals that ended here."""

    appended: dict[str, Iterable[Row]]  # by table, with the columns that COLUMNS names
    ended: list[Row]  # (state, batch, sequence, withdrawal)


def role(account: int) -> str:
    """Return what an account is in the books: ``fees``, ``custody`` or ``client``."""
    return _ROLES.get(account, "client")


def batch_row(batch: Batch) -> Row:
    """Return the row that closes a batch, with the columns of ``BATCH_COLUMNS``."""
    counts = (len(part) for part in (batch.deltas, batch.trades, batch.transfers, batch.withdrawals, batch.busts))
    hashes = batch.journal_hash, batch.trades_root, batch.head
    return (batch.id, batch.first_sequence, batch.last_sequence, batch.time_ns, *counts, *hashes)


def lines(batch: Batch, venue: Venue) -> Lines:
    """Return everything that a batch writes but its own row. O(batch)."""
    n = batch.id
    postings = [(n, account, currency, units) for account, currency, _, units in batch.deltas.tolist()]
    deposits: list[Row] = []
    payments: list[Row] = []
    withdrawals: list[Row] = []
    for sequence, payer, payee, currency, kind, _, units, withdrawal, external_id, _ in batch.transfers.tolist():
        if kind == EventKind.DEPOSITED:
            deposits.append((sequence, n, payee, currency, units, external_id if any(external_id) else None))
        elif kind == EventKind.RECEIVED:
            payments.append((sequence, n, payer, payee, currency, units))
        elif not withdrawal:  # paid at once: it was never held
            withdrawals.append((sequence, payer, currency, units, n, "PAID", n, sequence))
    ended: list[Row] = []
    for sequence, withdrawal, account, currency, step, _, units in batch.withdrawals.tolist():
        if step == WithdrawalStep.HELD:
            withdrawals.append((withdrawal, account, currency, units, n, "HELD", None, None))
        else:
            ended.append((WithdrawalStep(step).name, n, sequence, withdrawal))
    return Lines(
        {
            "postings": postings,
            "trades": _trades(batch, venue),
            "deposits": deposits,
            "payments": payments,
            "withdrawals": withdrawals,
            "busts": [(instrument, number, n, sequence) for sequence, number, instrument, _ in batch.busts.tolist()],
        },
        ended,
    )


def _trades(batch: Batch, venue: Venue) -> Iterable[Row]:
    trades = batch.trades
    instruments = venue.instrument_records[trades["instrument"]]
    base_units = trades["quantity_lots"] * instruments["lot_units"]
    quote_units = trades["price_ticks"] * trades["quantity_lots"] * instruments["tick_lot_units"]
    names = ("sequence", "instrument", "number", "maker", "taker")
    first = [trades[name].tolist() for name in names]
    sides = [_SIDES[side] for side in trades["maker_side"].tolist()]
    rest = [trades[name].tolist() for name in ("swap", "price_ticks", "quantity_lots")]
    fees = [trades[name].tolist() for name in ("maker_fee_units", "taker_fee_units")]
    lots = len(trades)
    return zip(
        [batch.id] * lots,
        range(1, lots + 1),
        *first,
        sides,
        *rest,
        base_units.tolist(),
        quote_units.tolist(),
        *fees,
        strict=True,
    )
