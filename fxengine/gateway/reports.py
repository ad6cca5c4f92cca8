"""Which account hears which report: a released batch's events, sorted by whom they concern.

Events come in batches of up to thousands. An account's reports of a batch are made and encoded
once, however many sessions it has, and accounts that nobody listens for cost a look-up each.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from fxengine.codes import EventKind
from fxengine.records import Records
from fxengine.wire import Row, read_events, report_row

__all__ = ["Row", "outcomes", "read_events", "report_rows"]

_OUTCOMES: Final = (int(EventKind.CREDENTIALED), int(EventKind.REJECTED))


def report_rows(
    rows: Sequence[Row], events: Records, time_ns: int, listening: Container[int]
) -> dict[int, list[tuple[Any, ...]]]:
    """Turn events into ``(type, field, ...)`` rows for ``fxengine.wire.encode_rows``, by account.

    ``rows`` are ``read_events(events)``; accounts that nobody listens for are left out. O(n).
    """
    by_account: dict[int, list[tuple[Any, ...]]] = {}
    for place, row in enumerate(rows):
        if row[6] in listening:
            report = report_row(row, place, events, time_ns)
            by_account.setdefault(row[6], []).append(report)
    return by_account


def outcomes(rows: Iterable[Row], sequences: Container[int]) -> list[Row]:
    """Return, of the events of these commands, those that tell how a CREDENTIAL ended."""
    return [row for row in rows if row[8] in sequences and row[0] in _OUTCOMES]
