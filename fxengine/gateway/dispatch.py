"""What each message leads to: between the sessions on one side and the engine on the other.

No socket is touched here. The server hands in frames, once a cycle has the gathered commands
submitted as one batch, and sends what stands in the outboxes of the sessions named by
:meth:`Dispatcher.take_ready`::

    receive_all              frames -> session table, scope, limits -> records gathered, questions noted
    submit                   one engine.submit; questions asked of the applied state, answers deferred
    on_released              reports, logons completed, market data: all from durable events
    do_what_is_due           silent sessions, ended credentials, pages of replays
    on_settled               settlement statuses

Nothing is answered ahead of the disk. A balance is read right after the cycle's commands were
applied and leaves when they are durable (``engine.defer``); a book comes from durable events.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from fxengine.codes import RejectReason, RevokeAction, SettlementStatus
from fxengine.engine import Engine, MatchingCore, Place, Released
from fxengine.gateway.batch import Batch
from fxengine.gateway.commands import RECORD_OF, settled_record
from fxengine.gateway.controls import Controls
from fxengine.gateway.delivery import Delivery, reject
from fxengine.gateway.history import History
from fxengine.gateway.limits import LOGON_COST, routing_cost
from fxengine.gateway.logons import token_hash
from fxengine.gateway.mail import Mail
from fxengine.gateway.marketdata import MarketData, Publication
from fxengine.gateway.presence import Presence
from fxengine.gateway.questions import Questions
from fxengine.gateway.record_entry import admit_frame, n_records_of, only_cancels
from fxengine.gateway.session import Act, Cell, Session
from fxengine.gateway.treasury import Treasury
from fxengine.messages import (
    PAYMENTS,
    TYPE_OF,
    Deposit,
    EndWithdrawal,
    Heartbeat,
    HeartbeatAck,
    Logon,
    Logout,
    OrderState,
    Request,
    Revoke,
    Settlement,
    Swap,
    SwapQuoteRequest,
    Taken,
)
from fxengine.records import RECORD_BYTES
from fxengine.reserves import ReserveWatch
from fxengine.settlement import BatchStatus
from fxengine.venue import Venue
from fxengine.wire import Refused, decode_requests, encode_message, is_record_frame, read_events

Incoming = Request | Refused | bytes
"""A message, what could not be read of one, or a frame of records."""

_EXECUTE, _RELIEVE, _PAY, _MOVE, _WAIT = Act.EXECUTE, Act.RELIEVE, Act.PAY, Act.MOVE, Act.WAIT
_UNREADABLE: Final = RejectReason.NONE
_INSTRUMENT: Final = OrderState._fields.index("instrument") - 1
_SIDE: Final = OrderState._fields.index("side") - 1
"""Places in what the core tells of an order: as in ORDER_STATE, but for its request_id."""


class Dispatcher:
    """All sessions of a gateway, and what their messages lead to.

    What a server calls, each cycle in this order, all in one thread::

        receive_all(senders, frames, keys)     as often as there is more; keys: the Z85 CURVE key that ZAP saw, by
                                               sender, None on a plain connection. Returns how many messages
                                               they were worth
        disconnected(identity)                 as soon as it is known that a connection is gone
        submit()                               once
        do_what_is_due(now_ns)                 once: silent sessions, expiries, pages of replays
        take_ready()                           sessions with something to send; see below
        has_work, next_due_ns                  how long it may wait: not at all, or until this time
        open()                                 once, after the engine's start and before the first client

    Sending: for each session of ``take_ready()`` send ``outbox.next_frame()`` and call ``outbox.sent()`` while
    the outbox holds something. Where there is no room, try again in a later cycle; where there is no
    such connection, call ``disconnected(session.identity)``. A session with ``is_leaving`` set whose outbox
    has become empty is to be forgotten with ``drop(session)``: what it was sent was the last.
    """

    def __init__(self, engine: Engine, venue: Venue, reserves: ReserveWatch | None = None) -> None:
        self._engine = engine
        self.venue = venue
        self.market = MarketData(venue)
        self.publications: list[Publication] = []
        """Market data to publish; the server empties it."""
        self._delivery = Delivery()
        self._history = History(venue.history_bytes)
        self._batch = Batch(engine)
        self.controls = Controls(engine.core, self._batch, [currency.code for currency in venue.currencies])
        """Closes the venue, or a currency, where it must; takes effect with the next :meth:`submit`."""
        self._presence = Presence(engine, venue, self._batch, self._delivery, self._history, self._take_again)
        self._sessions = self._presence.sessions
        self._questions = Questions(engine, venue, self.market, self._presence.replays, self._delivery)
        self._mail = Mail(self._sessions, self._batch, engine.clock_ns, self._receive)
        self._treasury = Treasury(venue, engine.core, reserves)
        self._routing_cost = routing_cost(venue)
        self._is_closing = False

    # -- what a server needs to know

    @property
    def has_work(self) -> bool:
        """Say whether the next cycle has something to do although nobody says anything."""
        return bool(self._batch.n_commands or self._questions or self._presence.replays.has_work)

    @property
    def next_due_ns(self) -> int:
        """When :meth:`do_what_is_due` is to be called at the latest; 2**63 - 1: no session waits for anything."""
        return self._presence.deadlines.next_ns

    @property
    def sessions(self) -> list[Session]:
        """Every session there is."""
        return list(self._sessions.values())

    def open(self) -> None:
        """Treat whoever was connected when the venue last ended as disconnected; before clients are let in."""
        self._presence.open()
        self.submit()

    def close(self) -> None:
        """Take nothing more: from here on every message is answered with SHUTTING_DOWN."""
        self._is_closing = self._presence.is_closing = True

    # -- in

    def receive_all(self, senders: Sequence[bytes], frames: Sequence[bytes], keys: Mapping[bytes, str | None]) -> int:
        """Act on frames in the order in which they arrived; return how many messages they are worth."""
        take = self._mail.take_singly if self._is_closing else self._mail.take
        return take(senders, frames, keys)

    def _receive(self, identity: bytes, frame: bytes, client_key: str | None) -> int:
        """Act on one frame of one connection; return how many messages it is worth: many, where it is much work."""
        session = self._sessions.get(identity)
        if session is None:
            session = self._presence.meet(identity, client_key)
            if session is None:
                return 1
        session.heard_ns = now_ns = self._engine.clock_ns()
        if is_record_frame(frame):
            return self._take(session, frame, now_ns)
        return sum([self._take(session, message, now_ns) for message in decode_requests(frame)])

    def _take(self, session: Session, message: Incoming, now_ns: int) -> int:
        """Act on one message, or one frame of records; return how many messages it is worth."""
        act = session.acts.get(type(message), _UNREADABLE)
        if self._is_closing and act is not _UNREADABLE:
            self._refuse(session, message, RejectReason.SHUTTING_DOWN)
        elif act is _EXECUTE or act is _RELIEVE or act is _PAY or act is _MOVE:
            return self._execute(session, message, act, now_ns)
        elif isinstance(message, Refused):
            self._delivery.send(session, reject(*message))
        elif isinstance(act, RejectReason):
            self._refuse(session, message, act)
        elif act is _WAIT:
            if not session.wait(message):
                self._refuse(session, message, RejectReason.TOO_MANY_MESSAGES)
        elif isinstance(message, bytes):
            return self._admit(session, message, now_ns)
        elif isinstance(message, Logon | Logout | Heartbeat):
            self._take_session_message(session, message, now_ns)
        else:
            return self._answer(session, message, now_ns)
        return 1

    def _execute(self, session: Session, message: Incoming, act: Cell, now_ns: int) -> int:
        if session.scope is not None and not session.scope.allows(message, self._instruments_of(session.account)):
            self._refuse(session, message, RejectReason.NOT_IN_SCOPE)
            return 1
        if act is _MOVE and isinstance(message, Deposit | EndWithdrawal):
            self.submit()  # what was gathered may move money too
            reason = self._treasury.refusal(session, message, now_ns)
            if reason:
                self._refuse(session, message, reason)
                return 1
        record = RECORD_OF[type(message)](session.account, message)
        cost = self._routing_cost if isinstance(message, Swap) else len(record) // RECORD_BYTES
        allowance = session.allowance
        retry_ns = (allowance.relief if act is _RELIEVE else allowance.commands).spend(cost, now_ns)
        batch = self._batch
        if retry_ns:
            self._refuse(session, message, RejectReason.RATE_LIMITED, retry_ns)
        elif act is not _EXECUTE and isinstance(message, PAYMENTS):
            batch.add_payment(record, session, message.client_order_id, _revoked_by(message))
        else:
            batch.records += record
            batch.n_commands += 1
        return cost

    def _admit(self, session: Session, frame: bytes, now_ns: int) -> int:
        assert session.grant is not None
        n_records = n_records_of(frame)
        allowance = session.allowance
        retry_ns = (allowance.relief if only_cancels(frame) else allowance.commands).spend(n_records, now_ns)
        if retry_ns:
            self._refuse(session, frame, RejectReason.RATE_LIMITED, retry_ns)
            return 1
        records, n_commands, refused = admit_frame(frame, session.grant)
        self._batch.add(records, n_commands)
        for refusal in refused:
            self._delivery.refuse(session, *refusal)
        return n_records

    def _answer(self, session: Session, message: Request, now_ns: int) -> int:
        reason = session.bar(now_ns)
        if reason:
            self._refuse(session, message, reason)
            return 1
        cost = self._routing_cost if isinstance(message, SwapQuoteRequest) else 1
        retry_ns = session.allowance.commands.spend(cost, now_ns)
        if retry_ns:
            self._refuse(session, message, RejectReason.RATE_LIMITED, retry_ns)
            return 1
        return max(cost, self._questions.take(session, message))

    def _take_session_message(self, session: Session, message: Logon | Logout | Heartbeat, now_ns: int) -> None:
        cost = LOGON_COST if isinstance(message, Logon) else 1
        retry_ns = session.allowance.relief.spend(cost, now_ns)
        if retry_ns:
            self._refuse(session, message, RejectReason.RATE_LIMITED, retry_ns)
        elif isinstance(message, Logon):
            self._presence.log_on(session, message)
        elif isinstance(message, Heartbeat):
            self._delivery.send(session, HeartbeatAck(message.number))
        else:
            self._questions.when_durable(self._presence.log_out(session))

    def _take_again(self, session: Session, waited: Iterable[Request | bytes]) -> None:
        now_ns = self._engine.clock_ns()
        for message in waited:
            self._take(session, message, now_ns)

    def _instruments_of(self, account: int) -> Callable[[int, int], int | None]:
        """Return how to find the instrument of one of the account's open orders, this cycle's included."""

        def instrument_of(order_id: int, client_order_id: int) -> int | None:
            core = self._engine.core
            state = core.order_state(account, client_order_id, order_id)
            if state is None and self._batch.n_commands:
                self.submit()  # it may be among what was gathered
                state = core.order_state(account, client_order_id, order_id)
            return state[_INSTRUMENT] if state is not None and state[_SIDE] else None

        return instrument_of

    # -- to the engine, and what time brings

    def submit(self) -> None:
        """Submit the cycle's commands as one batch, then ask the cycle's questions of the state they made."""
        self._batch.submit(self._presence.logons.submitted)
        self._questions.ask()

    def do_what_is_due(self, now_ns: int) -> None:
        """Close silent sessions, tell of expired credentials, and send the next pages of replays."""
        self._presence.look_around(now_ns)
        self._presence.replays.send_pages()

    def disconnected(self, identity: bytes) -> None:
        """A connection is gone without a LOGOUT: its guards act, and its session is forgotten."""
        session = self._sessions.get(identity)
        if session is not None:
            self.drop(session)

    def drop(self, session: Session) -> None:
        """Forget a session: it left and that is sent, or its connection is gone."""
        self._presence.drop(session)

    # -- from the engine and from settlement

    def begin(self, core: MatchingCore, place: Place) -> None:
        """Begin with a core that was restored at ``place``: its books stand, and reports are held from here on."""
        self.market.load(core)
        self._history.begin(core)

    def on_released(self, released: Released) -> None:
        """Tell the world of a durable batch: an engine's observer. A replayed one was told before."""
        events, time_ns = released.events, released.time_ns
        presence = self._presence
        self._history.add(events, time_ns)
        self.controls.heard(events)
        if released.replayed:
            self.market.add(events)
            return
        if self.market.is_followed:
            self.publications += self.market.apply(read_events(events), time_ns)
        else:
            self.market.add(events)
        for payment in self._batch.durable_payments(released.last_sequence):
            self._delivery.send(payment.session, Taken(payment.client_order_id, payment.number))
            if payment.revoked_token is not None:
                presence.note_revocation(events, payment.revoked_token)
        presence.audience.tell(events, time_ns)
        if presence.logons.awaited:
            presence.complete_logons(read_events(events))

    def on_settled(self, status: BatchStatus) -> None:
        """Tell every account of a batch what became of it, and operators and issuers of every batch.

        Only what is FINAL lets withdrawals leave: what is POSTED may be PENDING again.
        """
        notice = Settlement(
            status.batch_id,
            int(status.status),
            status.finality,
            status.first_sequence,
            status.last_sequence,
            status.posted_ns,
        )
        if status.status is SettlementStatus.FINAL:
            self.settled_through(status.batch_id, status.finality, status.last_sequence)
        chunk = encode_message(notice)
        concerned = set(status.accounts)
        for session in self._presence.audience:
            if session.account in concerned or session.operator or session.issuer:
                self._delivery.send_chunk(session, chunk, 1)

    def settled_through(self, batch_id: int, finality: str, last_sequence: int) -> None:
        """Note up to which command all is FINAL: who logs on later has missed the notices so far.

        The core is told where a withdrawal waits for it.
        """
        core = self._engine.core
        waiting = core.open_withdrawals(0, core.final_sequence, 1)
        if waiting and waiting[0][0] <= last_sequence:
            self._batch.add(settled_record(last_sequence))
        self._presence.settled = Settlement(batch_id, int(SettlementStatus.FINAL), finality, 1, last_sequence, 0)

    # -- out

    def take_ready(self) -> list[Session]:
        """Return the sessions whose outboxes gained something since the last call."""
        for session in self._delivery.take_overflowed():
            if not session.is_leaving:
                self._presence.dismiss(session, RejectReason.SLOW_READER)
        return self._delivery.take_ready()

    def _refuse(self, session: Session, message: Incoming, reason: RejectReason, retry_ns: int = 0) -> None:
        self._delivery.refuse(session, reason, *_reference(message), retry_ns)


def _revoked_by(message: Request) -> bytes | None:
    if not isinstance(message, Revoke):
        return None
    return token_hash(message.token_id) if message.action == RevokeAction.TOKEN else b""


def _reference(message: Incoming) -> tuple[int, int]:
    """Return a message's type and id, by which its sender knows it."""
    if isinstance(message, Refused):
        return message.ref_type, message.ref_id
    if isinstance(message, bytes):
        return 0, 0
    number: object = message[0] if message else 0
    return int(TYPE_OF[type(message)]), number if isinstance(number, int) else 0
