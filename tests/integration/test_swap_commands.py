"""Quotes, swaps and payments over several paths at once, at a served venue: what they show, and that they agree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer
from tests.integration.typed import printed, typed

RESTING = (
    ("HKD/JPY", "sell", "1000", "20.00"),
    ("HKD/JPY", "sell", "100000", "24.00"),
    ("USD/JPY", "sell", "10000", "150"),
    ("USD/HKD", "buy", "10000", "7.4"),
)
"""From JPY to HKD: 1,000 directly at 20, then over USD at 150 / 7.4, about 20.27, and last directly at 24."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedVenue]:
    directory = tmp_path_factory.mktemp("swaps") / "venue"
    assert answer("init", str(directory))["exit_code"] == 0
    with ServedVenue(Home(directory)) as served:
        for account, level in (("maker-1", "maker"), ("payer-1", "payer"), ("payer-2", "payer")):
            assert run(served, "token", "issue", account, "--level", level)["exit_code"] == 0
        for account, currency, amount in (
            ("maker-1", "HKD", "1000000"), ("maker-1", "USD", "100000"), ("payer-1", "JPY", "9000000"),
        ):  # fmt: skip
            assert run(served, "deposit", account, currency, amount)["settlement"] == "FINAL"
        yield served
        served.stop()


@pytest.fixture
def books(desk: ServedVenue) -> Iterator[ServedVenue]:
    for instrument, side, quantity, price in RESTING:
        assert run(desk, "order", instrument, side, quantity, price, "--as", "maker-1")["status"] == "NEW"
    yield desk
    run(desk, "cancel-all", "--as", "maker-1")


def run(venue: ServedVenue, *arguments: str) -> dict[str, Any]:
    return typed(*arguments, "--venue", venue.home.directory)


def test_what_a_quote_says_is_what_a_payment_costs_and_both_show_their_routes(books: ServedVenue) -> None:
    asked = run(books, "quote", "JPY", "HKD", "--exact-out", "3000", "--as", "payer-1")
    assert {leg["instrument"] for leg in asked["legs"]} == {"HKD/JPY", "USD/JPY", "USD/HKD"}, asked
    single = asked["single_paths"][0]
    assert float(single["paid"]) > float(asked["paid"]), "splitting is cheaper than the best single path"
    payee = run(books, "balances", "--as", "payer-2")
    paid = run(books, "pay", str(payee["number"]), "3000", "HKD", "--with", "JPY", "--as", "payer-1")
    assert (paid["paid"], paid["received"], paid["settlement"]) == (asked["paid"], "3000.000000", "FINAL"), paid
    assert paid["legs"] == asked["legs"]
    assert len(paid["fills"]) == sum(leg["fills"] for leg in paid["legs"])
    held = run(books, "balances", "--as", "payer-2")["balances"]["HKD"]["available"]
    assert held == "3000.000000"


def test_a_payment_is_bounded_by_what_it_costs_now_and_a_little_or_by_what_is_said(books: ServedVenue) -> None:
    said = run(books, "pay", "3", "500", "HKD", "--with", "JPY", "--max-in", "10", "--as", "payer-1")
    assert said["error"]["code"] == RejectReason.BOUND_EXCEEDED
    said = run(books, "pay", "3", "500", "HKD", "--with", "JPY", "--tolerance", "0", "--as", "payer-1")
    assert said["received"] == "500.000000"


def test_a_payment_is_repeated_only_with_the_bound_that_it_had(books: ServedVenue) -> None:
    pay = ["pay", "3", "100", "HKD", "--with", "JPY"]
    once = run(books, *pay, "--max-in", "2500", "--as", "payer-1")
    again = ["--client-order-id", str(once["client_order_id"]), "--as", "payer-1"]
    assert run(books, *pay, "--max-in", "2500", *again)["paid"] == once["paid"]
    held = run(books, "balances", "--as", "payer-1")["balances"]["JPY"]["available"]
    assert "--max-in" in run(books, *pay, *again)["error"]["text"]
    assert run(books, *pay, "--max-in", "2501", *again)["error"]["code"] == RejectReason.CLIENT_ID_REUSED
    assert run(books, "balances", "--as", "payer-1")["balances"]["JPY"]["available"] == held


def test_a_person_sees_the_routes_drawn_and_what_single_paths_would_have_given(books: ServedVenue) -> None:
    venue: tuple[str | Path, ...] = ("--venue", books.home.directory)
    said, code = printed("quote", "JPY", "HKD", "--exact-in", "60000", "--as", "payer-1", *venue)
    assert code == 0
    assert "JPY ███" in said
    assert max(map(len, said.splitlines())) <= 80, "it fits where nothing else is known of the terminal"
    assert "would bring" in said
    assert "%" in said
    assert "the best single paths instead" in said
    assert "JPY > USD > HKD" in said
    said, code = printed("swap", "JPY", "HKD", "--exact-in", "60000", "--min-out", "2000", "--as", "payer-1", *venue)
    assert code == 0
    for word in ("Paid", "Delivered", "FINAL", "HKD/JPY", "USD/JPY", "brings", "fee"):
        assert word in said, said


def test_a_worst_price_cuts_a_swap_off_or_refuses_it(books: ServedVenue) -> None:
    swap = ["swap", "JPY", "HKD", "--exact-out", "90000", "--max-in", "9000000", "--worst-price", "20.5"]
    assert run(books, *swap, "--as", "payer-1")["error"]["code"] == RejectReason.WORST_PRICE_EXCEEDED
    part = run(books, *swap, "--allow-partial", "--as", "payer-1")
    assert part["unfilled"].endswith(" HKD")
    assert 70_000 < float(part["received"]) < 76_000, "1,000 directly and 10,000 USD worth, none at 24"
    said, _ = printed(
        "quote", "JPY", "HKD", "--exact-out", "90000", "--worst-price", "24.5", "--allow-partial", "--as", "payer-1",
        "--venue", books.home.directory,
    )  # fmt: skip
    assert "a part only" not in said


