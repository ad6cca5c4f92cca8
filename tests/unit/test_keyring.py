"""The keys in a venue's directory, and the tokens that name them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from fxengine.errors import FxEngineError, VenueUnreachable
from fxengine.home import OPERATOR, Endpoints, Home
from fxengine.transport import KeyPair


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "venue")


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def issue(
    home: Home, account: str, *, client_key: str = "", scope: Mapping[str, object] | None = None
) -> dict[str, Any]:
    home.issue_token(
        account,
        level="payer",
        jurisdiction="HK",
        currencies=[],
        lifetime_s=60,
        client_key=client_key,
        scope=scope,
    )
    return claims_of(home.token(account))


def served(home: Home, server_key: str) -> Home:
    home.publish(Endpoints("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", pid=1, server_key=server_key))
    return home


def test_the_venues_pair_is_made_once(home: Home) -> None:
    assert home.keyring.server() == home.keyring.server()
    assert home.keyring.server_file.stat().st_mode & 0o777 == 0o600
    assert home.keyring.server().allowed == home.keyring.clients


def test_a_token_names_the_key_that_was_made_here_or_the_one_that_is_said(home: Home) -> None:
    assert "cnf" not in issue(home, "payer-1")
    pair = home.keyring.create("payer-1")
    assert issue(home, "payer-1")["cnf"] == {"curve": pair.public}
    assert "cnf" not in issue(home, "payer-2")
    elsewhere = KeyPair.new().public
    assert issue(home, "payer-1", client_key=elsewhere)["cnf"] == {"curve": elsewhere}


def test_a_token_carries_its_scope(home: Home) -> None:
    assert "scope" not in issue(home, "payer-1")
    assert "scope" not in issue(home, "payer-1", scope={})
    assert issue(home, "payer-1", scope={"actions": ["read"]})["scope"] == {"actions": ["read"]}


def test_the_operators_short_token_names_its_key_on_a_curve_line(home: Home) -> None:
    assert "cnf" not in claims_of(home.operator_token())
    key = home.keyring.operator(OPERATOR).public
    assert claims_of(home.operator_token(client_key=key))["cnf"] == {"curve": key}


def test_the_operator_is_on_the_list_as_soon_as_there_is_one(home: Home) -> None:
    pair = home.keyring.operator(OPERATOR)
    assert not home.keyring.is_listing, "and does not begin one, which would shut everybody else out"
    home.keyring.allow("payer-1", KeyPair.new().public)
    assert home.keyring.operator(OPERATOR) == pair
    assert dict(home.keyring.client_keys())[OPERATOR] == pair.public


def test_making_a_key_does_not_begin_the_list(home: Home) -> None:
    home.keyring.create("payer-1")
    assert not home.keyring.is_listing
    assert dict(home.keyring.account_keys()).keys() == {"payer-1"}


def test_a_connection_takes_its_keys_from_the_directory(home: Home) -> None:
    server = home.keyring.server().own.public
    pair = home.keyring.create("payer-1")
    with pytest.raises(VenueUnreachable):
        home.curve("payer-1")
    curve = served(home, server).curve("payer-1")
    assert curve is not None
    assert (curve.server, curve.own) == (server, pair)
    operators = home.curve(OPERATOR)
    assert operators is not None
    assert operators.own == home.keyring.account(OPERATOR)
    with pytest.raises(FxEngineError, match="fxengine keys client payer-2"):
        home.curve("payer-2")
    assert served(home, "").curve("payer-2") is None


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "a b", "x" * 65, "é"])
def test_a_name_that_no_file_can_have_is_refused_for_keys_too(home: Home, name: str) -> None:
    keyring = home.keyring
    attempts: list[Callable[[], object]] = [
        lambda: keyring.create(name),
        lambda: keyring.account(name),
        lambda: keyring.allow(name, KeyPair.new().public),
        lambda: keyring.disallow(name),
    ]
    for attempt in attempts:
        with pytest.raises(FxEngineError, match="letters, digits"):
            attempt()
    assert not keyring.clients.exists()


def test_a_key_that_was_not_listed_cannot_be_taken_from_the_list(home: Home) -> None:
    with pytest.raises(FxEngineError, match="no key of payer-1"):
        home.keyring.disallow("payer-1")
    home.keyring.allow("payer-1", KeyPair.new().public)
    home.keyring.disallow("payer-1")
    assert dict(home.keyring.client_keys()) == {}
    assert home.keyring.is_listing, "the empty list stays a list"


def test_tokens_are_signed_with_the_newest_listed_key_of_which_the_private_half_is_here(home: Home) -> None:
    def kid_of(home: Home) -> str:
        issue(home, "payer-1")
        kid: str = jwt.get_unverified_header(home.token("payer-1"))["kid"]
        return kid

    assert kid_of(home) == "sandbox-1"
    new = home.new_signing_key("sandbox-2")
    assert kid_of(home) == "sandbox-1", "not listed yet"
    text = home.venue_file.read_text()
    first, last = 'keys = { sandbox-1 = "', f'", sandbox-2 = "{new.public_text}" }}'
    start = text.index(first)
    end = text.index('" }', start)
    home.venue_file.write_text(text[:end] + last + text[end + 3 :])
    assert kid_of(Home(home.directory)) == "sandbox-2"
    (home.keys / "sandbox-2.pem").unlink()
    assert kid_of(Home(home.directory)) == "sandbox-1"


def test_a_venue_without_a_sandbox_issuer_signs_no_tokens_and_says_so(home: Home) -> None:
    text = home.venue_file.read_text().replace('iss = "sandbox"', 'iss = "https://kyc.example"')
    home.venue_file.write_text(text)
    with pytest.raises(FxEngineError, match="lists no issuer 'sandbox'"):
        issue(Home(home.directory), "payer-1")
