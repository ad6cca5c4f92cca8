"""KYC tokens: who may log on, as whom, and what the venue will let them hold.

A token is a JWT that an issuer from the venue file signed with Ed25519. The checks run from cheap
to dear and from "is this a token at all" to "is it good here", and each failure has its own code::

    opening   at most 4096 bytes; form, algorithm, issuer, signature: see fxengine.signed
    audience  this venue
    time      iat, nbf <= now < exp on the engine's clock; no leeway
    claims    level and jurisdiction within what this issuer may assert; currencies; scope
    key       cnf names the CURVE key of the connection, or there is neither

An issuer may have several keys, told apart by kid: a new one is listed before it signs, and the old
one stays until its last token has expired. Whether a token was revoked, or its account frozen, is the
core's to know.

Nothing here quotes a token, and no error text of a library that might is passed on.
Source: RFC 7519, RFC 8725 (best current practices), RFC 8037, RFC 7800 (cnf).
"""

import string
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from fxengine.codes import AccountFlag, RejectReason
from fxengine.gateway.scope import Scope, parse_scope
from fxengine.messages.fields import NAME_BYTES_MAX, TOKEN_BYTES_MAX
from fxengine.records import CURRENCIES_MAX
from fxengine.signed import TokenFlaw, TokenOpener, numeric_date_ns
from fxengine.venue import Issuer, Level, Venue

_Z85: Final = frozenset(string.ascii_letters + string.digits + ".-:+=^!/*?&<>()[]{}@%$#")
_Z85_KEY_CHARS: Final = 40
_FLAWS: Final = {
    TokenFlaw.MALFORMED: RejectReason.TOKEN_MALFORMED,
    TokenFlaw.ALGORITHM: RejectReason.TOKEN_ALGORITHM,
    TokenFlaw.UNKNOWN_KEY: RejectReason.UNKNOWN_ISSUER,
    TokenFlaw.SIGNATURE: RejectReason.TOKEN_SIGNATURE,
}
_REQUIRED: Final = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "level", "jurisdiction", "currencies")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a verified token grants: the content of a CREDENTIAL command."""

    issuer: str
    subject: str
    flags: AccountFlag
    level: Level
    jurisdiction: str
    issued_at_ns: int
    expires_ns: int
    permitted: tuple[int, ...]
    """Indices of the currencies the account may hold."""
    token_id: str
    """The token's jti."""
    client_key: str | None
    """CURVE public key, in Z85, of the only client that may present the token; None: any, on a plain connection."""
    scope: Scope | None
    """What of all this the session may use; None: everything."""


