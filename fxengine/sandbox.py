"""Signing keys on disk and the tokens they sign: the sandbox's KYC issuer, and the venue's operators.

A KYC issuer is another company: it knows the customer, and the venue knows only its public key. So
that a venue can be tried without one, the sandbox issuer vouches for anybody who can read its
private key. The operator issuer is meant to stay: its key is the venue's own authority to credit
an account.

A private key is a file that only its owner can read; see fxengine.private_files.

Source: RFC 7519 (JWT), RFC 8037 (EdDSA in JOSE), RFC 8410 (the key file).
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fxengine.errors import FxEngineError
from fxengine.private_files import create_private, read_private
from fxengine.signed import ALGORITHM, NS_PER_SECOND


class SigningKey:
    """An issuer's Ed25519 private key, with the ``iss`` and ``kid`` it signs under."""

    def __init__(self, issuer: str, kid: str, private: Ed25519PrivateKey) -> None:
        self.issuer = issuer
        self.kid = kid
        self._private = private

    def __repr__(self) -> str:
        return f"SigningKey({self.issuer!r}, {self.kid!r})"

    @property
    def public_text(self) -> str:
        """The public key as the venue file lists it: base64url without padding."""
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def token(
        self,
        subject: str,
        *,
        venue_id: str,
        level: str,
        jurisdiction: str,
        currencies: Iterable[str],
        issued_at_ns: int,
        lifetime_s: int,
        client_key: str = "",
        scope: Mapping[str, object] | None = None,
    ) -> str:
        """Sign a KYC token for one account at one venue.

        ``jurisdiction`` is ISO 3166-1 alpha-2, ``currencies`` the codes the account may hold. Times
        in a JWT are whole seconds: the token starts at ``issued_at_ns`` rounded down and is valid
        strictly before ``lifetime_s`` later. With a ``client_key``, a CURVE public key in Z85, the token
        is good on a connection with that key alone. ``scope`` narrows what its bearer may do; see
        docs/protocol.md. Source: RFC 7519, section 4.1; RFC 7800 (``cnf``).
        """
        issued_at_s = issued_at_ns // NS_PER_SECOND
        claims: dict[str, object] = {
            "sub": subject,
            "aud": venue_id,
            "iat": issued_at_s,
            "nbf": issued_at_s,
            "exp": issued_at_s + lifetime_s,
            "jti": secrets.token_hex(16),
            "level": level,
            "jurisdiction": jurisdiction,
            "currencies": list(currencies),
        }
        if client_key:
            claims["cnf"] = {"curve": client_key}
        if scope:
            claims["scope"] = dict(scope)
        return self.sign(claims)

    def sign(self, claims: Mapping[str, object], *, typ: str = "JWT") -> str:
        """Sign claims as a JWT of a type. Whoever opens it asks for the type, so no kind passes for another."""
        return jwt.encode(
            {"iss": self.issuer, **claims}, self._private, algorithm=ALGORITHM, headers={"kid": self.kid, "typ": typ}
        )


def create_key(directory: Path, issuer: str, kid: str) -> SigningKey:
    """Make a new key and keep it as ``directory/KID.pem``, readable by its owner alone.

    Raises :class:`FxEngineError` where the file exists: a key is never overwritten.
    """
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    create_private(_path(directory, kid), pem, "signing key")
    return SigningKey(issuer, kid, private)


def load_key(directory: Path, issuer: str, kid: str) -> SigningKey:
    """Read a key that :func:`create_key` made.

    Raises :class:`FxEngineError` for a file that is missing, that others can read, or that holds
    no Ed25519 key. The message never quotes the file.
    """
    path = _path(directory, kid)
    pem = read_private(path, "private key", advice="; run 'fxengine init' to make the sandbox's keys")
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise FxEngineError(f"{path}: is not a private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise FxEngineError(f"{path}: is not an Ed25519 key")
    return SigningKey(issuer, kid, private)


def _path(directory: Path, kid: str) -> Path:
    if not kid or not all(c.isascii() and (c.isalnum() or c in "-_") for c in kid):
        raise FxEngineError(f"key id {kid!r} is not made of letters, digits, '-' and '_'")
    return directory / f"{kid}.pem"
