"""What waits for a session is bounded and leaves in order, one frame at a time."""

import numpy as np

from fxengine.gateway.outbox import FRAME_BYTES, OUTBOX_BYTES_MAX, Outbox
from fxengine.messages import HeartbeatAck
from fxengine.records import EVENT
from fxengine.wire import decode_replies, encode_message, frame_of, read_event_frame


def test_messages_of_a_cycle_leave_as_one_frame_in_order() -> None:
    outbox = Outbox()
    assert not outbox
    for number in range(3):
        outbox.add(encode_message(HeartbeatAck(number)))
    assert outbox
    assert decode_replies(outbox.next_frame()) == [HeartbeatAck(n) for n in range(3)]
    outbox.sent()
    assert not outbox


def test_a_frame_that_found_no_room_is_offered_again_before_what_came_later() -> None:
    outbox = Outbox()
    outbox.add(encode_message(HeartbeatAck(1)))
    first = outbox.next_frame()
    outbox.add(encode_message(HeartbeatAck(2)))
    assert outbox.next_frame() == first
    outbox.sent()
    assert decode_replies(outbox.next_frame()) == [HeartbeatAck(2)]


def test_an_outbox_holds_its_bound_and_not_a_byte_more() -> None:
    outbox = Outbox()
    outbox.add(bytes(OUTBOX_BYTES_MAX - 1_000))
    outbox.add(bytes(1_000 - len(frame_of([], 1))))
    assert outbox.n_bytes == OUTBOX_BYTES_MAX
    assert not outbox.overflowed
    outbox.add(b"x")
    assert outbox.overflowed
    assert not outbox
    outbox.add(b"more")
    outbox.add_events(bytes(96), 7)
    assert not outbox
    assert outbox.n_bytes == 0


def test_a_frame_ends_when_it_has_grown_long_and_nothing_is_lost() -> None:
    outbox = Outbox()
    chunk = encode_message(HeartbeatAck(2**63)) * 1_000
    n_chunks = 5 * FRAME_BYTES // len(chunk)
    for _ in range(n_chunks):
        outbox.add(chunk, 1_000)
    frames = []
    while outbox:
        frames.append(outbox.next_frame())
        outbox.sent()
    assert all(len(frame) < FRAME_BYTES + len(chunk) + 16 for frame in frames)
    assert 4 <= len(frames) <= 6
    assert sum(len(decode_replies(frame)) for frame in frames) == 1_000 * n_chunks


def test_messages_and_records_leave_in_frames_of_their_own_in_order() -> None:
    outbox = Outbox()
    events = np.zeros(3, EVENT)
    events["account_stream"] = range(1, 4)
    outbox.add(encode_message(HeartbeatAck(1)))
    outbox.add(encode_message(HeartbeatAck(2)))
    outbox.add_events(events[:1].tobytes(), 70)
    outbox.add_events(events[1:2].tobytes(), 80)
    outbox.add(encode_message(HeartbeatAck(3)))
    outbox.add_events(events[2:].tobytes(), 90)
    frames = []
    while outbox:
        frames.append(outbox.next_frame())
        outbox.sent()
    assert decode_replies(frames[0]) == [HeartbeatAck(1), HeartbeatAck(2)]
    assert decode_replies(frames[2]) == [HeartbeatAck(3)]
    heard = [read_event_frame(frames[n]) for n in (1, 3)]
    assert [(records["account_stream"].tolist(), time_ns) for records, time_ns in heard] == [([1, 2], 80), ([3], 90)]
    assert len(frames) == 4
    assert outbox.n_bytes == 0


def test_the_last_message_comes_behind_what_waits_and_nothing_behind_it() -> None:
    outbox = Outbox()
    outbox.add(encode_message(HeartbeatAck(1)))
    outbox.end_with(encode_message(HeartbeatAck(2)))
    outbox.add(encode_message(HeartbeatAck(3)))
    assert decode_replies(outbox.next_frame()) == [HeartbeatAck(1), HeartbeatAck(2)]
    outbox.sent()
    assert not outbox


def test_of_an_outbox_that_overflowed_the_last_message_is_all_there_is() -> None:
    outbox = Outbox()
    outbox.add(encode_message(HeartbeatAck(1)))
    outbox.next_frame()
    outbox.add(bytes(OUTBOX_BYTES_MAX))
    outbox.end_with(encode_message(HeartbeatAck(2)))
    assert decode_replies(outbox.next_frame()) == [HeartbeatAck(2)]
    outbox.sent()
    assert not outbox


def test_what_was_sent_makes_room() -> None:
    outbox = Outbox()
    for _ in range(5):
        outbox.add(bytes(OUTBOX_BYTES_MAX - 64))
        outbox.next_frame()
        outbox.sent()
    assert not outbox.overflowed
