"""Who is at the other end of each connection, and which connections have gone.

A ROUTER socket says which connection a message came from (the routing id it made for it), and
nothing when one ends. Both questions are answered here, at no cost per message:

- **Who.** The CURVE key that ZAP saw stands on each message as ``User-Id``. It is read from a
  connection's first message and kept, since a connection never changes its key. On a plain line
  the key is None, whatever a client claims of itself in its handshake.
- **Gone.** The socket's monitor tells within a millisecond that a file descriptor was closed. That
  is a hint, because the kernel gives the number to the next connection at once. The proof is to send
  an empty frame: to a connection that is gone, the ROUTER refuses it::

      DISCONNECTED fd 23 --> who spoke through fd 23? --> probe --> "no route" --> gone
                                                          `-------> "sent": not it, or not yet; again

  Whatever a hint misses is found by :meth:`due_probes`, which comes round to everybody.

A message still unread when its connection ends is read first: the ROUTER knows the routing id until
then. Dead peers that close nothing are found by ZMTP's heartbeats, which end the connection.

Source: zmq_socket_monitor(3); zmq_msg_get(3), ZMQ_SRCFD; zmq_setsockopt(3), ZMQ_ROUTER_MANDATORY.
"""

from collections import deque
from collections.abc import Container
from enum import Enum
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from fxengine.codes import RejectReason

PROBES_PER_HINT: Final = 64
"""Times a connection is probed after a hint before it counts as alive."""
PROBES_PER_CYCLE: Final = 64
"""Connections that the round of probes comes to in one cycle."""
HINTS_PER_CYCLE: Final = 512
ROUTING_ID_BYTES: Final = 5
"""A ROUTER makes ids of a zero byte and a 32-bit counter."""

_MONITOR: Final = "inproc://connections"


class Stranger(Enum):
    """Why a connection is not let in: the reason and what to do about it."""

    NAMED_ITSELF = (
        RejectReason.IDENTITY_MISMATCH,
        "This connection chose its own routing id; connect without setting one.",
    )
    KEY_NOT_ALLOWED = (
        RejectReason.CLIENT_KEY_MISMATCH,
        "This connection's CURVE key may not connect; ask the venue's operator to allow it.",
    )


class Connections:
    """Every connection of a ROUTER that has sent something. ``allowed``: keys that may; None: a plain line."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        router: "zmq.Socket[bytes]",
        allowed: Container[str] | None,
    ) -> None:
        self.keys: dict[bytes, str | None] = {}
        """The client's CURVE key by routing id, in Z85; None on a plain line."""
        self._allowed = allowed
        self._router = router
        self._by_fd: dict[int, bytes] = {}
        self._fd_of: dict[bytes, int] = {}
        self._suspects: dict[bytes, int] = {}
        self._round: deque[bytes] = deque()
        self.monitor = context.socket(zmq.PAIR)
        # Unbounded, because libzmq's I/O thread would wait for room here, and every connection with it.
        self.monitor.rcvhwm = 0
        router.monitor(_MONITOR, zmq.EVENT_DISCONNECTED)
        self.monitor.connect(_MONITOR)

    def meet(self, routing_id: bytes, frame: zmq.Frame) -> Stranger | None:
        """Note who is behind a connection, from its first message; or say why it is not let in."""
        if len(routing_id) != ROUTING_ID_BYTES or routing_id[0] != 0:
            return Stranger.NAMED_ITSELF
        key = None
        if self._allowed is not None:
            try:
                key = str(frame.get("User-Id"))
            except zmq.ZMQError:
                return Stranger.KEY_NOT_ALLOWED
            if key not in self._allowed:
                return Stranger.KEY_NOT_ALLOWED
        self.keys[routing_id] = key
        fd = int(frame.get(zmq.SRCFD))
        if fd in self._by_fd:  # the number was given on, so whoever had it is gone
            self._suspects[self._by_fd[fd]] = PROBES_PER_HINT
        self._by_fd[fd] = routing_id
        self._fd_of[routing_id] = fd
        return None

    def forget(self, routing_id: bytes) -> None:
        """Drop what is known of a connection: it is gone, or it is to be met anew."""
        self.keys.pop(routing_id, None)
        self._suspects.pop(routing_id, None)
        fd = self._fd_of.pop(routing_id, None)
        if fd is not None and self._by_fd.get(fd) == routing_id:
            del self._by_fd[fd]

    def take_hints(self) -> None:
        """Read what the monitor tells; whoever it may be about is to be probed."""
        for _ in range(HINTS_PER_CYCLE):
            if not int(self.monitor.get(zmq.EVENTS)) & zmq.POLLIN:
                return
            event = recv_monitor_message(self.monitor)
            routing_id = self._by_fd.get(int(event["value"]))
            if routing_id is not None:
                self._suspects[routing_id] = PROBES_PER_HINT

    @property
    def has_suspects(self) -> bool:
        """Say whether a connection waits to be probed again soon."""
        return bool(self._suspects)

    def due_probes(self) -> list[bytes]:
        """Return whom to probe in this cycle: whom a hint may be about, and the next few of the round."""
        due = list(self._suspects)
        for routing_id in due:
            self._suspects[routing_id] -= 1
            if not self._suspects[routing_id]:
                del self._suspects[routing_id]
        for _ in range(min(PROBES_PER_CYCLE, len(self._round))):
            routing_id = self._round.popleft()
            if routing_id in self.keys:
                due.append(routing_id)
        return due

    def start_round(self) -> None:
        """Have everybody probed in the cycles to come."""
        self._round = deque(self.keys)

    def no_longer_allowed(self) -> list[bytes]:
        """Return the connections whose key was allowed when they came and is not any more."""
        if self._allowed is None:
            return []
        return [routing_id for routing_id, key in self.keys.items() if key not in self._allowed]

    def close(self) -> None:
        """Stop watching; before the router is closed."""
        self._router.disable_monitor()
        self.monitor.close(linger=0)
