"""Each session hears its own account's events, all of them, in order, in the format it asked for."""

import random

import numpy as np
import pytest

from fxengine.gateway.audience import Audience
from fxengine.gateway.delivery import Delivery
from fxengine.gateway.session import Session
from fxengine.messages import ExecutionReport, ReportFormat
from fxengine.records import EVENT, Records
from fxengine.wire import decode_replies, is_record_frame, read_event_frame
from tests.unit.gateway.test_session import active

TIME_NS = 77
ACCOUNTS = (2, 3, 4, 9)


def session_of(account: int, report_format: ReportFormat) -> Session:
    session = active(report_format=report_format)
    session.account = account
    return session


def heard(session: Session) -> list[int]:
    """Return the stream numbers of all that stands in a session's outbox, and empty it."""
    numbers: list[int] = []
    while session.outbox:
        frame = session.outbox.next_frame()
        session.outbox.sent()
        if is_record_frame(frame):
            events, time_ns = read_event_frame(frame)
            assert time_ns == TIME_NS
            assert set(events["account"].tolist()) == {session.account}
            numbers += events["account_stream"].tolist()
        else:
            reports = decode_replies(frame)
            assert all(isinstance(report, ExecutionReport) and report.time_ns == TIME_NS for report in reports)
            numbers += [report.account_stream for report in reports if isinstance(report, ExecutionReport)]
    return numbers


def mixed(rng: random.Random, n: int) -> Records:
    """Events of all accounts at random; an event's stream number is its place, so it names it."""
    events = np.zeros(n, EVENT)
    events["kind"], events["account_stream"] = 1, range(n)
    events["account"] = [rng.choice(ACCOUNTS) for _ in range(n)]
    return events


@pytest.mark.parametrize("formats", [(1, 1), (2, 2), (1, 2)], ids=["messages", "records", "both"])
def test_events_of_many_accounts_in_one_batch_go_to_whom_they_concern(formats: tuple[int, int], seed: int) -> None:
    delivery = Delivery()
    audience = Audience(delivery)
    sessions = [session_of(account, ReportFormat(form)) for account in (2, 4) for form in formats]
    for session in sessions:
        audience.enter(session)
        audience.listen(session)
    rng = random.Random(seed)
    for n in (0, 1, 2, 300):
        events = mixed(rng, n)
        audience.tell(events, TIME_NS)
        for session in sessions:
            assert heard(session) == np.flatnonzero(events["account"] == session.account).tolist()


def test_a_member_hears_nothing_before_it_listens_and_nothing_after_it_left(seed: int) -> None:
    delivery = Delivery()
    audience, events = Audience(delivery), mixed(random.Random(seed), 50)
    stays, leaves = session_of(2, ReportFormat.RECORDS), session_of(2, ReportFormat.MESSAGES)
    for session in (stays, leaves):
        audience.enter(session)
    audience.tell(events, TIME_NS)
    assert audience.members(2) == [stays, leaves]
    assert heard(stays) == heard(leaves) == []
    for session in (stays, leaves):
        audience.listen(session)
    audience.leave(leaves)
    audience.leave(leaves)
    audience.tell(events, TIME_NS)
    assert heard(stays)
    assert heard(leaves) == []
    assert list(audience) == [stays]
