"""Logons under way: from a verified token to a CREDENTIAL command that is durable.

::

    LOGON ---> token verified ---> CREDENTIAL gathered ---> submitted ---> durable: CREDENTIALED
                  |  no                place in the batch     sequence        or REJECTED
                  v
               refused at once

The gateway judges the token, the core whether it may be used: an older one than the account has
seen, a revoked one, a frozen account are refused there, and by every replay in the same way.
"""

from hashlib import blake2b
from typing import NamedTuple

from fxengine.codes import RejectReason
from fxengine.engine import Engine, credential_command
from fxengine.gateway.kyc import Credential, TokenVerifier
from fxengine.gateway.limits import Allowances
from fxengine.gateway.scope import Action, Scope, admission
from fxengine.gateway.session import Grant, Session
from fxengine.messages import Logon, SessionMode
from fxengine.venue import Venue


class Pending(NamedTuple):
    """A logon whose command is on its way."""

    session: Session
    credential: Credential
    logon: Logon


def token_hash(token_id: str) -> bytes:
    """Return the 16 bytes by which the core knows a token: blake2b-128 of its jti. Source: RFC 7693."""
    return blake2b(token_id.encode(), digest_size=16).digest()


def asks_too_much(logon: Logon, scope: Scope | None) -> bool:
    """Say whether a LOGON asks for what its token's scope leaves out."""
    if scope is None:
        return False
    reads = logon.mode == SessionMode.DROP_COPY or logon.next_stream > 0
    if reads and Action.READ not in scope.actions:
        return True
    # It is the account's orders that end with the session, so it takes the right to cancel all of them.
    return logon.cancel_on_disconnect > 0 and not (Action.CANCEL in scope.actions and scope.is_whole)


class Logons:
    """The logons under way, by their command's place in the batch and then by its sequence."""

    def __init__(self, engine: Engine, venue: Venue) -> None:
        self._engine, self._venue = engine, venue
        self._verifier = TokenVerifier(venue)
        self._allowances = Allowances()
        self._gathered: list[tuple[int, Pending]] = []
        self.awaited: dict[int, Pending] = {}
        """By the sequence of their command."""

    def begin(self, session: Session, logon: Logon, place: int) -> bytes | RejectReason:
        """Verify a LOGON; return the command for this place in the batch, or why not."""
        credential = self._verifier.verify(logon.token, self._engine.clock_ns(), session.client_key)
        if isinstance(credential, RejectReason):
            return credential
        holder = self._engine.directory.account(credential.issuer, credential.subject)
        if session.account and holder != session.account:
            return RejectReason.ALREADY_LOGGED_ON
        if asks_too_much(logon, credential.scope):
            return RejectReason.NOT_IN_SCOPE
        records = credential_command(
            credential.issuer,
            credential.subject,
            token_id=credential.token_id,
            permitted=credential.permitted,
            level=credential.level.code,
            jurisdiction=credential.jurisdiction,
            window=credential.level.window,
            issued_at_ns=credential.issued_at_ns,
            expires_ns=credential.expires_ns,
            flags=credential.flags,
        )
        session.await_credential()
        self._gathered.append((place, Pending(session, credential, logon)))
        return records.tobytes()

    def submitted(self, first_sequence: int) -> None:
        """Learn the number of the batch's first command."""
        for place, pending in self._gathered:
            self.awaited[first_sequence + place] = pending
        self._gathered.clear()

    def grant(self, account: int, credential: Credential) -> Grant:
        """Return what a session gets whose credential the core has taken."""
        kinds, lots_max = admission(self._venue, credential.scope)
        return Grant(
            account=account,
            credential=credential,
            token_hash=token_hash(credential.token_id),
            allowance=self._allowances.of(account, credential.level),
            kinds=kinds,
            lots_max=lots_max,
        )
