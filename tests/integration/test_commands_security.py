"""The commands about keys and tokens against a venue with CURVE: it is a process, they run in this one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fxengine.cli.app import app
from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected, VenueUnreachable
from fxengine.home import Home
from fxengine.transport import ClientCurve, KeyPair
from tests.integration.served_venue import ServedVenue

EVERYWHERE = ("--orders", "tcp://*:*", "--market-data", "tcp://127.0.0.1:*")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "venue")


@pytest.fixture
def venue(home: Home) -> Iterator[ServedVenue]:
    with ServedVenue(home, "--curve") as served:
        assert served.home.endpoints().server_key
        yield served
        served.stop()


def text_of(*arguments: str) -> str:
    """What a command prints."""
    return CliRunner().invoke(app, arguments).output


def run(home: Home, *arguments: str) -> dict[str, Any]:
    """A command's answer with ``--json``, and its exit code."""
    done = CliRunner().invoke(app, [*arguments, "--json", "--venue", str(home.directory)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    said: dict[str, Any] = json.loads(done.stdout)
    return said | {"exit_code": done.exit_code}


def refusal(said: dict[str, Any]) -> object:
    assert said["exit_code"] == 1, said
    return said["error"]["code"]


def test_a_payer_with_a_key_and_a_token_that_names_it_is_served_over_curve(venue: ServedVenue) -> None:
    home = venue.home
    key = run(home, "keys", "client", "payer-1")["public_key"]
    assert run(home, "token", "issue", "payer-1")["client_key"] == key
    assert run(home, "deposit", "payer-1", "JPY", "1000")["settlement"] == "FINAL"
    assert run(home, "balances", "--as", "payer-1")["balances"]["JPY"]["available"] == "1000.0000"


def test_without_a_key_a_command_says_how_to_make_one(venue: ServedVenue) -> None:
    run(venue.home, "token", "issue", "payer-1")
    said = run(venue.home, "balances", "--as", "payer-1")
    assert refusal(said) == "FxEngineError"
    assert "fxengine keys client payer-1" in said["error"]["text"]


def test_a_token_from_before_the_key_is_refused(venue: ServedVenue) -> None:
    run(venue.home, "token", "issue", "payer-1")
    run(venue.home, "keys", "client", "payer-1")
    assert refusal(run(venue.home, "balances", "--as", "payer-1")) == RejectReason.CLIENT_KEY_MISMATCH


def test_an_address_that_others_can_reach_is_served_with_curve_without_being_asked(home: Home) -> None:
    with ServedVenue(home, *EVERYWHERE) as served:
        assert served.ready["server_key"] == home.keyring.server().own.public
        assert home.endpoints().orders.startswith("tcp://127.0.0.1:"), "where the commands here reach it"
        home.issue_token("payer-1", level="payer", jurisdiction="HK", currencies=[], lifetime_s=60)
        with pytest.raises(VenueUnreachable, match="handshake"):
            Client.connect(home.endpoints().orders, home.token("payer-1"), timeout_s=1.0)
        served.stop()


def test_a_client_sends_no_token_to_a_plain_address_that_others_can_read() -> None:
    for address in ("tcp://192.0.2.7:5710", "tcp://venue.example:5710"):
        with pytest.raises(VenueUnreachable, match="CURVE"):
            Client.connect(address, "token", timeout_s=0.1)
        with pytest.raises(VenueUnreachable, match="CURVE"):
            Client.connect("tcp://127.0.0.1:1", "token", address, timeout_s=0.1)


def test_a_client_says_what_is_wrong_with_the_keys(venue: ServedVenue) -> None:
    home = venue.home
    run(home, "keys", "client", "payer-1")
    run(home, "token", "issue", "payer-1")
    curve = home.curve("payer-1")
    assert curve is not None
    another = ClientCurve(KeyPair.new().public, curve.own)
    with pytest.raises(VenueUnreachable, match="is this the venue's public key"):
        Client.connect(home.endpoints().orders, home.token("payer-1"), timeout_s=1.0, curve=another)
    assert run(home, "keys", "allow", "maker-1", "--public-key", KeyPair.new().public)["exit_code"] == 0
    with pytest.raises(VenueUnreachable, match="does not allow this client's CURVE key"):
        Client.connect(home.endpoints().orders, home.token("payer-1"), timeout_s=1.0, curve=curve)


def test_the_list_of_keys_is_followed_while_the_venue_is_served(venue: ServedVenue) -> None:
    home = venue.home
    key = run(home, "keys", "client", "payer-1")["public_key"]
    run(home, "token", "issue", "payer-1")
    assert run(home, "keys", "allow", "payer-1")["public_key"] == key
    assert run(home, "deposit", "payer-1", "JPY", "5")["exit_code"] == 0, "the operator gets in all the same"
    curve = home.curve("payer-1")
    with Client.connect(home.endpoints().orders, home.token("payer-1"), timeout_s=20.0, curve=curve) as client:
        run(home, "keys", "disallow", "payer-1")
        client.timeout_s = 2.0

        def go_on() -> None:
            while True:
                client.balances()

        with pytest.raises((RequestRejected, VenueUnreachable)):
            go_on()
    assert run(home, "keys", "show") == {
        "server": home.keyring.server().own.public,
        "accounts": {"operator-1": home.keyring.operator("operator-1").public, "payer-1": key},
        "clients": {"operator-1": home.keyring.operator("operator-1").public},
        "only_listed_may_connect": True,
        "exit_code": 0,
    }


def test_a_revoked_token_is_refused_and_a_new_one_is_taken(venue: ServedVenue) -> None:
    home = venue.home
    run(home, "keys", "client", "payer-1")
    run(home, "token", "issue", "payer-1")
    run(home, "deposit", "payer-1", "JPY", "100000")
    assert run(home, "order", "HKD/JPY", "buy", "1000", "20", "--as", "payer-1")["status"] == "NEW"
    jti = run(home, "token", "inspect", "payer-1")["claims"]["jti"]
    assert run(home, "token", "revoke", "payer-1")["token_id"] == jti
    assert refusal(run(home, "balances", "--as", "payer-1")) == RejectReason.TOKEN_REVOKED
    run(home, "token", "issue", "payer-1")
    held = run(home, "balances", "--as", "payer-1")["balances"]["JPY"]
    assert held == {"available": "100000.0000", "held": "0.0000"}, "its order left the book"
    other = run(home, "token", "inspect", "payer-1")["claims"]["jti"]
    assert run(home, "token", "revoke", "--token-id", other)["token_id"] == other
    assert refusal(run(home, "balances", "--as", "payer-1")) == RejectReason.TOKEN_REVOKED


def test_a_frozen_account_stands_still_until_it_is_released(venue: ServedVenue) -> None:
    home = venue.home
    run(home, "keys", "client", "payer-1")
    run(home, "token", "issue", "payer-1")
    run(home, "deposit", "payer-1", "JPY", "100000")
    assert run(home, "freeze", "payer-1")["frozen"] is True
    assert refusal(run(home, "order", "HKD/JPY", "buy", "1000", "20", "--as", "payer-1")) == RejectReason.ACCOUNT_FROZEN
    assert run(home, "unfreeze", "payer-1")["frozen"] is False
    assert run(home, "order", "HKD/JPY", "buy", "1000", "20", "--as", "payer-1")["status"] == "NEW"


def test_a_scope_is_kept_to_and_shown(venue: ServedVenue) -> None:
    home = venue.home
    run(home, "keys", "client", "payer-1")
    scope = ("--action", "order", "--action", "read", "--instrument", "HKD/JPY", "--max-size", "HKD=500")
    assert run(home, "token", "issue", "payer-1", *scope)["exit_code"] == 0
    run(home, "deposit", "payer-1", "JPY", "100000")
    for arguments in (("HKD/JPY", "buy", "501", "20"), ("EUR/JPY", "buy", "1", "100")):
        assert refusal(run(home, "order", *arguments, "--as", "payer-1")) == RejectReason.NOT_IN_SCOPE
    assert run(home, "order", "HKD/JPY", "buy", "500", "20", "--as", "payer-1")["status"] == "NEW"
    assert run(home, "token", "inspect", "payer-1")["claims"]["scope"] == {
        "actions": ["order", "read"],
        "instruments": ["HKD/JPY"],
        "size": {"HKD": "500"},
    }


@pytest.mark.parametrize(
    "options",
    [
        ["--instrument", "EUR/XXX"],
        ["--max-size", "XXX=5"],
        ["--max-size", "EUR"],
        ["--max-size", "EUR=0"],
        ["--max-size", "EUR=-1"],
        ["--max-size", "EUR=1.1234567"],
        ["--client-key", "short"],
        ["--level", "king"],
        ["--jurisdiction", "ZZ"],
        ["--currency", "XXX"],
    ],
)
def test_a_token_that_would_not_mean_what_was_typed_is_not_made(home: Home, options: list[str]) -> None:
    said = run(home, "token", "issue", "payer-1", *options)
    assert said["exit_code"] == 1
    assert len(said["error"]["text"]) > 20
    assert not (home.tokens / "payer-1.jwt").exists()


def test_token_account_is_short_for_token_issue_account(home: Home) -> None:
    assert run(home, "token", "payer-1")["account"] == "payer-1"
    assert run(home, "token", "--level", "maker", "maker-1")["level"] == "maker"


def test_a_client_elsewhere_hands_over_its_public_key_in_a_file_or_as_text(home: Home, tmp_path: Path) -> None:
    key = KeyPair.new().public
    (tmp_path / "theirs.pub").write_text(key + "\n")
    for given in (key, str(tmp_path / "theirs.pub")):
        assert run(home, "token", "issue", "payer-1", "--client-key", given)["client_key"] == key
        assert run(home, "keys", "allow", "payer-1", "--public-key", given)["public_key"] == key


def test_inspect_judges_a_token_without_showing_it(home: Home, tmp_path: Path) -> None:
    run(home, "token", "payer-1")
    text = home.token("payer-1")
    good = text_of("token", "inspect", "payer-1", "--venue", str(home.directory))
    assert "This venue takes it" in good
    forged = tmp_path / "forged.jwt"
    forged.write_text(text[:-8] + "AAAAAAAA")
    said = run(home, "token", "inspect", str(forged))
    assert said["good"] is False
    assert said["refusal"]["code"] in {RejectReason.TOKEN_SIGNATURE, RejectReason.TOKEN_MALFORMED}
    for shown in (good, json.dumps(said)):
        assert text.split(".")[2] not in shown
    (tmp_path / "nothing").write_text("no.token")
    assert "three parts" in run(home, "token", "inspect", str(tmp_path / "nothing"))["error"]["text"]


def test_secrets_are_never_shown_and_readable_by_their_owner_alone(venue: ServedVenue) -> None:
    home = venue.home
    texts = [
        text_of(*command, "--venue", str(home.directory))
        for command in (
            ["keys", "server"], ["keys", "client", "payer-1"], ["keys", "allow", "payer-1"], ["keys", "show"],
            ["keys", "issuer", "sandbox-2"], ["token", "issue", "payer-1"], ["token", "inspect", "payer-1"],
            ["token", "revoke", "payer-1"], ["keys", "disallow", "payer-1"],
        )
    ]  # fmt: skip
    assert all(texts)
    secrets = [*home.directory.rglob("*.key"), *home.directory.rglob("*.pem"), *home.tokens.rglob("*.jwt")]
    assert len(secrets) == 8, secrets
    for path in secrets:
        assert path.stat().st_mode & 0o077 == 0, path
        lines = [line for line in path.read_text().splitlines() if "PRIVATE KEY" not in line]
        assert not any(line in text for line in lines for text in texts), path
    for folder in (home.directory, home.keys, home.tokens, home.keyring.accounts, home.keyring.clients):
        assert folder.stat().st_mode & 0o077 == 0, folder


def test_keys_are_made_only_where_there_is_a_venue(tmp_path: Path) -> None:
    for command in (["keys", "server"], ["keys", "client", "payer-1"], ["keys", "show"]):
        said = run(Home(tmp_path / "nowhere"), *command)
        assert "holds no venue" in said["error"]["text"]
    assert list(tmp_path.iterdir()) == []


def test_what_needs_a_key_or_a_name_says_so(home: Home) -> None:
    assert "--public-key" in run(home, "keys", "allow", "payer-1")["error"]["text"]
    assert "no key of payer-1" in run(home, "keys", "disallow", "payer-1")["error"]["text"]
    run(home, "keys", "client", "payer-1")
    assert "never overwritten" in run(home, "keys", "client", "payer-1")["error"]["text"]
    assert "--token-id" in run(home, "token", "revoke")["error"]["text"]
    assert "CURVE" in text_of("serve", "--help")
