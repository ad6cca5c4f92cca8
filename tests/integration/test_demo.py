"""The demo keeps its promises, and its audit sees what was altered afterwards."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.served_venue import answer


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    directory = tmp_path_factory.mktemp("demo") / "venue"
    return directory, answer("demo", "--seconds", "6", "--dir", str(directory))


def test_the_demo_trades_settles_and_conserves(kept: tuple[Path, dict[str, object]]) -> None:
    _, said = kept
    assert said["exit_code"] == 0, said
    assert said["conserved"] is True
    assert said["state_hash_replayed"] is True
    assert said["unsettled"] == 0
    numbers = {key: said[key] for key in ("orders", "trades", "swaps", "batches")}
    assert all(isinstance(number, int) for number in numbers.values()), numbers
    assert numbers["orders"] > numbers["swaps"] > 10, numbers  # type: ignore[operator]
    assert numbers["trades"] > 60, numbers  # type: ignore[operator]
    assert numbers["batches"] > 3, numbers  # type: ignore[operator]


def test_the_demo_is_fast_and_cheap(kept: tuple[Path, dict[str, object]]) -> None:
    _, said = kept
    finals, costs = said["order_to_final_ms"], said["all_in_bps"]
    assert isinstance(finals, dict)
    assert isinstance(costs, dict)
    assert 0 < finals["p50"] <= finals["p99"] < 10_000, "final in under ten seconds"
    assert -5 < costs["p50"] <= costs["p99"] < 10, "all-in under 0.1 %"


def test_a_kept_venue_verifies(kept: tuple[Path, dict[str, object]]) -> None:
    directory, said = kept
    found = answer("verify", str(directory))
    assert found["ok"] is True
    assert found["state_hash"] == said["state_hash"]
    assert found["trades"] == said["trades"]


def test_one_altered_byte_of_the_journal_is_seen(kept: tuple[Path, dict[str, object]]) -> None:
    directory, _ = kept
    segment = min((directory / "journal").glob("*.fxj"))
    whole = segment.read_bytes()
    used = len(whole.rstrip(b"\0"))
    try:
        altered = bytearray(whole)
        altered[used // 2] ^= 1
        segment.write_bytes(altered)
        found = answer("verify", str(directory))
    finally:
        segment.write_bytes(whole)
    assert found["exit_code"] == 1
    assert (found["ok"], found["state_hash_replayed"]) == (False, False)


def test_one_altered_balance_in_the_ledger_is_seen(kept: tuple[Path, dict[str, object]]) -> None:
    directory, _ = kept
    path = directory / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    try:
        with closing(sqlite3.connect(path)) as ledger:
            for (trigger,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                ledger.execute(f"DROP TRIGGER {trigger}")
            changed = ledger.execute("UPDATE balances SET amount_units = amount_units + 1 WHERE account = 5")
            assert changed.rowcount > 0
            ledger.commit()
        found = answer("verify", str(directory))
    finally:
        for extra in directory.glob("ledger.sqlite-*"):
            extra.unlink()
        path.write_bytes(whole)
    assert found["exit_code"] == 1
    assert (found["ok"], found["conserved"]) == (False, False)
