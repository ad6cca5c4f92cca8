"""Frames of messages: one ZeroMQ frame is one msgpack array ``[1, message, message, ...]``.

Decoding never raises on what a peer sent. Each message comes back either as its NamedTuple or as a
:class:`Refused` in its place, so the good messages around a bad one still count::

    [1, [3, 7], [10, 8, 0.5, ...], [3, 9]]
         |       |                  `-- Heartbeat(9)
         |       `-- Refused(FLOAT_FORBIDDEN, ref_type=10, ref_id=8)
         `-- Heartbeat(7)

A frame that is not such an array at all, or breaks a bound, is refused whole: half of a frame that
does not parse cannot be told from garbage.
"""

import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import msgpack

from fxengine.codes import RejectReason
from fxengine.errors import ProtocolError
from fxengine.messages import (
    PROTOCOL_VERSION,
    REPLIES,
    REQUESTS,
    TYPE_OF,
    LevelUpdate,
    MessageType,
    Reply,
    Request,
    TradeUpdate,
)
from fxengine.wire.shapes import Shape, only_ints

REQUEST_BYTES_MAX: Final = 65_536
"""Longest frame the venue reads; longer ones are refused, and far longer ones end the connection."""
REQUEST_MESSAGES_MAX: Final = 1_024
REPLY_BYTES_MAX: Final = 64 * 1_048_576
REPLY_MESSAGES_MAX: Final = 1_000_000


_FALSE: Final = 0xC2
_TRUE: Final = 0xC3


class Refused(NamedTuple):
    """A message that could not be taken: why, and which it was as far as it could be read."""

    reason: RejectReason
    ref_type: int = 0
    ref_id: int = 0


class _Codec:
    """Decodes one direction within its bounds."""

    def __init__(self, messages: Mapping[MessageType, type[Any]], bytes_max: int, messages_max: int) -> None:
        self.shapes = {int(number): Shape(number, message) for number, message in messages.items()}
        self.plain = {number: (shape.pack, shape.make) for number, shape in self.shapes.items() if shape.is_plain}
        self.bytes_max = bytes_max
        self.messages_max = messages_max

    def decode(self, frame: bytes) -> list[Any]:
        if len(frame) <= self.bytes_max:
            messages = self._decode_trustingly(frame)
            if messages is not None:
                return messages
        return self._decode_warily(frame)

    def _decode_trustingly(self, frame: bytes) -> list[Any] | None:
        """Take a frame in which everything is right; None for any other.

        The unpacker bounds the rest by the frame's length, which is enough here; stating all that is not allowed
        costs more than unpacking an order. Arrays within arrays must be bounded: each is made as long as it claims.
        """
        try:
            bodies = msgpack.unpackb(frame, use_list=False, max_array_len=self.messages_max + 1)
        except (ValueError, msgpack.UnpackException):
            return None
        if type(bodies) is not tuple or not 1 <= len(bodies) <= self.messages_max + 1:
            return None
        if type(bodies[0]) is not int or bodies[0] != PROTOCOL_VERSION:
            return None
        # A number that passes struct.pack is an int or a bool, and a bool is one byte, C2 or C3: where neither
        # stands anywhere in the frame, the types need not be looked at.
        if (_FALSE in frame or _TRUE in frame) and not only_ints(bodies[1:]):
            return None
        plain, messages = self.plain, []
        for body in bodies[1:]:
            try:
                pack, make = plain[body[0]]
                pack(*body)
                message = make(body[1:]) if type(body) is tuple else None
            except (LookupError, TypeError, struct.error):
                message = self._message(body)
            if message is None or type(message) is Refused:
                return None
            messages.append(message)
        return messages

    def _decode_warily(self, frame: bytes) -> list[Any]:
        if len(frame) > self.bytes_max:
            return [Refused(RejectReason.FRAME_TOO_LARGE)]
        claimed = _array_length(frame)
        if claimed > self.messages_max + 1:
            return [Refused(RejectReason.TOO_MANY_MESSAGES)]
        bodies = _unpack(frame, self.messages_max + 1) if claimed > 0 else None
        if not bodies:
            return [Refused(RejectReason.MALFORMED_FRAME)]
        if type(bodies[0]) is not int or bodies[0] != PROTOCOL_VERSION:
            return [Refused(RejectReason.UNSUPPORTED_VERSION)]
        return list(map(self._message, bodies[1:]))

    def _message(self, body: object) -> object:
        """Take one message, or say why not, whatever it is."""
        if type(body) is not tuple:
            return Refused(RejectReason.MALFORMED_FRAME)
        if not body:
            return Refused(RejectReason.MISSING_FIELD)
        number = body[0]
        if type(number) is not int:
            return Refused(RejectReason.FLOAT_FORBIDDEN if type(number) is float else RejectReason.WRONG_FIELD_TYPE)
        shape = self.shapes.get(number)
        if shape is None:
            return Refused(RejectReason.UNKNOWN_MESSAGE, number if 0 <= number < 256 else 0)
        reason = shape.problem(body)
        return Refused(reason, number, _ref_id(body)) if reason else shape.make(body[1:])


