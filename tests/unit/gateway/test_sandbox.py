"""Keys on disk: only their owner can read them, they are never overwritten, and what they sign verifies."""

import os
import stat
from pathlib import Path

import pytest

from fxengine.errors import FxEngineError
from fxengine.gateway.kyc import Credential, TokenVerifier
from fxengine.sandbox import create_key, load_key
from tests.integration.venue_thread import START_NS, make_venue


@pytest.fixture(autouse=True)
def open_umask() -> object:
    """The most careless umask there is: permissions must not depend on it."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_key_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    create_key(folder, "https://kyc.example", "kyc-1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "kyc-1.pem").stat().st_mode) == 0o600


def test_a_key_read_back_signs_tokens_that_the_venue_takes(tmp_path: Path) -> None:
    kyc = create_key(tmp_path / "keys", "https://kyc.example", "kyc-1")
    operator = create_key(tmp_path / "keys", "https://venue.example/operators", "operator-1")
    again = load_key(tmp_path / "keys", "https://kyc.example", "kyc-1")
    assert again.public_text == kyc.public_text
    token = again.token(
        "payer-1",
        venue_id="fx-test",
        level="retail",
        jurisdiction="SG",
        currencies=["JPY"],
        issued_at_ns=START_NS,
        lifetime_s=60,
    )
    granted = TokenVerifier(make_venue(kyc, operator)).verify(token, START_NS)
    assert isinstance(granted, Credential)
    assert (granted.subject, granted.jurisdiction, granted.expires_ns - granted.issued_at_ns) == (
        "payer-1",
        "SG",
        60 * 10**9,
    )


def test_two_tokens_of_one_second_differ_in_their_id(tmp_path: Path) -> None:
    kyc = create_key(tmp_path / "keys", "https://kyc.example", "kyc-1")
    tokens = {
        kyc.token("p", venue_id="v", level="l", jurisdiction="HK", currencies=(), issued_at_ns=START_NS, lifetime_s=1)
        for _ in range(9)
    }
    assert len(tokens) == 9


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    create_key(tmp_path, "https://kyc.example", "kyc-1")
    before = (tmp_path / "kyc-1.pem").read_bytes()
    with pytest.raises(FxEngineError, match="never overwritten"):
        create_key(tmp_path, "https://kyc.example", "kyc-1")
    assert (tmp_path / "kyc-1.pem").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    create_key(tmp_path, "https://kyc.example", "kyc-1")
    (tmp_path / "kyc-1.pem").chmod(mode)
    with pytest.raises(FxEngineError, match="others can read"):
        load_key(tmp_path, "https://kyc.example", "kyc-1")


def test_what_is_no_key_is_refused_without_being_quoted(tmp_path: Path) -> None:
    path = tmp_path / "kyc-1.pem"
    for content in (b"", b"secret text", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(FxEngineError) as refused:
            load_key(tmp_path, "https://kyc.example", "kyc-1")
        assert "secret" not in str(refused.value)
    with pytest.raises(FxEngineError, match="fxengine init"):
        load_key(tmp_path, "https://kyc.example", "kyc-2")


@pytest.mark.parametrize("kid", ["", "../kyc", "a/b", "a.b", "ключ"])
def test_a_key_id_cannot_lead_out_of_its_folder(tmp_path: Path, kid: str) -> None:
    with pytest.raises(FxEngineError, match="key id"):
        create_key(tmp_path, "https://kyc.example", kid)
