"""What each message leads to: between the sessions on one side and the engine on the other.

No socket is touched here. The server hands in frames, once a cycle has the gathered commands
submitted as one batch, and sends what stands in the outboxes of the sessions named by
:meth:`Dispatcher.take_ready`::

    receive ... receive      frames -> session table -> records gathered, questions noted
    submit                   one engine.submit; answers computed from the applied state, deferred
    on_released              reports, logons completed, market data: all from durable events
    on_settled               settlement statuses

Nothing is answered ahead of the disk. A balance is read right after the cycle's commands were
applied and leaves when they are durable (``engine.defer``); a book comes from durable events.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from fxengine.codes import AccountFlag, EventKind, RejectReason, SettlementStatus
from fxengine.engine import Engine, MatchingCore, Place, Released
from fxengine.engine.directory import credential_command
from fxengine.gateway.commands import RECORD_OF
from fxengine.gateway.kyc import Credential, TokenVerifier
from fxengine.gateway.marketdata import MarketData, Publication
from fxengine.gateway.reports import outcomes, read_events, report_rows
from fxengine.gateway.session import Act, Session, State
from fxengine.messages import (
    PAYMENTS,
    TYPE_OF,
    AccountNumber,
    AccountRequest,
    Balances,
    BalancesRequest,
    BookRequest,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    LogoutAck,
    Reject,
    Request,
    Settlement,
    Taken,
    VenueDescription,
    VenueRequest,
)
from fxengine.records import COMMAND
from fxengine.settlement import BatchStatus
from fxengine.venue import Venue
from fxengine.wire import Refused, decode_requests, encode_message, encode_rows

SESSIONS_MAX: Final = 4_096
LEVELS_PER_MESSAGE: Final = 64
"""Levels of a book that count as one more message towards the cycle's bound: about as much work."""


def reject(reason: RejectReason, ref_type: int = 0, ref_id: int = 0) -> Reject:
    """Build the answer to a message that was refused at the gateway."""
    return Reject(int(reason), reason.text, ref_type, ref_id)


