"""Many execution reports at once: events into the msgpack that accounts hear, column by column.

A report made one by one costs a microsecond, most of it for the numbers as Python objects. So where
there are many, numbers keep one width: each report is the same 126 bytes, the msgpack tags stand in a
template, and numpy fills in each field of all of them at once::

    events     n x 96 bytes, columns
    reports    n x 126 bytes    dc 00 13 | 6e | cf ........ | cf ........ | cc . | ...
                                19 items   110  account_stream  sequence    kind

The form is msgpack like any other, only longer than it need be, as msgpack allows. Source:
https://github.com/msgpack/msgpack/blob/master/spec.md (int format family).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import EventKind
from fxengine.messages import TYPE_OF, ExecutionReport, Whole, fields_of
from fxengine.records import CANCEL_EVENT, REDUCE_EVENT, Records

TABLE_FROM: Final = 48
"""Fewer reports than this are made faster one by one."""

# A number's tag in msgpack and its big-endian type, by its letter in ``struct``.
_FORMS: Final = {"B": (0xCC, ">u1"), "H": (0xCD, ">u2"), "Q": (0xCF, ">u8"), "q": (0xD3, ">i8")}
_ARRAY_16: Final = 0xDC
_TABULAR: Final = np.zeros(256, np.bool_)
_TABULAR[
    [
        EventKind.ACCEPTED, EventKind.REJECTED, EventKind.FILL, EventKind.CANCELED, EventKind.RESTED,
        EventKind.CREDENTIALED, EventKind.REPLACED, EventKind.REDUCED, EventKind.TRIGGERED, EventKind.QUOTED,
        EventKind.GUARDED, EventKind.REVOKED, EventKind.CONTROLLED,
    ]
] = True  # fmt: skip


def _template() -> npt.NDArray[np.void]:
    """Return one report whose numbers are still to come: its tags stand."""
    fields = fields_of(ExecutionReport)
    columns: list[tuple[str, str]] = [("array", "u1"), ("length", ">u2"), ("type", "u1")]
    tags = {"array": _ARRAY_16, "length": 1 + len(fields), "type": int(TYPE_OF[ExecutionReport])}
    for field in fields:
        assert isinstance(field.kind, Whole)
        tag, form = _FORMS[field.kind.code]
        columns += [(f"tag of {field.name}", "u1"), (field.name, form)]
        tags[f"tag of {field.name}"] = tag
    row = np.zeros(1, np.dtype(columns))
    for name, value in tags.items():
        row[name] = value
    return row


_TEMPLATE: Final = _template()
REPORT_BYTES: Final = _TEMPLATE.dtype.itemsize
_SAME: Final = (
    "account_stream", "sequence", "status", "reason", "order_id", "client_order_id", "instrument", "side",
    "price_ticks", "quantity_lots", "cum_lots", "flags",
)  # fmt: skip
"""Fields that are the event's own, whatever its kind."""


def is_tabular(events: Records) -> npt.NDArray[np.bool_]:
    """Say of each event whether an execution report tells it: ``(n,)``."""
    tabular: npt.NDArray[np.bool_] = _TABULAR[events["kind"]]
    return tabular


def report_table(events: Records, time_ns: int) -> npt.NDArray[np.uint8]:
    """Return ``(n, REPORT_BYTES)``: a row for each ``(n,) EVENT``, an encoded EXECUTION_REPORT as it stands in a frame.

    All must be tabular. ``time_ns`` is when their commands were sequenced. O(n), about 0.1 us each.
    """
    table: npt.NDArray[Any] = np.repeat(_TEMPLATE, len(events))
    kind = events["kind"]
    is_fill = kind == EventKind.FILL
    ended = (kind == EventKind.CANCELED) | (kind == EventKind.REJECTED)
    reduced = kind == EventKind.REDUCED
    for name in _SAME:
        table[name] = events[name]
    table["exec_type"] = kind
    leaves = np.where(ended, 0, events["leaves_lots"])
    table["leaves_lots"] = np.where(reduced, events.view(REDUCE_EVENT)["leaves_lots"], leaves)
    table["fee_units"] = np.where(is_fill, events["fee_units"], 0)
    table["trade_number"] = np.where(is_fill, events["instrument_stream"], 0)
    table["request_id"] = np.where(ended, events.view(CANCEL_EVENT)["request_id"], 0)
    table["time_ns"] = time_ns
    return table.view(np.uint8).reshape(len(events), REPORT_BYTES)
