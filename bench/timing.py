"""Nanoseconds per command: nothing but ``apply`` within the clock, each run on a fresh core.

The loop over batches is ``sum(map(apply, firsts, lasts))``: the interpreter adds a call and no
bytecode. Bounds of the batches are Python integers made beforehand, and the garbage collector
rests. The median of the runs is the figure.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.flows import Core
from bench.opening import Integers

STRETCH: Final = 4_096
"""Commands of one untimed call."""
Apply = Callable[[int, int], int]


@dataclass(frozen=True)
class Timing:
    """Runs over the same commands: nanoseconds per command, events of one run, and the last core.

    The median is the figure; how far the quickest run lies below it tells how quiet the machine was.
    """

    ns_per_command: float
    quickest_ns: float
    n_events: int
    core: Core


@dataclass(frozen=True)
class Subject:
    """What is timed: ``fresh`` returns a core that has applied all that comes before, its commands bound.

    ``starts`` holds the record where each timed command starts and, last, where they all end.
    """

    fresh: Callable[[], Core]
    starts: Integers

    @property
    def n_commands(self) -> int:
        """How many commands are timed."""
        return len(self.starts) - 1


class NoOp:
    """The call itself: a method with ``apply``'s arguments that does nothing."""

    def apply(self, first: int, last: int) -> int:
        """Do nothing."""
        return 0


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep Python's garbage collector out of the clock."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def measure(subject: Subject, batch: int, runs: int) -> Timing:
    """Time ``runs`` runs over a subject's commands in batches."""
    firsts, lasts = batches(subject.starts, batch)
    figures = []
    for _ in range(runs):
        core = subject.fresh()
        elapsed_ns, n_events = clock(core.apply, firsts, lasts)
        figures.append(elapsed_ns / max(subject.n_commands, 1))
    return Timing(statistics.median(figures), min(figures), n_events, core)


def batches(starts: Integers, batch: int) -> tuple[list[int], list[int]]:
    """Return where each batch of commands starts and ends, in records."""
    edges = np.append(starts[:-1:batch], starts[-1]).tolist()
    return edges[:-1], edges[1:]


def apply_untimed(core: Core, starts: Integers) -> None:
    """Apply commands in stretches, so that the room for events stays small."""
    for first, last in zip(*batches(starts, STRETCH), strict=True):
        core.apply(first, last)


def clock(apply: Apply, firsts: list[int], lasts: list[int]) -> tuple[int, int]:
    """Return the nanoseconds that all calls took, and the sum of what they returned."""
    with collector_off():
        start = time.perf_counter_ns()
        total = sum(map(apply, firsts, lasts))
        return time.perf_counter_ns() - start, total


def single_latencies(apply: Apply, starts: Integers) -> Integers:
    """Return the nanoseconds of each command applied by itself, the clock's own cost included."""
    firsts, lasts = batches(starts, 1)
    now = time.perf_counter_ns
    taken = np.zeros(len(firsts), np.int64)
    with collector_off():
        for at, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
            before = now()
            apply(first, last)
            taken[at] = now() - before
    return taken
