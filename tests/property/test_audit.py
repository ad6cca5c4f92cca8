"""What the venue says is the whole truth: books, balances, orders and fees follow from its events alone."""

import pytest
from hypothesis import given, settings

from bench.flows import SCENARIOS, CoreType, Feed, Flow, Scenario, decode
from tests.property.actions import Action
from tests.property.audit import Audit
from tests.property.histories import VENUE, Life, Step, both_cores, histories

N_COMMANDS = 1_500
COMPARE_EVERY = 50


@both_cores
@given(history=histories)
@settings(max_examples=150)
def test_every_invariant_holds_and_the_events_tell_all_after_every_command(
    core_type: CoreType, history: list[Action]
) -> None:
    audit = Audit(VENUE)

    def watch(life: Life, step: Step) -> None:
        life.core.check()
        audit.observe(life.core, step.events)
        audit.compare(life.core)

    life = Life(core_type, watch=watch)
    for action in history:
        life.play(action)


@both_cores
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_every_invariant_holds_over_whole_venue_lives(core_type: CoreType, scenario: Scenario, seed: int) -> None:
    feed = Feed(scenario.core(core_type))
    flow, audit = Flow(scenario, seed, feed.core), Audit(scenario)
    for index, command in zip(range(N_COMMANDS), flow, strict=False):
        events = feed.apply(command)
        flow.observe(events)
        audit.observe(feed.core, decode(events))
        if index % COMPARE_EVERY == 0:
            feed.core.check()
            audit.compare(feed.core)
    feed.core.check()
    audit.compare(feed.core)
