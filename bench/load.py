"""Open-loop load: every frame has a time at which it is due, whatever became of the ones before.

Latency counts from that time, not from when the frame at last went out. A client that waits for an
answer before it asks again asks least when the venue is slowest, and its percentiles then hide just
what they are for (coordinated omission)::

    due        |   |   |   |   |   |   |          every 1/rate seconds, the sessions in turn
    sent       |   |   |       ||| |   |          the venue, or this process, was late
    counted    ^-- from here, for each of them

Answers are kept as they came, with their times; they are read when the load is over.
Source: Gil Tene, "How NOT to Measure Latency".
"""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import zmq

_FRAMES_PER_TURN: Final = 64
"""Frames one session may send before the others have their turn and answers are read."""
_PAUSE_S: Final = 200e-6
"""When there is nothing to send and nothing to hear. Shorter, and the load takes the processor that it is to load."""
_QUIET_S: Final = 0.25
_PATIENCE_MS: Final = 20_000
"""How long what is owed may take: a disk that others write to holds up a journal's sync for seconds."""
_QUEUE_FRAMES: Final = 128
_NS: Final = 1_000_000_000

Times = npt.NDArray[np.int64]
"""Nanoseconds of ``time.monotonic_ns``; 0: never."""


def socket_to(context: "zmq.Context[zmq.Socket[bytes]]", address: str) -> "zmq.Socket[bytes]":
    """Connect one session's socket."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.sndhwm = socket.rcvhwm = _QUEUE_FRAMES
    socket.connect(address)
    return socket


@dataclass
class Line:
    """One session's socket, the frames it has to send, and what it heard."""

    socket: "zmq.Socket[bytes]"
    frames: list[bytes] = field(default_factory=list)
    n_sent: int = 0
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    def load(self, frames: list[bytes]) -> None:
        """Forget the last load and take up the next."""
        self.frames, self.n_sent, self.heard = frames, 0, []


@dataclass(frozen=True)
class Offer:
    """A load that was offered: frame k of line s was due at ``began_ns`` + (k x lines + s) / rate."""

    began_ns: int
    ended_ns: int
    """When the last frame was due, or what was left of them given up."""
    frames_per_s: float
    n_lines: int

    def due_ns(self, line: int, n_frames: int) -> Times:
        """Return when each of a line's frames was due."""
        places = np.arange(n_frames) * self.n_lines + line
        return self.began_ns + (places * (_NS / self.frames_per_s)).astype(np.int64)


def offer(lines: Sequence[Line], frames_per_s: float, seconds: float) -> Offer:
    """Send what the lines hold at this rate for so long; return when all is answered, or nothing more comes.

    Frames that the sockets do not take are sent as soon as they do. What has not been sent when the
    time is over never is.
    """
    clock = time.monotonic_ns
    gc.collect()
    gc.disable()
    try:
        began = clock()
        end = began + int(seconds * _NS)
        n_lines, per_ns = len(lines), frames_per_s / _NS
        while (now := clock()) < end:
            due = (now - began) * per_ns
            busy = False
            for number, line in enumerate(lines):
                n_due = min(len(line.frames), int((due - number) / n_lines) + 1)
                if line.n_sent < n_due:
                    busy |= _send(line, min(n_due, line.n_sent + _FRAMES_PER_TURN))
            busy |= _listen(lines)
            if not busy:
                time.sleep(_PAUSE_S)
        listen_until_quiet(lines)
    finally:
        gc.enable()
    return Offer(began, end, frames_per_s, n_lines)


def _send(line: Line, until: int) -> bool:
    first = number = line.n_sent
    send, frames = line.socket.send, line.frames
    try:
        while number < until:
            send(frames[number], zmq.DONTWAIT)
            number += 1
    except zmq.Again:
        pass
    line.n_sent = number
    return number > first


def _listen(lines: Sequence[Line]) -> bool:
    heard_any = False
    clock = time.monotonic_ns
    for line in lines:
        receive, heard = line.socket.recv, line.heard
        try:
            while True:
                frame = receive(zmq.DONTWAIT)
                heard_any = True
                heard.append((clock(), frame))
        except zmq.Again:
            pass
    return heard_any


def listen_until_quiet(lines: Sequence[Line]) -> None:
    """Take in what comes, until nothing does any more."""
    last = time.monotonic()
    while time.monotonic() - last < _QUIET_S:
        if _listen(lines):
            last = time.monotonic()
        else:
            time.sleep(_PAUSE_S)


def listen_for_what_is_owed(lines: Sequence[Line]) -> bool:
    """Wait until more comes, and take it in until nothing does; return False where nothing came at all."""
    poller = zmq.Poller()
    for line in lines:
        poller.register(line.socket, zmq.POLLIN)
    if not poller.poll(_PATIENCE_MS):
        return False
    listen_until_quiet(lines)
    return True
