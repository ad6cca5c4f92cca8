"""From dates to batches: which part of the books a period means.

A batch belongs to the time of its last command, and these times never go back, so the batches of a
period are a range, found by halving. Everything is UTC.
"""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from fxengine.errors import FxEngineError
from fxengine.ledger.reading import Reader

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ADVICE: Final = "a date such as 2026-10-30, or a time such as 2026-10-30T09:00:00Z"


class Period(NamedTuple):
    """A stretch of time, as nanoseconds since 1970: from ``start_ns``, before ``end_ns``. None: without bound."""

    start_ns: int | None
    end_ns: int | None


class BatchRange(NamedTuple):
    """The batches ``first`` to ``last``; none where ``last`` is before ``first``."""

    first: int
    last: int


def period(start: str | None, end: str | None) -> Period:
    """Read a period from dates or times. A date means its whole day, also as an end; a time means that instant.

    Raises :class:`FxEngineError` for text that is neither, and for an end that is not after the start.

    >>> period("2026-10-30", "2026-10-30")
    Period(start_ns=1793318400000000000, end_ns=1793404800000000000)
    """
    found = Period(
        None if start is None else _instant_ns(start, days=0), None if end is None else _instant_ns(end, days=1)
    )
    if found.start_ns is not None and found.end_ns is not None and found.end_ns <= found.start_ns:
        raise FxEngineError(f"the period ends before it starts: from {start} to {end}")
    return found


def batches_of(reader: Reader, wanted: Period) -> BatchRange:
    """Return the batches whose time lies in a period. O(log batches)."""
    newest = reader.rows("SELECT coalesce(max(batch), 0) FROM batches")[0][0]
    assert isinstance(newest, int)

    def first_not_before(time_ns: int) -> int:
        low, high = 1, newest + 1
        while low < high:
            middle = (low + high) // 2
            ((at_ns,),) = reader.rows("SELECT time_ns FROM batches WHERE batch = ?", middle)
            assert isinstance(at_ns, int)
            low, high = (low, middle) if at_ns >= time_ns else (middle + 1, high)
        return low

    first = 1 if wanted.start_ns is None else first_not_before(wanted.start_ns)
    last = newest if wanted.end_ns is None else first_not_before(wanted.end_ns) - 1
    return BatchRange(first, last)


def utc_text(time_ns: int) -> str:
    """Write a time as RFC 3339 in UTC with all nine digits.

    >>> utc_text(1793318400000000001)
    '2026-10-30T00:00:00.000000001Z'
    """
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _instant_ns(text: str, *, days: int) -> int:
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        if _is_date(text):
            at += timedelta(days=days)
        return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
    except (ValueError, OverflowError):
        raise FxEngineError(f"{text[:40]!r} is not {_ADVICE}") from None


def _is_date(text: str) -> bool:
    """Say whether text names a day, however it is written: 2026-10-30, 20261030, 2026-W44-5."""
    with suppress(ValueError):
        date.fromisoformat(text)
        return True
    return False
