"""``python -m bench.ledger`` runs from end to end and prints every figure it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALL = ["--batches", "5", "--seconds", "0.5", "--rate", "1000", "--postings", "3000", "--json"]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_report_holds_every_figure(backend: str) -> None:
    command = [sys.executable, "-m", "bench.ledger", *SMALL, "--only", backend]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert {"machine", "commit", "seed", "trades_per_batch", "fdatasync_64k_per_s", backend} == set(figures)
    found = figures[backend]
    assert found["ledger_trades_per_s"] > 0
    assert found["raw_trades_per_s"] > 0
    assert 50_000_000 < found["bytes_per_million_trades"] < 2_000_000_000
    assert all(page["statement_page_us"] > 0 for page in found["one_account"].values())
    assert found["matched_to_final"]["trades"] == 500
    assert 0 < found["matched_to_final"]["p50_ms"] <= found["matched_to_final"]["p99_ms"]
