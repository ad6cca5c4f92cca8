"""A token is good or has one stable reason why not; nothing it holds can raise or be quoted."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fxengine.codes import AccountFlag
from fxengine.codes import RejectReason as R
from fxengine.gateway.kyc import Credential, TokenVerifier
from fxengine.sandbox import SigningKey
from fxengine.venue import Venue
from tests.integration.venue_thread import SECOND_NS, START_NS, make_venue

CLIENT_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
NOW_S = START_NS // SECOND_NS
Claims = dict[str, Any]


class Issuers:
    """Two issuers with keys in memory, a venue that lists them, and tokens of any kind."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.operator_private = Ed25519PrivateKey.generate()
        self.kyc = SigningKey("https://kyc.example", "kyc-1", self.private)
        self.operator = SigningKey("https://venue.example/operators", "operator-1", self.operator_private)
        self.venue: Venue = make_venue(self.kyc, self.operator)
        self.verifier = TokenVerifier(self.venue)

    def claims(self, **changes: object) -> Claims:
        claims = {
            "iss": "https://kyc.example",
            "sub": "maker-1",
            "aud": "fx-test",
            "iat": NOW_S - 10,
            "nbf": NOW_S - 10,
            "exp": NOW_S + 10,
            "jti": "token-1",
            "level": "retail",
            "jurisdiction": "HK",
            "currencies": ["EUR", "JPY"],
        }
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(
        self,
        *,
        kid: str | None = "kyc-1",
        private: Ed25519PrivateKey | None = None,
        header: Claims | None = None,
        **changes: object,
    ) -> str:
        headers = (header or {}) | ({} if kid is None else {"kid": kid})
        payload = json.dumps(self.claims(**changes)).encode()
        return self.sign(payload, headers, private)

    def sign(self, payload: bytes, headers: Claims | None = None, private: Ed25519PrivateKey | None = None) -> str:
        headers = {"kid": "kyc-1"} if headers is None else headers
        return jwt.PyJWS().encode(payload, private or self.private, algorithm="EdDSA", headers=headers)

    def verify(self, token: str, now_ns: int = START_NS) -> Credential | R:
        return self.verifier.verify(token, now_ns)


@pytest.fixture(scope="module")
def issuers() -> Issuers:
    return Issuers()


def test_a_good_token_grants_exactly_what_it_says(issuers: Issuers) -> None:
    assert issuers.verify(issuers.token()) == Credential(
        issuer="https://kyc.example",
        subject="maker-1",
        flags=AccountFlag.NONE,
        level=issuers.venue.levels["retail"],
        jurisdiction="HK",
        issued_at_ns=(NOW_S - 10) * SECOND_NS,
        expires_ns=(NOW_S + 10) * SECOND_NS,
        permitted=(0, 2),
        token_id="token-1",
        client_key=None,
        scope=None,
    )


def test_only_the_operators_issuer_makes_an_operator(issuers: Issuers) -> None:
    operator = issuers.operator.token(
        "maker-1",
        venue_id="fx-test",
        level="professional",
        jurisdiction="HK",
        currencies=(),
        issued_at_ns=START_NS,
        lifetime_s=9,
    )
    granted = issuers.verify(operator)
    assert isinstance(granted, Credential)
    assert granted.flags is AccountFlag.OPERATOR
    assert granted.permitted == ()
    for claim in ({"operator": True}, {"flags": 1}, {"roles": ["operator"]}):
        plain = issuers.verify(issuers.token(**claim))
        assert isinstance(plain, Credential)
        assert plain.flags is AccountFlag.NONE


def test_the_issuer_of_a_currency_makes_issuers_of_that_currency_alone(issuers: Issuers) -> None:
    kyc = replace(issuers.venue.issuers["https://kyc.example"], issues=frozenset({"JPY"}))
    verifier = TokenVerifier(replace(issuers.venue, issuers={kyc.name: kyc}))
    granted = verifier.verify(issuers.token(), START_NS)
    assert isinstance(granted, Credential)
    assert granted.flags is AccountFlag.ISSUER
    assert granted.permitted == (issuers.venue.currency["JPY"].index,)


