"""A venue that settles in PostgreSQL, as its operator runs it: served, verified, shown, killed, its secrets kept."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from fxengine.home import Home
from fxengine.ledger.reading import open_reader
from tests.integration.served_venue import ServedVenue, answer, fxengine
from tests.integration.typed import typed
from tests.postgres_server import PostgresServer

PASSWORD = "a horse, a stable: 100%"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.psql(f"CREATE ROLE settlement LOGIN PASSWORD '{PASSWORD}'")
    server.psql("GRANT CREATE ON DATABASE postgres TO settlement")
    yield server
    server.remove()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "venue")


def test_a_venue_settles_in_postgresql_survives_both_kills_and_verifies(home: Home, server: PostgresServer) -> None:
    url = server.url("venue_1")
    venue = ServedVenue(home, "--ledger", url)
    with venue:
        assert venue.ready["finality"] == "commit"
        assert "schema=venue_1" in venue.ready["ledger"]
        with venue.log_on("maker-1") as maker:
            venue.deposit(maker, HKD="1000", JPY="20000")
        server.kill()
        server.start()
        with venue.log_on("maker-2") as maker:
            venue.deposit(maker, HKD="500")
        venue.kill()
        venue.start()
        with venue.operator() as operator:
            operator.balances()
        venue.stop()
    found = answer("verify", str(home.directory), "--ledger", url)
    assert found["ok"], found
    with open_reader(url) as reader:
        holders = reader.rows(
            "SELECT holder, currency, amount FROM statement WHERE holder LIKE 'maker%' ORDER BY holder, currency"
        )
    assert [(holder, code, str(amount).partition(".")[0]) for holder, code, amount in holders] == [
        ("maker-1", "HKD", "1000"),
        ("maker-1", "JPY", "20000"),
        ("maker-2", "HKD", "500"),
    ]


def test_one_altered_row_is_found(home: Home, server: PostgresServer) -> None:
    url = server.url("venue_2")
    with ServedVenue(home, "--ledger", url) as venue:
        with venue.log_on("maker-1") as maker:
            venue.deposit(maker, HKD="1000")
        venue.stop()
    server.psql("SET search_path = venue_2; ALTER TABLE deposits DISABLE TRIGGER ALL;"
                " UPDATE deposits SET amount_units = amount_units + 1")  # fmt: skip
    found = answer("verify", str(home.directory), "--ledger", url)
    assert found["exit_code"] == 1
    assert any("deposit 1 is" in problem for problem in found["problems"])


def test_the_password_is_in_no_output_log_or_process_list(
    home: Home, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url("venue_3", user=f"settlement:{quote(PASSWORD, safe='')}")
    environment = os.environ | {"FXENGINE_LEDGER": url}
    command = [sys.executable, "-m", "fxengine", "serve", str(home.directory), "--orders", "tcp://127.0.0.1:*"]
    with subprocess.Popen(
        [*command, "--market-data", "tcp://127.0.0.1:*"], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as venue:  # fmt: skip
        assert venue.stdout is not None
        said = [venue.stdout.readline()]
        while "Stop it with" not in said[-1]:
            assert said[-1], said
            said.append(venue.stdout.readline())
        listed = " ".join(" ".join(process.cmdline()) for process in processes())
        monkeypatch.setenv("FXENGINE_LEDGER", url)
        for question in ("reserves", "statement fees", "prove publish", "export batches --out /nowhere/batches.csv"):
            said.append(str(typed(*question.split(), "--venue", home.directory)))
            assert "ledger.sqlite" not in said[-1], "the variable is meant, not the default"
        venue.terminate()
        said += venue.stdout.readlines()
        assert venue.wait() == 0
    told = "".join(said) + listed + "\n".join(server.said)
    told += "".join(path.read_text(errors="replace") for path in home.directory.rglob("*") if path.is_file())
    assert "settlement" in told
    for secret in ("horse", quote(PASSWORD, safe="")):
        assert secret not in told


def processes() -> list[psutil.Process]:
    """Return this test's children and the server's processes, which name their clients."""
    return [process for process in psutil.process_iter() if "fxengine" in " ".join(_command(process))] + [
        process for process in psutil.process_iter() if "postgres" in " ".join(_command(process))
    ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_demo_settles_in_postgresql(tmp_path: Path, server: PostgresServer) -> None:
    url = server.url("demo")
    done = fxengine("demo", "--seconds", "2", "--json", "--ledger", url, check=False)
    line = json.loads(done.stdout)
    assert (done.returncode, line["ok"], line["problems"]) == (0, True, [])
    with open_reader(url) as reader:
        n_trades = reader.rows("SELECT count(*) FROM trades")[0][0]
        assert n_trades == line["trades"]
        assert reader.rows("SELECT currency FROM trial_balance WHERE difference_units <> 0") == []


def test_the_check_runs_beside_real_books_and_cleans_up(home: Home, server: PostgresServer) -> None:
    done = answer("ledger", "check", server.url("demo"))
    assert done["ok"], done
    assert len(done["passed"]) == 8
    left = server.psql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fxengine_check%'")
    assert left == ""


def test_without_the_driver_the_extra_is_named(home: Home, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked" / "psycopg"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ModuleNotFoundError('psycopg')")
    command = [sys.executable, "-m", "fxengine", "ledger", "check", "postgresql://db/books"]
    path = os.pathsep.join([str(blocked.parent), *filter(None, sys.path)])
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'fxengine[postgres]'" in " ".join(done.stderr.split())
