"""Reports that are sent again: a page here and a page there, so that no cycle waits for a long one.

A client asks in two ways. REPLAY_REQUEST fills a gap while the session goes on; its pages come
between live reports. LOGON with ``next_stream`` brings a new session up to date: it hears no live
report before all it has missed, so its stream has no gap and no report twice::

    history   ... 57 58 59 60 61 62 63                 LOGON next_stream 58
    session   LOGON_ACK  58 59 60 | 61 62 63 REPLAYED  64 65 ...
                         page       page     joins     live

A page is sent only to a session that has read most of what it was sent before, so a replay never
fills an outbox; and each cycle sends a bounded number of reports again, taking turns.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fxengine.codes import RejectReason
from fxengine.gateway.history import History, Times
from fxengine.gateway.session import Session, State
from fxengine.messages import TYPE_OF, Replayed, ReplayRequest
from fxengine.records import Records

REPLAYS_MAX: Final = 4
"""Replays that one session may have under way."""
PAGE_REPORTS: Final = 1_024
"""Reports in a page at most: about a millisecond to encode."""
PAGE_RECORDS: Final = 4_096
RECORDS_PER_REPORT: Final = 8
"""Records that cost as much as one report: they are copied, not encoded."""
LAST_REPORTS: Final = 4_096
"""What is left of a replay when the rest is sent at once."""
CYCLE_REPORTS: Final = 4_096
"""Reports that one cycle sends again, in all, give or take one replay's turn."""
AHEAD_BYTES: Final = 1_048_576
"""What may wait in a session's outbox for it to be sent a further page."""

_ALL: Final = 2**64 - 1


@dataclass(slots=True)
class Replay:
    """What one session is still to hear again."""

    session: Session
    request_id: int
    first: int
    next: int
    last: int
    joins: bool
    """The session hears live reports from where it ends."""
    is_done: bool = False


SendPage = Callable[[Session, Records, Times], None]
Send = Callable[[Session, tuple[object, ...]], None]
Refuse = Callable[[Session, RejectReason, int, int], None]


class Replays:
    """All replays that are under way. ``join`` is called when a session is up to date."""

    def __init__(
        self, history: History, *, send_page: SendPage, send: Send, refuse: Refuse, join: Callable[[Session], None]
    ) -> None:
        self._history = history
        self._send_page, self._send, self._refuse, self._join = send_page, send, refuse, join
        self._waiting: deque[Replay] = deque()

    @property
    def has_work(self) -> bool:
        """Say whether a page could be sent now. O(replays)."""
        return any(map(_is_ready, self._waiting))

    def catch_up(self, session: Session, next_stream: int) -> None:
        """Send the account's reports from ``next_stream`` on, then let the session join.

        What is no longer held is left out: the numbers tell, and REPLAYED says what is the first.
        """
        first = max(next_stream, self._history.first_held(session.account))
        self._waiting.append(Replay(session, 0, first, first, _ALL, joins=True))
        session.n_replays += 1

    def cancel_catching_up(self, session: Session) -> None:
        """Forget that a session is being brought up to date: it logged on once more and said anew what it wants."""
        for replay in self._waiting:
            if replay.session is session and replay.joins:
                replay.is_done = True
                session.n_replays -= 1
        self._waiting = deque(replay for replay in self._waiting if not replay.is_done)

    def begin(self, session: Session, request: ReplayRequest) -> None:
        """Answer a REPLAY_REQUEST, with pages to come or with the reason why not; ``n_replays`` has counted it."""
        history, account = self._history, session.account
        first = max(1, request.first_stream)
        last = min(request.last_stream or _ALL, history.last(account))
        replay = Replay(session, request.request_id, first, first, last, joins=False)
        if first < history.first_held(account):
            self._give_up(replay)
        elif first > last:
            self._end(replay)
        else:
            self._waiting.append(replay)

    def send_pages(self) -> None:
        """Send pages in turn until the cycle's share is spent or no session is ready for one."""
        left = CYCLE_REPORTS
        for _ in range(len(self._waiting)):
            if left <= 0:
                break
            replay = self._waiting.popleft()
            if replay.session.state is State.CLOSED:
                continue
            if _is_ready(replay):
                left -= self._send_next(replay)
            if not replay.is_done:
                self._waiting.append(replay)

    def _send_next(self, replay: Replay) -> int:
        """Send a replay's next page, or all that is left where that is little; return what it cost."""
        session = replay.session
        n_max = PAGE_RECORDS if session.hears_records else PAGE_REPORTS
        newest = min(replay.last, self._history.last(session.account))
        # Live reports are coming in meanwhile: the last pages go together, or the end might never be reached.
        at_once = newest - replay.next < LAST_REPORTS
        cost = 0
        while not replay.is_done:
            events, times = self._history.page(session.account, replay.next, replay.last, n_max)
            if not len(events):
                self._end(replay)
            elif int(events["account_stream"][0]) != replay.next and not replay.joins:
                self._give_up(replay)  # what came next was let go of while the client read the pages before
            else:
                self._send_page(session, events, times)
                cost += len(events) // RECORDS_PER_REPORT if session.hears_records else len(events)
                replay.next = int(events["account_stream"][-1]) + 1
                if replay.next > replay.last:
                    self._end(replay)
            if not at_once:
                break
        return cost

    def _give_up(self, replay: Replay) -> None:
        replay.is_done = True
        replay.session.n_replays -= 1
        self._refuse(replay.session, RejectReason.HISTORY_GONE, int(TYPE_OF[ReplayRequest]), replay.request_id)

    def _end(self, replay: Replay) -> None:
        session = replay.session
        replay.is_done = True
        session.n_replays -= 1
        held = self._history.first_held(session.account)
        self._send(session, Replayed(replay.request_id, replay.first, replay.next - 1, held))
        if replay.joins:
            self._join(session)


def _is_ready(replay: Replay) -> bool:
    return replay.session.outbox.n_bytes < AHEAD_BYTES
