"""A core that was restored goes on as the one that was left: every event, every byte of state, for ever.

Snapshots are taken at random places of generated lives and restored crosswise, each core from the other's
bytes, so that what one of them forgets the other shows.
"""

from itertools import pairwise
from random import Random

import pytest

from bench.flows import SCENARIOS, Core, CoreType, Feed, Flow, Scenario, record
from bench.flows.canonical_text import first_difference
from fxengine._core import Core as CompiledCore
from fxengine.reference import Core as ReferenceCore

N_COMMANDS = 3_000
BETWEEN = 150
"""Commands between two snapshots at most."""
N_WHOLE = 20_000

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())


def restored(scenario: Scenario, core_type: CoreType, snapshot: bytes) -> Feed:
    feed = Feed(scenario.core(core_type))
    feed.core.restore(snapshot)
    feed.core.check()
    return feed


def facts(core: Core) -> tuple[int, ...]:
    return core.sequence, core.now_ns, core.next_deadline_ns, core.n_accounts, core.n_orders


@each_scenario
def test_restored_crosswise_again_and_again_both_cores_go_on_as_one_that_never_stopped(
    scenario: Scenario, seed: int
) -> None:
    rng = Random(f"snapshots/{scenario.name}/{seed}")
    original = Feed(scenario.core(ReferenceCore))
    feeds = [Feed(scenario.core(CompiledCore)), Feed(scenario.core(ReferenceCore))]
    flow = Flow(scenario, seed, original.core)
    until_next = 1
    for index, command in zip(range(N_COMMANDS), flow, strict=False):
        expected = original.apply(command)
        for feed in feeds:
            assert feed.apply(command) == expected, f"command {index}, seed {seed}"
            assert facts(feed.core) == facts(original.core), f"command {index}, seed {seed}"
        flow.observe(expected)
        until_next -= 1
        if not until_next:
            until_next = rng.randint(1, BETWEEN)
            snapshots = [feed.core.snapshot() for feed in feeds]
            assert snapshots[0] == snapshots[1], f"command {index}, seed {seed}"
            feeds = [restored(scenario, core, snapshots[0]) for core in (CompiledCore, ReferenceCore)]
            state = original.core.state_bytes()
            for feed in feeds:
                written = feed.core.state_bytes()
                assert written == state, f"command {index}, seed {seed}: {first_difference(state, written)}"
    assert original.core.sequence == N_COMMANDS


@each_scenario
def test_a_long_life_cut_in_two_ends_as_it_does_uncut(scenario: Scenario, seed: int) -> None:
    recording = record(scenario, seed, N_WHOLE, CompiledCore)
    rng = Random(f"cut/{scenario.name}/{seed}")
    uncut = scenario.core(CompiledCore)
    uncut.bind(recording.commands)
    cut = rng.randrange(N_WHOLE // 4, N_WHOLE)
    uncut.apply(0, recording.starts[cut])
    second = scenario.core(CompiledCore)
    second.bind(recording.commands)
    second.restore(uncut.snapshot())
    for first, last in pairwise(recording.starts[cut::7]):
        expected = uncut.apply(first, last)
        assert second.apply(first, last) == expected
        assert second.events[:expected].tobytes() == uncut.events[:expected].tobytes(), f"record {first}, seed {seed}"
    assert second.snapshot() == uncut.snapshot()
    second.check()


def test_what_a_snapshot_must_carry_does_occur(seed: int) -> None:
    """The proof above proves nothing of what its flows do not have (but for stops that were triggered and wait
    their turn, which have a test of their own)."""
    seen: set[str] = set()
    for name in ("tight", "shortlived", "sweeps", "crowded"):
        scenario = SCENARIOS[name]
        feed = Feed(scenario.core(ReferenceCore))
        flow = Flow(scenario, seed, feed.core)
        for _, command in zip(range(N_COMMANDS), flow, strict=False):
            flow.observe(feed.apply(command))
            state = feed.core._state  # type: ignore[attr-defined]
            for order in state.pool.live.values():
                kinds = {
                    order.place.name: True, "quote": order.is_quote, "gtd": order.expire_ns, "credit": order.fee_credit,
                    "iceberg": order.display_lots, "partly shown": order.display_lots > order.shown_lots > 0,
                    "was a stop": order.stop_price_ticks and order.place.name == "BOOK",
                    "below its window": state.accounts[order.account].outcome(order.client_order_id) is None,
                }  # fmt: skip
                seen |= {kind for kind, holds in kinds.items() if holds}
            seen |= {"free slots"} if len(state.pool.free) > 1 else set()
    assert seen >= {
        "BOOK", "STOPS", "quote", "gtd", "credit", "iceberg", "partly shown", "was a stop",
        "below its window", "free slots",
    }  # fmt: skip
