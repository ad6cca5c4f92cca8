"""The client's sockets: frames out, frames in, for both clients. Nothing here knows what they mean."""

import zmq

from fxengine.client.protocol import Protocol
from fxengine.errors import ProtocolError, VenueUnreachable
from fxengine.wire import REPLY_BYTES_MAX

_PING_MS = 5_000
_SILENCE_MS_MAX = 15_000
_LINGER_MS = 100


class Link:
    """A DEALER to the venue, and a SUB to its market data where an address is given.

    No routing id is set: the venue makes one, and refuses a connection that brings its own.
    """

    def __init__(self, protocol: Protocol, address: str, market_data_address: str | None) -> None:
        self._protocol = protocol
        self._context = zmq.Context()
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
            socket.connect(address)
        except zmq.ZMQError as e:
            self._context.destroy(linger=0)
            raise VenueUnreachable(f"{address!r} cannot be connected to: {e.strerror}") from e
        return socket

    @property
    def sockets(self) -> list["zmq.Socket[bytes]"]:
        """The sockets there are."""
        return [self._session] if self._market is None else [self._session, self._market]

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

    def close(self) -> None:
        """Close the sockets."""
        self._context.destroy(linger=_LINGER_MS)
