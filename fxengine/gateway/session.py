"""A session as a state table, without sockets, clocks or tokens in it.

::

                      token good                 CREDENTIALED, durable
    CONNECTED  ------------------>  LOGGING_ON  ---------------------->  ACTIVE
        ^                            |      ^                            |    |
        |   refused, no account yet  |      |   LOGON with a fresh token |    |  LOGOUT, silent, slow,
        +----------------------------+      +----------------------------+    v  connection lost
                                                                            CLOSED

What each message may do in each state stands in :data:`TABLE`; in ACTIVE it depends on the session's
role, and a scope takes actions away. The row that holds now is the session's ``acts``, so that for
each message one look-up decides. While a logon is under way what comes behind it waits in the
session, so a client may send LOGON and its first orders in one frame; if the logon is refused,
they meet the state it falls back to. A session that asks for too much (waits, failed logons,
answers it does not read) is closed; no other session notices.

The shape, state table and sans I/O, follows h11. Source: https://h11.readthedocs.io
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import AccountFlag, RejectReason
from fxengine.gateway.kyc import Credential
from fxengine.gateway.limits import Allowance
from fxengine.gateway.outbox import Outbox
from fxengine.gateway.scope import ACTION_OF, Scope
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
    Logon,
    Logout,
    MassCancel,
    MassQuote,
    NewOrder,
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
from fxengine.records import RECORD_BYTES

LOGON_FAILURES_MAX: Final = 3
"""Refused logons in a row that close a session: each may have cost a signature check."""
WAITING_MAX: Final = 2_048
"""Messages and records that may wait behind a logon: two of the largest frames."""

_NS_PER_MS: Final = 1_000_000
_NEVER: Final = 2**63 - 1


class State(IntEnum):
    """Where a session stands."""

    CONNECTED = auto()
    LOGGING_ON = auto()
    ACTIVE = auto()
    CLOSED = auto()


class Role(Enum):
    """What an active session is for."""

    TRADER = auto()
    OPERATOR = auto()
    ISSUER = auto()
    DROP_COPY = auto()


class Kind(IntEnum):
    """What messages have in common as far as a session cares."""

    LOGON = auto()
    LOGOUT = auto()
    HEARTBEAT = auto()
    COMMAND = auto()
    RECORDS = auto()
    RELIEF = auto()
    PAYMENT = auto()
    REQUEST = auto()
    MONEY_COMMAND = auto()
    OPERATOR_COMMAND = auto()
    OPERATOR_REQUEST = auto()


class Act(Enum):
    """What to do with a message; a refusal is a RejectReason instead."""

    VERIFY = auto()
    WAIT = auto()
    EXECUTE = auto()
    RELIEVE = auto()  # execute what makes the account safer, at its own rate
    PAY = auto()  # execute, and tell this session alone under which number
    MOVE = auto()  # the same, if the treasury has nothing against it
    ADMIT = auto()  # execute the records that are good
    ANSWER = auto()
    ECHO = auto()
    LEAVE = auto()


KIND_OF: Final[dict[type[Any], Kind]] = {
    Logon: Kind.LOGON,
    Logout: Kind.LOGOUT,
    Heartbeat: Kind.HEARTBEAT,
    NewOrder: Kind.COMMAND,
    Amend: Kind.COMMAND,
    MassQuote: Kind.COMMAND,
    bytes: Kind.RECORDS,
    Cancel: Kind.RELIEF,
    MassCancel: Kind.RELIEF,
    DeadMan: Kind.RELIEF,
    Swap: Kind.PAYMENT,
    Withdraw: Kind.PAYMENT,
    BalancesRequest: Kind.REQUEST,
    VenueRequest: Kind.REQUEST,
    BookRequest: Kind.REQUEST,
    OrderStatusRequest: Kind.REQUEST,
    OpenOrdersRequest: Kind.REQUEST,
    ReplayRequest: Kind.REQUEST,
    OpenWithdrawalsRequest: Kind.REQUEST,
    SwapQuoteRequest: Kind.REQUEST,
    AccountRequest: Kind.OPERATOR_REQUEST,
    Deposit: Kind.MONEY_COMMAND,
    EndWithdrawal: Kind.MONEY_COMMAND,
    Control: Kind.OPERATOR_COMMAND,
    Bust: Kind.OPERATOR_COMMAND,
    FeePayout: Kind.OPERATOR_COMMAND,
    Revoke: Kind.OPERATOR_COMMAND,
}

Cell = Act | RejectReason
_NOT_ON: Final[dict[Kind, Cell]] = dict.fromkeys(Kind, RejectReason.NOT_LOGGED_ON)
_ALWAYS: Final[dict[Kind, Cell]] = {Kind.LOGON: Act.VERIFY, Kind.LOGOUT: Act.LEAVE, Kind.HEARTBEAT: Act.ECHO}
_TRADES: Final[dict[Kind, Cell]] = {
    Kind.COMMAND: Act.EXECUTE,
    Kind.RECORDS: Act.ADMIT,
    Kind.RELIEF: Act.RELIEVE,
    Kind.PAYMENT: Act.PAY,
    Kind.REQUEST: Act.ANSWER,
}
_MOVES: Final[dict[Kind, Cell]] = {Kind.MONEY_COMMAND: Act.MOVE, Kind.OPERATOR_REQUEST: Act.ANSWER}
_NOT_ALLOWED: Final[dict[Kind, Cell]] = dict.fromkeys(Kind, RejectReason.NOT_AUTHORIZED)

TABLE: Final[dict[State | Role, dict[Kind, Cell]]] = {
    State.CONNECTED: _NOT_ON | _ALWAYS,
    State.LOGGING_ON: dict.fromkeys(Kind, Act.WAIT),
    Role.TRADER: _NOT_ALLOWED | _ALWAYS | _TRADES,
    Role.ISSUER: _NOT_ALLOWED | _ALWAYS | _TRADES | _MOVES,
    Role.OPERATOR: _ALWAYS | _TRADES | _MOVES | {Kind.OPERATOR_COMMAND: Act.PAY},
    Role.DROP_COPY: dict.fromkeys(Kind, RejectReason.NOT_IN_SCOPE) | _ALWAYS | {Kind.REQUEST: Act.ANSWER},
    State.CLOSED: _NOT_ON,
}
"""What each kind of message may do in each state, and in ACTIVE in each role. ``bytes`` is a frame of records."""

Row = dict[type[Any], Cell]
_ROWS: Final[dict[State | Role, Row]] = {
    state: {message: row[kind] for message, kind in KIND_OF.items()} for state, row in TABLE.items()
}
_REVOKED: Final = {message: _ALWAYS.get(kind, RejectReason.TOKEN_REVOKED) for message, kind in KIND_OF.items()}


def _scoped(row: Row, scope: Scope) -> Row:
    """Take from a role's row what a scope leaves out."""
    scoped = dict(row)
    for message, kind in KIND_OF.items():
        action = ACTION_OF.get(message)
        # A scope names none of these commands: a scoped operator or issuer may only look.
        if kind in (Kind.MONEY_COMMAND, Kind.OPERATOR_COMMAND) or (action is not None and action not in scope.actions):
            scoped[message] = RejectReason.NOT_IN_SCOPE
    return scoped


