"""What an operator takes back, time ends, or a token never gave, a session loses at once and is told so."""

import secrets
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fxengine.codes import EventKind, RejectReason, RevokeAction
from fxengine.messages import (
    Amend,
    BalancesRequest,
    Cancel,
    Deposit,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    MessageType,
    MoneyReport,
    OpenOrdersRequest,
    Reject,
    Request,
    Revoke,
    SessionMode,
    Swap,
)
from fxengine.wire import command_frame, encode
from tests.asking import limit_order, logon
from tests.integration.hand_cycled import ByHand
from tests.integration.test_gateway_sessions import cancel_record, order_record
from tests.integration.trading_desk import Desk, Line
from tests.integration.venue_thread import CURRENCIES, SECOND_NS

FROZEN, REVOKED, SCOPE = RejectReason.ACCOUNT_FROZEN, RejectReason.TOKEN_REVOKED, RejectReason.NOT_IN_SCOPE


@pytest.fixture
def desk(by_hand: ByHand) -> Desk:
    return Desk(by_hand)


def token(desk: Desk, subject: str, jti: str | None = None, **claims: object) -> str:
    """Sign a token with claims of any kind."""
    hand = desk.by_hand
    now_s = hand.clock() // SECOND_NS
    payload: dict[str, Any] = {
        "iss": hand.kyc.issuer,
        "sub": subject,
        "aud": "fx-test",
        "level": "professional",
        "jurisdiction": "HK",
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + 3_600,
        "jti": jti or secrets.token_hex(8),
        "currencies": list(CURRENCIES),
    }
    pem = next(hand.folder.glob("keys/k.pem")).read_bytes()
    key = load_pem_private_key(pem, password=None)
    return jwt.encode(payload | claims, key, algorithm="EdDSA", headers={"kid": hand.kyc.kid})


def revoke(desk: Desk, action: RevokeAction, account: int = 0, jti: str = "") -> None:
    desk.operator.say(Revoke(desk.next_id(), int(action), account, jti))
    desk.operator.hear(MoneyReport)


def refused(line: Line, *requests: Request) -> set[RejectReason]:
    """Return why these requests are refused, by the gateway or by the core."""
    line.reports()
    line.say(*requests)
    reasons: list[int] = []

    def all_refused() -> bool:
        line.read()
        reports = [message for message in line.heard if isinstance(message, Reject | ExecutionReport)]
        reasons[:] = [message.reason for message in reports]
        return len(reasons) >= len(requests)

    line.by_hand.turn_until(all_refused)
    line.heard = []
    return set(map(RejectReason, reasons))


def test_a_frozen_account_loses_its_orders_hears_why_and_asks_and_does_nothing_until_released(desk: Desk) -> None:
    line, other = desk.funded("maker-1"), desk.funded("maker-2")
    line.say(limit_order(1))
    line.hear(ExecutionReport)
    revoke(desk, RevokeAction.FREEZE, line.account)
    told = line.hear(ExecutionReport, 2)
    assert [(report.exec_type, report.reason) for report in told] == [
        (EventKind.CANCELED, FROZEN),
        (EventKind.REVOKED, FROZEN),
    ]
    assert refused(line, BalancesRequest(1), OpenOrdersRequest(2, 0), limit_order(2)) == {FROZEN}
    again = desk.by_hand.connect()
    again.send(encode([logon(desk.by_hand.token("maker-1"))]))
    [reject] = desk.by_hand.hear(again)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.ref_type) == (FROZEN, MessageType.LOGON)
    other.say(limit_order(1))
    assert other.hear(ExecutionReport)[0].exec_type == EventKind.ACCEPTED
    revoke(desk, RevokeAction.UNFREEZE, line.account)
    line.reports()
    line.say(limit_order(3))
    assert line.hear(ExecutionReport)[0].exec_type == EventKind.ACCEPTED
    line.say(OpenOrdersRequest(4, 0))
    assert not [message for message in line.reports() if isinstance(message, Reject)]


