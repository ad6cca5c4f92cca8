"""Print how much the gateway takes and how soon it answers, beside a bare echo under the same load.

    python -m bench.gateway --seconds 10 --json
    python -m bench.gateway --seconds 2 --turns 1               a glance
    python -m bench.gateway --sessions 1000 --minutes 10        many sessions at the top rate, and memory over time

Rates: more is offered than the other side takes, open loop, and what it answers per second is the
figure. Echo and gateway take turns, so that both meet the same neighbours on the machine; the median
of the turns counts. Acknowledgements: singles are offered at half of the gateway's top rate, to
the gateway and to the echo, and each is timed from when it was due until its first report, which
leaves the venue only when the order is in the journal on disk.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import zmq

from bench import order_flow as flow
from bench.answers import BenchFailed
from bench.load import Times
from bench.machine import commit, machine
from bench.order_flow import Maker
from bench.sides import Side
from bench.stage import Stage, echoing, served
from fxengine.errors import FxEngineError
from fxengine.messages import ReportFormat

SESSIONS: Final = 8
TURNS: Final = 5
STRETCH_S: Final = 10.0
"""A long run is offered in stretches of this length; the frames of each are encoded before it."""
_ECHO_S: Final = 3_600.0

Figures = dict[str, Any]


def percentiles(microseconds: Times) -> dict[str, int]:
    """Return p50 and p99."""
    if not len(microseconds):
        raise BenchFailed("nothing was measured; give it more --seconds")
    p50, p99 = np.percentile(microseconds, (50, 99)).tolist()
    return {"p50": round(p50), "p99": round(p99)}


def sides(stage: Stage, echo_address: str) -> tuple[Side, ...]:
    """Connect to the echo, log makers on, and say what each side is to be loaded with."""
    makers = [Maker(number) for number in range(SESSIONS)]
    messages = stage.makers([f"maker-{n}" for n in range(SESSIONS)], ReportFormat.MESSAGES)
    by_records = [Maker(number) for number in range(SESSIONS)]
    records = stage.makers([f"maker-r{n}" for n in range(SESSIONS)], ReportFormat.RECORDS)
    quoting = [Maker(number) for number in range(SESSIONS)]
    quotes = stage.makers([f"maker-q{n}" for n in range(SESSIONS)], ReportFormat.RECORDS)
    echoes = [stage.line(echo_address) for _ in range(SESSIONS)]
    echoed = [Maker(number) for number in range(SESSIONS)]
    return (
        Side("echo", echoes, echoed, flow.singles, 1, 20_000, is_echo=True),
        Side("singles", messages, makers, flow.singles, 1, 10_000),
        Side("batch64", messages, makers, flow.batches, flow.BATCH, 20_000),
        Side("records64", records, by_records, flow.record_frames, flow.BATCH, 50_000),
        Side("quotes", quotes, quoting, flow.mass_quotes, 1, 1_000),
    )


def rates(among: Sequence[Side], seconds: float, turns: int) -> dict[str, float]:
    """Return each side's top rate: the median of its turns."""
    found: dict[str, list[float]] = {}
    for turn in range(turns):
        for side in among:
            found.setdefault(side.name, []).append(side.top_rate(seconds / turns))
            _tell(f"turn {turn + 1}: {side.name} {found[side.name][-1]:,.0f}/s")
    return {name: statistics.median(each) for name, each in found.items()}