def test_a_currency_that_is_not_listed_here_permits_nothing_here(issuers: Issuers) -> None:
    granted = issuers.verify(issuers.token(currencies=["BRL", "EUR", "EUR"], aud=["elsewhere", "fx-test"]))
    assert isinstance(granted, Credential)
    assert granted.permitted == (0,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *(
            ({name: ...}, R.TOKEN_CLAIM)
            for name in ("sub", "aud", "iat", "nbf", "exp", "jti", "level", "jurisdiction", "currencies")
        ),
        ({"iss": ...}, R.UNKNOWN_ISSUER),
        ({"iss": "https://other.example"}, R.UNKNOWN_ISSUER),
        ({"iss": ["https://kyc.example"]}, R.UNKNOWN_ISSUER),
        ({"iss": {"https://kyc.example": 1}}, R.UNKNOWN_ISSUER),
        ({"aud": "other-venue"}, R.WRONG_AUDIENCE),
        ({"aud": ["other-venue"]}, R.WRONG_AUDIENCE),
        ({"aud": []}, R.TOKEN_CLAIM),
        ({"aud": [1]}, R.TOKEN_CLAIM),
        ({"aud": 5}, R.TOKEN_CLAIM),
        ({"exp": NOW_S}, R.TOKEN_EXPIRED),
        ({"exp": NOW_S - 1}, R.TOKEN_EXPIRED),
        ({"nbf": NOW_S + 1}, R.TOKEN_NOT_YET_VALID),
        ({"iat": NOW_S + 1}, R.TOKEN_NOT_YET_VALID),
        ({"iat": NOW_S + 10, "exp": NOW_S + 10}, R.TOKEN_CLAIM),
        ({"exp": True}, R.TOKEN_CLAIM),
        ({"exp": float(NOW_S + 10)}, R.TOKEN_CLAIM),
        ({"exp": str(NOW_S + 10)}, R.TOKEN_CLAIM),
        ({"exp": 2**63}, R.TOKEN_CLAIM),
        ({"exp": 10**2000}, R.TOKEN_CLAIM),
        ({"exp": float("inf")}, R.TOKEN_CLAIM),
        ({"iat": True}, R.TOKEN_CLAIM),
        ({"iat": -1}, R.TOKEN_CLAIM),
        ({"nbf": None}, R.TOKEN_CLAIM),
        ({"sub": ""}, R.TOKEN_CLAIM),
        ({"sub": 7}, R.TOKEN_CLAIM),
        ({"sub": "a\0b"}, R.TOKEN_CLAIM),
        ({"sub": "x" * 256}, R.TOKEN_CLAIM),
        ({"sub": "é" * 128}, R.TOKEN_CLAIM),
        ({"sub": "\ud800"}, R.TOKEN_CLAIM),
        ({"jti": ""}, R.TOKEN_CLAIM),
        ({"jti": 7}, R.TOKEN_CLAIM),
        ({"level": 1}, R.TOKEN_CLAIM),
        ({"level": ["retail"]}, R.TOKEN_CLAIM),
        ({"level": "unheard-of"}, R.LEVEL_NOT_ALLOWED),
        ({"jurisdiction": "US"}, R.JURISDICTION_NOT_ALLOWED),
        ({"jurisdiction": "hk"}, R.TOKEN_CLAIM),
        ({"jurisdiction": "HKG"}, R.TOKEN_CLAIM),
        ({"jurisdiction": 852}, R.TOKEN_CLAIM),
        ({"currencies": "EUR"}, R.TOKEN_CLAIM),
        ({"currencies": [1]}, R.TOKEN_CLAIM),
        ({"currencies": [["EUR"]]}, R.TOKEN_CLAIM),
        ({"currencies": ["EUR"] * 257}, R.TOKEN_CLAIM),
        ({"cnf": CLIENT_KEY}, R.TOKEN_CLAIM),
        ({"cnf": None}, R.TOKEN_CLAIM),
        ({"cnf": {}}, R.TOKEN_CLAIM),
        ({"cnf": {"jwk": {}}}, R.TOKEN_CLAIM),
        ({"cnf": {"curve": CLIENT_KEY[1:]}}, R.TOKEN_CLAIM),
        ({"cnf": {"curve": CLIENT_KEY[1:] + "~"}}, R.TOKEN_CLAIM),
        ({"cnf": {"curve": CLIENT_KEY}}, R.CLIENT_KEY_MISMATCH),
        ({"scope": None}, R.TOKEN_CLAIM),
        ({"scope": {"actions": ["everything"]}}, R.TOKEN_CLAIM),
    ],
    ids=lambda case: str(case)[:60],
)
def test_each_bad_claim_has_its_reason(issuers: Issuers, changes: Claims, reason: R) -> None:
    assert issuers.verify(issuers.token(**changes)) is reason


