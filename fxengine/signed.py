"""Signed claims: JWTs with Ed25519, opened so strictly that what was signed means one thing.

KYC tokens, commitments and reserve attestations are all of this form, and all are opened here. The
checks run from cheap to dear, and each failure has its own name::

    form       bounded length, three canonical base64url parts, JSON without doubled names
    algorithm  EdDSA, whatever else the header asks for
    type       the header's typ, where the reader asks for one: one key may sign several kinds
    key        (iss, kid) is listed; only now is there a key to check with
    signature  Ed25519, through PyJWT

Nothing here quotes a token, and no error text of a library that might is passed on.
Source: RFC 7519, RFC 8725 (best current practices; 3.11 for types), RFC 8037.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, InvalidTokenError

from fxengine.money import INT64_MAX

ALGORITHM: Final = "EdDSA"
NS_PER_SECOND: Final = 1_000_000_000
KEY_BYTES: Final = 32
"""Of a raw Ed25519 public key."""
DEPTH_MAX: Final = 16
"""How deep lists and objects may stand in one another."""
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


class TokenFlaw(Enum):
    """Why a token was not opened."""

    MALFORMED = auto()
    ALGORITHM = auto()
    TYPE = auto()
    UNKNOWN_KEY = auto()
    SIGNATURE = auto()


class Signed(NamedTuple):
    """What one of the listed keys signed."""

    issuer: str
    kid: str
    claims: dict[str, Any]


class TokenOpener:
    """Opens tokens of the listed signers: ``keys`` is signer (``iss``) to key id to raw Ed25519 public key."""

    def __init__(self, keys: Mapping[str, Mapping[str, bytes]], *, bytes_max: int, typ: str | None = None) -> None:
        self._keys: dict[tuple[str, Any], Ed25519PublicKey] = {
            (name, kid): Ed25519PublicKey.from_public_bytes(raw)
            for name, its_keys in keys.items()
            for kid, raw in its_keys.items()
        }
        self._bytes_max = bytes_max
        self._typ = typ
        self._jws = PyJWS(algorithms=[ALGORITHM])

    def open(self, token: str) -> Signed | TokenFlaw:
        """Return what was signed, or the first reason not to read it. Never raises on the token's account."""
        if len(token) > self._bytes_max or not token.isascii() or "=" in token:
            return TokenFlaw.MALFORMED
        try:
            unverified = self._jws.decode_complete(token, options={"verify_signature": False})
            header = unverified["header"]
            claims = json_object(unverified["payload"])
        except (InvalidTokenError, ValueError, RecursionError):
            return TokenFlaw.MALFORMED
        if header.get("alg") != ALGORITHM:
            return TokenFlaw.ALGORITHM
        if self._typ is not None and header.get("typ") != self._typ:
            return TokenFlaw.TYPE
        name, kid = claims.get("iss"), header.get("kid")
        if not isinstance(name, str) or (key := self._keys.get((name, kid))) is None:
            return TokenFlaw.UNKNOWN_KEY
        try:
            self._jws.decode_complete(token, key, algorithms=[ALGORITHM])
        except InvalidSignatureError:
            return TokenFlaw.SIGNATURE
        except InvalidTokenError:
            return TokenFlaw.MALFORMED
        return Signed(name, str(kid), claims)


def public_key_bytes(text: str) -> bytes:
    """Return a raw Ed25519 public key from base64url, padded or not; ValueError says what is wrong with it."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64url") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, not {len(raw)}")
    return raw


def claimed_signer(token: str) -> tuple[str, str]:
    """Return who a token says signed it, ``iss`` and ``kid``, **unverified**: good to look up whose key is needed.

    Empty texts where it says nothing that could be read.
    """
    try:
        unverified = PyJWS(algorithms=[ALGORITHM]).decode_complete(token, options={"verify_signature": False})
        found = json_object(unverified["payload"]).get("iss"), unverified["header"].get("kid")
    except (InvalidTokenError, ValueError, RecursionError):
        return "", ""
    return (str(found[0]), str(found[1])) if all(isinstance(v, str) for v in found) else ("", "")


def json_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object whose names are all different; ValueError for anything else.

    Of a name that stands twice, two parsers may take two values; what was signed must mean one thing. How deep
    one thing may stand in another is this module's bound, and not the interpreter's: some libraries raise that
    so far that a few thousand brackets would end the process.
    """

    def once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in pairs:
            if name in members:
                raise ValueError("a name stands twice")
            members[name] = value
        return members

    if _depth(text) > DEPTH_MAX:
        raise ValueError("nested too deep")
    parsed = json.loads(text.decode(), object_pairs_hook=once)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def _depth(text: bytes) -> int:
    """Return how deep lists and objects stand in one another; of what is no JSON a bound on it. O(bytes)."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def numeric_date_ns(value: object) -> int | None:
    """Turn a claim in whole seconds into nanoseconds; None for what is no time.

    A bool or a float is none, as its rounding would be ours. Source: RFC 7519, section 2 (NumericDate).
    """
    if type(value) is not int or not 0 < value <= INT64_MAX // NS_PER_SECOND:
        return None
    return value * NS_PER_SECOND
