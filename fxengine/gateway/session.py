"""A session as a state table, without sockets, clocks or tokens in it.

::

                      token good                 CREDENTIALED, durable
    CONNECTED  ------------------>  LOGGING_ON  ---------------------->  ACTIVE
        ^                            |      ^                            |    |
        |   refused, no account yet  |      |   LOGON with a fresh token |    |  LOGOUT
        +----------------------------+      +----------------------------+    v
                                                                            CLOSED

What each message may do in each state stands in :data:`TABLE`. While a logon is under way the
messages behind it wait in the session, so a client may send LOGON and its first orders in one
frame; if the logon is refused, they meet the state it falls back to. A session that asks for too
much (waits, failed logons, answers it does not read) is closed; no other session notices.

The shape, state table and sans I/O, follows h11. Source: https://h11.readthedocs.io
"""

from collections import deque
from enum import Enum, IntEnum, auto
from typing import Any, Final

from fxengine.codes import RejectReason
from fxengine.gateway.outbox import Outbox
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

LOGON_FAILURES_MAX: Final = 3
"""Refused logons in a row that close a session: each may have cost a signature check."""
WAITING_MAX: Final = 1_024
"""Messages that may wait behind a logon."""


class State(IntEnum):
    """Where a session stands."""

    CONNECTED = auto()
    LOGGING_ON = auto()
    ACTIVE = auto()
    CLOSED = auto()


class Kind(IntEnum):
    """What messages have in common as far as a session cares."""

    LOGON = auto()
    LOGOUT = auto()
    HEARTBEAT = auto()
    COMMAND = auto()
    REQUEST = auto()
    OPERATOR_COMMAND = auto()
    OPERATOR_REQUEST = auto()


class Act(Enum):
    """What to do with a message; a refusal is a RejectReason instead."""

    VERIFY = auto()
    WAIT = auto()
    EXECUTE = auto()
    ANSWER = auto()
    ECHO = auto()
    LEAVE = auto()


KIND_OF: Final[dict[type[Any], Kind]] = {
    Logon: Kind.LOGON,
    Logout: Kind.LOGOUT,
    Heartbeat: Kind.HEARTBEAT,
    NewOrder: Kind.COMMAND,
    Cancel: Kind.COMMAND,
    Swap: Kind.COMMAND,
    BalancesRequest: Kind.REQUEST,
    VenueRequest: Kind.REQUEST,
    BookRequest: Kind.REQUEST,
    AccountRequest: Kind.OPERATOR_REQUEST,
    Deposit: Kind.OPERATOR_COMMAND,
    Withdraw: Kind.OPERATOR_COMMAND,
}

_NOBODY: Final[dict[Kind, Act | RejectReason]] = dict.fromkeys(Kind, RejectReason.NOT_LOGGED_ON)

TABLE: Final[dict[State, dict[Kind, Act | RejectReason]]] = {
    State.CONNECTED: _NOBODY | {Kind.LOGON: Act.VERIFY, Kind.LOGOUT: Act.LEAVE, Kind.HEARTBEAT: Act.ECHO},
    State.LOGGING_ON: dict.fromkeys(Kind, Act.WAIT),
    State.ACTIVE: {
        Kind.LOGON: Act.VERIFY,
        Kind.LOGOUT: Act.LEAVE,
        Kind.HEARTBEAT: Act.ECHO,
        Kind.COMMAND: Act.EXECUTE,
        Kind.REQUEST: Act.ANSWER,
        Kind.OPERATOR_COMMAND: RejectReason.NOT_AUTHORIZED,
        Kind.OPERATOR_REQUEST: RejectReason.NOT_AUTHORIZED,
    },
    State.CLOSED: _NOBODY,
}
"""What each kind of message may do in each state."""

_OPERATOR: Final[dict[Kind, Act | RejectReason]] = TABLE[State.ACTIVE] | {
    Kind.OPERATOR_COMMAND: Act.EXECUTE,
    Kind.OPERATOR_REQUEST: Act.ANSWER,
}
_ASKS: Final = frozenset({Kind.REQUEST, Kind.OPERATOR_REQUEST})


class Session:
    """One connection's session. ``identity`` is the routing id that the ROUTER socket gave it."""

    __slots__ = ("account", "expires_ns", "failures", "identity", "operator", "outbox", "state", "waiting")

    def __init__(self, identity: bytes) -> None:
        self.identity = identity
        self.state = State.CONNECTED
        self.account = 0
        """The account's number; 0 before the first logon."""
        self.operator = False
        self.expires_ns = 0
        self.failures = 0
        self.waiting: deque[Request] = deque()
        self.outbox = Outbox()

    def act_on(self, message: Request, now_ns: int) -> Act | RejectReason:
        """Say what to do with a message; one that has to wait is kept. O(1)."""
        kind = KIND_OF[type(message)]
        active = self.state is State.ACTIVE
        act = (_OPERATOR if self.operator and active else TABLE[self.state])[kind]
        if act is Act.WAIT:
            if len(self.waiting) >= WAITING_MAX:
                return RejectReason.TOO_MANY_MESSAGES
            self.waiting.append(message)
        elif active and kind in _ASKS and now_ns >= self.expires_ns:
            # Commands go on to the core, which refuses them for good; questions never reach it.
            return RejectReason.CREDENTIAL_EXPIRED
        return act

    def await_credential(self) -> None:
        """Hold what follows until the core has taken the credential and that is durable."""
        self.state = State.LOGGING_ON

    def credentialed(self, account: int, *, operator: bool, expires_ns: int) -> list[Request]:
        """Become active; return what waited, in order."""
        self.state = State.ACTIVE
        self.account, self.operator, self.expires_ns = account, operator, expires_ns
        self.failures = 0
        return self._release()

    def logon_refused(self) -> list[Request]:
        """Fall back to where the session stood; return what waited, to be acted on there."""
        if self.state is State.CLOSED:
            return []
        self.failures += 1
        if self.failures >= LOGON_FAILURES_MAX:
            self.state = State.CLOSED
        else:
            self.state = State.ACTIVE if self.account else State.CONNECTED
        return self._release()

    def close(self) -> None:
        """End the session; nothing is acted on any more."""
        self.state = State.CLOSED
        self.waiting.clear()

    def _release(self) -> list[Request]:
        waited = list(self.waiting)
        self.waiting.clear()
        return waited