def acknowledgements(stage: Stage, echo: Side, singles: Side, per_s: float, seconds: float, turns: int) -> Figures:
    """Load echo and gateway in turns with the same; close the venue; return percentiles of both and of the disk."""
    waits: dict[str, list[Times]] = {"echo": [], "singles": []}
    windows = []
    for _ in range(turns):
        for side in (echo, singles):
            loaded = side.load(per_s, seconds / turns)
            waits[side.name].append(loaded.latencies_us)
            _tell(f"at {per_s:,.0f}/s: {side.name} {percentiles(waits[side.name][-1])} us")
            if side is singles:
                windows.append((loaded.offer.began_ns, loaded.offer.ended_ns))
    syncs = stage.close()
    within = [(syncs[:, 0] >= began) & (syncs[:, 0] < ended) for began, ended in windows]
    return {
        "ack_us": percentiles(np.concatenate(waits["singles"])),
        "echo_us": percentiles(np.concatenate(waits["echo"])),
        "fdatasync_us": percentiles(syncs[np.any(within, axis=0), 1] // 1_000),
    }


def compare(stage: Stage, echo_address: str, seconds: float, turns: int) -> Figures:
    """Take every figure of the comparison."""
    among = sides(stage, echo_address)
    top = rates(among, seconds, turns)
    return {
        "echo_per_s": round(top["echo"]),
        "singles_per_s": round(top["singles"]),
        "batch64_per_s": round(top["batch64"]),
        "records64_per_s": round(top["records64"]),
        "quote_levels_per_s": round(top["quotes"] * flow.LEVELS_PER_QUOTE),
        **acknowledgements(stage, among[0], among[1], top["singles"] / 2, seconds, turns),
        "journal": stage.ready["durability"],
    }


def endure(stage: Stage, n_sessions: int, minutes: float, stretch_s: float) -> Figures:
    """Load many sessions at the top rate for so long, and watch the venue's memory.

    They are payers, whose window of client ids is small: an account's memory of its ids grows until
    its window is full, and with makers' windows that would be all that is seen.
    """
    lines = stage.makers([f"payer-{n}" for n in range(n_sessions)], ReportFormat.MESSAGES, level="payer")
    makers = [Maker(n, first_id=1) for n in range(n_sessions)]  # no further than a payer's window from 0
    side = Side("singles", lines, makers, flow.singles, 1, 10_000)
    top = side.top_rate(stretch_s)
    _tell(f"{n_sessions} sessions: {top:,.0f}/s")
    memory_mb, answered = [], []
    for stretch in range(max(2, round(minutes * 60 / stretch_s))):
        answered.append(side.load(top, stretch_s).per_s)
        memory_mb.append(stage.memory_bytes() >> 20)
        _tell(f"{(stretch + 1) * stretch_s:.0f} s: {answered[-1]:,.0f}/s, {memory_mb[-1]} MB")
    stage.close()
    middle = memory_mb[len(memory_mb) // 2]
    return {
        "sessions": n_sessions, "minutes": minutes, "offered_per_s": round(top),
        "answered_per_s": round(statistics.median(answered)), "memory_mb": memory_mb,
        "growth_of_the_second_half": round(memory_mb[-1] / middle - 1, 3), "journal": stage.ready["durability"],
    }  # fmt: skip


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    chosen = _parse(arguments)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 4_096)
    try:
        with served(context, chosen.directory) as stage:
            if chosen.sessions:
                figures = endure(stage, chosen.sessions, chosen.minutes, chosen.stretch)
            else:
                with echoing(chosen.echo, _ECHO_S) as echo_address:
                    figures = compare(stage, echo_address, chosen.seconds, chosen.turns)
    except (BenchFailed, FxEngineError, OSError, RuntimeError) as error:
        _tell(f"bench.gateway: {error}")
        return 1
    finally:
        context.term()
    if chosen.json:
        print(json.dumps(figures))
    else:
        print(f"machine   {machine()}\ncommit    {commit()}")
        print("\n".join(f"{name:<20}{value}" for name, value in figures.items()))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description="Measure the gateway beside an echo.")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each phase (default: 10)")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns a phase is cut into (default: {TURNS})")
    parser.add_argument("--echo", metavar="ADDRESS", help="an echo that is running already (default: its own)")
    parser.add_argument("--directory", type=Path, help="where the venue's folder is made (default: the temporary one)")
    parser.add_argument("--sessions", type=int, default=0, help="only: so many sessions at once")
    parser.add_argument("--minutes", type=float, default=1.0, help="with --sessions: for how long (default: 1)")
    parser.add_argument("--stretch", type=float, default=STRETCH_S, help="seconds of load at a time in a long run")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    chosen = parser.parse_args(arguments)
    if chosen.seconds <= 0 or chosen.turns < 1 or chosen.sessions < 0 or min(chosen.minutes, chosen.stretch) <= 0:
        parser.error("--seconds, --turns, --minutes and --stretch are positive, --sessions is not negative")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
