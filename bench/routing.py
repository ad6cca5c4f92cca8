"""Print how far the router stays behind a linear program, and what a swap costs the core.

    python -m bench.routing [--venues 10000] [--seed 1] [--json] [--only distance cost]

Distance: over generated venues (``bench.swap_venues``), in basis points of the oracle's answer, against the books of
the candidate paths and against all books. Cost: ten currencies, every pair a book of 100 levels a side, eight
candidate paths; nanoseconds of a swap as a whole, planning, trading and events together, in one batch of one.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.flows import Event, Feed, Pair, Scenario, commands, decode
from bench.machine import commit, machine, pin
from bench.swap_oracle import best_possible_units, candidate_arcs, every_arc
from bench.swap_venues import FUNDS_UNITS, MAKER, OPERATOR, PAYER, SwapVenue, venues
from fxengine._core import Core
from fxengine.codes import AccountFlag, EventKind, RejectReason, Side, SwapMode

BP_ONE = 10_000
CURRENCIES, DEPTH, LEVEL_LOTS, LOT_UNITS, MIDDLE_TICKS = 10, 100, 10_000_000, 100_000, 100_000
VENUES = 6
WINDOW = 1 << 16
WIDE_BP = 100
PAIRS = tuple(Pair(a, b, 0, 0, LOT_UNITS, 1, MIDDLE_TICKS) for a, b in combinations(range(CURRENCIES), 2))
CLASSES_BP = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Bounds between the classes that swaps are counted in, by what they lack."""
BAR_WIDTH = 40
Row = dict[str, str | int | float]


class Distance(NamedTuple):
    """What one swap lacked, in basis points of the best possible; and what splitting gave over the best single path."""

    over_candidates_bp: float
    over_all_books_bp: float
    gained_bp: float | None
    is_wide: bool


def distance(venue: SwapVenue) -> Distance | None:
    """Hold the core's answer against the oracle's; None where the books do not hold the amount."""
    reason, paid, delivered, _, _, _, singles = venue.core(Core).swap_quote(venue.command)
    if reason:
        if reason in (RejectReason.NO_PATH, RejectReason.INSUFFICIENT_LIQUIDITY):
            return None
        raise RuntimeError(f"the swap was refused: {RejectReason(reason).text}")
    exact_in = venue.mode is SwapMode.EXACT_IN
    ours = delivered if exact_in else paid
    bounds = [best_possible_units(venue, arcs) for arcs in (candidate_arcs(venue), every_arc(venue))]
    lacks = [abs(bound - ours) / bound * BP_ONE for bound in bounds if bound is not None]
    if len(lacks) < len(bounds):
        raise RuntimeError("the core found what the oracle says is not there")
    single = singles[0][2 if exact_in else 1] if singles else None
    gained = None if single is None else abs(ours - single) / single * BP_ONE
    return Distance(lacks[0], lacks[1], gained, venue.wide_bp >= WIDE_BP)


def distances(n_venues: int, seed: int) -> Iterator[Row]:
    """Measure the distance over so many venues that hold their amount."""
    found: list[Distance] = []
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        asked = progress.add_task("swaps held against the linear program", total=n_venues)
        for one in islice((d for d in map(distance, venues(seed)) if d is not None), n_venues):
            found.append(one)
            progress.advance(asked)
    columns = {
        "to the optimum over the candidates' books": [d.over_candidates_bp for d in found],
        "the same, books that begin within 30 bp": [d.over_candidates_bp for d in found if not d.is_wide],
        "the same, books that begin within 300 bp": [d.over_candidates_bp for d in found if d.is_wide],
        "to the optimum over all books": [d.over_all_books_bp for d in found],
        "gained over the best single path": [d.gained_bp for d in found if d.gained_bp is not None],
    }
    for name, values in columns.items():
        if len(values) < 2:
            continue
        cuts = statistics.quantiles(values, n=1_000, method="inclusive")
        yield {
            "basis points": name, "swaps": len(values), "median": cuts[499], "p99": cuts[989], "p99.9": cuts[998],
            "most": max(values), "mean": statistics.fmean(values),
            **{f"below {bound:g}": sum(value < bound for value in values) for bound in CLASSES_BP},
        }  # fmt: skip


