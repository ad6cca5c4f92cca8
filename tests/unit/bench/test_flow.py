"""``python -m bench.flow``: a file's totals are those of an independent book, whatever its header says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.flow import run
from bench.flows import CoreType
from bench.rehearsal import Outcome, rehearse
from bench.yardstick import convert, read
from fxengine._core import Core as CompiledCore
from fxengine.records import AMEND
from fxengine.reference import Core as ReferenceCore
from tests.unit.bench.order_files import (
    BUY,
    CANCEL,
    GTC,
    NEW,
    REPLACE,
    SELL,
    PlainBook,
    Row,
    write,
    write_rows,
    zero_totals,
)

ROOT = Path(__file__).parents[3]
KEYS = "ns_per_command runs batch accounts events fees_collected fills quantity notional live fill_hash state_hash"
cores = pytest.mark.parametrize("core_type", [ReferenceCore, CompiledCore], ids=["reference", "compiled"])


def totals(outcome: Outcome) -> tuple[int, ...]:
    return outcome.fills, outcome.quantity, outcome.notional, outcome.fill_hash, outcome.live


def expected(book: PlainBook) -> tuple[int, ...]:
    return book.fills, book.quantity, book.notional, book.hash, len(book.orders)


@cores
@pytest.mark.parametrize("turn", range(5))
def test_totals_are_those_of_an_independent_book(core_type: CoreType, tmp_path: Path, seed: int, turn: int) -> None:
    book = write(tmp_path / "orders", seed + turn)
    assert book.fills > 20
    outcome = rehearse(convert(read(tmp_path / "orders")), core_type)
    assert totals(outcome) == expected(book)
    assert outcome.fees_collected > 0


@cores
@pytest.mark.parametrize("n_accounts", [1, 2, 7, 1000])
def test_owners_spread_over_any_number_of_accounts_trade_the_same(
    core_type: CoreType, tmp_path: Path, seed: int, n_accounts: int
) -> None:
    book = write(tmp_path / "orders", seed)
    conversion = convert(read(tmp_path / "orders"), n_accounts)
    assert conversion.n_accounts == n_accounts
    assert totals(rehearse(conversion, core_type)) == expected(book)


@cores
def test_orders_older_than_the_window_are_still_found(
    core_type: CoreType, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("bench.yardstick", "bench.opening"):
        monkeypatch.setattr(f"{module}.WINDOW", 16)
    book = write(tmp_path / "orders", seed, owners=2)
    conversion = convert(read(tmp_path / "orders"))
    assert len(conversion.stale) > 10
    assert totals(rehearse(conversion, core_type)) == expected(book)


def test_a_replace_of_a_traded_order_names_the_total(tmp_path: Path) -> None:
    rows = [
        (70, 10, 100, 1, NEW, SELL, GTC),
        (71, 4, 100, 2, NEW, BUY, GTC),  # 70 has traded 4
        (70, 9, 105, 1, REPLACE, SELL, GTC),  # 9 are to be open: 13 in all
        (72, 2, 105, 2, NEW, BUY, GTC),
        (70, 1, 106, 1, REPLACE, SELL, GTC),
    ]
    write_rows(tmp_path / "orders", rows)
    conversion = convert(read(tmp_path / "orders"))
    outcome = rehearse(conversion, ReferenceCore)
    assert conversion.commands.view(AMEND)["quantity_lots"][[2, 4]].tolist() == [13, 7]
    assert (outcome.fills, outcome.quantity, outcome.notional, outcome.live) == (2, 6, 4 * 100 + 2 * 105, 1)


def test_commands_about_orders_that_are_gone_or_never_were_change_nothing(tmp_path: Path) -> None:
    rows = [
        (5, 0, 0, 1, CANCEL, BUY, GTC),
        (5, 3, 100, 1, NEW, BUY, GTC),
        (5, 0, 0, 1, CANCEL, BUY, GTC),
        (5, 0, 0, 1, CANCEL, BUY, GTC),
        (5, 8, 101, 1, REPLACE, BUY, GTC),
        (6, 8, 101, 1, REPLACE, BUY, GTC),
        (5, 2, 100, 1, NEW, BUY, GTC),  # the id again, for another order
        (5, 1, 99, 1, REPLACE, BUY, GTC),
        (6, 0, 0, 1, CANCEL, BUY, GTC),  # still no order, though its neighbour is one
    ]
    write_rows(tmp_path / "orders", rows)
    outcome = rehearse(convert(read(tmp_path / "orders")), ReferenceCore)
    assert (outcome.fills, outcome.live) == (0, 1)


def test_a_header_without_totals_gives_the_same_line(tmp_path: Path, seed: int) -> None:
    write(tmp_path / "orders", seed)
    told = run(tmp_path / "orders", CompiledCore, runs=1)
    zero_totals(tmp_path / "orders")
    untold = run(tmp_path / "orders", CompiledCore, runs=1)
    assert told | {"ns_per_command": 0} == untold | {"ns_per_command": 0}


def test_batches_and_cores_end_in_the_same_state(tmp_path: Path, seed: int) -> None:
    write(tmp_path / "orders", seed)
    lines = [
        run(tmp_path / "orders", core_type, batch=batch, runs=1) | {"ns_per_command": 0, "batch": 0}
        for core_type, batch in ((CompiledCore, 1), (CompiledCore, 7), (CompiledCore, 10_000), (ReferenceCore, 100))
    ]
    assert all(line == lines[0] for line in lines)


def test_the_command_prints_one_line_of_json(tmp_path: Path, seed: int) -> None:
    book = write(tmp_path / "orders", seed)
    arguments = ["--json", "--accounts", "5", "--batch", "10", "--runs", "3"]
    command = [sys.executable, "-m", "bench.flow", str(tmp_path / "orders"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (printed,) = done.stdout.splitlines()
    line = json.loads(printed)
    assert list(line) == KEYS.split()
    assert (line["runs"], line["batch"], line["accounts"]) == (3, 10, 5)
    assert (line["fills"], line["live"]) == (book.fills, len(book.orders))
    assert line["fill_hash"] == f"{book.hash:016x}"
    assert line["ns_per_command"] > 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "shorter than the header"), (b"LOBW0002".ljust(128, b"\0"), "does not begin with"), (None, "announces")],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, seed: int, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "orders"
    write(path, seed)
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    with pytest.raises(ValueError, match=complaint):
        read(path)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((1, 1, 1, 1, 4, BUY, GTC), "command 0 has an unknown type"),
        ((1, 0, 1, 1, NEW, BUY, GTC), "a quantity below 1"),
        ((1, 1, 0, 1, NEW, BUY, GTC), "a price below 1"),
        ((1, 2**62, 2**30, 1, NEW, BUY, GTC), "scale its quantities down"),
    ],
)
def test_what_no_core_could_take_is_refused(tmp_path: Path, row: Row, complaint: str) -> None:
    write_rows(tmp_path / "orders", [row])
    with pytest.raises(ValueError, match=complaint):
        convert(read(tmp_path / "orders"))
