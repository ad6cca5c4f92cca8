"""Generated order flow: the whole life of a venue as COMMAND records, from a seed.

Tests and benchmarks share it, so that what is measured is what is proven. Read in this order:
``commands`` and ``events`` (bytes to words and back), ``feed`` (either core behind one call),
``scenarios`` (which venues), ``population`` (who trades there), ``flow`` (what happens next) with its
intents in ``trading``, ``makers``, ``standing``, ``administration`` and ``mistakes`` (the ``wrong_*``),
and ``mix`` (what share each had). ``lockstep`` feeds one flow to two cores and says where they part,
with ``canonical_text``::

    scenario --> Flow --command--> Feed(core) --events--> Flow.observe, Mix.count
                  ^                  |
                  '---- depth, balance, highest id: so that it hits

The same scenario, seed and core semantics give the same bytes, on any machine.
"""

from bench.flows.events import Event, decode, describe, describe_command
from bench.flows.feed import Core, CoreType, Feed
from bench.flows.flow import Flow, Recording, record
from bench.flows.lockstep import CoresDiffer, lockstep
from bench.flows.mix import CORE_REASONS, FEATURES, Mix
from bench.flows.scenarios import SCENARIOS, Pair, Scenario

__all__ = [
    "CORE_REASONS",
    "FEATURES",
    "SCENARIOS",
    "Core",
    "CoreType",
    "CoresDiffer",
    "Event",
    "Feed",
    "Flow",
    "Mix",
    "Pair",
    "Recording",
    "Scenario",
    "decode",
    "describe",
    "describe_command",
    "lockstep",
    "record",
]
