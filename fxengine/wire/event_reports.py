"""Reports: the core's event records as the messages that accounts hear.

The venue turns events into reports for the sessions that hear messages; a client that hears
records turns them into the same reports itself. Reading a numpy record field by field would cost
more than matching did: ``struct`` reads a whole record in a tenth of a microsecond, and a report
is one tuple.

All event kinds share one length and the same first 24 and last 16 bytes; the words between mean
what the kind's own dtype in ``fxengine.records`` says, and each branch below names them.
"""

from typing import Any, Final, cast

from fxengine.codes import EventKind
from fxengine.messages import (
    REPLIES,
    TYPE_OF,
    ExecutionReport,
    MoneyReport,
    OrderStatus,
    Reply,
    SwapLegReport,
    SwapPathReport,
    SwapReport,
)
from fxengine.records import EVENT, EVENT_BYTES, SWAP_EVENT, Records, struct_of

Row = tuple[int, ...]
"""One event, read as EVENT: the fields of that dtype in order."""

_EVENT = struct_of(EVENT)
_SWAP = struct_of(SWAP_EVENT)
_U64 = 2**64 - 1

_EXECUTION_REPORT: Final = int(TYPE_OF[ExecutionReport])
_ORDER_STATUS: Final = int(TYPE_OF[OrderStatus])
_SWAP_REPORT: Final = int(TYPE_OF[SwapReport])
_SWAP_LEG_REPORT: Final = int(TYPE_OF[SwapLegReport])
_SWAP_PATH_REPORT: Final = int(TYPE_OF[SwapPathReport])
_MONEY_REPORT: Final = int(TYPE_OF[MoneyReport])

_FILL: Final = int(EventKind.FILL)
_STATUS: Final = int(EventKind.ORDER_STATUS)
_SWAPPED: Final = frozenset({int(EventKind.SWAPPED), int(EventKind.SWAP_PATH)})
_SWAP_LEG: Final = int(EventKind.SWAP_LEG)
_BUSTED: Final = int(EventKind.BUSTED)
_REDUCED: Final = int(EventKind.REDUCED)
_STANDS: Final = (EventKind.ACCEPTED, EventKind.RESTED, EventKind.REPLACED, EventKind.TRIGGERED, EventKind.QUOTED)
_TOLD: Final = (EventKind.CREDENTIALED, EventKind.GUARDED, EventKind.REVOKED, EventKind.CONTROLLED)
_ENTERED: Final = frozenset(map(int, (*_STANDS, *_TOLD)))
_ENDED: Final = frozenset({int(EventKind.CANCELED), int(EventKind.REJECTED)})


def read_events(events: Records) -> list[Row]:
    """Read ``(n,) EVENT`` records into tuples of integers. O(n), 0.1 us each."""
    return list(_EVENT.iter_unpack(events.tobytes()))


def report_row(row: Row, place: int, events: Records, time_ns: int) -> tuple[Any, ...]:
    """Turn one event into ``(type, field, ...)``, as ``encode_rows`` takes it.

    ``row`` is ``read_events(events)[place]``; ``time_ns`` is when its command was sequenced. O(1).
    """
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
    if kind == _REDUCED:
        return (*head, price, quantity, last_word, cum, 0, flags, 0, 0, time_ns)
    if kind == _BUSTED:  # its trade's number stands where others have an OrderID
        told = (_EXECUTION_REPORT, stream, sequence, kind, status, reason, 0, client_id, instrument, side)
        return (*told, price, quantity, 0, 0, last_word, flags, order_id, 0, time_ns)
    if kind == _STATUS:
        what = (_ORDER_STATUS, stream, sequence, side, status, reason, order_id, client_id, instrument)
        return (*what, price, quantity, leaves, cum, last_word & _U64, time_ns)
    if kind == _SWAP_LEG:  # lots stand where others have CumQty, and fills where they have an OrderID
        leg = (_SWAP_LEG_REPORT, stream, sequence, client_id, instrument, side, cum)
        return (*leg, price, quantity, last_word, leaves, order_id, time_ns)
    if kind in _SWAPPED:
        return _swap_report(events[place : place + 1].tobytes(), time_ns)
    return (_MONEY_REPORT, stream, sequence, kind, client_id, instrument, quantity, counterparty, time_ns, order_id)


def report_of(row: Row, place: int, events: Records, time_ns: int) -> Reply:
    """Turn one event into the message that tells it; as :func:`report_row`."""
    number, *fields = report_row(row, place, events, time_ns)
    return cast(Reply, _MAKE[number](fields))


_MAKE: Final = {int(number): message._make for number, message in REPLIES.items()}


def _swap_report(record: bytes, time_ns: int) -> tuple[Any, ...]:
    assert len(record) == EVENT_BYTES
    (
        kind, _side, _reason, currency_in, _status, _flags, _account, payee, sequence,
        book_1, book_2, book_3, n_legs, client_id, amount_in, amount_out,
        unfilled, fills, n_paths, stream, currency_out, mode,
    ) = _SWAP.unpack(record)  # fmt: skip
    amounts = (amount_in, amount_out, unfilled, fills)
    if kind == EventKind.SWAP_PATH:
        path = (book_1, book_2, book_3)[:n_legs]
        return (_SWAP_PATH_REPORT, stream, sequence, client_id, path, *amounts, time_ns)
    what = (_SWAP_REPORT, stream, sequence, client_id, currency_in, currency_out, mode, payee)
    return (*what, *amounts, n_legs, n_paths, time_ns)
