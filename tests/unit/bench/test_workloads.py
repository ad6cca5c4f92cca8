"""The seeded workloads: the same bytes from the same seed, the mix they promise, and both cores of one mind."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from bench.flows import Core, CoreType
from bench.workloads import WORKLOADS, Workload, maker
from fxengine._core import Core as CompiledCore
from fxengine.codes import EventKind, RejectReason
from fxengine.records import Records
from fxengine.reference import Core as ReferenceCore

N = 1_500
LIVE = 300
every = pytest.mark.parametrize("name", WORKLOADS)


def make(name: str, seed: int) -> Workload:
    return maker(seed, N) if name == "maker" else WORKLOADS[name](seed, N, live=LIVE)


def start(workload: Workload, core_type: CoreType) -> Core:
    core = core_type(workload.instruments, n_currencies=workload.n_currencies)
    core.bind(workload.opening)
    core.apply(0, len(workload.opening))
    core.bind(workload.commands)
    return core


def apply(core: Core, first: int, last: int) -> Records:
    n_events = core.apply(first, last)
    return core.events[:n_events]


def apply_all(workload: Workload, core_type: CoreType) -> tuple[Core, Records]:
    core = start(workload, core_type)
    return core, apply(core, 0, len(workload.commands))


@every
def test_both_cores_make_the_same_events_and_state(name: str, seed: int) -> None:
    workload = make(name, seed)
    cores = [start(workload, core_type) for core_type in (ReferenceCore, CompiledCore)]
    for first, last in pairwise(workload.starts.tolist()):
        expected, found = (apply(core, first, last) for core in cores)
        assert expected.tobytes() == found.tobytes(), f"command at record {first}"
    assert cores[0].state_bytes() == cores[1].state_bytes()
    cores[1].check()


@every
def test_a_seed_names_the_bytes(name: str, seed: int) -> None:
    one, same, other = make(name, seed), make(name, seed), make(name, seed + 1)
    assert one.commands.tobytes() == same.commands.tobytes()
    assert one.commands.tobytes() != other.commands.tobytes()


@every
def test_commands_are_understood_and_hardly_ever_refused(name: str, seed: int) -> None:
    workload = make(name, seed)
    _, events = apply_all(workload, ReferenceCore)
    refused = events[events["kind"] == EventKind.REJECTED]["reason"]
    assert set(refused.tolist()) <= {RejectReason.ORDER_CLOSED, RejectReason.QUANTITY_OUT_OF_RANGE}
    assert len(refused) < 0.2 * N


@every
def test_the_book_keeps_its_depth(name: str, seed: int) -> None:
    workload = make(name, seed)
    core = start(workload, ReferenceCore)
    core.apply(0, int(workload.starts[workload.n_prefill]))
    before = core.n_orders
    core.apply(int(workload.starts[workload.n_prefill]), len(workload.commands))
    assert before >= LIVE
    assert 0.7 * before < core.n_orders < 1.3 * before


def test_a_quote_changes_four_of_its_twenty_levels(seed: int) -> None:
    workload = maker(seed, 400, taker_share=0.0)
    core = start(workload, ReferenceCore)
    edges = workload.timed_starts.tolist()
    core.apply(0, edges[0])
    told = []
    for first, last in pairwise(edges):
        kinds = Counter(apply(core, first, last)["kind"].tolist())
        told.append((kinds[EventKind.REPLACED], kinds[EventKind.ACCEPTED], kinds[EventKind.CANCELED]))
        assert kinds[EventKind.QUOTED] == 1
    assert set(told) == {(4, 0, 0), (0, 2, 2)}


def test_the_hot_instrument_has_nine_tenths_of_the_orders(seed: int) -> None:
    workload = make("hot", seed)
    entered = workload.commands[workload.commands["ord_type"] != 0]["instrument"]
    assert len(workload.instruments) == 1_000
    assert 0.85 < np.mean(entered == 0) < 0.95


def test_bursts_trade_more(seed: int) -> None:
    trades = {
        name: int(
            (apply_all(WORKLOADS[name](seed, 4 * N, live=LIVE), ReferenceCore)[1]["kind"] == EventKind.FILL).sum()
        )
        for name in ("steady", "burst")
    }
    assert trades["burst"] > 1.3 * trades["steady"]
