"""Sending, as far as it goes without a socket: into outboxes, and who has something in his.

A session whose outbox overflows is noted here and dealt with once the cycle's telling is done: who is
told must not change while it is told.
"""

from fxengine.codes import RejectReason
from fxengine.gateway.session import Session
from fxengine.messages import Reject
from fxengine.wire import encode_message


def reject(reason: RejectReason, ref_type: int = 0, ref_id: int = 0, retry_ns: int = 0) -> Reject:
    """Build the answer to a message that was refused at the gateway."""
    return Reject(int(reason), reason.text, ref_type, ref_id, retry_ns)


class Delivery:
    """What goes into sessions' outboxes goes through here."""

    def __init__(self) -> None:
        self._ready: dict[Session, None] = {}
        self._overflowed: list[Session] = []

    def send(self, session: Session, message: tuple[object, ...]) -> None:
        """Send a message."""
        self.send_chunk(session, encode_message(message), 1)

    def refuse(
        self, session: Session, reason: RejectReason, ref_type: int = 0, ref_id: int = 0, retry_ns: int = 0
    ) -> None:
        """Send a REJECT."""
        self.send(session, reject(reason, ref_type, ref_id, retry_ns))

    def send_chunk(self, session: Session, chunk: bytes, n_messages: int) -> None:
        """Send encoded messages."""
        session.outbox.add(chunk, n_messages)
        self._note(session)

    def send_events(self, session: Session, events: bytes, time_ns: int) -> None:
        """Send the bytes of EVENT records."""
        session.outbox.add_events(events, time_ns)
        self._note(session)

    def send_last(self, session: Session, message: tuple[object, ...]) -> None:
        """Send a message as the last that the session hears; it is forgotten once that is sent."""
        session.outbox.end_with(encode_message(message))
        session.is_leaving = True
        self._ready[session] = None

    def _note(self, session: Session) -> None:
        self._ready[session] = None
        if session.outbox.overflowed and not session.is_leaving:
            self._overflowed.append(session)

    def take_overflowed(self) -> list[Session]:
        """Return the sessions that do not read; one may stand there several times."""
        overflowed, self._overflowed = self._overflowed, []
        return overflowed

    def take_ready(self) -> list[Session]:
        """Return the sessions whose outboxes gained something since the last call."""
        ready, self._ready = self._ready, {}
        return list(ready)
