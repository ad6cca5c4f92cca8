"""An attestation is taken or has one stable reason why not; an old one never comes back."""

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fxengine.errors import AmountError
from fxengine.ledger.check_batches import VENUE
from fxengine.reserves import Attestation, Attestations, AttestationVerifier
from fxengine.reserves.attestation import TYPE, AttestationFlaw, attestation_claims
from fxengine.sandbox import SigningKey
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

NOW_S = 1_793_404_800
NOW_NS = NOW_S * 1_000_000_000
Claims = dict[str, Any]


class Custodians:
    """Two custodians with keys in memory, and the venue that lists them."""

    def __init__(self) -> None:
        self.bank = SigningKey("bank", "bank-1", Ed25519PrivateKey.generate())
        self.trust = SigningKey("trust", "trust-1", Ed25519PrivateKey.generate())
        listed = "".join(
            f'\n[[custodians]]\niss = "{key.issuer}"\ncurrencies = {codes}\n'
            f'keys = {{ {key.kid} = "{key.public_text}" }}'
            for key, codes in ((self.bank, ["USD", "JPY"]), (self.trust, ["USD"]))
        )
        self.venue: Venue = parse_venue(VENUE + listed)
        self.verifier = AttestationVerifier(self.venue)

    def claims(self, **changes: object) -> Claims:
        claims = {
            "aud": "check-venue", "currency": "USD", "amount": "1000.50", "iat": NOW_S - 10, "exp": NOW_S + 10,
            "ref": "statement 7",
        }  # fmt: skip
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(self, *, typ: str = TYPE, **changes: object) -> str:
        return self.bank.sign(self.claims(**changes), typ=typ)


@pytest.fixture(scope="module")
def custodians() -> Custodians:
    return Custodians()


def test_a_good_attestation_says_what_was_signed(custodians: Custodians) -> None:
    said = custodians.verifier.verify(custodians.token(), NOW_NS)
    ten_s = 10 * 1_000_000_000
    assert said == Attestation("bank", "USD", 1_000_500_000, NOW_NS - ten_s, NOW_NS + ten_s, "statement 7")


def test_what_is_made_here_is_taken_here(custodians: Custodians) -> None:
    claims = attestation_claims(custodians.venue, "JPY", "5", issued_at_ns=NOW_NS + 999, lifetime_s=60, reference="")
    said = custodians.verifier.verify(custodians.bank.sign(claims, typ=TYPE), NOW_NS)
    assert said == Attestation("bank", "JPY", 5, NOW_NS, NOW_NS + 60 * 1_000_000_000, "")
    for amount in ("-1", "0.5"):
        with pytest.raises(AmountError):
            attestation_claims(custodians.venue, "JPY", amount, issued_at_ns=NOW_NS, lifetime_s=60, reference="")


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"iss": "nobody"}, AttestationFlaw.UNKNOWN_CUSTODIAN),
        ({"iss": "trust"}, AttestationFlaw.UNKNOWN_CUSTODIAN),
        ({"aud": "other-venue"}, AttestationFlaw.OTHER_VENUE),
        ({"aud": ["check-venue"]}, AttestationFlaw.OTHER_VENUE),
        ({"aud": ...}, AttestationFlaw.OTHER_VENUE),
        ({"currency": "EUR"}, AttestationFlaw.CURRENCY),
        ({"currency": "XXX"}, AttestationFlaw.CURRENCY),
        ({"currency": 5}, AttestationFlaw.CLAIM),
        ({"currency": ...}, AttestationFlaw.CLAIM),
        ({"amount": "-1"}, AttestationFlaw.AMOUNT),
        ({"amount": "1e6"}, AttestationFlaw.AMOUNT),
        ({"amount": "0.0000001"}, AttestationFlaw.AMOUNT),
        ({"amount": "10000000000000"}, AttestationFlaw.AMOUNT),
        ({"amount": 1000}, AttestationFlaw.AMOUNT),
        ({"amount": 1000.5}, AttestationFlaw.AMOUNT),
        ({"amount": ...}, AttestationFlaw.AMOUNT),
        ({"iat": float(NOW_S)}, AttestationFlaw.CLAIM),
        ({"iat": True}, AttestationFlaw.CLAIM),
        ({"iat": str(NOW_S)}, AttestationFlaw.CLAIM),
        ({"iat": ...}, AttestationFlaw.CLAIM),
        ({"exp": ...}, AttestationFlaw.CLAIM),
        ({"exp": NOW_S - 10}, AttestationFlaw.CLAIM),
        ({"ref": ...}, AttestationFlaw.CLAIM),
        ({"ref": "x" * 256}, AttestationFlaw.CLAIM),
        ({"ref": "\x1b[2J"}, AttestationFlaw.CLAIM),
        ({"exp": NOW_S}, AttestationFlaw.EXPIRED),
        ({"iat": NOW_S + 1}, AttestationFlaw.NOT_YET_VALID),
    ],
)  # fmt: skip
def test_each_wrong_claim_has_its_reason(custodians: Custodians, changes: Claims, flaw: AttestationFlaw) -> None:
    assert custodians.verifier.verify(custodians.token(**changes), NOW_NS) is flaw


