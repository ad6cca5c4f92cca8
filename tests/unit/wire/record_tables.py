"""The layouts of the records for docs/protocol.md, made from the dtypes that the journal and the core use."""

import numpy as np

from fxengine.codes import CommandKind
from fxengine.messages import Cancel, NewOrder
from fxengine.records import (
    AMEND,
    BUST_EVENT,
    CANCEL,
    CANCEL_EVENT,
    EVENT,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY_EVENT,
    NEW_ORDER,
    ORDER_DETAIL,
    QUOTE_LEVEL,
    QUOTE_SET,
    REDUCE_EVENT,
    REPLACE_EVENT,
    STATUS_EVENT,
    SWAP_EVENT,
    SWAP_LEG_EVENT,
)
from fxengine.wire import FRAME_HEADER, command_frame
from tests.unit.wire.examples import EXAMPLES

RECORDS: dict[str, np.dtype[np.void]] = {
    "Header": FRAME_HEADER,
    "NEW_ORDER, kind 3": NEW_ORDER,
    "Second record of a NEW_ORDER that has a stop price or a minimum quantity": ORDER_DETAIL,
    "CANCEL, kind 4": CANCEL,
    "AMEND, kind 8": AMEND,
    "MASS_CANCEL, kind 9": MASS_CANCEL,
    "MASS_QUOTE, kind 10": MASS_QUOTE,
    "Unit of 16 bytes: head of a quote set": QUOTE_SET,
    "Unit of 16 bytes: level of a quote set": QUOTE_LEVEL,
    "Event: ACCEPTED, FILL, RESTED, CREDENTIALED, TRIGGERED, QUOTED, GUARDED, REVOKED, CONTROLLED": EVENT,
    "Event: CANCELED, REJECTED": CANCEL_EVENT,
    "Event: REDUCED": REDUCE_EVENT,
    "Event: REPLACED": REPLACE_EVENT,
    "Event: ORDER_STATUS": STATUS_EVENT,
    "Event: RECEIVED, DEPOSITED, WITHDRAWN, DONE, WITHDRAWAL_HELD, WITHDRAWAL_RETURNED": MONEY_EVENT,
    "Event: BUSTED": BUST_EVENT,
    "Event: SWAPPED, SWAP_PATH": SWAP_EVENT,
    "Event: SWAP_LEG": SWAP_LEG_EVENT,
}
"""Every record that stands in a frame, under what it is called."""

_WORDS = {"u1": "u8", "u2": "u16", "u4": "u32", "u8": "u64", "i4": "i32", "i8": "i64"}


def _record_field(dtype: np.dtype[np.void], name: str) -> str:
    assert dtype.fields is not None
    field, offset = dtype.fields[name][:2]
    code = field.base.str.lstrip("<|")
    count = f"{field.shape[0]} x " if field.shape else ""
    if name.startswith("reserved"):
        return f"| {offset} | reserved | {field.itemsize} bytes, zero |"
    kind = _WORDS.get(code) or f"{field.base.itemsize} bytes"
    return f"| {offset} | `{name}` | {count}{kind} |"


def record_section() -> str:
    """The layout of each record, and a frame of two orders as bytes."""
    lines = []
    for title, dtype in RECORDS.items():
        lines += [f"### {title}", "", "| Offset | Field | Type |", "|---|---|---|"]
        lines += [_record_field(dtype, name) for name in dtype.names or ()] + [""]
    lines += ["### A frame of two commands", "", "The NEW_ORDER and the CANCEL of the examples above, as records.", ""]
    rows = record_example().hex(" ").split(" ")
    return "\n".join([*lines, "```text", *(" ".join(rows[at : at + 32]) for at in range(0, len(rows), 32)), "```", ""])


def record_example() -> bytes:
    """A frame that says what the examples of NEW_ORDER and CANCEL say."""
    order, cancel = np.zeros(1, NEW_ORDER), np.zeros(1, CANCEL)
    order["kind"], cancel["kind"] = CommandKind.NEW_ORDER, CommandKind.CANCEL
    for record, message in ((order, EXAMPLES[NewOrder]), (cancel, EXAMPLES[Cancel])):
        record["n_records"] = 1
        for name, value in message._asdict().items():
            if name in (record.dtype.names or ()):
                record[name] = value
    return command_frame(order.tobytes() + cancel.tobytes())
