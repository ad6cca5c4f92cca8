"""Drive the matching core with a file of the yardstick's format, and print what came of it.

    python -m bench.flow FILE --json [--accounts N] [--batch 1000] [--runs 7]

Ids, CumQty and records are converted beforehand and untimed (``bench.yardstick``,
``bench.rehearsal``); accounts, holds, fees, credentials, client ids and events are on. Totals are
those of prefill and main commands together, taken from the core's own FILL events; ``events`` and the
time are of the main commands. A timed run that ends in another state than the rehearsal is an error.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.flows import Core, CoreType
from bench.machine import pin
from bench.rehearsal import Outcome, open_core, rehearse
from bench.timing import Subject, Timing, apply_untimed, measure
from bench.yardstick import Conversion, convert, read


def run(
    path: Path, core_type: CoreType, *, n_accounts: int | None = None, batch: int = 1000, runs: int = 7
) -> dict[str, Any]:
    """Convert, rehearse and time one file; return the line to print."""
    conversion = convert(read(path), n_accounts)
    outcome = rehearse(conversion, core_type)
    timing = timed(conversion, outcome, core_type, batch=batch, runs=runs)
    return {
        "ns_per_command": round(timing.ns_per_command, 2),
        "runs": runs,
        "batch": batch,
        "accounts": conversion.n_accounts,
        "events": timing.n_events,
        "fees_collected": outcome.fees_collected,
        "fills": outcome.fills,
        "quantity": outcome.quantity,
        "notional": outcome.notional,
        "live": timing.core.n_orders,
        "fill_hash": f"{outcome.fill_hash:016x}",
        "state_hash": timing.core.state_hash(),
    }


def subject(conversion: Conversion, core_type: CoreType) -> Subject:
    """Return a rehearsed conversion's main commands, to be timed."""
    starts = np.arange(len(conversion.commands) + 1)

    def fresh() -> Core:
        core = open_core(conversion, core_type)
        apply_untimed(core, starts[: conversion.n_prefill + 1])
        return core

    return Subject(fresh, starts[conversion.n_prefill :])


def timed(conversion: Conversion, outcome: Outcome, core_type: CoreType, *, batch: int, runs: int) -> Timing:
    """Time a rehearsed conversion's main commands; RuntimeError when a run does not end as the rehearsal did."""
    timing = measure(subject(conversion, core_type), batch, runs)
    if (timing.core.state_hash(), timing.n_events) != (outcome.state_hash, outcome.events):
        raise RuntimeError("a timed run did not end in the state of the rehearsal: the core is not deterministic")
    return timing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    from fxengine._core import Core as CompiledCore

    parser = argparse.ArgumentParser(prog="python -m bench.flow", description="Time the matching core over a file.")
    parser.add_argument("file", type=Path, help="a file of the yardstick's format")
    parser.add_argument("--accounts", type=_count, help="spread the orders over so many accounts (default: its owners)")
    parser.add_argument("--batch", type=_count, default=1000, help="commands per call (default: 1000)")
    parser.add_argument("--runs", type=_count, default=7, help="runs, of which the median counts (default: 7)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    chosen = parser.parse_args(arguments)
    pin()
    try:
        line = run(chosen.file, CompiledCore, n_accounts=chosen.accounts, batch=chosen.batch, runs=chosen.runs)
    except (OSError, ValueError) as error:
        print(f"bench.flow: {error}", file=sys.stderr)
        return 1
    print(json.dumps(line) if chosen.json else "\n".join(f"{name:<16}{value}" for name, value in line.items()))
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
