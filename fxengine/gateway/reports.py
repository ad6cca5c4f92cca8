"""Execution reports: the core's event records as the messages that accounts hear.

Events come in batches of up to thousands; reading a numpy record field by field would cost more
than matching did. ``struct`` reads a whole record in a tenth of a microsecond, a report is one
tuple, and an account's reports of a batch are encoded once, however many sessions it has.

All event kinds share one length and the same first 24 and last 16 bytes; the words between mean
what the kind's own dtype in ``fxengine.records`` says, and each branch below names them.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from fxengine.codes import EventKind
from fxengine.messages import TYPE_OF, ExecutionReport, MoneyReport, OrderStatus, SwapReport
from fxengine.records import EVENT, EVENT_BYTES, SWAP_EVENT, Records, struct_of

Row = tuple[int, ...]
"""One event, read as EVENT: the fields of that dtype in order."""

_EVENT = struct_of(EVENT)
_SWAP = struct_of(SWAP_EVENT)
_U64 = 2**64 - 1

_EXECUTION_REPORT: Final = int(TYPE_OF[ExecutionReport])
_ORDER_STATUS: Final = int(TYPE_OF[OrderStatus])
_SWAP_REPORT: Final = int(TYPE_OF[SwapReport])
_MONEY_REPORT: Final = int(TYPE_OF[MoneyReport])

_FILL: Final = int(EventKind.FILL)
_STATUS: Final = int(EventKind.ORDER_STATUS)
_SWAPPED: Final = int(EventKind.SWAPPED)
_CREDENTIALED: Final = int(EventKind.CREDENTIALED)
_STANDS: Final = (EventKind.ACCEPTED, EventKind.RESTED, EventKind.REPLACED, EventKind.TRIGGERED, EventKind.QUOTED)
_ENTERED: Final = frozenset({*map(int, _STANDS), _CREDENTIALED})
_ENDED: Final = frozenset({int(EventKind.CANCELED), int(EventKind.REDUCED), int(EventKind.REJECTED)})


def read_events(events: Records) -> list[Row]:
    """Read ``(n,) EVENT`` records into tuples of integers. O(n), 0.1 us each."""
    return list(_EVENT.iter_unpack(events.tobytes()))


def report_rows(
    rows: Sequence[Row], events: Records, time_ns: int, listening: Container[int]
) -> dict[int, list[tuple[Any, ...]]]:
    """Turn events into ``(type, field, ...)`` rows for ``fxengine.wire.encode_rows``, by account.

    ``rows`` are ``read_events(events)``; accounts that nobody listens for are left out. O(n).
    """
    by_account: dict[int, list[tuple[Any, ...]]] = {}
    for place, row in enumerate(rows):
        if row[6] in listening:
            report = _report(row, place, events, time_ns)
            by_account.setdefault(row[6], []).append(report)
    return by_account


def _report(row: Row, place: int, events: Records, time_ns: int) -> tuple[Any, ...]:
    (
        kind, side, reason, instrument, status, flags, _account, counterparty, sequence,
        order_id, client_id, price, quantity, leaves, cum, last_word, stream, number,
    ) = row  # fmt: skip
    head = (_EXECUTION_REPORT, stream, sequence, kind, status, reason, order_id, client_id, instrument, side)
    if kind == _FILL:
        return (*head, price, quantity, leaves, cum, last_word, flags, number, 0, time_ns)
    if kind in _ENTERED:
        return (*head, price, quantity, leaves, cum, 0, flags, 0, 0, time_ns)
    if kind in _ENDED:
        return (*head, price, quantity, 0, cum, 0, flags, 0, last_word & _U64, time_ns)
    if kind == _STATUS:
        what = (_ORDER_STATUS, stream, sequence, side, status, reason, order_id, client_id, instrument)
        return (*what, price, quantity, leaves, cum, last_word, time_ns)
    if kind == _SWAPPED:
        return _swap_report(events[place : place + 1].tobytes(), time_ns)
    return (_MONEY_REPORT, stream, sequence, kind, client_id, instrument, quantity, counterparty, time_ns)


def _swap_report(record: bytes, time_ns: int) -> tuple[Any, ...]:
    assert len(record) == EVENT_BYTES
    (
        _kind, _side, _reason, currency_in, _status, _flags, _account, payee, sequence,
        leg_1, leg_2, leg_3, n_legs, client_id, amount_in, amount_out,
        change_1, change_2, change_3, stream, currency_out, mode,
    ) = _SWAP.unpack(record)  # fmt: skip
    what = (_SWAP_REPORT, stream, sequence, client_id, currency_in, currency_out, mode, payee)
    path, change = (leg_1, leg_2, leg_3)[:n_legs], (change_1, change_2, change_3)[:n_legs]
    return (*what, amount_in, amount_out, path, change, time_ns)


def outcomes(rows: Iterable[Row], sequences: Container[int]) -> list[Row]:
    """Return, of the events of these commands, those that tell how a CREDENTIAL ended."""
    ends = (_CREDENTIALED, int(EventKind.REJECTED))
    return [row for row in rows if row[8] in sequences and row[0] in ends]
