"""Statements and exports as a customer and an analyst get them, from a venue that is running."""

import csv
import io
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fxengine.home import Home
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import printed, typed


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("statements") / "venue"
    assert typed("init", directory)["exit_code"] == 0
    with ServedVenue(Home(directory)) as served:
        for step in (
            "token maker-1 --level maker",
            "token payer-1 --level payer",
            "deposit maker-1 HKD 1000000",
            "deposit payer-1 JPY 9000000",
            "order HKD/JPY sell 400000 20.05 --as maker-1",
            "swap JPY HKD --exact-out 250000.00 --max-in 5100000 --as payer-1",
        ):
            said = typed(*step.split(), "--venue", directory)
            assert said["exit_code"] == 0, said
        asked = typed("withdraw", "HKD", "100000", "--as", "payer-1", "--venue", directory)
        assert asked["exit_code"] == 0, asked
        assert typed("withdrawal", "pay", str(asked["withdrawal"]), "--venue", directory)["exit_code"] == 0
        asked = typed("withdraw", "HKD", "40", "--as", "payer-1", "--venue", directory)
        assert asked["exit_code"] == 0, asked
        for step in ("token treasury-1 --level payer", "fees --to treasury-1 --currency HKD --amount 1.25"):
            said = typed(*step.split(), "--venue", directory)
            assert said["exit_code"] == 0, said
        assert (said["paid_out"], said["settlement"]) == ("1.250000", "FINAL")
        yield directory
        served.stop()


def test_a_statement_shows_every_posting_and_what_it_was_made_of(venue: Path) -> None:
    said = typed("statement", "payer-1", "--venue", venue)
    assert (said["exit_code"], said["subject"]) == (0, "payer-1")
    hkd, jpy = said["currencies"]["HKD"], said["currencies"]["JPY"]
    # 250,000 and the change of a whole lot, less what was paid out; what is only held is still there.
    assert (hkd["opening"], hkd["closing"]) == ("0.000000", "150000.248575")
    lines = [[line["kind"] for line in posting["lines"]] for posting in hkd["postings"]]
    assert lines == [["trade", "fee"], ["withdrawal"]]
    assert [[line["kind"] for line in posting["lines"]] for posting in jpy["postings"]] == [["deposit"], ["trade"]]
    for currency in (hkd, jpy):
        moved = sum(Decimal(posting["amount"]) for posting in currency["postings"])
        assert Decimal(currency["opening"]) + moved == Decimal(currency["closing"])
        assert currency["postings"][-1]["balance"] == currency["closing"]
        for posting in currency["postings"]:
            assert sum(Decimal(line["amount"]) for line in posting["lines"]) == Decimal(posting["amount"])


def test_a_statement_in_csv_adds_up_line_by_line(venue: Path) -> None:
    text, exit_code = printed("statement", "payer-1", "--csv", "--venue", venue)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert exit_code == 0
    for code in ("HKD", "JPY"):
        own = [row for row in rows if row["currency"] == code]
        assert (own[0]["entry"], own[-1]["entry"]) == ("opening", "closing")
        moved = sum(Decimal(row["amount"]) for row in own[1:-1])
        assert Decimal(own[0]["balance"]) + moved == Decimal(own[-1]["balance"]) == Decimal(own[-2]["balance"])


def test_a_statement_for_a_person_names_trades_and_balances(venue: Path) -> None:
    text, exit_code = printed("statement", "payer-1", "--venue", venue)
    assert exit_code == 0
    for words in ("opening balance", "trade HKD/JPY", "fee HKD/JPY", "posting", "closing balance", "150000.248575"):
        assert words in text


def test_a_period_without_a_batch_opens_and_closes_alike(venue: Path) -> None:
    said = typed("statement", "payer-1", "--from", "2001-01-01", "--to", "2001-12-31", "--venue", venue)
    assert said["from"] == "2001-01-01T00:00:00.000000000Z"
    assert {c: (s["opening"], s["closing"], s["postings"]) for c, s in said["currencies"].items()} == {
        "HKD": ("0.000000", "0.000000", []), "JPY": ("0.0000", "0.0000", []),
    }  # fmt: skip
    later = typed("statement", "payer-1", "--from", "2200-01-01", "--venue", venue)
    assert later["currencies"]["HKD"]["opening"] == "150000.248575"


