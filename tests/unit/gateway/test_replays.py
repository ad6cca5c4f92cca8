"""A replay is sent in pages, in turns, and whole."""

import random

import pytest

from fxengine.codes import RejectReason
from fxengine.gateway.history import CHUNK_BYTES, CHUNK_EVENTS, History, Times
from fxengine.gateway.replays import CYCLE_REPORTS, LAST_REPORTS, PAGE_RECORDS, PAGE_REPORTS, Replays
from fxengine.gateway.session import Session
from fxengine.messages import Replayed, ReplayRequest, ReportFormat
from fxengine.records import Records
from tests.unit.gateway.test_history import Teller
from tests.unit.gateway.test_session import active


class Told:
    """Replays of one history, and what was sent to whom in each round."""

    def __init__(self, n_events: int, n_chunks: int = 100) -> None:
        self.teller = Teller(random.Random(1), (2,))
        self.history = History(n_chunks * CHUNK_BYTES)
        self.tell(n_events)
        self.sent: dict[Session, list[int]] = {}
        self.ends: list[object] = []
        self.refused: list[RejectReason] = []
        self.joined: list[Session] = []
        self.replays = Replays(
            self.history,
            send_page=self.send_page,
            send=lambda _session, message: self.ends.append(message),
            refuse=lambda _session, reason, _type, _id: self.refused.append(reason),
            join=self.joined.append,
        )

    def tell(self, n_events: int) -> None:
        self.history.add(*self.teller.batch(n_events))

    def send_page(self, session: Session, events: Records, _times: Times) -> None:
        self.sent.setdefault(session, []).extend(events["account_stream"].tolist())

    def session(self, report_format: ReportFormat = ReportFormat.MESSAGES) -> Session:
        session = active(report_format=report_format)
        session.account = 2
        return session

    def ask(self, session: Session, request_id: int, first: int, last: int) -> None:
        session.n_replays += 1
        self.replays.begin(session, ReplayRequest(request_id, first, last))


N = 3 * CHUNK_EVENTS


@pytest.mark.parametrize(("report_format", "page"), [(1, PAGE_REPORTS), (2, PAGE_RECORDS)], ids=["messages", "records"])
def test_a_long_replay_takes_many_cycles_of_bounded_work(report_format: int, page: int) -> None:
    told = Told(N)
    session = told.session(ReportFormat(report_format))
    told.ask(session, 5, 10, 0)
    rounds = 0
    while told.replays.has_work:
        before = len(told.sent.get(session, []))
        told.replays.send_pages()
        assert len(told.sent[session]) - before <= max(page, LAST_REPORTS)
        rounds += 1
    assert rounds >= (N - LAST_REPORTS) // page
    assert told.sent[session] == list(range(10, N + 1))
    assert told.ends == [Replayed(5, 10, N, 1)]
    assert session.n_replays == 0


def test_many_replays_take_turns_within_one_cycles_share() -> None:
    told = Told(N)
    sessions = [told.session() for _ in range(12)]
    for number, session in enumerate(sessions):
        told.ask(session, number, 1, 0)
    told.replays.send_pages()
    assert sum(map(len, told.sent.values())) == CYCLE_REPORTS
    for _ in range(2):
        told.replays.send_pages()
    assert {len(told.sent[session]) for session in sessions} == {PAGE_REPORTS}, "nobody twice before everybody once"


def test_catching_up_ends_though_more_is_told_meanwhile() -> None:
    told = Told(N)
    session = told.session()
    told.replays.catch_up(session, 2)
    for _ in range(200):
        told.replays.send_pages()
        if told.joined:
            break
        told.tell(PAGE_REPORTS - 50)
    assert told.joined == [session]
    assert told.sent[session] == list(range(2, told.teller.n + 1))
    assert told.ends == [Replayed(0, 2, told.teller.n, 1)]


def test_what_is_let_go_of_in_the_middle_ends_a_replay_and_is_left_out_of_catching_up() -> None:
    told = Told(3 * CHUNK_EVENTS, n_chunks=3)
    asking, late = told.session(), told.session()
    told.ask(asking, 1, 1, 0)
    told.replays.catch_up(late, 1)
    told.replays.send_pages()
    told.tell(2 * CHUNK_EVENTS)
    while told.replays.has_work:
        told.replays.send_pages()
    assert told.refused == [RejectReason.HISTORY_GONE]
    assert told.sent[asking] == list(range(1, PAGE_REPORTS + 1))
    first_held = told.history.first_held(2)
    assert first_held > PAGE_REPORTS
    assert told.sent[late] == [*range(1, PAGE_REPORTS + 1), *range(first_held, told.teller.n + 1)]
    assert asking.n_replays == late.n_replays == 0


def test_a_session_that_is_gone_is_sent_nothing_more() -> None:
    told = Told(N)
    session = told.session()
    told.ask(session, 1, 1, 0)
    session.close()
    told.replays.send_pages()
    assert not told.sent
    assert not told.replays.has_work
