"""Malformed frames, made from the protocol's own field tables, each with the answer it must get.

Most are good messages with one thing wrong, because a check that is missing shows there and nowhere
else: garbage fails at the first byte::

    [1, [10, 7, 0, 1, 2, 1, 0, 0, 111720, 1000, 0, 0, 0, 0]]       a good NEW_ORDER
    [1, [10, 7, 0, 1, 2, 1, 0, 0, 1117.2, 1000, 0, 0, 0, 0]]       FLOAT_FORBIDDEN
    [1, [10, 7, 0, 1, True, 1, 0, 0, 111720, 1000, 0, 0, 0, 0]]    WRONG_FIELD_TYPE
    [1, [10, 7, 0, 1, 2, 1, 0, 0, 111720, 1000, 0, 0, 0]]          MISSING_FIELD

A frame follows from the random numbers it is given, so that any one of a million can be made again.
A good message is never made on purpose; where bits are flipped one may come about, and therefore such
a frame promises no answer, and is for sessions that may do nothing.
"""

import string
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

import msgpack

from fxengine.codes import RejectReason
from fxengine.messages import (
    PROTOCOL_VERSION,
    REQUESTS,
    MessageType,
    Rows,
    Text,
    Whole,
    fields_of,
)
from fxengine.wire import REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX

