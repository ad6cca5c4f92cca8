"""Frames of records: their header is checked to the last byte, and says exactly what follows it."""

import numpy as np
import pytest

from fxengine._core import admit
from fxengine.codes import CommandKind, EventKind
from fxengine.codes import RejectReason as R
from fxengine.errors import ProtocolError
from fxengine.records import COMMAND, EVENT
from fxengine.wire import (
    FRAME_HEADER,
    FRAME_HEADER_BYTES,
    REQUEST_BYTES_MAX,
    REQUEST_RECORDS_MAX,
    Refused,
    command_frame,
    decode_requests,
    encode,
    event_frame,
    is_record_frame,
    read_event_frame,
)

ORDERS = np.zeros(3, COMMAND)
ORDERS["kind"], ORDERS["n_records"], ORDERS["client_order_id"] = CommandKind.NEW_ORDER, 1, (7, 8, 9)
FRAME = command_frame(ORDERS.tobytes())


def test_a_frame_of_commands_holds_the_records_behind_a_header_of_64_bytes() -> None:
    header = np.frombuffer(FRAME[:FRAME_HEADER_BYTES], FRAME_HEADER)[0]
    assert FRAME[:8].hex(" ") == "c1 46 58 52 01 01 00 00"
    assert (header["n_records"], header["time_ns"]) == (3, 0)
    assert FRAME[FRAME_HEADER_BYTES:] == ORDERS.tobytes()
    assert is_record_frame(FRAME)


def test_the_cores_admission_takes_what_is_built_here() -> None:
    orders = ORDERS.copy()
    orders["side"], orders["ord_type"], orders["price_ticks"], orders["quantity_lots"] = 1, 2, 100, 5
    records, n_commands, refused = admit(
        command_frame(orders.tobytes()), 2, 1 << CommandKind.NEW_ORDER, np.full(1, 2**62)
    )
    assert (n_commands, refused) == (3, [])
    assert np.frombuffer(records, COMMAND)["client_order_id"].tolist() == [7, 8, 9]


def test_a_frame_of_messages_is_not_one_of_records_and_the_other_way_round() -> None:
    assert not is_record_frame(encode([]))
    assert not is_record_frame(b"")
    assert decode_requests(FRAME) == [Refused(R.MALFORMED_FRAME)]


def test_as_many_records_as_are_allowed_fit_in_the_longest_frame() -> None:
    most = command_frame(bytes(64 * REQUEST_RECORDS_MAX))
    assert len(most) <= REQUEST_BYTES_MAX
    assert admit(most, 2, 0, np.zeros(1, np.int64))[2][0][0] == 0, "its header is good"


def test_events_come_back_as_they_were_sent_with_their_time() -> None:
    events = np.zeros(2, EVENT)
    events["kind"], events["account_stream"] = EventKind.FILL, (5, 6)
    got, time_ns = read_event_frame(event_frame(events.tobytes(), 1_790_000_000_000_000_000))
    assert got.tobytes() == events.tobytes()
    assert time_ns == 1_790_000_000_000_000_000


def test_a_client_raises_on_records_that_are_not_the_protocol() -> None:
    good = event_frame(bytes(96), 1)
    changed = [good[:at] + b"\7" + good[at + 1 :] for at in (*range(12), *range(12, 16), *range(24, 64))]
    for bad in (b"", good[:63], good[:-1], FRAME, good + bytes(96), *changed):
        with pytest.raises(ProtocolError):
            read_event_frame(bad)
