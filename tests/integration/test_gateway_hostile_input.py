"""Whatever one connection sends, it alone bears: others go on, and nobody acts for anybody else."""

from collections.abc import Iterator

import msgpack
import pytest

from fxengine.client import Client
from fxengine.codes import RejectReason as R
from fxengine.gateway.server import CONNECTION_BYTES_MAX
from fxengine.messages import BalancesRequest, Heartbeat, HeartbeatAck, Reject, VenueRequest
from fxengine.wire import REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX, decode_replies, encode
from tests.asking import limit_order
from tests.integration.venue_thread import WAIT_S, RunningVenue
from tests.unit.wire.protocol_tables import WIRE_REASONS

BAD_FRAMES = [
    (b"", R.MALFORMED_FRAME),
    (b"\xc1\xc1\xc1", R.MALFORMED_FRAME),
    (b"\x92\x01" + b"\x91" * 60_000, R.MALFORMED_FRAME),
    (b"\xdd\xff\xff\xff\xff", R.TOO_MANY_MESSAGES),
    (encode([Heartbeat(1)] * (REQUEST_MESSAGES_MAX + 1)), R.TOO_MANY_MESSAGES),
    (bytes(REQUEST_BYTES_MAX + 1), R.FRAME_TOO_LARGE),
    (bytes(CONNECTION_BYTES_MAX), R.FRAME_TOO_LARGE),
    (msgpack.packb([2, [3, 1]]), R.UNSUPPORTED_VERSION),
    (msgpack.packb([1, [99, 1]]), R.UNKNOWN_MESSAGE),
    (msgpack.packb([1, [10, 1]]), R.MISSING_FIELD),
    (msgpack.packb([1, [3, "seven"]]), R.WRONG_FIELD_TYPE),
    (msgpack.packb([1, [10, 1, 0, 1, 2, 1, 0, 0, 1.1172, 1000, 0, 0, 0, 0]]), R.FLOAT_FORBIDDEN),
    (msgpack.packb([1, [10, 1, 0, 1, 2, 1, 0, 0, 2**63, 1000, 0, 0, 0, 0]]), R.FIELD_OUT_OF_RANGE),
]


@pytest.fixture
def bystander(served: RunningVenue) -> Iterator[Client]:
    with served.funded("maker-1") as client:
        yield client
        order = client.new_order("EUR/USD", "BUY", "1.0000", "10")
        assert client.cancel(order).leaves == "0", "the bystander trades on"


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize(("frame", "reason"), BAD_FRAMES, ids=lambda case: str(case)[:24])
def test_a_bad_frame_gets_its_code_and_the_session_goes_on(served: RunningVenue, frame: bytes, reason: R) -> None:
    connection = served.connection()
    connection.log_on(served.token("payer-1"))
    connection.send(frame)
    [reject] = connection.hear()
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.text) == (reason, reason.text)
    connection.say(Heartbeat(5))
    assert connection.hear() == [HeartbeatAck(5)]


def test_every_wire_code_but_the_closing_venues_is_among_them() -> None:
    assert {reason for _, reason in BAD_FRAMES} == WIRE_REASONS - {R.SHUTTING_DOWN}


@pytest.mark.usefixtures("bystander")
def test_a_frame_beyond_the_connections_bound_ends_that_connection_only(served: RunningVenue) -> None:
    connection = served.connection()
    connection.log_on(served.token("payer-1"))
    connection.send(bytes(CONNECTION_BYTES_MAX + 1))
    connection.say(BalancesRequest(1))  # travels on the connection that ZeroMQ makes anew
    [reject] = connection.hear()
    assert isinstance(reject, Reject)
    assert reject.reason == R.NOT_LOGGED_ON


@pytest.mark.usefixtures("bystander")
def test_good_messages_around_bad_ones_are_carried_out(served: RunningVenue) -> None:
    connection = served.connection()
    connection.log_on(served.token("payer-1"))
    order = [10, *limit_order(1, price_ticks=0, quantity_lots=1)]
    connection.send(msgpack.packb([1, [3, 1], [10, 8, 0.5], order, [3, 2]]))
    heard = connection.hear()
    while len(heard) < 4:
        heard += connection.hear()
    assert HeartbeatAck(1) in heard
    assert HeartbeatAck(2) in heard
    assert {(m.ref_type, m.ref_id, m.reason) for m in heard if isinstance(m, Reject)} == {(10, 8, R.MISSING_FIELD)}


def test_a_routing_id_of_the_clients_choice_is_refused_and_told_so(served: RunningVenue, bystander: Client) -> None:
    named = served.connection(routing_id=b"maker-1")
    named.say(Heartbeat(1), BalancesRequest(2))
    [reject] = named.hear()
    assert isinstance(reject, Reject)
    assert reject.reason == R.IDENTITY_MISMATCH
    assert "routing id" in reject.text
    bystander.heartbeat()


def test_a_client_that_never_reads_is_closed_and_stops_nobody(served: RunningVenue, bystander: Client) -> None:
    deaf = served.connection(receive_frames_max=1)
    account = deaf.log_on(served.token("payer-1")).account
    for _ in range(250):  # some 100 MB of answers: more than the sockets and the outbox hold
        deaf.say(*[VenueRequest(n) for n in range(1_000)])
        bystander.heartbeat()
    assert bystander.new_order("EUR/USD", "SELL", "1.2000", "5").is_open
    deaf.say(BalancesRequest(1))
    rejects: list[Reject] = []
    while not rejects:
        rejects = [message for message in deaf.hear() if isinstance(message, Reject)]
    [last] = rejects
    assert (last.reason, last.text) == (R.SLOW_READER, R.SLOW_READER.text)
    assert not deaf.socket.poll(50), "that was the last it heard"
    deaf.say(BalancesRequest(2))
    [reject] = deaf.hear()
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.ref_id) == (R.NOT_LOGGED_ON, 2), "the connection is a stranger's again"
    assert served.connection().log_on(served.token("payer-1")).account == account


def test_an_unread_answer_is_still_the_whole_answer(served: RunningVenue, bystander: Client) -> None:
    slow = served.connection(receive_frames_max=1)
    slow.log_on(served.token("payer-1"))
    for number in range(2_000):
        slow.say(Heartbeat(number))
        if number % 100 == 0:
            bystander.heartbeat()
    numbers: list[int] = []
    while len(numbers) < 2_000:
        assert slow.socket.poll(int(WAIT_S * 1000))
        numbers += [m.number for m in decode_replies(slow.socket.recv()) if isinstance(m, HeartbeatAck)]
    assert numbers == list(range(2_000))
