"""The session's state table, cell by cell, what a scope takes from it, and what waits behind a logon."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fxengine.codes import AccountFlag, RejectReason
from fxengine.gateway.kyc import Credential
from fxengine.gateway.limits import Allowance
from fxengine.gateway.logons import asks_too_much
from fxengine.gateway.scope import Action, Scope
from fxengine.gateway.session import (
    LOGON_FAILURES_MAX,
    TABLE,
    WAITING_MAX,
    Act,
    Cell,
    Grant,
    Kind,
    Role,
    Session,
    State,
)
from fxengine.messages import (
    AccountRequest,
    Amend,
    BalancesRequest,
    BookRequest,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    Heartbeat,
    Logout,
    MassCancel,
    MassQuote,
    OpenOrdersRequest,
    OpenWithdrawalsRequest,
    OrderStatusRequest,
    ReplayRequest,
    ReportFormat,
    Request,
    Revoke,
    SessionMode,
    Swap,
    SwapQuoteRequest,
    VenueRequest,
    Withdraw,
)
from fxengine.venue import Level
from tests.asking import limit_order, logon

NOT_ON, NO_RIGHT, UNSCOPED = RejectReason.NOT_LOGGED_ON, RejectReason.NOT_AUTHORIZED, RejectReason.NOT_IN_SCOPE
REVOKED = RejectReason.TOKEN_REVOKED
MESSAGES: dict[Kind, list[Request | bytes]] = {
    Kind.LOGON: [logon("token")],
    Kind.LOGOUT: [Logout()],
    Kind.HEARTBEAT: [Heartbeat(1)],
    Kind.COMMAND: [limit_order(1), Amend(2, 0, 1, 1, 1, -1), MassQuote(3, ())],
    Kind.RECORDS: [b"\xc1FXR"],
    Kind.RELIEF: [Cancel(2, 0, 1), MassCancel(3, 0, 0, 0), DeadMan(1)],
    Kind.PAYMENT: [Swap(3, 0, 1, 1, 1, 1, 0, 0), Withdraw(3, 0, 0, 1)],
    Kind.REQUEST: [
        *(BalancesRequest(1), VenueRequest(1), BookRequest(1, 0, 1)),
        *(OrderStatusRequest(1, 1, 0), OpenOrdersRequest(1, 0), ReplayRequest(1, 1, 0)),
        OpenWithdrawalsRequest(1, 0, 0),
        SwapQuoteRequest(1, 0, 1, 1, 1, 1, 0, 0, 0),
    ],
    Kind.MONEY_COMMAND: [Deposit(1, 2, 0, 1), EndWithdrawal(1, 1, 2)],
    Kind.OPERATOR_COMMAND: [
        Revoke(1, 1, 2, ""),
        Control(1, 1, 2, 0),
        Bust(1, 0, 1, 2, 3, 1, 1, 1, 0, 0),
        FeePayout(1, 2, 0, 1),
    ],
    Kind.OPERATOR_REQUEST: [AccountRequest(1, "issuer", "subject")],
}
VERIFY, LEAVE, ECHO, WAIT, EXECUTE, ADMIT, RELIEVE, PAY, MOVE, ANSWER = (
    *(Act.VERIFY, Act.LEAVE, Act.ECHO, Act.WAIT, Act.EXECUTE),
    *(Act.ADMIT, Act.RELIEVE, Act.PAY, Act.MOVE, Act.ANSWER),
)
# LOGON, LOGOUT, HEARTBEAT, COMMAND, RECORDS, RELIEF, PAYMENT, REQUEST, and MONEY_COMMAND, OPERATOR_COMMAND, _REQUEST
EXPECTED = {
    "connected":      (VERIFY, LEAVE, ECHO, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON),
    "logging on":     (WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT),
    "trader":         (VERIFY, LEAVE, ECHO, EXECUTE, ADMIT, RELIEVE, PAY, ANSWER, NO_RIGHT, NO_RIGHT, NO_RIGHT),
    "issuer":         (VERIFY, LEAVE, ECHO, EXECUTE, ADMIT, RELIEVE, PAY, ANSWER, MOVE, NO_RIGHT, ANSWER),
    "operator":       (VERIFY, LEAVE, ECHO, EXECUTE, ADMIT, RELIEVE, PAY, ANSWER, MOVE, PAY, ANSWER),
    "operator again": (WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT),
    "drop copy":      (VERIFY, LEAVE, ECHO, *[UNSCOPED] * 4, ANSWER, *[UNSCOPED] * 3),
    "operator copy":  (VERIFY, LEAVE, ECHO, *[UNSCOPED] * 4, ANSWER, *[UNSCOPED] * 3),
    "token revoked":  (VERIFY, LEAVE, ECHO, REVOKED, REVOKED, REVOKED, REVOKED, REVOKED, REVOKED, REVOKED, REVOKED),
    "closed":         (NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON, NOT_ON),
}  # fmt: skip
FLAGS = {"operator": AccountFlag.OPERATOR, "issuer": AccountFlag.ISSUER}
EXPIRES_NS = 100
WHOLE = Scope(frozenset(Action), (2**62,), (2**127,), None)


def grant(scope: Scope | None = None, flags: AccountFlag = AccountFlag.NONE, expires_ns: int = EXPIRES_NS) -> Grant:
    level = Level("maker", 1, 16, 100, 1_000)
    credential = Credential("issuer", "maker-1", flags, level, "HK", 1, expires_ns, (0,), "jti", None, scope)
    return Grant(7, credential, bytes(16), Allowance(), 0, np.zeros(1, np.int64))


def active(scope: Scope | None = None, flags: AccountFlag = AccountFlag.NONE, **asks: Any) -> Session:  # noqa: ANN401
    session = Session(b"\0\0\0\0\1")
    session.await_credential()
    session.credentialed(grant(scope, flags), logon("token", **asks))
    return session


def session_in(state: str) -> Session:
    if state in ("connected", "logging on"):
        session = Session(b"\0\0\0\0\1")
    else:
        mode = SessionMode.DROP_COPY if "copy" in state else SessionMode.ORDER_ENTRY
        flags = FLAGS.get(state.split(maxsplit=1)[0], AccountFlag.NONE)
        session = active(flags=flags, mode=mode)
    if state in ("logging on", "operator again"):
        session.await_credential()
    if state == "token revoked":
        session.revoke_token()
    if state == "closed":
        session.close()
    return session


@pytest.mark.parametrize("state", EXPECTED)
def test_each_message_does_in_each_state_what_the_table_says(state: str) -> None:
    session = session_in(state)
    for kind, expected in zip(MESSAGES, EXPECTED[state], strict=True):
        for message in MESSAGES[kind]:
            assert session.acts[type(message)] == expected, message


def test_every_message_a_client_may_send_is_in_the_table() -> None:
    in_table = {type(message) for messages in MESSAGES.values() for message in messages}
    assert in_table == {*Request.__args__, bytes}
    assert set(MESSAGES) == set(Kind)


BY_ACTION: dict[Action, tuple[type[Any], ...]] = {
    Action.ORDER: (type(limit_order(1)), Amend),
    Action.CANCEL: (Cancel, MassCancel, DeadMan),
    Action.QUOTE: (MassQuote,),
    Action.SWAP: (Swap,),
    Action.WITHDRAW: (Withdraw,),
    Action.READ: (BalancesRequest, OrderStatusRequest, OpenOrdersRequest, OpenWithdrawalsRequest, ReplayRequest),
}


@pytest.mark.parametrize("left", Action)
@pytest.mark.parametrize("flags", AccountFlag.__members__.values())
def test_a_scope_leaves_its_own_actions_and_what_is_public(left: Action, flags: AccountFlag) -> None:
    free = active(flags=flags).acts
    scoped = active(replace(WHOLE, actions=frozenset({left})), flags).acts

    def expected(message: type[Any], act: Cell) -> Cell:
        if message in (Deposit, EndWithdrawal, Revoke, Control, Bust, FeePayout):
            return UNSCOPED
        taken = any(message in messages for action, messages in BY_ACTION.items() if action is not left)
        return UNSCOPED if taken else act

    assert scoped == {message: expected(message, act) for message, act in free.items()}


def test_a_logon_may_ask_only_for_what_its_scope_has() -> None:
    def too_much(scope: Scope | None, **asks: Any) -> bool:  # noqa: ANN401
        return asks_too_much(logon("token", **asks), scope)

    wishes: list[dict[str, Any]] = [
        {},
        {"mode": SessionMode.DROP_COPY},
        {"next_stream": 1},
        {"cancel_on_disconnect": True},
    ]
    no_reads = replace(WHOLE, actions=WHOLE.actions - {Action.READ})
    no_cancels = replace(WHOLE, actions=WHOLE.actions - {Action.CANCEL})
    one_book = replace(WHOLE, pairs=frozenset())
    assert [
        [too_much(scope, **wish) for wish in wishes] for scope in (None, WHOLE, no_reads, no_cancels, one_book)
    ] == [
        [False, False, False, False],
        [False, False, False, False],
        [False, True, True, False],
        [False, False, False, True],
        [False, False, False, True],
    ]


def test_what_was_sent_behind_a_logon_is_acted_on_after_it_in_order() -> None:
    session = session_in("logging on")
    waiting: list[Request | bytes] = [*(Heartbeat(number) for number in range(5)), b"\xc1FXR"]
    for message in waiting:
        assert session.wait(message)
    assert session.credentialed(grant(), logon("token")) == waiting
    assert session.state is State.ACTIVE
    assert session.account == 7
    assert not session.waiting


def test_a_refused_first_logon_falls_back_to_connected_and_a_refused_renewal_to_active() -> None:
    first = session_in("logging on")
    first.wait(Heartbeat(1))
    assert first.logon_refused() == [Heartbeat(1)]
    assert first.state is State.CONNECTED
    renewal = session_in("operator again")
    renewal.logon_refused()
    assert renewal.state is State.ACTIVE
    assert renewal.acts[Deposit] is MOVE


def test_a_refused_renewal_gives_back_no_more_than_there_was() -> None:
    scoped = active(replace(WHOLE, actions=frozenset({Action.READ})))
    scoped.await_credential()
    scoped.logon_refused()
    assert scoped.acts[Swap] is UNSCOPED
    revoked = session_in("token revoked")
    revoked.await_credential()
    revoked.logon_refused()
    assert revoked.acts[Swap] is REVOKED


def test_a_logon_with_another_token_takes_its_rights_and_no_others() -> None:
    session = session_in("token revoked")
    session.await_credential()
    session.credentialed(grant(replace(WHOLE, actions=frozenset({Action.SWAP}))), logon("token"))
    assert (session.acts[Swap], session.acts[Cancel]) == (PAY, UNSCOPED)
    session.await_credential()
    session.credentialed(grant(), logon("token", mode=SessionMode.DROP_COPY, report_format=ReportFormat.RECORDS))
    assert (session.role, session.hears_records, session.acts[Swap]) == (Role.DROP_COPY, True, UNSCOPED)


def test_logons_refused_in_a_row_close_the_session_and_a_good_one_starts_the_count_again() -> None:
    session = session_in("connected")
    for _ in range(LOGON_FAILURES_MAX - 1):
        session.logon_refused()
    session.await_credential()
    session.credentialed(grant(), logon("token"))
    for _ in range(LOGON_FAILURES_MAX - 1):
        session.logon_refused()
    assert session.state is State.ACTIVE
    session.logon_refused()
    assert session.state is State.CLOSED


@pytest.mark.parametrize(("message", "cost"), [
    (Heartbeat(1), 1), (b"\xc1" * 64 * 64, 64), (MassQuote(1, ((0, (1,) * 64, (1,) * 64),) * 15), 1 + 15 * 32),
], ids=["heartbeat", "frame", "quote"])  # fmt: skip
def test_what_may_wait_is_bounded_by_its_size(message: Request | bytes, cost: int) -> None:
    session = session_in("logging on")
    n = 0
    while session.wait(message):
        n += 1
    assert n == WAITING_MAX // cost
    assert len(session.waiting) == n
    session.credentialed(grant(), logon("token"))
    session.await_credential()
    assert session.wait(message), "what was acted on makes room"


def test_questions_are_barred_by_expiry_freeze_and_revocation_until_a_fresh_credential() -> None:
    session = active()
    assert [session.bar(now_ns) for now_ns in (99, 100)] == [RejectReason.NONE, RejectReason.CREDENTIAL_EXPIRED]
    session.account_revoked = True
    assert session.bar(99) is RejectReason.TOKEN_REVOKED
    session.account_frozen = True
    assert session.bar(99) is RejectReason.ACCOUNT_FROZEN
    session.renew(200)
    assert [session.bar(now_ns) for now_ns in (199, 200)] == [RejectReason.NONE, RejectReason.CREDENTIAL_EXPIRED]


def test_a_session_is_due_when_it_would_be_silent_or_its_credential_ends_and_that_is_told_once() -> None:
    session = active(heartbeat_ms=1)
    session.heard_ns = 50 - 2_000_000
    assert session.due_ns == 50
    assert (session.is_silent(49), session.is_silent(50)) == (False, True)
    session.heard_ns = 0
    assert session.due_ns == EXPIRES_NS
    session.expiry_told = True
    assert session.due_ns == 2_000_000
    session.renew(300)
    assert session.due_ns == 300
    quiet = active()
    quiet.expiry_told = True
    assert quiet.due_ns == 2**63 - 1
    assert not quiet.is_silent(2**62)


def test_an_answer_that_comes_after_the_session_closed_opens_nothing() -> None:
    session = session_in("logging on")
    session.wait(Heartbeat(1))
    session.close()
    assert session.logon_refused() == []
    assert session.state is State.CLOSED


def test_each_state_and_each_role_has_a_row_of_its_own() -> None:
    # Two enumerations of numbers once shared keys, and a stranger had a trader's row.
    assert set(TABLE) == {*State, *Role} - {State.ACTIVE}
    assert len(TABLE) == len(State) - 1 + len(Role)
    assert all(TABLE[State.CONNECTED][kind] is RejectReason.NOT_LOGGED_ON for kind in (Kind.COMMAND, Kind.RECORDS))
