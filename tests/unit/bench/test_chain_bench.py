"""``python -m bench.chain`` runs from end to end and prints every figure it promises."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SMALL = ["--batches", "2", "--seconds", "0.5", "--rate", "400", "--json"]


def test_the_report_holds_every_figure() -> None:
    command = [sys.executable, "-m", "bench.chain", *SMALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert 0 < figures["own_ms_per_batch"] <= figures["own_ms_per_batch_max"]
    assert figures["sustained_trades_per_s"] > 0
    assert figures["gas_per_trade"] > 1_000
    assert 0 < figures["block_gas_used_share"] <= 1
    matched = figures["matched"]
    assert matched["trades"] == 200
    assert matched["posted_p50_ms"] <= matched["p50_ms"] <= matched["p99_ms"]
    assert matched["posted_p50_ms"] <= matched["posted_p99_ms"] <= matched["p99_ms"]
