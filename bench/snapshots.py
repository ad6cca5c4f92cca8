"""Snapshot and restore of a million live orders, after as many commands in a book of that depth.

Both directions are timed whole: from the call to the bytes with their checksum, and from the bytes to a
core that has been checked. Each restore goes to a fresh core, and its state must be the one that was left.
The core that is left has traded: its orders lie in memory in the order in which slots came free, as in a venue
that has run for a while, and not in the order of the book.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench import workloads
from bench.flows import CoreType
from bench.timing import apply_untimed, collector_off

ACCOUNTS: Final = (100, 100_000)
BYTES_PER_MB: Final = 1_000_000
TRADED_AWAY: Final = 40
"""By so small a part the book is thinner after the commands than it was before them."""


def measured(core_type: CoreType, seed: int, live: int, n_accounts: int, runs: int) -> dict[str, Any]:
    """Return milliseconds each way for a deep book of ``live`` orders, and the size."""
    workload = workloads.deep(seed, live, live=live + live // TRADED_AWAY, n_accounts=n_accounts)
    bounds = {"n_currencies": workload.n_currencies, "max_orders": 4 * live}
    core = core_type(workload.instruments, **bounds)
    core.bind(workload.opening)
    core.apply(0, len(workload.opening))
    core.bind(workload.commands)
    apply_untimed(core, workload.starts)
    state_hash = core.state_hash()
    taking, restoring = [], []
    for _ in range(runs):
        taken, taken_ms = _timed(core.snapshot)
        other = core_type(workload.instruments, **bounds)
        _, restored_ms = _timed(lambda other=other, taken=taken: other.restore(taken))
        if other.state_hash() != state_hash:
            raise RuntimeError("a restored core is in another state than the one that was left")
        taking.append(taken_ms)
        restoring.append(restored_ms)
    return {
        "orders": core.n_orders, "accounts": n_accounts, "MB": len(taken) / BYTES_PER_MB, "runs": runs,
        "snapshot_ms": statistics.median(taking), "restore_ms": statistics.median(restoring),
        "quickest_ms": f"{min(taking):.0f}, {min(restoring):.0f}",
    }  # fmt: skip


def rows(core_type: CoreType, seed: int, live: int, runs: int) -> Iterator[dict[str, Any]]:
    """Measure with few and with many accounts."""
    for n_accounts in ACCOUNTS:
        yield measured(core_type, seed, live, n_accounts, runs)


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    with collector_off():
        start = time.perf_counter_ns()
        result = action()
        return result, (time.perf_counter_ns() - start) / 1e6
