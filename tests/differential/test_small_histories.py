"""The comparison over short histories: where the cores part, Hypothesis shrinks to the few actions that show it."""

from hypothesis import given, settings

from bench.flows import describe_command
from bench.flows.canonical_text import first_difference
from fxengine._core import Core
from fxengine.reference import Core as ReferenceCore
from tests.property.actions import Action
from tests.property.histories import Life, histories


@given(history=histories)
@settings(max_examples=300)
def test_events_and_state_are_the_same_after_every_action(history: list[Action]) -> None:
    reference, compiled = Life(ReferenceCore), Life(Core)
    for action in history:
        expected = reference.play(action)
        if expected is None:
            continue
        found = compiled.apply(expected.command)
        assert found.events == expected.events, describe_command(expected.command)
        state, other = reference.core.state_bytes(), compiled.core.state_bytes()
        assert state == other, f"{first_difference(state, other)} after {describe_command(expected.command)}"