def test_a_revoked_token_ends_its_sessions_rights_and_comes_in_nowhere_again(desk: Desk) -> None:
    stolen = token(desk, "maker-1", "stolen")
    line = desk.line("maker-1", token=stolen)
    revoke(desk, RevokeAction.TOKEN, jti="stolen")
    assert line.hear(ExecutionReport)[-1].exec_type == EventKind.REVOKED
    assert refused(line, BalancesRequest(1), limit_order(1)) == {REVOKED}
    line.socket.send(command_frame(order_record(2).tobytes()))
    assert line.refusal() is REVOKED
    line.say(Heartbeat(5))
    assert line.hear(HeartbeatAck) == [HeartbeatAck(5)]
    for thief in (line.socket, desk.by_hand.connect()):
        thief.send(encode([logon(stolen)]))
        reject = next(message for message in desk.by_hand.hear(thief) if isinstance(message, Reject))
        assert (reject.reason, reject.ref_type) == (REVOKED, MessageType.LOGON)
    line.say(logon(token(desk, "maker-1", "fresh")), BalancesRequest(2))
    line.hear(LogonAck)
    assert refused(line, limit_order(3)) == {RejectReason.INSUFFICIENT_FUNDS}, "the account goes on with a fresh token"


def test_a_session_of_an_older_token_loses_its_rights_when_that_token_is_revoked_and_no_other_does(desk: Desk) -> None:
    older = desk.line("maker-1", token=token(desk, "maker-1", "older"))
    newer = desk.line("maker-1", token=token(desk, "maker-1", "newer"))
    revoke(desk, RevokeAction.TOKEN, jti="older")
    assert refused(older, limit_order(1), BalancesRequest(1)) == {REVOKED}
    assert refused(newer, limit_order(1)) == {RejectReason.INSUFFICIENT_FUNDS}


def test_all_sessions_of_an_account_ask_in_vain_once_its_credential_is_revoked(desk: Desk) -> None:
    older = desk.line("maker-1", token=token(desk, "maker-1", "older"))
    newer = desk.line("maker-1", token=token(desk, "maker-1", "newer"))
    revoke(desk, RevokeAction.TOKEN, jti="newer")
    assert refused(older, limit_order(1), BalancesRequest(1)) == {REVOKED}
    newest = desk.line("maker-1", token=token(desk, "maker-1", "newest"))
    for number, line in enumerate((older, newest), 2):
        assert refused(line, limit_order(number)) == {RejectReason.INSUFFICIENT_FUNDS}
    assert refused(newer, limit_order(4)) == {REVOKED}


def test_what_the_core_refuses_to_revoke_bars_nobody(desk: Desk) -> None:
    line = desk.line("maker-1", token=token(desk, "maker-1", "mine"))
    line.reports()
    sent_by_a_client = refused(line, Revoke(1, int(RevokeAction.TOKEN), 0, "mine"))
    assert sent_by_a_client == {RejectReason.NOT_AUTHORIZED}
    assert refused(desk.operator, Revoke(desk.next_id(), int(RevokeAction.FREEZE), 99, "")) == {
        RejectReason.UNKNOWN_ACCOUNT
    }
    brief = desk.by_hand.operator.token(
        "operator-2",
        venue_id="fx-test",
        level="professional",
        jurisdiction="HK",
        currencies=(),
        issued_at_ns=desk.by_hand.clock(),
        lifetime_s=1,
    )
    expired = Line(desk.by_hand, "operator-2", token=brief)
    desk.wait(1.5)
    assert refused(expired, Revoke(1, int(RevokeAction.TOKEN), 0, "mine")) == {RejectReason.NOT_AUTHORIZED}
    assert refused(line, limit_order(1)) == {RejectReason.INSUFFICIENT_FUNDS}


