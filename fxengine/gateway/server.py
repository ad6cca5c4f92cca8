"""The gateway's sockets, and the cycle that serves them. Nothing here knows what a message means.

One thread runs everything: it drains what clients sent, has all of it submitted as one batch,
delivers what has become durable, and sends each session one frame::

    wait for: client frames | journal is durable | ledger has news | handshakes, disconnects | stop
      1. drain the ROUTER until it is empty or the cycle is full; find out whose connection is gone
      2. submit what was gathered; let due timers fire
      3. pump: reports, logons and deferred answers of what is durable now
      4. cut due settlement batches; hand out statuses
      5. one frame per session; market data out

One read and one write per session and cycle, instead of per message, is what makes it fast: under
load the cycles grow longer and the cost per order falls. Two more sockets wake the cycle when
connections come and go: the doorkeeper's (``zap.py``) and the monitor's (``connections.py``).

Who a client is, is the routing id of its connection, which the ROUTER made. Therefore a message is
exactly two frames, that id and a body; anything else is dropped whole, or its second frame could be
another client's id. A connection that brought an id of its own choice is refused.
Source: ZeroMQ RFC 28 (ROUTER); zmq_setsockopt(3).
"""

import logging
from typing import Final

import zmq

from fxengine.engine import Engine
from fxengine.errors import VenueError
from fxengine.gateway.connections import Connections, Stranger
from fxengine.gateway.delivery import reject
from fxengine.gateway.dispatch import Dispatcher
from fxengine.gateway.session import Session
from fxengine.gateway.stop import Stop
from fxengine.gateway.zap import Doorkeeper
from fxengine.reserves import ReserveWatch
from fxengine.settlement import Settlement
from fxengine.transport import ServerCurve, require_private_or_curve, use_address_family
from fxengine.venue import Venue
from fxengine.wire import REQUEST_BYTES_MAX, encode, frame_of

FRAMES_PER_CYCLE: Final = 2_048
MESSAGES_PER_CYCLE: Final = 8_192
FRAMES_PER_STRETCH: Final = 512
BYTES_PER_STRETCH: Final = 65_536
"""What is read before it is acted on: so much that reading it together pays, and not much more."""
CONNECTION_BYTES_MAX: Final = 4 * REQUEST_BYTES_MAX
"""A frame longer than this ends its connection; one above REQUEST_BYTES_MAX is answered."""
FRAMES_QUEUED_MAX: Final = 128
"""Frames that ZeroMQ itself keeps per connection and direction."""
CONNECTIONS_WAITING_MAX: Final = 1_024
"""Connections that the system keeps until they are accepted."""
LEAVING_NS_MAX: Final = 5_000_000_000
"""How long the last word to a session may wait for room."""

_WAIT_MS_MAX: Final = 50
_RETRY_MS: Final = 20
_PROBE_MS: Final = 5
_MARK_NS: Final = 1_000_000_000
_SWEEP_NS: Final = 5_000_000_000
_PING_MS: Final = 2_000
_SILENCE_MS_MAX: Final = 15_000  # a flooded socket answers no ping until its queue is read
_HANDSHAKE_MS_MAX: Final = 10_000
_LINGER_MS: Final = 1_000
_NS_PER_MS: Final = 1_000_000
_PROBE: Final = frame_of((), 0)

_log = logging.getLogger(__name__)


def _endpoint(socket: "zmq.Socket[bytes]") -> str:
    return socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")


