"""The bounded codec: what stands in a ZeroMQ frame, and nothing that a peer can send breaks it.

There are two kinds of frame, told apart by their first byte::

    0x90 ... 0xDD   a msgpack array [1, message, message, ...]       frames, checked by shapes
    0xC1            a header of 64 bytes and n fixed-size records    record_frames

Messages are for everybody; records are for who sends and hears so much that a Python object for
each is too many. 0xC1 is the one byte that msgpack never uses.
"""

from fxengine.wire.event_reports import Row, read_events, report_of, report_row
from fxengine.wire.frames import (
    REPLY_BYTES_MAX,
    REPLY_MESSAGES_MAX,
    REQUEST_BYTES_MAX,
    REQUEST_MESSAGES_MAX,
    Refused,
    decode_level,
    decode_replies,
    decode_requests,
    decode_trade,
    encode,
    encode_message,
    encode_rows,
    encode_update,
    frame_of,
)
from fxengine.wire.order_table import ORDERS_FROM, OrderReader
from fxengine.wire.record_frames import (
    FRAME_HEADER,
    FRAME_HEADER_BYTES,
    REQUEST_RECORDS_MAX,
    Direction,
    command_frame,
    event_frame,
    is_record_frame,
    read_event_frame,
)
from fxengine.wire.report_table import TABLE_FROM, is_tabular, report_table

__all__ = [
    "FRAME_HEADER",
    "FRAME_HEADER_BYTES",
    "ORDERS_FROM",
    "REPLY_BYTES_MAX",
    "REPLY_MESSAGES_MAX",
    "REQUEST_BYTES_MAX",
    "REQUEST_MESSAGES_MAX",
    "REQUEST_RECORDS_MAX",
    "TABLE_FROM",
    "Direction",
    "OrderReader",
    "Refused",
    "Row",
    "command_frame",
    "decode_level",
    "decode_replies",
    "decode_requests",
    "decode_trade",
    "encode",
    "encode_message",
    "encode_rows",
    "encode_update",
    "event_frame",
    "frame_of",
    "is_record_frame",
    "is_tabular",
    "read_event_frame",
    "read_events",
    "report_of",
    "report_row",
    "report_table",
]
