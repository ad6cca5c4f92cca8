"""Print what an order costs the gateway's one thread, in processor time and without sockets.

    python -m bench.gateway_cost [--cycle 512] [--commands 160000]

A busy machine spoils rates long before it spoils this: ``time.thread_time_ns`` stops while others run.
The journal is written and not waited for, as by the gateway's thread; of the cycles the quicker
quarter counts. What sockets cost comes on top, 1 to 2 us a frame::

    receive   frames decoded, checked, turned into commands
    submit    journaled, applied
    pump      reports, history, market data from what is durable
    send      one frame per session
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from bench import order_flow as flow
from bench.fuzz_venue import FuzzVenue, Seat
from bench.order_flow import Maker
from fxengine.engine import Durability
from fxengine.gateway.server import FRAMES_PER_STRETCH
from fxengine.messages import ReportFormat

SESSIONS: Final = 8
STAGES: Final = ("receive", "submit", "pump", "send")
_QUARTILE: Final = 25
_WARM_SHARE: Final = 5
Encode = Callable[[Maker, int], list[bytes]]
FLOWS: Final[dict[str, tuple[Encode, int, ReportFormat]]] = {
    "singles": (flow.singles, 1, ReportFormat.MESSAGES),
    "batch64": (flow.batches, flow.BATCH, ReportFormat.MESSAGES),
    "records64": (flow.record_frames, flow.BATCH, ReportFormat.RECORDS),
    "mass quotes": (flow.mass_quotes, 1, ReportFormat.RECORDS),
}


def costs(venue: FuzzVenue, name: str, per_cycle: int, n_commands: int) -> dict[str, float]:
    """Return nanoseconds per command for each stage of a cycle."""
    encode, per_frame, report_format = FLOWS[name]
    seats, flows = [], []
    for number in range(SESSIONS):
        seats.append(_maker(venue, f"maker-{number}", report_format))
        flows.append(encode(Maker(number), n_commands // SESSIONS))
    frames = [
        (seat.identity, frame) for turn in zip(*flows, strict=False) for seat, frame in zip(seats, turn, strict=True)
    ]
    n_frames = max(1, per_cycle // per_frame)
    gc.collect()
    gc.freeze()
    cycles = [_cycle(venue, frames[at : at + n_frames]) for at in range(0, len(frames) - n_frames + 1, n_frames)]
    if venue.engine.core.n_orders < SESSIONS:
        raise RuntimeError(f"{name}: the venue refused the flow, so that its cost means nothing")
    taken = np.percentile(np.array(cycles[len(cycles) // _WARM_SHARE :]), _QUARTILE, axis=0) / (n_frames * per_frame)
    return dict(zip(STAGES, taken.tolist(), strict=True))


def _maker(venue: FuzzVenue, subject: str, report_format: ReportFormat) -> Seat:
    seat = venue.seat()
    account = seat.log_on(venue.token(subject), report_format=int(report_format)).account
    for _ in range(100):
        venue.fund(account)
    return seat


def _cycle(venue: FuzzVenue, frames: list[tuple[bytes, bytes]]) -> tuple[int, ...]:
    """Run a cycle as the server does; return what its stages took."""
    clock, dispatcher = time.thread_time_ns, venue.dispatcher
    venue.clock.now_ns += 1_000_000_000  # so that no limit counts
    marks = [clock()]
    for at in range(0, len(frames), FRAMES_PER_STRETCH):
        senders, bodies = zip(*frames[at : at + FRAMES_PER_STRETCH], strict=True)
        dispatcher.receive_all(senders, bodies, dict.fromkeys(senders))
    marks.append(clock())
    dispatcher.submit()
    marks.append(clock())
    venue.engine.pump()
    marks.append(clock())
    dispatcher.do_what_is_due(venue.clock())
    for session in dispatcher.take_ready():
        while session.outbox:
            session.outbox.next_frame()
            session.outbox.sent()
    marks.append(clock())
    dispatcher.publications.clear()
    return tuple(after - before for before, after in pairwise(marks))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gateway_cost", description="What an order costs the gateway."
    )
    parser.add_argument("--cycle", type=int, default=512, help="commands in a cycle (default: 512)")
    parser.add_argument("--commands", type=int, default=160_000, help="commands of a flow (default: 160,000)")
    chosen = parser.parse_args(arguments)
    print(f"{'ns per command':<16}{'sum':>10}" + "".join(f"{stage:>10}" for stage in STAGES))
    for name in FLOWS:
        with tempfile.TemporaryDirectory(prefix="fx-bench-") as folder:
            venue = FuzzVenue(Path(folder), Durability.OS)
            n_commands = chosen.commands // (8 if name == "mass quotes" else 1)
            per_cycle = chosen.cycle // (8 if name == "mass quotes" else 1)
            found = costs(venue, name, max(1, per_cycle), n_commands)
            venue.close()
        print(f"{name:<16}{sum(found.values()):>10,.0f}" + "".join(f"{found[stage]:>10,.0f}" for stage in STAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
