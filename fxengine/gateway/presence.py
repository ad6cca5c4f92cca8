"""Which sessions there are, and their coming and going: logons, leave-takings, losses, dismissals.

However a session ends, it ends once, and in this order: it is closed, it hears no more reports, and its
guard acts. Then, if there is still somebody to tell, it hears why, and is forgotten when that is sent::

    LOGOUT               guard taken back; when all before is durable: LOGOUT_ACK, forgotten
    silent, slow reader  guard acts; REJECT with the reason, forgotten
    connection gone      guard acts; forgotten
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from fxengine.codes import EventKind, GuardAction, RejectReason, RevokeAction
from fxengine.engine import Engine
from fxengine.gateway.audience import Audience
from fxengine.gateway.batch import Batch
from fxengine.gateway.commands import guard_record
from fxengine.gateway.delivery import Delivery, reject
from fxengine.gateway.guards import Deadlines, Watches
from fxengine.gateway.history import History
from fxengine.gateway.logons import Logons
from fxengine.gateway.replays import Replays
from fxengine.gateway.reports import Row, outcomes
from fxengine.gateway.session import Session, State
from fxengine.messages import TYPE_OF, Logon, LogonAck, LogoutAck, Request, Settlement
from fxengine.records import Records
from fxengine.venue import Venue

SESSIONS_MAX: Final = 4_096
STALL_NS: Final = 1_000_000_000
"""A cycle that took this long, or a clock that jumped so far, is no client's silence."""


class Presence:
    """All sessions of a gateway. ``take_again`` acts on what waited in a session while it logged on."""

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        batch: Batch,
        delivery: Delivery,
        history: History,
        take_again: Callable[[Session, Iterable[Request | bytes]], None],
    ) -> None:
        self._engine, self._venue_id = engine, venue.id
        self._batch, self._delivery, self._history = batch, delivery, history
        self._take_again = take_again
        self.sessions: dict[bytes, Session] = {}
        """By the identity of their connection."""
        self.audience = Audience(delivery)
        self.logons = Logons(engine, venue)
        self.replays = Replays(
            history, send_page=self.audience.tell_again, send=delivery.send, refuse=delivery.refuse, join=self._join
        )
        self.deadlines = Deadlines()
        self.settled: Settlement | None = None
        """Up to which command all is FINAL; None: nothing yet."""
        self.is_closing = False
        self._watches = Watches()
        self._last_look_ns = engine.clock_ns()

    def open(self) -> None:
        """Treat whoever was connected when the venue last ended as disconnected."""
        for account in self._engine.core.watching():
            self._gather(guard_record(account, GuardAction.DISCONNECTED))

    def meet(self, identity: bytes, client_key: str | None) -> Session | None:
        """Make a session for a connection that is new; None where there are too many, which it is told."""
        session = Session(identity, client_key)
        if len(self.sessions) >= SESSIONS_MAX:
            session.close()
            self._delivery.send_last(session, reject(RejectReason.CAPACITY))
            return None
        self.sessions[identity] = session
        return session

    # -- logging on

    def log_on(self, session: Session, logon: Logon) -> None:
        """Verify a LOGON and gather its command, or refuse it."""
        command = self.logons.begin(session, logon, self._batch.n_commands)
        if isinstance(command, RejectReason):
            self._refuse_logon(session, command)
        else:
            self._batch.add(command)

    def complete_logons(self, rows: Iterable[Row]) -> None:
        """Open the sessions whose credentials are durable, or refuse them; ``rows`` are a batch's events."""
        for row in outcomes(rows, self.logons.awaited):
            self._complete_logon(row)

    def _complete_logon(self, row: Row) -> None:
        kind, reason, account, sequence, client_id_highest, window, stream = (row[n] for n in (0, 2, 6, 8, 10, 12, 16))
        session, credential, logon = self.logons.awaited.pop(sequence)
        if kind != EventKind.CREDENTIALED:
            self._refuse_logon(session, RejectReason(reason))
            return
        for member in self.audience.members(account):
            member.renew(credential.expires_ns)
            self.deadlines.enter(member)
        if session.state is not State.LOGGING_ON:
            return  # it went away meanwhile
        self.audience.leave(session)
        self.replays.cancel_catching_up(session)
        waited = session.credentialed(self.logons.grant(account, credential), logon)
        self.audience.enter(session)
        self.deadlines.enter(session)
        self._gather(self._watches.wish(session) if logon.cancel_on_disconnect else self._watches.take_back(session))
        held = self._history.first_held(account)
        ack = LogonAck(account, client_id_highest, window, credential.expires_ns, self._venue_id, stream, held)
        self._delivery.send(session, ack)
        if logon.next_stream:
            self.replays.catch_up(session, logon.next_stream)
        else:
            self._join(session)
        self._take_again(session, waited)

    def _refuse_logon(self, session: Session, reason: RejectReason) -> None:
        self._delivery.refuse(session, reason, int(TYPE_OF[Logon]))
        self._take_again(session, session.logon_refused())

    def _join(self, session: Session) -> None:
        self.audience.listen(session)
        if self.settled is not None:
            self._delivery.send(session, self.settled)

    # -- what ends a session

    def log_out(self, session: Session) -> Callable[[], None]:
        """Close a session at its own wish; return what is to be done when all it sent before is durable."""
        session.close()
        self._gather(self._watches.take_back(session))

        def leave() -> None:
            self.audience.leave(session)
            self._delivery.send_last(session, LogoutAck())

        return leave

    def dismiss(self, session: Session, reason: RejectReason) -> None:
        """Close a session that cannot go on, and tell it why."""
        self._end(session)
        self._delivery.send_last(session, reject(reason))

    def drop(self, session: Session) -> None:
        """Forget a session: it left and that is sent, or its connection is gone."""
        self._end(session)
        session.is_gone = True
        if self.sessions.get(session.identity) is session:
            del self.sessions[session.identity]

    def _end(self, session: Session) -> None:
        session.close()
        self.audience.leave(session)
        self._gather(self._watches.lose(session))

    def _gather(self, guard: bytes) -> None:
        if guard and not self.is_closing:
            self._batch.add(guard)

    def look_around(self, now_ns: int) -> None:
        """Dismiss silent sessions, and tell those whose credential has ended."""
        if not 0 <= now_ns - self._last_look_ns <= STALL_NS:
            for session in self.sessions.values():
                session.heard_ns = now_ns
                self.deadlines.enter(session)
        self._last_look_ns = now_ns
        for session in self.deadlines.due(now_ns):
            if session.is_silent(now_ns):
                self.dismiss(session, RejectReason.SESSION_SILENT)
            else:
                session.expiry_told = True
                self._delivery.refuse(session, RejectReason.CREDENTIAL_EXPIRED)

    def note_revocation(self, events: Records, token: bytes) -> None:
        """Note, after a REVOKE, who may not ask any more; what they may not do, the core sees to.

        ``events`` are its batch's; ``token`` is the hash it named, or empty.
        """
        for account, action in _revoked(events):
            for member in self.audience.members(account):
                if action == RevokeAction.TOKEN:
                    member.account_revoked = True
                else:
                    member.account_frozen = action == RevokeAction.FREEZE
        if token and self._engine.core.is_revoked(token):
            for member in self.audience:
                if member.grant is not None and member.grant.token_hash == token:
                    member.revoke_token()


def _revoked(events: Records) -> Iterable[tuple[int, int]]:
    """Return account and action of each REVOKED event."""
    chosen: Any = events[events["kind"] == EventKind.REVOKED]
    return zip(chosen["account"].tolist(), chosen["side"].tolist(), strict=True)
