"""Connections to a venue whose cycles the test turns, and what each of them hears, in messages or records."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fxengine.codes import RejectReason
from fxengine.messages import Deposit, ExecutionReport, Heartbeat, HeartbeatAck, Logon, Reject, Reply, Request
from fxengine.records import EVENT, Records
from fxengine.sandbox import SigningKey
from fxengine.wire import decode_replies, encode, is_record_frame, read_event_frame
from tests.asking import logon
from tests.integration.hand_cycled import ByHand
from tests.integration.venue_thread import CURRENCIES

FUNDS = 10**12
STEP_S = 0.5
"""As far as a clock moves at once and still counts as time that passed, and no stall."""

_R = TypeVar("_R", bound=Reply)


class Line:
    """One connection with a session on it, and what it has heard since it last asked."""

    def __init__(
        self,
        by_hand: ByHand,
        subject: str,
        key: SigningKey | None = None,
        *,
        token: str | None = None,
        ask: Callable[[str], Logon] = logon,
    ) -> None:
        self.by_hand = by_hand
        before = set(by_hand.gateway.dispatcher.sessions)
        self.socket = by_hand.connect()
        self.heard: list[Reply] = []
        self.events: Records = np.zeros(0, EVENT)
        """All event records it has heard."""
        self.say(ask(token or by_hand.token(subject, key)))
        by_hand.turn_until(lambda: set(by_hand.gateway.dispatcher.sessions) - before)
        [self.session] = set(by_hand.gateway.dispatcher.sessions) - before
        by_hand.turn_until(lambda: self.session.account)

    @property
    def account(self) -> int:
        return self.session.account

    def say(self, *messages: Request) -> None:
        self.socket.send(encode(messages))

    def read(self) -> None:
        while self.socket.poll(0):
            frame = self.socket.recv()
            if is_record_frame(frame):
                self.events = np.concatenate((self.events, read_event_frame(frame)[0]))
            else:
                self.heard += decode_replies(frame)

    def hear(self, kind: type[_R], n: int = 1) -> list[_R]:
        """Turn the venue until ``n`` messages of this kind have come; return them, and forget all heard so far."""
        found: list[Any] = []

        def enough() -> bool:
            self.read()
            found[:] = [message for message in self.heard if isinstance(message, kind)]
            return len(found) >= n

        self.by_hand.turn_until(enough)
        self.heard = []
        return found

    def hear_events(self, n: int) -> Records:
        """Turn the venue until ``n`` event records have come in all, and return all."""

        def enough() -> bool:
            self.read()
            return len(self.events) >= n

        self.by_hand.turn_until(enough)
        return self.events

    def reports(self) -> list[ExecutionReport]:
        """Return the execution reports that have come so far, once all that was said is answered."""
        self.say(Heartbeat(77))
        acks: list[HeartbeatAck] = []
        collected: list[ExecutionReport] = []
        while not acks:
            self.by_hand.gateway.cycle()
            self.read()
            acks = [message for message in self.heard if message == HeartbeatAck(77)]
        collected = [message for message in self.heard if isinstance(message, ExecutionReport)]
        self.heard = []
        return collected

    def refusal(self) -> RejectReason:
        """Return the reason of the next REJECT."""
        return RejectReason(self.hear(Reject)[0].reason)

    def lose(self) -> None:
        """Cut the connection, and turn the venue until it has noticed."""
        self.socket.close(linger=0)
        self.by_hand.turn_until(lambda: self.session not in self.by_hand.gateway.dispatcher.sessions)


class Desk:
    """A venue and its operator."""

    def __init__(self, by_hand: ByHand) -> None:
        self.by_hand = by_hand
        self.operator = Line(by_hand, "operator-1", by_hand.operator)
        self.operator_id = 0

    @property
    def core(self) -> Any:  # noqa: ANN401 - whichever core the venue runs on
        return self.by_hand.engine.core

    def line(self, subject: str, *, token: str | None = None, ask: Callable[[str], Logon] = logon) -> Line:
        """Return a connection that has logged on."""
        return Line(self.by_hand, subject, token=token, ask=ask)

    def funded(self, subject: str, ask: Callable[[str], Logon] = logon) -> Line:
        """Return a connection that has logged on, with an account that can pay."""
        line = self.line(subject, ask=ask)
        for currency in range(len(CURRENCIES)):
            self.operator.say(Deposit(self.next_id(), line.account, currency, FUNDS))
        self.by_hand.turn_until(lambda: self.core.balance(line.account, len(CURRENCIES) - 1)[0] == FUNDS)
        self.by_hand.gateway.cycle()
        line.read()
        line.heard = []
        return line

    def next_id(self) -> int:
        self.operator_id += 1
        return self.operator_id

    def wait(self, seconds: float) -> None:
        """Let time pass as it does: a cycle and a little time, again and again."""
        for _ in range(round(seconds / STEP_S)):
            self.by_hand.clock.advance(STEP_S)
            self.by_hand.gateway.cycle()
