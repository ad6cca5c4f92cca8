"""Orders read together are what they are when read one by one, and whatever is not an order is left alone."""

from collections.abc import Sequence
from random import Random

import msgpack
import pytest

from bench.fuzz_frames import malformed_frame
from bench.order_flow import Maker, batches, singles
from fxengine.gateway.commands import RECORD_OF
from fxengine.messages import Amend, Cancel, Heartbeat, MassCancel, NewOrder
from fxengine.records import RECORD_BYTES
from fxengine.wire import (
    REQUEST_BYTES_MAX,
    REQUEST_MESSAGES_MAX,
    OrderReader,
    Refused,
    decode_requests,
    encode,
    is_record_frame,
    order_table,
)

WIDTHS = (1, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**32 - 1, 2**32, 2**62)
TOGETHER = (NewOrder, Cancel, Amend)


def one_by_one(frame: bytes) -> bytes | None:
    """The records of a frame of nothing but orders of one record; None for any other."""
    messages = [] if is_record_frame(frame) else decode_requests(frame)
    records = [RECORD_OF[type(m)](0, m) for m in messages if isinstance(m, TOGETHER)]
    if len(records) < len(messages) or any(len(record) != RECORD_BYTES for record in records):
        return None
    return b"".join(records) or None


def read(frames: Sequence[bytes], reader: OrderReader | None = None) -> list[bool]:
    """Read frames together, see that what is read is right, and say which were."""
    commands, n_orders = (reader or OrderReader()).read(frames)
    assert len(n_orders) == len(frames)
    at = 0
    for frame, n in zip(frames, n_orders.tolist(), strict=True):
        if n:
            assert commands[at : at + n].tobytes() == one_by_one(frame), frame.hex()
        at += n
    assert at == len(commands)
    return [n > 0 for n in n_orders.tolist()]


def order(rng: Random) -> NewOrder | Cancel | Amend:
    """An order whose numbers have a few widths, as one client's have."""
    number = rng.choice(WIDTHS)
    price, lots = rng.choice((90, 40_000, 111_720)), rng.choice((5, 1_000))
    kind = rng.randrange(3)
    if kind == 0:
        return NewOrder(number, rng.choice((0, 300)), rng.randint(1, 2), 2, 1, 0, 0, price, lots)
    if kind == 1:
        return Cancel(number, 0, rng.choice((9, 70_000)))
    return Amend(number, rng.choice((0, 2**40)), 5, price, lots, rng.choice((-1, 0, 7)))


def test_a_flow_of_orders_is_read_whole() -> None:
    maker, other = Maker(1), Maker(2)
    assert all(read([*singles(maker, 400), *batches(other, 640)]))


def test_all_widths_of_numbers_are_read(seed: int) -> None:
    rng, reader = Random(seed), OrderReader()
    n_read = sum(
        sum(read([encode([order(rng) for _ in range(rng.choice((1, 1, 5)))]) for _ in range(200)], reader))
        for _ in range(40)
    )
    assert n_read > 0


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 65_536, 2**32, 2**63 - 1])
@pytest.mark.parametrize("packed", ["least", "widest", "signed"])
def test_a_price_may_be_packed_as_msgpack_allows(value: int, packed: str) -> None:
    """A wider tag than need be is read all the same; where a field could not hold all that the tag can, one by one."""
    frame = encode([NewOrder(7, 0, 1, 2, 1, 0, 0, 77, 10)])
    at = frame.index(b"\x4d")
    content = {
        "least": msgpack.packb(value),
        "widest": b"\xcf" + value.to_bytes(8, "big"),
        "signed": b"\xd3" + value.to_bytes(8, "big"),
    }[packed]
    wide = frame[:at] + content + frame[at + 1 :]
    assert one_by_one(wide) is not None
    assert read([wide] * 3) == [packed == "signed" or content[0] != 0xCF] * 3


def test_a_negative_price_is_the_cores_to_refuse() -> None:
    frames = [encode([NewOrder(7, 0, 1, 2, 1, 0, 0, price, 10)]) for price in (-1, -32, -33, -(2**15), -(2**63))]
    assert all(read(frames))