def test_a_kyc_token_or_a_commitment_of_the_same_key_is_no_attestation(custodians: Custodians) -> None:
    for typ in ("JWT", "fxengine-commitment+jwt", ""):
        assert custodians.verifier.verify(custodians.token(typ=typ), NOW_NS) is AttestationFlaw.TYPE


def test_another_key_under_the_custodians_name_is_refused(custodians: Custodians) -> None:
    forged = SigningKey("bank", "bank-1", Ed25519PrivateKey.generate()).sign(custodians.claims(), typ=TYPE)
    assert custodians.verifier.verify(forged, NOW_NS) is AttestationFlaw.SIGNATURE


def test_one_changed_byte_of_what_was_signed_is_refused(custodians: Custodians) -> None:
    header, payload, signature = custodians.token().split(".")
    changed = base64.urlsafe_b64decode(payload + "==").replace(b"1000.50", b"9000.50")
    token = ".".join([header, base64.urlsafe_b64encode(changed).decode().rstrip("="), signature])
    assert custodians.verifier.verify(token, NOW_NS) is AttestationFlaw.SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256"])
def test_only_eddsa_is_taken_whatever_the_header_says(custodians: Custodians, algorithm: str) -> None:
    key = {"none": "", "HS256": "k" * 32, "ES256": generate_private_key(SECP256R1())}[algorithm]
    claims = custodians.claims(iss="bank")
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "bank-1", "typ": TYPE})  # type: ignore[arg-type]
    assert custodians.verifier.verify(token, NOW_NS) is AttestationFlaw.ALGORITHM


@pytest.mark.parametrize("spoil", [lambda t: "", lambda t: t[:-1] + "=", lambda t: "x" * 5000, lambda t: t + ".x"])
def test_what_is_no_token_is_malformed(custodians: Custodians, spoil: Callable[[str], str]) -> None:
    assert custodians.verifier.verify(spoil(custodians.token()), NOW_NS) is AttestationFlaw.MALFORMED


def test_a_name_that_stands_twice_is_malformed(custodians: Custodians) -> None:
    header, payload, signature = custodians.token().split(".")
    text = base64.urlsafe_b64decode(payload + "==")[:-1] + b',"amount":"1"}'
    token = ".".join([header, base64.urlsafe_b64encode(text).decode().rstrip("="), signature])
    assert custodians.verifier.verify(token, NOW_NS) is AttestationFlaw.MALFORMED


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_nothing_that_is_handed_in_raises(text: str) -> None:
    assert Custodians().verifier.verify(text, NOW_NS) is AttestationFlaw.MALFORMED


# -- keeping them


