"""The bounded codec: every failure is a value, and good messages around a bad one still count."""

import random
import struct
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.codes import RejectReason as R
from fxengine.errors import ProtocolError
from fxengine.messages import (
    REPLIES,
    REQUESTS,
    Balances,
    BookRequest,
    Heartbeat,
    HeartbeatAck,
    LevelUpdate,
    Logon,
    MessageType,
    NewOrder,
    Rows,
    Text,
    TradeUpdate,
    Whole,
    fields_of,
)
from fxengine.wire import (
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

ORDER = NewOrder(7, 0, 1, 2, 1, 0, 4, 111_720, 1_000, 0, 0, 0, 0)


def frame(*bodies: object) -> bytes:
    packed: bytes = msgpack.packb([1, *bodies])
    return packed


def value_of(kind: Whole | Text | Rows, rng: random.Random) -> object:
    if isinstance(kind, Whole):
        return rng.choice([kind.low, kind.high, rng.randint(kind.low, kind.high)])
    if isinstance(kind, Text):
        return "".join(rng.choice("aé€𝄞") for _ in range(rng.randint(0, kind.bytes_max // 4)))
    rows = []
    for _ in range(kind.multiple * rng.randint(0, 3)):
        row = tuple(value_of(column, rng) for column in kind.columns)
        rows.append(row if len(row) > 1 else row[0])
    return tuple(rows)


@pytest.mark.parametrize("number", [*REQUESTS, *REPLIES], ids=lambda number: number.name)
def test_every_message_comes_back_as_it_was_sent_at_the_ends_of_its_ranges(number: MessageType, seed: int) -> None:
    rng = random.Random(seed)
    message = (REQUESTS | REPLIES)[number]
    decode: Any = decode_requests if number in REQUESTS else decode_replies
    for _ in range(20):
        sent = message(*(value_of(field.kind, rng) for field in fields_of(message)))
        [got] = decode(encode([sent]))
        assert got == sent
        assert type(got) is message


def _fields() -> list[tuple[MessageType, int]]:
    return [(number, place) for number, message in REQUESTS.items() for place in range(len(fields_of(message)))]


def _valid(number: MessageType) -> list[Any]:
    values: list[Any] = [int(number)]
    for field in fields_of(REQUESTS[number]):
        values.append("x" if isinstance(field.kind, Text) else () if isinstance(field.kind, Rows) else 1)
    return values


@pytest.mark.parametrize(("number", "place"), _fields(), ids=str)
def test_every_field_of_every_request_is_checked_for_type_and_range(number: MessageType, place: int) -> None:
    kind = fields_of(REQUESTS[number])[place].kind
    bad: list[tuple[Any, R]] = [
        (1.0, R.FLOAT_FORBIDDEN),
        (True, R.WRONG_FIELD_TYPE),
        (None, R.WRONG_FIELD_TYPE),
        ([1], R.WRONG_FIELD_TYPE),
        (b"x", R.WRONG_FIELD_TYPE),
    ]
    if isinstance(kind, Text):
        bad += [(1, R.WRONG_FIELD_TYPE), ("x" * (kind.bytes_max + 1), R.FIELD_OUT_OF_RANGE)]
        bad += [("é" * (kind.bytes_max // 2 + 1), R.FIELD_OUT_OF_RANGE)]
    elif isinstance(kind, Rows):
        bad += [(1, R.WRONG_FIELD_TYPE), ("1", R.WRONG_FIELD_TYPE)]
    else:
        bad += [("1", R.WRONG_FIELD_TYPE)]
        bad += [(kind.low - 1, R.FIELD_OUT_OF_RANGE)] if kind.low > -(2**63) else []
        bad += [(kind.high + 1, R.FIELD_OUT_OF_RANGE)] if kind.high < 2**64 - 1 else []
    for value, reason in bad:
        body = _valid(number)
        body[1 + place] = value
        [refused] = decode_requests(frame(body))
        ref_id = body[1] if type(body[1]) is int and body[1] >= 0 else 0
        assert refused == Refused(reason, number, ref_id), value


@pytest.mark.parametrize("number", list(REQUESTS), ids=lambda number: number.name)
def test_a_message_with_a_field_too_few_or_too_many_is_refused(number: MessageType) -> None:
    body = _valid(number)
    ref_id = body[1] if len(body) > 1 and type(body[1]) is int else 0
    assert decode_requests(frame([*body, 1])) == [
        Refused(R.MISSING_FIELD, number, ref_id or (1 if len(body) == 1 else 0))
    ]
    if len(body) > 1:
        short = body[:-1]
        ref_id = short[1] if len(short) > 1 and type(short[1]) is int else 0
        assert decode_requests(frame(short)) == [Refused(R.MISSING_FIELD, number, ref_id)]


@pytest.mark.parametrize(
    ("bad", "refused"),
    [
        (b"", Refused(R.MALFORMED_FRAME)),
        (b"\xc1", Refused(R.MALFORMED_FRAME)),
        (b"\x90", Refused(R.MALFORMED_FRAME)),
        (msgpack.packb(1), Refused(R.MALFORMED_FRAME)),
        (msgpack.packb({1: 2}), Refused(R.MALFORMED_FRAME)),
        (frame([3, 1])[:-1], Refused(R.MALFORMED_FRAME)),
        (frame([3, 1]) + b"\0", Refused(R.MALFORMED_FRAME)),
        (frame({"number": 1}), Refused(R.MALFORMED_FRAME)),
        (frame(msgpack.ExtType(5, b"1")), Refused(R.MALFORMED_FRAME)),
        (frame([3, msgpack.Timestamp(1, 1)]), Refused(R.MALFORMED_FRAME)),
        (b"\x92\x01\x92\x01\xa1\xff", Refused(R.MALFORMED_FRAME)),
        (b"\x92\x01" + b"\x91" * 60_000, Refused(R.MALFORMED_FRAME)),
        (b"\x92\x01\xdd\xff\xff\xff\xff", Refused(R.MALFORMED_FRAME)),
        (b"\xdd\xff\xff\xff\xff", Refused(R.TOO_MANY_MESSAGES)),
        (frame(*[[3, 1]] * (REQUEST_MESSAGES_MAX + 1)), Refused(R.TOO_MANY_MESSAGES)),
        (b"\0" * (REQUEST_BYTES_MAX + 1), Refused(R.FRAME_TOO_LARGE)),
        (msgpack.packb([2, [3, 1]]), Refused(R.UNSUPPORTED_VERSION)),
        (msgpack.packb([True, [3, 1]]), Refused(R.UNSUPPORTED_VERSION)),
        (msgpack.packb([1.0]), Refused(R.UNSUPPORTED_VERSION)),
        (msgpack.packb(["1"]), Refused(R.UNSUPPORTED_VERSION)),
        (frame(5), Refused(R.MALFORMED_FRAME)),
        (frame(b"\x03\x07"), Refused(R.MALFORMED_FRAME)),  # bytes that would read as a HEARTBEAT
        (frame("text"), Refused(R.MALFORMED_FRAME)),
        (frame([]), Refused(R.MISSING_FIELD)),
        (frame([3.0, 1]), Refused(R.FLOAT_FORBIDDEN)),
        (frame([True, 1]), Refused(R.WRONG_FIELD_TYPE)),
        (frame([[3], 1]), Refused(R.WRONG_FIELD_TYPE)),
        (frame([99, 1]), Refused(R.UNKNOWN_MESSAGE, 99)),
        (frame([-1, 1]), Refused(R.UNKNOWN_MESSAGE)),
        (frame([2**40, 1]), Refused(R.UNKNOWN_MESSAGE)),
        (frame([int(MessageType.LOGON_ACK), 1]), Refused(R.UNKNOWN_MESSAGE, MessageType.LOGON_ACK)),
    ],
    ids=lambda case: str(case)[:40],
)
def test_what_is_wrong_with_a_frame_gets_its_own_code(bad: bytes, refused: Refused) -> None:
    assert decode_requests(bad) == [refused]


def test_good_messages_before_and_after_bad_ones_still_count_in_their_order() -> None:
    order = [10, *ORDER]
    floated = [*order[:8], 1.1172, *order[9:]]
    got = decode_requests(frame([3, 1], floated, order, [77], [3, 2]))
    assert got == [
        Heartbeat(1),
        Refused(R.FLOAT_FORBIDDEN, MessageType.NEW_ORDER, 7),
        ORDER,
        Refused(R.UNKNOWN_MESSAGE, 77),
        Heartbeat(2),
    ]


def test_as_many_messages_and_bytes_as_are_allowed_are_taken() -> None:
    assert decode_requests(encode([Heartbeat(1)] * REQUEST_MESSAGES_MAX)) == [Heartbeat(1)] * REQUEST_MESSAGES_MAX
    assert decode_requests(encode([])) == []
    longest = encode([Logon("t" * 4096)])
    assert decode_requests(longest) == [Logon("t" * 4096)]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_the_decoder_raise(garbage: bytes) -> None:
    for prefix in (b"", b"\x92\x01", b"\x92\x01\x99\x0a"):
        assert isinstance(decode_requests(prefix + garbage), list)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=20,
)


@given(st.lists(_json, max_size=4))
def test_any_msgpack_gives_one_answer_per_message_or_one_for_the_frame(bodies: list[Any]) -> None:
    got = decode_requests(frame(*bodies))
    whole = len(got) == 1 and isinstance(got[0], Refused) and got[0].reason is R.MALFORMED_FRAME
    assert whole or len(got) == len(bodies)
    for answer in got:
        if isinstance(answer, Refused):
            assert 0 <= answer.ref_type < 256
            assert 0 <= answer.ref_id < 2**64


@given(st.integers(0, 2**16), st.binary(min_size=1, max_size=3))
def test_an_order_with_bytes_overwritten_is_an_order_or_refused(where: int, patch: bytes) -> None:
    good = bytearray(encode([ORDER]))
    where %= len(good)
    good[where : where + len(patch)] = patch
    for answer in decode_requests(bytes(good)):
        if isinstance(answer, NewOrder):
            struct.pack("<QHBBBBBqqqqqq", *answer)


def test_depth_is_bounded_on_the_wire() -> None:
    assert decode_requests(encode([BookRequest(1, 0, 5000)])) == [BookRequest(1, 0, 5000)]
    assert decode_requests(encode([BookRequest(1, 0, 5001)])) == [Refused(R.FIELD_OUT_OF_RANGE, 22, 1)]
    assert decode_requests(encode([BookRequest(1, 0, 0)])) == [Refused(R.FIELD_OUT_OF_RANGE, 22, 1)]


def test_chunks_encoded_apart_make_the_same_frame_as_together() -> None:
    rows = [(103, 1), (103, 2)]
    together = encode([HeartbeatAck(1), HeartbeatAck(2), HeartbeatAck(3)])
    assert frame_of([encode_rows(rows), encode_message(HeartbeatAck(3))], 3) == together


def test_a_client_raises_on_anything_that_is_not_the_protocol() -> None:
    for bad in (
        b"",
        b"\x91\x02",
        frame([3, 1]),
        frame([103, -1]),
        frame([120, 1, [[1, 2]]]),
        frame([120, 1, [[1, 2, 0.5]]]),
        frame([120, 1, [[1, 2, True]]]),
        frame([120, 1, [[1, 2, 3], [4, 5]]]),
        frame([120, 1, [[1, 2, 2**63]]]),
    ):
        with pytest.raises(ProtocolError):
            decode_replies(bad)
    assert decode_replies(frame([120, 1, [[1, 2, 3]]])) == [Balances(1, ((1, 2, 3),))]


def test_market_data_comes_back_and_anything_else_is_refused() -> None:
    level, trade = LevelUpdate(1, 2, 1, -3, 4, 5), TradeUpdate(1, 2, 2, 3, 4, 5)
    assert decode_level(encode_update(level)) == level
    assert decode_trade(encode_update(trade)) == trade
    for bad in (
        b"",
        b"\xff",
        msgpack.packb([2, *level]),
        msgpack.packb([1, *level[:-1]]),
        msgpack.packb([1, *level[:-1], 0.5]),
    ):
        with pytest.raises(ProtocolError):
            decode_level(bad)