class Gateway:
    """Serves clients over a ROUTER socket and market data over an XPUB socket.

    Build it and attach :meth:`Dispatcher.on_released` before the engine starts; :meth:`bind` after.
    With ``curve`` both sockets take CURVE connections alone, on whatever address; with ``reserves`` a currency
    that they do not cover is redeem-only.
    """

    def __init__(
        self,
        engine: Engine,
        settlement: Settlement,
        venue: Venue,
        stop: Stop,
        curve: ServerCurve | None = None,
        reserves: ReserveWatch | None = None,
    ) -> None:
        self.dispatcher = Dispatcher(engine, venue, reserves)
        self._engine = engine
        self._settlement = settlement
        self._stop = stop
        self._reserves = reserves
        self._context = zmq.Context()
        self.router = self._context.socket(zmq.ROUTER)
        self._market = self._context.socket(zmq.XPUB)
        self._curve = curve
        self._doorkeeper = Doorkeeper(self._context, curve.allowed) if curve else None
        self._connections = Connections(
            self._context, self.router, self._doorkeeper.allowed if self._doorkeeper else None
        )
        self._poller = zmq.Poller()
        self._blocked: dict[Session, int] = {}
        self._next_mark_ns = self._next_sweep_ns = 0
        self._alarm_told: str | None = None

    def bind(self, order_address: str, market_data_address: str) -> tuple[str, str]:
        """Open both sockets; return their addresses, with the port where ``*`` was asked for.

        Raises :class:`VenueError` for an address that is taken, and without CURVE for one that other
        machines can reach.
        """
        for address in (order_address, market_data_address):
            require_private_or_curve(address, curve=self._curve is not None)
        router, market = self.router, self._market
        router.router_mandatory = True  # an unknown peer or a full queue is an error, not a silent loss
        router.router_handover = False  # nobody takes over a live connection's routing id
        router.maxmsgsize = CONNECTION_BYTES_MAX
        market.maxmsgsize = CONNECTION_BYTES_MAX
        market.xpub_verbose = True
        router.sndhwm = router.rcvhwm = FRAMES_QUEUED_MAX
        for socket, address in ((router, order_address), (market, market_data_address)):
            socket.linger = _LINGER_MS
            socket.heartbeat_ivl, socket.heartbeat_timeout = _PING_MS, _SILENCE_MS_MAX
            socket.handshake_ivl, socket.backlog = _HANDSHAKE_MS_MAX, CONNECTIONS_WAITING_MAX
            use_address_family(socket, address)
            if self._curve is not None:
                self._curve.protect(socket)
            try:
                socket.bind(address)
            except zmq.ZMQError as e:
                raise VenueError("bind address", f"{address} cannot be bound: {e.strerror}") from e
            self._poller.register(socket, zmq.POLLIN)
        for source in (self._engine, self._settlement, self._stop):
            self._poller.register(source.fileno(), zmq.POLLIN)
        self._poller.register(self._connections.monitor, zmq.POLLIN)
        if self._doorkeeper is not None:
            self._poller.register(self._doorkeeper.socket, zmq.POLLIN)
        return _endpoint(router), _endpoint(market)

    def run(self) -> None:
        """Serve until the stop is asked for, then finish: see :meth:`finish`."""
        while not self._stop.is_set():
            self.cycle()
        self.finish()

    def cycle(self) -> None:
        """Wait for work and do it once; see the module's docstring."""
        ready = dict(self._poller.poll(self._wait_ms()))
        if self._doorkeeper is not None and self._doorkeeper.socket in ready:
            self._doorkeeper.answer()
        self.dispatcher.controls.hold_trading(self._settlement.overdue())  # before anything more is taken
        self.take_mail()
        if self._connections.monitor in ready:
            self._connections.take_hints()
        self._find_out_who_is_gone()
        self.dispatcher.submit()
        self._engine.tick()
        self._engine.pump()
        self._settlement.tick()
        self._hand_out_statuses()
        self._do_what_is_due()
        self._flush()

    def finish(self) -> None:
        """Take no more, see through what was taken: durable, answered, settled, and only then closed.

        What clients sent and was not read yet is answered with SHUTTING_DOWN, so they know it was not done.
        """
        dispatcher = self.dispatcher
        dispatcher.close()
        self.take_mail()
        dispatcher.submit()
        self._engine.close()
        self._settlement.drain()
        self._hand_out_statuses()
        self._flush()

    def close(self) -> None:
        """Close the sockets; what was handed to them has a second to leave."""
        self._connections.close()
        self.router.close()
        self._market.close()
        if self._doorkeeper is not None:
            self._doorkeeper.close()
        self._context.term()

    def _wait_ms(self) -> int:
        if self.dispatcher.has_work:
            return 0
        now = self._engine.clock_ns()
        due = min(
            self._engine.core.next_deadline_ns,
            self._settlement.next_cut_ns,
            self._next_mark_ns,
            self.dispatcher.next_due_ns,
        )
        most = _PROBE_MS if self._connections.has_suspects else _RETRY_MS if self._blocked else _WAIT_MS_MAX
        return max(0, min(most, -((now - due) // _NS_PER_MS)))

    # -- in

    def take_mail(self) -> None:
        """Read until the ROUTER is empty or the cycle is full."""
        frames = messages = 0
        while frames < FRAMES_PER_CYCLE and messages < MESSAGES_PER_CYCLE:
            senders, bodies = self._read_stretch()
            if not senders:
                return
            messages += self.dispatcher.receive_all(senders, bodies, self._connections.keys)
            frames += len(senders)

    def _read_stretch(self) -> tuple[list[bytes], list[bytes]]:
        """Read a stretch of mail, whole messages of two frames only; return who sent them, and the second frames."""
        receive, keys = self.router.recv, self._connections.keys
        senders: list[bytes] = []
        bodies: list[bytes] = []
        n_bytes = 0
        try:
            for _ in range(FRAMES_PER_STRETCH):
                sender = receive(zmq.DONTWAIT)
                frame = receive(zmq.DONTWAIT, copy=False)  # a ROUTER puts the sender before a message, always
                is_whole = not frame.more
                while frame.more:
                    frame = receive(zmq.DONTWAIT, copy=False)
                if not is_whole:
                    continue
                if sender not in keys:
                    stranger = self._connections.meet(sender, frame)
                    if stranger is not None:
                        self._refuse_connection(sender, stranger)
                        continue
                body = frame.bytes
                senders.append(sender)
                bodies.append(body)
                n_bytes += len(body)
                if n_bytes >= BYTES_PER_STRETCH:
                    break
        except zmq.Again:
            pass
        return senders, bodies

    def _refuse_connection(self, routing_id: bytes, stranger: Stranger) -> None:
        """Tell a connection that is not let in why; it has no session to hold the answer."""
        reason, text = stranger.value
        self._send(routing_id, encode([reject(reason)._replace(text=text)]))

    def _find_out_who_is_gone(self) -> None:
        """Send an empty frame to each connection that may be gone; what cannot be sent proves it."""
        for routing_id in self._connections.due_probes():
            if self._send(routing_id, _PROBE) is None:
                self._lose(routing_id)

    def _lose(self, routing_id: bytes) -> None:
        self._connections.forget(routing_id)
        self.dispatcher.disconnected(routing_id)

    # -- out

    def _hand_out_statuses(self) -> None:
        for status in self._settlement.poll():
            self.dispatcher.on_settled(status)
        alarm = self._settlement.alarm
        if alarm != self._alarm_told:
            self._alarm_told = alarm
            _log.error("%s", alarm or "settlement goes on: the ledger is back")

    def _do_what_is_due(self) -> None:
        now = self._engine.clock_ns()
        market = self.dispatcher.market
        self.dispatcher.do_what_is_due(now)
        self._read_subscriptions()
        if now >= self._next_mark_ns:
            self._next_mark_ns = now + _MARK_NS
            market.mark_changed()
            self._turn_out_whom_the_folder_no_longer_allows()
            if self._reserves is not None:
                self.dispatcher.controls.hold_currencies(self._reserves.uncovered(now))
        if now >= self._next_sweep_ns:
            self._next_sweep_ns = now + _SWEEP_NS
            self._connections.start_round()
        for publications in (self.dispatcher.publications, market.marks(now)):
            for topic, payload in publications:
                self._market.send(topic, zmq.SNDMORE | zmq.DONTWAIT)
                self._market.send(payload, zmq.DONTWAIT)
        self.dispatcher.publications.clear()

    def _turn_out_whom_the_folder_no_longer_allows(self) -> None:
        if self._doorkeeper is not None and self._doorkeeper.allowed.refresh():
            for routing_id in self._connections.no_longer_allowed():
                self._lose(routing_id)

    def _read_subscriptions(self) -> None:
        """Follow who subscribes to what: an XPUB socket receives a byte 1 or 0 and the topic."""
        for _ in range(FRAMES_PER_CYCLE):
            try:
                change = self._market.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            if change[:1] == b"\1":
                self.dispatcher.market.subscribe(change[1:])
            elif change[:1] == b"\0":
                self.dispatcher.market.unsubscribe(change[1:])

    def _flush(self) -> None:
        """Send one frame to each session that has something; what finds no room stays for the next cycle."""
        now = self._engine.clock_ns()
        waiting, self._blocked = self._blocked, {}
        for session in self.dispatcher.take_ready():
            waiting.setdefault(session, now)
        for session, since in waiting.items():
            outbox = session.outbox
            sent: bool | None = True
            while outbox and sent:
                sent = self._send(session.identity, outbox.next_frame())
                if sent:
                    outbox.sent()
            if sent is None:
                self._lose(session.identity)
            elif sent and session.is_leaving:
                self.dispatcher.drop(session)
            elif not sent and not session.is_leaving:
                self._blocked[session] = now
            elif not sent and now - since < LEAVING_NS_MAX:
                self._blocked[session] = since
            elif not sent:
                self.dispatcher.drop(session)  # it cannot even be told

    def _send(self, routing_id: bytes, frame: bytes) -> bool | None:
        """Send without waiting; False where there is no room now, None where there is no such connection."""
        try:
            self.router.send(routing_id, zmq.SNDMORE | zmq.DONTWAIT)
            self.router.send(frame, zmq.DONTWAIT)
        except zmq.Again:
            return False
        except zmq.ZMQError as e:
            if e.errno != zmq.EHOSTUNREACH:
                raise
            return None
        return True
