"""Who hears which account's reports, and telling them: a batch of durable events, account by account.

Every session of an account hears all of its reports, whoever caused them, and a drop copy is such a
session too. Reports are made once per account and format and handed to all who listen::

    events --+-- MESSAGES  a row per event, encoded          for accounts that such a session listens to
             `-- RECORDS   the events' own bytes, selected   no Python object per event

Members are all sessions of an account that are logged on; listeners are those of them that hear
reports as they come. One that is still being brought up to date is not among these yet.
"""

from collections.abc import Iterator

import numpy as np

from fxengine.gateway.delivery import Delivery
from fxengine.gateway.history import Times
from fxengine.gateway.reports import report_rows
from fxengine.gateway.session import Session
from fxengine.records import EVENT_BYTES, Records
from fxengine.wire import encode_rows, read_events, report_row

Listeners = dict[int, list[Session]]
_WORDS = EVENT_BYTES // 8


class Audience:
    """The sessions that are logged on, by account."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._members: Listeners = {}
        self._by_messages: Listeners = {}
        self._by_records: Listeners = {}

    def __bool__(self) -> bool:
        return bool(self._members)

    def members(self, account: int) -> list[Session]:
        """Return the account's sessions."""
        return self._members.get(account, [])

    def __iter__(self) -> Iterator[Session]:
        for sessions in self._members.values():
            yield from sessions

    def enter(self, session: Session) -> None:
        """Take in a session that has logged on."""
        self._members.setdefault(session.account, []).append(session)

    def listen(self, session: Session) -> None:
        """Let a member hear its account's reports from now on, as it asked to hear them."""
        listeners = self._by_records if session.hears_records else self._by_messages
        listeners.setdefault(session.account, []).append(session)

    def leave(self, session: Session) -> None:
        """Forget a session. O(the account's sessions)."""
        for sessions in (self._members, self._by_messages, self._by_records):
            of_account = sessions.get(session.account, [])
            if session in of_account:
                of_account.remove(session)
                if not of_account:
                    del sessions[session.account]

    def tell(self, events: Records, time_ns: int) -> None:
        """Tell who listens of ``(n,) EVENT`` records. O(n); in Python only for who listens to messages."""
        if self._by_messages:
            heard = events
            if self._by_records:
                heard = events[np.isin(events["account"], list(self._by_messages))]
            rows = read_events(heard)
            for account, reports in report_rows(rows, heard, time_ns, self._by_messages).items():
                chunk = encode_rows(reports)
                for session in self._by_messages[account]:
                    self._delivery.send_chunk(session, chunk, len(reports))
        if self._by_records:
            for account, selected in _by_account(events, self._by_records):
                for session in self._by_records[account]:
                    self._delivery.send_events(session, selected, time_ns)

    def tell_again(self, session: Session, events: Records, times: Times) -> None:
        """Tell one session of events that it missed, each with the time of its command."""
        if session.hears_records:
            self._delivery.send_events(session, events.tobytes(), int(times[-1]))
            return
        rows = read_events(events)
        timed = enumerate(zip(rows, times.tolist(), strict=True))
        reports = [report_row(row, place, events, time_ns) for place, (row, time_ns) in timed]
        self._delivery.send_chunk(session, encode_rows(reports), len(reports))


def _by_account(events: Records, listening: Listeners) -> Iterator[tuple[int, bytes]]:
    """Yield each listening account's events as bytes, in order. O(n log n) at C speed, or O(n) for a single account."""
    accounts = events["account"]
    first = int(accounts[0]) if len(accounts) else 0
    if (accounts == first).all():
        if first in listening:
            yield first, events.tobytes()
        return
    order = np.argsort(accounts, kind="stable")
    ranked = accounts[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1]))).tolist()
    words = events.view(np.uint64).reshape(-1, _WORDS)
    for start, end, account in zip(starts, [*starts[1:], len(ranked)], ranked[starts].tolist(), strict=True):
        if account in listening:
            yield account, words[order[start:end]].tobytes()
