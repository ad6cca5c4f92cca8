"""The session's state table, cell by cell, and what waits behind a logon."""

import pytest

from fxengine.codes import RejectReason
from fxengine.gateway.session import LOGON_FAILURES_MAX, WAITING_MAX, Act, Kind, Session, State
from fxengine.messages import (
    AccountRequest,
    BalancesRequest,
    BookRequest,
    Cancel,
    Deposit,
    Heartbeat,
    Logon,
    Logout,
    NewOrder,
    Request,
    Swap,
    VenueRequest,
    Withdraw,
)

NOT_ON, NOT_OPERATOR = RejectReason.NOT_LOGGED_ON, RejectReason.NOT_AUTHORIZED
MESSAGES: dict[Kind, list[Request]] = {
    Kind.LOGON: [Logon("token")],
    Kind.LOGOUT: [Logout()],
    Kind.HEARTBEAT: [Heartbeat(1)],
    Kind.COMMAND: [NewOrder(1, 0, 1, 2, 1, 0, 1, 1), Cancel(2, 0, 1), Swap(3, 0, 1, 1, 1, 1, 0, 0)],
    Kind.REQUEST: [BalancesRequest(1), VenueRequest(1), BookRequest(1, 0, 1)],
    Kind.OPERATOR_COMMAND: [Deposit(1, 2, 0, 1), Withdraw(1, 2, 0, 1)],
    Kind.OPERATOR_REQUEST: [AccountRequest(1, "issuer", "subject")],
}
#                     LOGON       LOGOUT     HEARTBEAT  COMMAND      REQUEST     OPERATOR_COMMAND  OPERATOR_REQUEST
EXPECTED = {
    "connected":      (Act.VERIFY, Act.LEAVE, Act.ECHO, NOT_ON,      NOT_ON,     NOT_ON,           NOT_ON),
    "logging on":     (Act.WAIT,   Act.WAIT,  Act.WAIT, Act.WAIT,    Act.WAIT,   Act.WAIT,         Act.WAIT),
    "active":         (Act.VERIFY, Act.LEAVE, Act.ECHO, Act.EXECUTE, Act.ANSWER, NOT_OPERATOR,     NOT_OPERATOR),
    "operator":       (Act.VERIFY, Act.LEAVE, Act.ECHO, Act.EXECUTE, Act.ANSWER, Act.EXECUTE,      Act.ANSWER),
    "operator again": (Act.WAIT,   Act.WAIT,  Act.WAIT, Act.WAIT,    Act.WAIT,   Act.WAIT,         Act.WAIT),
    "closed":         (NOT_ON,     NOT_ON,    NOT_ON,   NOT_ON,      NOT_ON,     NOT_ON,           NOT_ON),
}  # fmt: skip


def session_in(state: str) -> Session:
    session = Session(b"\0\0\0\0\1")
    if state == "connected":
        return session
    session.await_credential()
    if state == "logging on":
        return session
    session.credentialed(7, operator=state.startswith("operator"), expires_ns=100)
    if state == "operator again":
        session.await_credential()
    if state == "closed":
        session.close()
    return session


@pytest.mark.parametrize("state", EXPECTED)
def test_each_message_does_in_each_state_what_the_table_says(state: str) -> None:
    for kind, expected in zip(MESSAGES, EXPECTED[state], strict=True):
        for message in MESSAGES[kind]:
            assert session_in(state).act_on(message, 50) == expected, message


def test_every_message_a_client_may_send_is_in_the_table() -> None:
    assert {type(message) for messages in MESSAGES.values() for message in messages} == set(Request.__args__)
    assert set(MESSAGES) == set(Kind)


def test_what_was_sent_behind_a_logon_is_acted_on_after_it_in_order() -> None:
    session = session_in("connected")
    session.await_credential()
    for number in range(5):
        session.act_on(Heartbeat(number), 0)
    assert session.credentialed(7, operator=False, expires_ns=100) == [Heartbeat(n) for n in range(5)]
    assert session.state is State.ACTIVE
    assert session.account == 7
    assert not session.waiting


def test_a_refused_first_logon_falls_back_to_connected_and_a_refused_renewal_to_active() -> None:
    first = session_in("logging on")
    first.act_on(Heartbeat(1), 0)
    assert first.logon_refused() == [Heartbeat(1)]
    assert first.state is State.CONNECTED
    renewal = session_in("operator again")
    renewal.logon_refused()
    assert renewal.state is State.ACTIVE
    assert renewal.act_on(Deposit(1, 2, 0, 1), 0) is Act.EXECUTE


def test_logons_refused_in_a_row_close_the_session_and_a_good_one_starts_the_count_again() -> None:
    session = session_in("connected")
    for _ in range(LOGON_FAILURES_MAX - 1):
        session.logon_refused()
    session.await_credential()
    session.credentialed(7, operator=False, expires_ns=100)
    for _ in range(LOGON_FAILURES_MAX - 1):
        session.logon_refused()
    assert session.state is State.ACTIVE
    session.logon_refused()
    assert session.state is State.CLOSED


def test_what_may_wait_is_bounded() -> None:
    session = session_in("logging on")
    for number in range(WAITING_MAX):
        assert session.act_on(Heartbeat(number), 0) is Act.WAIT
    assert session.act_on(Heartbeat(0), 0) is RejectReason.TOO_MANY_MESSAGES
    assert len(session.waiting) == WAITING_MAX


def test_an_expired_credential_answers_no_questions_and_leaves_commands_to_the_core() -> None:
    session = session_in("operator")
    order, question, inquiry = MESSAGES[Kind.COMMAND][0], BalancesRequest(1), AccountRequest(1, "i", "s")
    assert [session.act_on(m, 99) for m in (order, question, inquiry)] == [Act.EXECUTE, Act.ANSWER, Act.ANSWER]
    expired = RejectReason.CREDENTIAL_EXPIRED
    assert [session.act_on(m, 100) for m in (order, question, inquiry)] == [Act.EXECUTE, expired, expired]
    assert session.act_on(Logon("fresh"), 100) is Act.VERIFY


def test_an_answer_that_comes_after_the_session_closed_opens_nothing() -> None:
    session = session_in("logging on")
    session.act_on(Heartbeat(1), 0)
    session.close()
    assert session.logon_refused() == []
    assert session.state is State.CLOSED
