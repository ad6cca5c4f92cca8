"""Simulation: generated venue lives through the reference and the compiled core, side by side, in great number.

What the differential tests do for a minute, for as long as one likes: every scenario in turn, with
one seed after the other, on all processors. Events are compared after every command, the whole state
as often as its size allows::

    python -m bench.sim --commands 10000000 --seed 7
    python -m bench.sim --scenario tight --seed 9 --commands 1235      one run again, as a difference names it

Prints its seed, a bar while it runs in a terminal, and a closing line. Exits with 1 and the decoded
first difference when the cores part, or when a long simulation did not reach every reject reason.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.flows import CORE_REASONS, SCENARIOS, CoresDiffer, Mix, lockstep

RUN_COMMANDS = 10_000
"""Commands of one venue life, as in the tests; then the next begins."""
SEED_DEFAULT = 20261030


class Run(NamedTuple):
    """One venue life."""

    scenario: str
    seed: int
    commands: int


def runs(names: list[str], seed: int, n_commands: int) -> Iterator[Run]:
    """Cut a simulation into venue lives: every scenario with this seed, then with the next."""
    for number, done in enumerate(range(0, n_commands, RUN_COMMANDS)):
        life = min(RUN_COMMANDS, n_commands - done)
        yield Run(names[number % len(names)], seed + number // len(names), life)


def simulate(run: Run) -> Mix | str:
    """Live one life in both cores; return what it consisted of, or where they part."""
    from fxengine._core import Core  # here, so that the options can be asked for before the core is built

    try:
        return lockstep(SCENARIOS[run.scenario], run.seed, run.commands, Core)
    except CoresDiffer as difference:
        return str(difference)


def main(arguments: Sequence[str] | None = None, live: Callable[[Run], Mix | str] = simulate) -> int:
    """Run the simulation that the command line asks for; ``live`` lives one life, in another process."""
    parser = argparse.ArgumentParser(prog="python -m bench.sim", description="Both cores on generated venue lives.")
    parser.add_argument("--commands", type=int, default=100_000, help="how many in all (default: 100,000)")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FXENGINE_SEED", SEED_DEFAULT)))
    parser.add_argument("--scenario", choices=SCENARIOS, help="one scenario alone (default: all in turn)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many at once (default: all)")
    asked = parser.parse_args(arguments)
    names = [asked.scenario] if asked.scenario else list(SCENARIOS)
    print(f"seed {asked.seed}: {asked.commands:,} commands over {len(names)} scenario(s)", flush=True)
    total, started = Mix(), time.monotonic()
    columns = TextColumn("commands"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with (
        Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar,
        get_context("spawn").Pool(asked.processes) as pool,
    ):
        task = bar.add_task("commands", total=asked.commands)
        for found in pool.imap_unordered(live, runs(names, asked.seed, asked.commands)):
            if isinstance(found, str):
                bar.stop()
                print(found, file=sys.stderr)
                return 1
            total.add(found)
            bar.update(task, completed=total.commands)
    print(f"the cores agree after {time.monotonic() - started:,.0f} s: {total}")
    missing = sorted(reason.name for reason in CORE_REASONS - total.reasons)
    if missing and not asked.scenario and asked.commands >= RUN_COMMANDS * len(SCENARIOS):
        print(f"never met: {', '.join(missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