def test_what_takes_two_records_is_left_and_so_is_what_is_no_order() -> None:
    plain = NewOrder(1, 0, 1, 2, 1, 0, 0, 77, 10)
    left = [
        [plain._replace(stop_price_ticks=5)],
        [plain._replace(min_lots=1)],
        [plain, plain._replace(min_lots=1)],
        [Heartbeat(1)],
        [plain, Heartbeat(1)],
        [MassCancel(1, 0, 0, 0)],
        [],
    ]
    assert read([encode(messages) for messages in left] + [b"", b"\x90", b"\xc1" * 64]) == [False] * 10
    assert read([encode([plain]), encode(left[4]), encode([plain] * 2)]) == [True, False, True]


def test_an_order_that_shows_within_a_number_misleads_nobody() -> None:
    """The bytes of a CANCEL, as a client id: found as one, and not taken for one."""
    cancel = encode([Cancel(1, 2, 3)])[2:]
    hidden = int.from_bytes(cancel.rjust(8, b"\x01"), "big")
    frames = [encode([Cancel(hidden, 0, 5)]), encode([NewOrder(hidden, 0, 1, 2, 1, 0, 0, 77, 10)])] * 4
    plain = [encode([Cancel(1, 2, 3)])] * 4
    assert read(plain + frames)[:4] == [True] * 4


def test_bounds_of_a_frame_hold() -> None:
    order = NewOrder(1, 0, 1, 2, 1, 0, 0, 77, 10)
    assert read([encode([order] * REQUEST_MESSAGES_MAX)]) == [True]
    assert read([encode([order] * (REQUEST_MESSAGES_MAX + 1))]) == [False]
    wide = NewOrder(2**63, 300, 1, 2, 1, 0, 0, 2**40, 2**40, 2**50, 2**50)
    n = REQUEST_BYTES_MAX // len(encode([wide]))
    assert len(encode([wide] * REQUEST_MESSAGES_MAX)) < REQUEST_BYTES_MAX or n < REQUEST_MESSAGES_MAX
    long = encode([wide] * 1_000) + bytes(REQUEST_BYTES_MAX)
    assert read([long]) == [False]


def test_whatever_is_changed_in_a_frame_it_is_read_as_one_by_one_or_not_at_all(seed: int) -> None:
    rng, reader = Random(seed), OrderReader()
    n_read = 0
    for _ in range(150):
        frames = []
        for frame in [encode([order(rng) for _ in range(rng.choice((1, 3)))]) for _ in range(60)]:
            changed = bytearray(frame)
            for _ in range(rng.randrange(3)):
                at = rng.randrange(len(changed))
                changed[at : at + rng.randrange(2)] = rng.choice((b"", rng.randbytes(1), b"\xc3", b"\x92\x01"))
            frames.append(bytes(changed))
        n_read += sum(read(frames, reader))
    assert n_read > 1_000


def test_malformed_frames_are_left(seed: int) -> None:
    rng, reader = Random(seed), OrderReader()
    orders = singles(Maker(3), 100)
    for _ in range(100):
        malformed = [malformed_frame(rng) for _ in range(50)]
        frames = [frame for made in malformed for frame in (rng.choice(orders), made.frame)]
        wrong = read(frames, reader)[1::2]
        for made, is_read in zip(malformed, wrong, strict=True):
            if is_read:  # where bits were flipped, or a session is wanting, it may be sound
                assert not any(isinstance(message, Refused) for message in decode_requests(made.frame)), made.what


@pytest.mark.parametrize("head", [b"\x9e\x0a", b"\x94\x0b", b"\x97\x0c"])
@pytest.mark.parametrize("between", [b"", b"\xc1" * 3, b"\xcc" * 13])
def test_what_only_begins_like_orders_is_soon_given_up(
    head: bytes, between: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layout is derived in Python: a frame full of beginnings must not have one derived for each."""
    derived: list[bytes] = []
    derive = order_table._layout_of
    monkeypatch.setattr(
        order_table, "_layout_of", lambda order, message: derived.append(order) or derive(order, message)
    )
    frame = ((head + between) * REQUEST_BYTES_MAX)[:REQUEST_BYTES_MAX]
    reader, orders = OrderReader(), singles(Maker(1), 100)
    assert all(read(orders, reader))
    derived.clear()
    assert read([frame], reader) == [False]
    assert len(derived) <= order_table._LAYOUTS_MAX
    assert all(read(orders, reader)), "who sends orders is read together as before"


def test_more_beginnings_than_there_is_room_for_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = OrderReader()
    assert all(read(singles(Maker(1), 100), reader))
    monkeypatch.delattr(order_table, "_windows")
    for head in (b"\x9e\x0a", b"\x94\x0b", b"\x97\x0c"):
        assert read([head * (REQUEST_BYTES_MAX // 2)], reader) == [False]