class _Refusal(Exception):
    """Carries a reason out of the checks; never leaves this module."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenVerifier:
    """Verifies tokens against one venue's issuers."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._opener = TokenOpener(
            {issuer.name: issuer.keys for issuer in venue.issuers.values()}, bytes_max=TOKEN_BYTES_MAX
        )

    def verify(self, token: str, now_ns: int, client_key: str | None = None) -> Credential | RejectReason:
        """Return what the token grants at ``now_ns``, or the first reason to refuse it.

        ``client_key``: the CURVE key, in Z85, that the connection proved to have; None on a plain one.
        Never raises on the token's account. About 0.3 ms, most of it the signature.
        """
        try:
            issuer, claims = self._signed_claims(token)
            credential = self._credential(issuer, claims, now_ns)
        except _Refusal as refusal:
            return refusal.reason
        # A bound token on a plain line was stolen or is about to be; an unbound one on a CURVE line proves nothing.
        return credential if credential.client_key == client_key else RejectReason.CLIENT_KEY_MISMATCH

    def _signed_claims(self, token: str) -> tuple[Issuer, dict[str, Any]]:
        opened = self._opener.open(token)
        if isinstance(opened, TokenFlaw):
            raise _Refusal(_FLAWS[opened])
        return self._venue.issuers[opened.issuer], opened.claims

    def _credential(self, issuer: Issuer, claims: dict[str, Any], now_ns: int) -> Credential:
        if not all(name in claims for name in _REQUIRED):
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        self._check_audience(claims["aud"])
        issued_at_ns, not_before_ns, expires_ns = (_time_ns(claims[name]) for name in ("iat", "nbf", "exp"))
        if expires_ns <= issued_at_ns:
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        if expires_ns <= now_ns:
            raise _Refusal(RejectReason.TOKEN_EXPIRED)
        if issued_at_ns > now_ns or not_before_ns > now_ns:
            raise _Refusal(RejectReason.TOKEN_NOT_YET_VALID)
        subject = _name(claims["sub"])
        token_id = _name(claims["jti"])
        level_name = _name(claims["level"])
        jurisdiction = _name(claims["jurisdiction"])
        if not (
            len(jurisdiction) == 2 and jurisdiction.isascii() and jurisdiction.isalpha() and jurisdiction.isupper()
        ):
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        permitted = self._permitted(claims["currencies"], issuer.issues or self._venue.currency)
        client_key = _curve_key(claims["cnf"]) if "cnf" in claims else None
        scope = self._scope(claims["scope"]) if "scope" in claims else None
        if level_name not in issuer.levels:
            raise _Refusal(RejectReason.LEVEL_NOT_ALLOWED)
        if jurisdiction not in issuer.jurisdictions:
            raise _Refusal(RejectReason.JURISDICTION_NOT_ALLOWED)
        return Credential(
            issuer=issuer.name,
            subject=subject,
            flags=_flags(issuer),
            level=self._venue.levels[level_name],
            jurisdiction=jurisdiction,
            issued_at_ns=issued_at_ns,
            expires_ns=expires_ns,
            permitted=permitted,
            token_id=token_id,
            client_key=client_key,
            scope=scope,
        )

    def _check_audience(self, audience: object) -> None:
        """Accept the venue's id, alone or in a list. Source: RFC 7519, section 4.1.3."""
        named = audience if isinstance(audience, list) else [audience]
        if not named or not all(isinstance(name, str) for name in named):
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        if self._venue.id not in named:
            raise _Refusal(RejectReason.WRONG_AUDIENCE)

    def _scope(self, claim: object) -> Scope:
        try:
            return parse_scope(claim, self._venue)
        except ValueError:
            raise _Refusal(RejectReason.TOKEN_CLAIM) from None

    def _permitted(self, codes: object, allowed: Container[str]) -> tuple[int, ...]:
        """Turn currency codes into indices. One that is not listed here, or that its issuer does not issue, is none."""
        if not isinstance(codes, list) or len(codes) > CURRENCIES_MAX:
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        if not all(isinstance(code, str) for code in codes):
            raise _Refusal(RejectReason.TOKEN_CLAIM)
        listed = self._venue.currency
        return tuple(sorted({listed[code].index for code in codes if code in listed and code in allowed}))


def _flags(issuer: Issuer) -> AccountFlag:
    if issuer.operator:
        return AccountFlag.OPERATOR
    return AccountFlag.ISSUER if issuer.issues else AccountFlag.NONE


def _curve_key(claim: object) -> str:
    """Return the Z85 key that a ``cnf`` names as ``curve``; other ways to confirm are not known here. RFC 7800."""
    key = claim.get("curve") if isinstance(claim, dict) else None
    if not isinstance(key, str) or len(key) != _Z85_KEY_CHARS or not _Z85.issuperset(key):
        raise _Refusal(RejectReason.TOKEN_CLAIM)
    return key


def _time_ns(value: object) -> int:
    time_ns = numeric_date_ns(value)
    if time_ns is None:
        raise _Refusal(RejectReason.TOKEN_CLAIM)
    return time_ns


def _name(value: object) -> str:
    """Return text of 1 to 255 bytes that can stand in the journal, where NUL separates names."""
    if not isinstance(value, str) or not 0 < len(value) <= NAME_BYTES_MAX or "\0" in value:
        raise _Refusal(RejectReason.TOKEN_CLAIM)
    try:
        n_bytes = len(value.encode())
    except UnicodeEncodeError:
        raise _Refusal(RejectReason.TOKEN_CLAIM) from None
    if n_bytes > NAME_BYTES_MAX:
        raise _Refusal(RejectReason.TOKEN_CLAIM)
    return value
