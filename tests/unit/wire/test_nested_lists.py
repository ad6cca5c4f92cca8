"""Lists within messages: the ladders of a mass quote are bounded, whole pairs, and plain numbers all the way down."""

import random
from typing import Any

import msgpack
import pytest

from fxengine.codes import RejectReason as R
from fxengine.messages import REQUESTS, Heartbeat, MassQuote, MessageType, fields_of
from fxengine.messages.fields import QUOTE_SETS_MAX, QUOTE_VALUES_MAX, Rows, Text, Whole
from fxengine.wire import Refused, decode_requests, encode
from fxengine.wire.shapes import Shape

QUOTE = int(MessageType.MASS_QUOTE)
FULL_SIDE = tuple(range(1, QUOTE_VALUES_MAX + 1))
FULL_SET = (3, FULL_SIDE, FULL_SIDE)


def quote(sets: object) -> list[Any]:
    return decode_requests(msgpack.packb([1, [QUOTE, 77, sets]]))


@pytest.mark.parametrize(
    "sets",
    [(), ((3, (), ()),), (FULL_SET,) * QUOTE_SETS_MAX, ((65_535, (2**63 - 1, -(2**63)), (194, 195)),)],
    ids=["none", "a set that takes all quotes away", "as many as may be", "ends of ranges"],
)
def test_quote_sets_come_back_as_they_were_sent(sets: tuple[Any, ...]) -> None:
    assert decode_requests(encode([MassQuote(77, sets)])) == [MassQuote(77, sets)]


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        ((FULL_SET,) * (QUOTE_SETS_MAX + 1), R.FIELD_OUT_OF_RANGE),
        (((3, (*FULL_SIDE, 1, 1), ()),), R.FIELD_OUT_OF_RANGE),
        (((3, (), (1, 2, 3)),), R.FIELD_OUT_OF_RANGE),
        (((3, (1, 2**63), ()),), R.FIELD_OUT_OF_RANGE),
        (((65_536, (1, 2), ()),), R.FIELD_OUT_OF_RANGE),
        (((-1, (1, 2), ()),), R.FIELD_OUT_OF_RANGE),
        (((3, (1, True), ()),), R.WRONG_FIELD_TYPE),
        (((True, (1, 1), ()),), R.WRONG_FIELD_TYPE),
        (((3, (1, None), ()),), R.WRONG_FIELD_TYPE),
        (((3, (1, (1,)), ()),), R.WRONG_FIELD_TYPE),
        (((3, (1, "1"), ()),), R.WRONG_FIELD_TYPE),
        (((3, b"\1\2", ()),), R.WRONG_FIELD_TYPE),
        (((3, 1, ()),), R.WRONG_FIELD_TYPE),
        (((3, ()),), R.WRONG_FIELD_TYPE),
        (((3, (), (), ()),), R.WRONG_FIELD_TYPE),
        ((3, (), ()), R.WRONG_FIELD_TYPE),
        (((3, (1, 1.5), ()),), R.FLOAT_FORBIDDEN),
        (((3, 1.5, ()),), R.FLOAT_FORBIDDEN),
        ((1.5,), R.FLOAT_FORBIDDEN),
        (1.5, R.FLOAT_FORBIDDEN),
    ],
    ids=str,
)
def test_what_is_wrong_with_quote_sets_gets_its_code(sets: object, reason: R) -> None:
    assert quote(sets) == [Refused(reason, QUOTE, 77)]


def test_a_bool_is_found_wherever_it_hides_in_a_frame_of_numbers() -> None:
    """The decoder looks at types only where the frame has a byte that could be a bool."""
    order = [10, 7, 0, 1, 2, 1, 0, 0, 195 * 256 + 194, 49_858, 0, 0, 0, 0]
    for place in range(1, len(order)):
        for lie in (True, False):
            bodies = [list(order) for _ in range(3)]
            bodies[1][place] = lie
            good_1, bad, good_2 = decode_requests(msgpack.packb([1, *bodies]))
            assert good_1 == good_2 == tuple(order[1:])
            assert bad.reason is R.WRONG_FIELD_TYPE


def test_numbers_that_look_like_bools_as_bytes_are_numbers() -> None:
    frame = encode([Heartbeat(0xC2), Heartbeat(0xC3C2), MassQuote(0xC3, ((0xC2, (0xC3, 0xC2C3), ()),))])
    assert b"\xc2" in frame
    assert b"\xc3" in frame
    assert decode_requests(frame) == [
        Heartbeat(0xC2),
        Heartbeat(0xC3C2),
        MassQuote(0xC3, ((0xC2, (0xC3, 0xC2C3), ()),)),
    ]


def naive(kind: Whole | Text | Rows, value: object) -> bool:
    """Say whether a value fits its field, in as few words as possible."""
    if isinstance(kind, Whole):
        return type(value) is int and kind.low <= value <= kind.high
    if isinstance(kind, Text):
        return type(value) is str and len(value.encode()) <= kind.bytes_max
    if type(value) is not tuple or len(value) % kind.multiple or 0 < kind.rows_max < len(value):
        return False
    if len(kind.columns) == 1:
        return all(naive(kind.columns[0], cell) for cell in value)
    rows = [row for row in value if type(row) is tuple and len(row) == len(kind.columns)]
    return len(rows) == len(value) and all(
        naive(column, cell) for row in rows for column, cell in zip(kind.columns, row, strict=True)
    )


def spoilt(value: object, rng: random.Random) -> object:
    """Return a value with something in it exchanged, or nothing."""
    if type(value) is tuple and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return (*value[:place], spoilt(value[place], rng), *value[place + 1 :])
    return rng.choice([value, 0, 1, -1, True, None, 0.5, 2**63, 2**64 - 1, "x", b"\1", (), (1, 2), ((1, 2),)])


@pytest.mark.parametrize("number", list(REQUESTS), ids=lambda number: number.name)
def test_the_quick_checks_agree_with_the_tables_read_naively(number: MessageType, seed: int) -> None:
    message = REQUESTS[number]
    shape = Shape(int(number), message)
    rng = random.Random(seed)
    samples = {"u8": 1, "u16": 0, "u32": 0, "u64": 5, "i64": 9, "text": "jti"}
    refused = 0
    for _ in range(300):
        body: tuple[Any, ...] = (int(number),)
        for field in fields_of(message):
            good = samples.get(field.kind.name, (FULL_SET, (1, (5, 6), ())))
            body += (spoilt(good, rng) if rng.random() < 0.3 else good,)
        fits = all(naive(field.kind, value) for field, value in zip(shape.fields, body[1:], strict=True))
        assert (shape.problem(body) is R.NONE) == fits, body
        [answer] = decode_requests(msgpack.packb([1, body]))
        assert isinstance(answer, message) == fits
        refused += not fits
    assert refused or not shape.fields