def test_an_issuer_may_assert_only_its_own_levels(issuers: Issuers) -> None:
    token = issuers.token(
        kid="operator-1", private=issuers.operator_private, iss="https://venue.example/operators", level="retail"
    )
    assert issuers.verify(token) is R.LEVEL_NOT_ALLOWED


def test_validity_starts_and_ends_at_the_exact_nanosecond(issuers: Issuers) -> None:
    token = issuers.token(nbf=NOW_S, iat=NOW_S, exp=NOW_S + 1)
    assert issuers.verify(token, NOW_S * SECOND_NS - 1) is R.TOKEN_NOT_YET_VALID
    assert isinstance(issuers.verify(token, NOW_S * SECOND_NS), Credential)
    assert isinstance(issuers.verify(token, (NOW_S + 1) * SECOND_NS - 1), Credential)
    assert issuers.verify(token, (NOW_S + 1) * SECOND_NS) is R.TOKEN_EXPIRED


def test_a_key_of_another_issuer_or_an_unknown_kid_is_refused(issuers: Issuers) -> None:
    assert issuers.verify(issuers.token(kid="operator-1")) is R.UNKNOWN_ISSUER
    assert issuers.verify(issuers.token(kid="nobody")) is R.UNKNOWN_ISSUER
    assert issuers.verify(issuers.token(kid=None)) is R.UNKNOWN_ISSUER
    assert issuers.verify(issuers.token(private=issuers.operator_private)) is R.TOKEN_SIGNATURE
    assert issuers.verify(issuers.token(private=Ed25519PrivateKey.generate())) is R.TOKEN_SIGNATURE


def _unpadded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_no_other_algorithm_is_taken_whatever_the_header_says(issuers: Issuers) -> None:
    payload = json.dumps(issuers.claims()).encode()
    raw_key = issuers.venue.issuers["https://kyc.example"].keys["kyc-1"]
    secret = jwt.PyJWS().encode(payload, raw_key, algorithm="HS256", headers={"kid": "kyc-1"})
    curve = jwt.PyJWS().encode(payload, generate_private_key(SECP256R1()), algorithm="ES256", headers={"kid": "kyc-1"})
    assert issuers.verify(secret) is R.TOKEN_ALGORITHM
    assert issuers.verify(curve) is R.TOKEN_ALGORITHM
    for algorithm in ("none", "None", "eddsa", "HS256", "", None, 7, ["EdDSA"], {"EdDSA": 1}):
        header = _unpadded(json.dumps({"alg": algorithm, "kid": "kyc-1"}).encode())
        assert issuers.verify(f"{header}.{_unpadded(payload)}.") is R.TOKEN_ALGORITHM
    signed = issuers.token().split(".")
    assert issuers.verify(f"{signed[0]}.{signed[1]}.") is R.TOKEN_SIGNATURE


