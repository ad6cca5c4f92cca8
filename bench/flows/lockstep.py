"""Two cores fed the same commands, compared after each; where they part, a message to start from.

The message is the product: it names the scenario and seed to replay, the command, the first event
that differs with the fields that do, or the first part of the state::

    the cores differ at command 1234 of scenario 'tight', seed 7
      command    NEW_ORDER instrument=0 account=4 client_order_id=31 side=BUY ...
      event 2    expected FILL side=BUY account=4 fee_units=3 ...
                 found    FILL side=BUY account=4 fee_units=2 ...
                 differs  fee_units 3 / 2
      replay     python -m bench.sim --scenario tight --seed 7 --commands 1235
"""

from collections.abc import Iterable

from bench.flows.canonical_text import first_difference
from bench.flows.events import decode, describe, describe_command
from bench.flows.feed import CoreType, Feed
from bench.flows.flow import Flow
from bench.flows.mix import Mix
from bench.flows.scenarios import Scenario
from fxengine.records import EVENT_BYTES
from fxengine.reference import Core as ReferenceCore

Applied = tuple[int, bytes, bytes, bytes]


class CoresDiffer(AssertionError):
    """The core under test gave other bytes than the reference."""


def lockstep(scenario: Scenario, seed: int, n_commands: int, core_type: CoreType) -> Mix:
    """Run a generated flow through the reference and a core; :class:`CoresDiffer` at the first difference.

    Events are compared after every command, the state as often as the scenario says and at the end.
    Returns what the flow consisted of.
    """
    reference = Feed(scenario.core(ReferenceCore))
    tested = Feed(scenario.core(core_type))
    flow, mix = Flow(scenario, seed, reference.core), Mix()
    for index, command in zip(range(n_commands), flow, strict=False):
        expected, found = reference.apply(command), tested.apply(command)
        if expected != found:
            raise CoresDiffer(_message(scenario, seed, index, command, _events(expected, found)))
        if index % scenario.state_every == 0 or index == n_commands - 1:
            state, other = reference.core.state_bytes(), tested.core.state_bytes()
            if state != other:
                line = f"state      {first_difference(state, other)}"
                raise CoresDiffer(_message(scenario, seed, index, command, [line]))
        flow.observe(expected)
        mix.count(command, expected)
    return mix


def _message(scenario: Scenario, seed: int, index: int, command: bytes, found: Iterable[str]) -> str:
    lines = [
        f"the cores differ at command {index} of scenario {scenario.name!r}, seed {seed}",
        f"command    {describe_command(command)}",
        *found,
        f"replay     python -m bench.sim --scenario {scenario.name} --seed {seed} --commands {index + 1}",
    ]
    return "\n  ".join(lines)


def _events(expected: bytes, found: bytes) -> list[str]:
    """Describe the first event that differs, and those before it."""
    left, right = _records(expected), _records(found)
    lines: list[str] = []
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return [*lines, *_pair(number, one, other)]
        lines.append(f"event {number:<4} {describe(one)}")
    more, whose = (left, "expected") if len(left) > len(right) else (right, "found")
    extra = [f"event {n:<4} {whose} alone: {describe(more[n])}" for n in range(min(len(left), len(right)), len(more))]
    return lines + extra


def _pair(number: int, one: bytes, other: bytes) -> list[str]:
    lines = [f"event {number:<4} expected {describe(one)}", f"           found    {describe(other)}"]
    if one[0] == other[0]:
        fields, others = decode(one)[0].__dict__, decode(other)[0].__dict__
        changed = [f"{name} {value} / {others[name]}" for name, value in fields.items() if others[name] != value]
        lines.append(f"           differs  {', '.join(changed) or 'in reserved bytes'}")
    return lines


def _records(events: bytes) -> list[bytes]:
    return [events[at : at + EVENT_BYTES] for at in range(0, len(events), EVENT_BYTES)]