def test_a_kept_attestation_counts_until_a_newer_one_and_the_older_does_not_come_back(
    custodians: Custodians, tmp_path: Path
) -> None:
    kept = Attestations(tmp_path / "attestations", custodians.venue)
    assert kept.all() == []
    old, new = custodians.token(iat=NOW_S - 9), custodians.token(iat=NOW_S - 5, amount="900")
    assert not isinstance(kept.take(old, NOW_NS), AttestationFlaw)
    assert [a.amount_units for a in kept.newest("USD")] == [1_000_500_000]
    assert not isinstance(kept.take(new, NOW_NS), AttestationFlaw)
    assert [a.amount_units for a in kept.newest("USD")] == [900_000_000]
    assert kept.take(custodians.token(iat=NOW_S - 8, amount="5"), NOW_NS) is AttestationFlaw.OUTDATED
    again = kept.take(old, NOW_NS)
    assert not isinstance(again, AttestationFlaw), "taking the same one again changes nothing"
    assert [a.amount_units for a in kept.newest("USD")] == [900_000_000]
    assert len(list((tmp_path / "attestations").iterdir())) == 2


def test_of_two_in_one_second_the_later_counts(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path, custodians.venue)
    for n, amount in enumerate(("7", "8", "6")):
        assert not isinstance(kept.take(custodians.token(amount=amount), NOW_NS + n), AttestationFlaw)
    assert [a.amount_units for a in kept.newest("USD")] == [6_000_000]


def test_each_custodian_of_a_currency_counts_with_its_newest(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path, custodians.venue)
    kept.take(custodians.token(amount="7"), NOW_NS)
    kept.take(custodians.trust.sign(custodians.claims(amount="5", iat=NOW_S - 400), typ=TYPE), NOW_NS)
    kept.take(custodians.token(amount="9", currency="JPY"), NOW_NS)
    assert {(a.custodian, a.currency): a.amount_units for a in kept.all()} == {
        ("bank", "USD"): 7_000_000, ("trust", "USD"): 5_000_000, ("bank", "JPY"): 9,
    }  # fmt: skip


def test_a_refused_attestation_is_not_kept(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path / "attestations", custodians.venue)
    assert kept.take(custodians.token(exp=NOW_S), NOW_NS) is AttestationFlaw.EXPIRED
    assert not (tmp_path / "attestations").exists()


def test_a_file_that_was_put_there_without_a_signature_does_not_count(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path, custodians.venue)
    kept.take(custodians.token(), NOW_NS)
    for name, content in (
        ("USD-9999999999999-00000000000000000001.jwt", custodians.token()[:-4] + "AAAA"),
        ("USD-9999999999999-00000000000000000002.jwt", custodians.token(currency="JPY", amount="1")),
        ("USD-9999999999999-00000000000000000003.jwt", json.dumps({"amount": "1"})),
    ):
        (tmp_path / name).write_text(content)
    assert [a.amount_units for a in kept.newest("USD")] == [1_000_500_000]


def test_an_old_word_under_a_newer_files_name_does_not_count(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path, custodians.venue)
    old = kept.take(custodians.token(iat=NOW_S - 9, amount="1000"), NOW_NS)
    assert not isinstance(old, AttestationFlaw)
    kept.take(custodians.token(iat=NOW_S - 5, amount="5"), NOW_NS)
    (tmp_path / "USD-9999999999999-00000000000000000001.jwt").write_bytes(old[1].read_bytes())
    assert [a.amount_units for a in kept.newest("USD")] == [5_000_000]


def test_what_is_no_file_or_cannot_be_read_is_passed_over(custodians: Custodians, tmp_path: Path) -> None:
    kept = Attestations(tmp_path, custodians.venue)
    kept.take(custodians.token(), NOW_NS)
    (tmp_path / "USD-9999999999999-1.jwt").mkdir()
    (tmp_path / "USD-9999999999999-2.jwt").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "USD-9999999999999-3.jwt")  # reading it would wait for whoever writes it
    (tmp_path / "USD-9999999999999-4.jwt").write_bytes(b"\xff" * 10_000)
    assert [a.amount_units for a in kept.newest("USD")] == [1_000_500_000]


def test_a_key_that_is_not_listed_any_more_attests_nothing(custodians: Custodians, tmp_path: Path) -> None:
    Attestations(tmp_path, custodians.venue).take(custodians.token(), NOW_NS)
    assert Attestations(tmp_path, Custodians().venue).newest("USD") == []


def test_the_page_names_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reserves.md").read_text(encoding="utf-8")
    reasons = page.partition("## Reasons")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z_]{4,})`", reasons)) == set(AttestationFlaw.__members__)
