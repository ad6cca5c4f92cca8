"""Break one line at a time and see whether the proofs notice: ``python -m bench.mutate``.

Mutants (``bench.mutants``) are drawn by a seed, half of them from the reference and half from the
compiled core, and tried in as many copies of the tree (``bench.workshop``) as there are processors.
A mutant that does not compile says nothing about the tests: the next one is drawn in its place. One
that no test notices survives, and is printed, with the reason where it is known::

    survived    fxengine/core/matching.pxi:88   if fee_units >= 0:   ->   if fee_units > 0:
    equivalent  fxengine/core/arithmetic.pxi:49   return a if a < b else b   ->   return a if a <= b else b
                either is the lesser when they are equal

Exits with 1 when fewer than 95 % were noticed.
"""

import argparse
import json
import os
import queue
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.equivalents import reason_of
from bench.mutants import CORES, Mutant, drawn
from bench.sim import SEED_DEFAULT
from bench.workshop import Verdict, Workshop

ROOT = Path(__file__).parents[1]
KILLED_SHARE_MIN = 0.95

Tried = list[tuple[Mutant, Verdict]]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    prose = "Break single lines; do the proofs notice?"
    found = argparse.ArgumentParser(prog="python -m bench.mutate", description=prose)
    found.add_argument("--seed", type=int, default=SEED_DEFAULT)
    found.add_argument("--mutants", type=int, default=100, help="how many in all (default: 100)")
    found.add_argument("--only", choices=CORES, help="mutants of one core alone (default: half of each)")
    found.add_argument("--json", action="store_true", help="answer with one line of JSON")
    return found


def trials(waiting: list[Mutant], wanted: int, attempt: Callable[[list[Mutant]], Tried]) -> Iterator[Tried]:
    """Try mutants until so many have compiled, or all are tried; yield them as they come."""
    while wanted and waiting:
        batch, waiting = waiting[:wanted], waiting[wanted:]
        tried = attempt(batch)
        wanted -= sum(verdict is not Verdict.UNBUILT for _, verdict in tried)
        yield tried


def main() -> None:
    """Draw, try and report."""
    options = parser().parse_args()
    cores = [options.only] if options.only else list(CORES)
    n_workshops = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    tried: Tried = []
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="fxengine-mutants-") as scratch,
        ThreadPoolExecutor(n_workshops) as pool,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task(f"{options.mutants} mutants, seed {options.seed}", total=options.mutants)
        free: queue.SimpleQueue[Workshop] = queue.SimpleQueue()
        for workshop in pool.map(lambda n: Workshop(ROOT, Path(scratch) / str(n)), range(n_workshops)):
            free.put(workshop)
        if workshop.prove() is not Verdict.SURVIVED:
            raise SystemExit("the proofs do not pass on the tree as it is; run 'make test' first")

        def attempt_one(mutant: Mutant) -> tuple[Mutant, Verdict]:
            workshop = free.get()
            try:
                verdict = workshop.try_mutant(mutant)
            finally:
                free.put(workshop)
            bar.advance(task, verdict is not Verdict.UNBUILT)
            if verdict is Verdict.SURVIVED:
                console.print(described(mutant), markup=False)
            return mutant, verdict

        for place, core in enumerate(cores):
            share = (options.mutants + place) // len(cores)
            mutants = drawn(workshop.root, core, options.seed)  # of a copy: the tree itself may change meanwhile
            for batch in trials(mutants, share, lambda mutants: list(pool.map(attempt_one, mutants))):
                tried += batch
    raise SystemExit(report(tried, options.seed, (time.monotonic() - began) / 60, as_json=options.json))


def described(mutant: Mutant) -> str:
    """Describe a survivor, with the reason where it is known."""
    reason = reason_of(mutant)
    return f"equivalent  {mutant}\n            {reason}" if reason else f"survived    {mutant}"


def report(tried: Tried, seed: int, minutes: float, *, as_json: bool) -> int:
    """Print what became of the mutants; return the exit code."""
    count = Counter(verdict for _, verdict in tried)
    killed = count[Verdict.KILLED] + count[Verdict.HUNG]
    total = killed + count[Verdict.SURVIVED]
    survivors = [mutant for mutant, verdict in tried if verdict is Verdict.SURVIVED]
    equivalent = [str(mutant) for mutant in survivors if reason_of(mutant)]
    line = {
        "seed": seed,
        "mutants": total,
        "killed": killed,
        "hung": count[Verdict.HUNG],
        "did_not_compile": count[Verdict.UNBUILT],
        "minutes": round(minutes, 1),
        "survivors": [str(mutant) for mutant in survivors if not reason_of(mutant)],
        "equivalent": equivalent,
    }
    if as_json:
        print(json.dumps(line))
    else:
        print(
            f"{killed} of {total} mutants killed ({line['hung']} by their time limit), {len(survivors)} survived "
            f"({len(equivalent)} of them known to change nothing), in {minutes:.1f} minutes, seed {seed}; "
            f"{line['did_not_compile']} more did not compile and were replaced"
        )
    return int(killed < KILLED_SHARE_MIN * total)


if __name__ == "__main__":
    main()
