"""Mutants are drawn from lines that do something, and what is reported of them is what became of them."""

import json
from pathlib import Path

import pytest

from bench.mutants import CORES, Mutant, drawn, mutants_of
from bench.mutate import report, trials
from bench.workshop import Verdict

ROOT = Path(__file__).parents[3]
TEXT = '''
"""A docstring: 1 < 2
and 3 > 2.
"""
LIMIT = 1


cdef inline int least(int a, int b) noexcept nogil:
    """Return 0 or 1."""
    cdef Order* order
    cdef i64 lots = a + b  # a + 1
    prefetch(order + 1)
    assert lots > 0
    # a < b
    if a < b:
        return NONE
    quantity: int = 0
'''


def mutant(number: int) -> Mutant:
    return Mutant("fxengine/core/matching.pxi", number, "    if a < b:", "    if a <= b:")


def test_only_lines_that_do_something_are_changed() -> None:
    changed = {(found.before.strip(), found.after.strip()) for found in mutants_of("any.pxi", TEXT)}
    assert changed == {
        ("cdef i64 lots = a + b", "cdef i64 lots = a - b"),
        ("if a < b:", "if a <= b:"),
    }


def test_a_changed_line_keeps_its_place_and_stands_where_it_says() -> None:
    lines = TEXT.splitlines()
    for found in mutants_of("any.pxi", TEXT):
        assert lines[found.line - 1].startswith(found.before)


def test_nothing_is_drawn_from_text_as_amounts() -> None:
    source = (ROOT / "fxengine/money.py").read_text()
    begins = source[: source.index("def fee_owed_units")].count("\n")
    assert {found.line > begins for found in mutants_of("fxengine/money.py", source)} == {True}


@pytest.mark.parametrize("core", CORES)
def test_a_seed_draws_the_same_mutants_again_and_another_draws_others(core: str, seed: int) -> None:
    first = drawn(ROOT, core, seed)
    assert first == drawn(ROOT, core, seed)
    assert first != drawn(ROOT, core, seed + 1)
    assert {found.path for found in first} == set(CORES[core])
    assert len(set(first)) == len(first) > 100


def test_mutants_that_do_not_compile_are_replaced_by_the_next() -> None:
    waiting = [mutant(number) for number in range(10)]

    def attempt(mutants: list[Mutant]) -> list[tuple[Mutant, Verdict]]:
        return [(one, Verdict.KILLED if one.line % 2 else Verdict.UNBUILT) for one in mutants]

    tried = [one for batch in trials(waiting, 3, attempt) for one in batch]
    assert [one.line for one, _ in tried] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("n_survivors", "exit_code"), [(0, 0), (1, 0), (2, 1)])
def test_fewer_than_95_of_100_killed_end_with_1(
    n_survivors: int, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = [Verdict.SURVIVED] * n_survivors + [Verdict.HUNG] + [Verdict.KILLED] * (19 - n_survivors)
    tried = [(mutant(number), verdict) for number, verdict in enumerate([*verdicts, Verdict.UNBUILT])]
    assert report(tried, 7, 0.5, as_json=True) == exit_code
    told = json.loads(capsys.readouterr().out)
    assert (told["mutants"], told["killed"], told["hung"]) == (20, 20 - n_survivors, 1)
    assert told["did_not_compile"] == 1
    assert len(told["survivors"]) == n_survivors
