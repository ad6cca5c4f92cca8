"""The gateway's load: what it sends is what it says, and what it counts is what was asked and answered."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import zmq

from bench.answers import BenchFailed, answered, echoed
from bench.echo import bodies_of, serve
from bench.load import Line, Offer, listen_for_what_is_owed, offer, socket_to
from bench.order_flow import (
    BATCH,
    FIRST_ID,
    LEVELS_PER_QUOTE,
    Maker,
    batches,
    mass_quotes,
    record_frames,
    singles,
)
from bench.sides import Answered, Side
from fxengine.codes import CommandKind, EventKind, RejectReason
from fxengine.messages import Cancel, ExecutionReport, MassQuote, NewOrder, Reject
from fxengine.records import CANCEL, EVENT, NEW_ORDER
from fxengine.wire import decode_requests, encode, event_frame

MS = 1_000_000
TOO_LATE = RejectReason.UNKNOWN_ORDER


def report(client_order_id: int, kind: EventKind = EventKind.ACCEPTED, **changes: int) -> ExecutionReport:
    zeros = dict.fromkeys(ExecutionReport._fields, 0)
    return ExecutionReport(**(zeros | {"client_order_id": client_order_id, "exec_type": int(kind)} | changes))


# -- what is sent


def test_singles_and_batches_are_the_makers_commands_as_messages() -> None:
    commands = Maker(3).commands(600)
    one_by_one = [decode_requests(frame) for frame in singles(Maker(3), 600)]
    in_batches = [message for frame in batches(Maker(3), 600) for message in decode_requests(frame)]
    assert [len(messages) for messages in one_by_one] == [1] * len(commands)
    messages = [message for [message] in one_by_one]
    assert in_batches == messages[: len(messages) // BATCH * BATCH]
    for command, message in zip(commands, messages, strict=True):
        assert isinstance(message, NewOrder | Cancel)
        assert message.client_order_id == command["client_order_id"]
        if command["kind"] == CommandKind.NEW_ORDER:
            assert isinstance(message, NewOrder)
            for name in ("instrument", "side", "ord_type", "time_in_force", "price_ticks", "quantity_lots"):
                assert getattr(message, name) == command[name], name
        else:
            assert isinstance(message, Cancel)
            cancel = np.array([command], NEW_ORDER).view(CANCEL)[0]
            assert message.orig_client_order_id == cancel["orig_client_order_id"]


def test_record_frames_hold_the_makers_commands_as_records() -> None:
    commands = Maker(3).commands(640)
    content = b"".join(frame[64:] for frame in record_frames(Maker(3), 640))
    assert content == commands.tobytes()


def test_a_block_is_ten_orders_nine_cancels_and_one_that_takes() -> None:
    commands = Maker(1).commands(2_000)
    kinds = commands["kind"].reshape(-1, 20)
    assert ((kinds == CommandKind.NEW_ORDER).sum(axis=1) == 11).all()
    assert ((kinds == CommandKind.CANCEL).sum(axis=1) == 9).all()
    cancels = commands[commands["kind"] == CommandKind.CANCEL].view(CANCEL)["orig_client_order_id"][400:]
    entered = commands["client_order_id"][commands["kind"] == CommandKind.NEW_ORDER]
    assert np.isin(cancels, entered).all(), "each cancels an order that was entered"
    assert len(np.unique(cancels)) == len(cancels)


def test_a_flow_goes_on_where_it_ended_and_takes_back_what_was_not_sent() -> None:
    whole, parts = Maker(1), Maker(1)
    assert whole.commands(80)["client_order_id"].tolist() == list(range(FIRST_ID, FIRST_ID + 80))
    parts.commands(60)
    parts.rewind(25)
    assert parts.next_id == FIRST_ID + 40, "whole blocks only: the flow's pattern must not shift"


def test_mass_quotes_are_whole_ladders_that_the_codec_takes() -> None:
    quotes = [message for frame in mass_quotes(Maker(1), 7) for message in decode_requests(frame)]
    for number, quote in enumerate(quotes):
        assert isinstance(quote, MassQuote)
        assert quote.client_order_id == FIRST_ID + number
        assert sum(len(bids) + len(asks) for _, bids, asks in quote.sets) == 2 * LEVELS_PER_QUOTE
        for _, bids, asks in quote.sets:
            assert list(bids[::2]) == sorted(bids[::2], reverse=True)
            assert bids[0] < asks[0]
    assert len(quotes) == len(set(quotes)) == 7


# -- what is counted


def test_an_answer_counts_for_the_command_it_names_and_the_first_one_counts() -> None:
    line = Line(zmq.Context.instance().socket(zmq.DEALER), heard=[
        (10, encode([report(100), report(7, EventKind.CANCELED, request_id=101)])),
        (20, encode([report(100, EventKind.FILL), report(102, EventKind.REJECTED, reason=int(TOO_LATE))])),
    ])  # fmt: skip
    line.socket.close()
    assert answered(line, 100, 4).tolist() == [10, 10, 20, 0]


def test_answers_in_records_count_the_same() -> None:
    events = np.zeros(3, EVENT)
    events["kind"] = EventKind.ACCEPTED, EventKind.CANCELED, EventKind.RESTED
    events["client_order_id"] = 100, 7, 102
    events["fee_units"][1] = 101  # the request that a CANCELED names stands here
    line = Line(zmq.Context.instance().socket(zmq.DEALER), heard=[(10, event_frame(events.tobytes(), 0))])
    line.socket.close()
    assert answered(line, 100, 3).tolist() == [10, 10, 0]


@pytest.mark.parametrize(
    "refusal",
    [
        Reject(int(RejectReason.RATE_LIMITED), "", 10, 100, 1),
        report(100, EventKind.REJECTED, reason=int(RejectReason.INSUFFICIENT_FUNDS)),
    ],
)
def test_a_load_that_the_venue_refuses_gives_no_figure(refusal: Reject | ExecutionReport) -> None:
    line = Line(zmq.Context.instance().socket(zmq.DEALER), heard=[(10, encode([refusal]))])
    line.socket.close()
    with pytest.raises(BenchFailed, match=RejectReason(refusal.reason).name):
        answered(line, 100, 1)


def test_a_command_without_an_answer_gives_no_latency() -> None:
    made = Answered(Offer(0, 1_000 * MS, 10.0, 1), 10.0, np.array([500 * MS, 600 * MS]), np.array([501 * MS, 0]))
    with pytest.raises(BenchFailed, match="1 of 2"):
        _ = made.latencies_us


def test_latency_counts_from_when_a_frame_was_due_and_the_rate_leaves_the_first_fifth_out() -> None:
    due = Offer(0, 1_000 * MS, 10.0, 2).due_ns(1, 3)
    assert due.tolist() == [100 * MS, 300 * MS, 500 * MS], "the second of two lines has every other place"
    made = Answered(Offer(0, 1_000 * MS, 10.0, 2), 10.0, due, due + 7 * MS)
    assert made.latencies_us.tolist() == [7_000, 7_000]
    assert made.per_s == pytest.approx(2 / 0.8)
    assert not made.kept_up


# -- with real sockets


@contextmanager
def echo_in_a_thread(held: threading.Event) -> Iterator[str]:
    """An echo that answers nothing before it is let go."""
    over = threading.Event()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        port = router.bind_to_random_port("tcp://127.0.0.1")

        def run() -> None:
            held.wait()
            while not over.is_set():
                serve(router, 0.1)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{port}"
        finally:
            over.set()
            held.set()
            thread.join()


class Watched(Line):
    """A line that does something once it has sent so many frames."""

    def __init__(self, socket: "zmq.Socket[bytes]", n_frames: int, then: Callable[[], None]) -> None:
        self.n_frames, self.then = n_frames, then
        super().__init__(socket)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "n_sent" and self.n_sent >= self.n_frames:
            self.then()


def test_a_stall_is_counted_for_every_frame_that_was_due_in_it() -> None:
    """No coordinated omission: what was due while nothing was answered waited, whenever it was sent."""
    held, let_go_ns = threading.Event(), [0]
    n_frames, per_s, seconds = 100, 500.0, 1.2  # two lines have sent all after 0.4 s; the rest is for a slow machine

    def let_go() -> None:
        let_go_ns[0] = let_go_ns[0] or time.monotonic_ns()
        held.set()

    with echo_in_a_thread(held) as address, zmq.Context() as context:
        lines = [Line(socket_to(context, address)), Watched(socket_to(context, address), n_frames // 2, let_go)]
        for line in lines:
            line.load([b"a frame"] * n_frames)
        made = offer(lines, per_s, seconds)
        due_ns = np.concatenate([made.due_ns(number, line.n_sent) for number, line in enumerate(lines)])
        heard_ns = np.concatenate([echoed(line, line.n_sent, 1) for line in lines])
        for line in lines:
            line.socket.close()
    assert len(due_ns) == 2 * n_frames, "open loop: all was sent, though nothing came back"
    in_the_stall = due_ns < let_go_ns[0]
    assert np.count_nonzero(in_the_stall) >= n_frames - 1
    assert (heard_ns[in_the_stall] >= let_go_ns[0]).all()
    assert (heard_ns > due_ns).all()


def test_what_is_answered_after_a_long_silence_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that others write to holds up a venue's answers: they are late, and that is counted; they are not lost."""
    held = threading.Event()

    def listen(lines: Sequence[Line]) -> bool:
        held.set()  # only now, when the load is over and nothing was heard
        return listen_for_what_is_owed(lines)

    monkeypatch.setattr("bench.sides.listen_for_what_is_owed", listen)
    with echo_in_a_thread(held) as address, zmq.Context() as context:
        lines = [Line(socket_to(context, address)) for _ in range(2)]
        loaded = Side("echo", lines, [Maker(0), Maker(1)], singles, 1, 500.0, is_echo=True).load(500.0, 0.2)
        for line in lines:
            line.socket.close()
    assert len(loaded.latencies_us) > 10
    assert loaded.latencies_us.min() > 0.25 * 1_000_000


def test_the_echo_answers_each_session_once_a_cycle_and_drops_what_is_not_two_frames() -> None:
    held = threading.Event()
    with echo_in_a_thread(held) as address, zmq.Context() as context:
        sockets = [socket_to(context, address) for _ in range(2)]
        for number, socket in enumerate(sockets):
            for _ in range(number + 1):
                socket.send(b"one")
            socket.send_multipart([b"two", b"frames"])
            socket.send(b"last")
        assert all(socket.poll(50) == 0 for socket in sockets)
        held.set()
        for number, socket in enumerate(sockets):
            n_bodies, heard = 0, b""
            while n_bodies < number + 2:
                assert socket.poll(5_000)
                reply = socket.recv()
                heard += reply
                n_bodies += bodies_of(reply)
            assert b"two" not in heard
            assert b"frames" not in heard
            socket.close()
