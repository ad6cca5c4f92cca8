"""The simulation tells the truth about itself: what it ran, where the cores part, what was never met."""

import pytest

from bench.flows import SCENARIOS, CoresDiffer, Mix, lockstep
from bench.sim import RUN_COMMANDS, Run, main, runs
from tests.differential.test_lockstep import Forgetful


def forgetful(run: Run) -> Mix | str:
    """Live a life against a core that finds money."""
    try:
        return lockstep(SCENARIOS[run.scenario], run.seed, run.commands, Forgetful)
    except CoresDiffer as difference:
        return str(difference)


def idle(run: Run) -> Mix:
    """Say that all was done, and do nothing."""
    mix = Mix()
    mix.commands = run.commands
    return mix


def test_every_scenario_has_its_turn_and_then_the_next_seed() -> None:
    lives = list(runs(["tight", "paths"], 7, 3 * RUN_COMMANDS + 5))
    assert lives == [
        ("tight", 7, RUN_COMMANDS), ("paths", 7, RUN_COMMANDS), ("tight", 8, RUN_COMMANDS), ("paths", 8, 5)
    ]  # fmt: skip


def test_a_difference_ends_it_with_1_and_is_told_in_words(capsys: pytest.CaptureFixture[str], seed: int) -> None:
    asked = ["--commands", "1000", "--seed", str(seed), "--processes", "1", "--scenario", "tight"]
    assert main(asked, forgetful) == 1
    told = capsys.readouterr()
    assert f"seed {seed}: 1,000 commands" in told.out
    assert "state      account 1, balance in currency 1: available" in told.err
    assert f"replay     python -m bench.sim --scenario tight --seed {seed} --commands 150" in told.err


def test_a_long_simulation_that_meets_too_few_reasons_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--commands", str(RUN_COMMANDS * len(SCENARIOS)), "--processes", "1"]
    assert main(asked, idle) == 1
    assert "never met: ACCOUNT_FROZEN, AMOUNT_OUT_OF_RANGE, " in capsys.readouterr().err


def test_agreement_ends_with_0_and_says_what_there_was(capsys: pytest.CaptureFixture[str], seed: int) -> None:
    assert main(["--commands", "300", "--seed", str(seed), "--processes", "1", "--scenario", "tight"]) == 0
    assert "the cores agree after" in capsys.readouterr().out
