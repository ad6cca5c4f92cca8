"""The client's sockets: frames out, frames in, for both clients. Nothing here knows what they mean.

ZeroMQ connects again by itself, and the venue takes that for a new connection, which is logged on as
nobody. A monitor tells when it has happened (:attr:`Link.n_connected`), and what went wrong in a
handshake (:attr:`Link.trouble`), which a socket alone would keep to itself.

An address that other machines can reach is only connected to with CURVE: a LOGON sent over a plain
line would show the token to everybody on the way.
"""

import itertools
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from fxengine.client.protocol import Protocol
from fxengine.errors import ProtocolError, VenueError, VenueUnreachable
from fxengine.transport import ClientCurve, require_private_or_curve, use_address_family
from fxengine.wire import REPLY_BYTES_MAX

_PING_MS: Final = 2_000
_SILENCE_MS_MAX: Final = 6_000
_LINGER_MS: Final = 100
_FAILED: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
_NOT_ALLOWED: Final = "; the venue does not allow this client's CURVE key: its operator has to"
_NO_CURVE: Final = "; the handshake fails: does the venue ask for CURVE?"
_NO_HANDSHAKE: Final = "; the CURVE handshake fails: is this the venue's public key, and does it use CURVE?"
_monitors = itertools.count()


class Link:
    """A DEALER to the venue, and a SUB to its market data where an address is given.

    No routing id is set: the venue makes one, and refuses a connection that brings its own. With
    ``curve`` both connections are encrypted.
    """

    def __init__(
        self,
        protocol: Protocol,
        address: str,
        market_data_address: str | None,
        curve: ClientCurve | None = None,
    ) -> None:
        self._protocol = protocol
        self._curve = curve
        self._context = zmq.Context()
        self.n_connected = 0
        """How many times the connection for the session was made: above 1 it was lost in between."""
        self.trouble = ""
        """Why the last handshake failed, to end a sentence with; empty where none did since one succeeded."""
        self._watched: zmq.Socket[bytes] | None = None
        self._monitor = self._context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # libzmq's I/O thread would wait for room
        self._session = self._open(zmq.DEALER, address)
        self._market = self._open(zmq.SUB, market_data_address) if market_data_address else None
        self._subscribed: set[bytes] = set()
        self._poller = zmq.Poller()
        for socket in self.sockets:
            self._poller.register(socket, zmq.POLLIN)

    def _open(self, kind: int, address: str) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.linger = _LINGER_MS
        socket.maxmsgsize = REPLY_BYTES_MAX
        socket.heartbeat_ivl, socket.heartbeat_timeout = _PING_MS, _SILENCE_MS_MAX
        try:
            require_private_or_curve(address, curve=self._curve is not None)
            use_address_family(socket, address)
            if self._curve is not None:
                self._curve.protect(socket)
            if kind == zmq.DEALER:
                self._watch(socket)
            socket.connect(address)
        except (VenueError, zmq.ZMQError) as e:
            self.close()
            why = e.strerror if isinstance(e, zmq.ZMQError) else str(e)
            raise VenueUnreachable(f"{address!r} cannot be connected to: {why}") from e
        return socket

    def _watch(self, socket: "zmq.Socket[bytes]") -> None:
        name = f"inproc://link-{next(_monitors)}"
        socket.monitor(name, zmq.EVENT_HANDSHAKE_SUCCEEDED | _FAILED)
        self._watched = socket
        self._monitor.connect(name)

    @property
    def sockets(self) -> list["zmq.Socket[bytes]"]:
        """The sockets to wait for."""
        sockets = [self._session, self._monitor]
        return sockets if self._market is None else [*sockets, self._market]

    def subscribe(self) -> None:
        """Subscribe to everything the protocol follows by now."""
        if self._market is None:
            raise ProtocolError("connect with market_data_address to subscribe to market data")
        for topic in self._protocol.feed.topics():
            if topic not in self._subscribed:
                self._subscribed.add(topic)
                self._market.subscribe(topic)

    def exchange(self, timeout_s: float) -> None:
        """Send what is to be sent, wait up to ``timeout_s`` for something to arrive, and take in all of it."""
        self.flush()
        if timeout_s:
            self._poller.poll(max(1, int(timeout_s * 1000)))
        self.drain()
        while self.flush():
            self.drain()

    def flush(self) -> bool:
        """Send what the protocol has to send and say whether there was any.

        :class:`VenueUnreachable` where the queue to the venue is full.
        """
        sent = False
        for frame in self._protocol.take_frames():
            try:
                self._session.send(frame, zmq.DONTWAIT)
                sent = True
            except zmq.Again:
                raise VenueUnreachable("the venue takes no more frames; nothing of this one was sent") from None
        return sent

    def drain(self) -> None:
        """Take in everything that has arrived."""
        self._hear_of_connections()
        try:
            while True:
                self._protocol.receive(self._session.recv(zmq.DONTWAIT))
        except zmq.Again:
            pass
        try:
            while self._market is not None:
                topic, payload = self._market.recv_multipart(zmq.DONTWAIT)
                self._protocol.feed.receive(topic, payload)
        except zmq.Again:
            pass

    def _hear_of_connections(self) -> None:
        while int(self._monitor.get(zmq.EVENTS)) & zmq.POLLIN:
            event = int(recv_monitor_message(self._monitor)["event"])
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.n_connected += 1
                self.trouble = ""
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self.trouble = _NOT_ALLOWED
            elif event & _FAILED:
                self.trouble = _NO_HANDSHAKE if self._curve else _NO_CURVE

    def close(self) -> None:
        """Close the sockets."""
        if self._watched is not None:
            self._watched.disable_monitor()  # libzmq would wait for ever for room in a monitor that is closed
        self._context.destroy(linger=_LINGER_MS)
