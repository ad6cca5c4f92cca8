"""Malformed frames of fixed records: a wrong header, or good records with one field wrong.

A record is the core's own command, written by a client: what it may not say there (another's account,
an operator's command, something in the reserved bytes) must be left out where it arrives, since in the
journal it would be a command like any other.
"""

from collections.abc import Callable
from random import Random
from typing import Final

import numpy as np

from bench.fuzz_frames import Malformed
from fxengine.codes import CommandKind, RejectReason
from fxengine.records import AMEND, CANCEL, MASS_CANCEL, MASS_QUOTE, NEW_ORDER, QUOTE_SET, RECORD_BYTES, Records
from fxengine.wire import command_frame
from fxengine.wire.record_frames import REQUEST_RECORDS_MAX

R = RejectReason
_OTHERS: Final = sorted(
    set(range(256))
    - {CommandKind.NEW_ORDER, CommandKind.CANCEL, CommandKind.AMEND, CommandKind.MASS_CANCEL, CommandKind.MASS_QUOTE}
)
"""Kinds that no client sends as records."""
_RESERVED: Final = {
    CommandKind.NEW_ORDER: (29, 30, 31),
    CommandKind.CANCEL: (*range(24, 32), *range(48, 64)),
    CommandKind.MASS_CANCEL: (*range(25, 28), *range(32, 64)),
}
"""Bytes of a record that must be zero; an AMEND has none."""
_DTYPES: Final = {
    CommandKind.NEW_ORDER: NEW_ORDER,
    CommandKind.CANCEL: CANCEL,
    CommandKind.AMEND: AMEND,
    CommandKind.MASS_CANCEL: MASS_CANCEL,
}


def malformed_records(rng: Random) -> Malformed:
    """Draw a frame of records that must be refused."""
    return rng.choice(_WAYS)(rng)


def _record(rng: Random) -> Records:
    """Draw one record as clients send them."""
    kind = rng.choice(list(_DTYPES))
    row = np.zeros(1, _DTYPES[kind])
    row["kind"], row["n_records"] = kind, 1
    row["client_order_id"] = rng.randrange(2**64)
    row["instrument"] = rng.randrange(22)
    return row


def _bad_record(rng: Random) -> Malformed:
    """Spoil one field of one record."""
    row = _record(rng)
    kind, reason = CommandKind(int(row["kind"][0])), R.UNKNOWN_COMMAND
    ways = ["kind", "account", "n_records"] + ["reserved bytes"] * (kind in _RESERVED)
    way = rng.choice(ways)
    if way == "kind":
        row["kind"] = rng.choice(_OTHERS)
    elif way == "account":
        row["account"], reason = rng.choice((1, 2**32 - 1)), R.IDENTITY_MISMATCH
    elif way == "n_records":
        row["n_records"] = rng.choice((0, 2, 3, 255))
    else:
        row.view(np.uint8)[rng.choice(_RESERVED[kind])] = rng.randint(1, 255)
    return Malformed(command_frame(row.tobytes()), (reason,), f"{kind.name} record: {way}", True, needs_session=True)


def _bad_quote(rng: Random) -> Malformed:
    """Spoil the shape of a mass quote, whose sets and levels are packed behind its head."""
    records = np.zeros(2, MASS_QUOTE)
    records["kind"][0], records["n_records"][0] = CommandKind.MASS_QUOTE, 2
    head = records[1:].view(np.uint8)[: QUOTE_SET.itemsize].view(QUOTE_SET)
    head["n_bids"] = 1
    records["n_sets"][0] = 1
    way = rng.randrange(3)
    if way == 0:
        head["n_bids"] = rng.choice((4, 33, 255))  # more than stands there
    elif way == 1:
        head["n_bids"] = 0
        records["n_sets"][0] = 0
    else:
        head["n_bids"], head["n_offers"] = 2, 2
    return Malformed(
        command_frame(records.tobytes()), (R.BAD_QUOTE_SET,), "MASS_QUOTE record", True, needs_session=True
    )


def _bad_record_header(rng: Random) -> Malformed:
    """Spoil the header, so that none of the records counts."""
    frame = bytearray(command_frame(_record(rng).tobytes()))
    way, reason = rng.randrange(6), R.MALFORMED_FRAME
    if way == 0:
        frame[rng.randint(1, 3)] ^= rng.randint(1, 255)
    elif way == 1:
        frame[4], reason = rng.choice((0, 2, 255)), R.UNSUPPORTED_VERSION
    elif way == 2:
        frame[5] = rng.choice((0, 2, 3, 255))
    elif way == 3:
        frame[8] = rng.choice((0, 2, 200))
    elif way == 4:
        frame[rng.choice((6, 7, *range(12, RECORD_BYTES)))] = rng.randint(1, 255)
    else:
        frame = frame[: rng.randrange(1, len(frame))]
    return Malformed(bytes(frame), (reason,), "a header of records", needs_session=True)


def _too_many_records(rng: Random) -> Malformed:
    n = REQUEST_RECORDS_MAX + rng.randint(1, 20)
    return Malformed(command_frame(bytes(n * RECORD_BYTES)), (R.TOO_MANY_MESSAGES,), "many records", needs_session=True)


_WAYS: Final[tuple[Callable[[Random], Malformed], ...]] = (
    _bad_record, _bad_record, _bad_record, _bad_record, _bad_quote, _bad_quote, _bad_record_header, _bad_record_header,
    _too_many_records,
)  # fmt: skip
