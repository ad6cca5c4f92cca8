"""What waits for a session is bounded and leaves in order, one frame at a time."""

from fxengine.gateway.outbox import OUTBOX_BYTES_MAX, Outbox
from fxengine.messages import HeartbeatAck
from fxengine.wire import decode_replies, encode_message


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
    outbox.add(bytes(OUTBOX_BYTES_MAX // 2))
    outbox.next_frame()
    outbox.add(bytes(OUTBOX_BYTES_MAX // 2 - 64))
    assert not outbox.overflowed
    outbox.add(bytes(64))
    assert outbox.overflowed
    assert not outbox
    outbox.add(b"more")
    assert not outbox


def test_what_was_sent_makes_room() -> None:
    outbox = Outbox()
    for _ in range(5):
        outbox.add(bytes(OUTBOX_BYTES_MAX - 64))
        outbox.next_frame()
        outbox.sent()
    assert not outbox.overflowed