def deep_venue(n_paths: int) -> Feed:
    """Return a core whose every pair has a deep book, and ``n_paths`` paths from 0 to 1 that are worth the same."""
    core = Scenario("routing", PAIRS, CURRENCIES, max_orders=1 << 16).core(Core)
    feed = Feed(core)
    feed.apply(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
    for account, subject in ((MAKER, "maker-1"), (PAYER, "payer-1")):
        feed.apply(commands.credential(account, subject, permitted=range(CURRENCIES), window=WINDOW))
        for currency in range(CURRENCIES):
            number, terms = core.client_id_highest(OPERATOR) + 1, {"currency": currency, "amount_units": FUNDS_UNITS}
            feed.apply(commands.deposit(OPERATOR, number, beneficiary=account, **terms))
    for index, pair in enumerate(PAIRS):
        for side in Side:
            fill_side(feed, index, pair, side, n_paths)
    return feed


def fill_side(feed: Feed, index: int, pair: Pair, side: Side, n_paths: int) -> None:
    """Fill one side of a book: near the middle where a good path leads over it, else far away."""
    good = {pair.base, pair.quote} & {0, 1} and max(pair.base, pair.quote) <= n_paths
    first, step = (10, 2) if (pair.base, pair.quote) == (0, 1) else (5 if good else 205, 1)
    away = -1 if side is Side.BUY else 1
    for level in range(DEPTH):
        terms = {"instrument": index, "side": side, "price_ticks": MIDDLE_TICKS + away * (first + step * level)}
        number = feed.core.client_id_highest(MAKER) + 1
        feed.apply(commands.new_order(MAKER, number, quantity_lots=LEVEL_LOTS, **terms))


def cost(n_paths: int, n_levels: int) -> Row:
    """Measure swaps that take so many levels on so many paths, one after the other until the books are nearly empty."""
    amount = int(n_paths * n_levels * LEVEL_LOTS * LOT_UNITS * 0.99)
    taken_ns: list[int] = []
    events: list[Event] = []
    for _ in range(VENUES):
        feed = deep_venue(n_paths)
        n_swaps = DEPTH // n_levels - 2
        feed.load(b"".join(commands.swap_in(PAYER, number, 0, 1, amount) for number in range(1, n_swaps + 1)))
        for place in range(n_swaps):
            began = time.perf_counter_ns()
            n_events = feed.core.apply(place, place + 1)
            taken_ns.append(time.perf_counter_ns() - began)
        events = decode(feed.core.events[:n_events].tobytes())
    (receipt,) = (event for event in events if event.kind is EventKind.SWAPPED)
    return {
        "paths": n_paths, "levels a path": n_levels, "books": receipt.n_legs, "fills": receipt.fills,
        "median ns": int(statistics.median(taken_ns)), "least ns": min(taken_ns),
    }  # fmt: skip


def costs() -> Iterator[Row]:
    """Sweep depth at three paths, then the number of paths at three levels."""
    for n_levels in (1, 2, 3, 6, 12):
        yield cost(3, n_levels)
    for n_paths in (1, 2, 4, 6, 8):
        yield cost(n_paths, 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    chosen = _parse(arguments)
    processor = pin()
    about = {"machine": f"{machine()}, {processor}", "commit": commit(), "seed": str(chosen.seed)}
    figures: dict[str, list[Row]] = {}
    if "distance" in chosen.only:
        figures["distance"] = list(distances(chosen.venues, chosen.seed))
    if "cost" in chosen.only:
        figures["cost"] = list(costs())
    if chosen.json:
        print(json.dumps({"about": about, "figures": figures}))
        return 0
    for name, value in about.items():
        print(f"{name:<10}{value}")
    console = Console()
    for name, rows in figures.items():
        print()
        console.print(_table(rows))
        if name == "distance":
            print(f"\n{rows[0]['basis points']}:\n{_classes(rows[0])}")
    return 0


def _table(rows: Sequence[Row]) -> Table:
    """Return figures as a table, without the columns that are drawn."""
    table = Table(*(name for name in rows[0] if not name.startswith("below ")), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*(_cell(value) for name, value in row.items() if not name.startswith("below ")))
    return table


def _classes(row: Row) -> str:
    """Draw how many swaps lack how much, one line a class.

    >>> print(_classes({"swaps": 10, "below 0.1": 8, "below 1": 9}))
       below 0.1  ################################          8
         below 1  ####                                      1
            more  ####                                      1
    """
    lines, before = list[str](), 0
    total = int(row["swaps"])
    for name, value in [*row.items(), ("more", total)]:
        if name.startswith("below ") or name == "more":
            n = int(value) - before
            lines.append(f"{name:>12}  {'#' * round(BAR_WIDTH * n / total):<{BAR_WIDTH}}  {n:,}")
            before = int(value)
    return "\n".join(lines)


def _cell(value: str | int | float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.routing", description="Measure the router.")
    parser.add_argument("--venues", type=int, default=10_000, help="generated venues (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the venues (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--only", nargs="+", choices=("distance", "cost"), default=["distance", "cost"], help="what")
    chosen = parser.parse_args(arguments)
    if chosen.venues < 2:
        parser.error("--venues is at least 2")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
