"""Who hears which account's reports, and telling them: a batch of durable events, account by account.

Every session of an account hears all of its reports, whoever caused them, and a drop copy is such a
session too. Reports are made once per account and format and handed to all who listen::

    events --+-- MESSAGES  few: a row per event, encoded; many: a table of encoded reports, selected
             `-- RECORDS   the events' own bytes, selected

Members are all sessions of an account that are logged on; listeners are those of them that hear
reports as they come. One that is still being brought up to date is not among these yet.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from fxengine.gateway.delivery import Delivery
from fxengine.gateway.history import Times
from fxengine.gateway.reports import report_rows
from fxengine.gateway.session import Session
from fxengine.records import EVENT_BYTES, Records, select
from fxengine.wire import TABLE_FROM, encode_rows, is_tabular, read_events, report_row, report_table

TABLE_ROWS: Final = 1_024
"""Reports made at once: as many as stay in the cache."""
Places = npt.NDArray[np.intp]
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
            self._tell_by_messages(events, time_ns)
        if self._by_records:
            words = events.view(np.uint64).reshape(-1, _WORDS)
            for account, places in _by_account(events, self._by_records):
                selected = words[places].tobytes()
                for session in self._by_records[account]:
                    self._delivery.send_events(session, selected, time_ns)

    def _tell_by_messages(self, events: Records, time_ns: int) -> None:
        if self._by_records:
            events = select(events, np.isin(events["account"], list(self._by_messages)))
        if len(events) >= TABLE_FROM:
            tabular = is_tabular(events)
            if not tabular.all():  # who is told of anything but orders hears all of this batch row by row, in its order
                tabular = ~np.isin(events["account"], np.unique(events["account"][~tabular]))
            self._tell_table(select(events, tabular), time_ns)
            events = select(events, ~tabular)
        rows = read_events(events)
        for account, reports in report_rows(rows, events, time_ns, self._by_messages).items():
            self._send(account, encode_rows(reports), len(reports))

    def _tell_table(self, events: Records, time_ns: int) -> None:
        for start in range(0, len(events), TABLE_ROWS):
            part = events[start : start + TABLE_ROWS]
            table = report_table(part, time_ns)
            for account, places in _by_account(part, self._by_messages):
                selected = table[places]
                self._send(account, selected.tobytes(), len(selected))

    def _send(self, account: int, chunk: bytes, n_reports: int) -> None:
        for session in self._by_messages[account]:
            self._delivery.send_chunk(session, chunk, n_reports)

    def tell_again(self, session: Session, events: Records, times: Times) -> None:
        """Tell one session of events that it missed, each with the time of its command."""
        if session.hears_records:
            self._delivery.send_events(session, events.tobytes(), int(times[-1]))
            return
        rows = read_events(events)
        timed = enumerate(zip(rows, times.tolist(), strict=True))
        reports = [report_row(row, place, events, time_ns) for place, (row, time_ns) in timed]
        self._delivery.send_chunk(session, encode_rows(reports), len(reports))


def _by_account(events: Records, listening: Listeners) -> Iterator[tuple[int, Places]]:
    """Yield each listening account and where its events stand, in order. O(n log n) at C speed."""
    if not len(events):
        return
    accounts = events["account"]
    order = np.argsort(accounts, kind="stable")
    ranked = accounts[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    ends = [*starts[1:].tolist(), len(ranked)]
    for start, end, account in zip(starts.tolist(), ends, ranked[starts].tolist(), strict=True):
        if account in listening:
            yield account, order[start:end]
