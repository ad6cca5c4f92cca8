"""A command sent again never moves anything, however often, whenever, whatever became of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.flows import CoreType
from fxengine.codes import EventKind, RejectReason
from tests.property.actions import Action
from tests.property.histories import UNNUMBERED, Life, both_cores, histories, standing

_NOT_REMEMBERED = {RejectReason.CLIENT_ID_TOO_OLD, RejectReason.CLIENT_ID_TOO_HIGH}


@both_cores
@given(history=histories, times=st.integers(1, 3))
@settings(max_examples=150)
def test_sent_again_at_once_it_is_answered_and_nothing_moves(
    core_type: CoreType, history: list[Action], times: int
) -> None:
    life = Life(core_type)
    for action in history:
        step = life.play(action)
        if step is None or isinstance(action, UNNUMBERED):
            continue
        before = standing(life)
        for _ in range(times):
            (answer,) = life.apply(step.command).events
            refused = step.events[0].kind is EventKind.REJECTED and step.events[0].reason in _NOT_REMEMBERED
            assert answer.kind is (EventKind.REJECTED if refused else EventKind.ORDER_STATUS)
            assert standing(life) == before


@both_cores
@given(history=histories)
def test_all_sent_again_at_the_end_nothing_moves(core_type: CoreType, history: list[Action]) -> None:
    life = Life(core_type)
    for action in history:
        life.play(action)
    before = standing(life)
    for command in list(life.numbered):
        (answer,) = life.apply(command).events
        assert answer.kind is EventKind.ORDER_STATUS or answer.reason == RejectReason.CLIENT_ID_TOO_OLD
    assert standing(life) == before


@both_cores
@given(history=histories)
def test_a_venue_that_hears_everything_twice_ends_like_one_that_hears_it_once(
    core_type: CoreType, history: list[Action]
) -> None:
    once, twice = Life(core_type), Life(core_type)
    for action in history:
        once.play(action)
        step = twice.play(action)
        if step is not None:
            twice.apply(step.command)
        assert standing(twice) == standing(once)
