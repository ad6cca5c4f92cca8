"""The command line, typed as a user would: every command against a served venue, and what goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fxengine.cli.app import app
from fxengine.codes import RejectReason
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer, fxengine
from tests.integration.typed import typed


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedVenue]:
    directory = tmp_path_factory.mktemp("commands") / "venue"
    assert answer("init", str(directory))["exit_code"] == 0
    home = Home(directory)
    with ServedVenue(home) as served:
        yield _published(served)
        served.stop()


def _published(served: ServedVenue) -> ServedVenue:
    assert served.home.endpoints().orders == served.ready["orders"]
    return served


def run(venue: ServedVenue, *arguments: str) -> dict[str, object]:
    return answer(*arguments, "--venue", str(venue.home.directory))


@pytest.fixture(scope="module")
def traders(venue: ServedVenue) -> ServedVenue:
    for account, level in (("maker-1", "maker"), ("payer-1", "payer")):
        assert run(venue, "token", "issue", account, "--level", level)["exit_code"] == 0
    for account, currency, amount in (("maker-1", "HKD", "1000000"), ("payer-1", "JPY", "9000000")):
        said = run(venue, "deposit", account, currency, amount)
        assert said["settlement"] == "FINAL", said
    return venue


def test_an_order_a_swap_and_a_cancel_end_as_they_say(traders: ServedVenue) -> None:
    resting = run(traders, "order", "HKD/JPY", "sell", "400000", "20.05", "--as", "maker-1")
    assert (resting["status"], resting["leaves"]) == ("NEW", "400000"), resting
    shown = run(traders, "book", "HKD/JPY", "--as", "payer-1")
    assert shown["offers"] == [["20.0500", "400000"]]
    paid = run(traders, "swap", "JPY", "HKD", "--exact-out", "250000.00", "--max-in", "5100000", "--as", "payer-1")
    assert (paid["received"], paid["route"], paid["settlement"]) == ("250000.000000", ["HKD/JPY"], "FINAL"), paid
    again = run(
        traders, "swap", "JPY", "HKD", "--exact-out", "250000.00", "--max-in", "5100000", "--as", "payer-1",
        "--client-order-id", str(paid["client_order_id"]),
    )  # fmt: skip
    assert again["paid"] == paid["paid"], "the same payment sent twice is paid once"
    held = run(traders, "balances", "--as", "payer-1")["balances"]
    assert isinstance(held, dict)
    assert float(held["JPY"]["available"]) == pytest.approx(9_000_000 - float(str(paid["paid"])))
    ended = run(traders, "cancel", str(resting["client_order_id"]), "--as", "maker-1")
    assert ended["status"] == "CANCELED"
    asked = run(traders, "withdraw", "HKD", "250000", "--as", "payer-1")
    assert (asked["settlement"], asked["held"]) == ("FINAL", "250000.000000")
    waiting = {"withdrawal": asked["withdrawal"], "number": asked["number"], "currency": "HKD", "amount": asked["held"]}
    for whose in (["--as", "payer-1"], []):
        assert run(traders, "withdrawals", *whose)["withdrawals"] == [waiting | {"final": True}]
    paid_out = run(traders, "withdrawal", "pay", str(asked["withdrawal"]))
    assert (paid_out["state"], paid_out["settlement"]) == ("PAID", "FINAL")
    other = run(traders, "withdraw", "JPY", "500", "--for", "payer-1")
    assert run(traders, "withdrawal", "return", str(other["withdrawal"]))["state"] == "RETURNED"
    assert run(traders, "withdrawals")["withdrawals"] == []
    before = run(traders, "balances", "--as", "payer-1")["balances"]
    resting = run(traders, "order", "HKD/JPY", "sell", "1000", "20.05", "--as", "maker-1")
    bought = run(traders, "swap", "JPY", "HKD", "--exact-out", "100", "--max-in", "3000", "--as", "payer-1")
    trade = str(bought["fills"][0]["trade"])  # type: ignore[index]
    assert run(traders, "balances", "--as", "payer-1")["balances"] != before
    undone = run(traders, "bust", "HKD/JPY", trade)
    assert (undone["trade"], undone["settlement"]) == (int(trade), "FINAL")
    assert run(traders, "balances", "--as", "payer-1")["balances"] == before
    again = run(traders, "bust", "HKD/JPY", trade)
    assert again["error"]["code"] == RejectReason.TRADE_BUSTED  # type: ignore[index]
    assert run(traders, "bust", "HKD/JPY", "999999")["exit_code"] == 1
    run(traders, "cancel", str(resting["client_order_id"]), "--as", "maker-1")
    for closed, again in (
        (["venue", "cancel-only"], ["venue", "open"]),
        (["currency", "HKD", "redeem-only"], ["currency", "HKD", "open"]),
    ):
        assert run(traders, "control", *closed)["mode"] == closed[-1]
        refused = run(traders, "order", "HKD/JPY", "sell", "1", "20.05", "--as", "maker-1")
        assert refused["error"]["code"] in (RejectReason.VENUE_CANCEL_ONLY, RejectReason.CURRENCY_REDEEM_ONLY)  # type: ignore[index]
        assert run(traders, "control", *again)["mode"] == "open"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["order", "EUR/USD", "buy", "1000", "1.1", "--as", "payer-1"], RejectReason.INSUFFICIENT_FUNDS),
        (["order", "EUR/USD", "buy", "1000", "1.1", "--as", "nobody-1"], "FxEngineError"),
        (["order", "EUR/USD", "buy", "1000.05", "1.1", "--as", "payer-1"], "AmountError"),
        (["order", "EUR/XXX", "buy", "1000", "1.1", "--as", "payer-1"], RejectReason.UNKNOWN_INSTRUMENT),
        (["swap", "JPY", "HKD", "--exact-out", "5", "--as", "payer-1"], "AmountError"),
        (
            ["swap", "JPY", "EUR", "--exact-out", "5", "--max-in", "9000", "--as", "payer-1"],
            RejectReason.INSUFFICIENT_LIQUIDITY,
        ),
        (["cancel", "999999", "--as", "payer-1"], RejectReason.UNKNOWN_ORDER),
        (["withdraw", "JPY", "99000000", "--as", "payer-1"], RejectReason.INSUFFICIENT_FUNDS),
        (["withdraw", "JPY", "1"], "FxEngineError"),
        (["withdrawal", "pay", "99000000"], RejectReason.UNKNOWN_WITHDRAWAL),
        (["deposit", "nobody-1", "JPY", "1"], "FxEngineError"),
        (["token", "maker-2", "--level", "king"], "FxEngineError"),
    ],
)
def test_a_refusal_has_its_code_a_sentence_and_exit_code_1(
    traders: ServedVenue, arguments: list[str], code: RejectReason | str
) -> None:
    said = typed(*arguments, "--venue", traders.home.directory)
    assert said["exit_code"] == 1
    error = said["error"]
    assert isinstance(error, dict)
    assert error["code"] == code
    assert len(error["text"]) > 20


def test_a_venue_that_is_not_served_says_how_to_serve_it(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    fxengine("init", str(directory))
    fxengine("token", "payer-1", "--venue", str(directory))
    done = fxengine("balances", "--as", "payer-1", "--venue", str(directory), check=False)
    assert done.returncode == 1
    assert "fxengine serve" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_never_overwrites_a_venue(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    fxengine("init", str(directory))
    before = (directory / "venue.toml").read_bytes()
    assert answer("init", str(directory))["exit_code"] == 1
    assert (directory / "venue.toml").read_bytes() == before


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    fxengine("init", str(directory))
    said = fxengine("token", "payer-1", "--venue", str(directory))
    secret = (directory / "tokens" / "payer-1.jwt").read_text()
    assert secret not in said.stdout
    for path in [*(directory / "keys").iterdir(), *(directory / "tokens").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (directory, directory / "keys", directory / "tokens"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_holds_names_and_balances_is_readable_by_its_owner_alone(traders: ServedVenue) -> None:
    directory = traders.home.directory
    for path in [directory, directory / "journal", *directory.glob("journal/*"), *directory.glob("ledger.sqlite*")]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("name", ["a" * 300, "../payer-1", ".hidden", "", "a b"])
def test_an_account_name_that_no_file_can_have_is_refused(traders: ServedVenue, name: str) -> None:
    said = typed("token", name, "--venue", traders.home.directory)
    assert said["exit_code"] == 1
    assert "letters, digits" in said["error"]["text"]


def test_a_jurisdiction_that_the_issuer_may_not_assert_is_refused_at_once(traders: ServedVenue) -> None:
    said = typed("token", "payer-9", "--jurisdiction", "ZZ", "--venue", traders.home.directory)
    assert said["exit_code"] == 1
    assert "may not vouch" in said["error"]["text"]


def test_a_directory_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        said = answer("init", str(directory))
        assert said["exit_code"] == 1
        assert said["error"]["text"]


@pytest.mark.parametrize(
    "command",
    [
        "init", "serve", "demo", "deposit", "withdraw", "withdrawals", "withdrawal pay",
        "withdrawal return", "fees", "control venue", "control currency", "bust", "balances", "book", "order", "cancel",
        "swap", "quote", "pay", "mass-quote", "verify", "freeze", "unfreeze", "statement", "export", "attest",
        "reserves", "reserves take",
        "prove publish", "prove account", "prove trade", "prove check", "token issue", "token inspect", "token revoke",
        "keys server", "keys client", "keys allow", "keys disallow", "keys issuer", "keys show",
    ],
)  # fmt: skip
def test_every_command_explains_itself(command: str) -> None:
    said = CliRunner().invoke(app, [*command.split(), "--help"]).stdout
    assert "Usage" in said
    assert "--json" in said