def test_after_its_deadline_nothing_is_done_and_a_repetition_hears_what_was(books: ServedVenue) -> None:
    swap = ["swap", "JPY", "HKD", "--exact-out", "100", "--max-in", "2500", "--as", "payer-1"]
    late = run(books, *swap, "--deadline", "2020-01-31T17:00:00Z")
    assert late["error"]["code"] == RejectReason.DEADLINE_PASSED
    once = run(books, *swap, "--deadline", "2100-01-31T17:00:00Z")
    again = run(books, *swap, "--deadline", "2100-01-31T17:00:00Z", "--client-order-id", str(once["client_order_id"]))
    assert (again["sequence"], again["paid"]) == (once["sequence"], once["paid"])
    pay = ["pay", "3", "100", "HKD", "--with", "JPY", "--as", "payer-1", "--deadline"]
    assert run(books, *pay, "2020-01-31T17:00:00Z")["error"]["code"] == RejectReason.DEADLINE_PASSED
    assert run(books, *pay, "2100-01-31T17:00:00+08:00")["received"] == "100.000000"
    assert "time zone" in run(books, *pay, "2100-01-31T17:00:00")["error"]["text"]


def test_a_venue_with_one_fee_for_a_swap_charges_it_on_the_last_leg_also_after_a_kill(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    assert answer("init", str(directory))["exit_code"] == 0
    description = directory / "venue.toml"
    text = description.read_text(encoding="utf-8")
    description.write_text(text.replace("# venue.swap_fee = 80", "venue.swap_fee = 80"), encoding="utf-8")
    refused = answer("serve", str(directory), "--json")
    assert "venue.swap_fee" in refused["error"]["text"], "its makers are paid rebates, which nothing would pay for"
    text = description.read_text(encoding="utf-8").replace("maker_fee = -20", "maker_fee =   0")
    description.write_text(text, encoding="utf-8")
    swap = ("swap", "JPY", "HKD", "--exact-in", "15000", "--min-out", "1", "--as", "payer-1")
    with ServedVenue(Home(directory)) as venue:
        for account, level in (("maker-1", "maker"), ("payer-1", "payer")):
            run(venue, "token", "issue", account, "--level", level)
        for account, currency in (("maker-1", "HKD"), ("maker-1", "USD"), ("payer-1", "JPY")):
            run(venue, "deposit", account, currency, "1000000")
        run(venue, "order", "USD/JPY", "sell", "10000", "150", "--as", "maker-1")
        run(venue, "order", "USD/HKD", "buy", "10000", "7.8", "--as", "maker-1")
        with venue.log_on("payer-1") as payer:
            assert payer.listing.swap_rate == 80
        first = run(venue, *swap)
        venue.kill()
        assert answer("snapshot", str(directory))["exit_code"] == 0
        venue.start()
        again = run(venue, *swap)
        venue.stop()
    for receipt in (first, again):
        assert [(leg["instrument"], leg["fee"]) for leg in receipt["legs"]] == [
            ("USD/JPY", "0.000000"), ("USD/HKD", "0.062400"),
        ]  # fmt: skip
        assert receipt["received"] == "779.937600", "100 USD are 780 HKD, less 0.8 hundredths of a percent"
    assert answer("verify", str(directory))["ok"]


def test_what_cannot_be_asked_is_said(books: ServedVenue) -> None:
    for payee in ("payer-2", "0", "4294967296", "9" * 5_000, "3.0"):
        said = run(books, "pay", payee, "100", "HKD", "--with", "JPY", "--as", "payer-1")
        assert "number" in said["error"]["text"], said
    for wrong in (["--exact-in", "1", "--exact-out", "1"], []):
        assert run(books, "quote", "JPY", "HKD", *wrong, "--as", "payer-1")["error"]["code"] == "AmountError"
    said = run(books, "quote", "JPY", "HKD", "--exact-out", "1000000000", "--as", "payer-1")
    assert said["error"]["code"] == RejectReason.INSUFFICIENT_LIQUIDITY


def test_the_sdk_quotes_pays_and_tells_the_same(books: ServedVenue) -> None:
    with books.log_on("payer-1") as payer, books.log_on("payer-2") as payee:
        cost = payer.quote("JPY", "HKD", exact_out="2500", payee=payee.account)
        assert (cost.received, cost.payee, cost.unfilled_units) == ("2500.000000", payee.account, 0)
        assert cost.paths[0].paid_units > cost.paid_units
        assert payer.balances()["JPY"].held_units == 0, "nothing is held for a quote"
        before = payee.balances()["HKD"].available_units
        receipt = payer.pay(payee.account, "HKD", "2500", pay_with="JPY", max_in=cost.paid)
        assert (receipt.paid, receipt.legs, receipt.paths) == (cost.paid, cost.legs, cost.paths)
        assert (receipt.rate, receipt.fees, receipt.change) == (cost.rate, cost.fees, cost.change)
        assert sum(leg.n_fills for leg in receipt.legs) == len(receipt.fills)
        assert payee.balances()["HKD"].available_units == before + receipt.received_units
        with pytest.raises(RequestRejected) as refused:
            payer.quote("JPY", "HKD", exact_out="1000000000")
        assert refused.value.reason == RejectReason.INSUFFICIENT_LIQUIDITY