def _ref_id(body: Sequence[Any]) -> int:
    """Return the first field where it is a number: every message that has an id has it first."""
    first = body[1] if len(body) > 1 else 0
    return first if type(first) is int and 0 <= first < 2**64 else 0


def _array_length(frame: bytes) -> int:
    """Read how many elements the frame's outer array claims, -1 where it is no array.

    It is read before anything is unpacked, so that a claim of four thousand million costs nothing.
    """
    first = frame[0] if frame else 0
    if 0x90 <= first <= 0x9F:
        return first - 0x90
    if first in (0xDC, 0xDD):
        width = 2 if first == 0xDC else 4
        return int.from_bytes(frame[1 : 1 + width], "big")
    return -1


def _unpack(frame: bytes, elements_max: int) -> tuple[Any, ...] | None:
    """Unpack within bounds; None for what is not well-formed msgpack without maps and extensions."""
    try:
        unpacked = msgpack.unpackb(
            frame,
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_str_len=len(frame),
            max_bin_len=len(frame),
            max_array_len=min(elements_max, len(frame)),
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException):
        return None
    return cast("tuple[Any, ...]", unpacked)


_REQUEST_CODEC: Final = _Codec(REQUESTS, REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX)
_REPLY_CODEC: Final = _Codec(REPLIES, REPLY_BYTES_MAX, REPLY_MESSAGES_MAX)
_LEVEL: Final = Shape(PROTOCOL_VERSION, LevelUpdate)
_TRADE: Final = Shape(PROTOCOL_VERSION, TradeUpdate)
_VERSION_BYTE: Final = bytes([PROTOCOL_VERSION])


class _Local(threading.local):
    """A packer per thread: it keeps a buffer that two threads must not share."""

    def __init__(self) -> None:
        self.packer = msgpack.Packer()


_local: Final = _Local()


def decode_requests(frame: bytes) -> list[Request | Refused]:
    """Decode a client's frame, message by message, within REQUEST_BYTES_MAX and REQUEST_MESSAGES_MAX.

    Never raises. A frame refused whole gives one :class:`Refused`. O(frame).
    """
    return _REQUEST_CODEC.decode(frame)


def decode_replies(frame: bytes) -> list[Reply]:
    """Decode the venue's frame; :class:`ProtocolError` when any of it is not this protocol."""
    replies = _REPLY_CODEC.decode(frame)
    for reply in replies:
        if type(reply) is Refused:
            raise ProtocolError(
                f"the venue sent what this version cannot read ({reply.reason.name}); update the client"
            )
    return replies


def encode(messages: Iterable[tuple[object, ...]]) -> bytes:
    """Encode messages as one frame."""
    chunks = [encode_message(message) for message in messages]
    return frame_of(chunks, len(chunks))


def encode_message(message: tuple[object, ...]) -> bytes:
    """Encode one message as it stands inside a frame; see :func:`frame_of`."""
    return _pack((int(TYPE_OF[type(message)]), *message))


def encode_rows(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Encode many ``(type, field, ...)`` tuples, as they stand inside a frame."""
    return b"".join(map(_local.packer.pack, rows))


def frame_of(chunks: Iterable[bytes], n_messages: int) -> bytes:
    """Put encoded messages into one frame. ``n_messages`` counts those in all chunks together."""
    return b"".join((_local.packer.pack_array_header(n_messages + 1), _VERSION_BYTE, *chunks))


def encode_update(update: LevelUpdate | TradeUpdate) -> bytes:
    """Encode market data: ``[1, field, ...]``."""
    return _pack((PROTOCOL_VERSION, *update))


def decode_level(frame: bytes) -> LevelUpdate:
    """Decode a level update; :class:`ProtocolError` for anything else."""
    return LevelUpdate._make(_update(frame, _LEVEL))


def decode_trade(frame: bytes) -> TradeUpdate:
    """Decode a trade; :class:`ProtocolError` for anything else."""
    return TradeUpdate._make(_update(frame, _TRADE))


def _update(frame: bytes, shape: Shape) -> tuple[Any, ...]:
    body = _unpack(frame, shape.arity) if _array_length(frame) == shape.arity else None
    if body is None or body[0] != PROTOCOL_VERSION or shape.problem(body):
        raise ProtocolError("market data is not of this version of the protocol; update the client")
    return body[1:]


def _pack(value: Sequence[Any]) -> bytes:
    return cast(bytes, _local.packer.pack(value))
