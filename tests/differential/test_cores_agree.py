"""The compiled core gives the reference's events and state, byte for byte, over whole venue lives."""

from itertools import pairwise
from random import Random

import pytest

from bench.flows import SCENARIOS, CoreType, Feed, Scenario, lockstep, record
from bench.flows import Core as AnyCore
from fxengine._core import Core
from fxengine.reference import Core as ReferenceCore

N_COMMANDS = 10_000
N_BATCHED = 2_000
BATCH_COMMANDS_MAX = 200

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())


@each_scenario
def test_events_and_state_are_the_same_after_every_command(scenario: Scenario, seed: int) -> None:
    lockstep(scenario, seed, N_COMMANDS, Core)


@each_scenario
@pytest.mark.parametrize("core_type", [Core, ReferenceCore], ids=["compiled", "reference"])
def test_batches_of_any_size_give_the_same_bytes_as_one_by_one(
    scenario: Scenario, core_type: CoreType, seed: int
) -> None:
    recording = record(scenario, seed, N_BATCHED, core_type)
    singly, batched = scenario.core(core_type), scenario.core(core_type)
    singly.bind(recording.commands)
    batched.bind(recording.commands)
    rng = Random(seed)
    starts, done = recording.starts, 0
    while done < len(starts) - 1:
        ahead = min(done + rng.choice((1, 2, 7, BATCH_COMMANDS_MAX)), len(starts) - 1)
        one_by_one = b""
        for first, last in pairwise(starts[done : ahead + 1]):
            n_events = singly.apply(first, last)
            one_by_one += singly.events[:n_events].tobytes()
        n_events = batched.apply(starts[done], starts[ahead])
        assert batched.events[:n_events].tobytes() == one_by_one, f"commands {done} to {ahead}, seed {seed}"
        done = ahead
    assert batched.state_bytes() == singly.state_bytes()
    assert batched.sequence == len(starts) - 1


def answers(core: AnyCore, number: int) -> list[object]:
    """Ask of one account in turn all that a client may ask, by every id in its window."""
    account = number % core.n_accounts
    highest = core.client_id_highest(account)
    states = [core.order_state(account, i, 0) for i in range(max(highest - 70, 0), highest + 2)]
    pages, after = list[object](), 0
    while page := core.open_orders(account, after, 3):
        pages += page
        after = page[-1][0]
    by_order_id = [core.order_state(account, 0, row[0]) for row in core.open_orders(account, 0, 1_000)]
    return [states, pages, by_order_id, core.watching(), core.is_frozen(account)]


def test_what_the_cores_know_of_themselves_is_the_same(seed: int) -> None:
    scenario = SCENARIOS["shortlived"]
    recording = record(scenario, seed, 1_500, Core)
    cores = scenario.core(Core), scenario.core(ReferenceCore)
    for first, last in pairwise(recording.starts):
        seen = []
        for core in cores:
            if not first:
                core.bind(recording.commands)
            core.apply(first, last)
            numbers = (core.sequence, core.now_ns, core.next_deadline_ns, core.n_accounts, core.n_orders)
            books = [core.depth(i, side, 3) for i in range(len(scenario.pairs)) for side in (1, 2)]
            last_account = core.n_accounts - 1
            accounts = [core.balance(last_account, c) for c in range(scenario.n_currencies)]
            seen.append((numbers, books, accounts, core.client_id_highest(last_account), answers(core, core.sequence)))
        assert seen[0] == seen[1], f"after records [{first}, {last}), seed {seed}"
    assert cores[0].state_hash() == cores[1].state_hash()
    cores[0].check()


@pytest.mark.parametrize("core_type", [Core, ReferenceCore], ids=["compiled", "reference"])
def test_a_broken_command_stops_the_batch_with_what_came_before_done(core_type: CoreType, seed: int) -> None:
    scenario = SCENARIOS["tight"]
    recording = record(scenario, seed, 60, core_type)
    whole, broken = scenario.core(core_type), Feed(scenario.core(core_type))
    whole.bind(recording.commands)
    whole.apply(0, recording.starts[40])
    good = recording.commands[: recording.starts[40]].tobytes()
    for count in (0, 2):  # no record at all; one more than there is
        refused = bytearray(recording.commands[recording.starts[40] : recording.starts[41]][:1].tobytes())
        refused[1] = count
        with pytest.raises(ValueError, match="n_records"):
            broken.apply(good + bytes(refused))
        assert broken.core.state_bytes() == whole.state_bytes()
        good = b""
