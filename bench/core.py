"""Print the matching core's figures, with machine, commit and workload.

    python -m bench.core [--json] [--only throughput ...] [--plot FILE.png]
    python -m bench.core --floor PROGRAM --files DIRECTORY      the ratio to a floor that is built already
    python -m bench.core --yardstick DIRECTORY                  the same, compiled from its sources

Runs of the core and of the floor are pinned to one processor and follow each other, so that the ratio
compares like with like. What is being measured is told on stderr.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import FIGURES, Plan, Row
from bench.floor import FILES, Floor, build
from bench.machine import commit, machine, pin
from bench.plot import SWEEPS, bars, save

RUNS = 7
COMMANDS = 1_000_000
SEED = 1


def report(plan: Plan, only: Sequence[str]) -> dict[str, list[Row]]:
    """Measure the figures that are asked for, telling on stderr which one is at work."""
    figures: dict[str, list[Row]] = {}
    for name in only:
        began = time.monotonic()
        print(f"measuring {name} ...", end=" ", file=sys.stderr, flush=True)
        figures[name] = list(FIGURES[name](plan))
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return figures


def as_text(about: dict[str, str], figures: dict[str, list[Row]]) -> str:
    """Lay everything out for a reader."""
    lines = [f"{name:<10}{value}" for name, value in about.items()]
    for name, rows in figures.items():
        lines += ["", name, *_table(rows)]
        if name in SWEEPS:
            lines.append(bars(rows, SWEEPS[name]))
    return "\n".join(lines)


def _table(rows: list[Row]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    return ["  " + "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


@contextlib.contextmanager
def _floor(chosen: argparse.Namespace) -> Iterator[Floor | None]:
    if chosen.yardstick is not None:
        with tempfile.TemporaryDirectory() as directory:
            print("compiling the floor ...", file=sys.stderr, flush=True)
            yield build(chosen.yardstick, Path(directory))
    else:
        yield Floor(chosen.floor, chosen.files) if chosen.floor else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    from fxengine._core import Core

    chosen = _parse(arguments)
    processor = pin()
    try:
        with _floor(chosen) as floor:
            plan = Plan(Core, chosen.commands, chosen.runs, chosen.seed, floor)
            figures = report(plan, chosen.only)
        source = "the floor's files" if floor else f"seed {chosen.seed}, {chosen.commands:,} commands"
        about = {
            "machine": f"{machine()}, {processor}",
            "commit": commit(),
            "workload": f"{source}; median of the runs",
        }
        print(json.dumps({"about": about, "figures": figures}) if chosen.json else as_text(about, figures))
        if chosen.plot is not None:
            save(figures, chosen.plot)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        print(f"bench.core: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.core", description="Print the matching core's figures.")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), help="figures (default: all)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs of a figure (default: {RUNS})")
    parser.add_argument("--commands", type=int, default=COMMANDS, help=f"of our own workloads (default: {COMMANDS:,})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of our own workloads (default: {SEED})")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw cost against depth and instruments")
    parser.add_argument("--floor", type=Path, metavar="PROGRAM", help="the floor, built; with --files")
    parser.add_argument(
        "--files", type=Path, metavar="DIRECTORY", help=f"holds {' and '.join(f'{f}.bin' for f in FILES)}"
    )
    parser.add_argument("--yardstick", type=Path, metavar="DIRECTORY", help="sources of the floor and of its files")
    chosen = parser.parse_args(arguments)
    if (chosen.floor is None) != (chosen.files is None) or (chosen.floor and chosen.yardstick):
        parser.error("give --floor with --files, or --yardstick, or none of them")
    if min(chosen.runs, chosen.commands) < 1:
        parser.error("--runs and --commands are at least 1")
    if chosen.plot is not None and not SWEEPS.keys() <= set(chosen.only):
        parser.error(f"--plot draws {' and '.join(SWEEPS)}; measure both")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
