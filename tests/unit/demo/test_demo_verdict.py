"""The demo says no, with exit code 1, whenever anything did not settle, failed, or does not add up."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from fxengine.cli.app import app
from fxengine.client import SwapReceipt
from fxengine.codes import SwapMode
from fxengine.demo.scene import Outcome, Scene
from fxengine.demo.scoreboard import Payment, Scoreboard
from fxengine.venue import Currency

RIGHT = {"ok": True, "conserved": True, "state_hash_replayed": True, "trades": 3, "batches": 1, "problems": []}
HKD, JPY = Currency(0, "HKD", "token", 2), Currency(1, "JPY", "token", 2)


def payment(*, final: bool) -> Payment:
    receipt = SwapReceipt(
        client_order_id=1, sequence=1, pay=JPY, receive=HKD, paid_units=2_000, received_units=100, payee=5,
        mode=SwapMode.EXACT_OUT,
    )  # fmt: skip
    return Payment("payer-1", "payee-1", receipt, 1.0, asked_ns=1, answered_ns=2, final_ns=3 if final else 0)


def outcome(*, audit: dict[str, Any] = RIGHT, final: bool = True, fault: str = "", paid: bool = True) -> Outcome:
    board = Scoreboard(payments=[payment(final=final)] if paid else [], faults=[fault] if fault else [])
    return Outcome(board, audit=audit)


def run_demo(monkeypatch: pytest.MonkeyPatch, result: Outcome) -> tuple[int, dict[str, Any]]:
    def play(self: Scene, seconds: float, watch: Callable[[threading.Event], None]) -> Outcome:
        return result

    monkeypatch.setattr(Scene, "play", play)
    done = CliRunner().invoke(app, ["demo", "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_right_outcome_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    code, line = run_demo(monkeypatch, outcome())
    assert (code, line["ok"], line["swaps"], line["unsettled"]) == (0, True, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        outcome(audit=RIGHT | {"ok": False, "conserved": False}),
        outcome(audit=RIGHT | {"ok": False, "state_hash_replayed": False}),
        outcome(audit={}),
        outcome(final=False),
        outcome(fault="maker-1: the venue is gone"),
        outcome(paid=False),
    ],
    ids=["not conserved", "not replayed", "no audit", "not final", "a participant failed", "nothing happened"],
)
def test_anything_wrong_ends_with_1(monkeypatch: pytest.MonkeyPatch, wrong: Outcome) -> None:
    code, line = run_demo(monkeypatch, wrong)
    assert (code, line["ok"]) == (1, False)