@dataclass(frozen=True, slots=True)
class Grant:
    """What a logon gives a session."""

    account: int
    credential: Credential
    token_hash: bytes
    """As the core knows the token: blake2b-128 of its jti."""
    allowance: Allowance
    kinds: int
    """A bit for each CommandKind that it may send as a record."""
    lots_max: npt.NDArray[np.int64]
    """``(n instruments,)``: the largest order that it may send as a record."""


class Session:
    """One connection's session. ``identity`` is the routing id that the ROUTER socket gave it."""

    __slots__ = (
        "account", "account_frozen", "account_revoked", "acts", "allowance", "client_key", "entry_ns", "expires_ns",
        "expiry_told", "failures", "grant", "heard_ns", "hears_records", "identity", "is_gone", "is_leaving", "issuer",
        "n_replays", "operator", "outbox", "role", "scope", "silence_ns", "state", "token_revoked", "waiting",
        "waiting_cost",
    )  # fmt: skip

    def __init__(self, identity: bytes, client_key: str | None = None) -> None:
        self.identity = identity
        self.client_key = client_key
        """The CURVE key, in Z85, that the connection proved to have; None on a plain one."""
        self.state = State.CONNECTED
        self.acts = _ROWS[State.CONNECTED]
        """What each message may do now."""
        self.role = Role.TRADER
        self.account = 0
        """The account's number; 0 before the first logon."""
        self.operator = False
        self.issuer = False
        self.grant: Grant | None = None
        self.scope: Scope | None = None
        self.allowance = Allowance()
        self.expires_ns = _NEVER
        self.expiry_told = False
        self.token_revoked = False
        """The token of this session was revoked."""
        self.account_frozen = self.account_revoked = False
        """The account was frozen; its credential was revoked, whichever session brought it."""
        self.heard_ns = 0
        self.silence_ns = 0
        """How long nothing may be heard; 0: for ever."""
        self.entry_ns = _NEVER
        """When it is next looked at; see ``guards.Deadlines``."""
        self.hears_records = False
        self.n_replays = 0
        self.failures = 0
        self.waiting: deque[Request | bytes] = deque()
        self.waiting_cost = 0
        self.outbox = Outbox()
        self.is_gone = False
        """It is forgotten: its connection is gone, or it heard its last."""
        self.is_leaving = False
        """It was told why it is closed; once that is sent, it is to be forgotten."""

    def wait(self, what: Request | bytes) -> bool:
        """Keep a message, or a frame of records, until the logon is done; False where no more may wait."""
        self.waiting_cost += _cost(what)
        if self.waiting_cost > WAITING_MAX:
            self.waiting_cost -= _cost(what)
            return False
        self.waiting.append(what)
        return True

    def bar(self, now_ns: int) -> RejectReason:
        """Return why a question is not answered, or NONE.

        Commands go on to the core, which refuses them for good; questions never reach it.
        """
        if self.account_frozen:
            return RejectReason.ACCOUNT_FROZEN
        if self.account_revoked:
            return RejectReason.TOKEN_REVOKED
        return RejectReason.CREDENTIAL_EXPIRED if now_ns >= self.expires_ns else RejectReason.NONE

    @property
    def trades_freely(self) -> bool:
        """Say whether new orders, amends and cancels go to the core as they come, but for the account's limits."""
        return self.scope is None and self.acts.get(NewOrder) is Act.EXECUTE

    def is_silent(self, now_ns: int) -> bool:
        """Say whether it has been silent for longer than it may."""
        return bool(self.silence_ns) and now_ns >= self.heard_ns + self.silence_ns

    @property
    def due_ns(self) -> int:
        """When something is to be said to it, should nothing be heard until then."""
        silent = self.heard_ns + self.silence_ns if self.silence_ns else _NEVER
        return silent if self.expiry_told else min(silent, self.expires_ns)

    def await_credential(self) -> None:
        """Hold what follows until the core has taken the credential and that is durable."""
        self._become(State.LOGGING_ON)

    def credentialed(self, grant: Grant, logon: Logon) -> list[Request | bytes]:
        """Become active, as the LOGON asked; return what waited, in order."""
        self.account, self.grant, self.allowance = grant.account, grant, grant.allowance
        self.scope = grant.credential.scope
        self.operator = bool(grant.credential.flags & AccountFlag.OPERATOR)
        self.issuer = bool(grant.credential.flags & AccountFlag.ISSUER)
        if logon.mode == SessionMode.DROP_COPY:
            self.role = Role.DROP_COPY
        else:
            self.role = Role.OPERATOR if self.operator else Role.ISSUER if self.issuer else Role.TRADER
        self.hears_records = logon.report_format == ReportFormat.RECORDS
        self.silence_ns = 2 * logon.heartbeat_ms * _NS_PER_MS
        self.renew(grant.credential.expires_ns)
        self.failures = 0
        self.token_revoked = False
        self._become(State.ACTIVE)
        return self._release()

    def renew(self, expires_ns: int) -> None:
        """Go on with a newer credential of the account, which this or another session has brought."""
        self.expires_ns, self.expiry_told = expires_ns, False
        self.account_frozen = self.account_revoked = False

    def revoke_token(self) -> None:
        """Refuse everything but a logon with another token: this one was revoked."""
        self.token_revoked = True
        if self.state is State.ACTIVE:
            self._become(State.ACTIVE)

    def logon_refused(self) -> list[Request | bytes]:
        """Fall back to where the session stood; return what waited, to be acted on there."""
        if self.state is State.CLOSED:
            return []
        self.failures += 1
        if self.failures >= LOGON_FAILURES_MAX:
            self._become(State.CLOSED)
        else:
            self._become(State.ACTIVE if self.account else State.CONNECTED)
        return self._release()

    def close(self) -> None:
        """End the session; nothing is acted on any more."""
        self._become(State.CLOSED)
        self._release()

    def _become(self, state: State) -> None:
        self.state = state
        if state is not State.ACTIVE:
            self.acts = _ROWS[state]
        elif self.token_revoked:
            self.acts = _REVOKED
        else:
            self.acts = _ROWS[self.role] if self.scope is None else _scoped(_ROWS[self.role], self.scope)

    def _release(self) -> list[Request | bytes]:
        waited = list(self.waiting)
        self.waiting.clear()
        self.waiting_cost = 0
        return waited


def _cost(what: Request | bytes) -> int:
    if isinstance(what, bytes):
        return max(1, len(what) // RECORD_BYTES)
    if isinstance(what, MassQuote):
        return 1 + sum(len(bids) + len(offers) for _, bids, offers in what.sets) // 4
    return 1