def test_one_changed_bit_anywhere_is_found(issuers: Issuers) -> None:
    header, payload, signature = issuers.token().split(".")
    raw = bytearray(base64.urlsafe_b64decode(payload + "=="))
    raw[raw.index(b"retail")] ^= 1
    assert issuers.verify(f"{header}.{_unpadded(bytes(raw))}.{signature}") is R.TOKEN_SIGNATURE
    for place in range(0, 64, 7):
        broken = bytearray(base64.urlsafe_b64decode(signature + "=="))
        broken[place] ^= 0x10
        assert issuers.verify(f"{header}.{payload}.{_unpadded(bytes(broken))}") is R.TOKEN_SIGNATURE


def test_a_signature_written_another_way_is_no_second_token(issuers: Issuers) -> None:
    token = issuers.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    respelled = token[:-1] + alphabet[last ^ 1]  # the same 64 bytes: the last character carries two bits
    assert base64.urlsafe_b64decode(respelled.split(".")[2] + "==") == base64.urlsafe_b64decode(
        token.split(".")[2] + "=="
    )
    order = 2**252 + 27742317777372353535851937790883648493
    header, payload, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    larger = int.from_bytes(raw[32:], "little") + order
    malleated = f"{header}.{payload}.{_unpadded(raw[:32] + larger.to_bytes(32, 'little'))}"
    assert issuers.verify(respelled) is R.TOKEN_MALFORMED
    assert issuers.verify(token + "==") is R.TOKEN_MALFORMED
    assert issuers.verify(malleated) is R.TOKEN_SIGNATURE


def _bomb(issuers: Issuers) -> str:
    return f"{_unpadded(b'[' * 1500)}.{_unpadded(b'[' * 1500)}.AA"


@pytest.mark.parametrize(
    "build",
    [
        lambda issuers: "",
        lambda issuers: "..",
        lambda issuers: "a.b.c",
        lambda issuers: "no dots at all",
        lambda issuers: issuers.token() + ".x",
        lambda issuers: issuers.token().replace(".", " .", 1),
        lambda issuers: "é" + issuers.token(),
        lambda issuers: issuers.token(sub="x" * 255, jti="y" * 255, padding="z" * 4000),
        lambda issuers: issuers.sign(b"not json"),
        lambda issuers: issuers.sign(b"[1]"),
        lambda issuers: issuers.sign(b"\xff\xfe"),
        lambda issuers: issuers.sign(b'{"sub": "a", "sub": "b"}'),
        lambda issuers: issuers.sign(b'{"exp": ' + b"9" * 5000 + b"}")[:4096],
        lambda issuers: issuers.sign(b'{"exp": ' + b"[" * 1200 + b"]" * 1200 + b"}"),
        lambda issuers: issuers.sign(b'{"exp": ' + b"[" * 17 + b"]" * 17 + b"}"),
        lambda issuers: issuers.sign(b'{"exp": ' + b'{"a": ' * 16 + b"1" + b"}" * 17),
        lambda issuers: issuers.token(header={"crit": ["exp"], "exp": 1}),
        lambda issuers: issuers.sign(b"{}", {"kid": "kyc-1", "b64": False}),
        _bomb,
    ],
)
def test_what_is_no_token_is_malformed(issuers: Issuers, build: Callable[[Issuers], str]) -> None:
    assert issuers.verify(build(issuers)) is R.TOKEN_MALFORMED


@given(st.text(max_size=200))
def test_no_text_whatever_makes_the_verifier_raise(issuers: Issuers, text: str) -> None:
    assert isinstance(issuers.verify(text), R)
    assert isinstance(issuers.verify(f"{_unpadded(text.encode('utf-8', 'replace'))}.{text}.{text}"), R)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["sub", "aud", "iat", "nbf", "exp", "jti", "level", "jurisdiction", "currencies", "cnf", "scope"]
        ),
        _json,
    )
)
def test_no_signed_claims_whatever_make_the_verifier_raise(issuers: Issuers, changes: Claims) -> None:
    assert isinstance(issuers.verify(issuers.token(**changes)), Credential | R)


def test_a_signing_key_shows_neither_key_nor_token(issuers: Issuers, tmp_path: Path) -> None:
    assert repr(issuers.kyc) == "SigningKey('https://kyc.example', 'kyc-1')"
