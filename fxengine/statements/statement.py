"""An account's statement: what it had, everything that moved it, what it has then.

The opening balance is the sum of the account's postings before the period, the closing balance today's
balance less its postings since: two ways through the books that share no row. Between them stand the
postings of the period, and opening + postings = closing, or the statement is refused; so is one of whose
postings the lines do not add up. All of it goes by the index on an account's postings: what others did
costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fxengine.errors import LedgerError
from fxengine.ledger.holders import Holder
from fxengine.ledger.reading import Reader
from fxengine.money import format_scaled
from fxengine.statements.lines import Line, Pair, lines_of
from fxengine.statements.period import Period, batches_of

_SUMS: Final = "SELECT currency, sum(amount_units) FROM postings WHERE account = ? AND batch {} GROUP BY currency"
_POSTINGS: Final = (
    "SELECT p.batch, p.currency, p.amount_units, b.time_ns FROM postings p JOIN batches b ON b.batch = p.batch"
    " WHERE p.account = ? AND p.batch BETWEEN ? AND ? ORDER BY p.batch, p.currency"
)
_NEXT_BATCHES: Final = (
    "SELECT DISTINCT batch FROM postings WHERE account = ? AND batch BETWEEN ? AND ? ORDER BY batch LIMIT ?"
)
_PAGE_BATCHES: Final = 256
_SPARSE: Final = 4
"""Batches in one look are at most so many for each that concerns the account."""


class CurrencyOf(NamedTuple):
    """A currency as the ledger describes it."""

    code: str
    decimals: int

    def text(self, units: int) -> str:
        """Write units as decimal text."""
        return format_scaled(units, self.decimals)


@dataclass(frozen=True, slots=True)
class Posting:
    """What a batch gave to or took from the account in one currency; 0 where its lines cancel out."""

    batch: int
    time_ns: int
    currency: int
    amount_units: int
    balance_units: int  # after it
    lines: tuple[Line, ...]


class Statement:
    """One account over one period. Raises :class:`LedgerError` where the books do not agree with themselves.

    ``opening`` and ``closing``: units by currency number, of each currency that the account ever had.
    """

    def __init__(self, reader: Reader, holder: Holder, wanted: Period) -> None:
        """Add up the balances before and after. O(the account's postings)."""
        self._reader = reader
        self.holder = holder
        self.period = wanted
        self._range = batches_of(reader, wanted)
        self.currencies = {
            _int(currency): CurrencyOf(str(code), _int(decimals))
            for currency, code, decimals in reader.rows("SELECT currency, code, decimals FROM currencies")
        }
        now = {
            _int(currency): _int(units)
            for currency, units in reader.rows(
                "SELECT currency, amount_units FROM balances WHERE account = ?", holder.account
            )
        }
        first, last = self._range
        before, since = self._sums("< ?", first), self._sums("> ?", max(last, first - 1))
        moved = self._sums("BETWEEN ? AND ?", first, last)
        self.opening = {currency: before.get(currency, 0) for currency in sorted(now)}
        self.closing = {currency: now[currency] - since.get(currency, 0) for currency in sorted(now)}
        for currency, opening in self.opening.items():
            if opening + moved.get(currency, 0) != self.closing[currency]:
                raise LedgerError(
                    f"ledger: account {holder.account} had {opening} units of {self.currencies[currency].code}, moved"
                    f" {moved.get(currency, 0)} and ended with {self.closing[currency]}: run fxengine verify"
                )

    def postings(self) -> Iterator[Posting]:
        """Yield the period's postings with their lines, by batch and currency. Memory does not grow with the period."""
        balances = dict(self.opening)
        pairs = {
            _int(instrument): Pair(str(symbol), _int(base), _int(quote))
            for instrument, symbol, base, quote in self._reader.rows(
                "SELECT instrument, symbol, base, quote FROM instruments"
            )
        }
        for first, last in self._looks():
            rows = self._reader.rows(_POSTINGS, self.holder.account, first, last)
            posted = {(_int(batch), _int(currency)): _int(units) for batch, currency, units, _ in rows}
            times = {_int(batch): _int(time_ns) for batch, _, _, time_ns in rows}
            lines: dict[tuple[int, int], list[Line]] = {key: [] for key in posted}
            for line in lines_of(self._reader, self.holder, pairs, first, last):
                if line.batch in times:
                    lines.setdefault((line.batch, line.currency), []).append(line)
            for key in sorted(lines):
                (batch, currency), units = key, posted.get(key, 0)
                if units != sum(line.amount_units for line in lines[key]):
                    raise LedgerError(
                        f"ledger: what account {self.holder.account} did in batch {batch} does not add up to its"
                        f" posting of {units} units of {self.currencies[currency].code}: run fxengine verify"
                    )
                balances[currency] = balances.get(currency, 0) + units
                yield Posting(batch, times[batch], currency, units, balances[currency], tuple(lines[key]))

    def _sums(self, which: str, *batches: int) -> dict[int, int]:
        rows = self._reader.rows(_SUMS.format(which), self.holder.account, *batches)
        return {_int(currency): _int(units) for currency, units in rows}

    def _looks(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of batches to look at together: few for a busy account, one batch each for a rare one."""
        at, end = self._range
        while at <= end:
            rows = self._reader.rows(_NEXT_BATCHES, self.holder.account, at, end, _PAGE_BATCHES)
            if not rows:
                return
            batches = [_int(batch) for (batch,) in rows]
            first = 0
            for n, batch in enumerate(batches):
                following = batches[n + 1] if n + 1 < len(batches) else None
                if following is None or following - batches[first] >= _SPARSE * (n + 2 - first):
                    yield batches[first], batch
                    first = n + 1
            at = batches[-1] + 1


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