class Dispatcher:
    """All sessions of a gateway, and what their messages lead to."""

    def __init__(self, engine: Engine, venue: Venue) -> None:
        self._engine = engine
        self.venue = venue
        self._verifier = TokenVerifier(venue)
        self.market = MarketData(venue)
        self._sessions: dict[bytes, Session] = {}
        self._by_account: dict[int, list[Session]] = {}
        self._ready: dict[Session, None] = {}
        self._records = bytearray()
        self._n_commands = 0
        self._is_closing = False
        self._logons: list[tuple[int, Session, Credential]] = []
        self._awaited: dict[int, tuple[Session, Credential]] = {}
        self._payments: list[tuple[int, Session, int]] = []
        self._taken: dict[int, tuple[Session, int]] = {}
        self._questions: list[Callable[[], None]] = []
        self._settled: Settlement | None = None
        self.publications: list[Publication] = []
        """Market data to publish; the server empties it."""
        self._description = VenueDescription(
            0,
            venue.id,
            venue.name,
            tuple((c.code, c.name, c.decimals) for c in venue.currencies),
            tuple(
                (
                    i.symbol,
                    i.base.index,
                    i.quote.index,
                    i.tick,
                    i.lot,
                    *(i.maker_rate, i.taker_rate),
                    *(i.lot_units, i.tick_lot_units),
                )
                for i in venue.instruments
            ),
        )

    # -- in

    @property
    def has_work(self) -> bool:
        """Say whether :meth:`submit` has anything to do."""
        return bool(self._n_commands or self._questions)

    @property
    def sessions(self) -> list[Session]:
        """Every session there is."""
        return list(self._sessions.values())

    def receive(self, identity: bytes, frame: bytes) -> int:
        """Act on one frame of one connection; return how many messages it held, a deep book counting as several."""
        session = self._sessions.get(identity)
        if session is None:
            session = Session(identity)
            if len(self._sessions) >= SESSIONS_MAX:
                session.close()
                self.send(session, reject(RejectReason.CAPACITY))
                return 1
            self._sessions[identity] = session
        messages = decode_requests(frame)
        for message in messages:
            if isinstance(message, Refused):
                self.send(session, reject(*message))
            else:
                self._take(session, message)
        books = (message for message in messages if isinstance(message, BookRequest))
        return len(messages) + sum(book.depth // LEVELS_PER_MESSAGE for book in books)

    def close(self) -> None:
        """Take nothing more: from here on every message is answered with SHUTTING_DOWN."""
        self._is_closing = True

    def _take(self, session: Session, message: Request) -> None:
        if self._is_closing:
            self.send(session, reject(RejectReason.SHUTTING_DOWN, *_reference(message)))
            return
        act = session.act_on(message, self._engine.clock_ns())
        if act is Act.EXECUTE:
            if isinstance(message, PAYMENTS):
                self._payments.append((self._n_commands, session, message.client_order_id))
            self._records += RECORD_OF[type(message)](session.account, message)
            self._n_commands += 1
        elif type(act) is RejectReason:
            self.send(session, reject(act, *_reference(message)))
        elif act is Act.ANSWER:
            self._answer(session, message)
        elif act is Act.VERIFY and isinstance(message, Logon):
            self._log_on(session, message)
        elif act is Act.ECHO and isinstance(message, Heartbeat):
            self.send(session, HeartbeatAck(message.number))
        elif act is Act.LEAVE:
            session.close()
            self._questions.append(lambda: self._engine.defer(lambda: self._leave(session)))

    def _log_on(self, session: Session, logon: Logon) -> None:
        credential = self._verifier.verify(logon.token, self._engine.clock_ns())
        if isinstance(credential, RejectReason):
            self._refuse_logon(session, credential)
            return
        holder = self._engine.directory.account(credential.issuer, credential.subject)
        if session.account and holder != session.account:
            self._refuse_logon(session, RejectReason.ALREADY_LOGGED_ON)
            return
        records = credential_command(
            credential.issuer,
            credential.subject,
            token_id=credential.token_id,
            permitted=credential.permitted,
            level=credential.level,
            jurisdiction=credential.jurisdiction,
            window=credential.window,
            issued_at_ns=credential.issued_at_ns,
            expires_ns=credential.expires_ns,
            flags=credential.flags,
        )
        session.await_credential()
        self._logons.append((self._n_commands, session, credential))
        self._records += records.tobytes()
        self._n_commands += 1

    def _refuse_logon(self, session: Session, reason: RejectReason) -> None:
        self.send(session, reject(reason, int(TYPE_OF[Logon])))
        for message in session.logon_refused():
            self._take(session, message)

    def _answer(self, session: Session, message: Request) -> None:
        if isinstance(message, VenueRequest):
            self.send(session, self._description._replace(request_id=message.request_id))
        elif isinstance(message, BookRequest) and message.instrument >= len(self.venue.instruments):
            self.send(session, reject(RejectReason.UNKNOWN_INSTRUMENT, *_reference(message)))
        elif isinstance(message, BookRequest):
            self._questions.append(lambda: self._engine.defer(lambda: self._send_book(session, message)))
        elif isinstance(message, BalancesRequest):
            self._questions.append(lambda: self._ask_balances(session, message))
        elif isinstance(message, AccountRequest):
            self._questions.append(lambda: self._ask_account(session, message))

    # -- to the engine

    def submit(self) -> None:
        """Submit the cycle's commands as one batch, then ask the cycle's questions of the state they made."""
        if self._n_commands:
            first = self._engine.core.sequence + 1
            for place, session, credential in self._logons:
                self._awaited[first + place] = (session, credential)
            for place, session, client_order_id in self._payments:
                self._taken[first + place] = (session, client_order_id)
            self._payments.clear()
            commands = np.frombuffer(bytes(self._records), COMMAND)
            self._records.clear()
            self._logons.clear()
            self._n_commands = 0
            self._engine.submit(commands)
        questions, self._questions = self._questions, []
        for question in questions:
            question()

    def _ask_balances(self, session: Session, message: BalancesRequest) -> None:
        core = self._engine.core
        rows = ((c.index, *core.balance(session.account, c.index)) for c in self.venue.currencies)
        answer = Balances(message.request_id, tuple(row for row in rows if row[1] or row[2]))
        self._engine.defer(lambda: self.send(session, answer))

    def _ask_account(self, session: Session, message: AccountRequest) -> None:
        account = self._engine.directory.account(message.issuer, message.subject)
        answer = (
            reject(RejectReason.UNKNOWN_ACCOUNT, *_reference(message))
            if account is None
            else AccountNumber(message.request_id, account)
        )
        self._engine.defer(lambda: self.send(session, answer))

    def _send_book(self, session: Session, message: BookRequest) -> None:
        if session.outbox.overflowed or self._sessions.get(session.identity) is not session:
            return  # nobody will read it, and a deep book is work for everybody
        book = self.market.books[message.instrument]
        self._send_chunk(session, book.snapshot(message.request_id, message.depth), 1)

    # -- from the engine and from settlement

    def begin(self, core: MatchingCore, place: Place) -> None:
        """Begin with the books of a core that was restored at ``place``: all else is told as it happens."""
        self.market.load(core)

    def on_released(self, released: Released) -> None:
        """Tell the world of a durable batch: an engine's observer. A replayed one was told before."""
        rows = read_events(released.events)
        live = not released.replayed
        self.publications += self.market.apply(rows, released.time_ns, publish=live)
        if not live:
            return
        for sequence in [sequence for sequence in self._taken if sequence <= released.last_sequence]:
            session, client_order_id = self._taken.pop(sequence)
            self.send(session, Taken(client_order_id, sequence))
        reports = report_rows(rows, released.events, released.time_ns, self._by_account)
        for account, account_rows in reports.items():
            chunk = encode_rows(account_rows)
            for session in self._by_account[account]:
                self._send_chunk(session, chunk, len(account_rows))
        if self._awaited:
            for row in outcomes(rows, self._awaited):
                self._complete_logon(row)

    def _complete_logon(self, row: tuple[int, ...]) -> None:
        kind, reason, account, sequence, client_id_highest, window, stream = (row[n] for n in (0, 2, 6, 8, 10, 12, 16))
        session, credential = self._awaited.pop(sequence)
        if kind != EventKind.CREDENTIALED:
            self._refuse_logon(session, RejectReason(reason))
            return
        for listener in self._by_account.get(account, ()):
            listener.expires_ns = credential.expires_ns
        if session.state is not State.LOGGING_ON:
            return
        listeners = self._by_account.setdefault(account, [])
        if session not in listeners:
            listeners.append(session)
        operator = bool(credential.flags & AccountFlag.OPERATOR)
        waited = session.credentialed(account, operator=operator, expires_ns=credential.expires_ns)
        ack = LogonAck(account, client_id_highest, window, credential.expires_ns, self.venue.id, stream)
        self.send(session, ack)
        if self._settled is not None:
            self.send(session, self._settled)
        for message in waited:
            self._take(session, message)

    def on_settled(self, status: BatchStatus) -> None:
        """Tell every account of a batch its settlement status, and operators of every batch."""
        chunk = encode_message(
            Settlement(
                status.batch_id,
                int(status.status),
                status.finality,
                status.first_sequence,
                status.last_sequence,
                status.posted_ns,
            )
        )
        self.settled_through(status.batch_id, status.finality, status.last_sequence)
        concerned = set(status.accounts)
        for account, sessions in self._by_account.items():
            for session in sessions:
                if account in concerned or session.operator:
                    self._send_chunk(session, chunk, 1)

    def settled_through(self, batch_id: int, finality: str, last_sequence: int) -> None:
        """Note up to which command all is FINAL: who logs on later has missed the notices so far."""
        self._settled = Settlement(batch_id, int(SettlementStatus.FINAL), finality, 1, last_sequence, 0)

    # -- out

    def send(self, session: Session, message: tuple[object, ...]) -> None:
        """Put a message in a session's outbox."""
        self._send_chunk(session, encode_message(message), 1)

    def _send_chunk(self, session: Session, chunk: bytes, n_messages: int) -> None:
        session.outbox.add(chunk, n_messages)
        self._ready[session] = None

    def take_ready(self) -> list[Session]:
        """Return the sessions whose outboxes gained something since the last call."""
        ready = list(self._ready)
        self._ready.clear()
        return ready

    def _leave(self, session: Session) -> None:
        self.send(session, LogoutAck())
        self.drop(session)

    def drop(self, session: Session) -> None:
        """Forget a session: it left, its connection is gone, or it did not read."""
        session.close()
        if self._sessions.get(session.identity) is session:
            del self._sessions[session.identity]
        listeners = self._by_account.get(session.account, [])
        if session in listeners:
            listeners.remove(session)
            if not listeners:
                del self._by_account[session.account]


def _reference(message: Request) -> tuple[int, int]:
    """Return a message's type and id, by which its sender knows it."""
    number = message[0] if message else 0
    return int(TYPE_OF[type(message)]), number if isinstance(number, int) else 0
