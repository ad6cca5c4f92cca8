"""A currency with an issuer of its own: issued and redeemed by it alone, and never beyond its attested reserves."""

from pathlib import Path
from typing import Any

import pytest

from fxengine.cli.connect import connected
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import typed
from tests.integration.venue_thread import until

ISSUER = """
[[issuers]]
iss = "eur-issuer"
keys = {{ eur-1 = "{key}" }}
levels = ["issuer"]
jurisdictions = ["DE"]
issues = ["EUR"]
"""


def made(tmp_path: Path) -> Path:
    """A venue in whose file the issuer of EUR is listed, with accounts' tokens."""
    directory = tmp_path / "venue"
    assert typed("init", directory)["exit_code"] == 0
    key = typed("keys", "issuer", "eur-1", "--issuer", "eur-issuer", "--venue", directory)["public_key"]
    with (directory / "venue.toml").open("a", encoding="utf-8") as file:
        file.write(ISSUER.format(key=key))
    desk = ("token", "issue", "eur-desk", "--issuer", "eur-issuer", "--level", "issuer", "--jurisdiction", "DE")
    assert typed(*desk, "--venue", directory)["exit_code"] == 0
    return directory


def refused(said: dict[str, Any]) -> str:
    return RejectReason(said["error"]["code"]).name if "error" in said else ""


def test_an_issuer_alone_issues_and_redeems_its_currency(tmp_path: Path) -> None:
    directory = made(tmp_path)
    at, desk = ("--venue", directory), ("--as", "eur-desk", "--venue", directory)
    with ServedVenue(Home(directory)) as served, served.log_on("payer-1") as payer:
        assert refused(typed("deposit", "payer-1", "EUR", "100", *at)) == "NOT_ITS_ISSUER"
        assert refused(typed("deposit", "payer-1", "USD", "100", *desk)) == "NOT_AUTHORIZED"
        issued = typed("deposit", "payer-1", "EUR", "100", "--reference", "wire-1", *desk)
        assert (issued["deposit"], issued["settlement"]) == ("100.000000", "FINAL")
        assert refused(typed("deposit", "payer-1", "EUR", "100", "--reference", "wire-1", *desk)) == "DEPOSIT_KNOWN"
        assert typed("deposit", "payer-1", "USD", "50", *at)["exit_code"] == 0

        with connected(Home(directory), "eur-desk") as eur_desk, served.operator() as operator:
            assert set(eur_desk.balances(payer.account)) == {"EUR"}
            assert set(operator.balances(payer.account)) == set(payer.balances()) == {"EUR", "USD"}
            with pytest.raises(RequestRejected, match=r"\[214\]"):
                payer.balances(eur_desk.account)
            with pytest.raises(RequestRejected, match=r"\[215\]"):
                eur_desk.balances(999)

        euros = typed("withdraw", "EUR", "40", "--as", "payer-1", *at)["withdrawal"]
        dollars = typed("withdraw", "USD", "10", "--as", "payer-1", *at)["withdrawal"]
        seen = [row["withdrawal"] for row in typed("withdrawals", *desk)["withdrawals"]]
        assert seen == [euros]
        assert [row["withdrawal"] for row in typed("withdrawals", *at)["withdrawals"]] == [euros, dollars]
        assert refused(typed("withdrawal", "pay", euros, *at)) == "NOT_ITS_ISSUER"
        assert refused(typed("withdrawal", "return", dollars, *desk)) == "UNKNOWN_WITHDRAWAL"
        assert typed("withdrawal", "pay", euros, *desk)["state"] == "PAID"
        assert typed("withdrawal", "pay", dollars, *at)["state"] == "PAID"
        held = typed("balances", "--as", "payer-1", *at)["balances"]
        assert {code: row["available"] for code, row in held.items()} == {"EUR": "60.000000", "USD": "40.000000"}


def test_nothing_is_issued_beyond_what_is_attested(tmp_path: Path) -> None:
    directory = made(tmp_path)
    at, desk = ("--venue", directory), ("--as", "eur-desk", "--venue", directory)
    with ServedVenue(Home(directory)) as served, served.log_on("payer-1"):
        assert typed("attest", "EUR", "100", *at)["exit_code"] == 0
        first = ("deposit", "payer-1", "EUR", "60", "--client-order-id", "1", *desk)
        assert typed(*first)["settlement"] == "FINAL"
        assert refused(typed("deposit", "payer-1", "EUR", "40.000001", *desk)) == "RESERVES_EXCEEDED"
        assert typed("deposit", "payer-1", "EUR", "40", *desk)["settlement"] == "FINAL"
        assert refused(typed("deposit", "payer-1", "EUR", "0.000001", *desk)) == "RESERVES_EXCEEDED"
        again = typed(*first)  # the same command: answered with what became of it, though there is no room now
        assert (again["deposit"], again["settlement"]) == ("60.000000", "FINAL")
        assert typed("attest", "EUR", "100.000001", *at)["exit_code"] == 0
        until(lambda: refused(typed("deposit", "payer-1", "EUR", "0.000001", *desk)) == "", lambda: None)
        held = typed("balances", "--as", "payer-1", *at)["balances"]["EUR"]["available"]
        assert held == "100.000001"