R = RejectReason
Value = Any
ONE_FIELD_SHARE: Final = 0.7
_NOT_INTEGERS: Final[tuple[Value, ...]] = ("7", b"7", None, True, False, (), (7,), "", "0x10", (1, (2, 3)))
_FLOATS: Final = (0.0, 1.0, -1.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"), 111_720.0)
_EXTREMES: Final = (-(2**63), -(2**31), -1, 2**8, 2**16, 2**31, 2**32, 2**63, 2**64 - 1)
_FIELDS: Final = {number: [field.kind for field in fields_of(message)] for number, message in REQUESTS.items()}
_ROWS_MAX: Final = 6
"""Rows of a list that is no longer than it has to be."""


class Malformed(NamedTuple):
    """A frame, and the reasons that its REJECTs must give, in order. None: any answer, but nothing may happen."""

    frame: bytes
    reasons: tuple[RejectReason, ...] | None
    what: str
    """How it was made."""
    one_field: bool = False
    """It is valid msgpack of this protocol, with one field wrong."""
    needs_session: bool = False
    """It is refused for this reason only where the session is logged on."""


def malformed_frame(rng: Random) -> Malformed:
    """Draw a frame of messages that is wrong in one field, or as a whole."""
    return one_field_wrong(rng) if rng.random() < ONE_FIELD_SHARE else rng.choice(_WHOLE_FRAMES)(rng)


# -- good values


def good_value(rng: Random, kind: Whole | Text | Rows) -> Value:
    """Draw a value that a field may have; the ends of its range often."""
    if isinstance(kind, Whole):
        near = rng.choice((kind.low, kind.high, min(kind.high, kind.low + 1), rng.randint(kind.low, kind.high)))
        return near if rng.random() < 0.5 else rng.randint(max(kind.low, 0), min(kind.high, 200))
    if isinstance(kind, Text):
        return "".join(rng.choices(string.ascii_letters + "äé€", k=rng.randint(0, 20)))
    n = rng.randint(0, min(kind.rows_max or _ROWS_MAX, _ROWS_MAX)) * kind.multiple
    return tuple(good_row(rng, kind) for _ in range(min(n, kind.rows_max or n)))


def good_row(rng: Random, kind: Rows) -> Value:
    """Draw one row of a list."""
    cells = tuple(good_value(rng, column) for column in kind.columns)
    return cells if len(cells) > 1 else cells[0]


def good_body(rng: Random, number: MessageType) -> list[Value]:
    """Draw a message that the codec takes."""
    return [int(number), *(good_value(rng, kind) for kind in _FIELDS[number])]


# -- one field wrong


def bad_value(rng: Random, kind: Whole | Text | Rows) -> tuple[Value, RejectReason]:
    """Draw a value that a field may not have, and why not."""
    if rng.random() < 0.25:
        return rng.choice(_FLOATS), R.FLOAT_FORBIDDEN
    if isinstance(kind, Whole):
        outside = [value for value in (*_EXTREMES, kind.low - 1, kind.high + 1) if not kind.low <= value <= kind.high]
        outside = [value for value in outside if -(2**63) <= value < 2**64]
        if outside and rng.random() < 0.5:
            return rng.choice(outside), R.FIELD_OUT_OF_RANGE
        return rng.choice(_NOT_INTEGERS), R.WRONG_FIELD_TYPE
    if isinstance(kind, Text):
        if rng.random() < 0.5:
            return rng.choice("a€") * (kind.bytes_max + rng.randint(1, 40)), R.FIELD_OUT_OF_RANGE
        return rng.choice((7, -7, None, True, (), b"a", ("a",))), R.WRONG_FIELD_TYPE
    return _bad_list(rng, kind)


def _bad_list(rng: Random, kind: Rows) -> tuple[Value, RejectReason]:
    rows = list(good_value(rng, kind))
    if kind.rows_max and rng.random() < 0.2:
        rows = [good_row(rng, kind) for _ in range(kind.rows_max + kind.multiple)]
        return tuple(rows), R.FIELD_OUT_OF_RANGE
    if kind.multiple > 1 and rng.random() < 0.2:
        return (*rows, good_row(rng, kind)), R.FIELD_OUT_OF_RANGE
    if rng.random() < 0.2:
        return rng.choice((7, "7", None, False, b"")), R.WRONG_FIELD_TYPE
    while len(rows) < kind.multiple:
        rows.append(good_row(rng, kind))
    place = rng.randrange(len(rows))
    if len(kind.columns) == 1:
        rows[place], reason = bad_value(rng, kind.columns[0])
        return tuple(rows), reason
    cells = list(good_row(rng, kind))
    if rng.random() < 0.2:
        rows[place] = tuple(cells[:-1]) if rng.random() < 0.5 else (*cells, 0)
        return tuple(rows), R.WRONG_FIELD_TYPE
    column = rng.randrange(len(cells))
    cells[column], reason = bad_value(rng, kind.columns[column])
    rows[place] = tuple(cells)
    return tuple(rows), reason


def bad_body(rng: Random) -> tuple[Value, RejectReason, str]:
    """Draw a message with one thing wrong, why it must be refused, and which thing it is."""
    number = rng.choice(list(REQUESTS))
    body = good_body(rng, number)
    way = rng.random()
    if way < 0.08:
        return body[: rng.randrange(1, len(body))] if len(body) > 1 else [*body, 0], R.MISSING_FIELD, "fewer fields"
    if way < 0.14:
        return body + [rng.choice((0, None, "more", 1.5, ()))] * rng.randint(1, 3), R.MISSING_FIELD, "more fields"
    if way < 0.2 or len(body) == 1:
        return _bad_type(rng, body)
    place = rng.randrange(1, len(body))
    body[place], reason = bad_value(rng, _FIELDS[number][place - 1])
    return body, reason, f"{number.name} field {place}"


def _bad_type(rng: Random, body: list[Value]) -> tuple[Value, RejectReason, str]:
    known = frozenset(map(int, REQUESTS))
    unknown = rng.choice([n for n in range(256) if n not in known] + [256, 2**32, 2**64 - 1, -1])
    wrong, reason = rng.choice((
        (unknown, R.UNKNOWN_MESSAGE),
        (rng.choice(_FLOATS), R.FLOAT_FORBIDDEN),
        (rng.choice(("10", None, True, b"\x0a", (10,))), R.WRONG_FIELD_TYPE),
    ))  # fmt: skip
    return [wrong, *body[1:]], reason, "type of message"


def one_field_wrong(rng: Random) -> Malformed:
    bodies, reasons, names = [], [], []
    for _ in range(rng.choice((1, 1, 1, 1, 2, 5))):
        body, reason, name = bad_body(rng)
        bodies.append(body)
        reasons.append(reason)
        names.append(name)
    frame = msgpack.packb([PROTOCOL_VERSION, *bodies])
    if len(frame) > REQUEST_BYTES_MAX:
        return Malformed(frame, (R.FRAME_TOO_LARGE,), "a frame that grew too large")
    return Malformed(frame, tuple(reasons), ", ".join(names), one_field=True)


# -- whole frames wrong


def _good_frame(rng: Random, numbers: list[MessageType] | None = None) -> bytes:
    numbers = numbers or list(REQUESTS)
    bodies = [good_body(rng, rng.choice(numbers)) for _ in range(rng.randint(1, 4))]
    packed: bytes = msgpack.packb([PROTOCOL_VERSION, *bodies])
    return packed


def _cut_short(rng: Random) -> Malformed:
    frame = _good_frame(rng)
    return Malformed(frame[: rng.randrange(len(frame))], (R.MALFORMED_FRAME,), "cut short")


def _with_a_tail(rng: Random) -> Malformed:
    return Malformed(_good_frame(rng) + rng.randbytes(rng.randint(1, 9)), (R.MALFORMED_FRAME,), "a tail")


def _other_version(rng: Random) -> Malformed:
    version = rng.choice((0, 2, 3, 255, -1, 1.0, "1", None, True, (1,)))
    frame = msgpack.packb([version, good_body(rng, rng.choice(list(REQUESTS)))])
    return Malformed(frame, (R.UNSUPPORTED_VERSION,), "another version", one_field=True)


def _no_array(rng: Random) -> Malformed:
    value: Value = rng.choice((7, "seven", None, True, 0.5, {1: 2}, b"", [], {}))
    return Malformed(msgpack.packb(value), (R.MALFORMED_FRAME,), "no array")


def _no_message(rng: Random) -> Malformed:
    value = rng.choice((7, "seven", None, True, 0.5, b"ten"))
    return Malformed(msgpack.packb([1, value]), (R.MALFORMED_FRAME,), "no message", one_field=True)


def _forbidden_type(rng: Random) -> Malformed:
    """Maps, extensions and broken text are nowhere in the protocol, however deep."""
    inner = rng.choice((
        msgpack.packb({1: 2}), msgpack.packb({"a": {}}), b"\xd4\x05\x00", b"\xc7\x03\x01abc", b"\xd6\xff\0\0\0\0",
        b"\xa2\xff\xfe", b"\xc1", b"\x80",
    ))  # fmt: skip
    if inner == b"\x80":
        return Malformed(b"\x92\x01\x92\x03\x81\x01\x02", (R.MALFORMED_FRAME,), "a map")
    return Malformed(b"\x92\x01\x92\x03" + inner, (R.MALFORMED_FRAME,), "a type that is nowhere in the protocol")


def _too_large(rng: Random) -> Malformed:
    excess = rng.choice((1, 2, 100, REQUEST_BYTES_MAX))
    frame = rng.choice((b"\x92\x01", b"\xc1FXR\x01\x01", b"")).ljust(REQUEST_BYTES_MAX + excess, b"\0")
    return Malformed(frame, (R.FRAME_TOO_LARGE,), "too large", needs_session=frame[:1] == b"\xc1")


def _too_many(rng: Random) -> Malformed:
    n = REQUEST_MESSAGES_MAX + rng.choice((1, 2, 500))
    if rng.random() < 0.5:
        return Malformed(msgpack.packb([1, *[[3, 7]] * n]), (R.TOO_MANY_MESSAGES,), "too many messages")
    head = rng.choice((b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xdd\0\1\0\0"))
    return Malformed(head + rng.randbytes(rng.randrange(40)), (R.TOO_MANY_MESSAGES,), "a claim of very many")


def _nested_deeply(rng: Random) -> Malformed:
    return Malformed(b"\x92\x01" + b"\x91" * rng.randint(1_100, 60_000), (R.MALFORMED_FRAME,), "nested deeply")


def _garbage(rng: Random) -> Malformed:
    return Malformed(rng.randbytes(rng.choice((0, 1, 2, 5, 40, 300))), None, "garbage")


def _flipped(rng: Random) -> Malformed:
    frame = bytearray(_good_frame(rng))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    return Malformed(bytes(frame), None, "bits flipped")


def _spliced(rng: Random) -> Malformed:
    one, other = _good_frame(rng), _good_frame(rng)
    cut = rng.randrange(len(one)), rng.randrange(len(other))
    return Malformed(one[: cut[0]] + other[cut[1] :], None, "two frames spliced")


_WHOLE_FRAMES: Final[tuple[Callable[[Random], Malformed], ...]] = (
    _cut_short, _cut_short, _with_a_tail, _other_version, _no_array, _no_message, _forbidden_type, _too_large,
    _too_many, _nested_deeply, _garbage, _garbage, _flipped, _flipped, _flipped, _spliced,
)  # fmt: skip