def test_a_session_is_told_once_that_its_credential_has_ended(desk: Desk) -> None:
    line = desk.line("maker-1", token=token(desk, "maker-1", exp=desk.by_hand.clock() // SECOND_NS + 5))
    desk.wait(4.5)
    line.reports()
    desk.wait(1)
    [reject] = line.hear(Reject)
    assert (reject.reason, reject.ref_type) == (RejectReason.CREDENTIAL_EXPIRED, 0)
    desk.wait(3)
    assert refused(line, BalancesRequest(1)) == {RejectReason.CREDENTIAL_EXPIRED}
    line.say(logon(token(desk, "maker-1")))
    line.hear(LogonAck)
    assert refused(line, limit_order(1)) == {RejectReason.INSUFFICIENT_FUNDS}


def scoped(desk: Desk, subject: str, **scope: object) -> Line:
    """Return a session with a scope, of an account that can pay and has an open order in each instrument."""
    whole = desk.funded(subject)
    for number, instrument in enumerate(range(3), 1):
        whole.say(limit_order(number, instrument=instrument, price_ticks=100))
        whole.hear(ExecutionReport)
    line = desk.line(subject, token=token(desk, subject, scope=scope))
    line.reports()
    return line


def test_a_scope_is_what_its_session_may_do_and_no_more(desk: Desk) -> None:
    line = scoped(desk, "maker-1", actions=["order", "cancel"], instruments=["EUR/USD"], size={"EUR": "50"})
    sequence = desk.core.sequence
    outside: list[Request] = [
        limit_order(10, instrument=1),
        limit_order(11, quantity_lots=51),
        Amend(12, 0, 1, 100, 51, -1),
        Amend(13, 0, 2, 100, 5, -1),
        Cancel(14, 0, 3),
        Swap(15, 1, 0, 1, 10**6, 1, 0, 0),
        BalancesRequest(16),
        OpenOrdersRequest(17, 0),
    ]
    assert refused(line, *outside) == {SCOPE}
    line.socket.send(
        command_frame(b"".join(r.tobytes() for r in (order_record(20, quantity_lots=51), cancel_record(21, 3))))
    )
    assert [reject.reason for reject in line.hear(Reject, 2)] == [SCOPE, SCOPE]
    assert desk.core.sequence == sequence
    line.say(
        limit_order(30, quantity_lots=50, price_ticks=99),
        Amend(31, 0, 30, 98, 49, -1),
        Cancel(32, 0, 30),
        Cancel(33, 0, 1),
    )
    kinds = [report.exec_type for report in line.hear(ExecutionReport, 5)]
    assert kinds == [EventKind.ACCEPTED, EventKind.REPLACED, EventKind.RESTED, EventKind.CANCELED, EventKind.CANCELED]
    line.say(limit_order(40, price_ticks=99), Amend(41, 0, 40, 98, 51, -1))
    assert line.refusal() is SCOPE, "also of an order that came in the same frame"


@pytest.mark.parametrize(
    "ask",
    [
        lambda text: logon(text, mode=SessionMode.DROP_COPY),
        lambda text: logon(text, next_stream=1),
        lambda text: logon(text, cancel_on_disconnect=True),
    ],
    ids=["drop copy", "replay", "cancel on disconnect"],
)
def test_a_logon_that_asks_for_more_than_its_scope_is_refused(desk: Desk, ask: Callable[[str], Logon]) -> None:
    socket = desk.by_hand.connect()
    socket.send(encode([ask(token(desk, "maker-1", scope={"actions": ["order"]}))]))
    [reject] = desk.by_hand.hear(socket)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.ref_type) == (SCOPE, MessageType.LOGON)


def test_an_operator_with_a_scope_only_looks(desk: Desk) -> None:
    hand = desk.by_hand
    pem = next(hand.folder.glob("keys/o.pem")).read_bytes()
    now_s = hand.clock() // SECOND_NS
    claims = {
        "iss": hand.operator.issuer,
        "sub": "clerk",
        "aud": "fx-test",
        "level": "professional",
        "jurisdiction": "HK",
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + 60,
        "jti": "clerk-1",
        "currencies": [],
        "scope": {},
    }
    text = jwt.encode(claims, load_pem_private_key(pem, password=None), algorithm="EdDSA", headers={"kid": "o"})
    clerk = Line(hand, "clerk", token=text)
    commands: list[Request] = [Deposit(1, 2, 0, 1), Revoke(2, 1, 2, "")]
    assert refused(clerk, *commands) == {SCOPE}
