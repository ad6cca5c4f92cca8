"""Attacks on KYC tokens, as the literature has them, each with the code it must be refused with.

A token is what turns a connection into an account, so here each attack is made byte by byte, as a
library would refuse to make it: no algorithm, another algorithm keyed with what everybody knows, half
a signature, a signature that some verifiers take twice, a key that the attacker brought along.

Source: RFC 8725 (JWT best current practices), RFC 7515 section 10, RFC 8032 section 5.1.7 (a
signature's S below the group's order), Tim McLean 2015 ("none", and confusing public with shared keys).
"""

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fxengine.codes import RejectReason

R = RejectReason
Header = dict[str, Any]
Claims = dict[str, Any]
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of the group that Ed25519 signs in; S + _ORDER is the same number there, and another signature on paper."""
_SHA: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_SIGNATURE_BYTES: Final = 64
_ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


class Attack(NamedTuple):
    """A token that must be refused, and why."""

    name: str
    token: str
    reason: RejectReason
    client_key: str | None = None
    """The CURVE key of the connection that presents it."""


class Forger:
    """Makes tokens that nobody should be able to use. ``private`` is an issuer's own key, for what it really signs."""

    def __init__(self, private: Ed25519PrivateKey, *, issuer: str, kid: str, venue_id: str, now_s: int) -> None:
        self._private, self._venue_id, self._now_s = private, venue_id, now_s
        self.header: Header = {"alg": "EdDSA", "typ": "JWT", "kid": kid}
        self.claims: Claims = {
            "iss": issuer, "sub": "victim-1", "aud": venue_id, "iat": now_s, "nbf": now_s, "exp": now_s + 3_600,
            "jti": "forged-1", "level": "maker", "jurisdiction": "HK", "currencies": ["EUR", "USD"],
        }  # fmt: skip

    def signed(self, header: Header | None = None, /, **changes: object) -> str:
        """Sign with the issuer's own key; ``changes`` are to the claims."""
        made = {name: value for name, value in (self.claims | changes).items() if value is not _ABSENT}
        return self._with_signature(_signing_input(header or self.header, made))

    def _with_signature(self, signing_input: str, private: Ed25519PrivateKey | None = None) -> str:
        signature = (private or self._private).sign(signing_input.encode())
        return f"{signing_input}.{_b64(signature)}"

    def attacks(self, rng: Random) -> Iterator[Attack]:
        """Yield every attack once."""
        yield from self._no_algorithm()
        yield from self._confused_algorithm()
        yield from self._broken_signature(rng)
        yield from self._anothers_key()
        yield from self._wrong_time()
        yield from self._wrong_claims()
        yield from self._wrong_form()

    def _no_algorithm(self) -> Iterator[Attack]:
        for alg in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            " EdDSA",
            "eddsa",
            "Ed25519",
            "EdDSA\0",
            None,
            7,
            ["EdDSA"],
            True,
        ):
            signing_input = _signing_input(self.header | {"alg": alg}, self.claims)
            yield Attack(f"alg {alg!r} without a signature", f"{signing_input}.", R.TOKEN_ALGORITHM)
            yield Attack(f"alg {alg!r} with a good one", self._with_signature(signing_input), R.TOKEN_ALGORITHM)
        header = {name: value for name, value in self.header.items() if name != "alg"}
        yield Attack("no alg", self.signed(header), R.TOKEN_ALGORITHM)
        yield Attack("EdDSA without a signature", f"{_signing_input(self.header, self.claims)}.", R.TOKEN_SIGNATURE)

    def _confused_algorithm(self) -> Iterator[Attack]:
        public = self._private.public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        shared = {
            "raw": raw,
            "base64url": _b64(raw).encode(),
            "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "OpenSSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
            "JWK": json.dumps({"kty": "OKP", "crv": "Ed25519", "x": _b64(raw)}).encode(),
            "nothing": b"",
        }
        for alg, digest in _SHA.items():
            signing_input = _signing_input(self.header | {"alg": alg}, self.claims)
            for form, secret in shared.items():
                signature = hmac.new(secret, signing_input.encode(), digest).digest()
                token = f"{signing_input}.{_b64(signature)}"
                yield Attack(f"{alg} keyed with the public key ({form})", token, R.TOKEN_ALGORITHM)
        for alg in ("RS256", "PS256", "ES256", "ES256K", "ES512", "HS256 EdDSA"):
            token = self._with_signature(_signing_input(self.header | {"alg": alg}, self.claims))
            yield Attack(f"{alg} over an Ed25519 signature", token, R.TOKEN_ALGORITHM)

    def _broken_signature(self, rng: Random) -> Iterator[Attack]:
        signing_input = _signing_input(self.header, self.claims)
        good = self._private.sign(signing_input.encode())

        def with_signature(name: str, signature: bytes) -> Attack:
            return Attack(name, f"{signing_input}.{_b64(signature)}", R.TOKEN_SIGNATURE)

        for length in (1, 31, 32, 33, 63):
            yield with_signature(f"truncated to {length} bytes", good[:length])
        for tail in (b"\0", good, bytes(64)):
            yield with_signature(f"longer by {len(tail)}", good + tail)
        point, scalar = good[:32], int.from_bytes(good[32:], "little")
        for times in (1, 2, 15):
            if scalar + times * _ORDER < 2**256:
                malleable = (scalar + times * _ORDER).to_bytes(32, "little")
                yield with_signature(f"malleable: S + {times} x the order", point + malleable)
        yield with_signature("S negated", point + ((-scalar) % _ORDER).to_bytes(32, "little"))
        for bit in (5, 6, 7):
            yield with_signature(f"bit {bit} of S", good[:-1] + bytes([good[-1] | 1 << bit]))
        yield with_signature("the other sign of R", point[:31] + bytes([point[31] ^ 0x80]) + good[32:])
        yield with_signature("all zero", bytes(_SIGNATURE_BYTES))
        yield with_signature("the identity and zero", b"\1" + bytes(63))
        yield with_signature("R and S exchanged", good[32:] + good[:32])
        for place in rng.sample(range(_SIGNATURE_BYTES * 8), 32):
            flipped = bytearray(good)
            flipped[place // 8] ^= 1 << place % 8
            yield with_signature(f"bit {place} flipped", bytes(flipped))
        other = _signing_input(self.header, self.claims | {"sub": "attacker-1"})
        yield Attack("a good signature of another token", f"{other}.{_b64(good)}", R.TOKEN_SIGNATURE)
        retyped = _signing_input({"kid": self.header["kid"], "typ": "JWT", "alg": "EdDSA"}, self.claims)
        yield Attack("a good signature under another header", f"{retyped}.{_b64(good)}", R.TOKEN_SIGNATURE)

    def _anothers_key(self) -> Iterator[Attack]:
        mine = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        x = _b64(mine.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.header["kid"]}
        brought: list[tuple[str, Header]] = [
            ("signed with another key", {}),
            ("its own key in jwk", {"jwk": jwk}),
            ("its own key in x5c", {"x5c": [x]}),
            ("its own key at jku", {"jku": "https://attacker.example/keys.json"}),
            ("its own key at x5u", {"x5u": "https://attacker.example/key.pem"}),
        ]
        for name, extra in brought:
            token = self._with_signature(_signing_input(self.header | extra, self.claims), mine)
            yield Attack(name, token, R.TOKEN_SIGNATURE)
        for kid in ("unlisted", "../../dev/null", "' OR 1=1 --", "operator-1", "", "sandbox-1\0"):
            yield Attack(f"kid {kid!r}", self.signed(self.header | {"kid": kid}), R.UNKNOWN_ISSUER)
        header = {name: value for name, value in self.header.items() if name != "kid"}
        yield Attack("no kid", self.signed(header), R.UNKNOWN_ISSUER)
        for issuer in ("operator", "https://attacker.example", "SANDBOX", "sandbox ", "", 7, None, ["sandbox"]):
            yield Attack(f"iss {issuer!r}", self.signed(iss=issuer), R.UNKNOWN_ISSUER)
        yield Attack("no iss", self.signed(iss=_ABSENT), R.UNKNOWN_ISSUER)
        header = self.header | {"kid": "operator-1"}
        yield Attack("the operator's iss and kid", self.signed(header, iss="operator"), R.TOKEN_SIGNATURE)
        key, other = "a" * 40, "b" * 40
        bound = self.signed(cnf={"curve": key})
        yield Attack("bound to a key, on a plain line", bound, R.CLIENT_KEY_MISMATCH)
        yield Attack("bound to another's key", bound, R.CLIENT_KEY_MISMATCH, other)
        yield Attack("bound to no key, on a CURVE line", self.signed(), R.CLIENT_KEY_MISMATCH, key)

    def _wrong_time(self) -> Iterator[Attack]:
        now = self._now_s
        yield Attack("expired at this second", self.signed(iat=now - 9, nbf=now - 9, exp=now), R.TOKEN_EXPIRED)
        yield Attack("expired long ago", self.signed(iat=1, nbf=1, exp=2), R.TOKEN_EXPIRED)
        yield Attack("nbf in the next second", self.signed(nbf=now + 1), R.TOKEN_NOT_YET_VALID)
        yield Attack("iat in the next second", self.signed(iat=now + 1), R.TOKEN_NOT_YET_VALID)
        yield Attack("from the future", self.signed(iat=now + 60, nbf=now + 60), R.TOKEN_NOT_YET_VALID)
        odd = (now + 0.5, str(now), True, None, 0, -1, 2**63, 2**70, 1e300, [now], {"$gt": 0})
        for value in odd:
            for claim in ("iat", "nbf", "exp"):
                yield Attack(f"{claim} {value!r}", self.signed(**{claim: value}), R.TOKEN_CLAIM)
        yield Attack("expires before it begins", self.signed(iat=now, exp=now - 1), R.TOKEN_CLAIM)

    def _wrong_claims(self) -> Iterator[Attack]:
        for name in ("sub", "aud", "iat", "nbf", "exp", "jti", "level", "jurisdiction", "currencies"):
            yield Attack(f"no {name}", self.signed(**{name: _ABSENT}), R.TOKEN_CLAIM)
        venue_id = self._venue_id
        for audience in ("another-venue", venue_id.upper(), venue_id + " ", venue_id[:-1], ["another-venue"], "*"):
            yield Attack(f"aud {audience!r}", self.signed(aud=audience), R.WRONG_AUDIENCE)
        for nobody in (None, 7, {}, [], [7], {"venue": venue_id}):
            yield Attack(f"aud {nobody!r}", self.signed(aud=nobody), R.TOKEN_CLAIM)
        for subject in ("", "a\0b", "x" * 256, "é" * 128, "\ud800", 7, None, ["victim-1"]):
            yield Attack(f"sub {subject!r}", self.signed(sub=subject), R.TOKEN_CLAIM)
        for level in ("operator", "Maker", "admin"):
            yield Attack(f"level {level!r}", self.signed(level=level), R.LEVEL_NOT_ALLOWED)
        yield Attack("a jurisdiction not its own", self.signed(jurisdiction="KP"), R.JURISDICTION_NOT_ALLOWED)
        for jurisdiction in ("hk", "HKG", "H", "", "*", None):
            yield Attack(f"jurisdiction {jurisdiction!r}", self.signed(jurisdiction=jurisdiction), R.TOKEN_CLAIM)
        for currencies in (None, "EUR", [7], {"EUR": 1}, ["EUR"] * 257):
            yield Attack(f"currencies {str(currencies)[:20]}", self.signed(currencies=currencies), R.TOKEN_CLAIM)

    def _wrong_form(self) -> Iterator[Attack]:
        good = self.signed()
        head, body, signature = good.split(".")
        doubled = json.dumps(self.claims)[:-1] + ', "sub": "attacker-1"}'
        malformed = {
            "no dot": good.replace(".", ""),
            "two parts": f"{head}.{body}",
            "four parts": f"{good}.{signature}",
            "five parts, as an encrypted one has": f"{head}.{body}.{signature}.{body}.{signature}",
            "padded": f"{good}==",
            "bits that base64url leaves unused": good[:-1] + _ALPHABET[_ALPHABET.index(good[-1]) + 1],
            "base64 instead of base64url": good.replace("_", "/") + "+",
            "a space behind": f"{good} ",
            "a line break within": f"{head}.\n{body}.{signature}",
            "text that is not ASCII": good[:-1] + "é",
            "a header that is no object": f"{_b64(b'[]')}.{body}.{signature}",
            "a header that is no JSON": f"{_b64(b'{')}.{body}.{signature}",
            "claims that are no object": self._with_signature(f"{head}.{_b64(b'[1]')}"),
            "claims that are no JSON": self._with_signature(f"{head}.{_b64(b'sub=victim-1')}"),
            "claims that are no UTF-8": self._with_signature(f"{head}.{_b64(bytes([0x7B, 0xFF, 0x7D]))}"),
            "a claim that stands twice": self._with_signature(f"{head}.{_b64(doubled.encode())}"),
            "claims nested deeply": self._with_signature(f"{head}.{_b64(b'[' * 2_000)}"),
            "a list as kid": self.signed(self.header | {"kid": ["sandbox-1"]}),
            "an object as kid": self.signed(self.header | {"kid": {"$ne": ""}}),
            "empty": "",
            "dots": "..",
        }
        for name, token in malformed.items():
            yield Attack(name, token, R.TOKEN_MALFORMED)


def _signing_input(header: Header, claims: Claims) -> str:
    return f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


_ABSENT: Final = object()
