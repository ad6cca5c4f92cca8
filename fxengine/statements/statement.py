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

from fxengine.codes import CUSTODY_ACCOUNT
from fxengine.errors import LedgerError
from fxengine.ledger.holders import Holder
from fxengine.ledger.reading import Reader
from fxengine.money import format_scaled
from fxengine.statements.lines import Line, Pair, lines_of
from fxengine.statements.period import Period, batches_of

_SUMS: Final = "SELECT currency, sum(amount_units) FROM postings WHERE account = ? AND batch {} GROUP BY currency"
_POSTINGS: Final = "SELECT batch, currency, amount_units FROM postings WHERE account = ? AND batch BETWEEN ? AND ?"
_TIMES: Final = "SELECT batch, time_ns FROM batches WHERE batch BETWEEN ? AND ?"
_NEXT: Final = "SELECT DISTINCT {0} FROM {1} WHERE {2} AND {0} BETWEEN ? AND ? ORDER BY {0} LIMIT {3}"
_CONCERNS: Final = (
    ("batch", "postings", "account"),
    ("batch", "deposits", "account"),
    ("ended_batch", "withdrawals", "account"),
    ("batch", "payments", "payer"),
    ("batch", "payments", "payee"),
)
"""Where a batch that concerns an account is found: the batch's column, the table, the account's column."""
_MIRRORED: Final = ("deposits", "withdrawals")
"""Tables whose every row concerns the custody account, which is not named in them."""
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
        for batches in self._looks():
            first, last = batches[0], batches[-1]
            concerned = set(batches)
            rows = self._reader.rows(_POSTINGS, self.holder.account, first, last)
            posted = {(_int(batch), _int(currency)): _int(units) for batch, currency, units in rows}
            times = {_int(batch): _int(time_ns) for batch, time_ns in self._reader.rows(_TIMES, first, last)}
            lines: dict[tuple[int, int], list[Line]] = {key: [] for key in posted}
            for line in lines_of(self._reader, self.holder, pairs, first, last):
                if line.batch in concerned:
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

    def _looks(self) -> Iterator[list[int]]:
        """Yield batches to look at together: many for a busy account, one at a time for a rare one."""
        at, end = self._range
        while at <= end:
            batches = sorted(self._next(at, end))[:_PAGE_BATCHES]
            if not batches:
                return
            first = 0
            for n in range(len(batches)):
                following = batches[n + 1] if n + 1 < len(batches) else None
                if following is None or following - batches[first] >= _SPARSE * (n + 2 - first):
                    yield batches[first : n + 1]
                    first = n + 1
            at = batches[-1] + 1

    def _next(self, first: int, last: int) -> set[int]:
        """Return the next batches that concern the account, at least a page of them if there are. O(page)."""
        who, found = self.holder.account, set[int]()
        for batch, table, account in _CONCERNS:
            all_of_it = who == CUSTODY_ACCOUNT and table in _MIRRORED
            which, values = ("1 = 1", ()) if all_of_it else (f"{account} = ?", (who,))
            rows = self._reader.rows(_NEXT.format(batch, table, which, _PAGE_BATCHES), *values, first, last)
            found.update(_int(number) for (number,) in rows)
        return found


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
