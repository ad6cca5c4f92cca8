"""The commands that enter, change, show and cancel orders and quotes, typed against a served venue."""

from collections.abc import Iterator
from typing import Any

import pytest

from fxengine.codes import RejectReason
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import printed, typed


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedVenue]:
    directory = tmp_path_factory.mktemp("orders") / "venue"
    assert typed("init", directory)["exit_code"] == 0
    with ServedVenue(Home(directory)) as served:
        assert run(served, "token", "issue", "maker-1", "--level", "maker")["exit_code"] == 0
        for currency in ("HKD", "JPY"):
            assert run(served, "deposit", "maker-1", currency, "90000000")["settlement"] == "FINAL"
        yield served
        served.stop()


def run(venue: ServedVenue, *arguments: str) -> dict[str, Any]:
    return typed(*arguments, "--venue", venue.home.directory)


def maker(venue: ServedVenue, *arguments: str) -> dict[str, Any]:
    return run(venue, *arguments, "--as", "maker-1")


def told(venue: ServedVenue, *arguments: str) -> str:
    """What a person reads."""
    said, exit_code = printed(*arguments, "--as", "maker-1", "--venue", venue.home.directory)
    assert exit_code == 0, said
    return said


def test_an_order_is_entered_changed_shown_and_cancelled(desk: ServedVenue) -> None:
    entered = maker(
        desk, "order", "HKD/JPY", "sell", "4000", "20.05", "--display", "1000", "--expires", "2099-01-31T17:00Z"
    )
    assert (entered["status"], entered["leaves"]) == ("NEW", "4000"), entered
    number = str(entered["client_order_id"])
    changed = maker(desk, "amend", number, "3000", "20.06", "--filled", "0")
    assert (changed["price"], changed["leaves"]) == ("20.0600", "3000"), changed
    [shown] = [row for row in maker(desk, "orders")["orders"] if row["client_order_id"] == entered["client_order_id"]]
    assert (shown["price"], shown["leaves"], shown["quote"]) == ("20.0600", "3000", False)
    assert maker(desk, "status", number)["leaves"] == "3000"
    assert maker(desk, "cancel", number)["status"] == "CANCELED"
    ended = maker(desk, "status", number)
    assert (ended["command"], ended["status"]) == ("NEW_ORDER", "CANCELED")
    assert maker(desk, "amend", number, "3000", "20.06")["error"]["code"] == RejectReason.UNKNOWN_ORDER


def test_a_stop_order_waits_and_a_market_order_does_not(desk: ServedVenue) -> None:
    stop = maker(desk, "order", "HKD/JPY", "buy", "100", "21", "--type", "STOP_LIMIT", "--stop-price", "20.90")
    assert stop["status"] == "NEW", stop
    market = maker(desk, "order", "HKD/JPY", "buy", "100", "21", "--type", "MARKET")
    assert (market["status"], market["filled"]) == ("CANCELED", "0"), market
    nothing = maker(desk, "order", "HKD/JPY", "buy", "9", "21", "--time-in-force", "IOC", "--min-quantity", "5")
    assert nothing["error"]["code"] == RejectReason.MIN_QTY_NOT_FILLABLE
    assert maker(desk, "cancel-all", "--instrument", "HKD/JPY", "--side", "sell")["canceled"] == 0
    assert maker(desk, "cancel-all")["canceled"] >= 1
    assert maker(desk, "orders")["orders"] == []


def test_quotes_are_set_replaced_and_taken_away(desk: ServedVenue) -> None:
    quoted = maker(desk, "mass-quote", "HKD/JPY", "--bid", "19:500", "--bid", "18.5:700", "--offer", "21:300")
    assert quoted["quoted"], quoted
    assert len(quoted["levels"]) == 3
    refused = maker(desk, "mass-quote", "HKD/JPY", "--bid", "18:500", "--bid", "19:700")
    assert (refused["quoted"], refused["reason"], refused["exit_code"]) == (False, RejectReason.BAD_QUOTE_SET, 1)
    rows = maker(desk, "orders")["orders"]
    assert sorted((row["price"], row["leaves"], row["quote"]) for row in rows) == [
        ("18.5000", "700", True), ("19.0000", "500", True), ("21.0000", "300", True),
    ]  # fmt: skip
    assert "QUOTE" in told(desk, "orders")
    assert maker(desk, "mass-quote", "HKD/JPY")["levels"] == []
    assert maker(desk, "orders")["orders"] == []


def test_a_dead_mans_timer_is_set_and_stopped(desk: ServedVenue) -> None:
    assert maker(desk, "dead-man", "3600")["timeout_ms"] == 3_600_000
    assert maker(desk, "dead-man", "0")["exit_code"] == 0


def test_reports_are_shown_again(desk: ServedVenue) -> None:
    entered = maker(desk, "order", "HKD/JPY", "sell", "10", "22")
    reports = maker(desk, "reports")["reports"]
    assert reports[-1]["client_order_id"] == entered["client_order_id"]
    assert maker(desk, "reports", "--from", str(reports[-1]["number"]))["reports"] == reports[-1:]
    assert "ACCEPTED" in told(desk, "reports")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mass-quote", "HKD/JPY", "--bid", "19"], "PRICE:QUANTITY"),
        (["order", "HKD/JPY", "buy", "1", "19", "--expires", "tomorrow"], "is no time"),
        (["order", "HKD/JPY", "buy", "1", "19", "--expires", "2099-01-31T17:00"], "time zone"),
        (["status", "999999"], "No such order"),
    ],
    ids=lambda case: case[0] if isinstance(case, list) else "",
)
def test_what_is_typed_wrongly_is_told_in_a_sentence(desk: ServedVenue, arguments: list[str], says: str) -> None:
    said = maker(desk, *arguments)
    assert said["exit_code"] == 1
    assert says in said["error"]["text"]


def test_people_are_answered_in_sentences(desk: ServedVenue) -> None:
    entered = told(desk, "order", "HKD/JPY", "sell", "10", "22")
    assert "SELL 10 HKD/JPY at 22.0000: NEW" in entered
    number = entered.split("client order id ")[1].split(")")[0]
    assert f"NEW_ORDER {number}: NEW" in told(desk, "status", number)
    assert "1 bids and 0 offers" in told(desk, "mass-quote", "HKD/JPY", "--bid", "10:1")
    assert "runs out in 60 s" in told(desk, "dead-man", "60")
    assert "Stopped" in told(desk, "dead-man", "0")
    assert "Cancelled" in told(desk, "cancel-all")
