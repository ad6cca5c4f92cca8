"""Reserves as an operator and an auditor see them: a venue that owes, and what custodians say it has."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fxengine.home import Home
from fxengine.reserves.attestation import TYPE
from fxengine.sandbox import SigningKey
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import printed, typed


@pytest.fixture(scope="module")
def owing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venue, closed again, that owes 1,000,000 HKD to one account."""
    directory = tmp_path_factory.mktemp("reserves") / "venue"
    assert typed("init", directory)["exit_code"] == 0
    with ServedVenue(Home(directory)) as served:
        assert typed("token", "payer-1", "--venue", directory)["exit_code"] == 0
        said = typed("deposit", "payer-1", "HKD", "1000000", "--venue", directory)
        assert said["settlement"] == "FINAL", said
        served.stop()
    return directory


@pytest.fixture
def venue(owing: Path, tmp_path: Path) -> Path:
    """A copy of that venue, to be changed at will."""
    shutil.copytree(owing, tmp_path / "venue")
    return tmp_path / "venue"


def reserves(venue: Path) -> dict[str, Any]:
    return typed("reserves", "--venue", venue)


def test_a_sandbox_is_covered_from_the_start(venue: Path) -> None:
    said = reserves(venue)
    assert (said["ok"], said["exit_code"], len(said["currencies"])) == (True, 0, 10)
    hkd = said["currencies"]["HKD"]
    assert (hkd["liabilities"], hkd["holdings"]) == ("1000000.000000", "9000000000000.000000")
    assert {line["status"] for line in said["currencies"].values()} == {"OK"}


def test_less_than_what_is_owed_is_under_and_exits_with_1(venue: Path) -> None:
    assert typed("attest", "HKD", "999999.999999", "--venue", venue)["exit_code"] == 0
    said = reserves(venue)
    assert (said["ok"], said["exit_code"]) == (False, 1)
    assert said["currencies"]["HKD"]["status"] == "UNDER"
    assert said["currencies"]["HKD"]["ratio_percent"] == "99.99"
    text, exit_code = printed("reserves", "--venue", venue)
    assert exit_code == 1
    assert "UNDER" in text
    assert typed("attest", "HKD", "1000000", "--venue", venue)["exit_code"] == 0
    assert reserves(venue)["currencies"]["HKD"]["ratio_percent"] == "100.00"


def test_a_word_that_is_too_old_for_the_venue_is_stale_and_renewing_helps(venue: Path) -> None:
    home = Home(venue)
    shutil.rmtree(venue / "attestations")
    signer = home._newest_key("sandbox-custodian", home.venue.custodians["sandbox-custodian"].keys)
    week_ago_s = time.time_ns() // 10**9 - 7 * 86_400
    for code in home.venue.currency:
        claims = {
            "aud": "fx-sandbox", "currency": code, "amount": "2000000", "ref": "", "iat": week_ago_s,
            "exp": week_ago_s + 30 * 86_400,
        }  # fmt: skip
        (venue / "word.jwt").write_text(signer.sign(claims, typ=TYPE))
        assert typed("reserves", "take", venue / "word.jwt", "--venue", venue)["exit_code"] == 0
    assert reserves(venue)["ok"] is True
    text = (venue / "venue.toml").read_text()
    (venue / "venue.toml").write_text(text.replace("max_age_s = 2_592_000", "max_age_s = 86_400"))
    said = reserves(venue)
    assert {line["status"] for line in said["currencies"].values()} == {"STALE"}
    assert said["currencies"]["HKD"]["age_s"] >= 7 * 86_400
    assert typed("attest", "--renew", "--venue", venue)["exit_code"] == 0
    assert reserves(venue)["ok"] is True
    assert reserves(venue)["currencies"]["HKD"]["holdings"] == "2000000.000000"


def test_a_currency_that_nobody_attested_is_missing(venue: Path) -> None:
    for path in (venue / "attestations").glob("JPY-*"):
        path.unlink()
    said = reserves(venue)
    assert said["exit_code"] == 1
    assert said["currencies"]["JPY"] == {
        "status": "MISSING", "liabilities": "0.0000", "holdings": "0.0000", "fresh": "0.0000", "ratio_percent": None,
        "age_s": None,
    }  # fmt: skip


def test_a_custodian_that_signs_elsewhere_is_taken_in_and_a_stranger_is_not(venue: Path, tmp_path: Path) -> None:
    bank, stranger = (SigningKey("bank", "bank-1", Ed25519PrivateKey.generate()) for _ in range(2))
    with (venue / "venue.toml").open("a") as file:
        file.write(
            f'\n[[custodians]]\niss = "bank"\nkeys = {{ bank-1 = "{bank.public_text}" }}\ncurrencies = ["HKD"]\n'
        )
    now_s = time.time_ns() // 10**9
    claims = {"aud": "fx-sandbox", "currency": "HKD", "amount": "5", "iat": now_s, "exp": now_s + 600, "ref": "7"}
    word = tmp_path / "word.jwt"
    word.write_text(stranger.sign(claims, typ=TYPE))
    said = typed("reserves", "take", word, "--venue", venue)
    assert (said["exit_code"], said["error"]["code"]) == (1, "SIGNATURE")
    text, exit_code = printed("reserves", "take", word, "--venue", venue)
    assert exit_code == 1
    assert "SIGNATURE" in text
    word.write_text(bank.sign(claims, typ=TYPE) + "\n")
    said = typed("reserves", "take", word, "--venue", venue)
    assert (said["exit_code"], said["attested"][0]["custodian"]) == (0, "bank")
    assert reserves(venue)["currencies"]["HKD"]["holdings"] == "9000000000005.000000"
    said = typed("attest", "HKD", "5", "--custodian", "bank", "--venue", venue)
    assert said["exit_code"] == 1
    assert "fxengine reserves take" in said["error"]["text"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["attest"], "FxEngineError"),
        (["attest", "HKD"], "FxEngineError"),
        (["attest", "HKD", "5", "--renew"], "FxEngineError"),
        (["attest", "XXX", "5"], "FxEngineError"),
        (["attest", "HKD", "-5"], None),
        (["attest", "HKD", "0.0000001"], "AmountError"),
        (["attest", "HKD", "5", "--custodian", "nobody"], "FxEngineError"),
        (["reserves", "--ledger", "memory:"], "LedgerError"),
        (["reserves", "take", "missing.jwt"], "FileNotFoundError"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(venue: Path, arguments: list[str], code: str | None) -> None:
    if code is None:  # an option to typer, which says so itself
        assert printed(*arguments, "--venue", venue)[1] == 2
        return
    said = typed(*arguments, "--venue", venue)
    assert (said["exit_code"], said["error"]["code"]) == (1, code)
    assert len(said["error"]["text"]) > 20


def test_the_custodians_key_and_what_it_signed_are_the_owners_alone(venue: Path) -> None:
    paths = [venue / "keys" / "custodian-1.pem", venue / "attestations"]
    assert [path.stat().st_mode & 0o077 for path in paths] == [0, 0]