def test_the_venues_own_accounts_have_statements_too(venue: Path) -> None:
    fees = typed("statement", "fees", "--venue", venue)["currencies"]["HKD"]
    assert {line["kind"] for posting in fees["postings"] for line in posting["lines"]} == {"fee", "rebate", "payment"}
    for posting in fees["postings"]:
        assert sum(Decimal(line["amount"]) for line in posting["lines"]) == Decimal(posting["amount"])
    custody = typed("statement", "custody", "--venue", venue)["currencies"]
    assert custody["HKD"]["closing"] == "-900000.000000"


def test_fees_are_shown_and_who_received_them_has_a_payment(venue: Path) -> None:
    shown = typed("fees", "--venue", venue)
    closing = typed("statement", "fees", "--venue", venue)["currencies"]["HKD"]["closing"]
    assert (shown["exit_code"], shown["fees"]) == (0, {"HKD": closing})
    paid = typed("statement", "treasury-1", "--venue", venue)["currencies"]["HKD"]
    assert [[line["kind"] for line in posting["lines"]] for posting in paid["postings"]] == [["payment"]]
    assert paid["closing"] == "1.250000"
    text, exit_code = printed("fees", "--venue", venue)
    assert (exit_code, closing in text) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "treasury-1", "--currency", "HKD", "--amount", "1000000"], "does not cover this"),
        (["--to", "treasury-1", "--currency", "HKD"], "--currency CURRENCY and --amount AMOUNT"),
        (["--to", "treasury-1", "--amount", "1"], "--currency CURRENCY and --amount AMOUNT"),
        (["--currency", "HKD"], "--to ACCOUNT"),
        (["--amount", "1"], "--to ACCOUNT"),
        (["--client-order-id", "1"], "--to ACCOUNT"),
    ],
)
def test_fees_that_cannot_be_paid_out_are_told_in_a_sentence(venue: Path, arguments: list[str], says: str) -> None:
    said = typed("fees", *arguments, "--venue", venue)
    assert said["exit_code"] != 0
    assert says in str(said)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("table", ["trades", "postings", "balances", "batches", "deposits", "withdrawals", "payments"])
def test_each_table_is_written_in_each_format(venue: Path, tmp_path: Path, table: str, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    said = typed("export", table, "--format", kind, "--out", path, "--venue", venue)
    expected = {"trades": 1, "balances": 8, "deposits": 2, "withdrawals": 2, "payments": 1}
    assert said["exit_code"] == 0, said
    assert said["rows"] == expected.get(table, said["rows"])
    if kind == "csv":
        assert len(path.read_text().splitlines()) == said["rows"] + 1
    else:
        assert pq.read_table(path).num_rows == said["rows"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["statement", "nobody-1"], "no account"),
        (["statement", "payer-1", "--from", "last week"], "is not a date"),
        (["statement", "payer-1", "--from", "2026-11-02", "--to", "2026-11-01"], "ends before it starts"),
        (["statement", "payer-1", "--csv"], "not both"),
        (["statement", "payer-1", "--ledger", "sqlite:/nowhere/ledger.sqlite"], "does not exist"),
        (["export", "secrets", "--out", "x.csv"], "no table"),
        (["export", "trades", "--out", "/nowhere/x.csv"], "/nowhere/x.csv"),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(venue: Path, arguments: list[str], text: str) -> None:
    said: dict[str, Any] = typed(*arguments, "--venue", venue)
    assert said["exit_code"] == 1
    assert text in said["error"]["text"]


def test_an_export_that_cannot_take_its_place_leaves_nothing_behind(venue: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    said = typed("export", "balances", "--out", tmp_path / "taken", "--venue", venue)
    assert said["exit_code"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_ledger_can_be_read_where_there_is_no_venue(venue: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(venue, copy)
    (copy / "venue.toml").unlink()
    assert typed("statement", "payer-1", "--ledger", f"sqlite:{copy}/ledger.sqlite")["exit_code"] == 0
