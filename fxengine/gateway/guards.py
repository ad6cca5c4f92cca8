"""What acts when a client cannot: heartbeats that stop, connections that are lost, credentials that end.

Cancel on disconnect is an account's wish, and any of its sessions may utter it in its LOGON. The
orders end with the last such session; one that says LOGOUT takes its wish back first::

    LOGON, wished     first of the account      GUARD WATCH 1
    LOGOUT            last of the account       GUARD WATCH 0       orders stay
    lost, silent      last of the account       GUARD DISCONNECTED  orders end, in the core
    venue restarts    for whom the core watches GUARD DISCONNECTED  nobody came through that

The core acts, not the gateway: the guard is in the journal and in the core's state, so a crash of the
venue between the two changes nothing. The dead-man timer is the core's alone.
"""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Final

from fxengine.codes import GuardAction
from fxengine.gateway.commands import guard_record
from fxengine.gateway.session import Session, State

_NEVER: Final = 2**63 - 1


class Watches:
    """Which sessions want their account's orders to end with them."""

    def __init__(self) -> None:
        self._sessions: dict[int, set[Session]] = {}

    def wish(self, session: Session) -> bytes:
        """Note the wish; return the command that the core needs to hear, if any."""
        first = not self._sessions.get(session.account)
        self._sessions.setdefault(session.account, set()).add(session)
        return guard_record(session.account, GuardAction.WATCH, watching=True) if first else b""

    def take_back(self, session: Session) -> bytes:
        """Forget the wish; return the command that the core needs to hear, if any."""
        last = self._forget(session)
        return guard_record(session.account, GuardAction.WATCH, watching=False) if last else b""

    def lose(self, session: Session) -> bytes:
        """Forget a session that is lost; return the command that ends the account's orders, if it was the last."""
        last = self._forget(session)
        return guard_record(session.account, GuardAction.DISCONNECTED) if last else b""

    def _forget(self, session: Session) -> bool:
        """Say whether it was the last session of its account that had the wish."""
        sessions = self._sessions.get(session.account, set())
        if session not in sessions:
            return False
        sessions.remove(session)
        if not sessions:
            del self._sessions[session.account]
        return not sessions


class Deadlines:
    """When which session must be looked at: it falls silent, or its credential ends.

    Hearing a session moves its deadline, a thousand times a second; therefore the heap is not told.
    A session has one entry that counts, which may be too early: when it comes up the session is asked
    when it is really due, and entered again::

        entry 10 s --> asked at 10 s: heard at 8 s, due at 13 s --> entry 13 s --> due
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Session]] = []
        self._number = count()

    @property
    def next_ns(self) -> int:
        """When the next entry comes up; 2**63 - 1: none will."""
        return self._heap[0][0] if self._heap else _NEVER

    def enter(self, session: Session) -> None:
        """See to it that a session comes up no later than it is due. O(log n)."""
        due_ns = session.due_ns
        if due_ns < session.entry_ns:
            session.entry_ns = due_ns
            heapq.heappush(self._heap, (due_ns, next(self._number), session))

    def due(self, now_ns: int) -> Iterator[Session]:
        """Yield the sessions that are due, each once; after it was seen to, a session is entered again."""
        while self._heap and self._heap[0][0] <= now_ns:
            entry_ns, _, session = heapq.heappop(self._heap)
            if entry_ns != session.entry_ns or session.state is State.CLOSED:
                continue  # a sooner entry has replaced it, or it left
            session.entry_ns = _NEVER
            if session.due_ns <= now_ns:
                yield session
            self.enter(session)
