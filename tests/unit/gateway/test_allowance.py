"""A frame of commands is paid for as a whole, or not at all."""

import pytest

from fxengine.gateway.limits import RELIEF_FACTOR, Allowance

BURST = 10


@pytest.mark.parametrize(
    ("n_commands", "n_relief"),
    [(BURST + 1, 0), (BURST + 1, 5), (0, RELIEF_FACTOR * BURST + 1), (1, RELIEF_FACTOR * BURST + 1)],
)
def test_what_is_refused_costs_nothing_of_either(n_commands: int, n_relief: int) -> None:
    allowance = Allowance(1, BURST)
    assert allowance.refuses(n_commands, n_relief, 1_000)
    assert not allowance.refuses(BURST, RELIEF_FACTOR * BURST, 1_000)


def test_both_are_taken_to_the_last_unit() -> None:
    allowance = Allowance(1, BURST)
    assert not allowance.refuses(BURST, RELIEF_FACTOR * BURST, 1_000)
    assert allowance.refuses(1, 0, 1_000)
    assert allowance.refuses(0, 1, 1_000)
