"""The matching core's figures, each a function that returns rows to print.

A row is a plain dictionary, so that the report, its JSON and a plot read the same. All times are in
nanoseconds, and every row that is a median says of how many runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bench import snapshots, workloads
from bench.floor import FILES, Floor
from bench.flow import subject as subject_of_file
from bench.flows import Core, CoreType
from bench.quoting import LEVELS
from bench.rehearsal import rehearse
from bench.timing import NoOp, Subject, Timing, apply_untimed, clock, measure, single_latencies
from bench.timing import batches as edges_of_batches
from bench.workloads import Shape, Workload
from bench.yardstick import convert, read

Row = dict[str, Any]

BATCH: Final = 1000
BATCHES: Final = (1000, 100, 10, 1)
ACCOUNTS: Final = (100, 100_000)
DEPTHS: Final = (1_000, 10_000, 100_000, 1_000_000)
INSTRUMENTS: Final = (1, 10, 100, 1_000)
SWEEP_LIVE: Final = 30_000
PERCENTILES: Final = (50, 99, 99.9, 100)


@dataclass(frozen=True)
class Plan:
    """How much to measure: commands per run, runs, the seed, and the floor where there is one."""

    core_type: CoreType
    commands: int
    runs: int
    seed: int
    floor: Floor | None

    @property
    def sweep_runs(self) -> int:
        """Runs of each point of a table; a few less, since there are many points."""
        return min(self.runs, 3)


def subject_of(workload: Workload, core_type: CoreType) -> Subject:
    """Return a workload's commands after its prefill, to be timed."""

    def fresh() -> Core:
        core = core_type(
            workload.instruments, n_currencies=workload.n_currencies, max_orders=len(workload.commands) * 2 * LEVELS
        )
        core.bind(workload.opening)
        core.apply(0, len(workload.opening))
        core.bind(workload.commands)
        apply_untimed(core, workload.starts[: workload.n_prefill + 1])
        return core

    return Subject(fresh, workload.timed_starts)


def main_flow(plan: Plan, name: str, n_accounts: int) -> Subject:
    """Return steady or deep: the floor's file where there is a floor, else our own workload."""
    if plan.floor is None:
        make: Callable[..., Workload] = {"steady": workloads.steady, "deep": workloads.deep}[name]
        return subject_of(make(plan.seed, plan.commands, n_accounts=n_accounts), plan.core_type)
    conversion = convert(read(plan.floor.file(name)), n_accounts)
    rehearse(conversion, plan.core_type)
    return subject_of_file(conversion, plan.core_type)


def throughput(plan: Plan) -> Iterator[Row]:
    """Steady and deep, with few and with many accounts, each right after the floor."""
    for name in FILES:
        for n_accounts in ACCOUNTS:
            subject = main_flow(plan, name, n_accounts)
            floor_ns = plan.floor.ns_per_command(name, plan.runs) if plan.floor else None
            timing = measure(subject, BATCH, plan.runs)
            row = {"flow": name, "accounts": n_accounts, "batch": BATCH} | _row(timing, plan.runs)
            yield row | ({"floor_ns": floor_ns, "ratio": timing.ns_per_command / floor_ns} if floor_ns else {})


def _row(timing: Timing, runs: int) -> Row:
    return {"runs": runs, "ns_per_command": timing.ns_per_command, "quickest_ns": timing.quickest_ns}


def batch_sizes(plan: Plan) -> Iterator[Row]:
    """Steady in batches of each size; a batch of one beside a method that does nothing."""
    subject = main_flow(plan, "steady", ACCOUNTS[0])
    largest = None
    for batch in BATCHES:
        timing = measure(subject, batch, plan.runs)
        ns = timing.ns_per_command
        largest = largest or ns
        yield {"batch": batch} | _row(timing, plan.runs) | {"ratio_to_1000": ns / largest}
    firsts, lasts = edges_of_batches(subject.starts, 1)
    idle = [clock(NoOp().apply, firsts, lasts)[0] / subject.n_commands for _ in range(plan.runs)]
    no_op_ns = float(np.median(idle))
    yield {"batch": "no-op method", "runs": plan.runs, "ns_per_command": no_op_ns}
    yield {"batch": "1 above no-op", "runs": plan.runs, "ns_per_command": ns - no_op_ns}


def latencies(plan: Plan) -> Iterator[Row]:
    """One command at a time in a steady book, growth included; and what the clock itself takes."""
    subject = main_flow(plan, "steady", ACCOUNTS[0])
    core = subject.fresh()
    for what, apply in (("one command", core.apply), ("no-op method", NoOp().apply)):
        taken = np.percentile(single_latencies(apply, subject.starts), PERCENTILES).tolist()
        yield {"call": what} | {f"p{p}_ns": ns for p, ns in zip(PERCENTILES, taken, strict=True)}


def quoting(plan: Plan) -> Iterator[Row]:
    """A mass quote of 20 levels with 4 changed, per level."""
    workload = workloads.maker(plan.seed, plan.commands // 10, taker_share=0.0)
    subject = subject_of(workload, plan.core_type)
    ns = measure(subject, BATCH, plan.runs).ns_per_command
    yield {"levels": 2 * LEVELS, "changed": 4, "runs": plan.runs, "ns_per_quote": ns, "ns_per_level": ns / (2 * LEVELS)}


def depths(plan: Plan) -> Iterator[Row]:
    """The same flow over books of a thousand to a million orders."""
    for live in DEPTHS:
        workload = workloads.steady(plan.seed, plan.commands, live=live)
        timing = measure(subject_of(workload, plan.core_type), BATCH, plan.sweep_runs)
        yield {"orders": live} | _row(timing, plan.sweep_runs)


def instruments(plan: Plan) -> Iterator[Row]:
    """The same flow and depth spread evenly over one to a thousand instruments."""
    for n in INSTRUMENTS:
        workload = workloads.flow("instruments", plan.seed, plan.commands, Shape(live=SWEEP_LIVE, n_instruments=n))
        timing = measure(subject_of(workload, plan.core_type), BATCH, plan.sweep_runs)
        yield {"instruments": n} | _row(timing, plan.sweep_runs)


def others(plan: Plan) -> Iterator[Row]:
    """The workloads that the other figures leave out; a mass cancel and a quote count as one command."""
    for name in ("burst", "storm", "hot", "maker"):
        workload = workloads.WORKLOADS[name](plan.seed, plan.commands // (10 if name == "maker" else 1))
        timing = measure(subject_of(workload, plan.core_type), BATCH, plan.sweep_runs)
        yield {"flow": name} | _row(timing, plan.sweep_runs)


def snapshot(plan: Plan) -> Iterator[Row]:
    """A million live orders to bytes and back."""
    return snapshots.rows(plan.core_type, plan.seed, plan.commands, plan.runs)


FIGURES: Final[dict[str, Callable[[Plan], Iterator[Row]]]] = {
    "throughput": throughput, "batches": batch_sizes, "latency": latencies, "mass quote": quoting,
    "depth": depths, "instruments": instruments, "workloads": others,
    "snapshot": snapshot,
}  # fmt: skip
