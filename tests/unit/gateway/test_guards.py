"""An account's wish ends with the last session that had it, and a session is looked at when it is due."""

import random

import numpy as np

from fxengine.codes import CommandKind, GuardAction
from fxengine.gateway.guards import Deadlines, Watches
from fxengine.gateway.session import Session
from fxengine.records import GUARD
from tests.asking import logon
from tests.unit.gateway.test_session import active, grant

MS = 1_000_000


def session_of(account: int) -> Session:
    session = active()
    session.account = account
    return session


def said(command: bytes) -> tuple[int, int, int] | None:
    """Return account, action and watching of a GUARD command; None where there is none."""
    if not command:
        return None
    [guard] = np.frombuffer(command, GUARD)
    assert (guard["kind"], guard["n_records"], guard["client_order_id"]) == (CommandKind.GUARD, 1, 0)
    return int(guard["account"]), int(guard["action"]), int(guard["watching"])


def test_the_first_wish_of_an_account_is_told_to_the_core_and_the_last_lost_ends_its_orders() -> None:
    watches, one, two, other = Watches(), session_of(2), session_of(2), session_of(3)
    assert said(watches.wish(one)) == (2, GuardAction.WATCH, 1)
    assert said(watches.wish(two)) is None
    assert said(watches.wish(two)) is None, "a renewed logon wishes the same again"
    assert said(watches.wish(other)) == (3, GuardAction.WATCH, 1)
    assert said(watches.lose(one)) is None
    assert said(watches.lose(two)) == (2, GuardAction.DISCONNECTED, 0)
    assert said(watches.lose(two)) is None, "it is lost once"
    assert said(watches.wish(one)) == (2, GuardAction.WATCH, 1)


def test_a_wish_taken_back_leaves_the_orders() -> None:
    watches, one, two = Watches(), session_of(2), session_of(2)
    watches.wish(one)
    watches.wish(two)
    assert said(watches.take_back(one)) is None
    assert said(watches.lose(one)) is None
    assert said(watches.take_back(two)) == (2, GuardAction.WATCH, 0)
    assert said(watches.lose(two)) is None


def test_a_session_without_the_wish_ends_nothing() -> None:
    watches, wishing, plain = Watches(), session_of(2), session_of(2)
    watches.wish(wishing)
    assert said(watches.lose(plain)) is None
    assert said(watches.take_back(plain)) is None
    assert said(watches.lose(wishing)) == (2, GuardAction.DISCONNECTED, 0)


def due_now(deadlines: Deadlines, now_ns: int) -> list[Session]:
    """Look as the gateway does: what is due is silent and closed."""
    found = []
    for session in deadlines.due(now_ns):
        assert session.is_silent(now_ns)
        session.close()
        found.append(session)
    return found


def silent_after(heartbeat_ms: int) -> Session:
    session = active(heartbeat_ms=heartbeat_ms)
    session.expiry_told = True
    return session


def test_a_session_comes_up_when_it_is_due_however_often_it_was_heard_before(seed: int) -> None:
    rng = random.Random(seed)
    deadlines = Deadlines()
    sessions = [silent_after(rng.randint(1, 20)) for _ in range(50)]
    for session in sessions:
        deadlines.enter(session)
    open_sessions = list(sessions)
    for now_ns in range(0, 400 * MS, MS):
        for session in open_sessions:
            if now_ns < 300 * MS and rng.random() < 0.1:
                session.heard_ns = now_ns
                deadlines.enter(session)
        late = {session for session in open_sessions if session.is_silent(now_ns)}
        assert (deadlines.next_ns <= now_ns) >= bool(late), "the gateway would sleep too long"
        assert set(due_now(deadlines, now_ns)) == late
        open_sessions = [session for session in open_sessions if session not in late]
    assert not open_sessions


def test_a_deadline_that_moves_to_sooner_counts_at_once() -> None:
    deadlines, session = Deadlines(), silent_after(1_000)
    deadlines.enter(session)
    assert deadlines.next_ns == 2_000 * MS
    session.await_credential()
    session.credentialed(grant(expires_ns=2**62), logon("token", heartbeat_ms=10))
    deadlines.enter(session)
    assert deadlines.next_ns == 20 * MS
    assert due_now(deadlines, 20 * MS) == [session]
    assert due_now(deadlines, 2_000 * MS) == []


def test_a_session_that_waits_for_nothing_wakes_nobody() -> None:
    deadlines, session = Deadlines(), silent_after(0)
    deadlines.enter(session)
    assert deadlines.next_ns == 2**63 - 1
    assert list(deadlines.due(2**62)) == []
