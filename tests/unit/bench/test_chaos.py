"""``make chaos``, small: every batch of a venue that was killed on a chain that was undone is accounted for."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.chaos import Chaos

ROOT = Path(__file__).parents[3]


def chaos(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench.chaos", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_small_run_loses_and_doubles_nothing(seed: int) -> None:
    done = chaos("--kills", "2", "--reorgs", "3", "--seed", str(seed))
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    assert found["ok"]
    assert (found["kills"], found["reorgs"], found["seed"]) == (2, 3, seed)
    assert all(found[name] for name in ("once_and_in_order", "heads_equal", "balances_equal", "verify_ok"))
    assert found["batches"] > 0
    assert sum(found["depths"].values()) == 3


def test_what_is_wrong_on_the_chain_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    for name in ("FXENGINE_RPC", "FXENGINE_OPERATOR_KEY"):  # put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with ExitStack() as lines:
        run = Chaos(tmp_path, seed, lines)
        run.live(reorg=False)
        run.venue.start()
        run.end()
        found = run.account_for_it()
        assert all(found[name] for name in ("once_and_in_order", "heads_equal", "balances_equal"))
        last, _ = run.site.settled()
        monkeypatch.setattr(run.site, "settled", lambda: (last, bytes(32)))
        assert not run.account_for_it()["heads_equal"]
        account, currency = next(iter(run.started))
        run.site.set_balance(account, currency, 1)
        assert not run.account_for_it()["balances_equal"]
