"""The check itself: it finds every flaw under the right name, and leaves nothing of itself behind."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fxengine.cli.app import app
from fxengine.errors import LedgerError
from fxengine.ledger import Ledger, open_ledger
from fxengine.ledger.check import GUARANTEES, KILLS, Trial
from fxengine.ledger.check_batches import Books
from fxengine.venue import Venue
from tests.ledger.flawed import FLAWS, installed

Open = Callable[[str], Ledger]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a distribution bring the scheme ``flawed``, and try to take over ``sqlite``."""
    opener = "tests.ledger.flawed:open_flawed"
    odd = {"fails": "failing_ledger:open", "idle": "tests.ledger.flawed:FLAWS"}
    monkeypatch.syspath_prepend(installed(tmp_path / "site", flawed=opener, sqlite=opener, broken="nowhere:x", **odd))
    (tmp_path / "site" / "failing_ledger.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(ROOT)


def first_broken(url: str, seed: int, kills: int = 2) -> tuple[str, str]:
    with closing(Trial(url, seed, kills=kills)) as trial:
        for guarantee in GUARANTEES:
            broken = guarantee.broken_by(trial)
            if broken is not None:
                return guarantee.name, broken
    return "", ""


def test_every_promise_has_a_backend_that_breaks_it() -> None:
    assert set(FLAWS.values()) == {guarantee.name for guarantee in GUARANTEES}


def test_the_same_backend_without_a_flaw_keeps_all(tmp_path: Path, seed: int) -> None:
    assert first_broken(f"flawed:{tmp_path / 'books'}", seed) == ("", "")


@pytest.mark.parametrize(("flaw", "name"), FLAWS.items())
def test_a_flaw_breaks_exactly_the_promise_it_is_against(tmp_path: Path, seed: int, flaw: str, name: str) -> None:
    kills = KILLS if name == "ATOMIC" else 2
    assert first_broken(f"flawed:{tmp_path / 'books'}?{flaw}", seed, kills)[0] == name


def test_the_command_says_each_promise_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["ledger", "check", f"sqlite:{tmp_path / 'ledger.sqlite'}"])
    assert answer.exit_code == 0, answer.output
    for guarantee in GUARANTEES:
        assert f"{guarantee.name:<22} passed" in answer.output
    assert "FAILED" not in answer.output
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_the_command_stops_with_1_at_the_first_broken_promise(tmp_path: Path) -> None:
    url = f"flawed:{tmp_path / 'books'}?adds_again"
    answer = CliRunner().invoke(app, ["ledger", "check", url])
    assert answer.exit_code == 1
    assert "ATOMIC                 passed" in answer.output
    assert "IDEMPOTENT             FAILED" in answer.output
    assert "MISMATCH" not in answer.output
    again = CliRunner().invoke(app, ["ledger", "check", f"flawed:{tmp_path / 'other'}?never_final", "--json"])
    line = json.loads(again.stdout)
    assert (again.exit_code, line["ok"], line["failed"]) == (1, False, "CURSOR WITH THE BATCH")
    assert line["passed"] == [guarantee.name for guarantee in GUARANTEES[:4]]


def test_real_books_beside_the_check_are_not_touched(
    tmp_path: Path, sqlite_path: Path, open_: Open, books: Books
) -> None:
    open_(f"sqlite:{sqlite_path}").post(books.batch())
    before = sqlite_path.read_bytes()
    assert CliRunner().invoke(app, ["ledger", "check", f"sqlite:{sqlite_path}"]).exit_code == 0
    assert sqlite_path.read_bytes() == before


def test_a_ledger_that_is_checked_itself_must_be_empty(tmp_path: Path, books: Books, venue: Venue) -> None:
    url = f"flawed:{tmp_path / 'books'}"
    with closing(open_ledger(url, venue)) as ledger:
        ledger.post(books.batch())
    answer = CliRunner().invoke(app, ["ledger", "check", url, "--json"])
    assert answer.exit_code == 1
    text = json.loads(answer.stdout)["error"]["text"]
    assert "holds 1 batches; a check posts batches of its own, so give it an empty ledger" in text


def test_an_own_scheme_cannot_be_taken_over(sqlite_path: Path, open_: Open) -> None:
    assert open_(f"sqlite:{sqlite_path}").finality == "fsync"


def test_a_backend_that_cannot_be_loaded_is_named_with_its_distribution(venue: Venue) -> None:
    loads = "cannot be loaded: "
    for scheme, why in (("broken", loads + "No module"), ("fails", loads + "division"), ("idle", "names nothing that")):
        with pytest.raises(LedgerError, match=f"'{scheme}', which flawed-ledgers brings, {why}"):
            open_ledger(f"{scheme}:x", venue)
    with pytest.raises(LedgerError, match="broken:, evm:, fails:, flawed:, idle:, memory:"):
        open_ledger("unknown:x", venue)


def test_two_distributions_that_bring_one_scheme_are_refused(
    tmp_path: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = installed(tmp_path / "other", flawed="elsewhere:open_it")
    (other / "flawed_ledgers-1.0.dist-info").rename(other / "rival-1.0.dist-info")
    (other / "rival-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(other)
    with pytest.raises(LedgerError, match="flawed-ledgers and rival both bring"):
        open_ledger("flawed:x", venue)
